//! How often what has happened.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

#[derive(Default)]
pub struct Tally {
    counts: Mutex<BTreeMap<String, u64>>,
    latest: Mutex<Duration>,
}

impl Tally {
    pub fn add(&self, what: &str) {
        *self.counts.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }

    /// A wait ended so long after its time.
    pub fn add_late(&self, late: Duration) {
        let mut latest = self.latest.lock().unwrap();
        *latest = late.max(*latest);
    }

    /// Which of these have never happened.
    pub fn missing(&self, needs: &[&'static str]) -> Vec<&'static str> {
        let counts = self.counts.lock().unwrap();
        needs.iter().copied().filter(|what| !counts.contains_key(*what)).collect()
    }

    /// All of it, in one line.
    pub fn line(&self) -> String {
        let counts = self.counts.lock().unwrap();
        let parts = counts.iter().map(|(what, count)| format!("{what} {count}"));
        let latest = format!("late by {:?} at most", *self.latest.lock().unwrap());
        parts.chain([latest]).collect::<Vec<_>>().join(", ")
    }
}
