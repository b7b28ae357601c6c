//! Rounds: every peer has its turn in each, in an order drawn anew.

use crate::data::Table;
use crate::measure::Bench;
use crate::peers::Peer;
use crate::sys::{Job, Launch};
use std::io::Result;
use std::time::{Duration, Instant};

/// A peer and what was measured of it.
pub struct Runner<'a> {
    pub peer: &'a Peer,
    pub launch: Launch,
    pub values: Vec<f64>,
    failure: Option<String>,
}

/// Prepares those peers that have a job.
pub fn runners(
    bench: &Bench,
    job: impl Fn(&Peer) -> Result<Option<Job>>,
) -> Result<Vec<Runner<'_>>> {
    let mut runners = Vec::new();
    for peer in &bench.peers {
        if let Some(job) = job(peer)? {
            let launch = Launch::new(job)?;
            runners.push(Runner { peer, launch, values: Vec::new(), failure: None });
        }
    }
    Ok(runners)
}

/// Runs rounds until there are enough or the time is over. The first one is for
/// warming up. Who fails is out.
pub fn go(
    runners: &mut [Runner],
    rounds: usize,
    limit: Duration,
    mut once: impl FnMut(&Runner) -> Result<f64>,
) {
    let start = Instant::now();
    let mut dice = Dice::new();
    let mut order: Vec<_> = (0..runners.len()).collect();
    for round in 0..=rounds {
        dice.shuffle(&mut order);
        for place in &order {
            let Some(runner) = runners.get_mut(*place) else { continue };
            let one_in = runner.peer.known.one_in.min(rounds).max(1);
            let has_turn = round == 0 || round % one_in == 1 % one_in;
            if !has_turn || runner.failure.is_some() || start.elapsed() > limit {
                continue;
            }
            match once(runner) {
                Ok(value) if round > 0 => runner.values.push(value),
                Ok(_) => (),
                Err(error) => runner.failure = Some(error.to_string()),
            }
        }
    }
}

/// Adds what each peer has, or why it has nothing.
pub fn report(table: &mut Table, runners: &[Runner], values: impl Fn(&Runner) -> Vec<Option<f64>>) {
    for runner in runners {
        match &runner.failure {
            Some(reason) => table.skip(runner.peer.name(), reason),
            None => table.add(runner.peer.name(), &values(runner)),
        }
    }
}

/// Chance enough to part neighbours.
pub struct Dice {
    state: u64,
}

impl Dice {
    pub fn new() -> Self {
        Self { state: 0x9E37_79B9_7F4A_7C15 }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap_or_default() % limit.max(1)
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}
