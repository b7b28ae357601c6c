//! Many that wait for one lock: their memory, how fast it goes round, and in which order.

use crate::data::{Column, Spread, Table, Unit};
use crate::measure::order::Disorder;
use crate::measure::rounds::Dice;
use crate::measure::waiter::{self, Memory};
use crate::measure::{Bench, check};
use crate::peers::{Peer, Task};
use crate::sys::{Child, Hold, Launch};
use std::collections::BTreeMap;
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
    Column { key: "memory", head: "memory MiB", unit: Unit::Mib },
    Column { key: "memory_ratio", head: "of util-linux's", unit: Unit::Ratio("memory") },
    Column { key: "handoffs", head: "hand-offs per s", unit: Unit::Count },
    Column { key: "handoffs_ratio", head: "of util-linux's", unit: Unit::Ratio("handoffs") },
    Column { key: "swapped", head: "pairs out of order", unit: Unit::Percent },
    Column { key: "displacement", head: "places moved", unit: Unit::Tenths },
];

/// What one crowd shows.
struct Crowd {
    memory: f64,
    handoffs: f64,
    /// None where there is no command that could tell.
    disorder: Option<Disorder>,
}

pub fn measure(bench: &Bench, name: &str, size: usize) -> Table {
    let mut table = Table::new(name, &format!("{size} processes wait for one lock"), COLUMNS);
    table.note = "Memory: the sum of Pss. Then the lock is let go, and each in turn has it for a \
                  command that writes a number (toybox and the floor just end). Order: arrival \
                  against service.";
    let mut crowds = BTreeMap::<_, Vec<Crowd>>::new();
    let mut failed = Vec::new();
    let mut peers: Vec<_> = bench.peers.iter().filter(|peer| peer.can(Task::Wait)).collect();
    let mut dice = Dice::new();
    let start = Instant::now();
    for round in 0..bench.effort.crowd_rounds {
        dice.shuffle(&mut peers);
        for peer in &peers {
            let is_late = round > 0 && start.elapsed() > bench.effort.crowd_limit;
            if is_late || failed.contains(&peer.name()) {
                continue;
            }
            match room::check(bench, peer, size).and_then(|()| gather(bench, peer, size)) {
                Ok(crowd) => crowds.entry(peer.name()).or_default().push(crowd),
                Err(error) => {
                    failed.push(peer.name());
                    table.skip(peer.name(), &error);
                }
            }
        }
    }
    for peer in &bench.peers {
        if let Some(crowds) = crowds.get(peer.name()) {
            table.add(peer.name(), &summary(crowds));
        }
    }
    table
}

fn summary(crowds: &[Crowd]) -> [Option<f64>; 4] {
    let median = |value: fn(&Crowd) -> Option<f64>| {
        Spread::of(&crowds.iter().filter_map(value).collect::<Vec<_>>()).median()
    };
    [
        median(|crowd| Some(crowd.memory)),
        median(|crowd| Some(crowd.handoffs)),
        median(|crowd| Some(crowd.disorder?.swapped)),
        median(|crowd| Some(crowd.disorder?.displacement)),
    ]
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
        check(ended.status, true)?;
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
