//! What `--verbose` says more: who stands in the way, and who keeps the lock.
//!
//! None of it is util-linux's, so no failure to write it has any effect.

mod blocker;

use crate::aside::Aside;
use crate::console::Console;
use crate::holders::{Kind, Lock, Party, Survey, Users};
use crate::printable::printable;
use crate::request::{Locking, Mode};
use crate::sys;
use crate::target::{Target, Targets};
use blocker::Blocker;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd};
use rustix::fs::{self, CWD, Mode as Permissions, OFlags};
use rustix::process::{self, Pid};
use rustix::{stdio, termios};
use std::cell::LazyCell;
use std::os::unix::ffi::OsStrExt;
use std::thread;
use std::time::{Duration, Instant};

/// How often, and how soon, it is said during a wait.
const TICK: Duration = Duration::from_secs(1);

/// The most holders that are named.
const MOST: usize = 10;

const OUT_OF_SIGHT: &str =
    "no holder visible: another machine, another PID namespace, or a process of another user";

/// Where none of these can be.
const WITHOUT_DESCRIPTOR: &str =
    "no holder visible: a mapping of the file, a message in a socket, or the kernel itself";

/// The notices of one run.
pub struct Notice<'a> {
    locking: &'a Locking,
    voice: Voice,
    /// None where nothing is said: to read the clock is not for nothing.
    start: Option<Instant>,
    /// The process that locks, which need not be the one that speaks. None where nobody does.
    own: Option<Pid>,
}

/// How a run speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// There is nothing to say, or nowhere to say it.
    None,
    /// In lines that stay.
    Lines,
    /// During a wait, in one line of a terminal, which is written over and over.
    Terminal,
}

impl<'a> Notice<'a> {
    /// Nothing is said before the first [`TICK`].
    pub fn new(locking: &'a Locking, targets: &Targets) -> Self {
        // If standard error was closed, a lock file may have its number.
        let is_stderr = |target: &Target| target.number == 2 && target.name().is_some();
        let voice = if !locking.verbose || targets.all.iter().any(is_stderr) {
            Voice::None
        } else if termios::isatty(stdio::stderr()) && sys::variable(c"TERM") != Some(c"dumb") {
            Voice::Terminal
        } else {
            Voice::Lines
        };
        let start = (voice != Voice::None).then(Instant::now);
        Self { locking, voice, start, own: start.map(|_| process::getpid()) }
    }

    /// Whether there may be something to erase should a signal end the wait.
    pub fn on_terminal(&self) -> bool {
        self.voice == Voice::Terminal && self.locking.waits()
    }

    /// Starts a process that says, when it is time to, who is waited for.
    pub fn begin(&self, target: &Target, console: &Console) -> Option<Aside> {
        let start = self.start?;
        // Lines are said once, and so they may have been while another file was waited for.
        if self.voice == Voice::Lines && start.elapsed() >= TICK {
            return None;
        }
        // The lock must not be that process's, too: what is opened like this has none.
        let link = format!("/proc/self/fd/{}", target.number);
        let file = fs::open(link, OFlags::PATH | OFlags::CLOEXEC, Permissions::empty()).ok();
        let mut kept = vec![2];
        kept.extend(file.as_ref().map(AsRawFd::as_raw_fd));
        let file = file.as_ref().map(AsFd::as_fd);
        Aside::start(&kept, |_| self.tell((target, file), start, console)).ok()
    }

    /// Says it each [`TICK`] in a line of the terminal, or else once.
    fn tell(&self, waited: Waited, start: Instant, console: &Console) {
        let mut shown = false;
        loop {
            let past = Duration::from_nanos(start.elapsed().subsec_nanos().into());
            thread::sleep(TICK.saturating_sub(past));
            if self.voice == Voice::Terminal && in_foreground() {
                shown = true;
                console.rewrite(&self.line(waited, start.elapsed().as_secs()));
            } else if !shown {
                shown = true;
                self.name_blockers(waited, console);
            }
        }
    }

    /// Takes the line off the terminal.
    pub fn erase(&self, console: &Console) {
        let is_late = self.start.is_some_and(|start| start.elapsed() >= TICK);
        if self.on_terminal() && is_late && in_foreground() {
            console.rewrite("");
        }
    }

    fn line(&self, waited: Waited, seconds: u64) -> String {
        let mut text = format!("waiting {seconds} s for {}", name(waited));
        let Some((blockers, nobody)) = self.blockers(waited) else { return text };
        let first = blockers.first().map(|first| first.short(&Users::read()));
        if let Some(first) = first.as_deref().or(nobody) {
            text = format!("{text}: {first}");
        }
        match blockers.len() {
            0 | 1 => text,
            count => format!("{text}, and {} more", count - 1),
        }
    }

    /// Names those who stand in the way, a line each.
    pub fn in_the_way(&self, target: &Target, console: &Console) {
        if self.voice != Voice::None {
            self.name_blockers((target, Some(target.fd())), console);
        }
    }

    fn name_blockers(&self, waited: Waited, console: &Console) {
        let name = name(waited);
        match self.blockers(waited) {
            Some((_, Some(nobody))) => console.remark(nobody),
            Some((blockers, _)) => say(&blockers, console, |one, users| one.full(&name, users)),
            None => console.remark("no holder visible: /proc cannot be read"),
        }
    }

    /// Who has a lock that bars the one that is asked for; if nobody is seen, why that may be.
    /// Nothing if /proc cannot be read.
    fn blockers(&self, (target, file): Waited) -> Option<(Vec<Blocker>, Option<&'static str>)> {
        let (own, survey) = (self.own?, Survey::take(file?).ok()?);
        let (mode, range) = (self.locking.mode, self.locking.range);
        let bars = |lock: &Lock| lock.bars(mode, range);
        // What is held by the description that is to be locked is no hindrance.
        let others = survey.holders.iter().filter(|party| !shares(own, party, target, &survey));
        let blockers = blocker::collect(own, others.filter(|party| bars(&party.lock)));
        let is_unseen = survey.unseen.iter().any(bars);
        let nobody = match blockers.is_empty() {
            true if survey.partial || is_unseen && survey.hidden > 0 => Some(OUT_OF_SIGHT),
            true if is_unseen => Some(WITHOUT_DESCRIPTOR),
            _ => None,
        };
        Some((blockers, nobody))
    }

    /// Names the processes that the command has left behind and that keep the lock.
    pub fn left_behind(&self, target: &Target, console: &Console) {
        let (Some(file), Some(own)) = (target.name(), self.own) else { return };
        let Ok(survey) = Survey::take(target.fd()) else { return };
        let file = printable(file.to_bytes());
        let others = survey.holders.iter().filter(|party| party.pid != own);
        let keepers = others.filter(|party| shares(own, party, target, &survey));
        say(&blocker::collect(own, keepers), console, |keeper, users| {
            let (who, numbers) = (keeper.who(users), keeper.numbers());
            format!(
                "{file} is still held by {who} on fd {numbers}: \
                 it inherited the lock; --close prevents that"
            )
        });
    }
}

/// What is waited for, by a descriptor of it that the process has which speaks, if any.
type Waited<'a> = (&'a Target, Option<BorrowedFd<'a>>);

/// One line each, of the first ones.
fn say(blockers: &[Blocker], console: &Console, line: impl Fn(&Blocker, &Users) -> String) {
    let users = LazyCell::new(Users::read);
    for blocker in blockers.iter().take(MOST) {
        console.remark(&line(blocker, &users));
    }
    if blockers.len() > MOST {
        console.remark(&format!("and {} more", blockers.len() - MOST));
    }
}

/// Whether a process has its lock by the open file description of the target, which is that
/// of the process that locks.
fn shares(own: Pid, party: &Party, target: &Target, survey: &Survey) -> bool {
    let ours = (own, target.number);
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
        let is_single = party.lock.mode == Mode::Exclusive || party.lock.process == Some(own);
        is_single && survey.holders.iter().any(|one| is_target(one) && one.lock == party.lock)
    };
    sys::is_same_description(ours, theirs).unwrap_or_else(is_alike)
}

/// Whether this process may write over a line of its terminal: one in the background
/// would destroy what somebody else has written there.
fn in_foreground() -> bool {
    termios::tcgetpgrp(stdio::stderr()).map_or(true, |group| group == process::getpgrp())
}

/// The file's name, or that of the file to which the descriptor leads.
fn name((target, file): Waited) -> String {
    let shown = target.display();
    let linked = |file: BorrowedFd| {
        fs::readlinkat(CWD, format!("/proc/self/fd/{}", file.as_raw_fd()), Vec::new()).ok()
    };
    let link = file.filter(|_| target.name().is_none()).and_then(linked);
    printable(link.as_ref().map_or(shown.as_bytes(), |link| link.to_bytes()))
}
