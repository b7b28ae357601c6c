//! The memory of one process that waits.

use crate::data::{Column, Table, Unit, median};
use crate::measure::rounds::{self, Rounds};
use crate::measure::waiter::{self, Memory};
use crate::measure::{Bench, unset_locale};
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
    Column { key: "resident", head: "resident KiB", unit: Unit::Kib },
    Column { key: "resident_ratio", head: "of util-linux's", unit: Unit::Ratio("resident") },
    Column { key: "private", head: "private KiB", unit: Unit::Kib },
    Column { key: "private_ratio", head: "of util-linux's", unit: Unit::Ratio("private") },
];

pub fn measure(bench: &Bench, case: &Case) -> Result<Table> {
    let _hold = Hold::take(&bench.lock_path())?;
    let job = |peer: &_| {
        let Some(mut job) = bench.waiting(peer, None)? else { return Ok(None) };
        if !case.locale {
            unset_locale(&mut job);
        }
        Ok(Some(job))
    };
    let rounds = Rounds::warm(bench.effort.memory_rounds, TIME_LIMIT);
    let measured = rounds.launch(bench, job, |launch| {
        // With a companion, the pages of the program's file count as shared for all.
        let companion = launch.spawn()?;
        let child = launch.spawn()?;
        waiter::settle(&companion)?;
        waiter::settle(&child)?;
        Memory::of(&child)
    })?;
    let mut table = Table::new(case.name, case.title, COLUMNS);
    table.note = "From /proc/PID/smaps_rollup. Private pages are those that no other process has, \
                  while a second one waits too: what each further waiter takes.";
    rounds::report(&mut table, &measured, |memory| {
        [median(memory, |one| Some(one.resident)), median(memory, |one| Some(one.private))]
    });
    Ok(table)
}
