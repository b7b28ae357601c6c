//! The ledger: who is inside which lock at this moment, in memory that all processes share.
//!
//! Who comes in writes that down, then looks for others who are in. Of two who are in at the
//! same time, the later one sees the earlier one; it is the order of [`SeqCst`].

use rustix::process::Pid;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use std::{ptr, slice};

/// What a run has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody has come in yet.
    Issued,
    Shared,
    Exclusive,
    Left,
}

const PHASES: [Phase; 4] = [Phase::Issued, Phase::Shared, Phase::Exclusive, Phase::Left];

/// One run of flock at a time. All zero at first.
#[repr(C, align(64))]
#[derive(Default)]
pub struct Record {
    /// A [`State`], in one word: it changes as a whole or not at all.
    state: AtomicU64,
    /// The locks, a bit each.
    pub locks: AtomicU64,
    /// The process that the storm has started; 0 when it is about to reap it.
    pub child: AtomicU64,
    /// Only the child keeps the lock, not who is inside: `--close`.
    pub closes: AtomicU64,
    /// Neither of them does: `--for-pid`.
    pub remote: AtomicU64,
    /// Who is inside is not to leave yet: it is being looked at.
    pub stays: AtomicU64,
    /// When somebody came in, in nanoseconds of [`now`]; 0 if nobody has.
    entered: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    run: u64,
    phase: Phase,
    /// Who is inside: its process ID, and when it started, both as far as there is room.
    pid: u64,
    start: u64,
}

const RUN: u64 = (1 << 20) - 1;
const PID: u64 = (1 << 22) - 1;
const START: u64 = (1 << 20) - 1;

impl State {
    fn word(self) -> u64 {
        ((self.run & RUN) << 22 | self.pid & PID) << 22
            | (self.start & START) << 2
            | self.phase as u64
    }

    fn read(word: u64) -> Self {
        let phase = PHASES[(word & 3) as usize];
        Self { run: word >> 44, phase, pid: word >> 22 & PID, start: word >> 2 & START }
    }

    /// Whether the process lives, and can have a lock.
    fn lives(self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| !stat.ends && stat.start & START == self.start)
    }
}

impl Record {
    fn state(&self) -> State {
        State::read(self.state.load(SeqCst))
    }

    /// Begins a run. Those who come late for an earlier one are turned away.
    pub fn issue(&self, run: u64) {
        self.entered.store(0, SeqCst);
        let state = State { run, phase: Phase::Issued, pid: 0, start: 0 };
        self.state.store(state.word(), SeqCst);
    }

    /// Ends a run: who comes in now, its flock having been killed, is too late.
    pub fn retire(&self, run: u64) {
        let state = |phase| State { run, phase, pid: 0, start: 0 }.word();
        let [issued, left] = [Phase::Issued, Phase::Left].map(state);
        let _ = self.state.compare_exchange(issued, left, SeqCst, SeqCst);
    }

    /// Whether nobody has come in yet, and the run is not over.
    pub fn awaits(&self, run: u64) -> bool {
        self.state() == State { run: run & RUN, phase: Phase::Issued, pid: 0, start: 0 }
    }

    /// Goes from one phase of a run to the next; not if nobody waits for that any more.
    pub fn step(&self, run: u64, from: Phase, to: Phase) -> bool {
        let pid = std::process::id().into();
        let start = Stat::read(pid).expect("this process").start;
        let own = |phase| State { run, phase, pid, start };
        let issued = State { run, phase: Phase::Issued, pid: 0, start: 0 };
        let enters = from == Phase::Issued;
        let from = if enters { issued } else { own(from) };
        let steps =
            self.state.compare_exchange(from.word(), own(to).word(), SeqCst, SeqCst).is_ok();
        if steps && enters {
            self.entered.store(now().as_nanos() as u64, SeqCst);
        }
        steps
    }

    /// When somebody came in, by [`now`].
    pub fn entered(&self) -> Option<Duration> {
        let nanos = self.entered.load(SeqCst);
        (nanos != 0).then_some(Duration::from_nanos(nanos))
    }

    pub fn phase(&self) -> Phase {
        self.state().phase
    }

    /// The process that is or was inside, as long as it lives.
    pub fn job(&self) -> Option<Pid> {
        let state = self.state();
        let lives = state.phase != Phase::Issued && state.lives();
        if lives { Pid::from_raw(state.pid as i32) } else { None }
    }

    /// Whether the child lives, by which alone the lock of `--close` is kept.
    pub fn child_lives(&self) -> bool {
        let pid = self.child.load(SeqCst);
        pid != 0 && Stat::read(pid).is_some_and(|stat| !stat.ends)
    }

    /// Whether somebody is inside who must not be while this one is, and what it is.
    ///
    /// What is written down of one who was killed stays. It has no lock any more once its
    /// last descriptor is closed, and before that the kernel marks it as ending.
    fn bars(&self, locks: u64, phase: Phase) -> Option<String> {
        let state = self.state();
        let minds = match state.phase {
            Phase::Exclusive => true,
            Phase::Shared => phase == Phase::Exclusive,
            Phase::Issued | Phase::Left => false,
        };
        if !minds || self.locks.load(SeqCst) & locks == 0 || !state.lives() {
            return None;
        }
        if self.closes.load(SeqCst) != 0 && !self.child_lives() {
            return None;
        }
        (self.state() == state).then(|| format!("{} {:?}", state.pid, state.phase))
    }
}

/// Somebody who was inside at one moment.
pub struct Inside {
    record: &'static Record,
    state: State,
    /// The process that the storm had started, as far as it was known.
    child: u64,
}

impl Inside {
    pub fn phase(&self) -> Phase {
        self.state.phase
    }

    /// Whether the lock was held without a break since that moment: the run is the same, who
    /// is inside lives, and so does, under `--close`, the child that alone has the lock.
    pub fn stays(&self) -> bool {
        let closes = self.record.closes.load(SeqCst) != 0;
        self.record.state() == self.state
            && self.state.lives()
            && (!closes || self.record.child_lives())
    }

    /// A process that surely has the lock, if it is known which; for one that stays.
    pub fn holder(&self) -> Option<u64> {
        if self.record.remote.load(SeqCst) != 0 {
            return None;
        }
        let closes = self.record.closes.load(SeqCst) != 0;
        Some(if closes { self.child } else { self.state.pid })
    }

    /// All processes that can have the lock, if they are known; for one that stays.
    pub fn family(&self) -> Option<[u64; 2]> {
        let is_known = self.child != 0
            && self.record.child.load(SeqCst) == self.child
            && self.record.remote.load(SeqCst) == 0;
        is_known.then_some([self.state.pid, self.child])
    }
}

/// The time on the kernel's monotonic clock, which is the same for all processes.
pub fn now() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes the structure, which outlives the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
    let (seconds, nanos) = (time.tv_sec.try_into(), time.tv_nsec.try_into());
    Duration::new(seconds.unwrap(), nanos.unwrap())
}

/// What /proc tells of a process.
struct Stat {
    start: u64,
    /// It is ending: it may have lost its locks.
    ends: bool,
}

impl Stat {
    fn read(pid: u64) -> Option<Self> {
        /// `PF_EXITING` of the kernel: set before a process that ends closes its files.
        const EXITING: u64 = 4;
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let words: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        let number = |index: usize| words.get(index)?.parse::<u64>().ok();
        let ends = "ZX".contains(words[0]) || number(6)? & EXITING != 0;
        Some(Self { start: number(19)?, ends })
    }
}

/// All records, in a file that is mapped into each process.
pub struct Ledger(&'static [Record]);

impl Ledger {
    /// Makes a ledger in the working directory of the storm.
    pub fn create(directory: &Path, records: usize) -> io::Result<Self> {
        let file = File::create_new(directory.join("ledger"))?;
        file.set_len((records * size_of::<Record>()) as u64)?;
        Self::open(directory)
    }

    pub fn open(directory: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(directory.join("ledger"))?;
        let size = file.metadata()?.len() as usize;
        let both = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, as long as the file, which nobody makes shorter.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), size, both, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: records are made of atomics alone, for which any bytes will do.
        Ok(Self(unsafe { slice::from_raw_parts(start.cast(), size / size_of::<Record>()) }))
    }

    pub fn record(&self, index: usize) -> &'static Record {
        &self.0[index]
    }

    /// Those who are inside a lock.
    pub fn inside(&self, lock: usize) -> Vec<Inside> {
        let find = |record: &'static Record| {
            let (state, child) = (record.state(), record.child.load(SeqCst));
            let is_inside = matches!(state.phase, Phase::Shared | Phase::Exclusive)
                && record.locks.load(SeqCst) >> lock & 1 == 1
                && state.lives();
            is_inside.then_some(Inside { record, state, child })
        };
        self.0.iter().filter_map(find).collect()
    }

    /// Those who are inside where only one, or only readers, may be.
    pub fn intruders(&self, own: usize, phase: Phase) -> Vec<String> {
        let locks = self.0[own].locks.load(SeqCst);
        let others = self.0.iter().enumerate().filter(|(index, _)| *index != own);
        others.filter_map(|(_, record)| record.bars(locks, phase)).collect()
    }
}

/// Writes a fault down, a line each, for all processes of the storm.
pub fn fault(directory: &Path, text: &str) {
    let file = File::options().append(true).create(true).open(directory.join("faults"));
    file.and_then(|mut file| file.write_all(format!("{text}\n").as_bytes())).unwrap();
}
