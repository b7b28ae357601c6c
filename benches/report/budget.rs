//! The budgets: what each build may cost at most, and what it did cost.

use crate::data::{REFERENCE, Table, Unit};
use crate::measure::Asked;
use crate::peers::{OURS, OURS_RELEASE};
use crate::report::cpuid;

/// How ratios of times are judged: by which of the times, and from how much of the budget
/// on they fail. Over the budget is over in any case.
pub struct Judge {
    pub column: &'static str,
    tolerance: f64,
    pub rule: &'static str,
}

/// For a full run, on a machine that does little else.
const FULL: Judge =
    Judge { column: "median", tolerance: 1.0, rule: "The ratios of times are of medians." };

/// For a quick run, on a machine that may be busy. Others' work only ever adds time, so the
/// least of the turns shows it last. With 20 other processes on two processors, one ratio
/// without CPUID was 1.003 times its budget. What is to be caught here is a build that has
/// lost what makes it start fast: linked dynamically, ours takes 1.4 times its budgets and
/// more, and the packages' takes 1.5 times and more if it is on glibc.
const QUICK: Judge = Judge {
    column: "least",
    tolerance: 1.15,
    rule: "A quick run: the ratios of times are of the least ones of a few, not of medians, and \
           a little over is no failure, as the machine may be busy.",
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

/// Where no locale is set util-linux's starts faster, and the same budgets of time hold.
const BUDGETS: &[Budget] = &[
    timed("time of flock -n 9, free", "descriptor-free", 0.65, 0.30),
    timed("the same, no locale set", "descriptor-no-locale", 0.65, 0.30),
    timed("time of flock FILE COMMAND", "command", 0.65, 0.42),
    timed("the same, no locale set", "command-no-locale", 0.65, 0.42),
    timed("time of flock -F FILE COMMAND", "exec", 0.65, 0.35),
    exact(("resident memory of a waiter", "memory", "resident_ratio"), 0.60, 0.12),
    exact(("private memory of a waiter", "memory", "private_ratio"), 0.60, 0.25),
    exact(("system calls of flock -n 9", "counts", "calls"), 25.0, 12.0),
    exact(("instructions of flock -n 9", "counts", "instructions"), 34_000.0, 6_000.0),
    exact(("bytes of the program", "counts", "size"), 1_300_000.0, 150_000.0),
];

/// What is measured and has no budget, and why.
pub const NOT_JUDGED: &str = "\
Memory where no locale is set has no budget: those of memory are for a session, which has a
locale. Without one util-linux's flock maps less, and the ratio of the default build is
nearly that of its budget, a little more or less from run to run. The table has it.";

/// A budget held against a build.
pub struct Verdict {
    /// The name of the table that it comes from.
    pub table: &'static str,
    pub what: &'static str,
    pub build: &'static str,
    pub allowed: f64,
    pub measured: Option<f64>,
    unit: Unit,
    /// Of a time over the budget: what it is without the C library's CPUID on either side.
    pub without_cpuid: Option<f64>,
    tolerance: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Met,
    /// Over the budget, and only for what the C library asks the processor.
    OverByCpuid,
    /// Over the budget, but no more than a busy machine may make it.
    OverByNoise,
    Exceeded,
    NotMeasured,
}

impl Outcome {
    /// Whether this is what a check is to catch.
    fn is_failure(self) -> bool {
        matches!(self, Self::Exceeded | Self::NotMeasured)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::OverByCpuid => "over by CPUID",
            Self::OverByNoise => "over, maybe by noise",
            Self::Exceeded => "exceeded",
            Self::NotMeasured => "not measured",
        }
    }
}

impl Verdict {
    pub fn outcome(&self) -> Outcome {
        let is_within = |value: f64| value <= self.allowed;
        let is_near = |value: f64| value <= self.allowed * self.tolerance;
        match (self.measured, self.without_cpuid) {
            (None, _) => Outcome::NotMeasured,
            (Some(measured), _) if is_within(measured) => Outcome::Met,
            (_, Some(without)) if is_within(without) => Outcome::OverByCpuid,
            (Some(measured), without) if is_near(without.unwrap_or(measured)) => {
                Outcome::OverByNoise
            }
            _ => Outcome::Exceeded,
        }
    }

    /// How far over the budget, in percent; below 0, what is to spare.
    pub fn percent_over(&self) -> Option<f64> {
        let measured = self.measured.filter(|_| self.allowed > 0.0)?;
        Some((measured / self.allowed - 1.0) * 100.0)
    }

    fn text(&self) -> String {
        let (outcome, over) = (self.outcome(), self.percent_over().unwrap_or_default());
        let without = self.without_cpuid.unwrap_or_default();
        match outcome {
            Outcome::Met if over < 0.0 => format!("met, {:.1} % to spare", -over),
            Outcome::Met => "met".to_owned(),
            Outcome::OverByCpuid => format!(
                "OVER by {over:.1} %, for the CPUID of the C library: {without:.2} without them"
            ),
            Outcome::OverByNoise => format!("OVER by {over:.1} %, maybe as the machine is busy"),
            Outcome::Exceeded if self.allowed > 0.0 => format!("EXCEEDED by {over:.1} %"),
            Outcome::Exceeded => "EXCEEDED: none is allowed".to_owned(),
            Outcome::NotMeasured => "NOT MEASURED".to_owned(),
        }
    }

    pub fn cells(&self) -> Vec<String> {
        let measured = self.measured.map_or_else(|| "–".to_owned(), |value| self.unit.show(value));
        let (what, build) = (self.what.to_owned(), self.build.to_owned());
        vec![what, build, self.unit.show(self.allowed), measured, self.text()]
    }
}

/// Every budget of what was measured, held against both builds.
pub fn verdicts(tables: &[Table], judge: &Judge, asked: Option<&Asked>) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for budget in BUDGETS {
        let Some(table) = tables.iter().find(|table| table.name == budget.table) else { continue };
        for (build, allowed) in [(OURS, budget.default), (OURS_RELEASE, budget.release)] {
            verdicts.push(verdict((budget, table), (build, allowed), judge, asked));
        }
    }
    if Asked::IS_APPLICABLE {
        verdicts.extend(tables.iter().filter(|table| table.name == "counts").flat_map(cpuids));
    }
    verdicts
}

fn verdict(
    (budget, table): (&Budget, &Table),
    (build, allowed): (&'static str, f64),
    judge: &Judge,
    asked: Option<&Asked>,
) -> Verdict {
    let (measured, without_cpuid, tolerance) = if budget.timed {
        let without = asked.and_then(|asked| cpuid::without(table, judge.column, asked));
        // The other build has a C library that asks nothing: no excuse.
        let without = without.filter(|_| build == OURS);
        (table.ratio(build, judge.column), without, judge.tolerance)
    } else {
        (table.get(build, budget.column), None, 1.0)
    };
    let unit = if allowed > 1.0 { Unit::Count } else { Unit::Ratio("") };
    let (table, what) = (budget.table, budget.what);
    Verdict { table, what, build, allowed, measured, unit, without_cpuid, tolerance }
}

/// The default build may ask the processor as often as util-linux's flock, and no more: the
/// C library does. The release build may not at all.
fn cpuids(table: &Table) -> [Verdict; 2] {
    let reference = table.get(REFERENCE, "cpuid").unwrap_or_default();
    [(OURS, reference), (OURS_RELEASE, 0.0)].map(|(build, allowed)| {
        let (measured, unit) = (table.get(build, "cpuid"), Unit::Count);
        let (table, what) = ("counts", "CPUID instructions of flock -n 9");
        Verdict { table, what, build, allowed, measured, unit, without_cpuid: None, tolerance: 1.0 }
    })
}

/// Whether all budgets are kept, but for what only the C library's CPUID takes, and for a
/// little noise in a quick run. One that was to be measured and was not is not kept, and where there is none, nothing was checked.
pub fn all_kept(verdicts: &[Verdict]) -> Result<(), &'static str> {
    if verdicts.is_empty() {
        return Err("no budget could be checked");
    }
    let is_failure = |verdict: &Verdict| verdict.outcome().is_failure();
    if verdicts.iter().any(is_failure) { Err("not every budget is kept") } else { Ok(()) }
}
