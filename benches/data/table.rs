//! A table: one row for each peer.

use std::fmt::Display;

/// The peer that ratios refer to.
pub const REFERENCE: &str = "util-linux";

/// What a number means, and so how it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Micros,
    /// Of the reference's value in the column of this key.
    Ratio(&'static str),
    Kib,
    Mib,
    Count,
    /// A number that need not be whole.
    Tenths,
    Percent,
}

impl Unit {
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Ratio(_) => format!("{value:.2}"),
            Self::Micros | Self::Mib | Self::Tenths => format!("{value:.1}"),
            Self::Percent => format!("{value:.2} %"),
            Self::Kib | Self::Count => grouped(&format!("{value:.0}")),
        }
    }
}

/// 1234567 as 1,234,567.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[derive(Clone, Copy)]
pub struct Column {
    /// Its name in the JSON, and for ratios and budgets.
    pub key: &'static str,
    pub head: &'static str,
    pub unit: Unit,
}

pub struct Row {
    pub peer: &'static str,
    pub cells: Vec<Option<f64>>,
}

pub struct Table {
    pub name: String,
    pub title: String,
    pub note: &'static str,
    pub columns: &'static [Column],
    pub rows: Vec<Row>,
    /// What could not be measured, and why.
    pub skipped: Vec<String>,
}

impl Table {
    pub fn new(name: &str, title: &str, columns: &'static [Column]) -> Self {
        let (name, title) = (name.to_owned(), title.to_owned());
        Self { name, title, note: "", columns, rows: Vec::new(), skipped: Vec::new() }
    }

    /// Adds a row. Ratios are not given: they fill in later.
    pub fn add(&mut self, peer: &'static str, values: &[Option<f64>]) {
        let mut values = values.iter().copied();
        let cell = |column: &Column| match column.unit {
            Unit::Ratio(_) => None,
            _ => values.next().flatten(),
        };
        let cells = self.columns.iter().map(cell).collect();
        self.rows.push(Row { peer, cells });
    }

    pub fn skip(&mut self, peer: &str, reason: &dyn Display) {
        self.skipped.push(format!("{peer}: {reason}"));
    }

    /// A peer's value as a part of the reference's.
    pub fn ratio(&self, peer: &str, key: &str) -> Option<f64> {
        let reference = self.get(REFERENCE, key).filter(|value| *value > 0.0)?;
        Some(self.get(peer, key)? / reference)
    }

    /// A cell; a ratio is worked out here.
    pub fn get(&self, peer: &str, key: &str) -> Option<f64> {
        let place = self.columns.iter().position(|column| column.key == key)?;
        match self.columns.get(place)?.unit {
            Unit::Ratio(base) => self.ratio(peer, base),
            _ => *self.rows.iter().find(|row| row.peer == peer)?.cells.get(place)?,
        }
    }
}
