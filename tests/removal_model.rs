//! `--remove` as a model: every order in which the steps of a few processes can happen.
//!
//! The model follows `lock::acquire` and `removal::remove`, a system call a step. It proves
//! the design, not the code; that is what the storms of `also_remove.rs` are for. Each rule
//! is broken once as well, to see that the search finds what comes of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashSet;

/// What the processes do differently from the design.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    Design,
    /// The name is not looked at after the lock.
    NoSecondLook,
    /// The name is removed, by an exclusive holder, under the lock that the command had.
    UnderTheCommandsLock,
    /// The file is not locked again to be removed.
    WithoutLock,
}

/// The step that comes next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    Open,
    Lock,
    Look,
    Run,
    OpenAgain,
    LetGo,
    LockAlone,
    LookAgain,
    Unlink,
    End,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Process {
    exclusive: bool,
    step: Step,
    /// The inode that is open, and whether it is locked.
    file: Option<(u8, bool)>,
    /// That which is open to be removed, and whether it is locked, exclusively.
    again: Option<(u8, bool)>,
    /// The locked inode that a process which the command has left behind has open.
    left: Option<u8>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    /// The inode to which the name leads.
    name: Option<u8>,
    processes: Vec<Process>,
    /// Somebody was killed, or left a process behind: the file may stay.
    disturbed: bool,
}

/// What the name leads to after a step, and what has become of the process.
type Move = (Option<u8>, Process);

impl State {
    fn new(modes: &[bool], name: Option<u8>) -> Self {
        let process = |exclusive: &bool| Process {
            exclusive: *exclusive,
            step: Step::Open,
            file: None,
            again: None,
            left: None,
        };
        Self { name, processes: modes.iter().map(process).collect(), disturbed: false }
    }

    /// The lowest inode that is nobody's: numbers are given out again.
    fn unused(&self) -> u8 {
        let is_used = |inode: u8| {
            self.name == Some(inode)
                || self.processes.iter().any(|process| {
                    let open = [process.file, process.again].into_iter().flatten();
                    open.map(|(inode, _)| inode).chain(process.left).any(|open| open == inode)
                })
        };
        (0..=u8::MAX).find(|inode| !is_used(*inode)).unwrap()
    }

    /// Whether a new description could lock the inode.
    fn is_free(&self, inode: u8, exclusive: bool) -> bool {
        self.processes.iter().all(|process| {
            let shared = !process.exclusive && !exclusive;
            let by_file = process.file == Some((inode, true)) || process.left == Some(inode);
            process.again != Some((inode, true)) && (!by_file || shared)
        })
    }

    /// Every state that one step of process `index` can lead to.
    fn after(&self, index: usize, rules: Rules) -> Vec<Self> {
        let process = &self.processes[index];
        let mut moves = match process.step {
            Step::Open | Step::Lock | Step::Look => vec![self.lock(process, rules)],
            Step::Run => [None, process.file.map(|(inode, _)| inode)]
                .map(|left| (self.name, Process { left, step: Step::OpenAgain, ..process.clone() }))
                .to_vec(),
            Step::End => Vec::new(),
            _ => vec![self.remove(process, rules)],
        };
        if process.left.is_some() {
            moves.push((self.name, Process { left: None, ..process.clone() }));
        }
        if process.step != Step::End {
            // The command of one that is killed goes on.
            let command = process.file.filter(|_| process.step == Step::Run);
            let left = process.left.or(command.map(|(inode, _)| inode));
            moves.push((self.name, Process { left, ..process.ended() }));
        }
        let is_killed = |count: usize| process.step != Step::End && count + 1 == moves.len();
        let states = moves.iter().enumerate().map(|(count, (name, new))| {
            let leaves = process.left.is_none() && new.left.is_some();
            let mut state = Self { name: *name, ..self.clone() };
            state.disturbed |= leaves || is_killed(count);
            state.processes[index] = new.clone();
            state
        });
        states.collect()
    }

    /// The steps before the command runs.
    fn lock(&self, process: &Process, rules: Rules) -> Move {
        let name = self.name;
        let inode = process.file.map_or(name.unwrap_or(self.unused()), |(inode, _)| inode);
        let to = |step, file| Process { step, file, ..process.clone() };
        match process.step {
            Step::Open => (Some(inode), to(Step::Lock, Some((inode, false)))),
            Step::Lock if self.is_free(inode, process.exclusive) => {
                (name, to(Step::Look, Some((inode, true))))
            }
            // It waits, or gives up: now with -n, at any time with -w.
            Step::Lock => (name, process.ended()),
            _ if name == Some(inode) || rules == Rules::NoSecondLook => {
                (name, to(Step::Run, process.file))
            }
            _ => (name, to(Step::Open, None)),
        }
    }

    /// The steps after it has run.
    fn remove(&self, process: &Process, rules: Rules) -> Move {
        let name = self.name;
        let file = process.file.map(|(inode, _)| inode);
        let again = process.again.map(|(inode, _)| inode);
        let to = |step, file, again| Process { step, file, again, ..process.clone() };
        match process.step {
            Step::OpenAgain if rules == Rules::UnderTheCommandsLock => {
                let is_mine = process.exclusive && name == file;
                (name.filter(|_| !is_mine), process.ended())
            }
            Step::OpenAgain if name == file => {
                (name, to(Step::LetGo, process.file, file.map(|inode| (inode, false))))
            }
            Step::LetGo => (name, to(Step::LockAlone, None, process.again)),
            Step::LockAlone if rules == Rules::WithoutLock => {
                (name, to(Step::LookAgain, None, process.again))
            }
            Step::LockAlone if again.is_some_and(|inode| self.is_free(inode, true)) => {
                (name, to(Step::LookAgain, None, again.map(|inode| (inode, true))))
            }
            Step::LookAgain if again == name => (name, to(Step::Unlink, None, process.again)),
            Step::Unlink => (None, process.ended()),
            _ => (name, process.ended()),
        }
    }

    /// What must not be, if it is so.
    fn fault(&self) -> Option<&'static str> {
        let inside = |process: &&Process| process.step == Step::Run || process.left.is_some();
        let inside: Vec<_> = self.processes.iter().filter(inside).collect();
        let is_over = self.processes.iter().all(|process| process.step == Step::End);
        if inside.len() > 1 && inside.iter().any(|process| process.exclusive) {
            return Some("two inside");
        }
        let left_behind = is_over && self.name.is_some() && !self.disturbed;
        left_behind.then_some("a file left behind")
    }
}

impl Process {
    fn ended(&self) -> Self {
        Self { file: None, again: None, step: Step::End, ..self.clone() }
    }
}

/// Looks at every state that can be reached; returns how many there are, and the first fault.
fn search(start: State, rules: Rules) -> (usize, Option<&'static str>) {
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(state) = open.pop() {
        if let Some(fault) = state.fault() {
            return (seen.len(), Some(fault));
        }
        for index in 0..state.processes.len() {
            open.extend(
                state.after(index, rules).into_iter().filter(|new| seen.insert(new.clone())),
            );
        }
    }
    (seen.len(), None)
}

/// What the search finds among so many processes, in each mixture of modes, with and
/// without a file that is there before.
fn search_all(processes: usize, rules: Rules) -> (usize, Vec<&'static str>) {
    // Processes of the same mode are alike.
    let mixture = |exclusive| (0..processes).map(|index| index < exclusive).collect::<Vec<_>>();
    let mixtures = (0..=processes).map(mixture);
    let starts = mixtures.flat_map(|modes| [None, Some(0)].map(|name| State::new(&modes, name)));
    let found = starts.map(|start| search(start, rules));
    let (counts, faults): (Vec<_>, Vec<_>) = found.unzip();
    (counts.iter().sum(), faults.into_iter().flatten().collect())
}

#[test]
fn the_design_has_no_fault() {
    let (states, faults) = search_all(4, Rules::Design);
    assert_eq!(faults, Vec::<&str>::new(), "among {states} states");
}

#[test]
fn every_rule_is_needed() {
    for rules in [Rules::NoSecondLook, Rules::UnderTheCommandsLock, Rules::WithoutLock] {
        assert!(search_all(3, rules).1.contains(&"two inside"));
    }
    // Nor is it enough to remove what one has exclusively: readers alone never do.
    let (_, faults) = search_all(3, Rules::UnderTheCommandsLock);
    assert!(faults.contains(&"a file left behind"));
}
