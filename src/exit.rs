//! Every exit status of flock, with its name from sysexits(3).

/// An exit status that flock chooses itself, as opposed to one that it passes
/// on from a command or takes from `--conflict-exit-code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Success = 0,
    /// Output could not be written, or the command could not be waited for;
    /// also the status of a conflict unless `--conflict-exit-code` says more.
    Failure = 1,
    /// `EX_USAGE`: the command line is wrong.
    Usage = 64,
    /// `EX_DATAERR`: the lock call refused the descriptor or the range.
    DataError = 65,
    /// `EX_NOINPUT`: the lock file could not be opened.
    NoInput = 66,
    /// `EX_UNAVAILABLE`: the command could not be executed.
    Unavailable = 69,
    /// `EX_OSERR`: the system is out of descriptors, memory, locks, processes or timers.
    OsError = 71,
    /// `EX_CANTCREAT`: the file system is full or read-only.
    CannotCreate = 73,
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        exit as Self
    }
}
