//! `--for-pid` where a script is not enough: crowds of keepers, kills at random, what holds
//! the very moment that flock returns.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stderr)]

#[path = "common/mod.rs"]
mod common;

use common::Scratch;
use rustix::fs::{FlockOperation, OFlags, fcntl_getfl, fcntl_setfl, flock};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long something may take that takes a moment.
const BOUND: Duration = Duration::from_secs(60);
/// Marks the processes of a test, whatever becomes of them.
const MARK: &str = "FOR_PID_TEST";

/// A place for one test, while no other one runs: a process that another thread starts has
/// a copy of every pipe for a moment, before it executes its program.
struct Place {
    scratch: Scratch,
    _alone: MutexGuard<'static, ()>,
}

impl Place {
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { scratch: Scratch::new("for-pid").unwrap(), _alone: alone }
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null()).env(MARK, self.path());
        command.env("LC_ALL", "C");
        command
    }

    fn flock(&self, process: u32, file: &str) -> Command {
        let mut command = self.command(&common::ours());
        command.args(["-n", "--for-pid", &process.to_string(), file]);
        command
    }

    /// A process to watch.
    fn sleeper(&self) -> Killed {
        Killed(self.command(&common::probe()).args(["sleep", "600000"]).spawn().unwrap())
    }

    /// The processes of this test, the test itself left out.
    fn processes(&self) -> Vec<u32> {
        let mark = [MARK.as_bytes(), b"=", self.path().as_os_str().as_bytes()].concat();
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let all = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let carries = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark)
        };
        all.filter(carries).collect()
    }

    fn await_nothing_left(&self) {
        until("every process has ended", || self.processes().is_empty());
    }
}

/// A process that does not outlive the test, not even one that fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < BOUND, "in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn is_free(file: &Path) -> bool {
    match flock(File::open(file).unwrap(), FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => true,
        Err(Errno::AGAIN) => false,
        Err(errno) => panic!("{errno}"),
    }
}

#[test]
fn when_flock_returns_it_is_locked_and_nobody_has_its_pipe() {
    let place = Place::new();
    for round in 0..100 {
        let watched = place.sleeper();
        let file = format!("lock.{round}");
        let mut flock = place.flock(watched.0.id(), &file);
        let mut flock = flock.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        assert_eq!(flock.wait().unwrap().code(), Some(0));
        assert!(!is_free(&place.path().join(&file)), "round {round}");
        let mut pipe = flock.stdout.take().unwrap();
        fcntl_setfl(&pipe, fcntl_getfl(&pipe).unwrap() | OFlags::NONBLOCK).unwrap();
        match pipe.read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("round {round}: the keeper has the pipe still")
            }
            other => panic!("{other:?}"),
        }
    }
    place.await_nothing_left();
}

#[test]
fn the_number_of_a_thread_is_no_process() {
    let place = Place::new();
    let (flock, thread) = thread::scope(|scope| {
        let run = || {
            // PID/task/TID
            let own = fs::read_link("/proc/thread-self").unwrap();
            let thread = own.file_name().unwrap().to_str().unwrap().parse().unwrap();
            (place.flock(thread, "lock").output().unwrap(), thread)
        };
        scope.spawn(run).join().unwrap()
    });
    let message = format!("flock: cannot watch process {thread}: No such process\n");
    assert_eq!(String::from_utf8_lossy(&flock.stderr), message);
    assert_eq!(flock.status.code(), Some(66));
    assert!(!place.path().join("lock").exists());
}

#[test]
fn a_keeper_is_small() {
    let place = Place::new();
    let watched = place.sleeper();
    assert!(place.flock(watched.0.id(), "lock").status().unwrap().success());
    let keeper = place.processes().into_iter().find(|pid| *pid != watched.0.id()).unwrap();
    let status = fs::read_to_string(format!("/proc/{keeper}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let resident: u32 = resident.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    // The GNU C library takes more, also when it is linked in statically.
    let is_release = common::ours().iter().any(|part| part.as_bytes().ends_with(b"-musl"));
    let limit = if is_release { 300 } else { 600 };
    assert!(resident < limit, "{resident} kB, not below {limit} kB");
}

#[test]
fn a_thousand_keepers() {
    let place = Place::new();
    let watched = place.sleeper();
    let files: Vec<String> = (0..1000).map(|number| format!("lock.{number}")).collect();
    for file in &files {
        assert!(place.flock(watched.0.id(), file).status().unwrap().success(), "{file}");
    }
    // Each has its keeper, and there is the process itself.
    assert_eq!(place.processes().len(), 1001);
    let free = || files.iter().filter(|file| is_free(&place.path().join(file))).count();
    assert_eq!(free(), 0);
    drop(watched);
    until("all are free", || free() == 1000);
    place.await_nothing_left();
}

/// Waits for the lock or does not; then, with the lock, takes another one that the kernel
/// takes from it in the moment of its death, before anybody hears of that: it must be free.
/// Counts, and is now and then killed.
const SCRIPT: &str = r#"
use Fcntl;
my @how = rand() < 0.5 ? ("-n") : ("-w", "300");
# One whose script is killed says so.
open my $errors, ">&", STDERR; open STDERR, ">", "/dev/null";
system($ENV{FLOCK}, @how, "--for-pid", $$, "lock") and exit 1;
open STDERR, ">&", $errors;
sub note { syswrite($_[0], $_[1]) == length $_[1] or die "write: $!" }
sysopen my $guard, "guard", O_RDWR | O_CREAT or die "guard: $!";
sysopen my $counter, "counter", O_RDWR | O_CREAT or die "counter: $!";
sysopen my $log, "log", O_WRONLY | O_APPEND | O_CREAT or die "log: $!";
my $whole = pack "s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0;
fcntl($guard, F_SETLK, $whole) or die "two are inside: $!";
sysread $counter, my $count, 12;
sysseek $counter, 0, 0;
select undef, undef, undef, rand() / 500;
note($counter, sprintf "%012d", ++$count);
kill 9, $$ if rand() < 0.3;
note($log, sprintf "%d\n", $count);
"#;

/// The scripts of one test, which are started anew as they end.
struct Crowd<'a> {
    place: &'a Place,
    perl: PathBuf,
    scripts: Vec<Killed>,
}

impl Crowd<'_> {
    fn start(&self) -> Killed {
        let errors =
            File::options().append(true).create(true).open(self.place.path().join("errors"));
        let mut script = self.place.command(&self.perl);
        script.args(["-e", SCRIPT]).env("FLOCK", common::ours()).stderr(errors.unwrap());
        Killed(script.spawn().unwrap())
    }

    /// Starts those that have ended anew.
    fn fill(&mut self, count: usize) {
        self.scripts.retain_mut(|script| script.0.try_wait().unwrap().is_none());
        while self.scripts.len() < count {
            self.scripts.push(self.start());
        }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.place.path().join(file)).unwrap_or_default()
    }
}

#[test]
fn never_two_inside() {
    let Some(perl) = common::find_program("perl") else {
        assert!(!common::in_ci(), "perl is missing");
        eprintln!("skipped: perl is missing");
        return;
    };
    let place = Place::new();
    let mut crowd = Crowd { place: &place, perl, scripts: Vec::new() };
    let (begin, mut kills, mut inside, mut random) = (Instant::now(), 0, 0, 1_u64);
    while begin.elapsed() < Duration::from_secs(3) || kills < 20 || inside < 20 {
        assert!(begin.elapsed() < BOUND, "{kills} kills, {inside} times inside");
        crowd.fill(50);
        // A number by chance, the same in each run: after Knuth.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if random >> 63 == 1 {
            let victim = usize::try_from(random >> 33).unwrap() % crowd.scripts.len();
            drop(crowd.scripts.swap_remove(victim));
            kills += 1;
        }
        assert_eq!(crowd.read("errors"), "");
        inside = crowd.read("log").lines().count();
        thread::sleep(Duration::from_millis(2));
    }
    crowd.scripts.clear();
    place.await_nothing_left();
    assert_eq!(crowd.read("errors"), "");
    let log = crowd.read("log");
    let counts: Vec<u64> = log.lines().map(|line| line.parse().unwrap()).collect();
    assert!(counts.is_sorted_by(|one, next| one < next), "{counts:?}");
    let last = crowd.read("counter").parse().unwrap();
    assert!(counts.last().is_some_and(|count| *count <= last), "{last}: {counts:?}");
}
