//! What a lock costs on the volume, against a local disk: results.md, written by this.

use crate::Verdict;
use crate::failures::freed_by;
use crate::job::{Job, until};
use crate::machine::Machine;
use crate::site::{Flock, Site, version};
use crate::spread::Spread;
use rustix::fs::{FlockOperation, flock};
use std::fmt::Write;
use std::fs::{self, File};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/results.md");
/// On the disk of the build.
const LOCAL: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/cluster-local-lock");
const ROUNDS: usize = 60;
const ACCIDENTS: usize = 5;
/// For how long a waiter has been waiting when the lock is let go.
const QUEUED: Duration = Duration::from_millis(20);

const HEAD: &str = "\
# A lock that several machines see

Written by `cargo test --release --test cluster -- --write-docs`: no number here is typed by
hand.

The volume is GlusterFS, three copies, each kept by a server process (brick) of its own;
three machines mount it. All of them are on one computer, in network namespaces: there is
no cable that takes time, and all share its processors. The local file is on the disk of
the build. All take turns in one run.

";

/// A place for the lock: its name, the holder's path and the waiter's.
type Place<'a> = (&'static str, [&'a str; 2]);

pub fn write(site: &Site, flocks: &[Flock; 2]) -> Verdict {
    let name = site.file();
    let [here, there] = ["a", "b"].map(|machine| format!("{machine}/{name}"));
    let places = [("local disk", [LOCAL, LOCAL]), ("GlusterFS", [&here, &there])];
    let taken = in_turns(flocks, &places, take)?;
    let handed = in_turns(flocks, &places, hand_over)?;
    let _ = fs::remove_file(LOCAL);
    let mut page = HEAD.to_owned();
    let machine = Machine::describe("cargo test --release --test cluster -- --write-docs");
    for (name, value) in &machine.facts {
        let _ = writeln!(page, "- {name}: {value}");
    }
    let _ = writeln!(page, "- GlusterFS: {}", version()?);
    let options = site.tell("options", "")?.replace('\n', ", ");
    let _ = writeln!(page, "- volume options: {options}");
    page += "\n## flock -n FILE true, free\n\n";
    page += &table(flocks, &places, &taken);
    page += "\nFrom before flock is started until it has ended.\n";
    page += "\n## A lock is handed over\n\n";
    page += &table(flocks, &places, &handed);
    let _ = writeln!(
        page,
        "\nFrom before the holder unlocks until `flock 0`, which has waited for {} ms, has ended. \
         On the volume, the holder is on one machine and the waiter on the other.",
        QUEUED.as_millis()
    );
    page += &accidents(site, &flocks[1])?;
    fs::write(RESULTS, &page).map_err(|error| format!("{RESULTS}: {error}"))?;
    print!("{page}");
    Ok(())
}

type Measure = fn(&Flock, [&str; 2]) -> Result<Duration, String>;

/// For each flock and place, the microseconds of all rounds. Each round begins elsewhere.
fn in_turns(
    flocks: &[Flock; 2],
    places: &[Place; 2],
    measure: Measure,
) -> Result<[Vec<f64>; 4], String> {
    let mut all = [const { Vec::new() }; 4];
    for round in 0..=ROUNDS {
        for turn in 0..4 {
            let which = (round + turn) % 4;
            let took = measure(&flocks[which / 2], places[which % 2].1)?;
            // The first round only makes the file, and warms all up.
            if round > 0 {
                all[which].push(took.as_secs_f64() * 1e6);
            }
        }
    }
    Ok(all)
}

fn take(flock: &Flock, [path, _]: [&str; 2]) -> Result<Duration, String> {
    let mut command = flock.command(&["-n", path, "true"]);
    let start = Instant::now();
    let status = command.status().map_err(|error| error.to_string())?;
    let took = start.elapsed();
    if status.success() { Ok(took) } else { Err(format!("{command:?}: {status}")) }
}

fn hand_over(by: &Flock, [here, there]: [&str; 2]) -> Result<Duration, String> {
    let text = |error: std::io::Error| error.to_string();
    let lock = |file: &File, how| flock(file, how).map_err(|errno| errno.to_string());
    let holder = File::open(here).map_err(text)?;
    lock(&holder, FlockOperation::LockExclusive)?;
    let mut command = by.command(&["0"]);
    let mut waiter =
        command.stdin(Stdio::from(File::open(there).map_err(text)?)).spawn().map_err(text)?;
    until("flock 0 waits", || Ok(Job::is_waiting(waiter.id())))?;
    thread::sleep(QUEUED);
    let start = Instant::now();
    lock(&holder, FlockOperation::Unlock)?;
    let status = waiter.wait().map_err(text)?;
    let took = start.elapsed();
    if status.success() { Ok(took) } else { Err(format!("{command:?}: {status}")) }
}

fn table(flocks: &[Flock; 2], places: &[Place; 2], all: &[Vec<f64>; 4]) -> String {
    let mut text = "|  | lock on | median µs | quartiles |  | least | runs |\n".to_owned();
    text += "|---|---|---:|---:|---:|---:|---:|\n";
    for (which, values) in all.iter().enumerate() {
        let spread = Spread::of(values);
        let figure =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.0}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            flocks[which / 2].side,
            places[which % 2].0,
            figure(spread.median()),
            figure(spread.lower_quartile()),
            figure(spread.upper_quartile()),
            figure(spread.least()),
            figure(spread.count()),
        );
    }
    text
}

type Accident = fn(&Site) -> Verdict;

/// How long a lock outlives the machine that had it.
fn accidents(site: &Site, flock: &Flock) -> Result<String, String> {
    let mut text = "\n## The machine that holds the lock is lost\n\n".to_owned();
    text += "|  | median ms until the waiter has it | least | most | runs |\n";
    text += "|---|---:|---:|---:|---:|\n";
    let killed: Accident = |site| site.kill_machine("a");
    let cut: Accident = |site| site.cable("a", "down");
    let kinds: [(&str, Accident); 2] =
        [("the mount's process is killed", killed), ("its cable is pulled", cut)];
    for (name, accident) in kinds {
        let mut values = Vec::new();
        for _ in 0..ACCIDENTS {
            values.push(freed_by(site, flock, accident)?.as_secs_f64() * 1e3);
        }
        let spread = Spread::of(&values);
        let figure =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.0}"));
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} |",
            figure(spread.median()),
            figure(spread.least()),
            figure(spread.greatest()),
            figure(spread.count()),
        );
    }
    text += "\nIn the second case it is the volume options above that decide: the servers wait for \
             an answer, and only then let the lock go. The holder is not told.\n";
    Ok(text)
}
