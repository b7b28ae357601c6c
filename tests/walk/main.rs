//! A walk through argument lists: util-linux's flock and ours agree on each.

#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may stop at once, and prints what it finds"
)]

mod alone;
#[path = "../common/mod.rs"]
mod common;
mod crew;
mod expect;
mod report;
mod room;
mod scan;
mod tidy;
mod vocabulary;
mod words;

use common::{Scratch, Version};
use report::report;
use room::Room;
use rustix::fs::FlockOperation;
use scan::{Scan, Stop};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use std::{env, fs, io, thread};
use words::{Chance, List, Word};

const SEED: u64 = 20_381;
/// How many lists are compared, short ones included.
const COMPARED: u64 = 20_000;
const ALONE: usize = 5_000;
/// Failures beyond these are counted, not printed.
const PRINTED: usize = 20;

fn main() -> ExitCode {
    let walk = match Walk::new() {
        Ok(walk) => walk,
        Err(error) => {
            println!("walk: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let start = Instant::now();
    if let Err(error) = walk.go() {
        walk.fail(format!("walk: {error}"));
    }
    println!("walk: {} s", start.elapsed().as_secs());
    walk.verdict()
}

struct Walk {
    ours: PathBuf,
    /// None where there is nothing to compare with.
    reference: Option<PathBuf>,
    scratch: Scratch,
    /// On both, each with the lock free and with the lock held.
    compared: Vec<List>,
    /// On ours alone.
    wild: Vec<List>,
    passed: AtomicUsize,
    failures: Mutex<Vec<String>>,
    skipped: usize,
}

impl Walk {
    fn new() -> io::Result<Self> {
        let scratch = Scratch::new("walk")?;
        let seed = number("FLOCK_WALK_SEED", SEED);
        println!("walk: FLOCK_WALK_SEED={seed}");
        let (compared, wild) = lists(seed);
        let mut reference = Some(common::reference());
        let mut skipped = 0;
        if let Some(reason) = reference.as_deref().and_then(unusable) {
            println!("walk: {reason}: nothing to compare with");
            (reference, skipped) = (None, compared.len() * 2);
        }
        Ok(Self {
            ours: common::ours(),
            reference,
            scratch,
            compared,
            wild,
            passed: AtomicUsize::new(0),
            failures: Mutex::default(),
            skipped,
        })
    }

    /// Tries all lists, as many at a time as there are processors.
    fn go(&self) -> io::Result<()> {
        let programs = self.scratch.path().join("programs");
        fs::create_dir(&programs)?;
        for (name, original) in [("true", "true"), ("false", "false"), ("say", "echo")] {
            let original = common::find_program(original).ok_or(io::ErrorKind::NotFound)?;
            fs::copy(original, programs.join(name))?;
        }
        let threads = thread::available_parallelism().map_or(2, usize::from).clamp(2, 16);
        let places = (0..threads).map(|index| self.scratch.path().join(index.to_string()));
        // All of them before the first run: a program that is still open for
        // writing, in a process just started, could not be executed.
        let rooms = places.map(|place| Room::new(&place, &programs));
        let rooms = rooms.collect::<io::Result<Vec<_>>>()?;
        let count = self.compared.len() + self.wild.len();
        let failures = crew::share(rooms, count, |room, index| match self.compared.get(index) {
            Some(list) => self.compare(room, index, list),
            None => self.try_alone(room, index, &self.wild[index - self.compared.len()]),
        });
        failures.into_iter().next().map_or(Ok(()), Err)
    }

    /// Runs a list on both, with the lock free and with the lock held.
    fn compare(&self, room: &mut Room, index: usize, list: &List) -> io::Result<()> {
        let Some(reference) = &self.reference else { return Ok(()) };
        self.compare_once(room, reference, list)?;
        room.hold(held_mode(index))?;
        let list = never_waiting(index, list);
        let result = self.compare_once(room, reference, &list);
        room.free()?;
        result
    }

    fn compare_once(&self, room: &Room, reference: &Path, list: &List) -> io::Result<()> {
        let scan = Scan::new(list);
        let theirs = room.run(reference, &scan.words)?;
        let ours = expect::tidy(room.run(&self.ours, list)?, &scan);
        let expected = expect::expected(theirs.clone(), &scan);
        if ours == expected && !ours.hung() {
            self.passed.fetch_add(1, Ordering::Relaxed);
        } else {
            let results = [("util-linux", &theirs), ("expected", &expected), ("ours", &ours)];
            self.fail(report(list, &results));
        }
        Ok(())
    }

    /// Runs a list on ours alone, with the lock free or held.
    fn try_alone(&self, room: &mut Room, index: usize, list: &List) -> io::Result<()> {
        room.shell = Some("/bin/true");
        room.renew_descriptor()?;
        let held = index % 2 == 1;
        let list = &if held { never_waiting(0, list) } else { list.clone() };
        if held {
            room.hold(held_mode(index / 2))?;
        }
        // A run that changes nothing shows what there is.
        let before = room.run(&self.ours, &[b"--version".to_vec()])?.left;
        let outcome = room.run(&self.ours, list)?;
        if held {
            room.free()?;
        }
        match alone::fault(list, &outcome, &before) {
            None => _ = self.passed.fetch_add(1, Ordering::Relaxed),
            Some(fault) => self.fail(format!("{fault}:\n{}", report(list, &[("ours", &outcome)]))),
        }
        Ok(())
    }

    fn fail(&self, text: String) {
        let mut failures = self.failures.lock().unwrap();
        if failures.len() < PRINTED {
            println!("FAILED {text}");
        }
        failures.push(text);
    }

    fn verdict(&self) -> ExitCode {
        let failed = self.failures.lock().unwrap().len();
        let passed = self.passed.load(Ordering::Relaxed);
        if self.skipped > 0 {
            println!("{} skipped", self.skipped);
        }
        println!("{passed} passed, {failed} failed");
        let incomplete = self.skipped > 0 && common::in_ci();
        if failed == 0 && !incomplete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// All lists of up to two words of a small vocabulary and many of the whole
/// one, to compare; then those that only 2.43 understands.
fn lists(seed: u64) -> (Vec<List>, Vec<List>) {
    let mut chance = Chance(seed);
    let comparable = |list: &List| !matches!(Scan::new(list).stop, Some(Stop::Shell));
    let mut known = HashSet::new();
    let mut compared: Vec<List> = words::short_lists().into_iter().filter(comparable).collect();
    known.extend(compared.iter().cloned());
    let count = usize::try_from(number("FLOCK_WALK_LISTS", COMPARED)).unwrap();
    let drawn = count.saturating_sub(compared.len());
    compared.extend(words::draw(drawn, &mut known, || words::compared(&mut chance), comparable));
    let wild = words::draw(ALONE, &mut known, || words::wild(&mut chance), |_| true);
    println!("walk: {} lists to compare, {} for ours alone", compared.len(), wild.len());
    (compared, wild)
}

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Why a program cannot be the reference.
fn unusable(reference: &Path) -> Option<String> {
    let name = reference.display();
    match common::version_text(reference) {
        Err(error) => Some(format!("no reference {name}: {error}")),
        Ok(text) if Version::of_util_linux(&text).is_none() => {
            Some(format!("the reference {name} is no util-linux: {text}"))
        }
        Ok(text) => {
            println!("walk: the reference is {text}");
            None
        }
    }
}

fn held_mode(index: usize) -> FlockOperation {
    match index % 3 {
        0 => FlockOperation::NonBlockingLockShared,
        _ => FlockOperation::NonBlockingLockExclusive,
    }
}

/// The list with an option before it by which a held lock is not waited for:
/// `-n` or, where no word can take it back, in turn `-w 0`.
fn never_waiting(index: usize, list: &List) -> List {
    let taken_back =
        |word: &Word| word.starts_with(b"-") && word.iter().any(|&b| b == b'w' || b == b't');
    let mut words: List = match index % 2 {
        1 if !list.iter().any(taken_back) => vec![b"-w".to_vec(), b"0".to_vec()],
        _ => vec![b"-n".to_vec()],
    };
    words.extend(list.iter().cloned());
    words
}
