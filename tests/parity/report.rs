//! The report: each failure as it comes, and the account at the end.

use crate::case::Case;
use crate::common;
use crate::diff;
use crate::plan::{Plan, Run};
use crate::shell::Shell;
use crate::side::Side;
use crate::watch::Outcome;
use rustix::process::WaitIdStatus;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What has happened so far.
pub struct Report {
    times: usize,
    /// Passed and failed runs.
    counts: BTreeMap<(Shell, Side), [usize; 2]>,
    /// The ids of cases that ran on ours.
    covered: BTreeSet<String>,
}

impl Report {
    pub fn new(times: usize) -> Self {
        Self { times, counts: BTreeMap::new(), covered: BTreeSet::new() }
    }

    /// Counts a run; returns what there is to say: nothing if it passed.
    pub fn add(&mut self, run: &Run, outcome: Outcome) -> String {
        let faults = faults(run, outcome);
        let [passed, failed] = self.counts.entry((run.shell, run.side)).or_default();
        *(if faults.is_empty() { passed } else { failed }) += 1;
        if run.side == Side::Ours {
            self.covered.extend(run.case.ids.iter().cloned());
        }
        if faults.is_empty() { String::new() } else { self.headline(run) + &faults }
    }

    fn headline(&self, run: &Run) -> String {
        let (shell, side) = (run.shell.name(), run.side.name());
        let round = if self.times > 1 { format!(", round {}", run.round) } else { String::new() };
        format!("FAILED {} [{shell}, {side}{round}]\n", run.case.name())
    }

    /// Whether some case of this id ran on ours.
    pub fn covers(&self, id: &str) -> bool {
        self.covered.contains(id)
    }

    /// Whether nothing failed, and nothing was skipped that must not be.
    pub fn is_good(&self, plan: &Plan) -> bool {
        self.sum(1) == 0 && (plan.skipped.is_empty() || !common::in_ci())
    }

    fn sum(&self, which: usize) -> usize {
        self.counts.values().filter_map(|counts| counts.get(which)).sum()
    }

    /// The account, which ends in the line of totals.
    pub fn end(&self, plan: &Plan, problems: &[String]) -> String {
        let mut text = self.table();
        for (why, count) in &plan.ours_only {
            let _ = writeln!(text, "ours only: {why}: {}", plural(*count, "case"));
        }
        for (why, count) in &plan.skipped {
            let _ = writeln!(text, "skipped: {why}: {}", plural(*count, "run"));
        }
        if !plan.skipped.is_empty() && common::in_ci() {
            text += "error: CI is set, and then nothing may be skipped\n";
        }
        for problem in problems {
            let _ = writeln!(text, "error: {problem}");
        }
        let (passed, failed) = (self.sum(0), self.sum(1));
        let skipped: usize = plan.skipped.values().sum();
        let undone = plan.runs.len() - passed - failed;
        if undone > 0 {
            let _ = writeln!(text, "error: interrupted before {}", plural(undone, "run"));
        }
        let _ = writeln!(text, "{passed} passed, {failed} failed, {skipped} skipped");
        text
    }

    /// Passed runs out of all, a line a shell and a column a side.
    fn table(&self) -> String {
        let [ours, reference] = Side::ALL;
        let mut text = format!("{:8}{:>14}{:>14}\n", "passed", ours.name(), reference.name());
        for shell in Shell::ALL {
            let cells = Side::ALL.map(|side| self.counts.get(&(shell, side)));
            if let [None, None] = cells {
                continue;
            }
            let [ours, reference] = cells.map(|counts| match counts {
                Some([passed, failed]) => format!("{passed}/{}", passed + failed),
                None => "-".to_owned(),
            });
            let _ = writeln!(text, "{:8}{ours:>14}{reference:>14}", shell.name());
        }
        text
    }
}

/// What was not as expected, nothing if all was.
fn faults(run: &Run, outcome: Outcome) -> String {
    let Case { stdout, stderr, exit, .. } = run.case;
    let mut text = String::new();
    for trouble in outcome.trouble {
        let _ = writeln!(text, "  {trouble}");
    }
    let streams = [("stdout", stdout, outcome.stdout), ("stderr", stderr, outcome.stderr)];
    for (name, expected, came) in streams {
        let expected = expected.of(run.reference).map_or(&[][..], Vec::as_slice);
        if expected != came {
            let _ = write!(text, "  {name}: - expected, + came\n{}", diff::lines(expected, &came));
        }
    }
    let expected = exit.of(run.reference).copied().unwrap_or(0);
    // Without a status, the trouble above says why.
    let came = outcome.status.map(status_text);
    if let Some(came) = came.filter(|came| *came != expected.to_string()) {
        let _ = writeln!(text, "  exit: expected {expected}, came {came}");
    }
    text
}

fn status_text(status: WaitIdStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(status), _) => status.to_string(),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown".to_owned(),
    }
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
