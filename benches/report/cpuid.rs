//! What the C library's questions to the processor take, and what remains without them.

use crate::data::{REFERENCE, Table};
use crate::measure::Asked;
use crate::peers::{FLOOR, FLOOR_ASKING, FLOOR_IN_C, OURS};
use crate::report::Report;
use crate::report::budget::{Outcome, Verdict};
use std::fmt::Write;

/// The µs that ours spends on them: what the floor that executes as many takes more than
/// the one that executes none.
fn share(table: &Table, column: &str) -> Option<f64> {
    let share = table.get(FLOOR_ASKING, column)? - table.get(FLOOR, column)?;
    (share > 0.0).then_some(share)
}

/// The reference's part: it may execute more or fewer.
fn share_of_reference(table: &Table, column: &str, asked: &Asked) -> Option<f64> {
    let (ours, reference) = (asked.ours.len() as f64, asked.reference.len() as f64);
    (ours > 0.0).then_some(share(table, column)? * reference / ours)
}

/// The ratio of ours to the reference's where neither executes any. Nothing is faster than
/// the floor: if it seems so, it is the floor's time that counts.
pub fn without(table: &Table, column: &str, asked: &Asked) -> Option<f64> {
    let (ours, reference) = (table.get(OURS, column)?, table.get(REFERENCE, column)?);
    let ours = (ours - share(table, column)?).max(table.get(FLOOR, column)?);
    let reference = reference - share_of_reference(table, column, asked)?;
    (reference > 0.0).then_some(ours / reference)
}

const METHOD: &str = "\
`floor + CPUID` is the floor that executes the instruction as often before it does anything.
What it takes more than the floor is what they take: in a virtual machine each goes out to
the hypervisor. \"Without\" is the ratio less that on both sides. `floor in C` is the
least on that C library: its start, the lock, the end.
";

/// The section of the results.
pub fn section(report: &Report) -> String {
    let mut text = "\n## What the C library asks the processor (CPUID)\n\n".to_owned();
    let Some(asked) = &report.asked else {
        let mut reasons = report.absent.iter().filter(|one| one.starts_with(FLOOR_ASKING));
        let reason = reasons.next().map_or("not measured", String::as_str);
        let _ = writeln!(text, "{reason}");
        return text;
    };
    text += &trace(report, asked);
    text += METHOD;
    for table in &report.tables {
        text += &one(report, table, asked).unwrap_or_default();
    }
    text
}

fn trace(report: &Report, asked: &Asked) -> String {
    let leaf = |(leaf, times): (u32, usize)| format!("{leaf:#x} × {times}");
    let leaves: Vec<_> = asked.by_leaf().into_iter().map(leaf).collect();
    let (ours, reference) = (asked.ours.len(), asked.reference.len());
    if ours == 0 {
        return "`flock-rs` executes no CPUID here.\n".to_owned();
    }
    format!(
        "The trace of `flock -n 9`, instruction by instruction: `flock-rs`, on the C library of\n\
         this machine ({}), executes CPUID {ours} times, and util-linux's flock {reference}.\n\
         By leaf, in ours: {}.\nLeaves 0x2 and 0x4 describe caches.\n\n",
        report.machine.fact("libc"),
        leaves.join(", "),
    )
}

/// The paragraph of one table of times, if it has the floors and a budget.
fn one(report: &Report, table: &Table, asked: &Asked) -> Option<String> {
    let column = report.judge.column;
    let verdict =
        report.verdicts.iter().find(|one| one.table == table.name && one.build == OURS)?;
    let share = share(table, column)?;
    let part = |peer, share: f64| Some(100.0 * share / table.get(peer, column)?);
    let (of_ours, measured) = (part(OURS, share)?, verdict.measured?);
    let of_reference = part(REFERENCE, share_of_reference(table, column, asked)?)?;
    let without = without(table, column, asked)?;
    let mut text = format!(
        "\n- {}: CPUID takes {share:.1} µs, {of_ours:.0} % of flock-rs's time and \
         {of_reference:.0} % of util-linux's. The ratio is {measured:.2}, and {without:.2} without.",
        table.title,
    );
    text += &conclusion(table, verdict, column);
    Some(text + "\n")
}

fn conclusion(table: &Table, verdict: &Verdict, column: &str) -> String {
    let (over, allowed) = (verdict.percent_over().unwrap_or_default(), verdict.allowed);
    let mut text = match verdict.outcome() {
        Outcome::Met => format!(" The budget, {allowed:.2}, is met."),
        Outcome::OverByCpuid => {
            format!(" The budget, {allowed:.2}, is exceeded by {over:.1} %, and met without.")
        }
        _ => format!(" The budget, {allowed:.2}, is exceeded by {over:.1} %, without as well."),
    };
    if let Some(least) = table.ratio(FLOOR_IN_C, column) {
        let _ = write!(text, " The floor in C has {least:.2}");
        text += if least > allowed { ", and is over it as well." } else { "." };
    }
    text
}
