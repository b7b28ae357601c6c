//! The table of `--holders`.

use super::{Kind, Lock, Party, Survey};
use crate::console::{Console, printable};
use crate::error::Error;
use crate::exit::Exit;
use crate::request::{Mode, Place};
use crate::sys;
use rustix::fs::{self, Mode as Permissions, OFlags};
use rustix::process;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

const HEADER: [&str; 7] = ["PID", "USER", "FD", "TYPE", "MODE", "STATE", "COMMAND"];

/// Prints who holds the locks on these, and who waits for them. Returns whether
/// anything is locked, as an exit status.
///
/// Columns are two or more spaces apart. With more than one file, the last column names it.
pub fn print(places: &[Place], console: &mut Console) -> Result<Exit, Error> {
    let mut surveys = Vec::new();
    for place in places {
        surveys.push((display(*place), survey(*place)?));
    }
    let mut rows = vec![HEADER.map(str::to_owned).to_vec()];
    if places.len() > 1 {
        rows = vec![HEADER.into_iter().chain(["FILE"]).map(str::to_owned).collect()];
    }
    for (name, survey) in &surveys {
        let held = survey.holders.iter().map(|party| (party, "held"));
        let waiting = survey.waiters.iter().map(|party| (party, "waiting"));
        let own = process::getpid();
        for (party, state) in held.chain(waiting).filter(|(party, _)| party.process.pid != own) {
            let mut row = row(party, state);
            if places.len() > 1 {
                row.push(printable(name.as_bytes()));
            }
            rows.push(row);
        }
    }
    console.print(align(&rows).as_bytes());
    for (name, survey) in &surveys {
        tell_of_unseen(name, survey, console);
    }
    let is_locked = surveys.iter().any(|(_, survey)| survey.is_locked());
    Ok(if is_locked { Exit::Success } else { Exit::Failure })
}

fn display(place: Place) -> OsString {
    match place {
        Place::File(name) => OsStr::from_bytes(name.to_bytes()).to_owned(),
        Place::Descriptor(number) => number.to_string().into(),
    }
}

fn survey(place: Place) -> Result<Survey, Error> {
    let not_found = |errno| Error::Find(display(place), errno);
    let survey = match place {
        Place::Descriptor(number) => {
            let file = sys::descriptor(number);
            fs::fstat(file).map_err(not_found)?;
            Survey::take(file)
        }
        Place::File(name) => {
            // Such a descriptor reads and writes nothing, and does not wait for a FIFO.
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            let file = fs::open(name, flags, Permissions::empty()).map_err(not_found)?;
            Survey::take(rustix::fd::AsFd::as_fd(&file))
        }
    };
    survey.map_err(Error::Survey)
}

fn row(party: &Party, state: &str) -> Vec<String> {
    let process = &party.process;
    vec![
        process.pid.to_string(),
        process.user(),
        party.descriptor.map_or_else(|| "-".to_owned(), |number| number.to_string()),
        kind(&party.lock),
        mode(&party.lock).to_owned(),
        state.to_owned(),
        process.command(),
    ]
}

/// How the lock was made, with the bytes unless it is all of them.
fn kind(lock: &Lock) -> String {
    let kind = match lock.kind {
        Kind::Flock => "flock",
        Kind::Ofd => "ofd",
        Kind::Posix => "posix",
    };
    let start = lock.range.start;
    match lock.range.length {
        0 if start == 0 => kind.to_owned(),
        0 => format!("{kind} {start}-"),
        length => format!("{kind} {start}-{}", start + (length - 1)),
    }
}

fn mode(lock: &Lock) -> &'static str {
    match lock.mode {
        Mode::Shared => "shared",
        Mode::Exclusive | Mode::Unlock => "exclusive",
    }
}

/// The rows as lines, with the columns two spaces apart, and none after the last.
fn align(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                let width =
                    |row: &Vec<String>| row.get(column).map_or(0, |cell| cell.chars().count());
                let widest = rows.iter().map(width).max().unwrap_or(0);
                text.extend(std::iter::repeat_n(' ', widest + 2 - cell.chars().count()));
            }
        }
        text.push('\n');
    }
    text
}

/// Says on standard error what the table does not show.
fn tell_of_unseen(name: &OsStr, survey: &Survey, console: &mut Console) {
    let name = printable(name.as_bytes());
    for lock in &survey.unseen {
        let taken =
            lock.process.map_or_else(String::new, |pid| format!(", taken by process {pid}"));
        let text = format!(
            "{name}: the holder of a lock is out of sight: {} {}{taken}",
            mode(lock),
            kind(lock)
        );
        console.complain(text.as_bytes(), None);
    }
    if let count @ 1.. = survey.hidden.len() {
        let text = format!("{name}: {count} processes of other users could not be looked into");
        console.complain(text.as_bytes(), None);
    }
}
