//! `--remove`: lock files go when nobody holds them any more.

use crate::console::Console;
use crate::request::Range;
use crate::sys;
use crate::target::{Identity, Target, Targets};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{self, FileType, FlockOperation, Mode as Permissions, OFlags};
use rustix::io::Errno;
use std::ffi::CStr;

/// Lets the files go and removes those that nobody else has locked. One that cannot be
/// removed is told of, and changes nothing else.
///
/// Not under the lock that is held: a process that the command has left behind may have
/// it, too, and must keep others out by the name. So each file is opened and locked once
/// more. Whoever gets the lock in between has found the name still there, and removes it.
pub fn remove(targets: &Targets, range: Option<Range>, console: &mut Console) {
    targets.close();
    for name in targets.all.iter().filter_map(Target::name) {
        if let Err(errno) = remove_one(name, range.is_some()) {
            let text = [b"cannot remove lock file ", name.to_bytes()].concat();
            console.complain(&text, Some(&crate::errno::text(errno)));
        }
    }
}

fn remove_one(name: &CStr, by_range: bool) -> Result<(), Errno> {
    if removable(name).is_none() {
        return Ok(());
    }
    let access = if by_range { OFlags::WRONLY } else { OFlags::RDONLY };
    match locked(name, access) {
        // NFS wants a descriptor open for writing, as in Target::reopen.
        Err(Errno::BADF | Errno::IO) if !by_range => locked(name, OFlags::RDWR),
        other => other,
    }
}

/// Removes the file if it can be locked alone.
fn locked(name: &CStr, access: OFlags) -> Result<(), Errno> {
    let careful = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match fs::open(name, access | careful, Permissions::empty()) {
        Err(Errno::NOENT | Errno::LOOP) => return Ok(()),
        opened => opened?,
    };
    let lock = match access {
        OFlags::WRONLY => sys::lock_range(file.as_fd(), libc::F_WRLCK, (0, 0), false),
        _ => fs::flock(&file, FlockOperation::NonBlockingLockExclusive),
    };
    match lock {
        Err(Errno::AGAIN | Errno::ACCESS) => return Ok(()),
        other => other?,
    }
    if removable(name).is_some_and(|found| is(file.as_fd(), found)) {
        fs::unlink(name)?;
    }
    Ok(())
}

fn is(file: BorrowedFd, found: Identity) -> bool {
    fs::fstat(file).is_ok_and(|stat| Identity::of(&stat) == found)
}

/// What the name is of, if that is a regular file with no other name: anybody who comes by
/// another one would not see that the lock is on another file now.
fn removable(name: &CStr) -> Option<Identity> {
    let stat = fs::lstat(name).ok()?;
    let is_plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    (is_plain && stat.st_nlink == 1).then(|| Identity::of(&stat))
}
