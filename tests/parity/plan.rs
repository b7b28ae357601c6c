//! The plan: which case runs in which shells and on which sides, and why not.

use crate::arguments::Arguments;
use crate::case::Case;
use crate::common::{self, Version};
use crate::shell::{Shell, Shells};
use crate::side::{Bench, Side};
use std::collections::BTreeMap;
use std::path::Path;

/// One run of a case.
pub struct Run<'a> {
    pub case: &'a Case,
    pub shell: Shell,
    pub side: Side,
    /// Which repetition this is, from 1.
    pub round: usize,
    /// What decides about the blocks that count; nothing for ours.
    pub reference: Option<Version>,
}

/// What is to be done, and what is not.
#[derive(Default)]
pub struct Plan<'a> {
    pub runs: Vec<Run<'a>>,
    /// How many runs are skipped for each reason.
    pub skipped: BTreeMap<String, usize>,
    /// How many cases only ours can run for each reason.
    pub ours_only: BTreeMap<String, usize>,
}

/// What to do with a case on the reference.
enum Verdict {
    Run(Version),
    OursOnly(String),
    Skip(String),
}

impl<'a> Plan<'a> {
    pub fn new(cases: &[&'a Case], wish: &Arguments, (bench, shells): (&Bench, &Shells)) -> Self {
        let mut plan = Self::default();
        for round in 1..=wish.times {
            for case in cases {
                plan.add(case, round, (wish, bench, shells));
            }
        }
        plan
    }

    fn add(&mut self, case: &'a Case, round: usize, on: (&Arguments, &Bench, &Shells)) {
        let (wish, bench, shells) = on;
        let verdict = on_reference(case, bench.reference_version());
        if let (Verdict::OursOnly(why), 1, None | Some(Side::Ours)) = (&verdict, round, wish.side) {
            *self.ours_only.entry(why.clone()).or_default() += 1;
        }
        let wanted = |shell: &Shell| wish.shell.is_none_or(|only| only == *shell);
        for shell in case.shells().iter().copied().filter(wanted) {
            let run = |side, reference| Run { case, shell, side, round, reference };
            if wish.side != Some(Side::Reference) {
                self.try_add(run(Side::Ours, None), shells);
            }
            match &verdict {
                _ if wish.side == Some(Side::Ours) => {}
                Verdict::Run(version) => self.try_add(run(Side::Reference, Some(*version)), shells),
                Verdict::OursOnly(_) => {}
                Verdict::Skip(why) => self.skip(why.clone()),
            }
        }
    }

    /// Adds a run that this machine can do.
    fn try_add(&mut self, run: Run<'a>, shells: &Shells) {
        match obstacle(&run, shells) {
            Some(why) => self.skip(why),
            None => self.runs.push(run),
        }
    }

    fn skip(&mut self, why: String) {
        *self.skipped.entry(why).or_default() += 1;
    }
}

/// A deliberate difference runs on a reference only where a block says what
/// a reference of that version does.
fn on_reference(case: &Case, reference: Result<Version, &str>) -> Verdict {
    let differs = || format!("deliberate difference {}", case.differs.join(" "));
    match reference {
        Err(_) if !case.differs.is_empty() && !case.has_reference_blocks() => {
            Verdict::OursOnly(differs())
        }
        Err(_) if case.is_own() => Verdict::OursOnly("util-linux does not have it".to_owned()),
        Err(why) => Verdict::Skip(why.to_owned()),
        Ok(_) if case.is_own() => Verdict::OursOnly("util-linux does not have it".to_owned()),
        Ok(version) => match case.since {
            Some(since) if version < since => {
                Verdict::OursOnly(format!("reference too old: {version} is before {since}"))
            }
            _ if !case.differs.is_empty() && !case.speaks_of(version) => {
                Verdict::OursOnly(differs())
            }
            _ => Verdict::Run(version),
        },
    }
}

/// What this machine lacks for a run.
fn obstacle(Run { case, shell, .. }: &Run, shells: &Shells) -> Option<String> {
    if case.root && !rustix::process::geteuid().is_root() {
        return Some("root is missing".to_owned());
    }
    if let Err(why) = shells.command(*shell) {
        return Some(why);
    }
    let missing = case.needs.iter().find(|name| !is_there(name));
    missing.map(|name| format!("{name} is missing"))
}

/// Whether there is such a program, or a device if it is named by its path.
fn is_there(name: &str) -> bool {
    let is_path = name.starts_with('/');
    if is_path { Path::new(name).exists() } else { common::find_program(name).is_some() }
}
