//! What a run shows, and where it leaves it.

mod budget;
mod json;
mod machine;
mod markdown;
mod svg;
mod text;

pub use budget::{Verdict, exceeded, verdicts};
pub use machine::Machine;

use crate::data::Table;
use std::fs;
use std::io::Result;
use std::path::Path;

/// All of it.
pub struct Report {
    pub machine: Machine,
    /// The peers that are not here, and why.
    pub absent: Vec<String>,
    pub tables: Vec<Table>,
    pub verdicts: Vec<Verdict>,
}

impl Report {
    /// What comes after the tables, which are shown one by one.
    pub fn ending(&self) -> String {
        text::absent(&self.absent) + &text::verdicts(&self.verdicts)
    }

    /// Writes the JSON and the plot.
    pub fn save(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("results.json"), json::document(self))?;
        fs::write(directory.join("ratios.svg"), svg::document(&self.tables))
    }

    /// Writes what the README points to.
    pub fn save_docs(&self, directory: &Path) -> Result<()> {
        fs::write(directory.join("results.md"), markdown::document(self))?;
        fs::write(directory.join("ratios.svg"), svg::document(&self.tables))
    }
}

pub fn table(table: &Table) -> String {
    text::table(table)
}
