//! A child that waits for a lock: when it has got that far, and its memory then.

use crate::sys::Child;
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_micros(50);

/// Returns once the child is inside the system call that waits.
pub fn settle(child: &Child) -> Result<()> {
    let path = format!("/proc/{}/syscall", child.id());
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        let text = fs::read_to_string(&path)?;
        let number = text.split(' ').next().and_then(|number| number.parse().ok());
        if number.is_some_and(|number| [libc::SYS_flock, libc::SYS_fcntl].contains(&number)) {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    Err(Error::new(ErrorKind::TimedOut, "it does not wait for the lock"))
}

/// Memory in KiB.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    pub resident: f64,
    /// Pages that no other process has.
    pub private: f64,
    /// Resident, with each shared page divided by those who share it.
    pub share: f64,
}

impl Memory {
    pub fn of(child: &Child) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", child.id()))?;
        let kib = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.split_whitespace().next());
            number.and_then(|number| number.parse().ok()).unwrap_or_default()
        };
        let private = kib("Private_Clean:") + kib("Private_Dirty:");
        Ok(Self { resident: kib("Rss:"), private, share: kib("Pss:") })
    }
}
