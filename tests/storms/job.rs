//! What runs under the lock: it writes itself into the ledger, looks around, and leaves.

use crate::ledger::{self, Ledger, Phase, Record};
use crate::plan::{LOCKS, Lock};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

/// The word by which the storm's program knows that it is to be this.
pub const WORD: &str = "--storm-job";
/// The status of one that came too late.
const TOO_LATE: u8 = 99;

/// `--storm-job WORKER RUN MODE MICROSECONDS STATUS`, in the directory of the storm.
pub fn run(words: &[String]) -> u8 {
    let [worker, run, mode, micros, status] = words else { panic!("{words:?}") };
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let (worker, run) = (number(worker) as usize, number(run));
    let phase = if mode == "shared" { Phase::Shared } else { Phase::Exclusive };
    let directory = Path::new(".");
    let ledger = Ledger::open(directory).expect("the ledger");
    let record = ledger.record(worker);
    // It is written down a moment after the child has been started.
    while record.closes.load(SeqCst) != 0 && record.awaits(run) && record.child.load(SeqCst) == 0 {
        thread::yield_now();
    }
    if !record.step(run, Phase::Issued, phase) {
        return TOO_LATE;
    }
    // That it is kept is asked afterwards: then it was, all the time.
    let fault = |text: String| {
        if is_kept(record) {
            ledger::fault(directory, &text);
        }
    };
    for other in ledger.intruders(worker, phase) {
        fault(format!("two inside: worker {worker} {phase:?}, process {other}"));
    }
    let locks = record.locks.load(SeqCst);
    let look = || {
        for (_, lock) in LOCKS.iter().enumerate().filter(|(index, _)| locks >> index & 1 == 1) {
            if let Some(what) = not_held(lock) {
                fault(format!("not held: worker {worker} {phase:?}, {what}"));
            }
        }
    };
    look();
    thread::sleep(Duration::from_micros(number(micros)));
    while record.stays.load(SeqCst) != 0 {
        thread::sleep(Duration::from_millis(1));
    }
    // The signals that flock got meanwhile have changed nothing.
    look();
    record.step(run, phase, Phase::Left);
    number(status) as u8
}

/// With `--close`, the lock is over when flock is.
fn is_kept(record: &Record) -> bool {
    record.closes.load(SeqCst) == 0 || record.child_lives()
}

/// What is wrong if nobody has a lock on a file that is there.
fn not_held(lock: &Lock) -> Option<String> {
    let name = lock.file;
    match File::options().read(true).write(true).open(name) {
        Err(error) => Some(format!("{name}: {error}")),
        Ok(file) => is_free(lock, &file).then(|| format!("{name} is free")),
    }
}

/// Whether somebody else could have a lock on an open file exclusively.
pub fn is_free(lock: &Lock, file: &File) -> bool {
    let Some((start, length)) = lock.range else {
        // SAFETY: flock(2) takes any numbers.
        let flock = |how| unsafe { libc::flock(file.as_raw_fd(), how) } == 0;
        // Not left to closing it: a process that is just being started has a copy.
        return flock(libc::LOCK_EX | libc::LOCK_NB) && flock(libc::LOCK_UN);
    };
    // SAFETY: all fields are integers.
    let mut wanted: libc::flock = unsafe { std::mem::zeroed() };
    (wanted.l_type, wanted.l_start, wanted.l_len) = (libc::F_WRLCK as i16, start, length);
    // SAFETY: the kernel reads and writes the structure, which outlives the call.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut wanted) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    wanted.l_type == libc::F_UNLCK as i16
}
