//! Many processes that take one lock again and again.

use crate::data::{Column, Spread, Table, Unit};
use crate::measure::rounds::Dice;
use crate::measure::{Bench, run};
use crate::peers::{Peer, Task};
use crate::sys::{Job, Launch};
use std::collections::BTreeMap;
use std::io::{Error, Result};
use std::thread;
use std::time::Instant;

const COLUMNS: &[Column] = &[
    Column { key: "total", head: "times locked per s", unit: Unit::Count },
    Column { key: "ratio", head: "of util-linux's", unit: Unit::Ratio("total") },
    Column { key: "least", head: "least of a loop", unit: Unit::Count },
    Column { key: "most", head: "most of a loop", unit: Unit::Count },
];

pub fn measure(bench: &Bench) -> Table {
    let (loopers, time) = (bench.effort.loopers, bench.effort.loop_time);
    let title = format!("{loopers} loops around one lock for {} s", time.as_secs_f64());
    let mut table = Table::new("loop", &title, COLUMNS);
    let mut rounds = BTreeMap::<_, Vec<Vec<f64>>>::new();
    let mut peers: Vec<_> = bench.peers.iter().collect();
    peers.retain(|peer| peer.runs_command(Task::Wait));
    let mut dice = Dice::new();
    let mut failed = Vec::new();
    for _ in 0..bench.effort.loop_rounds {
        dice.shuffle(&mut peers);
        for peer in peers.iter().filter(|peer| !failed.contains(&peer.name())).collect::<Vec<_>>() {
            match compete(bench, peer) {
                Ok(counts) => rounds.entry(peer.name()).or_default().push(counts),
                Err(error) => {
                    failed.push(peer.name());
                    table.skip(peer.name(), &error);
                }
            }
        }
    }
    for peer in &bench.peers {
        if let Some(rounds) = rounds.get(peer.name()) {
            table.add(peer.name(), &summary(rounds, time.as_secs_f64()));
        }
    }
    table
}

/// In all rounds: the median rate, and the extremes of a loop.
fn summary(rounds: &[Vec<f64>], seconds: f64) -> [Option<f64>; 3] {
    let totals: Vec<_> = rounds.iter().map(|counts| counts.iter().sum::<f64>() / seconds).collect();
    let all = Spread::of(&rounds.concat());
    [Spread::of(&totals).median(), all.least(), all.greatest()]
}

/// One round: how often each loop got the lock in time.
fn compete(bench: &Bench, peer: &Peer) -> Result<Vec<f64>> {
    let Some(job) = bench.waiting(peer, None)? else { return Ok(Vec::new()) };
    let end = Instant::now() + bench.effort.loop_time;
    thread::scope(|scope| {
        let start = |_| scope.spawn(|| repeat(&job, end));
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
