//! The arguments and the environment that the process was given.

use super::process::Argv;
use std::ffi::{CStr, c_char, c_int};

/// The program's arguments, as the kernel laid them out: they live, unchanged,
/// as long as the process.
#[derive(Clone, Copy)]
pub struct Args {
    /// The pointers, without the null pointer that follows them.
    words: &'static [*const c_char],
}

impl Args {
    /// Wraps what a C `main` is given.
    ///
    /// # Safety
    /// `words` must be the vector of `count` strings and a null pointer that the
    /// C library hands to `main`.
    pub unsafe fn from_main(count: c_int, words: *const *const c_char) -> Self {
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: the caller vouches for the vector; nothing ever changes it.
        Self { words: unsafe { std::slice::from_raw_parts(words, count) } }
    }

    /// How many words there are, the program's name included.
    pub fn count(&self) -> usize {
        self.words.len()
    }

    /// The word at `index`; 0 is the program's name.
    pub fn get(&self, index: usize) -> Option<&'static CStr> {
        // SAFETY: each pointer leads to a string that lives as long as the process.
        self.words.get(index).map(|&word| unsafe { CStr::from_ptr(word) })
    }

    /// The words from `index` on as the argument vector of a command, not copied.
    pub fn command(&self, index: usize) -> Option<Argv> {
        if index >= self.words.len() {
            return None;
        }
        // SAFETY: a null pointer follows the last word, so the vector is one longer.
        let whole =
            unsafe { std::slice::from_raw_parts(self.words.as_ptr(), self.words.len() + 1) };
        whole.get(index..).map(Argv::borrowed)
    }
}

/// Makes `fn(Args) -> u8` the program.
///
/// A C `main`, since what the standard library does before a Rust one would be
/// seen by the command: it opens /dev/null for closed standard descriptors,
/// ignores SIGPIPE and installs a handler of SIGSEGV.
#[macro_export]
macro_rules! entry {
    ($run:path) => {
        /// The entry point.
        ///
        /// # Safety
        /// Only the C library may call it, with the arguments of the process.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn main(
            argc: std::ffi::c_int,
            argv: *const *const std::ffi::c_char,
        ) -> std::ffi::c_int {
            // SAFETY: the caller is the C library.
            $crate::sys::exit_now($run(unsafe { $crate::sys::Args::from_main(argc, argv) }))
        }
    };
}

/// The value of an environment variable, byte for byte.
pub fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: `name` is a string; the environment never changes, so what
    // getenv(3) returns stays valid.
    unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value))
    }
}
