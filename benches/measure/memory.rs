//! The memory of one process that waits.

use crate::data::{Column, Table, Unit, spread};
use crate::measure::rounds::{self, Rounds};
use crate::measure::waiter::{self, Memory};
use crate::measure::{Bench, unset_locale};
use crate::peers::Task;
use crate::sys::Hold;
use std::io::Result;
use std::time::Duration;

const TIME_LIMIT: Duration = Duration::from_secs(60);

pub struct Case {
    pub name: &'static str,
    title: &'static str,
    locale: bool,
}

pub const CASES: &[Case] = &[
    Case { name: "memory", title: "one process that waits for the lock", locale: true },
    Case {
        name: "memory-no-locale",
        title: "one process that waits for the lock, no locale set",
        locale: false,
    },
];

const COLUMNS: &[Column] = &[
    Column { key: "resident", head: "resident KiB, median", unit: Unit::Kib },
    Column { key: "resident_least", head: "least", unit: Unit::Kib },
    Column { key: "resident_most", head: "most", unit: Unit::Kib },
    Column { key: "resident_ratio", head: "of util-linux's", unit: Unit::Ratio("resident") },
    Column { key: "private", head: "private KiB, median", unit: Unit::Kib },
    Column { key: "private_least", head: "least", unit: Unit::Kib },
    Column { key: "private_most", head: "most", unit: Unit::Kib },
    Column { key: "private_ratio", head: "of util-linux's", unit: Unit::Ratio("private") },
    Column { key: "runs", head: "runs", unit: Unit::Count },
];

pub fn measure(bench: &Bench, case: &Case) -> Result<Table> {
    let job = |peer: &_| {
        let Some(mut job) = bench.waiting(peer, None)? else { return Ok(None) };
        if !case.locale {
            unset_locale(&mut job);
        }
        Ok(Some(job))
    };
    let rounds = Rounds::warm(bench.effort.memory_rounds, TIME_LIMIT);
    let mut measured = rounds::prove(bench, Task::Wait, job)?;
    let _hold = Hold::take(&bench.lock_path())?;
    rounds.run(&mut measured, |_, launch| {
        // With a companion, the pages of the program's file count as shared for all.
        let companion = launch.spawn()?;
        let child = launch.spawn()?;
        waiter::settle(&companion)?;
        waiter::settle(&child)?;
        Memory::of(&child)
    });
    let mut table = Table::new(case.name, case.title, COLUMNS);
    table.note = "From /proc/PID/smaps_rollup. Private pages are those that no other process has, \
                  while a second one waits too: what each further waiter takes.";
    rounds::report(&mut table, &measured, |memory| {
        let resident = spread(memory, |one| Some(one.resident));
        let [median, least, most] = resident.extremes();
        let private = spread(memory, |one| Some(one.private)).extremes();
        [median, least, most, private[0], private[1], private[2], resident.count()]
    });
    Ok(table)
}
