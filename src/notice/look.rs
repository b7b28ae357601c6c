//! What is to be seen of a lock that a process wants or has.

use super::blocker::{self, Blocker};
use crate::holders::{Kind, Lock, Party, Process, Survey};
use crate::printable::printable;
use crate::request::{Locking, Mode};
use crate::sys;
use crate::target::Target;
use rustix::process::{self, Pid};
use std::os::unix::ffi::OsStrExt;

const OUT_OF_SIGHT: &str =
    "no holder visible: another machine, another PID namespace, or a process of another user";

/// Where none of these can be.
const WITHOUT_DESCRIPTOR: &str =
    "no holder visible: a mapping of the file, a message in a socket, or the kernel itself";

/// A process that wants a lock or has it; it need not be the one that looks.
pub struct Look<'a> {
    own: Pid,
    /// None where /proc cannot be read.
    process: Option<Process>,
    target: &'a Target,
    locking: &'a Locking,
}

impl<'a> Look<'a> {
    /// A look at the lock on a target of that process.
    pub fn of(own: Pid, target: &'a Target, locking: &'a Locking) -> Self {
        Self { own, process: Process::find(own).ok(), target, locking }
    }

    /// Whether the process is stopped.
    pub fn is_stopped(&self) -> bool {
        self.process.as_ref().is_some_and(Process::is_stopped)
    }

    /// The file's name, or that of the file to which the descriptor leads.
    pub fn name(&self) -> String {
        let shown = self.target.display();
        let descriptor = format!("fd/{}", self.target.number);
        let nameless = self.process.as_ref().filter(|_| self.target.name().is_none());
        let link =
            nameless.map(|process| process.link(&descriptor)).filter(|link| !link.is_empty());
        printable(link.as_deref().unwrap_or(shown.as_bytes()))
    }

    /// Who has a lock that bars the one that is asked for; if nobody is seen, why that may be.
    /// Nothing if /proc cannot be read.
    pub fn blockers(&self) -> Option<(Vec<Blocker>, Option<&'static str>)> {
        let survey = self.survey()?;
        let (mode, range) = (self.locking.mode, self.locking.range);
        let bars = |lock: &Lock| lock.bars(mode, range);
        // What is held by the description that is to be locked is no hindrance.
        let others = survey.holders.iter().filter(|party| !self.shares(party, &survey));
        let blockers = blocker::collect(self.own, others.filter(|party| bars(&party.lock)));
        let is_unseen = survey.unseen.iter().any(bars);
        // Whoever has no privilege need not see even that there are others: proc(5), hidepid.
        let sees_all = survey.hidden == 0 && process::geteuid().is_root();
        let nobody = match blockers.is_empty() {
            true if survey.partial || is_unseen && !sees_all => Some(OUT_OF_SIGHT),
            true if is_unseen => Some(WITHOUT_DESCRIPTOR),
            _ => None,
        };
        Some((blockers, nobody))
    }

    /// The other processes that have the lock of this one.
    pub fn left_behind(&self) -> Vec<Blocker> {
        let Some(survey) = self.survey() else { return Vec::new() };
        let others = survey.holders.iter().filter(|party| party.pid != self.own);
        blocker::collect(self.own, others.filter(|party| self.shares(party, &survey)))
    }

    fn survey(&self) -> Option<Survey> {
        Survey::take(self.process.as_ref()?, self.target.number).ok()
    }

    /// Whether somebody has a lock by the open file description of the target.
    fn shares(&self, party: &Party, survey: &Survey) -> bool {
        let ours = (self.own, self.target.number);
        let is_target = |party: &Party| (party.pid, party.descriptor) == (ours.0, Some(ours.1));
        // A lock of a process bars even its own open file descriptions.
        if party.lock.kind == Kind::Posix {
            return false;
        }
        if is_target(party) {
            return true;
        }
        let theirs = (party.pid, party.descriptor.unwrap_or_default());
        // Where the kernel may not tell, as in some containers: of one description there is one
        // lock. Two that look alike are one, unless they are shared and nobody's.
        let is_alike = || {
            let is_single =
                party.lock.mode == Mode::Exclusive || party.lock.process == Some(self.own);
            is_single && survey.holders.iter().any(|one| is_target(one) && one.lock == party.lock)
        };
        sys::is_same_description(ours, theirs).unwrap_or_else(is_alike)
    }
}
