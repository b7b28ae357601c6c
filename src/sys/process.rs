//! Executing programs and ending processes.

use super::{Result, check, last_errno};
use rustix::io::Errno;
use rustix::process::Pid;
use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
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

    /// The vector for an interpreter that runs a script: its name, a place for the
    /// script's path, and this vector's words from the second on.
    pub fn for_interpreter(&self, interpreter: &'static CStr) -> ScriptArgv {
        let mut words = vec![interpreter.as_ptr(), ptr::null()];
        words.extend(self.words.iter().skip(1));
        ScriptArgv { words }
    }

    /// execve(2) with the environment that this process has. Returns only if it fails.
    pub fn execute(&self, path: &CStr) -> Errno {
        execute(path, &self.words)
    }
}

/// An argument vector whose second word, the path of a script, is found later.
pub struct ScriptArgv {
    words: Vec<*const c_char>,
}

impl ScriptArgv {
    /// execve(2) of the interpreter on `script`. Returns only if it fails.
    pub fn execute(&mut self, interpreter: &CStr, script: &CStr) -> Errno {
        if let Some(place) = self.words.get_mut(1) {
            *place = script.as_ptr();
        }
        execute(interpreter, &self.words)
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
/// It shares this one's memory until it executes a program or ends; this process
/// stands still until then.
/// Nothing is copied, so this costs the same however much memory there is.
/// No handler may be installed: it would run on the shared memory.
pub fn spawn<F: FnMut() -> u8>(mut child: F) -> Result<Pid> {
    extern "C" fn enter<F: FnMut() -> u8>(child: *mut c_void) -> c_int {
        // SAFETY: the pointer is the one given to clone(2) below; this process's
        // parent, to which the value belongs, stands still.
        let child = unsafe { &mut *child.cast::<F>() };
        c_int::from(child())
    }
    let mut stack: Vec<MaybeUninit<Aligned>> = Vec::with_capacity(CHILD_STACK);
    let top = stack.spare_capacity_mut().as_mut_ptr_range().end;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is large enough for what a child does, aligned, and
    // outlives the child's use of it, since CLONE_VFORK makes clone(2) return
    // only when the child has executed a program or ended.
    let pid = unsafe { libc::clone(enter::<F>, top.cast(), flags, (&raw mut child).cast()) };
    check(pid)?;
    Pid::from_raw(pid).ok_or(Errno::CHILD)
}

/// In units of [`Aligned`]: 64 KiB, of which a child touches two or three pages.
const CHILD_STACK: usize = 4096;

/// The unit of a stack, aligned as the ABIs of x86-64 and aarch64 want it.
#[repr(align(16))]
struct Aligned(#[allow(dead_code)] [u8; 16]);

/// Ends the process at once: no exit handlers, no buffers.
pub fn exit_now(status: u8) -> ! {
    // SAFETY: _exit(2) has no requirement.
    unsafe { libc::_exit(c_int::from(status)) }
}
