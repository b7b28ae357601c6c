//! The table of `--holders`.

use super::{Kind, Lock, Party, Process, Survey, Users};
use crate::console::Console;
use crate::error::Error;
use crate::exit::Exit;
use crate::printable::printable;
use crate::request::{Mode, Place};
use crate::sys;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd};
use rustix::fs::{self, Mode as Permissions, OFlags};
use rustix::io::{self, Errno};
use rustix::process;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Cells are parted by tabs, which none of them has.
const HEADER: &str = "PID\tUSER\tFD\tTYPE\tMODE\tSTATE\tCOMMAND";
const COLUMNS: usize = 8;

/// Prints who holds the locks on these, and who waits for them. Returns whether
/// anything is locked, as an exit status.
///
/// Columns are two or more spaces apart. With more than one file, the last column names it.
pub fn print(places: &[Place], console: &mut Console) -> Result<Exit, Error> {
    let mut surveys = Vec::new();
    for place in places {
        surveys.push((place.display(), survey(*place)?));
    }
    let is_one = places.len() == 1;
    let users = Users::read();
    let mut rows = vec![if is_one { HEADER.to_owned() } else { format!("{HEADER}\tFILE") }];
    for (name, survey) in &surveys {
        let file = if is_one { String::new() } else { format!("\t{}", printable(name.as_bytes())) };
        for (state, parties) in [("held", &survey.holders), ("waiting", &survey.waiters)] {
            rows.extend(parties.iter().map(|party| row(party, state, &users) + &file));
        }
    }
    console.print(align(&rows).as_bytes());
    for (name, survey) in &surveys {
        tell_of_unseen(name, survey, console);
    }
    // The same ones for each file.
    if let count @ 1.. = surveys.iter().map(|(_, survey)| survey.hidden).max().unwrap_or(0) {
        let processes = if count == 1 { "process" } else { "processes" };
        console.complain(format!("{count} {processes} could not be looked into").as_bytes(), None);
    }
    let is_locked = surveys.iter().any(|(_, survey)| survey.is_locked());
    Ok(if is_locked { Exit::Success } else { Exit::Failure })
}

fn survey(place: Place) -> Result<Survey, Error> {
    let not_found = |errno| Error::Find(place.display(), errno);
    let mut survey = match place {
        Place::Descriptor(number) => {
            let file = sys::descriptor(number);
            // Whether it is open. A file server is not asked, as fstat(2) would.
            io::fcntl_getfd(file).map_err(not_found)?;
            look(file)
        }
        Place::File(name) => {
            // Such a descriptor reads and writes nothing, and does not wait for a FIFO.
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            let file = fs::open(name, flags, Permissions::empty()).map_err(not_found)?;
            look(file.as_fd())
        }
    }
    .map_err(Error::Survey)?;
    // This process ends before anybody can make use of what it says of itself: it is named
    // only where it has a lock that nobody else is seen to have.
    let (own, others): (Vec<_>, Vec<_>) =
        survey.holders.into_iter().partition(|holder| holder.pid == process::getpid());
    let is_known = |party: &Party| others.iter().any(|other| other.lock == party.lock);
    let alone = own.into_iter().filter(|party| !is_known(party)).collect::<Vec<_>>();
    survey.holders = others;
    survey.holders.extend(alone);
    Ok(survey)
}

fn look(file: BorrowedFd) -> Result<Survey, Errno> {
    let mut survey = Survey::take(&Process::find(process::getpid())?, file.as_raw_fd())?;
    survey.ask(file);
    Ok(survey)
}

fn row(party: &Party, state: &str, users: &Users) -> String {
    let descriptor = party.descriptor.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let (pid, user, command) = (party.pid, users.name(party.user), party.command());
    let (kind, mode) = (kind(&party.lock), mode(&party.lock));
    format!("{pid}\t{user}\t{descriptor}\t{kind}\t{mode}\t{state}\t{command}")
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
fn align(rows: &[String]) -> String {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row.split('\t')) {
            *widest = cell.chars().count().max(*widest);
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut blanks = 0;
        for (cell, width) in row.split('\t').zip(widths) {
            text.extend(std::iter::repeat_n(' ', blanks));
            text.push_str(cell);
            blanks = width + 2 - cell.chars().count();
        }
        text.push('\n');
    }
    text
}

/// Says on standard error what the table does not show of a file.
fn tell_of_unseen(name: &OsStr, survey: &Survey, console: &mut Console) {
    let name = printable(name.as_bytes());
    for lock in &survey.unseen {
        let taken =
            lock.process.map_or_else(String::new, |pid| format!(", taken by process {pid}"));
        let (mode, kind) = (mode(lock), kind(lock));
        let text = format!("{name}: the holder of a lock is out of sight: {mode} {kind}{taken}");
        console.complain(text.as_bytes(), None);
    }
    if survey.partial && !survey.is_locked() {
        let text = format!("{name}: a lock of another machine or PID namespace might not be seen");
        console.complain(text.as_bytes(), None);
    }
}
