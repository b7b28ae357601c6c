//! The suite: all case files and the contract tables, read from their directories.

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
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let both = || vec![tests.join("parity"), tests.join("ours")];
    let dirs = env::var_os("FLOCK_CASES").map_or_else(both, |dir| vec![PathBuf::from(dir)]);
    let mut suite = Suite { cases: Vec::new(), contract: Contract::default() };
    let mut errors = Vec::new();
    for dir in dirs {
        for path in case_files(&dir)? {
            match read(&path).and_then(|bytes| parse::parse(&short(&path), &bytes)) {
                Ok(found) => suite.cases.extend(found),
                Err(error) => errors.push(error),
            }
        }
        errors.extend(suite.read_contract(&dir.join("contract.tsv")).err());
    }
    if errors.is_empty() { Ok(suite) } else { Err(errors.join("\nerror: ")) }
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
    fn read_contract(&mut self, path: &Path) -> Result<(), String> {
        let text = String::from_utf8(read(path)?);
        let text = text.map_err(|error| format!("{}: {error}", short(path)))?;
        self.contract.parse(&short(path), &text)
    }

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
