//! flock(1), a drop-in replacement for util-linux's: parse, open, lock, act.

#![no_main]
#![deny(unsafe_code)]

use flock_rs::command::Program;
use flock_rs::console::Console;
use flock_rs::deadline::Ended;
use flock_rs::error::Error;
use flock_rs::exit::Exit;
use flock_rs::lock::{self, Outcome};
use flock_rs::request::{Locking, Place, Request};
use flock_rs::sys::{Arena, Args};
use flock_rs::target::Target;
use flock_rs::{cli, help};
use std::time::Instant;

#[global_allocator]
static MEMORY: Arena = Arena::new();

flock_rs::entry!(run);

/// Does what the command line asks for; returns the exit status.
fn run(args: Args) -> u8 {
    let mut console = Console::new(args.get(0).unwrap_or_default().to_bytes());
    let status = cli::parse(args).and_then(|request| carry_out(request, &mut console));
    let status = status.unwrap_or_else(|error| {
        console.report(&error);
        error.exit().into()
    });
    console.close(status)
}

fn carry_out(request: Request, console: &mut Console) -> Result<u8, Error> {
    match request {
        Request::Help => console.print(&help::usage(console.name())),
        Request::Version => console.print(&help::version(console.name())),
        Request::Lock { descriptor, locking } => {
            let mut target = Target::open(Place::Descriptor(descriptor), &locking)?;
            match acquire(&mut target, &locking, console)? {
                Outcome::Acquired(_) => {}
                Outcome::Conflict | Outcome::TimedOut => return Ok(locking.conflict_exit),
            }
        }
        Request::Run { place, locking, command, launch } => {
            let mut target = Target::open(place, &locking)?;
            match acquire(&mut target, &locking, console)? {
                Outcome::Acquired(wait) => wait.map_or((), Ended::restore),
                Outcome::Conflict | Outcome::TimedOut => return Ok(locking.conflict_exit),
            }
            let program = Program::new(command);
            if locking.verbose {
                let name = program.name().to_bytes();
                console.print(&[console.name(), b": executing ", name, b"\n"].concat());
            }
            return program.run(launch, target.number, console);
        }
    }
    Ok(Exit::Success.into())
}

/// Takes the lock, and says how that went if it is to.
fn acquire(
    target: &mut Target,
    locking: &Locking,
    console: &mut Console,
) -> Result<Outcome, Error> {
    let start = locking.verbose.then(Instant::now);
    let outcome = lock::acquire(target, locking)?;
    if let Some(start) = start {
        match outcome {
            Outcome::Acquired(_) => {
                let took = start.elapsed();
                let (seconds, micros) = (took.as_secs(), took.subsec_micros());
                let text = format!(": getting lock took {seconds}.{micros:06} seconds\n");
                console.print(&[console.name(), text.as_bytes()].concat());
            }
            Outcome::Conflict => console.complain(b"failed to get lock", None),
            Outcome::TimedOut => console.complain(b"timeout while waiting to get lock", None),
        }
    }
    Ok(outcome)
}
