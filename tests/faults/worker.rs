//! A worker: finds out which calls there are, and injects its share of the faults.

use crate::common;
use crate::errors::{self, Fault};
use crate::paths::{Path, Standing};
use crate::room::{Outcome, Room, Started};
use crate::trace::{Call, Trace};
use flock_rs::errno;
use rustix::io::Errno;
use std::cell::OnceCell;
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
    firsts: Firsts,
    /// The same call of util-linux's flock.
    reference: Option<(Call, Firsts)>,
}

impl Job {
    /// Whether it comes to the same each time, and on each machine.
    pub fn counts(&self) -> bool {
        let path = self.path;
        let varies = match self.role {
            Role::Start => true,
            Role::Main => path.looks(),
            Role::Child => path.has_a_racing_child() || path.has_a_looking_child(),
        };
        !varies
            && !is_of_mounts(path, &self.call)
            && !is_interrupted(path, &self.call)
            && (path.takes_signals_one_way() || !self.fault.is_signal())
    }

    /// Of what words choose it.
    fn text(&self) -> String {
        let Self { path, role, call, fault, .. } = self;
        let (role, name, nth) = (role.name(), call.canonical(), call.nth);
        format!("{}\t{role}\t{name}\t{nth}\t{}", path.name, fault.name)
    }
}

/// May read the list of mounts, which is as long as the machine has it.
fn is_of_mounts(path: &Path, call: &Call) -> bool {
    call.canonical() == "read" && path.has("--remove")
}

/// Is made as often as the timer interrupts it, while a child is ended that was to look; or may
/// come only when the time is over, and does not wait then.
fn is_interrupted(path: &Path, call: &Call) -> bool {
    let is_late = call.canonical() == "ppoll" || call.canonical() == "flock" && call.nth > 1;
    is_late && path.has("-w") && path.has_a_looking_child()
}

/// The calls of a program that a standing failure is given to.
#[derive(Clone, Default)]
struct Firsts {
    open: Option<Call>,
    lock: Option<Call>,
}

/// What a program does on a path.
struct Traced {
    trace: Trace,
    firsts: Firsts,
}

pub struct Worker {
    room: Room,
    ours: PathBuf,
    reference: Option<PathBuf>,
    /// What the C library begins with, the same on every path.
    start: OnceCell<Vec<String>>,
}

impl Worker {
    pub fn new(top: PathBuf, compares: bool) -> io::Result<Self> {
        let reference = compares.then(common::reference);
        let start = OnceCell::new();
        Ok(Self { room: Room::new(top)?, ours: common::ours(), reference, start })
    }

    /// The faults of a path that have one of the words, in an order that is always the same.
    pub fn jobs(&self, path: &'static Path, words: &[String]) -> io::Result<Vec<Job>> {
        let mut jobs = Vec::new();
        let ours = self.trace(&self.ours, path, false)?;
        let theirs = match &self.reference {
            Some(reference) if path.shared => Some(self.trace(reference, path, true)?),
            _ => None,
        };
        let names: Vec<String> = ours.trace.start.iter().map(|call| call.name.clone()).collect();
        let start = self.start.get_or_init(|| names.clone());
        assert_eq!(names, *start, "{}: its start has a call of flock's own", path.name);
        // Not all of them are injected into; but there is none without a list.
        for call in ours.trace.child.iter().chain(&ours.trace.others) {
            errors::of_call(call.canonical());
        }
        if ["9", "lock CMD"].contains(&path.name) {
            add(&mut jobs, path, Role::Start, (&ours, None));
        }
        add(&mut jobs, path, Role::Main, (&ours, theirs.as_ref()));
        if path.standing.is_none() {
            add(&mut jobs, path, Role::Child, (&ours, theirs.as_ref()));
        }
        jobs.retain(|job| {
            words.is_empty() || words.iter().any(|word| job.text().contains(word.as_str()))
        });
        Ok(jobs)
    }

    fn trace(
        &self,
        program: &std::path::Path,
        path: &Path,
        is_reference: bool,
    ) -> io::Result<Traced> {
        let options = ["-f", "-b", "execve", "-e", "signal=none"].map(str::to_owned).to_vec();
        let mut started = Started { program: program.to_owned(), options, ..Started::default() };
        let plain = self.traced(path, &started, is_reference)?;
        let first = |is: fn(&Call) -> bool| plain.main.iter().find(|call| is(call)).cloned();
        let firsts = Firsts { open: first(Call::opens_lock), lock: first(Call::locks) };
        if path.standing.is_none() {
            return Ok(Traced { trace: plain, firsts });
        }
        stand(&mut started, path, &firsts, None);
        let trace = self.traced(path, &started, is_reference)?;
        let longer = trace.main.len() > plain.main.len() || is_reference;
        assert!(longer, "{}: nothing stands in the way", path.name);
        Ok(Traced { trace, firsts })
    }

    fn traced(&self, path: &Path, started: &Started, is_reference: bool) -> io::Result<Trace> {
        let outcome = self.room.run(path, started)?;
        assert!(outcome.faults.is_empty(), "{}, no fault: {outcome:?}", path.name);
        Ok(Trace::parse(&self.room.trace(), is_reference))
    }

    /// What a fault comes to: ours, and util-linux's where it makes the same call.
    pub fn run(&self, job: &Job) -> io::Result<(Outcome, Option<Outcome>)> {
        let mut ours = self.inject(&self.ours, job, (&job.call, &job.firsts))?;
        judge(job, &mut ours);
        let theirs = match (&self.reference, &job.reference) {
            (Some(program), Some((call, firsts))) => {
                Some(self.inject(program, job, (call, firsts))?)
            }
            _ => None,
        };
        Ok((ours, theirs))
    }

    fn inject(
        &self,
        program: &std::path::Path,
        job: &Job,
        (call, firsts): (&Call, &Firsts),
    ) -> io::Result<Outcome> {
        let mut started = Started { program: program.to_owned(), ..Started::default() };
        let mut count = call.count;
        if call.name == "execve" {
            // Only those of the command are counted.
            let probe = common::probe().display().to_string();
            let executes = job.path.executes.iter().map(|name| (*name).to_owned());
            let executes: Vec<_> =
                if job.path.executes.is_empty() { vec![probe] } else { executes.collect() };
            started.options.extend(executes.into_iter().flat_map(|name| ["-P".to_owned(), name]));
            count = call.nth;
        } else if job.role == Role::Child {
            started.launcher = probe(&ahead(call, job.fault));
        }
        started.options.push(if job.role == Role::Child { "-f" } else { "-bexecve" }.to_owned());
        started.options.extend(["-e".to_owned(), format!("trace={}", call.name)]);
        stand(&mut started, job.path, firsts, Some(call));
        let on = if job.fault == errors::ALWAYS { "+" } else { "" };
        started.inject(call, &format!("{}:when={count}{on}", job.fault.expression()));
        let mut outcome = self.room.run(job.path, &started)?;
        let trace = self.room.trace();
        let injections = started.options.iter().filter(|option| option.starts_with("inject="));
        let is_told = if job.fault.is_signal() {
            // Not of execve(2), from which on nothing is traced any more. SIGCHLD may be discarded.
            let has_ended = outcome.status.starts_with("signal ");
            has_ended
                || job.fault.name == "SIGCHLD"
                || trace.contains(&format!("--- {}", job.fault.name))
        } else {
            trace.matches("(INJECTED)").count() >= injections.count()
        };
        let is_sure =
            job.counts() || job.role == Role::Main && job.call.nth == 1 && !job.fault.is_signal();
        if is_sure && !is_told {
            outcome.faults.push("nothing was injected".to_owned());
        }
        tidy(&mut outcome, job);
        Ok(outcome)
    }
}

impl Started {
    /// Injects, and traces what that does to the call.
    fn inject(&mut self, call: &Call, how: &str) {
        let name = &call.name;
        if let Some(traced) = self.options.iter_mut().find(|word| word.starts_with("trace=")) {
            *traced = format!("{traced},{name}");
        }
        self.options.extend(["-e".to_owned(), format!("inject={name}:{how}")]);
    }
}

/// The probe, as what starts a command in this state.
fn probe(settings: &[String]) -> Vec<String> {
    let around = [common::probe().display().to_string(), "with".to_owned()];
    [&around, settings, &["--".to_owned()]].concat()
}

/// What a process does before it becomes flock, so that a call is injected into that flock's
/// child makes: the call itself, and if that gets a signal, takes no notice of it.
fn ahead(call: &Call, fault: Fault) -> Vec<String> {
    let calls = format!("calls={}:{AHEAD}", number(&call.name));
    let Some(signal) = fault.name.strip_prefix("SIG") else { return vec![calls] };
    // A pending signal is gone when it is ignored.
    let [block, ignore, restore, unblock] =
        ["block", "ignore", "default", "unblock"].map(|how| format!("{how}={signal}"));
    vec![block, calls, ignore, restore, unblock]
}

/// Has a standing failure happen, apart from what is injected.
///
/// strace(1) knows one injection for each system call, so where another one is to be injected
/// into a lock call, the first one has to fail otherwise: open(2) gives a descriptor that the
/// process was started with, and the kernel refuses to lock that.
fn stand(started: &mut Started, path: &Path, firsts: &Firsts, injected: Option<&Call>) {
    let Some(standing) = path.standing else { return };
    let (open, lock) = (firsts.open.as_ref().unwrap(), firsts.lock.as_ref().unwrap());
    match standing {
        Standing::Creation => {
            let (errno, bits) = (libc::EACCES, libc::O_CREAT | libc::O_NOCTTY);
            let rule = |(name, index)| format!("{name}:{errno}:{index}:{bits}:{bits}");
            let rules = [("open", 1), ("openat", 2)].map(rule).join(",");
            started.around = probe(&[format!("seccomp={rules}")]);
        }
        Standing::Lock(errno) if injected.is_some_and(Call::locks) => {
            let (name, errno) = (&lock.name, of_lock(errno).errno);
            let mode = if path.has("--fcntl") { "w" } else { "r" };
            let rule = format!("{name}:{errno}:0:{}:{REFUSED}", u32::MAX);
            started.around =
                probe(&[format!("open={REFUSED}:{mode}:lock"), format!("seccomp={rule}")]);
            started.inject(open, &format!("retval={REFUSED}:when={}", open.count));
        }
        Standing::Lock(errno) => {
            let errno = of_lock(errno).errno;
            started.inject(lock, &format!("error={errno}:when={}", lock.count));
        }
    }
}

/// An error of a lock call, by its name.
fn of_lock(name: &str) -> Fault {
    errors::of_call("flock").into_iter().find(|fault| fault.name == name).expect(name)
}

/// A descriptor that cannot be locked, of a number that no other one gets.
const REFUSED: i32 = 64;

/// With one of these, flock goes on as on any other path when it has opened and locked its
/// files, or has not.
const AFTERWARDS: [&str; 5] = ["clone", "dup", "pipe2", "rt_sigaction", "timer_delete"];

fn add(
    jobs: &mut Vec<Job>,
    path: &'static Path,
    role: Role,
    (ours, theirs): (&Traced, Option<&Traced>),
) {
    let calls = |traced: &Traced| match role {
        Role::Start => traced.trace.start[1..].to_vec(),
        Role::Main => traced.trace.main.clone(),
        Role::Child => traced.trace.child.clone(),
    };
    let own = calls(ours);
    let theirs = theirs.map(|theirs| (calls(theirs), &theirs.firsts));
    // Those before a standing failure are faults of another path, and so are those long after.
    let begin = match path.standing {
        Some(Standing::Lock(_)) => own.iter().position(Call::locks).unwrap() + 1,
        Some(Standing::Creation) => own.iter().position(Call::opens_lock).unwrap() + 1,
        None => 0,
    };
    let ends = |call: &&Call| path.standing.is_some() && AFTERWARDS.contains(&call.canonical());
    let count = own[begin..].iter().take_while(|call| !ends(call)).count();
    for (place, call) in own.iter().enumerate().skip(begin).take(count) {
        let name = call.canonical();
        let mut faults = match role {
            Role::Start => start_up(name),
            _ => errors::of_call(name),
        };
        if role == Role::Main && call.nth == 1 && !faults.is_empty() {
            faults.push(errors::ALWAYS);
        }
        if role != Role::Start && !faults.is_empty() {
            faults.extend(errors::signals());
        }
        let many = path.looks()
            || role == Role::Child && path.has_a_looking_child()
            || is_of_mounts(path, call);
        if many && call.nth > 1 && !faults.is_empty() {
            // There may be hundreds of them: each gets another one.
            faults = vec![faults[place % faults.len()]];
        }
        // What starts flock begins with that itself.
        let is_alike = role == Role::Child && call.canonical() == "brk";
        faults.retain(|fault| !is_alike && can_be(path, call, *fault));
        let reference = theirs.as_ref().and_then(|(theirs, firsts)| {
            Some((counterpart(call, &own, theirs)?.clone(), (*firsts).clone()))
        });
        jobs.extend(faults.into_iter().map(|fault| Job {
            path,
            role,
            call: call.clone(),
            fault,
            firsts: ours.firsts.clone(),
            reference: reference.clone(),
        }));
    }
}

/// The call of util-linux's flock that is the same as one of ours: the one of that number,
/// among as many of that name, or else among as many for the same purpose.
fn counterpart<'a>(call: &Call, ours: &[Call], theirs: &'a [Call]) -> Option<&'a Call> {
    let by_name = |other: &&Call| other.canonical() == call.canonical();
    let by_purpose = |other: &&Call| by_name(other) && other.purpose() == call.purpose();
    let find = |is_same: &dyn Fn(&&Call) -> bool| {
        let same: Vec<&Call> = theirs.iter().filter(|other| is_same(other)).collect();
        let mut own = ours.iter().filter(|other| is_same(other));
        let count = own.clone().count();
        let index = own.position(|other| other == call)?;
        (same.len() == count).then(|| same[index])
    };
    find(&by_name).or_else(|| find(&by_purpose))
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
        "munmap" => libc::SYS_munmap,
        "mremap" => libc::SYS_mremap,
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
    let lines = lines.map(|line| without_descriptor(&line.replace(&probe, "CMD")));
    outcome.stderr = lines.collect();
    let mut lines: Vec<String> = outcome.stdout.lines().map(without_time).collect();
    // flock may end before the command: with --close, its lock ends then.
    if job.role == Role::Main && job.call.canonical() == "wait4" {
        lines.sort();
        // The command may run still.
        let holder = |line: &&str| line.contains(" is still held by ");
        let said = outcome.stderr.lines().filter(|line| !holder(line));
        outcome.stderr = said.map(|line| line.to_owned() + "\n").collect();
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

/// A line, without the descriptor by which a worker holds a lock.
fn without_descriptor(line: &str) -> String {
    match line.split_once(" on fd ") {
        Some((before, _)) => format!("{before} on fd N\n"),
        None => format!("{line}\n"),
    }
}

/// The statuses that flock may have, the command's 0 included.
const KNOWN: [&str; 8] = ["0", "1", "64", "65", "66", "69", "71", "73"];

/// The status of a command that the signal has ended.
fn is_of_signal(job: &Job, status: &str) -> bool {
    let number = match job.fault.name {
        "SIGTERM" => libc::SIGTERM,
        "SIGINT" => libc::SIGINT,
        "SIGALRM" => libc::SIGALRM,
        _ => return false,
    };
    status == (128 + number).to_string()
}

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
    } else if job.role != Role::Start && !KNOWN.contains(&status) && !is_of_signal(job, status) {
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
    let says_more = job.path.has("--verbose") || job.path.looks();
    if lines == 0 && !is_silent && !is_of_signal(job, &outcome.status)
        || lines > 1 && !says_more && !job.path.fails() && !removes_two
    {
        found.push(format!("{lines} messages"));
    }
}
