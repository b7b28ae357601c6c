//! A case: what its file says, read strictly.

use crate::common::Version;
use crate::shell::Shell;
use std::time::Duration;

/// One case of a case file.
pub struct Case {
    pub file: String,
    pub line: usize,
    pub ids: Vec<String>,
    pub title: String,
    pub shells: Vec<Shell>,
    pub since: Option<Version>,
    pub differs: Vec<String>,
    pub root: bool,
    pub needs: Vec<String>,
    timeout: Option<Duration>,
    pub script: Option<Vec<u8>>,
    pub stdout: Expected<Vec<u8>>,
    pub stderr: Expected<Vec<u8>>,
    pub exit: Expected<u8>,
}

impl Case {
    /// A case as its title line leaves it.
    pub fn new(file: &str, line: usize, (ids, title): (Vec<String>, String)) -> Self {
        Self {
            file: file.to_owned(),
            line,
            ids,
            title,
            shells: Vec::new(),
            since: None,
            differs: Vec::new(),
            root: false,
            needs: Vec::new(),
            timeout: None,
            script: None,
            stdout: Expected::default(),
            stderr: Expected::default(),
            exit: Expected::default(),
        }
    }

    /// Whether it is about what only ours promises.
    pub fn is_own(&self) -> bool {
        self.file.starts_with("tests/ours/")
    }

    /// Where it is, and what it is about.
    pub fn name(&self) -> String {
        format!("{}:{}: {}: {}", self.file, self.line, self.ids.join(" "), self.title)
    }

    /// What a filter is looked for in.
    pub fn filter_text(&self) -> String {
        format!("{}: {}: {}", self.file, self.ids.join(" "), self.title)
    }

    /// The shells to run in: dash unless it says otherwise.
    pub fn shells(&self) -> &[Shell] {
        if self.shells.is_empty() { &[Shell::Dash] } else { &self.shells }
    }

    /// How long it may take: 30 seconds unless it says otherwise.
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or(Duration::from_secs(30))
    }

    /// Sets how long it may take; false if it was set already.
    pub fn set_timeout(&mut self, timeout: Duration) -> bool {
        self.timeout.replace(timeout).is_none()
    }

    /// Whether some block is about a reference of this version in particular.
    pub fn speaks_of(&self, reference: Version) -> bool {
        self.stdout.speaks_of(reference)
            || self.stderr.speaks_of(reference)
            || self.exit.speaks_of(reference)
    }

    /// Whether some block is about a reference, of whatever version.
    pub fn has_reference_blocks(&self) -> bool {
        self.stdout.is_special() || self.stderr.is_special() || self.exit.is_special()
    }
}

/// Whom a block speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Everybody of whom no other block speaks.
    All,
    /// A reference older than this version.
    Before(Version),
    /// Every reference.
    Reference,
}

/// What is expected of one thing, by whom.
pub struct Expected<T> {
    blocks: Vec<(Which, T)>,
}

impl<T> Default for Expected<T> {
    fn default() -> Self {
        Self { blocks: Vec::new() }
    }
}

impl<T> Expected<T> {
    /// Adds a block; false if it is there already.
    pub fn add(&mut self, which: Which, value: T) -> bool {
        let is_new = !self.has(which);
        self.blocks.push((which, value));
        is_new
    }

    fn has(&self, which: Which) -> bool {
        self.get(which).is_some()
    }

    fn get(&self, which: Which) -> Option<&T> {
        self.blocks.iter().find(|(other, _)| *other == which).map(|(_, value)| value)
    }

    fn is_special(&self) -> bool {
        self.blocks.iter().any(|(which, _)| *which != Which::All)
    }

    /// The block about a reference of this version: that of the nearest
    /// `before` ahead of it, else that for every reference.
    fn special(&self, reference: Version) -> Option<&T> {
        let before = self.blocks.iter().filter_map(|(which, value)| match which {
            Which::Before(limit) if reference < *limit => Some((*limit, value)),
            _ => None,
        });
        let nearest = before.min_by_key(|(limit, _)| *limit).map(|(_, value)| value);
        nearest.or_else(|| self.get(Which::Reference))
    }

    fn speaks_of(&self, reference: Version) -> bool {
        self.special(reference).is_some()
    }

    /// What a reference of this version should do, or ours without one.
    /// Nothing means: as if the block were empty.
    pub fn of(&self, reference: Option<Version>) -> Option<&T> {
        let special = reference.and_then(|version| self.special(version));
        special.or_else(|| self.get(Which::All))
    }
}
