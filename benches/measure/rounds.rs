//! Rounds: every peer has its turn in each, in an order drawn anew.

use crate::data::Table;
use crate::measure::Bench;
use crate::peers::Peer;
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

    /// Prepares the peers that can do it, and gives them their turns. Who fails is out.
    pub fn run<P, V>(
        self,
        bench: &Bench,
        prepare: impl Fn(&Peer) -> Result<Option<P>>,
        mut turn: impl FnMut(&Peer, &P) -> Result<V>,
    ) -> Result<Vec<Series<'_, P, V>>> {
        let mut all = Vec::new();
        for peer in &bench.peers {
            if let Some(prepared) = prepare(peer)? {
                all.push(Series { peer, prepared, values: Vec::new(), failure: None });
            }
        }
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
        Ok(all)
    }

    /// As `run`, for jobs that are made ready once and started in each turn.
    pub fn launch<V>(
        self,
        bench: &Bench,
        job: impl Fn(&Peer) -> Result<Option<Job>>,
        mut turn: impl FnMut(&Launch) -> Result<V>,
    ) -> Result<Vec<Series<'_, Launch, V>>> {
        let prepare = |peer: &Peer| job(peer)?.map(Launch::new).transpose();
        self.run(bench, prepare, |_, launch| turn(launch))
    }
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
