//! Child processes that do something while this one waits in a system call: what a signal
//! would do costs it its place in the kernel's queue, each time.

use crate::sys;
use rustix::fd::RawFd;
use rustix::io::{self, Errno};
use rustix::process::{self, Pid, Signal, WaitOptions};
use std::thread;
use std::time::{Duration, Instant};

/// A child process that ends when this is dropped, and is gone then; or with its parent.
pub struct Aside {
    pid: Pid,
}

impl Aside {
    /// Starts one that works for the process that it is told of. It has all signals blocked
    /// and no descriptors but those that are kept: no copy of a lock, above all.
    pub fn start(kept: &[RawFd], work: impl FnOnce(Pid)) -> Result<Self, Errno> {
        let parent = process::getpid();
        let child = sys::fork(None, || {
            if settle(kept).is_ok() && process::getppid() == Some(parent) {
                work(parent);
            }
            0
        });
        child.map(|pid| Self { pid })
    }
}

fn settle(kept: &[RawFd]) -> Result<(), Errno> {
    sys::block_all_signals()?;
    process::set_parent_process_death_signal(Some(Signal::KILL))?;
    sys::close_all_but(kept)
}

impl Aside {
    /// Waits for its end, but no longer than so.
    pub fn finish(self, limit: Duration) {
        if is_gone_within(self.pid, limit) {
            std::mem::forget(self);
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        end(self.pid);
    }
}

/// Ends a child, and sees to it that it is gone. If it cannot be ended, as a sandbox or a file
/// server that does not answer may have it, it is not waited for.
pub fn end(child: Pid) {
    const LIMIT: Duration = Duration::from_secs(1);
    if process::kill_process(child, Signal::KILL).is_ok() {
        is_gone_within(child, LIMIT);
    }
}

fn is_gone_within(child: Pid, limit: Duration) -> bool {
    /// `__WALL` of waitpid(2): also one whose end sends no signal.
    const ALL: u32 = 0x4000_0000;
    const PAUSE: Duration = Duration::from_micros(100);
    let now = WaitOptions::from_bits_retain(ALL) | WaitOptions::NOHANG;
    let start = Instant::now();
    while let Ok(None) = io::retry_on_intr(|| process::waitpid(Some(child), now)) {
        if start.elapsed() >= limit {
            return false;
        }
        thread::sleep(PAUSE);
    }
    true
}
