//! `--for-pid`: a process that holds the lock as long as another one lives.

use crate::console::Console;
use crate::error::Error;
use crate::removal;
use crate::request::Range;
use crate::sys;
use crate::target::Targets;
use rustix::event::{self, PollFd, PollFlags, Timespec};
use rustix::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use rustix::fs::{self, Mode, OFlags};
use rustix::io::{self, Errno};
use rustix::pipe::{self, PipeFlags};
use rustix::process::{self, Pid, PidfdFlags};
use std::time::Duration;

/// How often it is looked after the process during a wait for the lock.
pub const TICK: Duration = Duration::from_millis(100);

/// The process whose life is the lock's.
pub struct Watched {
    pid: Pid,
    /// Its number may be given to another process, this descriptor never: `pidfd_open`(2).
    descriptor: OwnedFd,
}

impl Watched {
    /// Finds the process, which must not have ended.
    pub fn find(pid: Pid) -> Result<Self, Error> {
        let opened = process::pidfd_open(pid, PidfdFlags::empty());
        let descriptor = opened.map_err(|errno| Error::Process(pid, errno))?;
        let watched = Self { pid, descriptor };
        // A zombie has a number still.
        watched.check().map_err(|_| Error::Process(pid, Errno::SRCH))?;
        Ok(watched)
    }

    /// Fails if the process has ended.
    pub fn check(&self) -> Result<(), Error> {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut polled = [PollFd::new(&self.descriptor, PollFlags::IN)];
        match event::poll(&mut polled, Some(&now)) {
            Ok(1..) => Err(Error::ProcessEnded(self.pid)),
            _ => Ok(()),
        }
    }
}

/// Leaves a process behind that has the locks as long as the watched one lives. Returns
/// when it has let go of all that it had of its caller.
pub fn leave(watched: &Watched, targets: &mut Targets, remove: Remove) -> Result<(), Error> {
    let (ready, done) = pipe::pipe_with(PipeFlags::CLOEXEC).map_err(Error::Keeper)?;
    sys::fork(|| keep(watched, targets, done.as_fd().as_raw_fd(), remove).map_or(1, |()| 0))
        .map_err(Error::Keeper)?;
    drop(done);
    let mut word = [0];
    match io::retry_on_intr(|| io::read(&ready, &mut word)) {
        Ok(1) => Ok(()),
        // It has ended before it was ready.
        Ok(_) => Err(Error::Keeper(Errno::CHILD)),
        Err(errno) => Err(Error::Keeper(errno)),
    }
}

/// Whether the files are to be removed in the end; and how they are locked.
pub type Remove = Option<Option<Range>>;

/// The keeper's life.
fn keep(
    watched: &Watched,
    targets: &mut Targets,
    done: RawFd,
    remove: Remove,
) -> Result<(), Errno> {
    sys::block_all_signals()?;
    process::setsid()?;
    let watched = above_standard(watched.descriptor.as_raw_fd())?;
    let done = above_standard(done)?;
    for target in &mut targets.all {
        target.number = above_standard(target.number)?;
    }
    standard_to_null()?;
    let mut kept: Vec<RawFd> = targets.all.iter().map(|target| target.number).collect();
    kept.extend([watched, done]);
    sys::close_all_but(kept)?;
    let _ = process::chdir(c"/");
    io::write(sys::descriptor(done), b"\n")?;
    sys::close(done);
    let watched = sys::descriptor(watched);
    while let Err(Errno::INTR) = event::poll(&mut [PollFd::new(&watched, PollFlags::IN)], None) {}
    if let Some(range) = remove {
        removal::remove(targets, range, &mut Console::new(b""));
    }
    Ok(())
}

/// The descriptor, or a copy of it, with a number that is no standard one's.
fn above_standard(number: RawFd) -> Result<RawFd, Errno> {
    if number > 2 {
        return Ok(number);
    }
    io::fcntl_dupfd_cloexec(sys::descriptor(number), 3).map(rustix::fd::IntoRawFd::into_raw_fd)
}

/// /dev/null as the three standard descriptors; where there is none, they are closed.
fn standard_to_null() -> Result<(), Errno> {
    (0..=2).for_each(sys::close);
    let Ok(null) = fs::open(c"/dev/null", OFlags::RDWR, Mode::empty()) else { return Ok(()) };
    let number = rustix::fd::IntoRawFd::into_raw_fd(null);
    let null = sys::descriptor(number);
    (0..2).try_for_each(|_| io::dup(null).map(|fd| _ = rustix::fd::IntoRawFd::into_raw_fd(fd)))
}
