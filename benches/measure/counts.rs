//! What is exact whatever the noise: instructions, system calls, page faults, bytes.

use crate::data::{Column, Spread, Table, Unit};
use crate::measure::{Bench, run};
use crate::peers::{LOCKED, Peer, Task};
use crate::sys::{Counted, Launch, count};
use std::fs::{self, File};
use std::io::Result;
use std::os::fd::AsRawFd;
use std::time::Duration;

const COLUMNS: &[Column] = &[
    Column { key: "instructions", head: "instructions", unit: Unit::Count },
    Column { key: "calls", head: "system calls", unit: Unit::Count },
    Column { key: "faults", head: "page faults", unit: Unit::Count },
    Column { key: "size", head: "program, bytes", unit: Unit::Count },
];

const CALLS_LIMIT: Duration = Duration::from_secs(10);

pub fn measure(bench: &Bench) -> Result<Table> {
    let mut table = Table::new("counts", "flock -n 9, free: counts from exec to exit", COLUMNS);
    table.note = "In user space; with an empty environment, because the C library reads it at \
                  start-up; execve(2) itself is not counted. The page faults are those of the \
                  whole life of the process. The program is one file; libraries are not in it.";
    // One open file description for all: who has its lock is given it again.
    let file = File::create(bench.lock_path())?;
    for peer in &bench.peers {
        let size = fs::metadata(&peer.program).ok().map(|meta| meta.len() as f64);
        let Some(launch) = launch(bench, peer, &file)? else {
            table.add(peer.name(), &[None, None, None, size]);
            continue;
        };
        let limit = bench.effort.step_limit;
        let instructions = match peer.known.one_in {
            1 => median(bench, || count(&launch, Counted::Instructions, limit)),
            _ => Ok(None),
        };
        let calls = median(bench, || count(&launch, Counted::SystemCalls, CALLS_LIMIT));
        let faults = (0..10).map(|_| Ok(run(&launch, true)?.faults as f64));
        let faults = faults.collect::<Result<Vec<_>>>().map(|all| Spread::of(&all).median());
        let mut or_skip = |what: &str, value: Result<Option<f64>>| {
            value.unwrap_or_else(|error| {
                table.skip(peer.name(), &format!("{what}: {error}"));
                None
            })
        };
        let row = [
            or_skip("instructions", instructions),
            or_skip("system calls", calls),
            or_skip("page faults", faults),
            size,
        ];
        table.add(peer.name(), &row);
    }
    Ok(table)
}

fn launch(bench: &Bench, peer: &Peer, file: &File) -> Result<Option<Launch>> {
    let Some(mut job) = bench.job(peer, Task::Descriptor, None)? else { return Ok(None) };
    job.environment.clear();
    job.descriptors.push((file.as_raw_fd(), LOCKED));
    Ok(Some(Launch::new(job)?))
}

fn median(bench: &Bench, counted: impl Fn() -> Result<u64>) -> Result<Option<f64>> {
    let values = (0..bench.effort.count_rounds).map(|_| Ok(counted()? as f64));
    Ok(Spread::of(&values.collect::<Result<Vec<_>>>()?).median())
}
