//! SIGALRM and the timers that send it.

use super::{Result, check, last_errno};
use rustix::io::Errno;
use rustix::process::{self, Signal};
use std::ffi::c_int;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

/// SIGALRM as it was before [`Alarm::catch`]: its disposition, and all blocked signals.
pub struct Alarm {
    action: libc::sigaction,
    mask: Mask,
    /// It had come already, and waited behind the mask.
    pending: bool,
}

impl Alarm {
    /// Unblocks SIGALRM and catches it, so that it does nothing but end a
    /// blocking system call with EINTR.
    pub fn catch() -> Result<Self> {
        let mask = Mask::change(libc::SIG_BLOCK, Mask(0))?;
        let pending = is_pending()?;
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
        Mask::change(libc::SIG_SETMASK, Mask(mask.0 & !ALARM.0))?;
        Ok(Self { action, mask, pending })
    }

    /// Puts both back.
    pub fn restore(self) {
        // The mask goes first: a signal that the caller had blocked must not meet
        // the caller's disposition. The kernel refuses neither.
        let _ = Mask::change(libc::SIG_SETMASK, self.mask);
        // SAFETY: the action is what the kernel reported.
        unsafe { libc::sigaction(libc::SIGALRM, &raw const self.action, ptr::null_mut()) };
        // Blocked and pending, it outlives exec: the command must find it so.
        if self.pending {
            let _ = process::kill_process(process::getpid(), Signal::ALARM);
        }
    }
}

/// A set of blocked signals, as the kernel has it: the C libraries hide the signals
/// that they use themselves, and the command must get those as they were, too.
#[derive(Clone, Copy)]
struct Mask(u64);

const ALARM: Mask = Mask(1 << (libc::SIGALRM - 1));

impl Mask {
    /// Changes the blocked signals and returns those that were blocked before.
    fn change(how: c_int, set: Self) -> Result<Self> {
        let mut old = Self(0);
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
}

fn is_pending() -> Result<bool> {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: the set is written on success.
    check(unsafe { libc::sigpending(pending.as_mut_ptr()) })?;
    // SAFETY: sigpending(2) succeeded.
    Ok(unsafe { libc::sigismember(pending.as_ptr(), libc::SIGALRM) } == 1)
}

unsafe extern "C" {
    /// POSIX; the libc crate does not declare it.
    fn siginterrupt(signal: c_int, flag: c_int) -> c_int;
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
