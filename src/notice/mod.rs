//! What `--verbose` says more: who stands in the way, and who keeps the lock.
//!
//! None of it is util-linux's, so no failure to write it has any effect.

mod blocker;

use crate::console::{Console, printable};
use crate::holders::{Kind, Lock, Party, Survey, Users};
use crate::request::{Locking, Mode};
use crate::sys;
use crate::target::{Target, Targets};
use blocker::Blocker;
use rustix::fs::{CWD, readlinkat};
use rustix::process;
use rustix::{stdio, termios};
use std::cell::LazyCell;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// How often, and how soon, it is said during a wait.
pub const TICK: Duration = Duration::from_secs(1);

/// The most holders that are named.
const MOST: usize = 10;

const OUT_OF_SIGHT: &str =
    "no holder visible: another machine, another PID namespace, or a process of another user";

/// The notices of one run.
pub struct Notice<'a> {
    locking: &'a Locking,
    voice: Voice,
    /// None where nothing is said: to read the clock is not for nothing.
    start: Option<Instant>,
    /// Of a wait: for how many ticks it has been told of.
    told: u32,
    /// It was told of in lines that stay.
    in_lines: bool,
    /// The line that is written over is there.
    line: bool,
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
        Self { locking, voice, start, told: 0, in_lines: false, line: false }
    }

    /// Whether there may be something to erase should a signal end the wait.
    pub fn on_terminal(&self) -> bool {
        self.voice == Voice::Terminal
    }

    /// Says, if it is time to, who is waited for. Returns whether there may be more to say.
    pub fn waiting(&mut self, target: &Target, console: &Console) -> bool {
        let Some(elapsed) = self.start.map(|start| start.elapsed()) else { return false };
        if elapsed < TICK * (self.told + 1) {
            return true;
        }
        self.told = u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX - 1);
        if self.on_terminal() && in_foreground() {
            self.line = true;
            console.rewrite(&self.line(target, self.told));
        } else if !self.in_lines {
            self.in_lines = true;
            self.in_the_way(target, console);
        }
        self.on_terminal()
    }

    /// Takes the line off the terminal.
    pub fn erase(&mut self, console: &Console) {
        if std::mem::take(&mut self.line) && in_foreground() {
            console.rewrite("");
        }
    }

    fn line(&self, target: &Target, seconds: u32) -> String {
        let mut text = format!("waiting {seconds} s for {}", name(target));
        let Some((blockers, unseen)) = self.blockers(target) else { return text };
        match blockers.first() {
            Some(first) => text = format!("{text}: {}", first.short(&Users::read())),
            None if unseen => text = format!("{text}: {OUT_OF_SIGHT}"),
            None => {}
        }
        match blockers.len() {
            0 | 1 => text,
            count => format!("{text}, and {} more", count - 1),
        }
    }

    /// Names those who stand in the way, a line each.
    pub fn in_the_way(&self, target: &Target, console: &Console) {
        if self.voice == Voice::None {
            return;
        }
        let name = name(target);
        match self.blockers(target) {
            Some((blockers, true)) if blockers.is_empty() => console.remark(OUT_OF_SIGHT),
            Some((blockers, _)) => say(&blockers, console, |one, users| one.full(&name, users)),
            None => console.remark("no holder visible: /proc cannot be read"),
        }
    }

    /// Who has a lock that bars the one that is asked for; and whether there may be more of
    /// them, out of sight. Nothing if /proc cannot be read.
    fn blockers(&self, target: &Target) -> Option<(Vec<Blocker>, bool)> {
        let survey = Survey::take(target.fd()).ok()?;
        let (mode, range) = (self.locking.mode, self.locking.range);
        let bars = |lock: &Lock| lock.bars(mode, range);
        // What is held by the description that is to be locked is no hindrance.
        let others = survey.holders.iter().filter(|party| !shares(party, target, &survey));
        let blockers = blocker::collect(others.filter(|party| bars(&party.lock)));
        Some((blockers, survey.partial || survey.unseen.iter().any(bars)))
    }

    /// Names the processes that the command has left behind and that keep the lock.
    pub fn left_behind(&self, target: &Target, console: &Console) {
        let Some(file) = target.name() else { return };
        if self.voice == Voice::None {
            return;
        }
        let Ok(survey) = Survey::take(target.fd()) else { return };
        let (own, file) = (process::getpid(), printable(file.to_bytes()));
        let others = survey.holders.iter().filter(|party| party.pid != own);
        let keepers = blocker::collect(others.filter(|party| shares(party, target, &survey)));
        say(&keepers, console, |keeper, users| {
            let (who, numbers) = (keeper.who(users), keeper.numbers());
            format!(
                "{file} is still held by {who} on fd {numbers}: \
                 it inherited the lock; --close prevents that"
            )
        });
    }
}

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

/// Whether a process has its lock by the open file description of the target.
fn shares(party: &Party, target: &Target, survey: &Survey) -> bool {
    let own = process::getpid();
    let is_target = |party: &Party| party.pid == own && party.descriptor == Some(target.number);
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
    sys::is_same_description(target.number, theirs).unwrap_or_else(is_alike)
}

/// Whether this process may write over a line of its terminal: one in the background
/// would destroy what somebody else has written there.
fn in_foreground() -> bool {
    termios::tcgetpgrp(stdio::stderr()).map_or(true, |group| group == process::getpgrp())
}

/// The file's name, or that of the file to which the descriptor leads.
fn name(target: &Target) -> String {
    let shown = target.display();
    let linked = || readlinkat(CWD, format!("/proc/self/fd/{}", target.number), Vec::new()).ok();
    let link = target.name().is_none().then(linked).flatten();
    printable(link.as_ref().map_or(shown.as_bytes(), |link| link.to_bytes()))
}
