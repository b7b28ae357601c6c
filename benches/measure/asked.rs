//! What the two sides ask the processor for at their start, with CPUID.

use crate::data::REFERENCE;
use crate::measure::{Bench, LONG_LIMIT};
use crate::peers::{OURS, Task};
use crate::sys::{Launch, cpuid_leaves};
use std::io::{Error, Result};

/// A trace of `flock -n 9`: the leaf of each CPUID, in their order.
pub struct Asked {
    pub ours: Vec<u32>,
    pub reference: Vec<u32>,
}

impl Asked {
    /// Only x86 has the instruction.
    pub const IS_APPLICABLE: bool = cfg!(target_arch = "x86_64");

    pub fn trace(bench: &Bench) -> Result<Self> {
        Ok(Self { ours: leaves(bench, OURS)?, reference: leaves(bench, REFERENCE)? })
    }

    /// Ours by leaf, what is asked most often first: the leaf, and how often.
    pub fn by_leaf(&self) -> Vec<(u32, usize)> {
        let mut leaves = self.ours.clone();
        leaves.sort_unstable();
        leaves.dedup();
        let times = |leaf| self.ours.iter().filter(|one| **one == leaf).count();
        let mut counted: Vec<_> = leaves.into_iter().map(|leaf| (leaf, times(leaf))).collect();
        counted.sort_by_key(|(leaf, times)| (usize::MAX - times, *leaf));
        counted
    }
}

fn leaves(bench: &Bench, name: &str) -> Result<Vec<u32>> {
    let absent = || Error::other(format!("{name} is not here"));
    let peer = bench.peers.iter().find(|peer| peer.name() == name).ok_or_else(absent)?;
    let mut job = bench.job(peer, Task::Descriptor, None)?.ok_or_else(absent)?;
    job.environment.clear();
    job.descriptors.push(bench.descriptor());
    let leaves = cpuid_leaves(&Launch::new(job)?, LONG_LIMIT)?;
    bench.unlock()?;
    Ok(leaves)
}
