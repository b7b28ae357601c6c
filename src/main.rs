//! flock(1), a drop-in replacement for util-linux's: parse, open, lock, act.

#![no_main]
#![deny(unsafe_code)]

use flock_rs::command::Program;
use flock_rs::console::Console;
use flock_rs::error::Error;
use flock_rs::exit::Exit;
use flock_rs::keeper::{self, Watched};
use flock_rs::lock::{self, Meanwhile, Outcome};
use flock_rs::notice::Notice;
use flock_rs::printable::printable;
use flock_rs::request::{Command, Launch, Locking, Place, Places, Request};
use flock_rs::sys::{Arena, Args};
use flock_rs::target::Targets;
use flock_rs::wait::{Needs, Wait};
use flock_rs::{aside, cli, errno, help, hint, holders, removal};
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::CStr;
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
        hint::after(&error, &console);
        error.exit().into()
    });
    console.close(status)
}

fn carry_out(request: Request, console: &mut Console) -> Result<u8, Error> {
    match request {
        Request::Help => console.print(&help::usage(console.name())),
        Request::Version => console.print(&help::version(console.name())),
        Request::Holders(places) => return holders::print(&places, console).map(u8::from),
        Request::Lock { descriptor, locking } => {
            let mut targets = open(&Place::Descriptor(descriptor).into(), &locking, console)?;
            let Some(wait) = acquire(&mut targets, &locking, None, console)? else {
                return Ok(locking.conflict_exit);
            };
            // But for SIGALRM after a timeout, signals do again what they did.
            wait.end();
        }
        Request::Run { places, locking, command, launch } => {
            return run_command(&places, &locking, (command, launch), console);
        }
        Request::Keep { process, places, locking } => {
            return keep(process, &places, &locking, console);
        }
    }
    Ok(Exit::Success.into())
}

/// Runs a command under the locks.
fn run_command(
    places: &Places,
    locking: &Locking,
    (command, launch): (Command, Launch),
    console: &mut Console,
) -> Result<u8, Error> {
    if locking.verbose {
        hint::about(places.first, console);
    }
    let mut targets = open(places, locking, console)?;
    let Some(wait) = acquire(&mut targets, locking, None, console)? else {
        return Ok(refused(&targets, locking, console));
    };
    wait.restore();
    let program = Program::new(command);
    if locking.verbose {
        let name = program.name().to_bytes();
        console.print(&[console.name(), b": executing ", name, b"\n"].concat());
    }
    let status = program.run(launch, &targets, console);
    if locking.verbose {
        let notice = Notice::new(locking, &targets);
        targets.all.iter().for_each(|target| notice.left_behind(target, console));
    }
    let_go(&targets, locking, console);
    status
}

/// Leaves the locks to a process that holds them as long as another one lives.
fn keep(
    process: Pid,
    places: &Places,
    locking: &Locking,
    console: &mut Console,
) -> Result<u8, Error> {
    keeper::reserve_standard()?;
    let watched = Watched::find(process)?;
    let mut targets = open(places, locking, console)?;
    let Some(wait) = acquire(&mut targets, locking, Some(&watched), console)? else {
        return Ok(refused(&targets, locking, console));
    };
    wait.restore();
    // What cannot be said is a failure, and a failure must not leave a lock behind.
    if !console.settle() {
        let_go(&targets, locking, console);
        return Ok(Exit::Failure.into());
    }
    let by_range = locking.range.is_some();
    let kept = watched.check().and_then(|()| keeper::leave(&watched, &mut targets, by_range));
    if kept.is_err() {
        // A keeper that cannot be ended must not keep them.
        lock::release(&targets.all, locking);
        let_go(&targets, locking, console);
    }
    kept.map(|()| Exit::Success.into())
}

/// Returns the status of a conflict. Of several files, some may have been made, or held for
/// a moment, for nothing; a single one is for whoever has it locked to remove.
fn refused(targets: &Targets, locking: &Locking, console: &mut Console) -> u8 {
    if targets.all.len() > 1 {
        let_go(targets, locking, console);
    }
    locking.conflict_exit
}

/// Ends the locks now if the files are to be removed, and removes them.
fn let_go(targets: &Targets, locking: &Locking, console: &mut Console) {
    for (name, errno) in remove(targets, locking) {
        let text = format!("cannot remove lock file {}", printable(name.to_bytes()));
        console.complain(text.as_bytes(), Some(&errno::text(errno)));
    }
}

fn remove(targets: &Targets, locking: &Locking) -> Vec<(&'static CStr, Errno)> {
    if targets.passing().is_empty() {
        return Vec::new();
    }
    removal::remove(targets, locking.range.is_some())
}

/// Opens what is to be locked. If that fails, the files before may have been made for nothing.
fn open(places: &Places, locking: &Locking, console: &mut Console) -> Result<Targets, Error> {
    let mut targets = Targets::default();
    let opened = targets.open(places, locking);
    if opened.is_err() {
        let_go(&targets, locking, console);
    }
    opened.map(|()| targets)
}

/// Takes the locks. Returns nothing if it gave up. If it fails, the files may have been made
/// for nothing; it is the failure that is told then.
fn acquire(
    targets: &mut Targets,
    locking: &Locking,
    watched: Option<&Watched>,
    console: &mut Console,
) -> Result<Option<Wait>, Error> {
    let acquired = try_to_acquire(targets, locking, watched, console);
    if acquired.is_err() {
        remove(targets, locking);
    }
    acquired
}

/// Takes the locks, and says how that went if it is to. Returns nothing if it gave up.
fn try_to_acquire(
    targets: &mut Targets,
    locking: &Locking,
    watched: Option<&Watched>,
    console: &mut Console,
) -> Result<Option<Wait>, Error> {
    let notice = Notice::new(locking, targets);
    let watched = watched.filter(|_| locking.waits());
    // Where there can be no other process that watches, this one looks now and then.
    let alerts = watched.is_some() && aside::can_have_children();
    let ticks = watched.is_some() && !alerts;
    let needs = Needs { last_words: notice.on_terminal(), alert: alerts, ticks };
    let start = locking.verbose.then(Instant::now);
    let mut wait = Wait::start(locking.timeout, needs)?;
    let alert = watched.filter(|_| alerts).map(keeper::alert).transpose()?;
    let meanwhile = Meanwhile {
        tell: &|target| notice.begin(target, console),
        check: &|| watched.map_or(Ok(()), Watched::check),
    };
    let outcome = lock::acquire(targets, locking, &wait, meanwhile);
    drop(alert);
    wait.stop();
    notice.erase(console);
    wait.obey();
    match outcome? {
        Outcome::Acquired => {}
        Outcome::Killed => return Ok(None),
        Outcome::Refused { which, late } => {
            if locking.verbose {
                let text: &[u8] =
                    if late { b"timeout while waiting to get lock" } else { b"failed to get lock" };
                console.complain(text, None);
                if let Some(target) = targets.all.get(which) {
                    notice.in_the_way(target, console);
                }
                wait.obey();
            }
            return Ok(None);
        }
    }
    if let Some(start) = start {
        tell_time(start, console);
    }
    Ok(Some(wait))
}

fn tell_time(start: Instant, console: &mut Console) {
    let took = start.elapsed();
    let (seconds, micros) = (took.as_secs(), took.subsec_micros());
    let text = format!(": getting lock took {seconds}.{micros:06} seconds\n");
    console.print(&[console.name(), text.as_bytes()].concat());
}
