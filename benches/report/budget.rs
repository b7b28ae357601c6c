//! The budgets: what each build may cost at most, and what it did cost.

use crate::data::{Table, Unit};
use crate::peers::{OURS, OURS_RELEASE};

/// How ratios of times are judged: of which values, and how far over the budget they may be.
pub struct Judge {
    column: &'static str,
    tolerance: f64,
    pub rule: &'static str,
}

/// For a full run, on a machine that does little else.
const FULL: Judge = Judge {
    column: "median",
    tolerance: 1.10,
    rule: "Of the ratios of times, which are of medians, up to 10 % over is put down to noise.",
};

/// For a quick run, on a machine that may be busy. Others' work only ever adds time, so the
/// least of the turns shows it last. In 41 quick runs on two processors, beside other work
/// (load averages of 2 to 12), a ratio of medians was up to 2.4 times its budget; one of the
/// least times at most 1.12 times, on a machine where a full run yields 1.07 times. What is
/// to be caught here is a build that has lost what makes it start fast: linked dynamically,
/// ours takes 1.05 of util-linux's time, and the packages' takes 0.60 if it is on glibc.
const QUICK: Judge = Judge {
    column: "least",
    tolerance: 1.25,
    rule: "A quick run: the ratios of times are of the least ones, and up to 25 % over is put \
           down to noise.",
};

impl Judge {
    pub fn of(quick: bool) -> &'static Self {
        if quick { &QUICK } else { &FULL }
    }
}

struct Budget {
    what: &'static str,
    table: &'static str,
    column: &'static str,
    default: f64,
    release: f64,
    timed: bool,
}

const fn timed(what: &'static str, table: &'static str, default: f64, release: f64) -> Budget {
    Budget { what, table, column: "", default, release, timed: true }
}

const fn exact(
    (what, table, column): (&'static str, &'static str, &'static str),
    default: f64,
    release: f64,
) -> Budget {
    Budget { what, table, column, default, release, timed: false }
}

const BUDGETS: &[Budget] = &[
    timed("time of flock -n 9, free", "descriptor-free", 0.65, 0.30),
    timed("time of flock FILE COMMAND", "command", 0.65, 0.42),
    timed("time of flock -F FILE COMMAND", "exec", 0.65, 0.35),
    exact(("resident memory of a waiter", "memory", "resident_ratio"), 0.60, 0.12),
    exact(("private memory of a waiter", "memory", "private_ratio"), 0.60, 0.25),
    exact(("system calls of flock -n 9", "counts", "calls"), 25.0, 12.0),
    exact(("instructions of flock -n 9", "counts", "instructions"), 34_000.0, 6_000.0),
    exact(("bytes of the program", "counts", "size"), 1_300_000.0, 150_000.0),
];

/// A budget held against a build.
pub struct Verdict {
    pub what: &'static str,
    pub build: &'static str,
    pub allowed: f64,
    pub measured: Option<f64>,
    unit: Unit,
    tolerance: f64,
}

impl Verdict {
    pub fn is_exceeded(&self) -> bool {
        self.measured.is_some_and(|measured| measured > self.allowed * self.tolerance)
    }

    /// Met or exceeded, and by how much.
    pub fn outcome(&self) -> String {
        let Some(measured) = self.measured else { return "NOT MEASURED".to_owned() };
        let percent = (measured / self.allowed - 1.0) * 100.0;
        match (self.is_exceeded(), percent > 0.0) {
            (true, _) => format!("EXCEEDED by {percent:.1} %"),
            (false, true) => format!("met within the tolerance: {percent:.1} % over"),
            (false, false) => format!("met, {:.1} % to spare", -percent),
        }
    }

    pub fn cells(&self) -> Vec<String> {
        let measured = self.measured.map_or_else(|| "–".to_owned(), |value| self.unit.show(value));
        let (what, build) = (self.what.to_owned(), self.build.to_owned());
        vec![what, build, self.unit.show(self.allowed), measured, self.outcome()]
    }
}

/// Every budget of what was measured, held against both builds.
pub fn verdicts(tables: &[Table], judge: &Judge) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for budget in BUDGETS {
        let Some(table) = tables.iter().find(|table| table.name == budget.table) else { continue };
        for (build, allowed) in [(OURS, budget.default), (OURS_RELEASE, budget.release)] {
            verdicts.push(verdict(budget, table, (build, allowed), judge));
        }
    }
    verdicts
}

fn verdict(
    budget: &Budget,
    table: &Table,
    (build, allowed): (&'static str, f64),
    judge: &Judge,
) -> Verdict {
    let (measured, tolerance) = if budget.timed {
        (table.ratio(build, judge.column), judge.tolerance)
    } else {
        (table.get(build, budget.column), 1.0)
    };
    let unit = if allowed > 1.0 { Unit::Count } else { Unit::Ratio("") };
    Verdict { what: budget.what, build, allowed, measured, unit, tolerance }
}

/// Whether all budgets are kept. One that was to be measured and was not is not kept, and
/// where there is none, nothing was checked.
pub fn all_kept(verdicts: &[Verdict]) -> Result<(), &'static str> {
    if verdicts.is_empty() {
        return Err("no budget could be checked");
    }
    let is_kept = |verdict: &Verdict| verdict.measured.is_some() && !verdict.is_exceeded();
    if verdicts.iter().all(is_kept) { Ok(()) } else { Err("not every budget is kept") }
}
