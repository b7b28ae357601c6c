//! Child processes that do something while this one waits in a system call: what a signal
//! would do costs it its place in the kernel's queue, each time.

use crate::sys;
use rustix::event::{self, PollFd, PollFlags, Timespec};
use rustix::fd::RawFd;
use rustix::fs;
use rustix::io::{self, Errno};
use rustix::process::{self, Pid, PidfdFlags, Signal, WaitOptions, WaitStatus};
use std::ffi::CStr;
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
            if settle(kept).is_err() || process::getppid() != Some(parent) {
                return 1;
            }
            work(parent);
            0
        });
        child.map(|pid| Self { pid })
    }

    /// Waits for its end, but no longer than so. Returns whether it could at least begin.
    pub fn finish(self, limit: Duration) -> bool {
        let Some(end) = end_within(self.pid, limit) else { return true };
        std::mem::forget(self);
        end.exit_status() != Some(1)
    }
}

fn settle(kept: &[RawFd]) -> Result<(), Errno> {
    sys::block_all_signals()?;
    process::set_parent_process_death_signal(Some(Signal::KILL))?;
    sys::close_all_but(kept)
}

impl Drop for Aside {
    fn drop(&mut self) {
        end(self.pid);
    }
}

/// Whether a child has no effect on those to come: the first one in a new PID namespace
/// (unshare(2), `CLONE_NEWPID`) takes it along when it ends.
pub fn can_have_children() -> bool {
    let namespace = |name: &CStr| fs::readlink(name, Vec::new()).ok();
    let childrens = namespace(c"/proc/self/ns/pid_for_children");
    childrens.is_some() && childrens == namespace(c"/proc/self/ns/pid")
}

/// Ends a child, and sees to it that it is gone. If it cannot be ended, as a sandbox or a file
/// server that does not answer may have it, it is not waited for.
pub fn end(child: Pid) {
    const LIMIT: Duration = Duration::from_secs(1);
    if process::kill_process(child, Signal::KILL).is_ok() {
        end_within(child, LIMIT);
    }
}

fn end_within(child: Pid, limit: Duration) -> Option<WaitStatus> {
    /// `__WALL` of waitpid(2): also one whose end sends no signal.
    const ALL: u32 = 0x4000_0000;
    let end = Instant::now() + limit;
    // Before Linux 5.3, it is waited for without a limit.
    if let Ok(process) = process::pidfd_open(child, PidfdFlags::empty()) {
        let mut polled = [PollFd::new(&process, PollFlags::IN)];
        let mut poll = || {
            let left = end.saturating_duration_since(Instant::now());
            event::poll(&mut polled, Timespec::try_from(left).ok().as_ref())
        };
        if io::retry_on_intr(&mut poll) == Ok(0) {
            return None;
        }
    }
    let any = WaitOptions::from_bits_retain(ALL);
    io::retry_on_intr(|| process::waitpid(Some(child), any)).ok()?.map(|(_, status)| status)
}

/// Sleeps for so long, or until a signal is caught.
pub fn pause(duration: Duration) {
    let _ = event::poll(&mut [], Timespec::try_from(duration).ok().as_ref());
}
