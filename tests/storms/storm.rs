//! A storm, and what is left of it.

use crate::ledger::{self, Ledger};
use crate::plan::LOCKS;
use crate::tally::Tally;
use crate::worker::Worker;
use crate::{common, job};
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

/// What a storm is made of.
#[derive(Clone)]
pub struct Storm {
    pub flock: PathBuf,
    /// Only what util-linux 2.38 has, too.
    pub common: bool,
    pub workers: usize,
    pub time: Duration,
    /// A wait that takes longer is lost.
    pub bound: Duration,
    /// What has to happen before it is over; for that, it may take so long again as a wait.
    pub needs: &'static [&'static str],
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
            over.is_none_or(|over| over < self.bound && !tally.missing(self.needs).is_empty())
        };
        thread::scope(|scope| {
            for index in 0..self.workers {
                let mut worker = Worker::new(self, directory, &ledger, index);
                let (runs, tally, goes_on) = (&runs, &tally, &goes_on);
                scope.spawn(move || {
                    while goes_on() {
                        worker.round(runs.fetch_add(1, SeqCst), tally);
                    }
                });
            }
        });
        self.find_processes(directory);
        find_locks(directory);
        self.remove_last(directory);
        find_messages(directory);
        let faults = fs::read_to_string(directory.join("faults")).unwrap_or_default();
        Report { faults: faults.lines().map(str::to_owned).collect(), tally }
    }

    /// When it is over, nobody is left, or soon will be.
    fn find_processes(&self, directory: &Path) {
        let start = Instant::now();
        while start.elapsed() < self.bound && !processes(directory).is_empty() {
            thread::sleep(Duration::from_millis(5));
        }
        for pid in processes(directory) {
            let name = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let name = String::from_utf8_lossy(&name).replace('\0', " ");
            ledger::fault(directory, &format!("remains: process {pid}, {name}"));
            if let Some(process) = marked(directory, pid) {
                let _ = pidfd_send_signal(process, Signal::KILL);
            }
        }
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
fn marked(directory: &Path, pid: i32) -> Option<rustix::fd::OwnedFd> {
    let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    has_mark(directory, pid).then_some(process)
}
