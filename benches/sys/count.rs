//! Counts what a program does, by stopping it at each step.

use crate::sys::pin::Pin;
use crate::sys::spawn::{self, Child, Launch};
use std::ffi::{c_int, c_uint, c_ulong};
use std::io::{Error, Result};
use std::ptr;
use std::time::Duration;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Those of user space, from the first one of the new program to its end. On x86, an
    /// instruction that repeats itself stops, and counts, at each repetition.
    Instructions,
    /// From the first one after execve(2) to the one that ends the program.
    SystemCalls,
}

/// A stop for a system call, as `PTRACE_O_TRACESYSGOOD` marks it.
const AT_SYSTEM_CALL: c_int = libc::SIGTRAP | 0x80;

/// Runs the job to its end under ptrace(2), at fixed addresses, and counts. A job that
/// takes longer than the limit is ended by an alarm.
///
/// Both sides share a processor: they take turns anyway, and to wake the other side on an
/// idle processor costs several times what a step does.
pub fn count(launch: &Launch, counted: Counted, limit: Duration) -> Result<u64> {
    step_through(launch, counted, limit, |_| Ok(()))
}

/// As `count`; `look` is given the child at each stop, before it goes on.
pub(super) fn step_through(
    launch: &Launch,
    counted: Counted,
    limit: Duration,
    look: impl FnMut(libc::pid_t) -> Result<()>,
) -> Result<u64> {
    let seconds = c_uint::try_from(limit.as_secs()).unwrap_or(c_uint::MAX).max(1);
    let _pin = Pin::here()?;
    // SAFETY: the child calls nothing but system calls until it executes the program.
    let id = unsafe { libc::fork() };
    match id {
        -1 => Err(Error::last_os_error()),
        // SAFETY: we are the child.
        0 => unsafe { become_traced(launch, seconds) },
        id => follow(&mut Child::adopt(id), counted, look),
    }
}

/// Turns this process into the job.
///
/// # Safety
/// Only for a child that has just been forked: it never returns.
unsafe fn become_traced(launch: &Launch, seconds: c_uint) -> ! {
    // SAFETY: system calls with plain numbers, and lists that end with a null pointer.
    unsafe {
        for &(ours, theirs) in &launch.job.descriptors {
            libc::dup2(ours, theirs);
        }
        #[allow(clippy::cast_sign_loss, reason = "a flag")]
        libc::personality(libc::ADDR_NO_RANDOMIZE as c_ulong);
        libc::alarm(seconds);
        libc::ptrace(libc::PTRACE_TRACEME, 0, ptr::null_mut::<u8>(), ptr::null_mut::<u8>());
        let (words, environment) = (launch.words.as_ptr(), launch.environment.as_ptr());
        libc::execve(*words, words.cast(), environment.cast());
        libc::_exit(127);
    }
}

/// From the stop that execve(2) ends with to the end of the program.
fn follow(
    child: &mut Child,
    counted: Counted,
    mut look: impl FnMut(libc::pid_t) -> Result<()>,
) -> Result<u64> {
    let id = child.id();
    let (status, _) = spawn::wait(id)?;
    if !libc::WIFSTOPPED(status) || libc::WSTOPSIG(status) != libc::SIGTRAP {
        if !libc::WIFSTOPPED(status) {
            child.forget();
        }
        return Err(Error::other("it cannot be traced"));
    }
    let options = libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD;
    trace(libc::PTRACE_SETOPTIONS as _, id, options)?;
    let (request, step) = match counted {
        Counted::Instructions => (libc::PTRACE_SINGLESTEP, libc::SIGTRAP),
        Counted::SystemCalls => (libc::PTRACE_SYSCALL, AT_SYSTEM_CALL),
    };
    let (mut stops, mut signal) = (0, 0);
    loop {
        // After a signal it is where it was.
        if signal == 0 {
            look(id)?;
        }
        trace(request as _, id, signal)?;
        let (status, _) = spawn::wait(id)?;
        if !libc::WIFSTOPPED(status) {
            child.forget();
            match libc::WTERMSIG(status) {
                0 => (),
                libc::SIGALRM => return Err(Error::other("no end within the time allowed")),
                signal => return Err(Error::other(format!("ended by signal {signal}"))),
            }
            break;
        }
        let stopped_by = libc::WSTOPSIG(status);
        stops += u64::from(stopped_by == step);
        signal = if stopped_by == step { 0 } else { stopped_by };
    }
    // The last one is not followed by a stop; of the calls before it, each has two.
    Ok(if counted == Counted::Instructions { stops + 1 } else { stops.div_ceil(2) })
}

fn trace(request: c_uint, id: libc::pid_t, data: c_int) -> Result<()> {
    let none = ptr::null_mut::<u8>();
    // SAFETY: requests that take a number and touch no memory of ours.
    match unsafe { libc::ptrace(request as _, id, none, i64::from(data)) } {
        -1 => Err(Error::last_os_error()),
        _ => Ok(()),
    }
}
