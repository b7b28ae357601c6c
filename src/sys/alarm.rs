//! SIGALRM and the timers that send it.

use super::{Result, check};
use rustix::io::Errno;
use std::ffi::c_int;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

/// SIGALRM as it was before [`Alarm::catch`]: its disposition and the mask of blocked signals.
pub struct Alarm {
    action: libc::sigaction,
    mask: libc::sigset_t,
    pending: libc::sigset_t,
}

impl Alarm {
    /// Unblocks SIGALRM and catches it, so that it does nothing but end a
    /// blocking system call with EINTR.
    pub fn catch() -> Result<Self> {
        let mut old = MaybeUninit::uninit();
        // SAFETY: with a null pointer for the new action, this only reads the old one.
        check(unsafe { libc::sigaction(libc::SIGALRM, ptr::null(), old.as_mut_ptr()) })?;
        // SAFETY: an action that does nothing is safe in a signal handler.
        let registered = unsafe { signal_hook::low_level::register(libc::SIGALRM, || ()) };
        registered.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))?;
        // signal-hook lets system calls be restarted; a wait that restarts never ends.
        // SAFETY: this changes a flag of the action that was just installed.
        check(unsafe { siginterrupt(libc::SIGALRM, 1) })?;
        let (mut pending, mut mask) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: the set is written on success.
        check(unsafe { libc::sigpending(pending.as_mut_ptr()) })?;
        let alarm = alarm_set();
        // SAFETY: both sets are valid; the old mask is written on success.
        check(unsafe {
            libc::sigprocmask(libc::SIG_UNBLOCK, &raw const alarm, mask.as_mut_ptr())
        })?;
        // SAFETY: sigaction(2) succeeded.
        let action = unsafe { old.assume_init() };
        // SAFETY: sigprocmask(2) succeeded.
        let mask = unsafe { mask.assume_init() };
        // SAFETY: sigpending(2) succeeded.
        let pending = unsafe { pending.assume_init() };
        Ok(Self { action, mask, pending })
    }

    /// Whether SIGALRM had come already, and waited behind the mask.
    pub fn was_pending(&self) -> bool {
        // SAFETY: the set was filled in by sigpending(2).
        unsafe { libc::sigismember(&raw const self.pending, libc::SIGALRM) == 1 }
    }

    /// Puts both back.
    pub fn restore(&self) {
        // The mask goes first: a signal that the caller had blocked must not meet
        // the caller's disposition.
        // SAFETY: the mask is what the kernel reported.
        unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const self.mask, ptr::null_mut()) };
        // SAFETY: the action is what the kernel reported.
        unsafe { libc::sigaction(libc::SIGALRM, &raw const self.action, ptr::null_mut()) };
    }
}

unsafe extern "C" {
    /// POSIX; the libc crate does not declare it.
    fn siginterrupt(signal: c_int, flag: c_int) -> c_int;
}

fn alarm_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset(3) fills the whole set, then SIGALRM is a valid member.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGALRM);
        set.assume_init()
    }
}

/// A timer of this process that sends SIGALRM, on the monotonic clock; deleted when dropped.
///
/// Not setitimer(2): that timer belongs to whoever started us, and outlives exec.
pub struct Timer {
    id: libc::timer_t,
    /// Not to be sent to another thread.
    local: PhantomData<*const ()>,
}

impl Timer {
    /// Starts a timer that sends its first signal after `first`, then one every `interval`.
    pub fn start(first: Duration, interval: Duration) -> Result<Self> {
        let mut id = MaybeUninit::uninit();
        // SAFETY: the structure is made of integers and a union of them.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = libc::SIGALRM;
        // SAFETY: both pointers are valid; the number is written on success.
        check(unsafe {
            libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, id.as_mut_ptr())
        })?;
        // SAFETY: timer_create(2) succeeded.
        let timer = Self { id: unsafe { id.assume_init() }, local: PhantomData };
        let schedule =
            libc::itimerspec { it_interval: timespec(interval), it_value: timespec(first) };
        // SAFETY: the timer exists and the schedule outlives the call.
        check(unsafe { libc::timer_settime(timer.id, 0, &raw const schedule, ptr::null_mut()) })?;
        Ok(timer)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: the timer exists. An error is of no consequence.
        unsafe { libc::timer_delete(self.id) };
    }
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
