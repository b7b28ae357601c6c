//! What can go wrong: one enum with its text and its exit status.

use crate::errno;
use crate::exit::Exit;
use rustix::io::Errno;
use std::borrow::Cow;
use std::ffi::{CStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Why flock ends without having done what it was asked to do.
///
/// Words of the command line are kept as the bytes they came in. A reason is
/// there where util-linux prints one.
#[derive(Debug)]
pub enum Error {
    /// No argument at all.
    NotEnoughArguments,
    /// A word that holds an unknown or ambiguous option, or a value that the option does not take.
    UnrecognizedOption(&'static CStr),
    /// A word whose option lacks its value.
    MissingValue(&'static CStr),
    /// `--no-fork` together with `--close`.
    IncompatibleOptions,
    /// The value of an option, or the operand, that stands for something else.
    InvalidValue(Value, OsString, Option<Errno>),
    /// `-c` or `--command`, as typed, without exactly one word for the shell.
    CommandCount(&'static CStr),
    /// Nothing to lock.
    MissingTarget,
    /// `--fd` without a command.
    MissingCommand,
    /// open(2) on the lock file.
    Open(&'static CStr, Errno),
    /// Setting up the timer of `--timeout`.
    Timer(Errno),
    /// The lock call, on a file or a numbered descriptor, named as the user did.
    Lock(OsString, Errno),
    /// fork(2).
    Fork(Errno),
    /// execve(2), after the search along PATH.
    Execute(&'static CStr, Errno),
    /// waitpid(2).
    Wait(Errno),
}

/// What an invalid value was meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The operand, or `--fd`.
    Descriptor,
    /// `--timeout`.
    Timeout,
    /// `--conflict-exit-code`.
    ExitCode,
    /// `--start`.
    Start,
    /// `--length`.
    Length,
}

impl Error {
    /// The status to exit with, by the mapping that util-linux documents.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NotEnoughArguments
            | Self::UnrecognizedOption(_)
            | Self::MissingValue(_)
            | Self::IncompatibleOptions
            | Self::InvalidValue(..)
            | Self::CommandCount(_)
            | Self::MissingTarget
            | Self::MissingCommand => Exit::Usage,
            Self::Open(_, Errno::MFILE | Errno::NFILE | Errno::NOMEM) => Exit::OsError,
            Self::Open(_, Errno::ROFS | Errno::NOSPC) => Exit::CannotCreate,
            Self::Open(..) => Exit::NoInput,
            Self::Lock(_, Errno::NOLCK | Errno::NOMEM) => Exit::OsError,
            Self::Lock(..) => Exit::DataError,
            Self::Execute(_, Errno::NOMEM) | Self::Timer(_) | Self::Fork(_) => Exit::OsError,
            Self::Execute(..) => Exit::Unavailable,
            Self::Wait(_) => Exit::Failure,
        }
    }

    /// The message, without the program's name, the reason and the newline.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Self::NotEnoughArguments => b"not enough arguments".to_vec(),
            Self::UnrecognizedOption(word) => {
                [b"unrecognized option '", word.to_bytes(), b"'"].concat()
            }
            Self::MissingValue(word) => {
                [b"option '", word.to_bytes(), b"' requires an argument"].concat()
            }
            Self::IncompatibleOptions => {
                b"the --no-fork and --close options are incompatible".to_vec()
            }
            Self::InvalidValue(meant, value, _) => {
                [b"invalid ", meant.text(), b": '", value.as_bytes(), b"'"].concat()
            }
            Self::CommandCount(word) => {
                [word.to_bytes(), b" requires exactly one command argument"].concat()
            }
            Self::MissingTarget => b"missing file descriptor, file or directory".to_vec(),
            Self::MissingCommand => b"missing command".to_vec(),
            Self::Open(name, _) => [b"cannot open lock file ", name.to_bytes()].concat(),
            Self::Timer(_) => b"cannot set up timer".to_vec(),
            Self::Lock(name, _) => name.as_bytes().to_vec(),
            Self::Fork(_) => b"fork failed".to_vec(),
            Self::Execute(program, _) => [b"failed to execute ", program.to_bytes()].concat(),
            Self::Wait(_) => b"waitpid failed".to_vec(),
        }
    }

    /// The system's reason, where the message ends with one.
    pub fn reason(&self) -> Option<Cow<'static, str>> {
        match *self {
            Self::InvalidValue(.., reason) => reason.map(errno::text),
            Self::Open(_, reason)
            | Self::Timer(reason)
            | Self::Lock(_, reason)
            | Self::Fork(reason)
            | Self::Execute(_, reason)
            | Self::Wait(reason) => Some(errno::text(reason)),
            _ => None,
        }
    }

    /// Whether the message is followed by a pointer to `--help`.
    pub fn points_to_help(&self) -> bool {
        matches!(
            self,
            Self::NotEnoughArguments | Self::UnrecognizedOption(_) | Self::MissingValue(_)
        )
    }
}

impl Value {
    fn text(self) -> &'static [u8] {
        match self {
            Self::Descriptor => b"file descriptor",
            Self::Timeout => b"timeout",
            Self::ExitCode => b"exit code (allowed values: 0-255)",
            Self::Start => b"as start offset",
            Self::Length => b"as length of lock range",
        }
    }
}
