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
}

/// A run that has ended.
#[derive(Debug)]
pub struct Run<'a> {
    pub plan: &'a Plan,
    pub status: ExitStatus,
    pub took: Duration,
    pub phase: Phase,
    /// The job goes on.
    pub lives: bool,
    pub sent: Sent,
}

impl Run<'_> {
    /// What it came to, or what is wrong with that.
    pub fn judge(&self) -> Result<&'static str, &'static str> {
        match (self.status.signal().and_then(Signal::from_named_raw), self.status.code()) {
            (Some(signal), _) => self.judge_signal(signal),
            (None, Some(_)) if self.lives => Err("ended before its command"),
            (None, Some(CONFLICT)) => self.judge_conflict(),
            (None, Some(code)) => self.judge_status(code),
            (None, None) => Err("an unknown signal"),
        }
    }

    fn judge_signal(&self, signal: Signal) -> Result<&'static str, &'static str> {
        let form = self.plan.form;
        let is_sent =
            self.sent.child.contains(&signal) || form.becomes() && self.sent.job.contains(&signal);
        match self.phase {
            _ if !is_sent => Err("killed by nobody"),
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
        let forwarded = if self.plan.form == Form::Forward { self.sent.child } else { &[] };
        let mut signals = self.sent.job.iter().chain(forwarded);
        if code == self.plan.status.into() && self.phase == Phase::Left {
            return Ok("done");
        }
        let is_killed = signals.any(|signal| code == 128 + signal.as_raw());
        if is_killed { Ok("the command killed") } else { Err("a false status") }
    }
}
