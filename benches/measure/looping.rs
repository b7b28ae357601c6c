//! Many processes that take one lock again and again.

use crate::data::{Column, Spread, Table, Unit, spread};
use crate::measure::rounds::{self, Rounds};
use crate::measure::{Bench, run};
use crate::peers::{Peer, Task};
use crate::sys::{Job, Launch};
use std::io::{Error, Result};
use std::thread;
use std::time::{Duration, Instant};

const TIME_LIMIT: Duration = Duration::from_secs(120);

const COLUMNS: &[Column] = &[
    Column { key: "total", head: "times locked per s, median", unit: Unit::Count },
    Column { key: "total_least", head: "least", unit: Unit::Count },
    Column { key: "total_most", head: "most", unit: Unit::Count },
    Column { key: "ratio", head: "of util-linux's", unit: Unit::Ratio("total") },
    Column { key: "runs", head: "runs", unit: Unit::Count },
    Column { key: "least", head: "least of a loop", unit: Unit::Count },
    Column { key: "most", head: "most of a loop", unit: Unit::Count },
];

pub fn measure(bench: &Bench) -> Result<Table> {
    let (loopers, time) = (bench.effort.loopers, bench.effort.loop_time);
    let job = |peer: &Peer| {
        if peer.runs_command(Task::Wait) { bench.waiting(peer, None) } else { Ok(None) }
    };
    let rounds = Rounds::cold(bench.effort.loop_rounds, TIME_LIMIT);
    let mut measured = rounds::prove(bench, Task::Wait, job)?;
    rounds.run(&mut measured, |_, launch| compete(bench, launch));
    let title = format!("{loopers} loops around one lock for {} s", time.as_secs_f64());
    let mut table = Table::new("loop", &title, COLUMNS);
    rounds::report(&mut table, &measured, |rounds| summary(rounds, time.as_secs_f64()));
    Ok(table)
}

/// The rates of the rounds, and in all of them the extremes of a loop.
fn summary(rounds: &[Vec<f64>], seconds: f64) -> [Option<f64>; 6] {
    let loops = Spread::of(&rounds.concat());
    let rates = spread(rounds, |counts| Some(counts.iter().sum::<f64>() / seconds));
    let [median, least, most] = rates.extremes();
    [median, least, most, rates.count(), loops.least(), loops.greatest()]
}

/// One round: how often each loop got the lock in time.
fn compete(bench: &Bench, launch: &Launch) -> Result<Vec<f64>> {
    // What the pointers of a launch point to is one thread's.
    let job = &launch.job;
    let end = Instant::now() + bench.effort.loop_time;
    thread::scope(|scope| {
        let start = |_| scope.spawn(|| repeat(job.clone(), end));
        let threads: Vec<_> = (0..bench.effort.loopers).map(start).collect();
        let finish = |thread: thread::ScopedJoinHandle<Result<f64>>| {
            thread.join().unwrap_or_else(|_| Err(Error::other("a loop has panicked")))
        };
        threads.into_iter().map(finish).collect()
    })
}

fn repeat(job: Job, end: Instant) -> Result<f64> {
    let launch = Launch::new(job)?;
    let mut count = 0.0;
    loop {
        run(&launch, 0)?;
        if Instant::now() >= end {
            return Ok(count);
        }
        count += 1.0;
    }
}
