//! How flock is called out there: each way of it on util-linux's flock and on ours.

#![allow(clippy::print_stdout, reason = "a test prints what it finds")]

#[path = "../common/mod.rs"]
mod common;
mod script;
mod stage;
#[path = "../walk/tidy.rs"]
mod tidy;

use common::{Scratch, Version};
use script::{How, Program, Script};
use stage::{Outcome, Stage};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

const CORPUS: &str = include_str!("corpus.txt");
/// How many ways of calling flock were collected.
const COLLECTED: usize = 119;

fn main() -> ExitCode {
    let (programs, scripts) = match read() {
        Ok(corpus) => corpus,
        Err(error) => {
            println!("corpus.txt: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = Scratch::new("corpus").and_then(|scratch| {
        let mut tally = Tally::new(Stage::new(scratch.path(), &programs)?);
        for script in &scripts {
            for how in &script.hows {
                tally.try_script(script, how)?;
            }
        }
        Ok(tally.verdict())
    });
    result.unwrap_or_else(|error| {
        println!("corpus: {error}");
        ExitCode::FAILURE
    })
}

/// The corpus, nothing missing and nothing twice.
fn read() -> Result<(Vec<Program>, Vec<Script>), String> {
    let (programs, scripts) = script::read(CORPUS)?;
    if !scripts.iter().map(|script| script.number).eq(1..=COLLECTED) {
        return Err(format!("the scripts are not those from 1 to {COLLECTED}"));
    }
    Ok((programs, scripts))
}

struct Tally {
    stage: Stage,
    ours: PathBuf,
    /// None where there is nothing to compare with.
    reference: Option<PathBuf>,
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    fn new(stage: Stage) -> Self {
        let path = common::reference();
        let reference = match common::version_text(&path) {
            Ok(text) if Version::of_util_linux(&text).is_some() => Some(path),
            other => {
                println!("corpus: {} cannot be the reference: {other:?}", path.display());
                None
            }
        };
        Self { stage, ours: common::ours(), reference, passed: 0, failed: 0, skipped: 0 }
    }

    fn try_script(&mut self, script: &Script, how: &How) -> io::Result<()> {
        let expected = match (script.said(how), &self.reference) {
            (Some(said), _) => Expected::Said(said),
            (None, Some(reference)) => {
                let mut theirs = self.stage.run(reference, script, how)?;
                theirs.stdout.splice(..0, script.preface(how).into_bytes());
                Expected::Same(theirs)
            }
            (None, None) => {
                self.skipped += 1;
                return Ok(());
            }
        };
        let ours = self.stage.run(&self.ours, script, how)?;
        if expected.is_met_by(&ours) {
            self.passed += 1;
        } else {
            self.failed += 1;
            println!("FAILED {} {}, {}", script.number, script.title, how.name());
            expected.print();
            print("ours", &ours);
        }
        Ok(())
    }

    fn verdict(&self) -> ExitCode {
        if self.skipped > 0 {
            println!("{} skipped", self.skipped);
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        let incomplete = self.skipped > 0 && common::in_ci();
        if self.failed == 0 && !incomplete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// What a script has to come to.
enum Expected {
    /// What it came to with util-linux.
    Same(Outcome),
    /// This status and this output, for which util-linux here is too old.
    Said((i32, String)),
}

impl Expected {
    fn is_met_by(&self, ours: &Outcome) -> bool {
        match self {
            Self::Same(theirs) => ours == theirs && ours.fault.is_none(),
            Self::Said((status, stdout)) => {
                let same = ours.status == *status && ours.stdout == stdout.as_bytes();
                same && ours.stderr.is_empty() && ours.fault.is_none()
            }
        }
    }

    fn print(&self) {
        match self {
            Self::Same(theirs) => print("expected, as util-linux", theirs),
            Self::Said((status, stdout)) => println!("  expected: status {status}, {stdout:?}"),
        }
    }
}

fn print(who: &str, outcome: &Outcome) {
    println!("  {who}: status {} {}", outcome.status, outcome.fault.unwrap_or_default());
    println!("    stdout \"{}\"", outcome.stdout.escape_ascii());
    println!("    stderr \"{}\"", outcome.stderr.escape_ascii());
    for (path, mode, content) in &outcome.left {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        println!("    {name} {mode:o} \"{}\"", content.escape_ascii());
    }
}
