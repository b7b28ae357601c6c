//! What a run shows, and where it leaves it.

mod budget;
mod cpuid;
mod json;
mod machine;
mod markdown;
mod readme;
mod svg;
mod text;

pub use budget::{Judge, NOT_JUDGED, Verdict, verdicts};
pub use machine::Machine;

use crate::data::Table;
use crate::measure::Asked;
use crate::peers::OURS;
use std::fs;
use std::io::{Error, Result};
use std::path::Path;

/// All of it.
pub struct Report {
    pub machine: Machine,
    /// The peers that are not here, and why.
    pub absent: Vec<String>,
    pub tables: Vec<Table>,
    pub verdicts: Vec<Verdict>,
    pub judge: &'static Judge,
    /// What the processor is asked for, where that is applicable.
    pub asked: Option<Asked>,
}

impl Report {
    /// What comes after the tables, which are shown one by one.
    pub fn ending(&self) -> String {
        text::absent(&self.absent) + &text::verdicts(&self.verdicts, self.judge)
    }

    /// Whether all budgets are kept, and our builds could do all that was measured.
    pub fn check(&self) -> Result<()> {
        budget::all_kept(&self.verdicts).map_err(Error::other)?;
        let mut skipped = self.tables.iter().flat_map(|table| &table.skipped);
        match skipped.find(|reason| reason.starts_with(OURS)) {
            Some(reason) => Err(Error::other(format!("skipped: {reason}"))),
            None => Ok(()),
        }
    }

    /// Writes the JSON and the plot.
    pub fn save(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)?;
        fs::write(directory.join("results.json"), json::document(self))?;
        fs::write(directory.join("ratios.svg"), svg::document(self))
    }

    /// Writes what the README points to, and its own part.
    pub fn save_docs(&self, project: &Path) -> Result<()> {
        let (directory, page) = (project.join("benches"), project.join("README.md"));
        fs::write(directory.join("results.md"), markdown::document(self))?;
        fs::write(directory.join("ratios.svg"), svg::document(self))?;
        fs::write(&page, readme::document(&fs::read_to_string(&page)?, self)?)
    }
}

pub fn table(table: &Table) -> String {
    text::table(table)
}
