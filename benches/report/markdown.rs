//! The results as the page that the README points to.

use crate::data::Table;
use crate::report::{NOT_JUDGED, Report, Verdict, cpuid, text};
use std::fmt::Write;

const HEAD: &str = "\
# Measured

Written by the benchmark: no number here is typed by hand.

![What a lock costs, as a ratio of util-linux's](ratios.svg)

A lock is cheap; to start the program that takes it is not. The times here are nearly all
start-up: they count where locks are taken in a loop, a thousand times over. The memory
counts where many processes wait at once. A ratio of 0.25 is a quarter of what util-linux's
flock takes on the same machine in the same run. Ratios change less from one machine to
another than microseconds do, but change they do: README.md has the command that measures
yours.

- `flock-rs` is what `cargo build --release` makes, `flock-rs (release)` the binary of the
  packages.
- `floor` is the least that is possible: a program without a C library that makes two
  system calls, for the lock and for its end. Where a command is run, it is that command
  alone, without a lock.
- `floor + CPUID` is that program when it first asks the processor as often as the C library
  of `flock-rs` does, and `floor in C` the same on that C library, static as well.
- The other programs are called in their own way, and are only where they can do what the
  heading says. Before each is timed, it has to give up with its own status, or to wait,
  while the lock is held, and to succeed when it is free; in a conflict every run has to end
  with that status. sem alone is not so proven: its lock is a file of its own.
- Ours are copies, written at once as installing does.
- COMMAND is a program that does nothing but end.
- All have `LANG=C.UTF-8`, as in a session, except where no locale is set, as under cron:
  util-linux looks the locale up and starts faster where there is none.
- All take turns in one run, in an order drawn anew in each round. A time runs from before
  a program is started until its end is known. A ratio is that of the medians.

## Machine

";

pub fn document(report: &Report) -> String {
    let mut page = HEAD.to_owned();
    for (name, value) in &report.machine.facts {
        let _ = writeln!(page, "- {name}: {value}");
    }
    for reason in &report.absent {
        let _ = writeln!(page, "- not measured: {reason}");
    }
    page += &budgets(report);
    page += &cpuid::section(report);
    for one in &report.tables {
        page += &table(one);
    }
    page
}

fn budgets(report: &Report) -> String {
    let heads = ["budget", "build", "allowed", "measured", ""].map(str::to_owned);
    let lines: Vec<_> = report.verdicts.iter().map(Verdict::cells).collect();
    let (lines, rule) = (text::markdown(&heads, &lines), report.judge.rule);
    format!("\n## Budgets\n\n{lines}\n{rule}\n\n{NOT_JUDGED}\n")
}

fn table(table: &Table) -> String {
    let lines: Vec<_> = table.rows.iter().map(|row| text::cells(table, row.peer)).collect();
    let mut section = format!("\n## {}\n\n", table.title);
    section += &text::markdown(&text::heads(table), &lines);
    if !table.note.is_empty() {
        let _ = writeln!(section, "\n{}", table.note);
    }
    for reason in &table.skipped {
        let _ = writeln!(section, "\nSkipped: {reason}.");
    }
    section
}
