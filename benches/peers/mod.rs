//! The programs that are compared: who they are, and how each is called.

mod find;
mod table;

pub use find::{built, find};
pub use table::{FLOOR, FLOOR_ASKING, FLOOR_IN_C, Known, OURS, OURS_RELEASE, Task};

use crate::sys::Job;
use std::ffi::{CString, OsStr};
use std::io::Result;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The descriptor that locks are taken on.
pub const LOCKED: i32 = 9;

/// A peer that is on this machine.
pub struct Peer {
    pub known: &'static Known,
    pub program: PathBuf,
}

/// What the words of a peer's table stand for.
pub struct Stage<'a> {
    /// The lock file.
    pub file: &'a Path,
    /// The command that is run under the lock: a program and its arguments.
    pub command: &'a [&'a OsStr],
    pub environment: &'a [CString],
}

impl Peer {
    pub fn name(&self) -> &'static str {
        self.known.name
    }

    /// The words for a task, if this peer can do it.
    fn template(&self, task: Task) -> Option<&'static str> {
        self.known.tasks.iter().find(|(known, _)| *known == task).map(|(_, words)| *words)
    }

    pub fn can(&self, task: Task) -> bool {
        self.template(task).is_some()
    }

    /// Whether it is the lock of the file or descriptor that it is given.
    pub fn takes_lock(&self, task: Task) -> bool {
        let names_file = |words: &str| words.split(' ').any(|word| word == "FILE");
        task == Task::Descriptor || self.template(task).is_some_and(names_file)
    }

    /// Whether the lock is taken for a command, as opposed to a descriptor.
    pub fn runs_command(&self, task: Task) -> bool {
        self.template(task).is_some_and(|words| words.split(' ').any(|word| word == "CMD"))
    }

    /// The child that does a task; descriptors are for the caller to add.
    pub fn job(&self, task: Task, stage: &Stage) -> Result<Option<Job>> {
        let Some(template) = self.template(task) else { return Ok(None) };
        let mut words = vec![self.program.as_os_str()];
        for word in template.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "FILE" => words.push(stage.file.as_os_str()),
                "CMD" => words.extend(stage.command),
                _ => words.push(OsStr::new(word)),
            }
        }
        let text = |word: &&OsStr| CString::new(word.as_bytes());
        Ok(Some(Job {
            words: words.iter().map(text).collect::<std::result::Result<_, _>>()?,
            environment: stage.environment.to_vec(),
            descriptors: Vec::new(),
            open: None,
        }))
    }
}
