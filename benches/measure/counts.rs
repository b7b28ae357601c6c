//! What is exact whatever the noise: instructions, system calls, page faults, bytes.

use crate::data::{Column, Spread, Table, Unit};
use crate::measure::elf::Elf;
use crate::measure::{Asked, Bench, LONG_LIMIT, run};
use crate::peers::{Peer, Task};
use crate::sys::{Counted, Launch, count, cpuid_leaves};
use std::fs;
use std::io::{Error, Result};
use std::path::Path;

const COLUMNS: &[Column] = &[
    Column { key: "instructions", head: "instructions", unit: Unit::Count },
    Column { key: "cpuid", head: "CPUID", unit: Unit::Count },
    Column { key: "calls", head: "system calls", unit: Unit::Count },
    Column { key: "faults", head: "page faults", unit: Unit::Count },
    Column { key: "loaded", head: "loaded, bytes", unit: Unit::Count },
    Column { key: "relocations", head: "relocations", unit: Unit::Count },
    Column { key: "size", head: "program, bytes", unit: Unit::Count },
];

pub fn measure(bench: &Bench) -> Result<Table> {
    let mut table = Table::new("counts", "flock -n 9, free: counts from exec to exit", COLUMNS);
    table.note = "In user space, stepped one by one (an instruction that repeats itself counts \
                  each time); execve(2) itself is not counted. The environment is empty, because \
                  the C library reads it at start-up. It also asks the processor what it can do: \
                  the instructions are exact, but another model, or other libraries, may have others. The page faults are \
                  those of the whole life of the process. What is \
                  loaded, the relocations and the bytes are those of the program's own file, \
                  without its libraries. Where there is nothing but a size, the program cannot lock a \
                  descriptor.";
    for peer in &bench.peers {
        let [loaded, relocations, size] = of_file(&peer.program);
        let Some(launch) = launch(bench, peer)? else {
            table.add(peer.name(), &[None, None, None, None, loaded, relocations, size]);
            continue;
        };
        let mut or_skip = |what: &str, value: Result<f64>| {
            let skip = |error| table.skip(peer.name(), &format!("{what}: {error}"));
            value.map_err(skip).ok()
        };
        let row = [
            or_skip("instructions", instructions(bench, peer, &launch)),
            if Asked::IS_APPLICABLE { or_skip("CPUID", cpuids(peer, &launch)) } else { None },
            or_skip("system calls", system_calls(bench, &launch)),
            or_skip("page faults", faults(&launch)),
            loaded,
            relocations,
            size,
        ];
        table.add(peer.name(), &row);
        bench.unlock()?;
    }
    Ok(table)
}

/// What its segments take in memory, its relocations, and its bytes.
fn of_file(program: &Path) -> [Option<f64>; 3] {
    let Ok(file) = fs::read(program) else { return [None; 3] };
    let elf = Elf::parse(&file);
    let figure = |of: fn(&Elf) -> u64| elf.as_ref().map(|elf| of(elf) as f64);
    [figure(|elf| elf.loaded), figure(|elf| elf.relocations), Some(file.len() as f64)]
}

fn launch(bench: &Bench, peer: &Peer) -> Result<Option<Launch>> {
    let Some(mut job) = bench.job(peer, Task::Descriptor, None)? else { return Ok(None) };
    job.environment.clear();
    job.descriptors.push(bench.descriptor());
    Ok(Some(Launch::new(job)?))
}

/// Not a median: each count must yield the same.
fn instructions(bench: &Bench, peer: &Peer, launch: &Launch) -> Result<f64> {
    if peer.known.one_in > 1 {
        return Err(Error::other("not counted, an interpreter has too many"));
    }
    let counted = || count(launch, Counted::Instructions, LONG_LIMIT);
    let first = counted()?;
    for _ in 1..bench.effort.count_rounds {
        let next = counted()?;
        if next != first {
            return Err(Error::other(format!("counted as {first}, then as {next}")));
        }
    }
    Ok(first as f64)
}

fn cpuids(peer: &Peer, launch: &Launch) -> Result<f64> {
    if peer.known.one_in > 1 {
        return Err(Error::other("not counted, an interpreter has too many instructions"));
    }
    Ok(cpuid_leaves(launch, LONG_LIMIT)?.len() as f64)
}

fn system_calls(bench: &Bench, launch: &Launch) -> Result<f64> {
    let counted = |_| Ok(count(launch, Counted::SystemCalls, LONG_LIMIT)? as f64);
    middle((0..bench.effort.count_rounds).map(counted).collect())
}

fn faults(launch: &Launch) -> Result<f64> {
    middle((0..10).map(|_| Ok(run(launch, 0)?.faults as f64)).collect())
}

fn middle(values: Result<Vec<f64>>) -> Result<f64> {
    Spread::of(&values?).median().ok_or_else(|| Error::other("no value"))
}
