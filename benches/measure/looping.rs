//! Many processes that take one lock again and again.

use crate::data::{Column, Spread, Table, Unit, median};
use crate::measure::rounds::{self, Rounds};
use crate::measure::{Bench, run};
use crate::peers::{Peer, Task};
use crate::sys::{Job, Launch};
use std::io::{Error, Result};
use std::thread;
use std::time::{Duration, Instant};

const TIME_LIMIT: Duration = Duration::from_secs(120);

const COLUMNS: &[Column] = &[
    Column { key: "total", head: "times locked per s", unit: Unit::Count },
    Column { key: "ratio", head: "of util-linux's", unit: Unit::Ratio("total") },
    Column { key: "least", head: "least of a loop", unit: Unit::Count },
    Column { key: "most", head: "most of a loop", unit: Unit::Count },
];

pub fn measure(bench: &Bench) -> Result<Table> {
    let (loopers, time) = (bench.effort.loopers, bench.effort.loop_time);
    let job = |peer: &Peer| {
        if peer.runs_command(Task::Wait) { bench.waiting(peer, None) } else { Ok(None) }
    };
    let rounds = Rounds::cold(bench.effort.loop_rounds, TIME_LIMIT);
    let measured = rounds.run(bench, job, |_, job| compete(bench, job))?;
    let title = format!("{loopers} loops around one lock for {} s", time.as_secs_f64());
    let mut table = Table::new("loop", &title, COLUMNS);
    rounds::report(&mut table, &measured, |rounds| summary(rounds, time.as_secs_f64()));
    Ok(table)
}

/// In all rounds: the median rate, and the extremes of a loop.
fn summary(rounds: &[Vec<f64>], seconds: f64) -> [Option<f64>; 3] {
    let all = Spread::of(&rounds.concat());
    let rate = |counts: &Vec<f64>| Some(counts.iter().sum::<f64>() / seconds);
    [median(rounds, rate), all.least(), all.greatest()]
}

/// One round: how often each loop got the lock in time.
fn compete(bench: &Bench, job: &Job) -> Result<Vec<f64>> {
    let end = Instant::now() + bench.effort.loop_time;
    thread::scope(|scope| {
        let start = |_| scope.spawn(|| repeat(job, end));
        let threads: Vec<_> = (0..bench.effort.loopers).map(start).collect();
        let finish = |thread: thread::ScopedJoinHandle<Result<f64>>| {
            thread.join().unwrap_or_else(|_| Err(Error::other("a loop has panicked")))
        };
        threads.into_iter().map(finish).collect()
    })
}

fn repeat(job: &Job, end: Instant) -> Result<f64> {
    let launch = Launch::new(job.clone())?;
    let mut count = 0.0;
    loop {
        run(&launch, true)?;
        if Instant::now() >= end {
            return Ok(count);
        }
        count += 1.0;
    }
}
