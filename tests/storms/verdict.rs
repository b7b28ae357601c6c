//! Whether what a run of flock reports can be true.

use crate::ledger::Phase;
use crate::plan::{CONFLICT, Form, Patience, Plan};
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// Which signals were sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub child: &'static [Signal],
    pub job: &'static [Signal],
    /// Afterwards, nobody had left yet who could leave.
    pub in_time: bool,
    /// For how long one of the two was stopped at most.
    pub stopped: Duration,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Run<'a> {
    pub plan: &'a Plan,
    pub status: ExitStatus,
    pub took: Duration,
    /// How long it took until somebody came in.
    pub entered: Option<Duration>,
    pub phase: Phase,
    /// The job goes on.
    pub lives: bool,
    pub sent: Sent,
}

impl Run<'_> {
    /// What it came to, or what is wrong with that. No wait ends later than `bound` after
    /// its time.
    pub fn judge(&self, bound: Duration) -> Result<&'static str, &'static str> {
        match (self.status.signal().and_then(Signal::from_named_raw), self.status.code()) {
            _ if self.late().is_some_and(|late| late > bound) => Err("too late"),
            (Some(signal), _) => self.judge_signal(signal),
            (None, Some(_)) if self.lives => Err("ended before its command"),
            (None, Some(CONFLICT)) => self.judge_conflict(),
            (None, Some(code)) => self.judge_status(code),
            (None, None) => Err("an unknown signal"),
        }
    }

    /// How long after its time the wait has ended, with the lock or without. The time in
    /// which it was stopped does not count.
    pub fn late(&self) -> Option<Duration> {
        let time = match self.plan.patience {
            Patience::None => Duration::ZERO,
            Patience::Short(time) => time,
            Patience::Long | Patience::Endless => return None,
        };
        let is_refused = self.status.code() == Some(CONFLICT);
        let waited = if is_refused { Some(self.took) } else { self.entered };
        waited.map(|waited| waited.saturating_sub(time + self.sent.stopped))
    }

    fn judge_signal(&self, signal: Signal) -> Result<&'static str, &'static str> {
        let form = self.plan.form;
        let is_sent =
            self.sent.child.contains(&signal) || form.becomes() && self.sent.job.contains(&signal);
        match self.phase {
            _ if !is_sent || !DEADLY.contains(&signal) => Err("killed by nobody"),
            _ if self.lives && form == Form::Forward && signal != Signal::KILL => {
                Err("ended before its command")
            }
            _ if self.lives => Ok("killed, the command goes on"),
            Phase::Shared | Phase::Exclusive => Ok("killed inside"),
            Phase::Issued | Phase::Left => Ok("killed outside"),
        }
    }

    fn judge_conflict(&self) -> Result<&'static str, &'static str> {
        match (self.plan.patience, self.phase) {
            (_, phase) if phase != Phase::Issued => Err("a conflict, yet it ran"),
            (Patience::None, _) => Ok("conflict"),
            (Patience::Short(time), _) if self.took >= time => Ok("timeout"),
            (Patience::Short(_), _) => Err("too early"),
            (Patience::Long | Patience::Endless, _) => Err("a conflict, yet it waits"),
        }
    }

    fn judge_status(&self, code: i32) -> Result<&'static str, &'static str> {
        let is_fatal = |signal: &&Signal| DEADLY.contains(signal);
        // It is to be passed on, and the job may have left before it was.
        let forwards =
            |signal: &&Signal| self.plan.form == Form::Forward && **signal == Signal::TERM;
        let (job, child) = (self.sent.job.iter(), self.sent.child.iter());
        if code == self.plan.status.into() && self.phase == Phase::Left {
            let ends = job.filter(is_fatal).chain(child.filter(is_fatal).filter(|s| !forwards(s)));
            // Who has a deadly signal pending does not get to leave, nor to report that.
            let survives = self.sent.in_time && ends.count() > 0;
            return if survives { Err("a signal without effect") } else { Ok("done") };
        }
        let mut passed = job.filter(is_fatal).chain(child.filter(forwards));
        let is_killed = passed.any(|signal| code == 128 + signal.as_raw());
        if is_killed { Ok("the command killed") } else { Err("a false status") }
    }
}

/// The signals of a storm that end a process.
const DEADLY: [Signal; 2] = [Signal::KILL, Signal::TERM];
