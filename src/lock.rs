//! Taking the lock, or giving it up.

use crate::deadline::{Deadline, Ended};
use crate::error::Error;
use crate::request::{Locking, Mode};
use crate::seconds::Timeout;
use crate::sys;
use crate::target::Target;
use rustix::fs::{self, FlockOperation};
use rustix::io::Errno;

/// How an attempt ended that did not fail.
pub enum Outcome {
    /// The lock is held (or, for [`Mode::Unlock`], given up). If the wait had a
    /// deadline, SIGALRM is to be restored before a command runs.
    Acquired(Option<Ended>),
    /// Somebody else holds it, and we do not wait.
    Conflict,
    /// Somebody else held it until the deadline.
    TimedOut,
}

/// Locks the target, waiting as long as asked.
pub fn acquire(target: &mut Target, locking: &Locking) -> Result<Outcome, Error> {
    let deadline = match locking.timeout {
        Timeout::After(timeout) => Some(Deadline::start(timeout)?),
        Timeout::Zero | Timeout::Never => None,
    };
    let has_passed = || deadline.as_ref().is_some_and(Deadline::has_passed);
    let waits = !locking.nonblocking && locking.timeout != Timeout::Zero;
    // What the lock call returns is the only truth about the lock: a deadline that
    // passed during a call that succeeded changes nothing.
    loop {
        // A deadline that passed before the call could not interrupt it.
        let late = has_passed();
        match call(target, locking, waits && !late) {
            Ok(()) => return Ok(Outcome::Acquired(deadline.map(Deadline::end))),
            Err(Errno::AGAIN | Errno::ACCESS) if waits && late => return Ok(Outcome::TimedOut),
            Err(Errno::AGAIN | Errno::ACCESS) => return Ok(Outcome::Conflict),
            Err(Errno::INTR) if has_passed() => return Ok(Outcome::TimedOut),
            Err(Errno::INTR) => {}
            Err(errno @ (Errno::IO | Errno::BADF)) => target.reopen(locking.mode, errno)?,
            Err(errno) => return Err(Error::Lock(target.display(), errno)),
        }
    }
}

fn call(target: &Target, locking: &Locking, waits: bool) -> Result<(), Errno> {
    if let Some(range) = locking.range {
        let kind = match locking.mode {
            Mode::Shared => libc::F_RDLCK,
            Mode::Exclusive => libc::F_WRLCK,
            Mode::Unlock => libc::F_UNLCK,
        };
        return sys::lock_range(target.fd(), kind, (range.start, range.length), waits);
    }
    let operation = match (locking.mode, waits) {
        (Mode::Shared, true) => FlockOperation::LockShared,
        (Mode::Shared, false) => FlockOperation::NonBlockingLockShared,
        (Mode::Exclusive, true) => FlockOperation::LockExclusive,
        (Mode::Exclusive, false) => FlockOperation::NonBlockingLockExclusive,
        (Mode::Unlock, true) => FlockOperation::Unlock,
        (Mode::Unlock, false) => FlockOperation::NonBlockingUnlock,
    };
    fs::flock(target.fd(), operation)
}
