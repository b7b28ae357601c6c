//! A process that stands in the way, in words.

use crate::holders::{Party, Process, Users};
use crate::request::Mode;
use rustix::fd::RawFd;
use rustix::process::Pid;
use std::cell::LazyCell;

/// A process with a lock of one mode.
pub struct Blocker {
    pid: Pid,
    user: u32,
    command: String,
    mode: Mode,
    descriptors: Vec<RawFd>,
    relation: Relation,
}

/// How a process is related to this one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    Itself,
    /// A process that can go on only when this one has ended.
    WaitingAncestor,
    Other,
}

/// One for each process and mode, for the process that locks. What cannot end by itself comes first.
pub fn collect<'a>(own: Pid, parties: impl Iterator<Item = &'a Party>) -> Vec<Blocker> {
    let ancestors = LazyCell::new(|| waiting_ancestors(own));
    let mut all: Vec<Blocker> = Vec::new();
    for party in parties {
        let is_known = |one: &&mut Blocker| one.pid == party.pid && one.mode == party.lock.mode;
        if let Some(known) = all.iter_mut().find(is_known) {
            // One descriptor may have several ranges.
            known.descriptors.extend(party.descriptor.filter(|fd| !known.descriptors.contains(fd)));
            continue;
        }
        let relation = match party.pid {
            pid if pid == own => Relation::Itself,
            pid if ancestors.contains(&pid) => Relation::WaitingAncestor,
            _ => Relation::Other,
        };
        let place = all.iter().position(|one| one.relation > relation).unwrap_or(all.len());
        let (pid, user, command) = (party.pid, party.user, party.command());
        let (mode, descriptors) = (party.lock.mode, party.descriptor.into_iter().collect());
        all.insert(place, Blocker { pid, user, command, mode, descriptors, relation });
    }
    all
}

/// Those who wait for a process: its parent, if that does nothing else, its parent's
/// parent, if that one waits for the parent, and so on.
fn waiting_ancestors(mut child: Pid) -> Vec<Pid> {
    let mut all = Vec::new();
    while let Some(parent) = parent_that_waits(child) {
        all.push(parent);
        child = parent;
    }
    all
}

fn parent_that_waits(child: Pid) -> Option<Pid> {
    let child = Process::find(child).ok()?;
    let parent = Process::find(child.parent()?).ok()?;
    parent.waits_for(&child).then_some(parent.pid)
}

impl Blocker {
    /// Whether it is one that can end while this process waits.
    pub fn is_other(&self) -> bool {
        self.relation == Relation::Other
    }

    /// All there is to say.
    pub fn full(&self, name: &str, users: &Users) -> String {
        match self.relation {
            Relation::Other => format!("{name} is {} on fd {}", self.short(users), self.numbers()),
            Relation::Itself => format!(
                "this process holds it itself, on inherited fd {}: it waits for its own lock",
                self.numbers()
            ),
            Relation::WaitingAncestor => format!(
                "the holder {} is an ancestor of this process and waits for it",
                self.process()
            ),
        }
    }

    /// What fits into a line of a terminal that names the file already.
    pub fn short(&self, users: &Users) -> String {
        let how = match self.mode {
            Mode::Shared => "shared",
            Mode::Exclusive | Mode::Unlock => "exclusively",
        };
        match self.relation {
            Relation::Other => format!("held {how} by {}", self.who(users)),
            Relation::Itself => {
                format!("it waits for its own lock, on fd {}", self.numbers())
            }
            Relation::WaitingAncestor => {
                format!("its ancestor {} has it, and waits", self.process())
            }
        }
    }

    /// The process and its user.
    fn who(&self, users: &Users) -> String {
        format!("{} (pid {}, {})", self.command, self.pid, users.name(self.user))
    }

    /// The process.
    pub fn process(&self) -> String {
        format!("{} (pid {})", self.command, self.pid)
    }

    /// Its descriptors.
    pub fn numbers(&self) -> String {
        let mut text = String::new();
        for descriptor in &self.descriptors {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&descriptor.to_string());
        }
        text
    }
}
