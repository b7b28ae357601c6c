//! What flock can be asked to do.

use crate::exit::Exit;
use crate::seconds::Timeout;
use crate::sys::Argv;
use rustix::process::Pid;
use std::ffi::{CStr, OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;

/// One run of flock.
pub enum Request {
    /// Print the usage.
    Help,
    /// Print the version.
    Version,
    /// Lock an open file description of the caller's, and leave it so.
    Lock {
        /// The number by which the caller has it.
        descriptor: RawFd,
        /// How to lock.
        locking: Locking,
    },
    /// Lock, and run a command under the lock.
    Run {
        /// What to lock.
        places: Places,
        /// How to lock.
        locking: Locking,
        /// What to run.
        command: Command,
        /// How to run it.
        launch: Launch,
    },
    /// Lock, and hold the lock as long as a process lives.
    Keep {
        /// Its process ID.
        process: Pid,
        /// What to lock: no descriptor is among it.
        places: Places,
        /// How to lock.
        locking: Locking,
    },
    /// Show who holds the locks on these, and who waits for them.
    Holders(Vec<Place>),
}

/// What is locked together: all of it or nothing.
pub struct Places {
    /// The first one.
    pub first: Place,
    /// More files.
    pub also: Vec<&'static CStr>,
    /// Remove the files when they are not needed any more. No descriptor is among them.
    pub remove: bool,
}

impl From<Place> for Places {
    fn from(first: Place) -> Self {
        Self { first, also: Vec::new(), remove: false }
    }
}

/// What is locked.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// A file or directory, by name.
    File(&'static CStr),
    /// A descriptor of the caller's, by number; not negative.
    Descriptor(RawFd),
}

impl Place {
    /// The name or number by which the user knows it.
    pub fn display(self) -> OsString {
        match self {
            Self::File(name) => OsStr::from_bytes(name.to_bytes()).to_owned(),
            Self::Descriptor(number) => number.to_string().into(),
        }
    }
}

/// How to lock.
#[derive(Clone, Copy)]
pub struct Locking {
    /// Which lock.
    pub mode: Mode,
    /// The bytes to lock by fcntl(2); none to lock the file by flock(2). The two
    /// kinds of lock do not see each other.
    pub range: Option<Range>,
    /// Give up at once rather than wait.
    pub nonblocking: bool,
    /// How long to wait.
    pub timeout: Timeout,
    /// The exit status of a conflict or timeout.
    pub conflict_exit: u8,
    /// Say what happens.
    pub verbose: bool,
}

impl Locking {
    /// Whether to wait for a lock that is not free.
    pub fn waits(&self) -> bool {
        !self.nonblocking && self.timeout != Timeout::Zero
    }
}

impl Default for Locking {
    fn default() -> Self {
        Self {
            mode: Mode::Exclusive,
            range: None,
            nonblocking: false,
            timeout: Timeout::Never,
            conflict_exit: Exit::Failure.into(),
            verbose: false,
        }
    }
}

/// Which lock is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One of many.
    Shared,
    /// The only one.
    Exclusive,
    /// None: give up what is held.
    Unlock,
}

/// Bytes of a file, counted from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first byte; not negative.
    pub start: i64,
    /// How many bytes; not negative. 0 reaches to the end of the file, however it grows.
    pub length: i64,
}

/// What to run under the lock.
pub enum Command {
    /// A program and its arguments.
    Program(Argv),
    /// A string for the shell that SHELL names.
    Shell(&'static CStr),
}

/// How to run the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launch {
    /// In a child.
    Fork {
        /// The child does not get the locked descriptors.
        close: bool,
        /// Signals that come are passed on to the child.
        forward: bool,
    },
    /// In place of flock.
    Replace,
}
