//! The results as the page that the README points to.

use crate::data::Table;
use crate::report::budget::Verdict;
use crate::report::{Report, text};
use std::fmt::Write;

const HEAD: &str = "\
# Measured

Written by the benchmark itself: no number here is typed by hand.

![Times and memory as ratios of util-linux's](ratios.svg)

`flock-rs` is what `cargo build --release` makes, `flock-rs (release)` the binary of the
packages. `floor` is a program without a C library: it makes the same two system calls,
or, where a command is asked for, it is the command alone, without a lock. All peers take
turns in one run, in an order drawn anew in each round; a ratio is that of the medians.
A time runs from before a program is started until its end is known. Programs that
cannot do a thing are not in its table. All run with `LANG=C.UTF-8`: with no locale set,
as under cron, util-linux starts faster, and the ratios are less in our favour.

";

pub fn document(report: &Report) -> String {
    let mut page = HEAD.to_owned();
    for (name, value) in &report.machine.facts {
        let _ = writeln!(page, "- {name}: {value}");
    }
    for reason in &report.absent {
        let _ = writeln!(page, "- not measured: {reason}");
    }
    page += &budgets(&report.verdicts);
    for one in &report.tables {
        page += &table(one);
    }
    page
}

fn budgets(verdicts: &[Verdict]) -> String {
    let heads = ["budget", "build", "allowed", "measured", ""].map(str::to_owned);
    let lines: Vec<_> = verdicts.iter().map(Verdict::cells).collect();
    format!("\n## Budgets\n\n{}", lines_of(&heads, &lines))
}

fn table(table: &Table) -> String {
    let lines: Vec<_> = table.rows.iter().map(|row| text::cells(table, row.peer)).collect();
    let mut section = format!("\n## {}\n\n", table.title);
    section += &lines_of(&text::heads(table), &lines);
    if !table.note.is_empty() {
        let _ = writeln!(section, "\n{}", table.note);
    }
    for reason in &table.skipped {
        let _ = writeln!(section, "\nSkipped: {reason}.");
    }
    section
}

fn lines_of(heads: &[String], lines: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|---|{}\n", "---:|".repeat(heads.len().saturating_sub(1)));
    let lines: String = lines.iter().map(|cells| line(cells)).collect();
    line(heads) + &rule + &lines
}
