//! What a worker does next: a run of flock, drawn by chance.

use crate::job;
use std::time::Duration;

/// Something that can be locked apart from all others. flock(2) and fcntl(2) do not see
/// each other on one file, nor do ranges that do not overlap.
pub struct Lock {
    pub file: &'static str,
    /// By fcntl(2): where it starts, and how long it is.
    pub range: Option<(i64, i64)>,
}

impl Lock {
    /// What `--holders` calls its type.
    pub fn kind(&self) -> String {
        match self.range {
            None => "flock".to_owned(),
            Some((0, 0)) => "ofd".to_owned(),
            Some((start, 0)) => format!("ofd {start}-"),
            Some((start, length)) => format!("ofd {start}-{}", start + length - 1),
        }
    }
}

const fn whole(file: &'static str) -> Lock {
    Lock { file, range: None }
}

const fn range(file: &'static str, start: i64, length: i64) -> Lock {
    Lock { file, range: Some((start, length)) }
}

pub const LOCKS: [Lock; 10] = [
    whole("a"),
    whole("b"),
    whole("c"),
    range("a", 0, 0),
    range("b", 0, 0),
    range("d", 10, 5),
    range("d", 15, 0),
    whole("r"),
    whole("s"),
    range("t", 0, 0),
];

/// Locks that go together under `--also`, and the options that all have who use them.
struct Group {
    locks: &'static [usize],
    options: &'static [&'static str],
    removes: bool,
}

const GROUPS: [Group; 6] = [
    Group { locks: &[0, 1, 2], options: &[], removes: false },
    Group { locks: &[3, 4], options: &["--fcntl"], removes: false },
    Group { locks: &[5], options: &["--start", "10", "--length=5"], removes: false },
    Group { locks: &[6], options: &["--start=15"], removes: false },
    Group { locks: &[7, 8], options: &["--remove"], removes: true },
    Group { locks: &[9], options: &["--fcntl", "--remove"], removes: true },
];

/// Whether the file of a lock is removed when nobody has it locked.
pub fn is_removed(lock: usize) -> bool {
    GROUPS.iter().any(|group| group.removes && group.locks.contains(&lock))
}

/// How flock is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// `flock FILE CMD`
    Command,
    /// `flock -o FILE CMD`
    Close,
    /// `flock -F FILE CMD`
    NoFork,
    /// `flock FILE -c STRING`
    Shell,
    /// `flock 9`, in a shell that then becomes the job.
    Descriptor,
    /// `flock 9`, the job, `flock -u 9`.
    Unlock,
    /// `flock --fd 9 CMD`
    Fd,
    /// `flock --fd 9 -o CMD`
    FdClose,
    /// `flock --forward-signals FILE CMD`
    Forward,
    /// `flock --for-pid $$ FILE`, in a shell that then becomes the job.
    ForPid,
}

/// Those that the reference has as well.
const COMMON: [Form; 6] =
    [Form::Command, Form::Close, Form::NoFork, Form::Shell, Form::Descriptor, Form::Unlock];
/// Those that can be had with --remove.
const REMOVING: [Form; 5] = [Form::Command, Form::Close, Form::Shell, Form::Forward, Form::ForPid];
pub const ALL: [Form; 10] = [
    Form::Command,
    Form::Close,
    Form::NoFork,
    Form::Shell,
    Form::Descriptor,
    Form::Unlock,
    Form::Fd,
    Form::FdClose,
    Form::Forward,
    Form::ForPid,
];

impl Form {
    /// The job does not have the lock, flock does.
    pub fn closes(self) -> bool {
        matches!(self, Self::Close | Self::FdClose)
    }

    /// The process that the storm starts becomes the job.
    pub fn becomes(self) -> bool {
        matches!(self, Self::NoFork | Self::Descriptor | Self::ForPid)
    }

    /// For these, what is run is a shell.
    fn script(self) -> Option<&'static str> {
        // After `--`: flock's own words, then `:`, then the job's.
        Some(match self {
            Self::Descriptor => r#""$@" 9 || exit $?; exec $JOB"#,
            Self::Unlock => r#""$@" 9 || exit $?; $JOB; s=$?; "$FLOCK" -u 9 || exit 98; exit $s"#,
            Self::Fd => r#"exec "$@" --fd 9 $JOB"#,
            Self::FdClose => r#"exec "$@" --fd 9 -o $JOB"#,
            // If the shell is killed, this is said.
            Self::ForPid => r#""$@" --for-pid $$ "$FILE" 2>>ended || exit $?; exec $JOB"#,
            _ => return None,
        })
    }
}

/// How long flock waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Patience {
    None,
    Short(Duration),
    /// Longer than any wait is.
    Long,
    Endless,
}

impl Patience {
    fn draw(chance: &mut Chance) -> Self {
        match chance.below(8) {
            0 => Self::None,
            1 => Self::Short(Duration::from_micros(1 + chance.below(60_000) as u64)),
            2 => Self::Short(Duration::from_micros(1 + chance.below(999_999) as u64)),
            3 => Self::Long,
            _ => Self::Endless,
        }
    }
}

/// What is run, and for whom.
pub struct Programs<'a> {
    /// This program.
    pub storm: &'a str,
    pub flock: &'a str,
    pub worker: usize,
    pub run: u64,
}

/// A run of flock.
#[derive(Debug)]
pub struct Plan {
    pub form: Form,
    pub patience: Patience,
    /// A bit for each lock.
    pub locks: u64,
    /// What the job ends with.
    pub status: u8,
    /// The program to start, and its arguments; in them, `JOB` stands for the job.
    pub words: Vec<String>,
    pub environment: Vec<(&'static str, String)>,
}

/// Has flock look at the holders, by a process of its own.
pub const VERBOSE: &str = "--verbose";

/// The status of a conflict, by `-E`.
pub const CONFLICT: i32 = 75;

impl Plan {
    /// `common`: of what util-linux 2.38 has, too.
    pub fn draw(chance: &mut Chance, common: bool, programs: &Programs) -> Self {
        let group = if common || chance.one_in(2) { 0 } else { chance.below(GROUPS.len()) };
        let group = &GROUPS[group];
        let forms: &[Form] = match (common, group.removes) {
            (true, _) => &COMMON,
            (_, true) => &REMOVING,
            _ => &ALL,
        };
        let form = *chance.pick(forms);
        let mut locks = group.locks.to_vec();
        chance.shuffle(&mut locks);
        // Only files can be locked together.
        let takes_more = !common && form.script().is_none() || form == Form::ForPid;
        locks.truncate(if takes_more { 1 + chance.below(locks.len()) } else { 1 });
        let (exclusive, status) = (chance.below(5) < 3, 1 + chance.below(60) as u8);
        let patience = Patience::draw(chance);
        let mode = if exclusive { "exclusive" } else { "shared" };
        let (micros, Programs { storm, flock, worker, run }) = (chance.below(3_000), programs);
        let job = format!("{storm} {} {worker} {run} {mode} {micros} {status}", job::WORD);
        let mut options = options(chance, exclusive, patience);
        options.extend(group.options.iter().map(ToString::to_string));
        // What that says on standard error is looked at, as the shell says things there, too.
        if form != Form::ForPid && chance.one_in(12) {
            options.push(VERBOSE.to_owned());
        }
        for lock in &locks[1..] {
            options.extend(["--also".to_owned(), LOCKS[*lock].file.to_owned()]);
        }
        let file = LOCKS[locks[0]].file;
        let words = words(form, flock, &options, (file, &job));
        let environment =
            vec![("JOB", job), ("FLOCK", (*flock).to_owned()), ("FILE", file.to_owned())];
        let locks = locks.iter().fold(0, |bits, lock| bits | 1 << lock);
        Self { form, patience, locks, status, words, environment }
    }
}

fn options(chance: &mut Chance, exclusive: bool, patience: Patience) -> Vec<String> {
    let modes: &[&[&str]] = if exclusive {
        &[&[], &[], &["-x"], &["-s", "-e"]]
    } else {
        &[&["-s"], &["-x", "--shared"]]
    };
    let mut options = vec!["-E".to_owned(), CONFLICT.to_string()];
    options.extend(chance.pick(modes).iter().map(ToString::to_string));
    match patience {
        Patience::None => options.push((*chance.pick(&["-n", "-w0"])).to_owned()),
        Patience::Short(time) => options.extend(["-w".to_owned(), time.as_secs_f64().to_string()]),
        Patience::Long => options.push("--timeout=600".to_owned()),
        Patience::Endless => {}
    }
    options
}

fn words(form: Form, flock: &str, options: &[String], (file, job): (&str, &str)) -> Vec<String> {
    let own = |word: &str| word.to_owned();
    let mut words = Vec::new();
    if let Some(script) = form.script() {
        // For-pid opens its file itself.
        let open = if form == Form::ForPid { "" } else { "exec 9<>\"$FILE\"; " };
        words.extend([own("/bin/sh"), own("-c"), format!("{open}{script}"), own("sh")]);
    }
    words.push(own(flock));
    words.extend_from_slice(options);
    if form.script().is_none() {
        match form {
            Form::Close => words.push(own("-o")),
            Form::NoFork => words.push(own("-F")),
            Form::Forward => words.push(own("--forward-signals")),
            _ => {}
        }
        words.push(own(file));
        match form {
            Form::Shell => words.extend([own("-c"), format!("exec {job}")]),
            _ => words.extend(job.split(' ').map(own)),
        }
    }
    words
}

/// Numbers by chance, the same for the same seed: splitmix64.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}
