//! `--for-pid`: a process that holds the lock as long as another one lives.

use crate::aside::{self, Aside};
use crate::error::Error;
use crate::removal;
use crate::sys;
use crate::target::Targets;
use rustix::event::{self, PollFd, PollFlags, Timespec};
use rustix::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use rustix::fs::{self, Mode, OFlags};
use rustix::io::{self, Errno};
use rustix::pipe::{self, PipeFlags};
use rustix::process::{self, Pid, PidfdFlags, Signal};
use rustix::stdio;
use std::time::Duration;

/// Sees to it that nothing which is opened from now on gets the number of a standard
/// descriptor: what flock says would go into the lock file. Those that are closed become
/// such as fail like closed ones, with EBADF: open(2), `O_PATH`.
pub fn reserve_standard() -> Result<(), Error> {
    loop {
        let opened = fs::open(c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let descriptor = opened.map_err(Error::Keeper)?;
        if descriptor.as_raw_fd() > 2 {
            return Ok(());
        }
        // To stay open.
        let _ = descriptor.into_raw_fd();
    }
}

/// The process whose life is the lock's.
pub struct Watched {
    pid: Pid,
    /// Its number may be given to another process, this descriptor never: `pidfd_open`(2).
    descriptor: OwnedFd,
}

impl Watched {
    /// Finds the process, which must not have ended.
    pub fn find(pid: Pid) -> Result<Self, Error> {
        // As after exec in a shell: a lock that lives as long as this would be none.
        if pid == process::getpid() {
            return Err(Error::OwnProcess(pid));
        }
        let opened = process::pidfd_open(pid, PidfdFlags::empty());
        let descriptor = opened.map_err(|errno| match errno {
            // The number of a thread, before Linux 6.15 and since.
            Errno::INVAL | Errno::NOENT => Error::Process(pid, Errno::SRCH),
            errno => Error::Process(pid, errno),
        })?;
        let watched = Self { pid, descriptor };
        watched.check().map_err(|error| match error {
            // A zombie has a number still.
            Error::ProcessEnded(pid) => Error::Process(pid, Errno::SRCH),
            error => error,
        })?;
        Ok(watched)
    }

    /// Fails if the process has ended, or if it cannot be told whether it has.
    pub fn check(&self) -> Result<(), Error> {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut polled = [PollFd::new(&self.descriptor, PollFlags::IN)];
        match event::poll(&mut polled, Some(&now)) {
            Ok(0) | Err(Errno::INTR) => Ok(()),
            Ok(_) => Err(Error::ProcessEnded(self.pid)),
            Err(errno) => Err(Error::Process(self.pid, errno)),
        }
    }

    /// Waits until the process has ended.
    fn await_end(&self) {
        let mut polled = [PollFd::new(&self.descriptor, PollFlags::IN)];
        // The lock must not end before. An error that stays has shown in `check` already.
        while event::poll(&mut polled, None).is_err() {}
    }
}

/// How often a wait is interrupted.
const PAUSE: Duration = Duration::from_millis(10);

/// Starts a process that interrupts a wait of this one, by SIGCHLD, when the watched one has
/// ended: a lock call cannot watch a descriptor.
pub fn alert(watched: &Watched) -> Result<Aside, Error> {
    let started = Aside::start(&[watched.descriptor.as_raw_fd()], |waiter| {
        watched.await_end();
        // What comes just before a lock call is lost on that.
        while process::getppid() == Some(waiter) {
            let _ = process::kill_process(waiter, Signal::CHILD);
            aside::pause(PAUSE);
        }
    });
    started.map_err(Error::Keeper)
}

/// Leaves a process behind that has the locks as long as the watched one lives. Returns
/// when it has let go of all that it had of its caller; if it fails, it is gone. In the end
/// it removes the files that are to be removed; `by_range` says which kind of lock is theirs.
pub fn leave(watched: &Watched, targets: &mut Targets, by_range: bool) -> Result<(), Error> {
    let (answer, done) = pipe::pipe_with(PipeFlags::CLOEXEC).map_err(Error::Keeper)?;
    // Were it ignored, the keeper's number could be another process's below.
    sys::default_sigchld();
    let keeper = sys::fork(Some(Signal::CHILD), || {
        let detached = detach(watched, targets, done.as_raw_fd());
        if tell(done.as_raw_fd(), detached).is_ok() {
            watched.await_end();
            removal::remove(targets, by_range);
        }
        0
    });
    let keeper = keeper.map_err(Error::Keeper)?;
    drop(done);
    hear(&answer).map_err(|errno| {
        aside::end(keeper);
        Error::Keeper(errno)
    })
}

/// Lets the keeper have nothing but the locks and what it watches.
fn detach(watched: &Watched, targets: &mut Targets, done: RawFd) -> Result<(), Errno> {
    sys::block_all_signals()?;
    process::setsid()?;
    let mut kept = vec![0, 1, 2, watched.descriptor.as_raw_fd(), done];
    kept.extend(targets.all.iter().map(|target| target.number));
    sys::close_all_but(&kept)?;
    match fs::open(c"/dev/null", OFlags::RDWR, Mode::empty()) {
        Ok(null) => {
            stdio::dup2_stdin(&null)?;
            stdio::dup2_stdout(&null)?;
            stdio::dup2_stderr(&null)?;
        }
        Err(_) => (0..=2).for_each(sys::close),
    }
    targets.name_absolutely()?;
    process::chdir(c"/")
}

/// The keeper's answer: an error's number, or 0. Whoever has the other end may go when
/// this one is closed. Fails if the keeper is not to stay.
fn tell(done: RawFd, detached: Result<(), Errno>) -> Result<(), Errno> {
    let number = detached.map_or_else(Errno::raw_os_error, |()| 0);
    let told = io::write(sys::descriptor(done), &number.to_ne_bytes());
    sys::close(done);
    detached.and(told.map(|_| ()))
}

/// Waits for the keeper's answer, and for it to have closed its end.
fn hear(answer: &OwnedFd) -> Result<(), Errno> {
    let mut number = [0; size_of::<i32>()];
    let count = io::retry_on_intr(|| io::read(answer, &mut number))?;
    io::retry_on_intr(|| io::read(answer, &mut [0]))?;
    match i32::from_ne_bytes(number) {
        // It was killed.
        _ if count == 0 => Err(Errno::CHILD),
        0 => Ok(()),
        errno => Err(Errno::from_raw_os_error(errno)),
    }
}
