//! One of many, with a run of flock at a time.

use crate::certain;
use crate::common;
use crate::ledger::{self, Ledger, Phase, Record};
use crate::plan::{Chance, Form, Plan, Programs};
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
    storm: &'a Storm,
    pub directory: &'a Path,
    index: usize,
    record: &'static Record,
    pub chance: Chance,
}

impl<'a> Worker<'a> {
    pub fn new(storm: &'a Storm, directory: &'a Path, ledger: &Ledger, index: usize) -> Self {
        let chance = Chance(storm.seed ^ (index as u64) << 40);
        Self { storm, directory, index, record: ledger.record(index), chance }
    }

    /// Runs flock once.
    pub fn round(&mut self, run: u64, tally: &Tally) {
        if self.chance.one_in(16) {
            let what = certain::try_one(self, &format!("own.{run}"));
            return tally.add(what);
        }
        let own = std::env::current_exe().unwrap();
        let (storm, flock) = (own.to_str().unwrap(), self.storm.flock.to_str().unwrap());
        let programs = Programs { storm, flock, worker: self.index, run };
        let plan = Plan::draw(&mut self.chance, self.storm.common, &programs);
        tally.add(&format!("{:?}", plan.form));
        self.record.child.store(0, SeqCst);
        self.record.locks.store(plan.locks, SeqCst);
        self.record.closes.store(plan.form.closes().into(), SeqCst);
        self.record.issue(run);
        let end = self.run(&plan);
        self.record.retire(run);
        match end {
            Ok(what) => tally.add(what),
            Err(fault) => self.fault(&fault),
        }
        // Where flock was killed, its command goes on, and so does the lock.
        let start = Instant::now();
        while self.record.job().is_some() {
            if start.elapsed() > self.storm.bound {
                return self.fault("lost: a job");
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Runs flock as planned. Returns what it came to.
    fn run(&mut self, plan: &Plan) -> Result<&'static str, String> {
        let environment = plan.environment.iter().map(|(name, value)| (name, value));
        let mut command = self.command(&plan.words[0]);
        command.args(&plan.words[1..]).envs(environment);
        let start = Instant::now();
        let mut child = command.spawn().unwrap();
        self.record.child.store(child.id().into(), SeqCst);
        let sent = self.disturb(plan, &child);
        let Some(status) = self.wait(&mut child, start) else {
            return Err(format!("lost: {plan:?}; {}", self.holders()));
        };
        let (took, phase) = (start.elapsed(), self.record.phase());
        let lives = self.record.job().is_some();
        let run = Run { plan, status, took, phase, lives, sent };
        run.judge().map_err(|fault| format!("{fault}: {run:?}"))
    }

    pub fn fault(&self, text: &str) {
        ledger::fault(self.directory, text);
    }

    /// A program in the storm's directory, with its mark.
    pub fn command(&self, program: &str) -> Command {
        let said = File::options().append(true).open(self.directory.join("said")).unwrap();
        let mut command = Command::new(program);
        command.current_dir(self.directory).env(MARK, self.directory).stdin(Stdio::null());
        command.env("LC_ALL", "C").env("SHELL", "/bin/sh").stderr(said);
        command
    }

    pub fn flock(&self) -> Command {
        self.command(self.storm.flock.to_str().unwrap())
    }

    /// Who has the locks, for a message in one line.
    fn holders(&self) -> String {
        let mut command = self.command(common::ours().to_str().unwrap());
        let output = command.args(["--holders", "a", "b", "c", "d"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).escape_debug().to_string()
    }

    /// Waits for a child; one that does not end in time is killed, and nothing returned.
    pub fn wait(&self, child: &mut Child, start: Instant) -> Option<ExitStatus> {
        let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).unwrap();
        let left = self.storm.bound.saturating_sub(start.elapsed());
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let is_over = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) == Ok(1);
        if !is_over {
            child.kill().unwrap();
        }
        // While its number cannot be another process's yet.
        self.record.child.store(0, SeqCst);
        let status = child.wait().unwrap();
        is_over.then_some(status)
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
        let inside = self.chance.one_in(2);
        while start.elapsed() < wait && !(inside && self.record.phase() != Phase::Issued) {
            thread::sleep(Duration::from_micros(300));
        }
        // A shell would have something to say of a job that is killed.
        let wants_job = self.chance.one_in(2) && plan.form != Form::Unlock;
        let job = self.record.job().filter(|_| wants_job);
        let victim = job.unwrap_or(Pid::from_child(child));
        let Ok(process) = pidfd_open(victim, PidfdFlags::empty()) else { return sent };
        if job.is_some() && self.record.job() != job {
            return sent;
        }
        let signals: &[Signal] = match self.chance.below(4) {
            0 => &[Signal::KILL],
            1 => &[Signal::TERM],
            _ => &[Signal::STOP, Signal::CONT],
        };
        for signal in signals {
            if *signal == Signal::CONT {
                thread::sleep(Duration::from_micros(self.chance.below(40_000) as u64));
            }
            let _ = pidfd_send_signal(&process, *signal);
        }
        *(if job.is_some() { &mut sent.job } else { &mut sent.child }) = signals;
        sent
    }
}
