//! Tables for the terminal.

use crate::data::Table;
use crate::report::budget::{Judge, Verdict};
use std::fmt::Write;

pub fn table(table: &Table) -> String {
    let mut text = format!("\n{}: {}\n\n", table.name, table.title);
    let mut lines = vec![heads(table)];
    for row in &table.rows {
        lines.push(cells(table, row.peer));
    }
    text += &aligned(&lines);
    for reason in &table.skipped {
        let _ = writeln!(text, "  skipped: {reason}");
    }
    if !table.note.is_empty() {
        let _ = writeln!(text, "  {}", table.note);
    }
    text
}

/// The first line of a table.
pub fn heads(table: &Table) -> Vec<String> {
    let heads = table.columns.iter().map(|column| column.head.to_owned());
    [String::new()].into_iter().chain(heads).collect()
}

/// A peer's line.
pub fn cells(table: &Table, peer: &str) -> Vec<String> {
    let show = |value, column: &crate::data::Column| match value {
        Some(value) => column.unit.show(value),
        None => "–".to_owned(),
    };
    let cells = table.columns.iter().map(|column| show(table.get(peer, column.key), column));
    [peer.to_owned()].into_iter().chain(cells).collect()
}

pub fn absent(absent: &[String]) -> String {
    let mut text = String::new();
    for reason in absent {
        let _ = writeln!(text, "\nnot here: {reason}");
    }
    text
}

pub fn verdicts(verdicts: &[Verdict], judge: &Judge) -> String {
    let mut lines =
        vec![["budget", "build", "allowed", "measured", ""].map(str::to_owned).to_vec()];
    lines.extend(verdicts.iter().map(Verdict::cells));
    format!("\n{}  {}\n", aligned(&lines), judge.rule)
}

/// The first column to the left, all others to the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width = |place: usize| {
        let cells = lines.iter().filter_map(|line| line.get(place));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut row = String::from(" ");
        for (place, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = match place {
                0 => write!(row, " {cell:<width$}"),
                _ => write!(row, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

/// As a table of Markdown.
pub fn markdown(heads: &[String], lines: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|---|{}\n", "---:|".repeat(heads.len().saturating_sub(1)));
    let lines: String = lines.iter().map(|cells| line(cells)).collect();
    line(heads) + &rule + &lines
}
