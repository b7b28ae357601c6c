//! How long one call takes, from before it is started until its end is known.

use crate::data::{Column, Spread, Table, Unit};
use crate::measure::{Bench, rounds, run};
use crate::peers::{LOCKED, Task};
use crate::sys::Hold;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::Result;
use std::os::fd::AsRawFd;
use std::time::Instant;

pub struct Case {
    pub name: &'static str,
    title: &'static str,
    task: Task,
    /// Whether the bench holds the lock.
    held: bool,
}

const fn case(name: &'static str, title: &'static str, task: Task, held: bool) -> Case {
    Case { name, title, task, held }
}

pub const CASES: &[Case] = &[
    case("descriptor-free", "flock -n 9, free", Task::Descriptor, false),
    case("descriptor-held", "flock -n 9, held by another", Task::Descriptor, true),
    case("command", "flock FILE COMMAND, free", Task::Run, false),
    case("exec", "flock -F FILE COMMAND, free", Task::Exec, false),
    case("conflict", "flock -n FILE COMMAND, held by another", Task::Try, true),
];

const COLUMNS: &[Column] = &[
    Column { key: "median", head: "median µs", unit: Unit::Micros },
    Column { key: "lower", head: "quartiles", unit: Unit::Micros },
    Column { key: "upper", head: "", unit: Unit::Micros },
    Column { key: "least", head: "least", unit: Unit::Micros },
    Column { key: "ratio", head: "of util-linux's", unit: Unit::Ratio("median") },
    Column { key: "runs", head: "runs", unit: Unit::Count },
];

pub fn measure(bench: &Bench, case: &Case) -> Result<Table> {
    let path = bench.lock_path();
    let file = File::create(&path)?;
    let _hold = case.held.then(|| Hold::take(&path)).transpose()?;
    let mut runners = rounds::runners(bench, |peer| {
        let mut job = bench.job(peer, case.task, None)?;
        if let Some(job) = &mut job {
            job.descriptors.push((file.as_raw_fd(), LOCKED));
        }
        Ok(job)
    })?;
    rounds::go(&mut runners, bench.effort.time_rounds, bench.effort.time_limit, |runner| {
        let start = Instant::now();
        let outcome = run(&runner.launch, !case.held);
        let took = start.elapsed();
        // In descriptor mode the lock outlives the one who took it.
        flock(&file, FlockOperation::Unlock)?;
        outcome.map(|_| took.as_secs_f64() * 1e6)
    });
    let mut table = Table::new(case.name, case.title, COLUMNS);
    rounds::report(&mut table, &runners, |runner| {
        let spread = Spread::of(&runner.values);
        let (lower, upper) = (spread.lower_quartile(), spread.upper_quartile());
        vec![spread.median(), lower, upper, spread.least(), spread.count()]
    });
    Ok(table)
}
