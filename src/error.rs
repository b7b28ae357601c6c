//! What can go wrong: one enum with its text and its exit status.

use crate::errno;
use crate::exit::Exit;
use crate::options::Opt;
use crate::printable::printable;
use rustix::io::Errno;
use rustix::process::Pid;
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
    /// Two options that exclude each other.
    IncompatibleOptions(Opt, Opt),
    /// An option that is nothing without a command, or, but for `--forward-signals`, a process.
    NeedsCommand(Opt),
    /// `--for-pid` with a command, too.
    ForPidCommand,
    /// `--for-pid` with a descriptor number in place of a file.
    ForPidDescriptor(&'static CStr),
    /// `--holders` with both files and `--fd`.
    HoldersOfBoth,
    /// The value of an option, or the operand, that stands for something else.
    InvalidValue(Value, OsString, Option<Errno>),
    /// `-c` or `--command`, as typed, without exactly one word for the shell.
    CommandCount(&'static CStr),
    /// Nothing to lock.
    MissingTarget,
    /// `--fd` without a command.
    MissingCommand,
    /// `pidfd_open`(2) on the process of `--for-pid`.
    Process(Pid, Errno),
    /// The process of `--for-pid` is this one, which is about to end.
    OwnProcess(Pid),
    /// The process of `--for-pid` ended before the lock was its.
    ProcessEnded(Pid),
    /// stat(2) on what `--holders` is to look at, named as the user did.
    Find(OsString, Errno),
    /// Reading /proc.
    Survey(Errno),
    /// The keeper of `--for-pid` could not be left behind.
    Keeper(Errno),
    /// open(2) on the lock file.
    Open(&'static CStr, Errno),
    /// Setting up the timer of `--timeout`.
    Timer(Errno),
    /// The lock call, on a file or a numbered descriptor, named as the user did.
    Lock(OsString, Errno),
    /// Setting up `--forward-signals`.
    Signals(Errno),
    /// fork(2).
    Fork(Errno),
    /// execve(2), after the search along PATH.
    Execute(&'static CStr, Errno),
    /// waitpid(2).
    Wait(Errno),
    /// write(2) on standard output.
    Write(Errno),
}

/// What an invalid value was meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The only operand.
    Operand,
    /// `--fd`.
    Descriptor,
    /// `--timeout`.
    Timeout,
    /// `--conflict-exit-code`.
    ExitCode,
    /// `--start`.
    Start,
    /// `--length`.
    Length,
    /// `--for-pid`.
    Process,
}

impl Error {
    /// The status to exit with, by the mapping that util-linux documents.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NotEnoughArguments
            | Self::UnrecognizedOption(_)
            | Self::MissingValue(_)
            | Self::IncompatibleOptions(..)
            | Self::NeedsCommand(_)
            | Self::ForPidCommand
            | Self::ForPidDescriptor(_)
            | Self::HoldersOfBoth
            | Self::OwnProcess(_)
            | Self::InvalidValue(..)
            | Self::CommandCount(_)
            | Self::MissingTarget
            | Self::MissingCommand => Exit::Usage,
            Self::Process(_, Errno::SRCH) | Self::ProcessEnded(_) => Exit::NoInput,
            Self::Process(..) => Exit::OsError,
            Self::Find(..) => Exit::NoInput,
            Self::Survey(_) | Self::Keeper(_) => Exit::OsError,
            Self::Open(_, Errno::MFILE | Errno::NFILE | Errno::NOMEM) => Exit::OsError,
            Self::Open(_, Errno::ROFS | Errno::NOSPC) => Exit::CannotCreate,
            Self::Open(..) => Exit::NoInput,
            Self::Lock(_, Errno::NOLCK | Errno::NOMEM) => Exit::OsError,
            Self::Lock(..) => Exit::DataError,
            Self::Execute(_, Errno::NOMEM) | Self::Timer(_) | Self::Signals(_) | Self::Fork(_) => {
                Exit::OsError
            }
            Self::Execute(..) => Exit::Unavailable,
            Self::Wait(_) | Self::Write(_) => Exit::Failure,
        }
    }

    /// The message, without the program's name, the reason and the newline.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Self::NotEnoughArguments => b"not enough arguments".to_vec(),
            Self::UnrecognizedOption(word) => quoted(b"unrecognized option", word, b""),
            Self::MissingValue(word) => quoted(b"option", word, b" requires an argument"),
            Self::IncompatibleOptions(one, other) => {
                let (one, other) = (one.name(), other.name());
                format!("the --{one} and --{other} options are incompatible").into_bytes()
            }
            Self::NeedsCommand(opt) => needs_command(*opt),
            Self::ForPidCommand => b"--for-pid takes one file, and no command".to_vec(),
            Self::ForPidDescriptor(word) => {
                quoted(b"--for-pid takes a file, not descriptor", word, b"")
            }
            Self::HoldersOfBoth => b"--holders takes files or --fd, not both".to_vec(),
            Self::InvalidValue(meant, value, _) => {
                [b"invalid ", meant.text(), b": '", value.as_bytes(), b"'"].concat()
            }
            Self::CommandCount(word) => {
                [word.to_bytes(), b" requires exactly one command argument"].concat()
            }
            Self::MissingTarget => b"missing file descriptor, file or directory".to_vec(),
            Self::MissingCommand => b"missing command".to_vec(),
            Self::Process(pid, _) => format!("cannot watch process {pid}").into_bytes(),
            Self::OwnProcess(pid) => format!("process {pid} is flock itself").into_bytes(),
            Self::ProcessEnded(pid) => format!("process {pid} has ended").into_bytes(),
            Self::Find(name, _) => {
                [b"cannot find ", printable(name.as_bytes()).as_bytes()].concat()
            }
            Self::Survey(_) => b"cannot read /proc".to_vec(),
            Self::Keeper(_) => b"cannot leave a keeper behind".to_vec(),
            Self::Open(name, _) => [b"cannot open lock file ", name.to_bytes()].concat(),
            Self::Timer(_) => b"cannot set up timer".to_vec(),
            Self::Lock(name, _) => name.as_bytes().to_vec(),
            Self::Signals(_) => b"cannot forward signals".to_vec(),
            Self::Fork(_) => b"fork failed".to_vec(),
            Self::Execute(program, _) => [b"failed to execute ", program.to_bytes()].concat(),
            Self::Wait(_) => b"waitpid failed".to_vec(),
            Self::Write(_) => b"write error".to_vec(),
        }
    }

    /// The system's reason, where the message ends with one.
    pub fn reason(&self) -> Option<Cow<'static, str>> {
        match *self {
            Self::InvalidValue(.., reason) => reason.map(errno::text),
            Self::Process(_, reason)
            | Self::Find(_, reason)
            | Self::Survey(reason)
            | Self::Keeper(reason)
            | Self::Open(_, reason)
            | Self::Timer(reason)
            | Self::Lock(_, reason)
            | Self::Signals(reason)
            | Self::Fork(reason)
            | Self::Execute(_, reason)
            | Self::Wait(reason)
            | Self::Write(reason) => Some(errno::text(reason)),
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

fn quoted(before: &[u8], word: &CStr, after: &[u8]) -> Vec<u8> {
    [before, b" '", word.to_bytes(), b"'", after].concat()
}

/// What an option needs without which it is nothing.
fn needs_command(opt: Opt) -> Vec<u8> {
    let or = if opt == Opt::ForwardSignals { "" } else { " or --for-pid" };
    format!("--{} needs a command{or}", opt.name()).into_bytes()
}

impl Value {
    fn text(self) -> &'static [u8] {
        match self {
            Self::Operand | Self::Descriptor => b"file descriptor",
            Self::Timeout => b"timeout",
            Self::ExitCode => b"exit code (allowed values: 0-255)",
            Self::Start => b"as start offset",
            Self::Length => b"as length of lock range",
            Self::Process => b"process ID",
        }
    }
}
