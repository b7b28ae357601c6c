//! A worker: finds out which calls there are, and injects its share of the faults.

use crate::common;
use crate::errors::{self, Fault};
use crate::paths::{PATHS, Path};
use crate::room::{Outcome, Room};
use crate::trace::{Call, Trace};
use flock_rs::errno;
use rustix::io::Errno;
use std::io;
use std::path::PathBuf;

/// So often a process makes a call before it becomes flock, where the first ones are not to
/// be those of flock itself but those of its child.
const AHEAD: usize = 64;

/// Which process a fault is injected into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// flock, before its own first call.
    Start,
    Main,
    Child,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Main => "flock",
            Self::Child => "child",
        }
    }
}

/// One fault to inject.
pub struct Job {
    pub path: &'static Path,
    pub role: Role,
    pub call: Call,
    pub fault: Fault,
    /// The same call of util-linux's flock.
    reference: Option<Call>,
}

impl Job {
    /// Whether it comes to the same each time, and on each machine.
    pub fn counts(&self) -> bool {
        let races = self.role == Role::Child && self.path.has_a_racing_child();
        self.path.counted && self.role != Role::Start && !races
    }
}

pub struct Worker {
    room: Room,
    ours: PathBuf,
    reference: Option<PathBuf>,
}

impl Worker {
    pub fn new(top: PathBuf, compares: bool) -> io::Result<Self> {
        let reference = compares.then(common::reference);
        Ok(Self { room: Room::new(top)?, ours: common::ours(), reference })
    }

    /// All faults, in an order that is the same in every worker.
    pub fn jobs(&self, filter: &str) -> io::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        let mut start: Option<Vec<String>> = None;
        for path in PATHS.iter().filter(|path| path.name.contains(filter)) {
            let ours = self.trace(&self.ours, path, false)?;
            let theirs = match &self.reference {
                Some(reference) if path.shared => Some(self.trace(reference, path, true)?),
                _ => None,
            };
            let names: Vec<String> = ours.start.iter().map(|call| call.name.clone()).collect();
            let start = start.get_or_insert_with(|| names.clone());
            assert_eq!(names, *start, "{}: its start has a call of flock's own", path.name);
            // Not all of them are injected into; but there is none without a list.
            for call in ours.child.iter().chain(&ours.others) {
                errors::of_call(call.canonical());
            }
            if ["9", "lock CMD"].contains(&path.name) {
                add(&mut jobs, path, Role::Start, (&ours.start[1..], None));
            }
            add(
                &mut jobs,
                path,
                Role::Main,
                (&ours.main, theirs.as_ref().map(|trace| &*trace.main)),
            );
            if path.name != "-w 5 --for-pid PID lock" {
                add(
                    &mut jobs,
                    path,
                    Role::Child,
                    (&ours.child, theirs.as_ref().map(|trace| &*trace.child)),
                );
            }
        }
        Ok(jobs)
    }

    fn trace(
        &self,
        program: &std::path::Path,
        path: &Path,
        is_reference: bool,
    ) -> io::Result<Trace> {
        let options = ["-f", "-b", "execve", "-e", "signal=none"].map(str::to_owned);
        let outcome = self.room.run(program, path, &options, &[])?;
        assert!(outcome.faults.is_empty(), "{}, no fault: {outcome:?}", path.name);
        Ok(Trace::parse(&self.room.trace(), is_reference))
    }

    /// What a fault comes to: ours, and util-linux's where it makes the same call.
    pub fn run(&self, job: &Job) -> io::Result<(Outcome, Option<Outcome>)> {
        let mut ours = self.inject(&self.ours, job, &job.call)?;
        judge(job, &mut ours);
        let theirs = match (&self.reference, &job.reference) {
            (Some(program), Some(call)) => Some(self.inject(program, job, call)?),
            _ => None,
        };
        Ok((ours, theirs))
    }

    fn inject(&self, program: &std::path::Path, job: &Job, call: &Call) -> io::Result<Outcome> {
        let mut options = vec!["-e".to_owned(), format!("trace={}", call.name)];
        let mut launcher = Vec::new();
        let mut count = call.count;
        if call.name == "execve" {
            // Only those of the command are counted.
            let probe = common::probe().display().to_string();
            let executes = job.path.executes.iter().map(|name| (*name).to_owned());
            let executes: Vec<_> =
                if job.path.executes.is_empty() { vec![probe] } else { executes.collect() };
            options.extend(executes.into_iter().flat_map(|name| ["-P".to_owned(), name]));
            count = call.nth;
        } else if job.role == Role::Child {
            let ahead = [
                "with".to_owned(),
                format!("calls={}:{AHEAD}", number(&call.name)),
                "--".to_owned(),
            ];
            launcher = [vec![common::probe().display().to_string()], ahead.to_vec()].concat();
        }
        options.push(if job.role == Role::Child { "-f" } else { "-bexecve" }.to_owned());
        let on = if job.fault == errors::ALWAYS { "+" } else { "" };
        let injection = format!("inject={}:{}:when={count}{on}", call.name, job.fault.expression());
        options.extend(["-e".to_owned(), injection]);
        let mut outcome = self.room.run(program, job.path, &options, &launcher)?;
        let trace = self.room.trace();
        // A signal may not be told of, where it ends the process or is ignored by then.
        let is_told = job.counts() && !job.fault.is_signal();
        if is_told && !trace.contains("(INJECTED)") {
            outcome.faults.push("nothing was injected".to_owned());
        }
        tidy(&mut outcome, job);
        Ok(outcome)
    }
}

type Calls<'a> = (&'a [Call], Option<&'a [Call]>);

fn add(jobs: &mut Vec<Job>, path: &'static Path, role: Role, (ours, theirs): Calls) {
    for (place, call) in ours.iter().enumerate() {
        let name = call.canonical();
        let count = |calls: &[Call]| calls.iter().filter(|other| other.canonical() == name).count();
        let same = theirs.filter(|theirs| count(theirs) == count(ours));
        let same = same.and_then(|theirs| {
            theirs.iter().find(|other| other.canonical() == name && other.nth == call.nth)
        });
        let mut faults = match role {
            Role::Start => start_up(name),
            _ => errors::of_call(name),
        };
        if role == Role::Main && call.nth == 1 && !faults.is_empty() {
            faults.push(errors::ALWAYS);
        }
        if role == Role::Main && path.takes_signals() && !faults.is_empty() {
            faults.extend(errors::signals());
        }
        if !path.counted && call.nth > 1 && !faults.is_empty() {
            // There may be hundreds of them: each gets another one.
            faults = vec![faults[place % faults.len()]];
        }
        faults.retain(|fault| can_be(path, call, *fault));
        jobs.extend(faults.into_iter().map(|fault| Job {
            path,
            role,
            call: call.clone(),
            fault,
            reference: same.cloned(),
        }));
    }
}

/// What cannot come to be, or would prove nothing.
fn can_be(path: &Path, call: &Call, fault: Fault) -> bool {
    match call.canonical() {
        // Linux closes a descriptor whatever close(2) answers; strace(1) cannot do both. What
        // is told by the closing of a pipe would never be told.
        "close" => !path.has("--forward-signals") && !path.keeps() || fault.is_signal(),
        // The command's message would come at the same time; and how often a wait is
        // interrupted by a timer is its affair.
        "wait4" => !path.fails() && (call.nth == 1 || !path.keeps()),
        // On a machine with much to do, the timer interrupts this more than once.
        "ppoll" => path.held.is_empty() || !path.keeps() || call.nth <= 2,
        // The list of mounts is as long as the machine has it.
        "read" => !path.has("--remove"),
        // The shell would read a binary; there is a path with a script.
        "execve" => fault.name != "ENOEXEC" || path.name == "lock script",
        _ => true,
    }
}

/// The start is the C library's affair: nothing of flock's has run. So what it can meet at all,
/// memory that it is not given and a seccomp filter, but not all that the pages list.
fn start_up(call: &str) -> Vec<Fault> {
    match call {
        "brk" | "mmap" | "mprotect" => errors::of_call(call),
        _ => errors::of_call("getppid"),
    }
}

/// The numbers of the calls that a child makes as well as its parent.
fn number(call: &str) -> i64 {
    match call {
        "close" => libc::SYS_close,
        "read" => libc::SYS_read,
        "write" => libc::SYS_write,
        "open" => libc::SYS_open,
        "openat" => libc::SYS_openat,
        "dup2" => libc::SYS_dup2,
        "rt_sigaction" => libc::SYS_rt_sigaction,
        "rt_sigprocmask" => libc::SYS_rt_sigprocmask,
        "ioctl" => libc::SYS_ioctl,
        "flock" => libc::SYS_flock,
        "fcntl" => libc::SYS_fcntl,
        "ppoll" => libc::SYS_ppoll,
        "fstat" => libc::SYS_fstat,
        "statx" => libc::SYS_statx,
        "newfstatat" => libc::SYS_newfstatat,
        "getdents64" => libc::SYS_getdents64,
        "readlink" => libc::SYS_readlink,
        "readlinkat" => libc::SYS_readlinkat,
        "kcmp" => libc::SYS_kcmp,
        "geteuid" => libc::SYS_geteuid,
        "pread64" => libc::SYS_pread64,
        "getpgrp" => libc::SYS_getpgrp,
        "rt_sigpending" => libc::SYS_rt_sigpending,
        "rt_sigtimedwait" => libc::SYS_rt_sigtimedwait,
        "wait4" => libc::SYS_wait4,
        "pidfd_open" => libc::SYS_pidfd_open,
        "brk" => libc::SYS_brk,
        "mmap" => libc::SYS_mmap,
        // flock itself makes none of them.
        "setsid" | "chdir" | "getcwd" | "prctl" | "close_range" | "getppid" | "unlinkat" => {
            libc::SYS_getpid
        }
        "kill" => libc::SYS_getpid,
        other => panic!("{other}: no number"),
    }
}

/// Takes out what differs from run to run, and puts a word in place of the errno's text, so
/// that faults which come to the same are seen to.
fn tidy(outcome: &mut Outcome, job: &Job) {
    let probe = common::probe().display().to_string();
    outcome.stdout = outcome.stdout.replace(&probe, "CMD");
    // strace(1) says so of a symbolic link.
    let lines = outcome.stderr.lines().filter(|line| !line.contains("strace: Requested path"));
    outcome.stderr = lines.map(|line| line.replace(&probe, "CMD") + "\n").collect();
    let mut lines: Vec<String> = outcome.stdout.lines().map(without_time).collect();
    // flock may end before the command: with --close, its lock ends then.
    if job.role == Role::Main && job.call.canonical() == "wait4" {
        lines.sort();
        if job.path.has("--remove") && outcome.status != "0" {
            outcome.files.clear();
        }
        if job.path.has("-o") && outcome.status != "0" {
            lines.retain(|line| !line.starts_with("ran "));
        }
    }
    outcome.stdout = lines.concat();
    if job.fault.errno != 0 {
        let reason = errno::text(Errno::from_raw_os_error(job.fault.errno));
        outcome.stderr = outcome.stderr.replace(&*reason, "REASON");
    }
}

/// A line, without the time that a lock took.
fn without_time(line: &str) -> String {
    match line.split_once(" took ") {
        Some((before, _)) => format!("{before} took N seconds\n"),
        None => format!("{line}\n"),
    }
}

/// The statuses that flock may have, the command's 0 included.
const KNOWN: [&str; 8] = ["0", "1", "64", "65", "66", "69", "71", "73"];

/// What must be so, whatever the fault.
fn judge(job: &Job, outcome: &mut Outcome) {
    let path = job.path;
    let mut found = Vec::new();
    let status = outcome.status.as_str();
    let is_killed = status.starts_with("signal ");
    if status == "hang" {
        found.push("it hangs".to_owned());
    } else if is_killed {
        // The C library has nobody to tell before main().
        if job.role != Role::Start && !job.fault.is_signal() && job.fault.name != "EPIPE" {
            found.push("it dies".to_owned());
        }
    } else if job.role != Role::Start && !KNOWN.contains(&status) {
        found.push("an unknown status".to_owned());
    }
    let ran = outcome.stdout.lines().find(|line| line.starts_with("ran"));
    if ran.is_some_and(|line| line.contains(" free") || line.contains(" missing")) {
        found.push("the command runs without the lock".to_owned());
    }
    if !path.held.is_empty() && (ran.is_some() || status == "0" && !path.has("--holders")) {
        found.push("a lock is reported that somebody else has".to_owned());
    }
    let has_command = path.words.iter().any(|word| ["CMD", "IDLE", "UNDER"].contains(word));
    if has_command && status == "0" && ran.is_none() {
        found.push("success without the command".to_owned());
    }
    let wanted = if path.has("-u") { "free" } else { "held" };
    if status == "0" && !outcome.lock.is_empty() && outcome.lock != wanted {
        found.push(format!("success, and the lock is {}", outcome.lock));
    }
    judge_text(job, outcome, &mut found);
    if path.held.iter().any(|name| !outcome.files.contains(name)) {
        found.push("a file is removed that somebody else has locked".to_owned());
    }
    outcome.faults.extend(found);
}

fn judge_text(job: &Job, outcome: &Outcome, found: &mut Vec<String>) {
    let lines = outcome.stderr.lines().count();
    if outcome.stderr.contains("panicked") {
        found.push("a panic".to_owned());
    }
    if job.call.canonical() == "write"
        || job.role == Role::Start
        || outcome.status.starts_with("signal")
    {
        return;
    }
    if outcome.stderr.lines().any(|line| !line.starts_with("flock: ") && !line.starts_with("Try "))
    {
        found.push("a message without flock's name".to_owned());
    }
    let removes_two = job.path.has("--remove") && job.path.has("--also");
    let is_silent = ["0", "1"].contains(&outcome.status.as_str());
    if lines == 0 && !is_silent
        || lines > 1 && job.path.counted && !job.path.fails() && !removes_two
    {
        found.push(format!("{lines} messages"));
    }
}
