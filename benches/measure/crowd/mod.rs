//! Many that wait for one lock: their memory, how fast it goes round, and in which order.

use crate::data::{Column, Table, Unit, spread};
use crate::measure::order::Disorder;
use crate::measure::rounds::{self, Rounds};
use crate::measure::waiter::{self, Memory};
use crate::measure::{Bench, check};
use crate::peers::{Peer, Task};
use crate::sys::{Child, Hold, Launch};
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

mod room;

/// Where the command writes its number.
const ORDER: i32 = 8;
/// The longest that all of them together may take to have had the lock.
const LIMIT: Duration = Duration::from_secs(60);

const COLUMNS: &[Column] = &[
    Column { key: "memory", head: "memory MiB, median", unit: Unit::Mib },
    Column { key: "memory_least", head: "least", unit: Unit::Mib },
    Column { key: "memory_most", head: "most", unit: Unit::Mib },
    Column { key: "memory_ratio", head: "of util-linux's", unit: Unit::Ratio("memory") },
    Column { key: "handoffs", head: "hand-offs per s, median", unit: Unit::Count },
    Column { key: "handoffs_least", head: "least", unit: Unit::Count },
    Column { key: "handoffs_most", head: "most", unit: Unit::Count },
    Column { key: "handoffs_ratio", head: "of util-linux's", unit: Unit::Ratio("handoffs") },
    Column { key: "swapped", head: "pairs out of order, most", unit: Unit::Percent },
    Column { key: "displacement", head: "places moved, most", unit: Unit::Tenths },
    Column { key: "runs", head: "runs", unit: Unit::Count },
];

/// What one crowd shows.
struct Crowd {
    memory: f64,
    handoffs: f64,
    /// None where there is no command that could tell.
    disorder: Option<Disorder>,
}

pub fn measure(bench: &Bench, name: &str, size: usize) -> Result<Table> {
    let can = |peer: &Peer| Ok(peer.can(Task::Wait).then_some(()));
    let rounds = Rounds::cold(bench.effort.crowd_rounds, bench.effort.crowd_limit);
    let mut measured = rounds::prepare(bench, can)?;
    rounds.run(&mut measured, |peer, ()| {
        room::check(bench, peer, size)?;
        gather(bench, peer, size)
    });
    let mut table = Table::new(name, &format!("{size} processes wait for one lock"), COLUMNS);
    table.note = "Memory: the sum of Pss. Then the lock is let go, and each in turn has it for a \
                  command that writes a number (toybox and the floor just end). Order: arrival \
                  against service.";
    rounds::report(&mut table, &measured, summary);
    Ok(table)
}

fn summary(crowds: &[Crowd]) -> [Option<f64>; 9] {
    let memory = spread(crowds, |crowd| Some(crowd.memory)).extremes();
    let handoffs = spread(crowds, |crowd| Some(crowd.handoffs));
    let [median, least, most] = handoffs.extremes();
    let swapped = spread(crowds, |crowd| Some(crowd.disorder?.swapped)).greatest();
    let moved = spread(crowds, |crowd| Some(crowd.disorder?.displacement)).greatest();
    [memory[0], memory[1], memory[2], median, least, most, swapped, moved, handoffs.count()]
}

/// Lets a crowd gather behind the bench's own lock, one after the other, then serves it.
fn gather(bench: &Bench, peer: &Peer, size: usize) -> Result<Crowd> {
    let hold = Hold::take(&bench.lock_path())?;
    let path = bench.directory.join("order");
    let _ = fs::remove_file(&path);
    let order = File::options().append(true).create(true).open(&path)?;
    let mut children = Vec::with_capacity(size);
    for number in 0..size {
        children.push(enter(bench, peer, number, &order)?);
    }
    let shares = children.iter().map(|child| Ok(Memory::of(child)?.share));
    let memory = shares.sum::<Result<f64>>()?;
    let start = Instant::now();
    drop(hold);
    serve(children)?;
    let handoffs = size as f64 / start.elapsed().as_secs_f64();
    let disorder = if peer.runs_command(Task::Wait) { Some(disorder(&path, size)?) } else { None };
    Ok(Crowd { memory: memory / 1024.0, handoffs, disorder })
}

/// Starts one more, and returns when it has its place in the queue.
fn enter(bench: &Bench, peer: &Peer, number: usize, order: &File) -> Result<Child> {
    let text = format!("{number:05}\n");
    let mut job = bench.waiting(peer, Some(&text))?.ok_or(ErrorKind::Unsupported)?;
    job.descriptors.push((order.as_raw_fd(), ORDER));
    let child = Launch::new(job)?.spawn()?;
    waiter::settle(&child)?;
    Ok(child)
}

fn serve(children: Vec<Child>) -> Result<()> {
    let start = Instant::now();
    for child in children {
        let ended = child.wait_within(LIMIT.saturating_sub(start.elapsed()))?;
        check(ended.status, 0)?;
    }
    Ok(())
}

fn disorder(path: &Path, size: usize) -> Result<Disorder> {
    let text = fs::read_to_string(path)?;
    let served: Vec<usize> = text.lines().filter_map(|line| line.parse().ok()).collect();
    if served.len() == size {
        return Ok(Disorder::of(&served));
    }
    Err(Error::other(format!("only {} of {size} were served", served.len())))
}
