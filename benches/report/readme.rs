//! The part of README.md that the benchmark writes: the ratios that matter most.

use crate::peers::{OURS, OURS_RELEASE};
use crate::report::budget::{Outcome, Verdict};
use crate::report::{Report, text};
use std::fmt::Write;
use std::io::{Error, Result};

const BEGIN: &str = "<!-- Figures, written by cargo bench -- --write-docs: begin. -->\n";
const END: &str = "<!-- Figures: end. -->\n";

/// What is shown: heading, table, column.
const ROWS: &[(&str, &str, &str)] = &[
    ("`flock -n 9`", "descriptor-free", "ratio"),
    ("`flock -n 9`, no locale set", "descriptor-no-locale", "ratio"),
    ("`flock FILE COMMAND`", "command", "ratio"),
    ("`flock FILE COMMAND`, no locale set", "command-no-locale", "ratio"),
    ("`flock -F FILE COMMAND`", "exec", "ratio"),
    ("`flock -n FILE COMMAND`, held by another", "conflict", "ratio"),
    ("memory of a waiter, resident", "memory", "resident_ratio"),
    ("the same, no locale set", "memory-no-locale", "resident_ratio"),
    ("memory of a waiter, private", "memory", "private_ratio"),
    ("the same, no locale set", "memory-no-locale", "private_ratio"),
];

/// The page with that part written anew.
pub fn document(page: &str, report: &Report) -> Result<String> {
    let missing = || Error::other("README.md has no place for the figures");
    let (before, rest) = page.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok([before, BEGIN, &part(report), END, after].concat())
}

fn part(report: &Report) -> String {
    let heads = ["of util-linux's", OURS, OURS_RELEASE].map(str::to_owned);
    let show = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
    let mut lines = Vec::new();
    for (heading, name, column) in ROWS {
        if let Some(table) = report.tables.iter().find(|table| table.name == *name) {
            let ratio = |build| show(table.get(build, column));
            lines.push(vec![(*heading).to_owned(), ratio(OURS), ratio(OURS_RELEASE)]);
        }
    }
    let fact = |name| report.machine.fact(name);
    format!(
        "{}\n{} on Linux {}, {}, {}, {}.{}\n",
        text::markdown(&heads, &lines),
        fact("processor"),
        fact("kernel"),
        fact("libc"),
        fact("util-linux"),
        fact("date"),
        over(report),
    )
}

/// The budgets that are not met, in words.
fn over(report: &Report) -> String {
    let of = |outcomes: &'static [Outcome]| {
        report.verdicts.iter().filter(|one| outcomes.contains(&one.outcome()))
    };
    let most = |outcomes| of(outcomes).filter_map(Verdict::percent_over).reduce(f64::max);
    let by_cpuid = &[Outcome::OverByCpuid];
    let otherwise = &[Outcome::OverByNoise, Outcome::Exceeded];
    let mut text = String::new();
    if let Some(most) = most(by_cpuid) {
        let _ = write!(
            text,
            "\nOf the {1} figures that are judged, over their budgets for what the C library of the\n\
             default build asks the processor: {0}, by up to {most:.1} %.",
            of(by_cpuid).count(),
            report.verdicts.len(),
        );
    }
    if let Some(most) = most(otherwise) {
        let count = of(otherwise).count();
        let _ = write!(text, "\nOver their budgets otherwise: {count}, by up to {most:.1} %.");
    }
    text
}
