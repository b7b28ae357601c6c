//! The ways through flock that faults are injected into.

/// One way: a command line, and what is around it.
pub struct Path {
    pub name: &'static str,
    /// `CMD` stands for a command that proves the lock, `IDLE` for one that waits until
    /// flock does, too, `UNDER` for the same as a string for
    /// the shell, `PID` for a process.
    pub words: &'static [&'static str],
    /// Descriptor 9 is of the file `lock`.
    pub descriptor: bool,
    /// It is locked beforehand.
    pub locked: bool,
    /// Somebody else holds these.
    pub held: &'static [&'static str],
    /// How a lock is tried for, as the probe has it.
    pub kind: &'static str,
    pub files: &'static [&'static str],
    /// Whether util-linux 2.38 has it, too.
    pub shared: bool,
    /// What the child executes, if it is not CMD.
    pub executes: &'static [&'static str],
    /// What fails in any case. The faults are injected into the calls that follow.
    pub standing: Option<Standing>,
}

/// A failure that takes flock to calls that it does not make otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// That of the first lock call, with this: the file is opened once more, for writing.
    Lock(&'static str),
    /// That of each open(2) that would make the file, with EACCES, as `fs.protected_regular` has
    /// it: the file is opened without that.
    Creation,
}

const NONE: Path = Path {
    name: "",
    words: &[],
    descriptor: false,
    locked: false,
    held: &[],
    kind: "x",
    files: &["lock"],
    shared: false,
    executes: &[],
    standing: None,
};
const OF_DESCRIPTOR: Path = Path { descriptor: true, shared: true, ..NONE };
const OF_FILE: Path = Path { shared: true, ..NONE };
const UNLOCKED: Path = Path { executes: &["/bin/true"], ..OF_FILE };
const OWN: Path = NONE;

pub const PATHS: &[Path] = &[
    Path { name: "9", words: &["9"], ..OF_DESCRIPTOR },
    Path { name: "-n 9", words: &["-n", "9"], ..OF_DESCRIPTOR },
    Path { name: "-n 9, held", words: &["-n", "9"], held: &["lock"], ..OF_DESCRIPTOR },
    Path { name: "-w 5 9", words: &["-w", "5", "9"], ..OF_DESCRIPTOR },
    Path { name: "-w .03 9, held", words: &["-w", ".03", "9"], held: &["lock"], ..OF_DESCRIPTOR },
    Path { name: "-u 9", words: &["-u", "9"], locked: true, ..OF_DESCRIPTOR },
    Path { name: "--bogus", words: &["--bogus"], descriptor: true, ..NONE },
    Path { name: "lock CMD", words: &["lock", "CMD"], ..OF_FILE },
    Path { name: "-n lock CMD, held", words: &["-n", "lock", "CMD"], held: &["lock"], ..OF_FILE },
    Path { name: "lock -c", words: &["lock", "-c", "UNDER"], executes: &["/bin/sh"], ..OF_FILE },
    Path {
        name: "lock missing",
        words: &["lock", "./missing"],
        executes: &["./missing"],
        ..OF_FILE
    },
    Path {
        name: "lock nowhere",
        words: &["lock", "nowhere"],
        executes: &["/usr/bin/nowhere", "/bin/nowhere"],
        ..OF_FILE
    },
    Path {
        name: "lock script",
        words: &["lock", "./script"],
        executes: &["./script", "/bin/sh"],
        ..OF_FILE
    },
    Path { name: "-F lock CMD", words: &["-F", "lock", "CMD"], ..OF_FILE },
    Path {
        name: "-F lock missing",
        words: &["-F", "lock", "./missing"],
        executes: &["./missing"],
        ..OF_FILE
    },
    Path { name: "-o lock CMD", words: &["-o", "lock", "CMD"], ..OF_FILE },
    Path { name: "-w 5 lock CMD", words: &["-w", "5", "lock", "CMD"], ..OF_FILE },
    Path { name: "-F -w 5 lock CMD", words: &["-F", "-w", "5", "lock", "CMD"], ..OF_FILE },
    Path { name: "-s lock CMD", words: &["-s", "lock", "CMD"], ..OF_FILE },
    Path { name: "-u lock true", words: &["-u", "lock", "/bin/true"], ..UNLOCKED },
    Path {
        name: "-w .03 lock CMD, held",
        words: &["-w", ".03", "lock", "CMD"],
        held: &["lock"],
        ..OF_FILE
    },
    Path { name: "--verbose 9", words: &["--verbose", "9"], ..OF_DESCRIPTOR },
    Path {
        name: "-w .03 --verbose 9, held",
        words: &["-w", ".03", "--verbose", "9"],
        held: &["lock"],
        ..OF_DESCRIPTOR
    },
    Path { name: "--verbose lock CMD", words: &["--verbose", "lock", "CMD"], ..OF_FILE },
    Path {
        name: "-n --verbose lock CMD, held",
        words: &["-n", "--verbose", "lock", "CMD"],
        held: &["lock"],
        ..OF_FILE
    },
    Path {
        name: "-w 5 --verbose -o lock CMD",
        words: &["-w", "5", "--verbose", "-o", "lock", "CMD"],
        ..OF_FILE
    },
    Path { name: "-F --verbose lock CMD", words: &["-F", "--verbose", "lock", "CMD"], ..OF_FILE },
    Path {
        name: "lock CMD, EIO at first",
        words: &["lock", "CMD"],
        standing: Some(Standing::Lock("EIO")),
        ..OF_FILE
    },
    Path {
        name: "lock CMD, EBADF at first",
        words: &["lock", "CMD"],
        standing: Some(Standing::Lock("EBADF")),
        ..OF_FILE
    },
    Path {
        name: "-n lock CMD, EIO at first",
        words: &["-n", "lock", "CMD"],
        standing: Some(Standing::Lock("EIO")),
        ..OF_FILE
    },
    Path {
        name: "-n lock CMD, held, EBADF at first",
        words: &["-n", "lock", "CMD"],
        held: &["lock"],
        standing: Some(Standing::Lock("EBADF")),
        ..OF_FILE
    },
    Path {
        name: "-w .03 lock CMD, held, EIO at first",
        words: &["-w", ".03", "lock", "CMD"],
        held: &["lock"],
        standing: Some(Standing::Lock("EIO")),
        ..OF_FILE
    },
    Path {
        name: "-u lock true, EBADF at first",
        words: &["-u", "lock", "/bin/true"],
        standing: Some(Standing::Lock("EBADF")),
        ..UNLOCKED
    },
    Path {
        name: "--fcntl lock CMD, EIO at first",
        words: &["--fcntl", "lock", "CMD"],
        kind: "ofd-x",
        standing: Some(Standing::Lock("EIO")),
        ..OWN
    },
    Path {
        name: "--remove lock CMD, EBADF at first",
        words: &["--remove", "lock", "CMD"],
        standing: Some(Standing::Lock("EBADF")),
        ..OWN
    },
    Path {
        name: "--remove --also other lock CMD, EBADF at first",
        words: &["--remove", "--also", "other", "lock", "CMD"],
        files: BOTH,
        standing: Some(Standing::Lock("EBADF")),
        ..OWN
    },
    Path {
        name: "--also other lock CMD, EIO at first",
        words: &["--also", "other", "lock", "CMD"],
        files: BOTH,
        standing: Some(Standing::Lock("EIO")),
        ..OWN
    },
    Path {
        name: "-n --for-pid PID lock, EBADF at first",
        words: &["-n", "--for-pid", "PID", "lock"],
        standing: Some(Standing::Lock("EBADF")),
        ..OWN
    },
    Path {
        name: "-u --fcntl 9",
        words: &["-u", "--fcntl", "9"],
        kind: "ofd-x",
        descriptor: true,
        ..OWN
    },
    Path {
        name: "-s --fcntl lock CMD",
        words: &["-s", "--fcntl", "lock", "CMD"],
        kind: "ofd-x",
        ..OWN
    },
    Path {
        name: "--fd 9 --also other CMD",
        words: &["--fd", "9", "--also", "other", "CMD"],
        files: BOTH,
        descriptor: true,
        ..OWN
    },
    Path { name: "-s --remove lock CMD", words: &["-s", "--remove", "lock", "CMD"], ..OWN },
    Path {
        name: "-n --fcntl --for-pid PID lock",
        words: &["-n", "--fcntl", "--for-pid", "PID", "lock"],
        kind: "ofd-x",
        ..OWN
    },
    Path {
        name: "-n --also other --for-pid PID lock",
        words: &["-n", "--also", "other", "--for-pid", "PID", "lock"],
        files: BOTH,
        ..OWN
    },
    Path {
        name: "lock CMD, no O_CREAT",
        words: &["lock", "CMD"],
        standing: Some(Standing::Creation),
        ..OWN
    },
    Path {
        name: "-n lock CMD, held, no O_CREAT",
        words: &["-n", "lock", "CMD"],
        held: &["lock"],
        standing: Some(Standing::Creation),
        ..OWN
    },
    Path {
        name: "--fcntl lock CMD, no O_CREAT",
        words: &["--fcntl", "lock", "CMD"],
        kind: "ofd-x",
        standing: Some(Standing::Creation),
        ..OWN
    },
    Path {
        name: "--also other lock CMD, no O_CREAT",
        words: &["--also", "other", "lock", "CMD"],
        files: BOTH,
        standing: Some(Standing::Creation),
        ..OWN
    },
    Path { name: "--fd 9 CMD", words: &["--fd", "9", "CMD"], descriptor: true, ..OWN },
    Path { name: "--fd 9 -o CMD", words: &["--fd", "9", "-o", "CMD"], descriptor: true, ..OWN },
    Path { name: "--fcntl 9", words: &["--fcntl", "9"], descriptor: true, kind: "ofd-x", ..OWN },
    Path { name: "--fcntl lock CMD", words: &["--fcntl", "lock", "CMD"], kind: "ofd-x", ..OWN },
    Path {
        name: "-n --fcntl 9, held",
        words: &["-n", "--fcntl", "9"],
        held: &["lock"],
        descriptor: true,
        kind: "ofd-x",
        ..OWN
    },
    Path {
        name: "-w .03 --fcntl 9, held",
        words: &["-w", ".03", "--fcntl", "9"],
        held: &["lock"],
        descriptor: true,
        kind: "ofd-x",
        ..OWN
    },
    Path {
        name: "-w .03 --fcntl lock CMD, held",
        words: &["-w", ".03", "--fcntl", "lock", "CMD"],
        held: &["lock"],
        kind: "ofd-x",
        ..OWN
    },
    Path {
        name: "-F -w 5 --fcntl lock CMD",
        words: &["-F", "-w", "5", "--fcntl", "lock", "CMD"],
        kind: "ofd-x",
        ..OWN
    },
    Path {
        name: "--start 10 --length 5 lock CMD",
        words: &["--start", "10", "--length", "5", "lock", "CMD"],
        kind: "ofd-x:10:5",
        ..OWN
    },
    Path {
        name: "--also other lock CMD",
        words: &["--also", "other", "lock", "CMD"],
        files: BOTH,
        ..OWN
    },
    Path {
        name: "-n --also other lock CMD, other held",
        words: &["-n", "--also", "other", "lock", "CMD"],
        held: &["other"],
        files: BOTH,
        ..OWN
    },
    Path {
        name: "-n --also other lock CMD, lock held",
        words: &["-n", "--also", "other", "lock", "CMD"],
        held: &["lock"],
        files: BOTH,
        ..OWN
    },
    Path {
        name: "-w .03 --also other lock CMD, other held",
        words: &["-w", ".03", "--also", "other", "lock", "CMD"],
        held: &["other"],
        files: BOTH,
        ..OWN
    },
    Path {
        name: "-w .03 --also other lock CMD, lock held",
        words: &["-w", ".03", "--also", "other", "lock", "CMD"],
        held: &["lock"],
        files: BOTH,
        ..OWN
    },
    Path {
        name: "-w .03 --fcntl --also other lock CMD, other held",
        words: &["-w", ".03", "--fcntl", "--also", "other", "lock", "CMD"],
        held: &["other"],
        files: BOTH,
        kind: "ofd-x",
        ..OWN
    },
    Path { name: "--remove lock CMD", words: &["--remove", "lock", "CMD"], ..OWN },
    Path {
        name: "-n --remove lock CMD, held",
        words: &["-n", "--remove", "lock", "CMD"],
        held: &["lock"],
        ..OWN
    },
    Path {
        name: "-w .03 --remove lock CMD, held",
        words: &["-w", ".03", "--remove", "lock", "CMD"],
        held: &["lock"],
        ..OWN
    },
    Path {
        name: "-w .03 --fcntl --remove lock CMD, held",
        words: &["-w", ".03", "--fcntl", "--remove", "lock", "CMD"],
        held: &["lock"],
        kind: "ofd-x",
        ..OWN
    },
    Path {
        name: "-w .03 --remove --also other lock CMD, other held",
        words: &["-w", ".03", "--remove", "--also", "other", "lock", "CMD"],
        held: &["other"],
        files: BOTH,
        ..OWN
    },
    Path {
        name: "--remove --also other lock CMD",
        words: &["--remove", "--also", "other", "lock", "CMD"],
        files: BOTH,
        ..OWN
    },
    Path {
        name: "--fcntl --remove lock CMD",
        words: &["--fcntl", "--remove", "lock", "CMD"],
        kind: "ofd-x",
        ..OWN
    },
    Path {
        name: "--forward-signals lock CMD",
        words: &["--forward-signals", "lock", "IDLE"],
        ..OWN
    },
    Path {
        name: "-w .03 --forward-signals lock CMD, held",
        words: &["-w", ".03", "--forward-signals", "lock", "IDLE"],
        held: &["lock"],
        ..OWN
    },
    Path {
        name: "-n --for-pid PID lock, held",
        words: &["-n", "--for-pid", "PID", "lock"],
        held: &["lock"],
        ..OWN
    },
    Path { name: "-n --for-pid PID lock", words: &["-n", "--for-pid", "PID", "lock"], ..OWN },
    Path {
        name: "-w 5 --for-pid PID lock",
        words: &["-w", "5", "--for-pid", "PID", "lock"],
        ..OWN
    },
    Path {
        name: "-w .03 --for-pid PID lock, held",
        words: &["-w", ".03", "--for-pid", "PID", "lock"],
        held: &["lock"],
        ..OWN
    },
    Path {
        name: "-n --remove --for-pid PID lock",
        words: &["-n", "--remove", "--for-pid", "PID", "lock"],
        ..OWN
    },
    Path { name: "--holders --fd 9", words: &["--holders", "--fd", "9"], descriptor: true, ..OWN },
    Path { name: "--holders lock, held", words: &["--holders", "lock"], held: &["lock"], ..OWN },
];

const BOTH: &[&str] = &["lock", "other"];

impl Path {
    pub fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    /// A process is left behind that keeps the lock.
    pub fn keeps(&self) -> bool {
        self.has("--for-pid")
    }

    /// It fails without a fault, and says so.
    pub fn fails(&self) -> bool {
        self.has("--bogus") || self.has("./missing") || self.has("nowhere")
    }

    /// Two children run, one after the other, or one that is ended at any moment: what it comes
    /// to is not written down.
    pub fn has_a_racing_child(&self) -> bool {
        self.keeps() && self.has("-w")
    }

    /// flock looks at all processes by itself.
    pub fn looks(&self) -> bool {
        self.has("--holders")
    }

    /// flock's first child looks at all processes, or would after a while.
    pub fn has_a_looking_child(&self) -> bool {
        self.has("--verbose") && !self.held.is_empty()
    }

    /// What a signal comes to is the same each time. It is not where another process may get it
    /// as well, or is at work at the time.
    pub fn takes_signals_one_way(&self) -> bool {
        !(self.looks() || self.keeps() || self.has("--forward-signals") || self.has("--verbose"))
    }
}
