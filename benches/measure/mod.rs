//! The measurements.

mod asked;
mod counts;
mod crowd;
mod elf;
mod looping;
mod memory;
mod order;
mod proof;
mod rounds;
mod time;
mod timeout;
mod waiter;

pub use asked::Asked;

use crate::data::Table;
use crate::peers::{LOCKED, Peer, Stage, Task};
use crate::plan::Effort;
use crate::sys::{Ended, Job, Launch};
use rustix::fs::{FlockOperation, flock};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest that a child is waited for.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest that one program is followed, step by step or call by call.
const LONG_LIMIT: Duration = Duration::from_secs(60);

/// What all measurements share.
pub struct Bench {
    pub peers: Vec<Peer>,
    pub floor: PathBuf,
    /// Where the lock files are.
    pub directory: PathBuf,
    pub effort: Effort,
    pub environment: Vec<CString>,
    /// Where all output goes.
    null: File,
    lock: File,
}

impl Bench {
    pub fn new(peers: Vec<Peer>, floor: PathBuf, directory: &Path, effort: Effort) -> Result<Self> {
        let home = [b"HOME=", directory.as_os_str().as_bytes()].concat();
        // A locale, as a login session or a service has one: util-linux looks it up.
        let environment = vec![
            CString::new("PATH=/usr/bin:/bin")?,
            CString::new("LANG=C.UTF-8")?,
            CString::new(home)?,
        ];
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let lock = File::create(lock_path(directory))?;
        let directory = directory.to_owned();
        Ok(Self { peers, floor, directory, effort, environment, null, lock })
    }

    fn lock_path(&self) -> PathBuf {
        lock_path(&self.directory)
    }

    /// The lock file as descriptor 9 of a job: one open file description for all. Who has
    /// its lock is given it again.
    fn descriptor(&self) -> (RawFd, RawFd) {
        (self.lock.as_raw_fd(), LOCKED)
    }

    /// In descriptor mode the lock outlives the one who took it.
    fn unlock(&self) -> Result<()> {
        Ok(flock(&self.lock, FlockOperation::Unlock)?)
    }

    /// A peer's task around the floor with `argument`. All output is dropped.
    fn job(&self, peer: &Peer, task: Task, argument: Option<&str>) -> Result<Option<Job>> {
        let command: Vec<_> =
            [self.floor.as_os_str()].into_iter().chain(argument.map(OsStr::new)).collect();
        let file = self.lock_path();
        let stage = Stage { file: &file, command: &command, environment: &self.environment };
        let mut job = peer.job(task, &stage)?;
        if let Some(job) = &mut job {
            job.descriptors = (0..3).map(|number| (self.null.as_raw_fd(), number)).collect();
        }
        Ok(job)
    }

    /// A peer's waiting for the lock, on a descriptor of its own if need be.
    fn waiting(&self, peer: &Peer, argument: Option<&str>) -> Result<Option<Job>> {
        let Some(mut job) = self.job(peer, Task::Wait, argument)? else { return Ok(None) };
        if !peer.runs_command(Task::Wait) {
            let path = CString::new(self.lock_path().as_os_str().as_bytes())?;
            job.open = Some((path, LOCKED));
        }
        Ok(Some(job))
    }
}

fn lock_path(directory: &Path) -> PathBuf {
    directory.join("lock")
}

/// Takes the locale out of a job's environment: what remains is as under cron.
fn unset_locale(job: &mut Job) {
    job.environment.retain(|variable| !variable.as_bytes().starts_with(b"LANG="));
}

/// Runs a job to its end, which must have this exit status.
fn run(launch: &Launch, expected: i32) -> Result<Ended> {
    let ended = launch.spawn()?.wait_within(LIMIT)?;
    check(ended.status, expected)?;
    Ok(ended)
}

fn check(status: i32, expected: i32) -> Result<()> {
    if status == expected {
        return Ok(());
    }
    Err(Error::other(format!("ended with status {status}, not with {expected}")))
}

/// A measurement by its name, which is also that of its table.
pub struct Measurement {
    pub name: String,
    what: What,
}

enum What {
    Time(&'static time::Case),
    Timeout,
    Memory(&'static memory::Case),
    Crowd(usize),
    Loop,
    Counts,
}

impl Measurement {
    pub fn all(effort: &Effort) -> Vec<Self> {
        let new = |name: &str, what| Self { name: name.to_owned(), what };
        let times = time::CASES.iter().map(|case| new(case.name, What::Time(case)));
        let crowds =
            effort.crowds.iter().map(|size| new(&format!("crowd-{size}"), What::Crowd(*size)));
        let memory = memory::CASES.iter().map(|case| new(case.name, What::Memory(case)));
        times
            .chain([new("timeout", What::Timeout)])
            .chain(memory)
            .chain(crowds)
            .chain([new("loop", What::Loop), new("counts", What::Counts)])
            .collect()
    }

    pub fn run(&self, bench: &Bench) -> Result<Table> {
        match self.what {
            What::Time(case) => time::measure(bench, case),
            What::Timeout => timeout::measure(bench),
            What::Memory(case) => memory::measure(bench, case),
            What::Crowd(size) => crowd::measure(bench, &self.name, size),
            What::Loop => looping::measure(bench),
            What::Counts => counts::measure(bench),
        }
    }
}
