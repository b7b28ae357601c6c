//! How often what has happened.

use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<String, u64>>);

impl Tally {
    pub fn add(&self, what: &str) {
        *self.0.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }

    /// Which of these have never happened.
    pub fn missing(&self, needs: &'static [&'static str]) -> Vec<&'static str> {
        let counts = self.0.lock().unwrap();
        needs.iter().copied().filter(|what| !counts.contains_key(*what)).collect()
    }

    /// All of it, in one line.
    pub fn line(&self) -> String {
        let counts = self.0.lock().unwrap();
        let parts = counts.iter().map(|(what, count)| format!("{what} {count}"));
        parts.collect::<Vec<_>>().join(", ")
    }
}
