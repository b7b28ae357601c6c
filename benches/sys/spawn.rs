//! Starts a child at the price of vfork, and waits for it, but not for ever.

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::ffi::{CString, c_char, c_int};
use std::io::{Error, ErrorKind, Result};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::time::Duration;

/// What a child is made of.
#[derive(Clone)]
pub struct Job {
    /// The program's path, and its arguments.
    pub words: Vec<CString>,
    pub environment: Vec<CString>,
    /// Descriptors of ours, and the numbers that they have in the child.
    pub descriptors: Vec<(RawFd, RawFd)>,
    /// A file that the child opens for itself, and its descriptor there.
    pub open: Option<(CString, RawFd)>,
}

/// A job in the form that the system calls take.
pub struct Launch {
    pub(super) words: Vec<*mut c_char>,
    pub(super) environment: Vec<*mut c_char>,
    actions: Box<libc::posix_spawn_file_actions_t>,
    /// What the pointers point into.
    pub job: Job,
}

impl Launch {
    pub fn new(job: Job) -> Result<Self> {
        let mut actions = Box::new(MaybeUninit::uninit());
        // SAFETY: the call initialises what it is given.
        check(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: as it has just done.
        let actions = unsafe { actions.assume_init() };
        let (words, environment) = (pointers(&job.words), pointers(&job.environment));
        let mut launch = Self { words, environment, actions, job };
        launch.add_actions()?;
        Ok(launch)
    }

    fn add_actions(&mut self) -> Result<()> {
        let actions = &raw mut *self.actions;
        for &(ours, theirs) in &self.job.descriptors {
            // SAFETY: `new` has initialised the actions.
            check(unsafe { libc::posix_spawn_file_actions_adddup2(actions, ours, theirs) })?;
        }
        if let Some((path, number)) = &self.job.open {
            let (path, flags) = (path.as_ptr(), libc::O_RDWR | libc::O_CREAT);
            // SAFETY: likewise; the path is copied, and lives long enough anyway.
            check(unsafe {
                libc::posix_spawn_file_actions_addopen(actions, *number, path, flags, 0o666)
            })?;
        }
        Ok(())
    }

    pub fn spawn(&self) -> Result<Child> {
        let mut id = 0;
        let path = self.job.words.first().ok_or(ErrorKind::InvalidInput)?;
        // SAFETY: the lists end with a null pointer, what they point to is ours and
        // lives on, and the actions are initialised.
        check(unsafe {
            libc::posix_spawn(
                &raw mut id,
                path.as_ptr(),
                &raw const *self.actions,
                ptr::null(),
                self.words.as_ptr(),
                self.environment.as_ptr(),
            )
        })?;
        Ok(Child { id })
    }
}

impl Drop for Launch {
    fn drop(&mut self) {
        // SAFETY: `new` has initialised them, and nothing uses them from here on.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut *self.actions) };
    }
}

fn pointers(words: &[CString]) -> Vec<*mut c_char> {
    words.iter().map(|word| word.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect()
}

/// The functions of `posix_spawn` return their errors.
fn check(error: c_int) -> Result<()> {
    if error == 0 { Ok(()) } else { Err(Error::from_raw_os_error(error)) }
}

/// How a child ended.
#[derive(Clone, Copy)]
pub struct Ended {
    /// Its exit status, or 128 and the signal that ended it.
    pub status: c_int,
    /// The page faults that needed no input.
    pub faults: i64,
}

/// A child that is not waited for yet. Dropping it ends it.
pub struct Child {
    id: libc::pid_t,
}

impl Child {
    pub(super) fn adopt(id: libc::pid_t) -> Self {
        Self { id }
    }

    pub fn id(&self) -> libc::pid_t {
        self.id
    }

    /// Waits for its end; if that does not come in time, brings it about.
    pub fn wait_within(mut self, limit: Duration) -> Result<Ended> {
        let id = Pid::from_raw(self.id).ok_or(ErrorKind::InvalidInput)?;
        let descriptor = pidfd_open(id, PidfdFlags::empty())?;
        let mut event =
            libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let millis = c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: one structure, which lives during the call.
        if unsafe { libc::poll(&raw mut event, 1, millis) } == 1 {
            return self.reap();
        }
        Err(Error::new(ErrorKind::TimedOut, format!("no end within {limit:?}")))
    }

    fn reap(&mut self) -> Result<Ended> {
        let (status, usage) = wait(self.id)?;
        self.id = 0;
        let signalled = 128 + libc::WTERMSIG(status);
        let status = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { signalled };
        Ok(Ended { status, faults: usage.ru_minflt })
    }

    /// It has been waited for elsewhere.
    pub(super) fn forget(&mut self) {
        self.id = 0;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(id) = Pid::from_raw(self.id) {
            // A child that is not waited for keeps its number, even when it has ended.
            let _ = kill_process(id, Signal::KILL);
            let _ = self.reap();
        }
    }
}

/// Waits for a child's next change: its end, or, if it is traced, a stop.
pub(super) fn wait(id: libc::pid_t) -> Result<(c_int, libc::rusage)> {
    let mut status = 0;
    let mut usage = MaybeUninit::zeroed();
    loop {
        // SAFETY: both places live during the call.
        if unsafe { libc::wait4(id, &raw mut status, 0, usage.as_mut_ptr()) } == id {
            // SAFETY: plain numbers, of which all may be 0.
            return Ok((status, unsafe { usage.assume_init() }));
        }
        let error = Error::last_os_error();
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
