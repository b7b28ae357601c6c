//! The budgets: what each build may cost at most, and what it did cost.

use crate::data::{Table, Unit};
use crate::peers::{OURS, OURS_RELEASE};

/// Ratios of times may exceed their budget by so much: noise.
const TOLERANCE: f64 = 1.10;

struct Budget {
    what: &'static str,
    table: &'static str,
    column: &'static str,
    default: f64,
    release: f64,
    timed: bool,
}

const fn timed(what: &'static str, table: &'static str, default: f64, release: f64) -> Budget {
    Budget { what, table, column: "ratio", default, release, timed: true }
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
    timed: bool,
}

impl Verdict {
    pub fn is_exceeded(&self) -> bool {
        let limit = if self.timed { self.allowed * TOLERANCE } else { self.allowed };
        self.measured.is_some_and(|measured| measured > limit)
    }

    /// Met or exceeded, and by how much.
    pub fn outcome(&self) -> String {
        let Some(measured) = self.measured else { return "not measured".to_owned() };
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

/// Every budget held against both builds.
pub fn verdicts(tables: &[Table]) -> Vec<Verdict> {
    let verdict = |budget: &Budget, build, allowed| {
        let table = tables.iter().find(|table| table.name == budget.table);
        let unit = if allowed > 1.0 { Unit::Count } else { Unit::Ratio("") };
        Verdict {
            what: budget.what,
            build,
            allowed,
            measured: table.and_then(|table| table.get(build, budget.column)),
            unit,
            timed: budget.timed,
        }
    };
    let both = |budget: &Budget| {
        [verdict(budget, OURS, budget.default), verdict(budget, OURS_RELEASE, budget.release)]
    };
    BUDGETS.iter().flat_map(both).collect()
}

/// How many are exceeded; if nothing could be compared, that does not pass either.
pub fn exceeded(verdicts: &[Verdict]) -> Result<usize, &'static str> {
    if verdicts.iter().all(|verdict| verdict.measured.is_none()) {
        return Err("no budget could be checked");
    }
    Ok(verdicts.iter().filter(|verdict| verdict.is_exceeded()).count())
}
