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
use measure::{Bench, Measurement};
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
        report.save_docs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("benches"))?;
    }
    if plan.check {
        report.check()?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(plan: &Plan) -> Result<Report> {
    let scratch = Scratch::new("bench")?;
    let floor = floor::build(scratch.path())?;
    let (peers, absent) = peers::find(&floor);
    let machine = Machine::describe(&plan.command);
    for (name, value) in &machine.facts {
        say(&format!("{name}: {value}\n"))?;
    }
    let bench = Bench::new(peers, floor, scratch.path(), plan.effort())?;
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
    let verdicts = report::verdicts(&tables, judge);
    Ok(Report { machine, absent, tables, verdicts, judge })
}

fn say(text: &str) -> Result<ExitCode> {
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
