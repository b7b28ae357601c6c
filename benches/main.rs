//! The benchmark: flock-rs beside util-linux's flock and its relatives, in one run.

#![deny(unsafe_code)]
#![allow(clippy::cast_precision_loss, reason = "counts are far below what an f64 holds")]

#[path = "../tests/common/mod.rs"]
mod common;
#[allow(unsafe_code)]
mod sys;
mod data;
mod peers;
mod plan;
mod floor;
mod measure;
mod report;

use common::Scratch;
use measure::{Asked, Bench, Measurement};
use plan::{Action, Plan};
use report::{Judge, Machine, Report};
use std::env;
use std::io::{self, Error, Result, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(status) => status,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let plan = Plan::parse(env::args().skip(1)).map_err(Error::other)?;
    match plan.action {
        Action::Help => return say(plan::USAGE),
        Action::List => {
            let all = Measurement::all(&plan.effort());
            let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
            return say(&(names.join("\n") + "\n"));
        }
        Action::Measure => (),
    }
    let report = measure(&plan)?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    report.save(&target)?;
    say(&report.ending())?;
    say(&format!("\nalso in {}\n", target.display()))?;
    if plan.write_docs {
        report.save_docs(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    }
    if plan.check {
        report.check()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(plan: &Plan) -> Result<Report> {
    let scratch = Scratch::new("bench")?;
    let floor = floor::build(scratch.path(), 0)?;
    let (mut peers, mut absent) = peers::find(scratch.path(), &floor);
    let machine = Machine::describe(&plan.command);
    for (name, value) in &machine.facts {
        say(&format!("{name}: {value}\n"))?;
    }
    match floor::build_in_c(scratch.path()) {
        Ok(program) => peers.extend(peers::built(peers::FLOOR_IN_C, program)),
        Err(error) => absent.push(format!("{}: {error}", peers::FLOOR_IN_C)),
    }
    let mut bench = Bench::new(peers, floor, scratch.path(), plan.effort())?;
    let asked = match ask(&mut bench) {
        Ok(asked) => Some(asked),
        Err(error) => {
            absent.push(format!("{}: {error}", peers::FLOOR_ASKING));
            None
        }
    };
    let mut tables = Vec::new();
    for measurement in Measurement::all(&plan.effort()) {
        if plan.wants(&measurement.name) {
            let table = measurement.run(&bench)?;
            say(&report::table(&table))?;
            tables.push(table);
        }
    }
    scratch.close()?;
    let judge = Judge::of(plan.quick);
    let verdicts = report::verdicts(&tables, judge, asked.as_ref());
    Ok(Report { machine, absent, tables, verdicts, judge, asked })
}

/// Traces what is asked of the processor, and adds the floor that asks as often as ours.
fn ask(bench: &mut Bench) -> Result<Asked> {
    let asked = Asked::trace(bench)?;
    let program = floor::build(&bench.directory, asked.ours.len())?;
    bench.peers.extend(peers::built(peers::FLOOR_ASKING, program));
    Ok(asked)
}

fn say(text: &str) -> Result<ExitCode> {
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
