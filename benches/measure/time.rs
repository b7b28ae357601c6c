//! How long one call takes, from before it is started until its end is known.

use crate::data::{Column, Spread, Table, Unit};
use crate::measure::rounds::{self, Rounds};
use crate::measure::{Bench, run, unset_locale};
use crate::peers::{Peer, Task};
use crate::sys::{Hold, Launch};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::{Error, Result};
use std::time::Instant;

pub struct Case {
    pub name: &'static str,
    title: &'static str,
    task: Task,
    /// Whether the bench holds the lock.
    held: bool,
    locale: bool,
}

const fn case(name: &'static str, title: &'static str, task: Task) -> Case {
    Case { name, title, task, held: false, locale: true }
}

impl Case {
    const fn held(self) -> Self {
        Self { held: true, ..self }
    }

    const fn without_locale(self) -> Self {
        Self { locale: false, ..self }
    }
}

pub const CASES: &[Case] = &[
    case("descriptor-free", "flock -n 9, free", Task::Descriptor),
    case("descriptor-no-locale", "flock -n 9, free, no locale set", Task::Descriptor)
        .without_locale(),
    case("descriptor-held", "flock -n 9, held by another", Task::Descriptor).held(),
    case("command", "flock FILE COMMAND, free", Task::Run),
    case("command-no-locale", "flock FILE COMMAND, free, no locale set", Task::Run)
        .without_locale(),
    case("exec", "flock -F FILE COMMAND, free", Task::Exec),
    case("conflict", "flock -n FILE COMMAND, held by another", Task::Try).held(),
];

const COLUMNS: &[Column] = &columns("median µs", "least");

/// The columns for `figures`, by the heads of the first and the fourth.
pub const fn columns(median: &'static str, extreme: &'static str) -> [Column; 6] {
    [
        Column { key: "median", head: median, unit: Unit::Micros },
        Column { key: "lower", head: "quartiles", unit: Unit::Micros },
        Column { key: "upper", head: "", unit: Unit::Micros },
        Column { key: extreme, head: extreme, unit: Unit::Micros },
        Column { key: "ratio", head: "of util-linux's", unit: Unit::Ratio("median") },
        Column { key: "runs", head: "runs", unit: Unit::Count },
    ]
}

pub fn figures(micros: &[f64], extreme: fn(&Spread) -> Option<f64>) -> [Option<f64>; 5] {
    let spread = Spread::of(micros);
    let (lower, upper) = (spread.lower_quartile(), spread.upper_quartile());
    [spread.median(), lower, upper, extreme(&spread), spread.count()]
}

pub fn measure(bench: &Bench, case: &Case) -> Result<Table> {
    let path = bench.lock_path();
    let other = File::open(&path)?;
    let job = |peer: &_| {
        let Some(mut job) = bench.job(peer, case.task, None)? else { return Ok(None) };
        job.descriptors.push(bench.descriptor());
        if !case.locale {
            unset_locale(&mut job);
        }
        Ok(Some(job))
    };
    let turn = |peer: &Peer, launch: &Launch| {
        let expected = if case.held { peer.known.conflict } else { 0 };
        let start = Instant::now();
        let outcome = run(launch, expected);
        let took = start.elapsed();
        let is_locked = flock(&other, FlockOperation::NonBlockingLockExclusive).is_err();
        bench.unlock()?;
        flock(&other, FlockOperation::Unlock)?;
        outcome?;
        if is_locked != (case.held || case.task == Task::Descriptor) {
            return Err(Error::other("the lock is not as it should be afterwards"));
        }
        Ok(took.as_secs_f64() * 1e6)
    };
    let mut measured = rounds::prove(bench, case.task, job)?;
    let _hold = case.held.then(|| Hold::take(&path)).transpose()?;
    let rounds = Rounds::warm(bench.effort.time_rounds, bench.effort.time_limit);
    rounds.run(&mut measured, turn);
    let mut table = Table::new(case.name, case.title, COLUMNS);
    rounds::report(&mut table, &measured, |micros| figures(micros, Spread::least));
    Ok(table)
}
