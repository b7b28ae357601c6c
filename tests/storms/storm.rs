//! A storm, and what is left of it.

use crate::ledger::{self, Ledger};
use crate::plan::{self, Chance, LOCKS};
use crate::tally::Tally;
use crate::worker::Worker;
use crate::{common, job};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// Marks the processes of a storm, whatever becomes of them.
pub const MARK: &str = "STORM_MARK";

/// Its own files.
const OWN: [&str; 4] = ["ledger", "faults", "said", "ended"];

/// What a storm is made of.
#[derive(Clone)]
pub struct Storm {
    pub flock: PathBuf,
    /// Only what util-linux 2.38 has, too.
    pub common: bool,
    pub workers: usize,
    /// One run in so many is one of which the outcome is certain.
    pub certain: usize,
    /// One run in so many looks at the holders, and one in so many is looked at: it keeps the
    /// others waiting.
    pub looks: usize,
    pub time: Duration,
    /// A wait that takes longer is lost.
    pub bound: Duration,
    /// A wait that ends so much later than it has to, when nobody had stopped it, is late:
    /// several times what processes have been seen to need among all the others, to be
    /// started and to get the processor. tests/FINDINGS.md has the figures.
    pub late: Duration,
    /// What has to happen before it is over; for that, it may take so long again as a wait.
    pub needs: Vec<&'static str>,
    /// It is over at once when there is a fault that begins like this.
    pub until: Option<&'static str>,
    pub seed: u64,
}

/// What was found out.
pub struct Report {
    pub faults: Vec<String>,
    pub tally: Tally,
}

impl Storm {
    pub fn rage(&self) -> Report {
        let scratch = common::Scratch::new("storm").unwrap();
        let directory = scratch.path();
        let ledger = Ledger::create(directory, self.workers).unwrap();
        for name in ["said", "ended"] {
            File::create_new(directory.join(name)).unwrap();
        }
        let (tally, runs, start) = (Tally::default(), AtomicU64::new(1), Instant::now());
        let goes_on = || {
            let over = start.elapsed().checked_sub(self.time);
            let is_over = over
                .is_some_and(|over| over >= self.bound || tally.missing(&self.needs).is_empty());
            !is_over && !self.until.is_some_and(|text| has_fault(&faults(directory), text))
        };
        thread::scope(|scope| {
            for index in 0..self.workers {
                let chance = Chance(self.seed ^ (index as u64) << 40);
                let (storm, ledger, tally) = (self, &ledger, &tally);
                let mut worker =
                    Worker { storm, directory, ledger, tally, index, chance, certain: "" };
                let (runs, goes_on) = (&runs, &goes_on);
                scope.spawn(move || {
                    while goes_on() {
                        worker.round(runs.fetch_add(1, SeqCst));
                    }
                });
            }
        });
        let remaining = self.find_processes(directory);
        // What they have locked, they have locked still.
        find_locks(directory);
        for process in remaining {
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
        self.remove_last(directory);
        find_files(directory);
        find_messages(directory);
        Report { faults: faults(directory), tally }
    }

    /// When it is over, nobody is left, or soon will be. Returns those who are.
    fn find_processes(&self, directory: &Path) -> Vec<OwnedFd> {
        let start = Instant::now();
        while start.elapsed() < self.bound && !processes(directory).is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        let remaining = processes(directory).into_iter().filter_map(|pid| {
            let process = marked(directory, pid)?;
            let name = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let name = String::from_utf8_lossy(&name).replace('\0', " ");
            ledger::fault(directory, &format!("remains: {name}, process {pid}"));
            Some(process)
        });
        remaining.collect()
    }

    /// Who was killed under `--remove` has left its file, which the next user removes.
    fn remove_last(&self, directory: &Path) {
        let last: &[(&[&str], &str)] =
            if self.common { &[] } else { &[(&[], "r"), (&[], "s"), (&["--fcntl"], "t")] };
        for (kind, file) in last {
            let mut command = Command::new(&self.flock);
            command.args(["-n", "--remove"]).args(*kind).args([file, "true"]);
            let status = command.current_dir(directory).status().unwrap();
            if status.code() != Some(0) || directory.join(file).exists() {
                ledger::fault(directory, &format!("not removed: {file}, {status}"));
            }
        }
    }
}

/// Every lock is free, by the kernel's list and by trying.
fn find_locks(directory: &Path) {
    let listed = fs::read_to_string("/proc/locks").unwrap();
    for lock in &LOCKS {
        let Ok(file) = File::options().read(true).write(true).open(directory.join(lock.file))
        else {
            continue;
        };
        let inode = format!(":{}", file.metadata().unwrap().ino());
        let is_of_file = |line: &&str| line.split(' ').any(|word| word.ends_with(&inode));
        if let Some(line) = listed.lines().find(is_of_file) {
            ledger::fault(directory, &format!("still locked: {}, {line}", lock.file));
        } else if !job::is_free(lock, &file) {
            ledger::fault(directory, &format!("still locked: {}", lock.file));
        }
    }
}

/// Nobody has made a file but those of the locks that stay, and the storm itself.
fn find_files(directory: &Path) {
    let stays = |name: &str| {
        let mut locks = (0..LOCKS.len()).filter(|lock| !plan::is_removed(*lock));
        locks.any(|lock| LOCKS[lock].file == name) || OWN.contains(&name)
    };
    for entry in fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name();
        if !name.to_str().is_some_and(stays) {
            ledger::fault(directory, &format!("left: the file {}", name.to_string_lossy()));
        }
    }
}

/// The faults until now.
fn faults(directory: &Path) -> Vec<String> {
    let faults = fs::read_to_string(directory.join("faults")).unwrap_or_default();
    faults.lines().map(str::to_owned).collect()
}

/// Whether a fault begins with these words.
pub fn has_fault(faults: &[String], words: &str) -> bool {
    faults.iter().any(|fault| fault.starts_with(words))
}

/// Nothing was said but what has to be: that a process to watch has ended.
fn find_messages(directory: &Path) {
    let said = fs::read_to_string(directory.join("said")).unwrap();
    let ended = fs::read_to_string(directory.join("ended")).unwrap();
    let is_known =
        |line: &&str| line.ends_with(" has ended") || line.ends_with(": No such process");
    for line in said.lines().chain(ended.lines().filter(|line| !is_known(line))) {
        ledger::fault(directory, &format!("said: {line}"));
    }
}

/// The processes of a storm.
fn processes(directory: &Path) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let all = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|pid| has_mark(directory, *pid)).collect()
}

fn has_mark(directory: &Path, pid: i32) -> bool {
    let mark = [MARK.as_bytes(), b"=", directory.as_os_str().as_bytes()].concat();
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == mark)
}

/// A hold of a process of the storm that cannot become another one's.
fn marked(directory: &Path, pid: i32) -> Option<OwnedFd> {
    let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    has_mark(directory, pid).then_some(process)
}
