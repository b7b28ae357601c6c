//! Signals: what is caught, blocked, pending, and put back.

use super::{Result, check, last_errno};
use rustix::io::Errno;
use rustix::process::{self, Signal};
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;

/// Gives SIGCHLD its default disposition.
///
/// A caller that ignores it would have the kernel reap the command before waitpid(2).
pub fn default_sigchld() {
    // SAFETY: SIG_DFL is a valid disposition of SIGCHLD; this cannot fail.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Runs `write` such that a signal by which the kernel answers a failing write(2),
/// SIGPIPE or SIGXFSZ, has no effect at all, neither now nor on a later program.
pub fn without_write_signals<T>(write: impl FnOnce() -> T) -> T {
    let Ok(mask) = Signals::change_blocked(libc::SIG_BLOCK, Signals::OF_WRITE) else {
        return write();
    };
    let before = Signals::pending();
    let result = write();
    let new = Signals(Signals::pending().0 & !before.0 & Signals::OF_WRITE.0);
    new.consume();
    let _ = Signals::change_blocked(libc::SIG_SETMASK, mask);
    result
}

/// SIGALRM as it was before [`Alarm::catch`]: its disposition, and all blocked signals.
pub struct Alarm {
    action: libc::sigaction,
    blocked: Signals,
    /// It had come already, and waited behind the mask.
    pending: bool,
}

impl Alarm {
    /// Unblocks SIGALRM and catches it, so that it does nothing but end a
    /// blocking system call with EINTR.
    pub fn catch() -> Result<Self> {
        let blocked = Signals::change_blocked(libc::SIG_BLOCK, Signals::NONE)?;
        let pending = Signals::pending().0 & Signals::ALARM.0 != 0;
        let mut action = MaybeUninit::uninit();
        // SAFETY: with a null pointer for the new action, this only reads the old one.
        check(unsafe { libc::sigaction(libc::SIGALRM, ptr::null(), action.as_mut_ptr()) })?;
        // SAFETY: the call succeeded.
        let action = unsafe { action.assume_init() };
        // SAFETY: an action that does nothing is safe in a signal handler.
        let registered = unsafe { signal_hook::low_level::register(libc::SIGALRM, || ()) };
        registered.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))?;
        // signal-hook lets system calls be restarted; a wait that restarts never ends.
        // SAFETY: this changes a flag of the action that was just installed.
        check(unsafe { siginterrupt(libc::SIGALRM, 1) })?;
        // All others too: musl unblocks some of its own when a handler is installed.
        let waiting = Signals(blocked.0 & !Signals::ALARM.0);
        Signals::change_blocked(libc::SIG_SETMASK, waiting)?;
        Ok(Self { action, blocked, pending })
    }

    /// Puts both back.
    pub fn restore(self) {
        // The mask goes first: a signal that the caller had blocked must not meet
        // the caller's disposition. The kernel refuses neither.
        let _ = Signals::change_blocked(libc::SIG_SETMASK, self.blocked);
        // SAFETY: the action is what the kernel reported.
        unsafe { libc::sigaction(libc::SIGALRM, &raw const self.action, ptr::null_mut()) };
        // Blocked and pending, it outlives exec: the command must find it so.
        if self.pending {
            let _ = process::kill_process(process::getpid(), Signal::ALARM);
        }
    }
}

unsafe extern "C" {
    /// POSIX; the libc crate does not declare it.
    fn siginterrupt(signal: c_int, flag: c_int) -> c_int;
}

/// A set of signals, as the kernel has it: the C libraries hide the signals that they
/// use themselves, and the command must get those as they were, too.
#[derive(Clone, Copy)]
struct Signals(u64);

impl Signals {
    const NONE: Self = Self(0);
    const ALARM: Self = Self(1 << (libc::SIGALRM - 1));
    const OF_WRITE: Self = Self(1 << (libc::SIGPIPE - 1) | 1 << (libc::SIGXFSZ - 1));

    /// Changes the blocked signals and returns those that were blocked before.
    fn change_blocked(how: c_int, set: Self) -> Result<Self> {
        let mut old = Self::NONE;
        // SAFETY: both sets are of the size that is given, the kernel's.
        let result = unsafe {
            libc::syscall(
                libc::SYS_rt_sigprocmask,
                how,
                &raw const set.0,
                &raw mut old.0,
                size_of::<u64>(),
            )
        };
        if result < 0 { Err(last_errno()) } else { Ok(old) }
    }

    /// The signals that came and are blocked.
    fn pending() -> Self {
        let mut set = Self::NONE;
        // SAFETY: the set is of the size that is given. This cannot fail.
        unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut set.0, size_of::<u64>()) };
        set
    }

    /// Takes such signals away, one after the other, as long as there are any pending.
    fn consume(self) {
        let none = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let next = || {
            // SAFETY: the set is of the size that is given; nothing is written.
            unsafe {
                libc::syscall(
                    libc::SYS_rt_sigtimedwait,
                    &raw const self.0,
                    ptr::null::<libc::siginfo_t>(),
                    &raw const none,
                    size_of::<u64>(),
                )
            }
        };
        while self.0 != 0 && next() > 0 {}
    }
}
