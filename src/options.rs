//! The options and their names.

use std::ffi::CStr;

/// What an option stands for, whichever of its names was used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Opt {
    /// Take a shared lock.
    Shared,
    /// Take an exclusive lock.
    Exclusive,
    /// Give the lock up.
    Unlock,
    /// Do not wait.
    Nonblocking,
    /// Wait so long.
    Timeout,
    /// The exit status of a conflict or timeout.
    ConflictExitCode,
    /// Run the command without the lock's descriptor.
    Close,
    /// Run the command in place of flock.
    NoFork,
    /// Lock by fcntl(2).
    Fcntl,
    /// The first byte to lock.
    Start,
    /// How many bytes to lock.
    Length,
    /// Lock this descriptor.
    Fd,
    /// Say what happens.
    Verbose,
    /// Print the usage.
    Help,
    /// Print the version.
    Version,
    /// Give the command to the shell. Not in the tables: see [`asks_for_shell`].
    Command,
}

impl Opt {
    /// Whether a value follows.
    pub fn takes_value(self) -> bool {
        matches!(
            self,
            Self::Timeout | Self::ConflictExitCode | Self::Start | Self::Length | Self::Fd
        )
    }
}

/// Every long name.
pub const LONG: [(&str, Opt); 17] = [
    ("shared", Opt::Shared),
    ("exclusive", Opt::Exclusive),
    ("unlock", Opt::Unlock),
    ("nonblocking", Opt::Nonblocking),
    ("nb", Opt::Nonblocking),
    ("timeout", Opt::Timeout),
    ("wait", Opt::Timeout),
    ("conflict-exit-code", Opt::ConflictExitCode),
    ("close", Opt::Close),
    ("no-fork", Opt::NoFork),
    ("fcntl", Opt::Fcntl),
    ("start", Opt::Start),
    ("length", Opt::Length),
    ("fd", Opt::Fd),
    ("verbose", Opt::Verbose),
    ("help", Opt::Help),
    ("version", Opt::Version),
];

/// The option of a long name or of an abbreviation. An abbreviation is good if
/// all the names that it could stand for mean the same.
pub fn long(name: &str) -> Option<Opt> {
    if let Some((_, opt)) = LONG.iter().find(|(long, _)| *long == name) {
        return Some(*opt);
    }
    let mut fitting = LONG.iter().filter(|(long, _)| long.starts_with(name)).map(|(_, opt)| *opt);
    let first = fitting.next()?;
    fitting.all(|opt| opt == first).then_some(first)
}

/// The option of a letter.
pub fn short(letter: char) -> Option<Opt> {
    Some(match letter {
        's' => Opt::Shared,
        'e' | 'x' => Opt::Exclusive,
        'u' => Opt::Unlock,
        'n' => Opt::Nonblocking,
        'w' => Opt::Timeout,
        'E' => Opt::ConflictExitCode,
        'o' => Opt::Close,
        'F' => Opt::NoFork,
        'h' => Opt::Help,
        'V' => Opt::Version,
        _ => return None,
    })
}

/// Whether a word asks for the shell. util-linux knows just these two words:
/// neither letter nor name can be clustered, abbreviated or given a value.
pub fn asks_for_shell(word: &CStr) -> bool {
    matches!(word.to_bytes(), b"-c" | b"--command")
}
