//! The memory of one process that waits.

use crate::data::{Column, Spread, Table, Unit};
use crate::measure::waiter::{self, Memory};
use crate::measure::{Bench, rounds};
use crate::sys::Hold;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Result;
use std::time::Duration;

const TIME_LIMIT: Duration = Duration::from_secs(60);

const COLUMNS: &[Column] = &[
    Column { key: "resident", head: "resident KiB", unit: Unit::Kib },
    Column { key: "resident_ratio", head: "of util-linux's", unit: Unit::Ratio("resident") },
    Column { key: "private", head: "private KiB", unit: Unit::Kib },
    Column { key: "private_ratio", head: "of util-linux's", unit: Unit::Ratio("private") },
];

pub fn measure(bench: &Bench) -> Result<Table> {
    let _hold = Hold::take(&bench.lock_path())?;
    let mut runners = rounds::runners(bench, |peer| bench.waiting(peer, None))?;
    let private = RefCell::new(BTreeMap::<_, Vec<f64>>::new());
    rounds::go(&mut runners, bench.effort.memory_rounds, TIME_LIMIT, |runner| {
        // With a companion, the pages of the program's file count as shared for all.
        let companion = runner.launch.spawn()?;
        let child = runner.launch.spawn()?;
        waiter::settle(&companion)?;
        waiter::settle(&child)?;
        let memory = Memory::of(&child)?;
        private.borrow_mut().entry(runner.peer.name()).or_default().push(memory.private);
        Ok(memory.resident)
    });
    let mut table = Table::new("memory", "one process that waits for the lock", COLUMNS);
    table.note = "From /proc/PID/smaps_rollup. Private pages are those that no other process has, \
                  while a second one waits too: what each further waiter takes.";
    rounds::report(&mut table, &runners, |runner| {
        let private = private.borrow();
        let private = private.get(runner.peer.name()).map(Vec::as_slice).unwrap_or_default();
        vec![Spread::of(&runner.values).median(), Spread::of(private).median()]
    });
    Ok(table)
}
