//! Executing programs and ending processes.

use super::{Result, last_errno};
use rustix::fd::RawFd;
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int};
use std::ptr;

/// An argument vector for execve(2): at least one word, and a null pointer at its end.
pub struct Argv {
    words: Cow<'static, [*const c_char]>,
}

impl Argv {
    /// A vector that lives as long as the process. It has a string and ends with a null pointer.
    pub(super) fn borrowed(words: &'static [*const c_char]) -> Self {
        Self { words: Cow::Borrowed(words) }
    }

    /// A vector of the words given.
    pub fn new(words: [&'static CStr; 3]) -> Self {
        let words = words.map(CStr::as_ptr).into_iter().chain([ptr::null()]).collect();
        Self { words: Cow::Owned(words) }
    }

    /// The first word, by which the command is found.
    pub fn program(&self) -> &'static CStr {
        // SAFETY: both constructors put at least one string into the vector, and
        // every string that they take lives as long as the process.
        self.words.first().map_or(c"", |&word| unsafe { CStr::from_ptr(word) })
    }

    /// execve(2) with the environment that this process has. Returns only if it fails.
    pub fn execute(&self, path: &CStr) -> Errno {
        execute(path, &self.words)
    }

    /// execve(2) of an interpreter, on a script in place of the first word. Returns
    /// only if it fails.
    pub fn interpret(&self, interpreter: &CStr, script: &CStr) -> Errno {
        let mut words = Vec::new();
        if words.try_reserve_exact(self.words.len() + 1).is_err() {
            return Errno::NOMEM;
        }
        words.extend([interpreter.as_ptr(), script.as_ptr()]);
        words.extend(self.words.iter().skip(1));
        execute(interpreter, &words)
    }
}

fn execute(path: &CStr, words: &[*const c_char]) -> Errno {
    // SAFETY: `words` ends with a null pointer and leads to strings that live
    // until the call is over; `environ` is the vector that the C library keeps.
    unsafe { libc::execve(path.as_ptr(), words.as_ptr(), environ()) };
    last_errno()
}

fn environ() -> *const *const c_char {
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    // SAFETY: this process has one thread and never changes its environment.
    unsafe { environ }
}

/// Runs `child` in a new process, which exits with what `child` returns.
///
/// A full copy, not one that shares memory until it executes a program: with such a
/// one, a stop of the whole process group, as by Ctrl-Z, can reach the child alone
/// while this process waits for it and cannot be stopped, or ended.
///
/// Its end sends `signal` to this process. If it sends none, the child stays to be waited
/// for even where SIGCHLD is ignored: so its number is not another process's before.
pub fn fork(signal: Option<Signal>, child: impl FnOnce() -> u8) -> Result<Pid> {
    let signal = signal.map_or(0, Signal::as_raw);
    // Not the C library's fork(3), which prepares for threads by several more calls.
    // SAFETY: this process has one thread, so the child may do all that this one may.
    match unsafe { libc::syscall(libc::SYS_clone, signal, 0, 0, 0, 0) } {
        0 => exit_now(child()),
        pid if pid < 0 => Err(last_errno()),
        pid => pid.try_into().ok().and_then(Pid::from_raw).ok_or(Errno::CHILD),
    }
}

/// Whether two descriptors, each of a process, are of one open file description, by kcmp(2).
/// Nothing, if the kernel does not tell.
pub fn is_same_description(one: (Pid, RawFd), other: (Pid, RawFd)) -> Option<bool> {
    const KCMP_FILE: c_int = 0;
    is_same(KCMP_FILE, one, other)
}

/// Whether two threads, by their numbers, have one table of descriptors. Nothing, if the
/// kernel does not tell.
pub fn is_same_table(one: Pid, other: Pid) -> Option<bool> {
    const KCMP_FILES: c_int = 2;
    is_same(KCMP_FILES, (one, 0), (other, 0))
}

fn is_same(what: c_int, one: (Pid, RawFd), other: (Pid, RawFd)) -> Option<bool> {
    let [first, second] = [one.0, other.0].map(|pid| pid.as_raw_nonzero().get());
    // SAFETY: kcmp(2) takes any numbers.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, first, second, what, one.1, other.1) };
    (order >= 0).then_some(order == 0)
}

/// Ends the process at once: no exit handlers, no buffers.
pub fn exit_now(status: u8) -> ! {
    // SAFETY: _exit(2) has no requirement.
    unsafe { libc::_exit(c_int::from(status)) }
}
