//! Whether the machine has room for a crowd.

use crate::measure::Bench;
use crate::measure::waiter::{self, Memory};
use crate::peers::Peer;
use crate::sys::{Hold, Launch};
use rustix::process::{Resource, getrlimit, getuid};
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// What the kernel takes for a process, in KiB: stack, page tables and the rest.
const KERNEL_SHARE: f64 = 100.0;
/// Others need processes too.
const RESERVE: f64 = 500.0;

/// Says no before it is too late.
pub fn check(bench: &Bench, peer: &Peer, size: usize) -> Result<()> {
    let processes = size as f64 + RESERVE;
    for (limit, name) in process_limits() {
        if limit < processes {
            return Err(Error::other(format!("{size} processes are too many: {name} is {limit}")));
        }
    }
    let one = memory_of_one(bench, peer)? + KERNEL_SHARE;
    let (needed, free) = (one * size as f64 / 1024.0, available_kib() / 1024.0);
    if needed > free / 2.0 {
        let text = format!("would need {needed:.0} MiB, more than half of the {free:.0} free ones");
        return Err(Error::other(text));
    }
    Ok(())
}

fn memory_of_one(bench: &Bench, peer: &Peer) -> Result<f64> {
    let _hold = Hold::take(&bench.lock_path())?;
    let job = bench.waiting(peer, None)?.ok_or(ErrorKind::Unsupported)?;
    let child = Launch::new(job)?.spawn()?;
    waiter::settle(&child)?;
    Ok(Memory::of(&child)?.private)
}

/// The limits on the number of processes that hold here.
fn process_limits() -> Vec<(f64, &'static str)> {
    let mut limits = Vec::new();
    let own = getrlimit(Resource::Nproc).current.filter(|_| !getuid().is_root());
    limits.extend(own.map(|limit| (limit as f64, "ulimit -u")));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let group = Path::new("/sys/fs/cgroup").join(group).join("pids.max");
    limits.extend(number(&group).map(|limit| (limit, "pids.max")));
    for name in ["pid_max", "threads-max"] {
        let path = Path::new("/proc/sys/kernel").join(name);
        limits.extend(number(&path).map(|limit| (limit, name)));
    }
    limits
}

fn number(path: &Path) -> Option<f64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn available_kib() -> f64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}
