//! How late a timeout of 50 ms ends.

use crate::data::{Column, Spread, Table};
use crate::measure::rounds::{self, Rounds};
use crate::measure::{Bench, run, time};
use crate::peers::{Peer, Task};
use crate::sys::{Hold, Launch};
use std::io::Result;
use std::time::{Duration, Instant};

const WAIT_MICROS: f64 = 50_000.0;
const TIME_LIMIT: Duration = Duration::from_secs(60);

const COLUMNS: &[Column] = &time::columns("median µs late", "worst");

pub fn measure(bench: &Bench) -> Result<Table> {
    let job = |peer: &_| bench.job(peer, Task::Timeout, None);
    let turn = |peer: &Peer, launch: &Launch| {
        let start = Instant::now();
        run(launch, peer.known.conflict)?;
        Ok(start.elapsed().as_secs_f64() * 1e6 - WAIT_MICROS)
    };
    let rounds = Rounds::warm(bench.effort.late_rounds, TIME_LIMIT);
    let mut measured = rounds::prove(bench, Task::Timeout, job)?;
    let _hold = Hold::take(&bench.lock_path())?;
    rounds.run(&mut measured, turn);
    let mut table = Table::new("timeout", "flock -w 0.05 FILE COMMAND, held by another", COLUMNS);
    table.note = "What the call took beyond 50 ms, starting the program and its end included.";
    rounds::report(&mut table, &measured, |late| time::figures(late, Spread::greatest));
    Ok(table)
}
