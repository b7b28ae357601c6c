//! Signals: what is caught, blocked, pending, and put back.

use super::{Result, check, last_errno};
use rustix::io::Errno;
use rustix::process::{self, Signal};
use std::ffi::c_int;
use std::iter;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Gives SIGCHLD its default disposition.
///
/// A caller that ignores it would have the kernel reap the command before waitpid(2).
pub fn default_sigchld() {
    // SAFETY: SIG_DFL is a valid disposition of SIGCHLD; this cannot fail.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Blocks every signal that can be blocked.
pub fn block_all_signals() -> Result<()> {
    Signals::change_blocked(libc::SIG_SETMASK, Signals(u64::MAX)).map(|_| ())
}

/// Ends this process as a signal that it has caught would have, had it not been.
pub fn die_of(signal: Signal) {
    let _ = signal_hook::low_level::emulate_default_handler(signal.as_raw());
}

/// Runs `write` such that a signal by which the kernel answers a failing write(2),
/// SIGPIPE or SIGXFSZ, or one from the background, SIGTTOU, has no effect at all, neither
/// now nor on a later program.
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

/// Signals that are caught for a while: SIGALRM, and perhaps those that end a process.
///
/// What they were before is put back by [`Caught::restore`].
pub struct Caught {
    actions: Vec<(c_int, libc::sigaction)>,
    blocked: Signals,
    /// Those that came since, from others than this process's own timers.
    received: Arc<AtomicU64>,
}

/// The signals by which people and the system end a process that can still say something.
const LAST_WORDS: [c_int; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

impl Caught {
    /// Unblocks SIGALRM and catches it, so that it does nothing but end a blocking
    /// system call with EINTR. Where `last_words` says so, those signals that would end
    /// this process are caught as well; where `child` says so, SIGCHLD is, like SIGALRM.
    pub fn catch(last_words: bool, child: bool) -> Result<Self> {
        let blocked = Signals::change_blocked(libc::SIG_BLOCK, Signals::NONE)?;
        let mut caught = Self { actions: Vec::new(), blocked, received: Arc::default() };
        // musl unblocks two signals of its own when a handler is installed: one that
        // is pending, sent by whoever knows no musl, would end this process.
        let own = Signals(blocked.0 & Signals::OF_LIBC.0).take();
        caught.add(libc::SIGALRM)?;
        for signal in LAST_WORDS.into_iter().filter(|_| last_words) {
            if action(signal)?.sa_sigaction == libc::SIG_DFL && !blocked.has(signal) {
                caught.add(signal)?;
            }
        }
        let mut open = Signals::ALARM;
        if child {
            caught.add(libc::SIGCHLD)?;
            open.0 |= Signals::only(libc::SIGCHLD).0;
        }
        let waiting = Signals(blocked.0 & !open.0);
        Signals::change_blocked(libc::SIG_SETMASK, waiting)?;
        for signal in own {
            requeue(&signal);
        }
        Ok(caught)
    }

    fn add(&mut self, signal: c_int) -> Result<()> {
        self.actions.push((signal, action(signal)?));
        let received = Arc::clone(&self.received);
        let note = move |info: &libc::siginfo_t| {
            if info.si_code != SI_TIMER && signal != libc::SIGCHLD {
                received.fetch_or(Signals::only(signal).0, Relaxed);
            }
        };
        // SAFETY: changing an atomic is safe in a signal handler.
        let registered = unsafe { signal_hook_registry::register_sigaction(signal, note) };
        registered.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))?;
        // signal-hook lets system calls be restarted; a wait that restarts never ends.
        let mut installed = action(signal)?;
        installed.sa_flags &= !libc::SA_RESTART;
        // Not siginterrupt(3): that of musl installs anything if the first call fails.
        // SAFETY: the action is the one that was just installed, but for a flag.
        check(unsafe { libc::sigaction(signal, &raw const installed, ptr::null_mut()) })
    }

    /// A signal that came and would have ended this process. `alarm` says whether
    /// SIGALRM would have: a timeout of one's own swallows it. Process 1 of a container
    /// does not end of a signal at its default.
    pub fn deadly(&self, alarm: bool) -> Option<Signal> {
        let received = Signals(self.received.load(Relaxed));
        let is_deadly = |(signal, action): &&(c_int, libc::sigaction)| {
            received.has(*signal)
                && action.sa_sigaction == libc::SIG_DFL
                && !self.blocked.has(*signal)
                && (alarm || *signal != libc::SIGALRM)
        };
        let (signal, _) = self.actions.iter().find(is_deadly)?;
        Signal::from_named_raw(*signal).filter(|_| !process::getpid().is_init())
    }

    /// Puts all back. A signal that came, but was blocked before, has to stay pending,
    /// also across exec, for whoever waits for it; and this process ends of one that
    /// would have ended it: `alarm` as for [`Caught::deadly`].
    pub fn restore(self, alarm: bool) {
        // The mask goes first: a signal that the caller had blocked must not meet
        // the caller's disposition. The kernel refuses neither.
        let _ = Signals::change_blocked(libc::SIG_SETMASK, self.blocked);
        for (signal, action) in &self.actions {
            // SAFETY: the action is what the kernel reported.
            unsafe { libc::sigaction(*signal, action, ptr::null_mut()) };
        }
        let received = Signals(self.received.load(Relaxed));
        if self.blocked.has(libc::SIGALRM) && received.has(libc::SIGALRM) {
            let _ = process::kill_process(process::getpid(), Signal::ALARM);
        }
        if let Some(signal) = self.deadly(alarm) {
            die_of(signal);
        }
    }
}

/// What a signal does now.
pub(super) fn action(signal: c_int) -> Result<libc::sigaction> {
    let mut action = MaybeUninit::uninit();
    // SAFETY: with a null pointer for the new action, this only reads the old one.
    check(unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) })?;
    // SAFETY: the call succeeded.
    Ok(unsafe { action.assume_init() })
}

/// `si_code` of a signal that a timer of `timer_create`(2) sent: `asm-generic/siginfo.h`.
const SI_TIMER: c_int = -2;

/// Sends a signal that was taken away to this process again, just as it was.
fn requeue(signal: &libc::siginfo_t) {
    let pid = process::getpid().as_raw_nonzero().get();
    // SAFETY: the kernel reads the structure. A process may send itself any signal.
    unsafe { libc::syscall(libc::SYS_rt_sigqueueinfo, pid, signal.si_signo, &raw const *signal) };
}

/// A set of signals, as the kernel has it: the C libraries hide the signals that they
/// use themselves, and the command must get those as they were, too.
#[derive(Clone, Copy)]
pub(super) struct Signals(pub(super) u64);

impl Signals {
    const NONE: Self = Self(0);
    const ALARM: Self = Self::only(libc::SIGALRM);
    const OF_LIBC: Self = Self(0b111 << (32 - 1));
    const OF_WRITE: Self = Self(
        Self::only(libc::SIGPIPE).0 | Self::only(libc::SIGXFSZ).0 | Self::only(libc::SIGTTOU).0,
    );

    pub(super) const fn only(signal: c_int) -> Self {
        Self(1 << (signal - 1))
    }

    pub(super) fn has(self, signal: c_int) -> bool {
        self.0 & Self::only(signal).0 != 0
    }

    /// Changes the blocked signals and returns those that were blocked before.
    pub(super) fn change_blocked(how: c_int, set: Self) -> Result<Self> {
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
    pub(super) fn pending() -> Self {
        let mut set = Self::NONE;
        // SAFETY: the set is of the size that is given. This cannot fail.
        unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut set.0, size_of::<u64>()) };
        set
    }

    /// Takes such signals away that are pending, in their order.
    pub(super) fn take(self) -> Vec<libc::siginfo_t> {
        let next = || self.take_one().ok().flatten();
        if self.0 == 0 { Vec::new() } else { iter::from_fn(next).collect() }
    }

    /// Takes the first such signal away, if any is pending.
    pub(super) fn take_one(self) -> Result<Option<libc::siginfo_t>> {
        let none = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        self.await_one(&raw const none)
    }

    /// Takes one such signal away, waiting at most so long; without a limit if that is null.
    /// None if none came, or another one that was caught.
    pub(super) fn await_one(self, limit: *const libc::timespec) -> Result<Option<libc::siginfo_t>> {
        let mut signal = MaybeUninit::<libc::siginfo_t>::uninit();
        // SAFETY: the set is of the size that is given; the rest lives long enough.
        let number = unsafe {
            libc::syscall(
                libc::SYS_rt_sigtimedwait,
                &raw const self.0,
                signal.as_mut_ptr(),
                limit,
                size_of::<u64>(),
            )
        };
        if number > 0 {
            // SAFETY: there was one, so the kernel has written it.
            return Ok(Some(unsafe { signal.assume_init() }));
        }
        match last_errno() {
            Errno::AGAIN | Errno::INTR => Ok(None),
            errno => Err(errno),
        }
    }
}
