//! One of many, with a run of flock at a time.

use crate::certain;
use crate::common;
use crate::ledger::{self, Ledger, Phase, Record};
use crate::look;
use crate::plan::{Chance, Form, LOCKS, Plan, Programs, VERBOSE};
use crate::storm::{MARK, Storm};
use crate::tally::Tally;
use crate::verdict::{Run, Sent};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

pub struct Worker<'a> {
    pub storm: &'a Storm,
    pub directory: &'a Path,
    pub ledger: &'a Ledger,
    pub tally: &'a Tally,
    pub index: usize,
    pub chance: Chance,
    /// Of which the outcome is certain: what it does.
    pub certain: &'static str,
}

impl Worker<'_> {
    fn record(&self) -> &'static Record {
        self.ledger.record(self.index)
    }

    /// Runs flock once.
    pub fn round(&mut self, run: u64) {
        if self.chance.one_in(self.storm.certain) {
            let what = certain::try_one(self, &format!("own.{run}"));
            return self.tally.add(what);
        }
        if !self.storm.common && self.chance.one_in(self.storm.looks) {
            let lock = self.chance.below(LOCKS.len());
            return self.note(look::look(self, lock, run));
        }
        let own = std::env::current_exe().unwrap();
        let (storm, flock) = (own.to_str().unwrap(), self.storm.flock.to_str().unwrap());
        let programs = Programs { storm, flock, worker: self.index, run };
        let plan = Plan::draw(&mut self.chance, self.storm.common, &programs);
        self.tally.add(&format!("{:?}", plan.form));
        self.record().child.store(0, SeqCst);
        self.record().locks.store(plan.locks, SeqCst);
        self.record().closes.store(plan.form.closes().into(), SeqCst);
        self.record().remote.store((plan.form == Form::ForPid).into(), SeqCst);
        let stays = !self.storm.common && self.chance.one_in(self.storm.looks);
        self.record().stays.store(stays.into(), SeqCst);
        self.record().issue(run);
        let end = self.run(&plan, run);
        self.record().retire(run);
        self.note(end);
        // Where flock was killed, its command goes on, and so does the lock.
        let start = Instant::now();
        while self.record().job().is_some() {
            if start.elapsed() > self.storm.bound {
                return self.fault("lost: a job");
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn note(&self, end: Result<&'static str, String>) {
        match end {
            Ok(what) => self.tally.add(what),
            Err(fault) => self.fault(&fault),
        }
    }

    /// Runs flock as planned. Returns what it came to.
    fn run(&mut self, plan: &Plan, run: u64) -> Result<&'static str, String> {
        let environment = plan.environment.iter().map(|(name, value)| (name, value));
        let mut command = self.command(&plan.words[0]);
        command.args(&plan.words[1..]).envs(environment);
        if plan.words.iter().any(|word| word == VERBOSE) {
            command.stdout(Stdio::null()).stderr(Stdio::null());
            self.tally.add(VERBOSE);
        }
        let (start, began) = (Instant::now(), ledger::now());
        let mut child = command.spawn().unwrap();
        self.record().child.store(child.id().into(), SeqCst);
        let stays = self.record().stays.load(SeqCst) != 0;
        let sent = if stays { self.watch(plan, &child, run) } else { self.disturb(plan, &child) };
        let is_over = self.ends(&mut child, start);
        // While its number cannot be another process's yet.
        self.record().child.store(0, SeqCst);
        let status = child.wait().unwrap();
        if !is_over {
            return Err(format!("lost: {plan:?}; {}", self.holders()));
        }
        let (took, phase) = (start.elapsed(), self.record().phase());
        let lives = self.record().job().is_some();
        let entered = self.record().entered().map(|time| time.saturating_sub(began));
        let run = Run { plan, status, took, entered, phase, lives, sent };
        if let Some(late) = run.late() {
            self.tally.add_late(late);
        }
        run.judge(self.storm.late).map_err(|fault| format!("{fault}: {run:?}"))
    }

    pub fn fault(&self, text: &str) {
        ledger::fault(self.directory, text);
    }

    /// A program in the storm's directory, with its mark.
    pub fn command(&self, program: &str) -> Command {
        let said = File::options().append(true).open(self.directory.join("said")).unwrap();
        let mut command = Command::new(program);
        command.current_dir(self.directory).env(MARK, self.directory).stdin(Stdio::null());
        command.env("LC_ALL", "C").env("SHELL", "/bin/sh");
        command.stdout(said.try_clone().unwrap()).stderr(said);
        command
    }

    pub fn flock(&self) -> Command {
        self.command(self.storm.flock.to_str().unwrap())
    }

    /// Who has the locks, for a message in one line.
    fn holders(&self) -> String {
        let mut command = self.command(common::ours().to_str().unwrap());
        command.args(["--holders", "a", "b", "c", "d"]).stdout(Stdio::piped());
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).escape_debug().to_string()
    }

    /// Waits for a child; one that does not end in time is killed, and nothing returned.
    pub fn wait(&self, child: &mut Child, start: Instant) -> Option<ExitStatus> {
        let is_over = self.ends(child, start);
        let status = child.wait().unwrap();
        is_over.then_some(status)
    }

    /// Whether a child ends in time. One that does not is killed. It is not reaped.
    fn ends(&self, child: &mut Child, start: Instant) -> bool {
        let is_over = has_ended(child, self.storm.bound.saturating_sub(start.elapsed()));
        if !is_over {
            child.kill().unwrap();
        }
        is_over
    }

    /// Has a look at the lock while the job is inside, which then may leave.
    fn watch(&self, plan: &Plan, child: &Child, run: u64) -> Sent {
        let start = Instant::now();
        let waits = || self.record().phase() == Phase::Issued && start.elapsed() < self.storm.bound;
        while waits() && !has_ended(child, Duration::from_millis(3)) {}
        if !waits() {
            self.note(look::look(self, plan.locks.trailing_zeros() as usize, run));
        }
        self.record().stays.store(0, SeqCst);
        Sent::default()
    }

    /// Sends signals to the child, or to its job, or does not: while it waits, as likely as
    /// not, or when the job is inside.
    fn disturb(&mut self, plan: &Plan, child: &Child) -> Sent {
        let mut sent = Sent::default();
        if self.chance.below(5) < 3 {
            return sent;
        }
        let start = Instant::now();
        let wait = Duration::from_micros(self.chance.below(1 << 18) as u64);
        let inside = self.chance.one_in(4);
        let limit = if inside { self.storm.bound } else { wait };
        let is_due = || inside && self.record().phase() != Phase::Issued;
        while !is_due() && start.elapsed() < limit {
            if has_ended(child, Duration::from_micros(300)) {
                return sent;
            }
        }
        // A shell would have something to say of a job that is killed.
        let wants_job = self.chance.one_in(2) && plan.form != Form::Unlock;
        let job = self.record().job().filter(|_| wants_job);
        let victim = job.unwrap_or(Pid::from_child(child));
        let Ok(process) = pidfd_open(victim, PidfdFlags::empty()) else { return sent };
        if job.is_some() && self.record().job() != job {
            return sent;
        }
        let signals: &[Signal] = match self.chance.below(4) {
            0 => &[Signal::KILL],
            1 => &[Signal::TERM],
            _ => &[Signal::STOP, Signal::CONT],
        };
        let before = Instant::now();
        let mut is_sent = true;
        for signal in signals {
            if *signal == Signal::CONT {
                thread::sleep(Duration::from_micros(self.chance.below(40_000) as u64));
            }
            is_sent &= pidfd_send_signal(&process, *signal).is_ok();
        }
        sent.stopped = before.elapsed();
        sent.in_time = is_sent && self.record().phase() != Phase::Left;
        *(if job.is_some() { &mut sent.job } else { &mut sent.child }) = signals;
        sent
    }
}

/// Whether a child ends before so long. It is not reaped.
fn has_ended(child: &Child, before: Duration) -> bool {
    let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).unwrap();
    let time = Timespec { tv_sec: before.as_secs() as i64, tv_nsec: before.subsec_nanos().into() };
    poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&time)) == Ok(1)
}
