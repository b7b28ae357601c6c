//! Storms: hundreds of processes lock the same files in every way that there is, while signals
//! kill, stop and end them by chance. A ledger proves that the locks excluded each other and
//! that every report was true; in the end each lock is free, and nothing is left.
//!
//! `STORM_SECONDS` is how long it lasts, `STORM_SEED` what is drawn. Which process is how fast
//! is nobody's to repeat.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may stop at once, and prints what it finds"
)]

mod certain;
#[path = "../common/mod.rs"]
mod common;
mod job;
mod ledger;
mod look;
mod plan;
mod saboteurs;
mod storm;
mod tally;
mod verdict;
mod worker;

use saboteurs::{SABOTEURS, Saboteur};
use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use storm::Storm;

/// Faults beyond these are counted, not printed.
const PRINTED: usize = 20;
const SECOND: Duration = Duration::from_secs(1);
/// What must have come about, or else nothing was proved.
const OUTCOMES: [&str; 7] = [
    "done",
    "conflict",
    "timeout",
    "the command killed",
    "killed outside",
    "killed inside",
    "killed, the command goes on",
];

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == job::WORD) {
        return job::run(&words[1..]).into();
    }
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let time = Duration::from_secs(number("STORM_SECONDS").unwrap_or(12));
    let seed = number("STORM_SEED").unwrap_or_else(|| std::process::id().into());
    println!("storms: STORM_SEED={seed}");
    let ours = Storm {
        flock: common::ours(),
        common: false,
        workers: 200,
        certain: 16,
        looks: 150,
        time,
        // As long as others come, somebody may wait and never be the next.
        bound: time + 120 * SECOND,
        late: 90 * SECOND,
        needs: needs(false).chain(["looked, surely held"]).collect(),
        until: None,
        seed,
    };
    let mut passed = is_calm("before the storm", &before(&ours));
    passed &= is_calm("ours", &ours);
    let flock = common::reference();
    let version = common::version_text(&flock).ok();
    if version.is_some_and(|text| common::Version::of_util_linux(&text).is_some()) {
        let needs = needs(true).collect();
        let theirs = Storm { flock, common: true, time: time / 4, needs, ..ours.clone() };
        passed &= is_calm("util-linux", &theirs);
    } else {
        println!("skipped: {} is no util-linux", flock.display());
        passed &= !common::in_ci();
    }
    passed &= finds_saboteurs(&ours);
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn needs(common: bool) -> impl Iterator<Item = &'static str> {
    OUTCOMES.into_iter().chain([plan::VERBOSE]).chain(certain::names(common))
}

/// While few processes run, nothing has to be late, nor anything left to chance.
fn before(storm: &Storm) -> Storm {
    Storm {
        workers: 4,
        certain: 1,
        time: storm.time / 8,
        late: 10 * SECOND,
        needs: certain::names(false).collect(),
        ..storm.clone()
    }
}

/// Whether a storm found nothing, and everything happened in it.
fn is_calm(name: &str, storm: &Storm) -> bool {
    let report = storm.rage();
    println!("{name}: {}", report.tally.line());
    for fault in report.faults.iter().take(PRINTED) {
        println!("FAULT {name}: {fault}");
    }
    println!("{name}: {} faults", report.faults.len());
    let missing = report.tally.missing(&storm.needs);
    if !missing.is_empty() {
        println!("FAILED {name}: never happened: {missing:?}");
    }
    report.faults.is_empty() && missing.is_empty()
}

/// Whether short storms find what is wrong with broken flocks, and nothing wrong with one that
/// is a script as they are, but not broken. Some at a time: they spend their time waiting.
fn finds_saboteurs(ours: &Storm) -> bool {
    const LANES: usize = 4;
    let scratch = common::Scratch::new("saboteurs").unwrap();
    // Before there is another thread: a process that it starts would have a file open for
    // writing that is to be executed.
    let make = |saboteur: &Saboteur| (saboteur.what, storm_of(saboteur, scratch.path(), ours));
    let storms: Vec<(&str, Storm)> = SABOTEURS.iter().map(make).collect();
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let lane = || {
        while let Some((what, storm)) = storms.get(next.fetch_add(1, SeqCst)) {
            if !finds_saboteur(storm, what) {
                failed.store(true, SeqCst);
            }
        }
    };
    thread::scope(|scope| (0..LANES).for_each(|_| drop(scope.spawn(lane))));
    !failed.load(SeqCst)
}

fn storm_of(saboteur: &Saboteur, directory: &Path, ours: &Storm) -> Storm {
    let is_honest = saboteur.fault.is_none();
    let bounds = if is_honest { (ours.bound, ours.late) } else { (6 * SECOND, 3 * SECOND) };
    Storm {
        flock: saboteur.make(directory, &common::ours()),
        common: saboteur.common,
        workers: if saboteur.is_calm { 4 } else { 40 },
        certain: if saboteur.is_calm { 1 } else { 16 },
        looks: 20,
        time: 2 * SECOND,
        bound: bounds.0,
        late: bounds.1,
        needs: Vec::new(),
        until: saboteur.fault,
        ..ours.clone()
    }
}

/// Whether a storm finds the fault that it should find, or none if there is none to find.
/// What depends on chance may take more than one.
fn finds_saboteur(storm: &Storm, what: &str) -> bool {
    const STORMS: u64 = 20;
    let Some(expected) = storm.until else {
        return is_calm(what, storm);
    };
    let mut others = Vec::new();
    let is_found = (0..STORMS).any(|storms| {
        let faults = Storm { seed: storm.seed + storms, ..storm.clone() }.rage().faults;
        let is_found = storm::has_fault(&faults, expected);
        others = faults;
        is_found
    });
    println!("saboteur: {what}: {}", if is_found { "found" } else { "NOT FOUND" });
    for fault in others.iter().take(if is_found { 0 } else { PRINTED }) {
        println!("found instead of \"{expected}\": {fault}");
    }
    is_found
}
