//! Taking the lock, or giving it up.

use crate::aside::{self, Aside};
use crate::error::Error;
use crate::request::{Locking, Mode};
use crate::sys;
use crate::target::{Target, Targets, Whereabouts};
use crate::wait::Wait;
use rustix::fs::{self, FlockOperation};
use rustix::io::Errno;
use std::time::Duration;

/// How an attempt ended that did not fail.
pub enum Outcome {
    /// All is locked (or, for [`Mode::Unlock`], given up).
    Acquired,
    /// Nothing is locked.
    Refused {
        /// Which of the targets stood in the way.
        which: usize,
        /// It was not free until the deadline, rather than at once.
        late: bool,
    },
    /// Nothing is locked, and a signal came by which this process is to end.
    Killed,
}

/// What is done while waiting.
#[derive(Clone, Copy)]
pub struct Meanwhile<'a> {
    /// Done when it turns out that a target is to be waited for, if `--verbose` is to tell of it.
    pub tell: &'a dyn Fn(&Target) -> Option<Aside>,
    /// Done after each interruption that does not end the wait. Its error does.
    pub check: &'a dyn Fn() -> Result<(), Error>,
}

/// How often in all a file is opened anew that another machine has removed, and the pause
/// before it is once more: kernels and file systems keep names for a second or so.
const PATIENCE: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Locks the targets, all or none, waiting as long as asked.
///
/// One after the other in the order of [`Targets`], which is the same for everybody: so
/// no two who lock the same files ever wait for each other.
pub fn acquire(
    targets: &mut Targets,
    locking: &Locking,
    wait: &Wait,
    meanwhile: Meanwhile,
) -> Result<Outcome, Error> {
    let mut gone = 0;
    loop {
        let (held, mut end) = acquire_each(targets, locking, wait, meanwhile);
        // Another machine has removed the file; this one may see it for a while still.
        if matches!(end, Err(Error::Lock(_, Errno::STALE | Errno::NOENT)))
            && !targets.passing().is_empty()
            && gone < PATIENCE
        {
            aside::pause(PAUSE * gone.min(1));
            gone += 1;
            end = Ok(One::Stale { which: held });
        }
        if !matches!(end, Ok(One::Acquired)) {
            release(targets.all.iter().take(held), locking);
        }
        match end? {
            One::Acquired => return Ok(Outcome::Acquired),
            One::Refused { late } => return Ok(Outcome::Refused { which: held, late }),
            One::Killed => return Ok(Outcome::Killed),
            One::Stale { which } => match renew(targets, locking, wait, meanwhile)? {
                Renewed::Open => {}
                Renewed::Late => return Ok(Outcome::Refused { which, late: true }),
                Renewed::Killed => return Ok(Outcome::Killed),
            },
            // It may be another file now, with another place in the order.
            One::Reopened => targets.arrange(),
        }
    }
}

/// How an attempt ended.
enum One {
    Acquired,
    Refused {
        late: bool,
    },
    Killed,
    /// The target has been opened once more, and is to be locked again.
    Reopened,
    /// All was acquired, but this one is not where its name leads any more.
    Stale {
        which: usize,
    },
}

/// How the files were opened anew.
enum Renewed {
    Open,
    Late,
    Killed,
}

/// Opens the files anew. Somebody who replaces one over and over must not outlast the
/// deadline; nor must the opening of a FIFO in the place of one, which may take for ever.
fn renew(
    targets: &mut Targets,
    locking: &Locking,
    wait: &Wait,
    meanwhile: Meanwhile,
) -> Result<Renewed, Error> {
    while !wait.has_passed() {
        (meanwhile.check)()?;
        match targets.renew(locking) {
            Ok(()) => return Ok(Renewed::Open),
            Err(Error::Open(_, Errno::INTR)) if wait.deadly().is_some() => {
                return Ok(Renewed::Killed);
            }
            Err(Error::Open(_, Errno::INTR)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Renewed::Late)
}

/// Locks one after the other. Returns how many are locked, and how the last attempt ended.
fn acquire_each(
    targets: &mut Targets,
    locking: &Locking,
    wait: &Wait,
    meanwhile: Meanwhile,
) -> (usize, Result<One, Error>) {
    for (held, target) in targets.all.iter_mut().enumerate() {
        match acquire_one(target, locking, wait, meanwhile) {
            Ok(One::Acquired) => {}
            end => return (held, end),
        }
    }
    let end = match targets.stale() {
        Ok(None) => Ok(One::Acquired),
        Ok(Some((which, Whereabouts::Nowhere))) => {
            let name = targets.all.get(which).map(Target::display).unwrap_or_default();
            Err(Error::Lock(name, Errno::STALE))
        }
        Ok(Some((which, _))) => Ok(One::Stale { which }),
        Err(error) => Err(error),
    };
    (targets.all.len(), end)
}

fn acquire_one(
    target: &mut Target,
    locking: &Locking,
    wait: &Wait,
    meanwhile: Meanwhile,
) -> Result<One, Error> {
    let tells = locking.verbose && locking.waits();
    if tells {
        let at_once = Locking { nonblocking: true, ..*locking };
        match attempt(target, &at_once, wait, meanwhile)? {
            One::Refused { .. } => {}
            end => return Ok(end),
        }
    }
    let _telling = tells.then(|| (meanwhile.tell)(target));
    attempt(target, locking, wait, meanwhile)
}

fn attempt(
    target: &mut Target,
    locking: &Locking,
    wait: &Wait,
    meanwhile: Meanwhile,
) -> Result<One, Error> {
    let waits = locking.waits();
    // What the lock call returns is the only truth about the lock: a deadline that
    // passed during a call that succeeded changes nothing.
    loop {
        // What came before the call could not interrupt it.
        let late = wait.has_passed();
        if wait.deadly().is_some() {
            return Ok(One::Killed);
        }
        match call(target, locking, waits && !late) {
            Ok(()) => return Ok(One::Acquired),
            Err(Errno::AGAIN | Errno::ACCESS) => return Ok(One::Refused { late: waits && late }),
            Err(Errno::INTR) if wait.has_passed() => return Ok(One::Refused { late: true }),
            Err(Errno::INTR) => (meanwhile.check)()?,
            Err(errno @ (Errno::IO | Errno::BADF)) => {
                target.reopen(locking.mode, errno)?;
                return Ok(One::Reopened);
            }
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

/// Gives up what was just locked, for every process that has it; if that fails, the end of the
/// last of them does it.
pub fn release<'a>(targets: impl IntoIterator<Item = &'a Target>, locking: &Locking) {
    let unlock = Locking { mode: Mode::Unlock, ..*locking };
    for target in targets {
        let _ = call(target, &unlock, false);
    }
}
