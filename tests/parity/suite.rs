//! The suite: all case files and the contract table, read from their directory.

use crate::case::Case;
use crate::common;
use crate::contract::Contract;
use crate::parse;
use crate::report::Report;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// All cases, by file name and then as they stand, and what they must cover.
pub struct Suite {
    pub cases: Vec<Case>,
    contract: Contract,
}

/// Reads the suite; the error lists the first mistake of each file.
pub fn load() -> Result<Suite, String> {
    let own = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity"));
    let dir = env::var_os("FLOCK_CASES").map_or_else(own, PathBuf::from);
    let mut cases = Vec::new();
    let mut errors = Vec::new();
    for path in case_files(&dir)? {
        match read(&path).and_then(|bytes| parse::parse(&short(&path), &bytes)) {
            Ok(found) => cases.extend(found),
            Err(error) => errors.push(error),
        }
    }
    let table = dir.join("contract.tsv");
    let contract = read(&table).and_then(|bytes| {
        let text = String::from_utf8(bytes).map_err(|error| format!("contract.tsv: {error}"))?;
        Contract::parse(&short(&table), &text)
    });
    match contract {
        Ok(contract) if errors.is_empty() => return Ok(Suite { cases, contract }),
        Ok(_) => {}
        Err(error) => errors.push(error),
    }
    Err(errors.join("\nerror: "))
}

impl Suite {
    /// What keeps the cases from covering the contract.
    pub fn check(&self, report: &Report) -> Vec<String> {
        let mut problems = Vec::new();
        if self.cases.is_empty() {
            problems.push("there are no cases".to_owned());
        }
        for case in &self.cases {
            let ids = case.ids.iter().chain(&case.differs);
            let unknown = ids.filter(|id| !self.contract.knows(id));
            problems.extend(
                unknown
                    .map(|id| format!("{}:{}: {id} is not in the contract", case.file, case.line)),
            );
        }
        // Elsewhere than in CI a tool may be missing: what was skipped is listed by name.
        let proven = |id| report.covers(id) || (!common::in_ci() && self.has_case_of(id));
        let uncovered = self.contract.rows().filter(|(id, _)| !proven(id));
        problems.extend(
            uncovered.map(|(id, wording)| format!("no case of {id} ran on ours ({wording})")),
        );
        problems
    }
}

impl Suite {
    fn has_case_of(&self, id: &str) -> bool {
        self.cases.iter().any(|case| case.ids.iter().any(|own| own == id))
    }
}

fn case_files(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> =
        paths.filter(|path| path.extension() == Some(OsStr::new("case"))).collect();
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// How a file is called in messages: as seen from the project's directory.
fn short(path: &Path) -> String {
    let path = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path);
    path.display().to_string()
}
