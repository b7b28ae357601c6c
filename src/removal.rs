//! `--remove`: lock files go when nobody holds them any more.
//!
//! Why two commands never run at a time where the lock forbids it: a command runs only
//! while its file is locked, and after the name was seen, under the lock, to lead to that
//! file ([`lock::acquire`]). From a file its name is taken only here, by one who has the
//! whole file locked exclusively through a description of its own. So as long as the
//! command's lock lasts, the name stays, and whoever else has seen the name lead to a
//! file has locked this very file. One that has the file open and waits for it, as long
//! as it likes, finds the name gone when it gets the lock, and begins anew.
//!
//! Why no file is left behind: who does not get the file exclusively here leaves it to
//! whoever has it locked, who found the name still there, and comes here in the end;
//! unless a signal ends it.
//!
//! [`lock::acquire`]: crate::lock::acquire

use crate::aside;
use crate::holders;
use crate::sys;
use crate::target::{self, Identity, Targets};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, FileType, FlockOperation, Mode as Permissions, OFlags};
use rustix::io::Errno;
use std::ffi::CStr;
use std::time::Duration;

/// Lets the files go and removes those that nobody else has locked. Returns those that
/// cannot be removed, and why.
///
/// `by_range` says which kind of lock is theirs.
///
/// Not under the lock that the command had: a process that the command has left behind
/// may have it, too, and must go on to keep others out by the name.
pub fn remove(targets: &Targets, by_range: bool) -> Vec<(&'static CStr, Errno)> {
    let open = |name| (name, open_again(name, targets));
    let files: Vec<_> = targets.passing().iter().copied().map(open).collect();
    targets.close();
    let end = |file: Option<OwnedFd>, name| file.map_or(Ok(()), |file| take(name, &file, by_range));
    let ends = files.into_iter().map(|(name, file)| (name, file.and_then(|file| end(file, name))));
    let failure = |(name, end)| match end {
        // Somebody else has the lock, or was faster, here or on another machine.
        Ok(()) | Err(Errno::AGAIN | Errno::NOENT | Errno::STALE) => None,
        Err(errno) => Some((name, errno)),
    };
    // All of them are closed when this returns and anything is said: if standard error was
    // closed, one of them may have its number.
    ends.filter_map(failure).collect()
}

/// Opens a file once more, unless it is not to be removed.
fn open_again(name: &CStr, targets: &Targets) -> Result<Option<OwnedFd>, Errno> {
    if !removable(name)?.is_some_and(|found| targets.opened(found)) {
        return Ok(None);
    }
    let careful = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    // To lock a range, or on NFS anything, takes a descriptor that can write. A file that
    // cannot be written stays: it could not be told whether somebody has a range of it.
    fs::open(name, OFlags::RDWR | careful, Permissions::empty()).map(Some)
}

/// Takes the name away from the file, if that can be locked alone.
fn take(name: &CStr, file: &OwnedFd, by_range: bool) -> Result<(), Errno> {
    lock_alone(file.as_fd(), by_range)?;
    if removable(name)? == Some(Identity::of(&fs::fstat(file)?)) {
        fs::unlink(name)?;
    }
    Ok(())
}

/// Locks the file by either kind of lock: the command's own kind must not be refused, and
/// nobody must have it locked by the other. Fails with EAGAIN if somebody has.
///
/// Where other machines lock the file, too, it is the command's own kind alone: there both
/// kinds may be one, and refuse each other even to one process.
fn lock_alone(file: BorrowedFd, by_range: bool) -> Result<(), Errno> {
    let range = || sys::lock_range(file, libc::F_WRLCK, (0, 0), false);
    let whole = || fs::flock(file, FlockOperation::NonBlockingLockExclusive);
    let is_refused = |lock| matches!(lock, Err(Errno::AGAIN | Errno::ACCESS));
    if holders::is_shared(file) == Some(true) {
        let one = || if by_range { range() } else { whole() };
        // FUSE does not wait for the server to hear of a closed file, and with it of the
        // end of the command's own lock.
        for _ in 1..TRIES {
            let end = one();
            if !is_refused(end) {
                return end;
            }
            aside::pause(PAUSE);
        }
        return one();
    }
    // In the same order for everybody, or else two could refuse each other.
    let whole = whole();
    if is_refused(whole) {
        return Err(Errno::AGAIN);
    }
    match range() {
        range if is_refused(range) => Err(Errno::AGAIN),
        range if by_range => range,
        _ => whole,
    }
}

/// How often it is tried where a lock may end late, and the pause before it is once more.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// What the name is of, if that is a regular file with no other name: whoever comes by
/// another one would lock another file than those who come by this.
fn removable(name: &CStr) -> Result<Option<Identity>, Errno> {
    let stat = target::look(name, AtFlags::SYMLINK_NOFOLLOW)?;
    let is_plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    Ok((is_plain && stat.st_nlink == 1).then(|| Identity::of(&stat)))
}
