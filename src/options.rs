//! The options and their names.

use std::ffi::CStr;

/// What an option stands for, whichever of its names was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Show who holds the lock. Ours, as all that follow but the last.
    Holders,
    /// Hold the lock as long as this process lives.
    ForPid,
    /// Lock this file as well.
    Also,
    /// Remove the lock files afterwards.
    Remove,
    /// Pass signals on to the command.
    ForwardSignals,
    /// Give the command to the shell. Not in the tables: see [`asks_for_shell`].
    Command,
}

impl Opt {
    /// Whether a value follows.
    pub fn takes_value(self) -> bool {
        matches!(
            self,
            Self::Timeout
                | Self::ConflictExitCode
                | Self::Start
                | Self::Length
                | Self::Fd
                | Self::ForPid
                | Self::Also
        )
    }

    /// The long name by which messages speak of it.
    pub fn name(self) -> &'static str {
        let mut names = LONG.iter().chain(&OWN).filter(|(_, opt)| *opt == self);
        names.next().map_or("command", |(name, _)| name)
    }
}

/// Every long name that util-linux has.
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

/// Our own names. They cannot be abbreviated, so that none of them can ever make an
/// abbreviation of util-linux's ambiguous.
pub const OWN: [(&str, Opt); 5] = [
    ("holders", Opt::Holders),
    ("for-pid", Opt::ForPid),
    ("also", Opt::Also),
    ("remove", Opt::Remove),
    ("forward-signals", Opt::ForwardSignals),
];

/// The option of a long name or of an abbreviation. An abbreviation is good if
/// all the names that it could stand for mean the same.
pub fn long(name: &str) -> Option<Opt> {
    if let Some((_, opt)) = LONG.iter().chain(&OWN).find(|(long, _)| *long == name) {
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

/// Which options were given.
#[derive(Clone, Copy, Default)]
pub struct Given(u32);

impl Given {
    /// Notes an option. Of the three modes, the last one counts.
    pub fn add(&mut self, opt: Opt) {
        if MODES.contains(&opt) {
            self.0 &= !MODES.iter().fold(0, |set, mode| set | 1 << *mode as u32);
        }
        self.0 |= 1 << opt as u32;
    }

    /// Whether it was given.
    pub fn has(self, opt: Opt) -> bool {
        self.0 & (1 << opt as u32) != 0
    }

    /// Two of the given options that exclude each other.
    pub fn clash(self) -> Option<(Opt, Opt)> {
        let clashing = |others: &'static [Opt]| others.iter().find(|other| self.has(**other));
        let mut given = CLASHES.iter().filter(|(opt, _)| self.has(*opt));
        given.find_map(|(opt, others)| Some((*opt, *clashing(others)?)))
    }
}

const MODES: [Opt; 3] = [Opt::Shared, Opt::Exclusive, Opt::Unlock];

/// The options that make no sense together.
const CLASHES: [(Opt, &[Opt]); 6] = [
    (Opt::NoFork, &[Opt::Close]),
    (Opt::Holders, &ALL_BUT_FD),
    (
        Opt::ForPid,
        &[Opt::Unlock, Opt::Close, Opt::NoFork, Opt::Fd, Opt::Command, Opt::ForwardSignals],
    ),
    (Opt::Also, &[Opt::Unlock]),
    (Opt::Remove, &[Opt::Unlock, Opt::NoFork, Opt::Fd]),
    (Opt::ForwardSignals, &[Opt::NoFork]),
];

const ALL_BUT_FD: [Opt; 17] = [
    Opt::Shared,
    Opt::Exclusive,
    Opt::Unlock,
    Opt::Nonblocking,
    Opt::Timeout,
    Opt::ConflictExitCode,
    Opt::Close,
    Opt::NoFork,
    Opt::Fcntl,
    Opt::Start,
    Opt::Length,
    Opt::Verbose,
    Opt::ForPid,
    Opt::Also,
    Opt::Remove,
    Opt::ForwardSignals,
    Opt::Command,
];
