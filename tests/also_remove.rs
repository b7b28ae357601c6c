//! Storms: many processes that lock the same files with `--also`, or lock, remove and
//! re-create one name with `--remove`, some of them killed. Counters prove that the
//! locks excluded each other: an update is lost, or seen half done, if they did not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/mod.rs"]
mod common;

use common::Scratch;
use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

const PROCESSES: usize = 50;
/// A wait that is longer than this is a deadlock, or starves: seconds.
const BOUND: &str = "120";
/// The status of a conflict.
const CONFLICT: i32 = 75;

/// How long a storm lasts: $`STORM_SECONDS`, or three.
fn duration() -> Duration {
    let seconds = env::var("STORM_SECONDS").ok().map(|text| text.parse().expect("seconds"));
    Duration::from_secs(seconds.unwrap_or(3))
}

/// Numbers by chance, the same ones in each run.
struct Chance(u64);

impl Chance {
    fn new(worker: usize) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ (worker as u64 + 1))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}

/// Has each worker do its rounds until the time is over, and at least one.
fn storm(round: impl Fn(usize, &mut Chance) + Sync) {
    let end = Instant::now() + duration();
    thread::scope(|scope| {
        for worker in 0..PROCESSES {
            let round = &round;
            scope.spawn(move || {
                let mut chance = Chance::new(worker);
                round(worker, &mut chance);
                while Instant::now() < end {
                    round(worker, &mut chance);
                }
            });
        }
    });
}

/// flock in the directory, with what it says on standard error added to a file there.
fn flock(directory: &Path, arguments: &[&str]) -> Command {
    let log = File::options().append(true).create(true).open(directory.join("said")).unwrap();
    let mut command = Command::new(common::ours());
    command.args(arguments).current_dir(directory).env("PATH", common::SYSTEM_PATH).stderr(log);
    command
}

fn status(command: &mut Command) -> ExitStatus {
    command.status().expect("flock runs")
}

fn number(file: &Path) -> usize {
    fs::read_to_string(file).unwrap().trim().parse().expect("a counter")
}

fn lines(directory: &Path, prefix: &str) -> usize {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let logs = entries.filter(|entry| entry.file_name().to_str().unwrap().starts_with(prefix));
    logs.map(|log| fs::read_to_string(log.path()).unwrap().lines().count()).sum()
}

/// Reads the counters of all files, then adds one to each.
const COUNT_ALL: &str = r#"
worker=$1; shift
for file; do read -r n <count.$file; eval "count_$file=$n"; done
for file; do eval "n=\$count_$file"; echo $((n + 1)) >count.$file; echo >>done.$file.$worker; done
"#;

#[test]
fn also_in_all_orders() {
    const FILES: usize = 16;
    let scratch = Scratch::new("also").unwrap();
    let directory = scratch.path();
    let names: Vec<String> = (0..FILES).map(|n| format!("f{n}")).collect();
    for name in &names {
        fs::write(directory.join(format!("count.{name}")), "0\n").unwrap();
    }
    fs::create_dir(directory.join("f0")).unwrap();
    fs::write(directory.join("f1"), "").unwrap();
    fs::hard_link(directory.join("f1"), directory.join("alias")).unwrap();
    storm(|worker, chance| {
        let mut files: Vec<&str> = names.iter().map(String::as_str).collect();
        chance.shuffle(&mut files);
        files.truncate(2 + chance.below(FILES - 1));
        let mut arguments = vec!["-w", BOUND];
        if chance.below(2) == 0 {
            arguments.extend(["--also", "alias"]);
            files.retain(|file| *file != "f1");
            files.push("f1");
        }
        files[1..].iter().for_each(|file| arguments.extend(["--also", file]));
        let worker = worker.to_string();
        arguments.extend([files[0], "sh", "-c", COUNT_ALL, "sh", &worker]);
        arguments.extend(&files);
        assert_eq!(status(&mut flock(directory, &arguments)).code(), Some(0));
    });
    for name in &names {
        let done = lines(directory, &format!("done.{name}."));
        assert!(done > 0, "{name} was never locked");
        assert_eq!(number(&directory.join(format!("count.{name}"))), done, "{name}");
    }
    assert_eq!(fs::read_to_string(directory.join("said")).unwrap(), "");
}

/// What runs under an exclusive lock, and under a shared one.
const WRITE: &str = r"
mkdir inside || echo two inside >>broken
read -r n <count
echo $((n + 1)) >count
echo >>done.$1
rmdir inside || echo somebody was inside >>broken
";
const READ: &str = r#"
[ ! -d inside ] || echo a writer is inside >>broken
read -r n <count; read -r m <count
[ "$n" = "$m" ] && [ -n "$n" ] || echo "torn: $n, $m" >>broken
"#;

/// A storm of processes that lock, remove and re-create one name.
struct RemoveStorm<'a> {
    directory: &'a Path,
    /// An option that all have.
    kind: &'static str,
    /// Some of them are killed.
    kills: bool,
}

impl RemoveStorm<'_> {
    fn round(&self, worker: usize, chance: &mut Chance) {
        let ways: [&[&str]; 5] =
            [&["-x"], &["-w", "0.005"], &["-n"], &["--also", "other"], &["--also", "./lock"]];
        let (mode, script) = *chance.pick(&[("-x", WRITE), ("-x", WRITE), ("-s", READ)]);
        let mut arguments = vec![self.kind, "--remove", "-E", "75", "-w", BOUND];
        let way = *chance.pick(&ways);
        arguments.extend(way);
        let worker = worker.to_string();
        arguments.extend([mode, "lock", "sh", "-c", script, "sh", &worker]);
        let mut child = flock(self.directory, &arguments).spawn().expect("flock runs");
        let killed = self.kills && chance.below(3) == 0;
        if killed {
            thread::sleep(Duration::from_micros(chance.below(20_000) as u64));
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        // Whoever waits as long as it takes must get the lock.
        let gives_up = matches!(way, ["-w" | "-n", ..]);
        let is_good = match status.code() {
            Some(CONFLICT) => gives_up,
            Some(code) => code == 0,
            None => killed,
        };
        assert!(is_good, "{way:?}: {status}");
    }
}

fn remove_storm(kind: &'static str, kills: bool) {
    let scratch = Scratch::new("remove").unwrap();
    let directory = scratch.path();
    fs::write(directory.join("count"), "0\n").unwrap();
    let all = RemoveStorm { directory, kind, kills };
    storm(|worker, chance| all.round(worker, chance));
    if kills {
        // The commands of those that were killed may still run, under the lock.
        let last = ["--remove", kind, "-w", BOUND, "--also", "other", "lock", "true"];
        assert_eq!(status(&mut flock(directory, &last)).code(), Some(0));
    }
    for name in ["lock", "other", "broken"] {
        let path = directory.join(name);
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            !path.exists(),
            "{name}, of {} lines: {:?}",
            text.lines().count(),
            text.lines().next()
        );
    }
    let done = lines(directory, "done.");
    assert!(done > 0, "nobody was inside");
    assert_eq!(number(&directory.join("count")), done);
    assert_eq!(fs::read_to_string(directory.join("said")).unwrap(), "");
}

#[test]
fn remove_leaves_nothing_behind() {
    remove_storm("-x", false);
}

#[test]
fn remove_among_ranges() {
    remove_storm("--fcntl", false);
}

#[test]
fn remove_among_those_that_are_killed() {
    remove_storm("-x", true);
}
