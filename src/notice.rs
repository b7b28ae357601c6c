//! What `--verbose` says more: who stands in the way, and who keeps the lock.

use crate::console::{Console, printable};
use crate::holders::{self, Kind, Party, Process, Survey};
use crate::request::{Locking, Mode};
use crate::sys;
use crate::target::Target;
use rustix::fd::RawFd;
use rustix::fs::{CWD, readlinkat};
use rustix::process::{self, Pid};
use rustix::{stdio, termios};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// How often, and how soon, it is said during a wait.
pub const TICK: Duration = Duration::from_secs(1);

/// The most holders that are named.
const MOST: usize = 10;

/// The notices of one run.
pub struct Notice<'a> {
    locking: &'a Locking,
    start: Instant,
    /// Of a wait: how often it was told of.
    told: u32,
    /// Standard error is a terminal, on which one line is written over and over.
    terminal: bool,
    /// Such a line is there.
    line: bool,
}

impl<'a> Notice<'a> {
    /// Nothing is said before the first [`TICK`].
    pub fn new(locking: &'a Locking) -> Self {
        let terminal = locking.verbose && termios::isatty(stdio::stderr());
        Self { locking, start: Instant::now(), told: 0, terminal, line: false }
    }

    /// Whether there is something to erase should a signal end the wait.
    pub fn on_terminal(&self) -> bool {
        self.terminal
    }

    /// Says, if it is time to, who is waited for.
    pub fn waiting(&mut self, target: &Target, console: &mut Console) {
        let due = TICK * (self.told + 1);
        if !self.locking.verbose || self.start.elapsed() < due {
            return;
        }
        if !self.terminal && self.told > 0 {
            return;
        }
        let seconds = self.start.elapsed().as_secs();
        self.told = u32::try_from(seconds).unwrap_or(u32::MAX - 1);
        if self.terminal {
            let text = self.line(target, seconds);
            self.line = true;
            console.rewrite(&text);
        } else {
            self.in_the_way(target, console);
        }
    }

    /// Takes the line off the terminal.
    pub fn erase(&mut self, console: &mut Console) {
        if std::mem::take(&mut self.line) {
            console.rewrite("");
        }
    }

    fn line(&self, target: &Target, seconds: u64) -> String {
        let name = name(target);
        let (blockers, out_of_sight) = self.blockers(target);
        let more = match blockers.len() {
            0 | 1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        let first = blockers.first().map(Blocker::short);
        let who = first.or(out_of_sight.then(|| OUT_OF_SIGHT.to_owned())).unwrap_or_default();
        let colon = if who.is_empty() { "" } else { ": " };
        format!("waiting {seconds} s for {name}{colon}{who}{more}")
    }

    /// Names those who stand in the way, a line each.
    pub fn in_the_way(&self, target: &Target, console: &mut Console) {
        let name = name(target);
        let (blockers, out_of_sight) = self.blockers(target);
        for blocker in blockers.iter().take(MOST) {
            console.complain(blocker.full(&name).as_bytes(), None);
        }
        match blockers.len() {
            0 if out_of_sight => console.complain(OUT_OF_SIGHT.as_bytes(), None),
            count if count > MOST => {
                console.complain(format!("and {} more", count - MOST).as_bytes(), None);
            }
            _ => {}
        }
    }

    /// Who has a lock that bars the one that is asked for, a process each; and, if there
    /// is nobody, whether that may be for want of sight, rather than because the lock is
    /// free by now.
    fn blockers(&self, target: &Target) -> (Vec<Blocker>, bool) {
        let survey = Survey::take(target.fd()).unwrap_or_default();
        let bars = |party: &Party| party.lock.bars(self.locking.mode, self.locking.range);
        let out_of_sight = !survey.unseen.is_empty() || holders::may_miss_locks(target.fd());
        let holders = survey.holders.into_iter().filter(bars);
        let mut blockers = collect(holders);
        let line = line_of_descent();
        for blocker in &mut blockers {
            blocker.relation = blocker.related(&line);
        }
        // What cannot end by itself comes first.
        blockers.sort_by_key(|blocker| blocker.relation);
        (blockers, out_of_sight)
    }

    /// Names the processes that the command has left behind and that keep the lock.
    pub fn left_behind(&self, target: &Target, console: &mut Console) {
        let Some(file) = target.name() else { return };
        let survey = Survey::take(target.fd()).unwrap_or_default();
        let own = process::getpid();
        let is_same = |party: &Party| {
            let other = party.descriptor.unwrap_or_default();
            party.process.pid != own
                && party.lock.kind != Kind::Posix
                && sys::is_same_description(target.number, (party.process.pid, other))
        };
        let name = printable(file.to_bytes());
        let keepers = collect(survey.holders.into_iter().filter(is_same));
        for keeper in keepers.iter().take(MOST) {
            let who = keeper.who();
            let text = format!(
                "{name} is still held by {who} on fd {}: it inherited the lock; --close prevents that",
                keeper.numbers()
            );
            console.complain(text.as_bytes(), None);
        }
        if keepers.len() > MOST {
            console.complain(format!("and {} more", keepers.len() - MOST).as_bytes(), None);
        }
    }
}

const OUT_OF_SIGHT: &str =
    "no holder visible: another machine, another PID namespace, or a process of another user";

/// A process that stands in the way.
struct Blocker {
    process: Process,
    descriptors: Vec<RawFd>,
    mode: Mode,
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

/// One for each process.
fn collect(parties: impl Iterator<Item = Party>) -> Vec<Blocker> {
    let mut all: Vec<Blocker> = Vec::new();
    for party in parties {
        let known = all.iter_mut().find(|blocker| blocker.process.pid == party.process.pid);
        match known {
            Some(blocker) => blocker.descriptors.extend(party.descriptor),
            None => all.push(Blocker {
                process: party.process,
                descriptors: party.descriptor.into_iter().collect(),
                mode: party.lock.mode,
                relation: Relation::Other,
            }),
        }
    }
    all
}

/// This process, its parent, and so on.
fn line_of_descent() -> Vec<Pid> {
    let mut all = vec![process::getpid()];
    while let Some(parent) = all.last().and_then(|pid| Process::find(*pid).ok()?.parent()) {
        all.push(parent);
    }
    all
}

impl Blocker {
    /// All there is to say.
    fn full(&self, name: &str) -> String {
        match self.relation {
            Relation::Other => format!("{name} is {} on fd {}", self.short(), self.numbers()),
            Relation::Itself | Relation::WaitingAncestor => self.short(),
        }
    }

    /// What fits into a line that names the file already.
    fn short(&self) -> String {
        let how = match self.mode {
            Mode::Shared => "shared",
            Mode::Exclusive | Mode::Unlock => "exclusively",
        };
        match self.relation {
            Relation::Other => format!("held {how} by {}", self.who()),
            Relation::Itself => format!(
                "this process holds it itself, on inherited fd {}: it waits for its own lock",
                self.numbers()
            ),
            Relation::WaitingAncestor => format!(
                "the holder {} (pid {}) is an ancestor of this process and waits for it",
                self.process.command(),
                self.process.pid
            ),
        }
    }

    fn who(&self) -> String {
        let process = &self.process;
        format!("{} (pid {}, {})", process.command(), process.pid, process.user())
    }

    fn numbers(&self) -> String {
        self.descriptors.iter().map(RawFd::to_string).collect::<Vec<_>>().join(", ")
    }

    /// `line` is the line of descent of this process.
    fn related(&self, line: &[Pid]) -> Relation {
        let pid = self.process.pid;
        match line.iter().zip(line.iter().skip(1)).find(|(_, parent)| **parent == pid) {
            _ if line.first() == Some(&pid) => Relation::Itself,
            Some((child, _)) if self.process.waits_for(*child) => Relation::WaitingAncestor,
            _ => Relation::Other,
        }
    }
}

/// The file's name, or that of the file to which the descriptor leads.
fn name(target: &Target) -> String {
    let shown = target.display();
    let linked = || readlinkat(CWD, format!("/proc/self/fd/{}", target.number), Vec::new()).ok();
    let link = target.name().is_none().then(linked).flatten();
    printable(link.as_ref().map_or(shown.as_bytes(), |link| link.to_bytes()))
}
