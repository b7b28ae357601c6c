//! What the command line of the parity suite asks for.

use crate::case::Case;
use crate::shell::Shell;
use crate::side::Side;
use std::num::NonZero;
use std::thread;

/// The choices, all of them at rest when no argument is given.
pub struct Arguments {
    filters: Vec<String>,
    pub list: bool,
    pub times: usize,
    pub threads: usize,
    pub side: Option<Side>,
    pub shell: Option<Shell>,
}

/// What `cargo test -- …` users pass to libtest and that means nothing here.
const IGNORED: [&str; 6] =
    ["--nocapture", "--no-capture", "--show-output", "--quiet", "-q", "--include-ignored"];

impl Arguments {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let cpus = thread::available_parallelism().map_or(1, NonZero::get);
        let mut arguments = Self {
            filters: Vec::new(),
            list: false,
            times: 1,
            threads: cpus * 2,
            side: None,
            shell: None,
        };
        while let Some(word) = words.next() {
            arguments.take(&word, &mut words)?;
        }
        Ok(arguments)
    }

    fn take(&mut self, word: &str, rest: &mut dyn Iterator<Item = String>) -> Result<(), String> {
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word, None),
        };
        let mut value = || attached.clone().or_else(|| rest.next()).unwrap_or_default();
        match name {
            "--list" => self.list = true,
            "--times" => self.times = count(name, &value())?,
            "--test-threads" => self.threads = count(name, &value())?,
            "--side" => self.side = Some(choice(name, &value(), Side::named)?),
            "--shell" => self.shell = Some(choice(name, &value(), Shell::named)?),
            "--color" | "--format" => drop(value()),
            _ if IGNORED.contains(&name) => {}
            _ if word.starts_with('-') => return Err(format!("unknown argument '{word}'")),
            _ => self.filters.push(word.to_owned()),
        }
        Ok(())
    }

    /// Whether a case is chosen by the filters: by any of them, as in libtest.
    pub fn wants(&self, case: &Case) -> bool {
        let text = case.filter_text();
        self.filters.is_empty() || self.filters.iter().any(|filter| text.contains(filter))
    }

    /// Whether only a part of the suite runs, which cannot cover the contract.
    pub fn narrowed(&self) -> bool {
        !self.filters.is_empty() || self.side.is_some() || self.shell.is_some()
    }
}

fn count(name: &str, value: &str) -> Result<usize, String> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("{name} wants a number above 0, not '{value}'"))
}

fn choice<T>(name: &str, value: &str, find: fn(&str) -> Option<T>) -> Result<T, String> {
    find(value).ok_or_else(|| format!("{name} does not know '{value}'"))
}
