//! Timers that send SIGALRM.

use super::{Result, check};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

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
