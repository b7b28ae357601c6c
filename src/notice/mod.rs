//! What `--verbose` says more: who stands in the way, and who keeps the lock.
//!
//! None of it is util-linux's, so no failure to write it has any effect.

mod blocker;
mod look;

use crate::aside::{self, Aside, can_have_children};
use crate::console::{self, Console};
use crate::holders::Users;
use crate::printable::printable;
use crate::request::Locking;
use crate::sys;
use crate::target::{Target, Targets};
use blocker::Blocker;
use look::Look;
use rustix::{event, process, stdio, termios};
use std::cell::LazyCell;
use std::time::{Duration, Instant};

/// How often, and how soon, it is said during a wait.
const TICK: Duration = Duration::from_secs(1);

/// The most holders that are named.
const MOST: usize = 10;

/// The notices of one run.
pub struct Notice<'a> {
    locking: &'a Locking,
    voice: Voice,
    /// None where nothing is said: to read the clock is not for nothing.
    start: Option<Instant>,
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
        } else if console::is_terminal(stdio::stderr()) && sys::variable(c"TERM") != Some(c"dumb") {
            Voice::Terminal
        } else {
            Voice::Lines
        };
        let start = (voice != Voice::None).then(Instant::now);
        Self { locking, voice, start }
    }

    /// Whether there may be something to erase should a signal end the wait.
    pub fn on_terminal(&self) -> bool {
        self.voice == Voice::Terminal && self.locking.waits()
    }

    /// Starts a process that says, when it is time to, who is waited for. It has nothing but
    /// the terminal: the lock must not be that process's, too.
    pub fn begin(&self, target: &Target, console: &Console) -> Option<Aside> {
        let start = self.start?;
        // Lines are said once, and so they may have been while another file was waited for.
        if self.voice == Voice::Lines && start.elapsed() >= TICK || !can_have_children() {
            return None;
        }
        Aside::start(&[2], |own| self.tell(&Look::of(own, target, self.locking), start, console))
            .ok()
    }

    /// Says it each [`TICK`] in a line of the terminal, or else once.
    fn tell(&self, look: &Look, start: Instant, console: &Console) {
        let mut shown = false;
        loop {
            let past = Duration::from_nanos(start.elapsed().subsec_nanos().into());
            aside::pause(TICK.saturating_sub(past));
            if self.voice == Voice::Terminal && in_foreground() {
                shown = true;
                let columns = console.columns();
                console.rewrite(&line(look, start.elapsed().as_secs(), columns));
            } else if !shown && !look.is_stopped() {
                shown = true;
                name_blockers(look, console);
            }
            if shown && self.voice == Voice::Lines {
                // All is said.
                let _ = event::poll(&mut [], None);
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

    /// Names those who stand in the way, a line each.
    pub fn in_the_way(&self, target: &Target, console: &Console) {
        self.look(target, &|look| name_blockers(look, console));
    }

    /// Names the processes that the command has left behind and that keep the lock.
    pub fn left_behind(&self, target: &Target, console: &Console) {
        let Some(file) = target.name() else { return };
        let file = printable(file.to_bytes());
        self.look(target, &|look| {
            say(&look.left_behind(), console, |keeper, _| {
                let (who, numbers) = (keeper.process(), keeper.numbers());
                format!(
                    "{file} is still held by {who} on fd {numbers}: \
                     it inherited the lock; --close prevents that"
                )
            });
        });
    }

    /// Has a process look, which may hang where a file server does not answer.
    fn look(&self, target: &Target, tell: &dyn Fn(&Look)) {
        const LIMIT: Duration = Duration::from_secs(3);
        if self.voice == Voice::None {
            return;
        }
        let look = |own| tell(&Look::of(own, target, self.locking));
        let aside = can_have_children().then(|| Aside::start(&[2], look).ok()).flatten();
        if !aside.is_some_and(|aside| aside.finish(LIMIT)) {
            look(process::getpid());
        }
    }
}

/// A line for a terminal. What is in the way matters more than the whole of a long name.
fn line(look: &Look, seconds: u64, columns: usize) -> String {
    /// Of a name, so much is shown in any case.
    const LEAST: usize = 12;
    let head = format!("waiting {seconds} s for ");
    let mut tail = String::new();
    if let Some((blockers, nobody)) = look.blockers() {
        let first = blockers.first().map(|first| first.short(&Users::read()));
        if let Some(first) = first.as_deref().or(nobody) {
            tail = format!(": {first}");
        }
        // Whoever waits for himself need not know who else is in the way.
        let others = blockers.len().saturating_sub(1);
        if others > 0 && blockers.first().is_some_and(Blocker::is_other) {
            tail = format!("{tail}, and {others} more");
        }
    }
    // Before it comes the program's name, and behind it the cursor.
    let room = columns.saturating_sub(head.len() + tail.chars().count() + "flock: ".len() + 1);
    let name = look.name();
    let excess = name.chars().count().saturating_sub(room.max(LEAST));
    let name = match excess {
        0 => name,
        _ => name
            .chars()
            .skip(excess + 3)
            .fold("...".to_owned(), |text, c| text + c.encode_utf8(&mut [0; 4])),
    };
    head + &name + &tail
}

fn name_blockers(look: &Look, console: &Console) {
    let name = look.name();
    match look.blockers() {
        Some((_, Some(nobody))) => console.remark(nobody),
        Some((blockers, _)) => say(&blockers, console, |one, users| one.full(&name, users)),
        None => console.remark("no holder visible: /proc cannot be read"),
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

/// Whether this process may write over a line of its terminal: one in the background
/// would destroy what somebody else has written there.
fn in_foreground() -> bool {
    termios::tcgetpgrp(stdio::stderr()).map_or(true, |group| group == process::getpgrp())
}
