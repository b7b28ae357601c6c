//! Rounds: every peer has its turn in each, in an order drawn anew.

use crate::data::Table;
use crate::measure::{Bench, proof};
use crate::peers::{Peer, Task};
use crate::sys::{Job, Launch};
use std::io::Result;
use std::time::{Duration, Instant};

/// How many rounds there are.
#[derive(Clone, Copy)]
pub struct Rounds {
    pub count: usize,
    /// From here on no turn begins, except in the first round.
    pub limit: Duration,
    /// Whether a round that does not count comes first.
    pub warm_up: bool,
}

/// A peer and what was measured of it.
pub struct Series<'a, P, V> {
    pub peer: &'a Peer,
    prepared: P,
    values: Vec<V>,
    failure: Option<String>,
}

impl Rounds {
    /// With a round for warming up.
    pub fn warm(count: usize, limit: Duration) -> Self {
        Self { count, limit, warm_up: true }
    }

    /// Without one.
    pub fn cold(count: usize, limit: Duration) -> Self {
        Self { count, limit, warm_up: false }
    }

    /// Gives them their turns. Who fails is out.
    pub fn run<P, V>(self, all: &mut [Series<P, V>], mut turn: impl FnMut(&Peer, &P) -> Result<V>) {
        let (start, mut dice) = (Instant::now(), Dice::new());
        let mut order: Vec<_> = (0..all.len()).collect();
        for round in usize::from(!self.warm_up)..=self.count {
            dice.shuffle(&mut order);
            for place in &order {
                let Some(series) = all.get_mut(*place) else { continue };
                let is_late = round > 1 && start.elapsed() > self.limit;
                if series.has_turn(round, self.count) && !is_late {
                    series.take_turn(round, &mut turn);
                }
            }
        }
    }
}

/// Prepares those peers that can do it.
pub fn prepare<P, V>(
    bench: &Bench,
    prepare: impl Fn(&Peer) -> Result<Option<P>>,
) -> Result<Vec<Series<'_, P, V>>> {
    let mut all = Vec::new();
    for peer in &bench.peers {
        if let Some(prepared) = prepare(peer)? {
            all.push(Series { peer, prepared, values: Vec::new(), failure: None });
        }
    }
    Ok(all)
}

/// As `prepare`, for jobs that are made ready once and started in each turn. Who does not
/// take the lock with it is out.
pub fn prove<V>(
    bench: &Bench,
    task: Task,
    job: impl Fn(&Peer) -> Result<Option<Job>>,
) -> Result<Vec<Series<'_, Launch, V>>> {
    let mut all = prepare(bench, |peer| job(peer)?.map(Launch::new).transpose())?;
    for series in &mut all {
        let proof = proof::takes_lock(bench, series.peer, task, &series.prepared);
        series.failure = proof.err().map(|error| format!("does not take the lock: {error}"));
    }
    Ok(all)
}

impl<P, V> Series<'_, P, V> {
    /// The slow ones take part in one round out of so many, beginning with the first.
    fn has_turn(&self, round: usize, rounds: usize) -> bool {
        let one_in = self.peer.known.one_in.min(rounds).max(1);
        self.failure.is_none() && (round == 0 || round % one_in == 1 % one_in)
    }

    /// Round 0 does not count.
    fn take_turn(&mut self, round: usize, turn: &mut impl FnMut(&Peer, &P) -> Result<V>) {
        match turn(self.peer, &self.prepared) {
            Ok(value) if round > 0 => self.values.push(value),
            Ok(_) => (),
            Err(error) => self.failure = Some(error.to_string()),
        }
    }
}

/// Adds what each peer has, or why it has nothing.
pub fn report<P, V, const N: usize>(
    table: &mut Table,
    all: &[Series<P, V>],
    summary: impl Fn(&[V]) -> [Option<f64>; N],
) {
    for series in all {
        match &series.failure {
            Some(reason) => table.skip(series.peer.name(), reason),
            None => table.add(series.peer.name(), &summary(&series.values)),
        }
    }
}

/// Chance enough to part neighbours.
struct Dice {
    state: u64,
}

impl Dice {
    fn new() -> Self {
        Self { state: 0x9E37_79B9_7F4A_7C15 }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap_or_default() % limit.max(1)
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}
