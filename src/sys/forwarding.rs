//! Signals that are passed on to a child.

use super::signal::{Signals, action};
use super::{Result, close};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io;
use rustix::pipe::{self, PipeFlags};
use rustix::process::{self, Pid, Signal};
use std::ffi::c_int;
use std::ptr;

/// The signals that are passed on.
const FORWARDED: [Signal; 6] =
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2];

/// `si_code` of a signal that the kernel sent by itself, as for a key of the terminal.
const SI_KERNEL: c_int = 0x80;

/// Signals that are taken from the queue instead of being acted upon, to be passed on.
pub struct Forwarding {
    blocked: Signals,
    wanted: Signals,
    /// Closed when the child may begin.
    gate: Option<(OwnedFd, OwnedFd)>,
}

/// A signal that came.
pub struct Received {
    /// Which one.
    pub which: Signal,
    /// The kernel sent it by itself, rather than a process.
    pub from_kernel: bool,
}

impl Forwarding {
    /// Blocks the signals that are to be passed on, but for those that are ignored, and
    /// SIGCHLD. Blocked signals reach even process 1 of a container: signal(7).
    pub fn start() -> Result<Self> {
        // A sandbox that refuses this is told of before anything waits for a signal.
        Signals::only(libc::SIGCHLD).take_one()?;
        let gate = Some(pipe::pipe_with(PipeFlags::CLOEXEC)?);
        let mut wanted = Signals::only(libc::SIGCHLD);
        for signal in FORWARDED.map(Signal::as_raw) {
            if action(signal)?.sa_sigaction != libc::SIG_IGN {
                wanted.0 |= Signals::only(signal).0;
            }
        }
        let blocked = Signals::change_blocked(libc::SIG_BLOCK, wanted)?;
        Ok(Self { blocked, wanted, gate })
    }

    /// Passes on what came before there was a child, and lets the child begin.
    ///
    /// Nobody can tell whether a signal to the whole process group came just before
    /// fork(2), and has to be sent to the child, or just after it, and has reached the child
    /// as well. So it is sent in any case while the child still blocks it: there it is
    /// pending once, however often it was sent.
    pub fn begin(&mut self, child: Pid) {
        let came = Signals(Signals::pending().0 & self.wanted.0);
        for signal in FORWARDED.into_iter().filter(|signal| came.has(signal.as_raw())) {
            let _ = Signals::only(signal.as_raw()).take_one();
            // The child is of this program still: it can be signalled.
            let _ = process::kill_process(child, signal);
        }
        self.gate = None;
    }

    /// For the child: waits until it may begin, or its parent has ended, and makes the
    /// blocked signals again what they were.
    pub fn release(&self) {
        if let Some((begin, parents)) = &self.gate {
            close(parents.as_raw_fd());
            let _ = io::retry_on_intr(|| io::read(begin, &mut [0]));
            // Not left to execve(2): if the standard descriptors were closed, it is one of them.
            close(begin.as_raw_fd());
        }
        let _ = Signals::change_blocked(libc::SIG_SETMASK, self.blocked);
    }

    /// Makes the blocked signals again what they were, when the child has ended: there is
    /// nobody to pass them on to. What came before that is done with.
    pub fn end(self) {
        self.wanted.take();
        let _ = Signals::change_blocked(libc::SIG_SETMASK, self.blocked);
    }

    /// Waits for the next signal; one that only tells of a child, or an interruption, is none.
    pub fn next(&self) -> Result<Option<Received>> {
        let Some(info) = self.wanted.await_one(ptr::null())? else { return Ok(None) };
        let which = FORWARDED.into_iter().find(|signal| signal.as_raw() == info.si_signo);
        Ok(which.map(|which| Received { which, from_kernel: info.si_code == SI_KERNEL }))
    }
}
