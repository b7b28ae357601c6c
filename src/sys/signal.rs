//! Signals: what is caught, blocked, pending, and put back.

use super::{Result, check, last_errno};
use rustix::io::Errno;
use rustix::process::{self, Signal};
use std::ffi::c_int;
use std::iter;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

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
    new.take();
    let _ = Signals::change_blocked(libc::SIG_SETMASK, mask);
    result
}

/// SIGALRM as it was before [`Alarm::catch`]: its disposition, and all blocked signals.
pub struct Alarm {
    action: libc::sigaction,
    blocked: Signals,
    /// Whether it came since.
    received: Arc<AtomicBool>,
}

impl Alarm {
    /// Unblocks SIGALRM and catches it, so that it does nothing but end a
    /// blocking system call with EINTR.
    pub fn catch() -> Result<Self> {
        let blocked = Signals::change_blocked(libc::SIG_BLOCK, Signals::NONE)?;
        let mut action = MaybeUninit::uninit();
        // SAFETY: with a null pointer for the new action, this only reads the old one.
        check(unsafe { libc::sigaction(libc::SIGALRM, ptr::null(), action.as_mut_ptr()) })?;
        // SAFETY: the call succeeded.
        let action = unsafe { action.assume_init() };
        let received = Arc::new(AtomicBool::new(false));
        // musl unblocks two signals of its own when a handler is installed: one that
        // is pending, sent by whoever knows no musl, would end this process.
        let own = Signals(blocked.0 & Signals::OF_LIBC.0).take();
        Self::install(Arc::clone(&received))?;
        let waiting = Signals(blocked.0 & !Signals::ALARM.0);
        Signals::change_blocked(libc::SIG_SETMASK, waiting)?;
        for signal in own {
            requeue(&signal);
        }
        Ok(Self { action, blocked, received })
    }

    fn install(received: Arc<AtomicBool>) -> Result<()> {
        // SAFETY: storing to an atomic is safe in a signal handler.
        let registered = unsafe {
            signal_hook::low_level::register(libc::SIGALRM, move || received.store(true, Relaxed))
        };
        registered.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))?;
        // signal-hook lets system calls be restarted; a wait that restarts never ends.
        // SAFETY: this changes a flag of the action that was just installed.
        check(unsafe { siginterrupt(libc::SIGALRM, 1) })
    }

    /// Puts both back. `none_of_ours` says that no timer of this process has sent
    /// SIGALRM: if it came all the same, and was blocked, it has to stay pending, also
    /// across exec, for whoever waits for it.
    pub fn restore(self, none_of_ours: bool) {
        // The mask goes first: a signal that the caller had blocked must not meet
        // the caller's disposition. The kernel refuses neither.
        let _ = Signals::change_blocked(libc::SIG_SETMASK, self.blocked);
        // SAFETY: the action is what the kernel reported.
        unsafe { libc::sigaction(libc::SIGALRM, &raw const self.action, ptr::null_mut()) };
        let was_blocked = self.blocked.0 & Signals::ALARM.0 != 0;
        if was_blocked && none_of_ours && self.received.load(Relaxed) {
            let _ = process::kill_process(process::getpid(), Signal::ALARM);
        }
    }
}

/// Sends a signal that was taken away to this process again, just as it was.
fn requeue(signal: &libc::siginfo_t) {
    let pid = process::getpid().as_raw_nonzero().get();
    // SAFETY: the kernel reads the structure. A process may send itself any signal.
    unsafe { libc::syscall(libc::SYS_rt_sigqueueinfo, pid, signal.si_signo, &raw const *signal) };
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
    const OF_LIBC: Self = Self(0b111 << (32 - 1));
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

    /// Takes such signals away that are pending, in their order.
    fn take(self) -> Vec<libc::siginfo_t> {
        let none = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let next = || {
            let mut signal = MaybeUninit::<libc::siginfo_t>::uninit();
            // SAFETY: the set is of the size that is given; the rest lives long enough.
            let number = unsafe {
                libc::syscall(
                    libc::SYS_rt_sigtimedwait,
                    &raw const self.0,
                    signal.as_mut_ptr(),
                    &raw const none,
                    size_of::<u64>(),
                )
            };
            // SAFETY: the kernel has written it if there was one.
            (number > 0).then(|| unsafe { signal.assume_init() })
        };
        if self.0 == 0 { Vec::new() } else { iter::from_fn(next).collect() }
    }
}
