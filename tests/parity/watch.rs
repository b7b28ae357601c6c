//! One run: a script from its start to the end of the last process it started.

use crate::capture::Capture;
use crate::common::notices;
use crate::session;
use rustix::process::{self, Pid, WaitId, WaitIdOptions, WaitIdStatus};
use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

/// How often the pipes are left to see whether the shell has ended.
const STEP: Duration = Duration::from_millis(5);
/// The same when the pipes are closed, and the shell is about to end.
const SHORT_STEP: Duration = Duration::from_millis(1);
/// How long background processes may take to end after the shell.
const GRACE: Duration = Duration::from_secs(2);

/// What came of a run.
#[derive(Default)]
pub struct Outcome {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// How the shell ended, if it did so by itself.
    pub status: Option<WaitIdStatus>,
    /// What went wrong besides.
    pub trouble: Vec<String>,
}

impl Outcome {
    /// Drops what only our `--verbose` says.
    pub fn leave_notices_out(&mut self) {
        for output in [&mut self.stdout, &mut self.stderr] {
            *output = notices::left_out(output);
        }
    }
}

/// Starts the script, and sees it to its end and its session's.
pub fn watch(command: &mut Command, timeout: Duration, scratch: &Path) -> io::Result<Outcome> {
    let deadline = Instant::now() + timeout;
    let mut child = command.spawn()?;
    let mut capture = Capture::of(&mut child);
    let leader = Pid::from_child(&child);
    let ended = until_end(leader, &mut capture, deadline);
    let settled = match &ended {
        Ok(_) => settle(leader, &mut capture),
        Err(_) => Ok(()),
    };
    if ended.is_err() || settled.is_err() {
        session::kill(leader, scratch);
        while capture.read(Duration::ZERO) && !capture.is_too_much() {}
    }
    // Only now may the number of the session be given to another process.
    reap(&mut child);
    let (stdout, stderr) = capture.into_bytes();
    let (status, trouble) = match ended {
        Ok(status) => (Some(status), settled.err().unwrap_or_default()),
        Err(Stop::TimedOut) => (None, vec![format!("timed out after {} s", timeout.as_secs())]),
        Err(Stop::Because(why)) => (None, vec![why]),
    };
    Ok(Outcome { stdout, stderr, status, trouble })
}

/// Why a run was cut short.
enum Stop {
    TimedOut,
    Because(String),
}

/// Reads along until the shell has ended, which stays a zombie for now.
fn until_end(leader: Pid, capture: &mut Capture, deadline: Instant) -> Result<WaitIdStatus, Stop> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        capture.read(if capture.open().is_empty() { SHORT_STEP } else { STEP });
        match process::waitid(WaitId::Pid(leader), options) {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {}
            Err(error) => return Err(Stop::Because(format!("cannot wait: {error}"))),
        }
        if Instant::now() >= deadline {
            return Err(Stop::TimedOut);
        }
        if capture.is_too_much() {
            return Err(Stop::Because("printed without end".to_owned()));
        }
        if session::interrupted() {
            return Err(Stop::Because("interrupted".to_owned()));
        }
    }
}

/// After the shell, waits for its background processes and the last output;
/// says what is still there in the end.
fn settle(leader: Pid, capture: &mut Capture) -> Result<(), Vec<String>> {
    let deadline = Instant::now() + GRACE;
    loop {
        while capture.read(Duration::ZERO) && !capture.is_too_much() {}
        let left = session::members(leader);
        if left.is_empty() && capture.open().is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline || session::interrupted() || capture.is_too_much() {
            let left = left.iter().map(|one| format!("left running: {} {}", one.pid, one.name));
            let open = capture.open().into_iter().map(|name| format!("{name} is left open"));
            return Err(left.chain(open).collect());
        }
        capture.read(SHORT_STEP);
    }
}

/// Collects the shell, which has ended or been killed. One that even KILL
/// does not end, in the middle of a system call, is left behind.
fn reap(child: &mut Child) {
    let deadline = Instant::now() + GRACE;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
        thread::sleep(SHORT_STEP);
    }
}
