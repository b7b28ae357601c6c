//! The results for programs.

use crate::data::Table;
use crate::measure::Asked;
use crate::report::Report;
use crate::report::budget::Verdict;
use std::fmt::Write;

pub fn document(report: &Report) -> String {
    let facts = report.machine.facts.iter().map(|(name, value)| member(name, &string(value)));
    let absent = report.absent.iter().map(|reason| string(reason));
    let members = [
        member("machine", &object(facts)),
        member("absent", &array(absent)),
        member("measurements", &array(report.tables.iter().map(table))),
        member("cpuid", &report.asked.as_ref().map_or("null".to_owned(), asked)),
        member("budgets", &array(report.verdicts.iter().map(verdict))),
    ];
    object(members.into_iter()) + "\n"
}

/// The leaves that ours and the reference ask for, in their order.
fn asked(asked: &Asked) -> String {
    let leaves = |leaves: &[u32]| array(leaves.iter().map(u32::to_string));
    let members =
        [member("ours", &leaves(&asked.ours)), member("reference", &leaves(&asked.reference))];
    object(members.into_iter())
}

fn table(table: &Table) -> String {
    let row = |peer: &str| {
        let cell = |key| member(key, &number(table.get(peer, key)));
        let cells = table.columns.iter().map(|column| cell(column.key));
        object([member("peer", &string(peer))].into_iter().chain(cells))
    };
    object(
        [
            member("name", &string(&table.name)),
            member("title", &string(&table.title)),
            member("rows", &array(table.rows.iter().map(|line| row(line.peer)))),
            member("skipped", &array(table.skipped.iter().map(|reason| string(reason)))),
        ]
        .into_iter(),
    )
}

fn verdict(verdict: &Verdict) -> String {
    object(
        [
            member("table", &string(verdict.table)),
            member("what", &string(verdict.what)),
            member("build", &string(verdict.build)),
            member("allowed", &number(Some(verdict.allowed))),
            member("measured", &number(verdict.measured)),
            member("outcome", &string(verdict.outcome().name())),
            member("without_cpuid", &number(verdict.without_cpuid)),
        ]
        .into_iter(),
    )
}

fn member(name: &str, value: &str) -> String {
    format!("{}: {value}", string(name))
}

fn object(members: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

fn array(items: impl Iterator<Item = String>) -> String {
    format!("[\n{}\n]", items.collect::<Vec<_>>().join(",\n"))
}

fn number(value: Option<f64>) -> String {
    match value.filter(|value| value.is_finite()) {
        Some(value) => format!("{value}"),
        None => "null".to_owned(),
    }
}

fn string(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        let _ = match letter {
            '"' | '\\' => write!(quoted, "\\{letter}"),
            _ if letter.is_control() => write!(quoted, "\\u{:04x}", u32::from(letter)),
            _ => write!(quoted, "{letter}"),
        };
    }
    quoted + "\""
}
