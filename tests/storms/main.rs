//! Storms: hundreds of processes lock the same files in every way that there is, while signals
//! kill, stop and end them by chance. A ledger proves that the locks excluded each other and
//! that every report was true; in the end each lock is free, and no process is left.
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
mod plan;
mod saboteurs;
mod storm;
mod tally;
mod verdict;
mod worker;

use std::env;
use std::process::ExitCode;
use std::time::Duration;
use storm::{Report, Storm};

/// Faults beyond these are counted, not printed.
const PRINTED: usize = 20;
/// What must have come about, or else nothing was proved.
const OUTCOMES: [&str; 10] = [
    "done",
    "conflict",
    "timeout",
    "the command killed",
    "killed outside",
    "killed inside",
    "killed, the command goes on",
    "certainly free",
    "certainly held",
    "certainly unlocked",
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
        time,
        bound: Duration::from_secs(120),
        needs: &OUTCOMES,
        seed,
    };
    let mut passed = is_calm("ours", &ours.rage());
    let flock = common::reference();
    let version = common::version_text(&flock).ok();
    if version.is_some_and(|text| common::Version::of_util_linux(&text).is_some()) {
        let theirs = Storm { flock, common: true, time: time / 4, ..ours.clone() };
        passed &= is_calm("util-linux", &theirs.rage());
    } else {
        println!("skipped: {} is no util-linux", flock.display());
        passed &= !common::in_ci();
    }
    passed &= finds_saboteurs(&ours);
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether a storm found nothing, and everything happened in it.
fn is_calm(name: &str, report: &Report) -> bool {
    println!("{name}: {}", report.tally.line());
    for fault in report.faults.iter().take(PRINTED) {
        println!("FAULT {name}: {fault}");
    }
    println!("{name}: {} faults", report.faults.len());
    let missing = report.tally.missing(&OUTCOMES);
    if !missing.is_empty() {
        println!("FAILED {name}: never happened: {missing:?}");
    }
    report.faults.is_empty() && missing.is_empty()
}

/// Whether short storms find what is wrong with broken flocks. What depends on chance may
/// take more than one.
fn finds_saboteurs(ours: &Storm) -> bool {
    const STORMS: u64 = 5;
    let scratch = common::Scratch::new("saboteurs").unwrap();
    let mut found = true;
    for (number, (name, _, expected)) in saboteurs::SABOTEURS.iter().enumerate() {
        let storm = Storm {
            flock: saboteurs::make(scratch.path(), number, &common::ours()),
            common: true,
            workers: 40,
            time: Duration::from_secs(2),
            bound: Duration::from_secs(5),
            needs: &[],
            ..ours.clone()
        };
        let is_found = (0..STORMS).any(|storms| {
            let faults = Storm { seed: ours.seed + storms, ..storm.clone() }.rage().faults;
            faults.iter().any(|fault| fault.starts_with(expected))
        });
        println!("saboteur: {name}: {}", if is_found { "found" } else { "NOT FOUND" });
        found &= is_found;
    }
    found
}
