//! How late a timeout of 50 ms ends.

use crate::data::{Column, Spread, Table, Unit};
use crate::measure::{Bench, rounds, run};
use crate::peers::Task;
use crate::sys::Hold;
use std::io::Result;
use std::time::{Duration, Instant};

const WAIT_MICROS: f64 = 50_000.0;
const TIME_LIMIT: Duration = Duration::from_secs(60);

const COLUMNS: &[Column] = &[
    Column { key: "median", head: "median µs late", unit: Unit::Micros },
    Column { key: "lower", head: "quartiles", unit: Unit::Micros },
    Column { key: "upper", head: "", unit: Unit::Micros },
    Column { key: "worst", head: "worst", unit: Unit::Micros },
    Column { key: "ratio", head: "of util-linux's", unit: Unit::Ratio("median") },
    Column { key: "runs", head: "runs", unit: Unit::Count },
];

pub fn measure(bench: &Bench) -> Result<Table> {
    let _hold = Hold::take(&bench.lock_path())?;
    let mut runners = rounds::runners(bench, |peer| bench.job(peer, Task::Timeout, None))?;
    rounds::go(&mut runners, bench.effort.late_rounds, TIME_LIMIT, |runner| {
        let start = Instant::now();
        run(&runner.launch, false)?;
        Ok(start.elapsed().as_secs_f64() * 1e6 - WAIT_MICROS)
    });
    let mut table = Table::new("timeout", "flock -w 0.05 FILE COMMAND, held by another", COLUMNS);
    table.note = "What the call took beyond 50 ms, starting the program and its end included.";
    rounds::report(&mut table, &runners, |runner| {
        let spread = Spread::of(&runner.values);
        let (lower, upper) = (spread.lower_quartile(), spread.upper_quartile());
        vec![spread.median(), lower, upper, spread.greatest(), spread.count()]
    });
    Ok(table)
}
