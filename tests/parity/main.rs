//! The parity suite: each case runs on util-linux's flock and on ours; those of
//! tests/ours, on ours alone.

mod arguments;
mod capture;
mod case;
#[path = "../common/mod.rs"]
mod common;
mod contract;
mod diff;
mod parse;
mod plan;
mod pool;
mod report;
mod session;
mod shell;
mod side;
mod suite;
#[path = "../common/view.rs"]
mod view;
mod watch;

use arguments::Arguments;
use case::Case;
use plan::{Plan, Run};
use report::Report;
use shell::Shells;
use side::Bench;
use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = Arguments::parse(env::args().skip(1)).and_then(|arguments| run(&arguments));
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            say(&format!("error: {message}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the chosen cases; tells whether all went well.
fn run(arguments: &Arguments) -> Result<bool, String> {
    let suite = suite::load()?;
    let chosen: Vec<&Case> = suite.cases.iter().filter(|case| arguments.wants(case)).collect();
    if arguments.list {
        let lines: Vec<String> = chosen.iter().map(|case| case.name() + "\n").collect();
        say(&lines.concat());
        return Ok(true);
    }
    session::prepare();
    let bench = Bench::set_up()?;
    say(&bench.describe());
    let shells = Shells::find(bench.ours());
    let plan = Plan::new(&chosen, arguments, (&bench, &shells));
    let mut report = Report::new(arguments.times);
    let work = |run: &Run| bench.run(run, &shells);
    pool::each(
        &plan.runs,
        arguments.threads,
        (work, |run, result| {
            say(&report.add(run, result));
        }),
    );
    let problems = if arguments.narrowed() { Vec::new() } else { suite.check(&report) };
    say(&report.end(&plan, &problems));
    Ok(report.is_good(&plan) && problems.is_empty() && !session::interrupted())
}

/// Prints. When nobody reads any more, there is nobody to tell.
fn say(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}
