//! What is locked: files that flock opens, or a descriptor that it was given.

mod targets;

pub use targets::Targets;

use crate::error::Error;
use crate::opening::open;
use crate::request::{Locking, Mode, Place};
use crate::sys;
use crate::unasked;
use rustix::fd::{BorrowedFd, IntoRawFd, RawFd};
use rustix::fs::{self, Access, AtFlags, CWD, OFlags, Stat, Statx, StatxFlags};
use rustix::io::{self, Errno};
use std::ffi::{CStr, OsString};

/// An open file description to lock, by its descriptor.
///
/// The descriptor is not owned: a file that flock opens stays open until the
/// process ends, for the lock is gone with the last descriptor.
pub struct Target {
    /// The descriptor's number. Of a file, it is the lowest that was free, and
    /// it is not close-on-exec: scripts know that the command has the lock at 3.
    pub number: RawFd,
    /// The file's name, as the user typed it; none where flock did not open it.
    name: Option<&'static CStr>,
    /// Whether the file was opened once more, for reading and writing.
    reopened: bool,
    /// Which file it was, as long as it is closed.
    before: Option<Identity>,
}

impl Target {
    /// Opens the file, which is made if it is missing, or adopts the descriptor.
    pub fn open(place: Place, locking: &Locking) -> Result<Self, Error> {
        match place {
            Place::Descriptor(number) => Ok(Self::new(number, None)),
            Place::File(name) => Self::open_file(name, locking, OFlags::empty()),
        }
    }

    fn open_file(name: &'static CStr, locking: &Locking, waiting: OFlags) -> Result<Self, Error> {
        // fcntl(2) gives an exclusive lock only on a descriptor that can write.
        let writes = locking.range.is_some() && locking.mode == Mode::Exclusive;
        let access = if writes { OFlags::WRONLY } else { OFlags::RDONLY };
        let opened = open(name, access | waiting).map_err(|errno| Error::Open(name, errno))?;
        Ok(Self::new(opened.fd.into_raw_fd(), Some(name)))
    }

    fn new(number: RawFd, name: Option<&'static CStr>) -> Self {
        Self { number, name, reopened: false, before: None }
    }

    /// Fails as the lock call would if the descriptor is not open.
    fn check_open(&self) -> Result<(), Error> {
        let flags = io::fcntl_getfd(self.fd());
        flags.map(|_| ()).map_err(|errno| Error::Lock(self.display(), errno))
    }

    /// The file's name, as the user typed it; none where flock did not open it.
    pub fn name(&self) -> Option<&'static CStr> {
        self.name
    }

    /// Which file this is; none if the descriptor is not open. A file server is not asked: it
    /// may not answer.
    pub fn identity(&self) -> Option<Identity> {
        if self.number == NONE {
            return self.before;
        }
        match unasked::stat(self.fd(), StatxFlags::INO) {
            Ok(stat) => Some(Identity::told(&stat)),
            // A sandbox, or a kernel before Linux 4.11, that has no statx(2).
            Err(_) => fs::fstat(self.fd()).ok().map(|stat| Identity::of(&stat)),
        }
    }

    /// Where the name leads. No other file has the inode number of this one, as long as it is
    /// open.
    fn whereabouts(&self) -> Result<Whereabouts, Error> {
        let Some(name) = self.name else { return Ok(Whereabouts::Here) };
        let there = match look(name, AtFlags::empty()) {
            Ok(there) => there,
            Err(Errno::NOENT | Errno::STALE) => return Ok(Whereabouts::Elsewhere),
            Err(errno) => return Err(Error::Open(name, errno)),
        };
        match fs::fstat(self.fd()) {
            Ok(own) if Identity::of(&own) != Identity::of(&there) => Ok(Whereabouts::Elsewhere),
            Ok(_) if there.st_nlink == 0 => Ok(Whereabouts::Nowhere),
            Ok(_) => Ok(Whereabouts::Here),
            // On NFS, it may have been removed by another machine.
            Err(Errno::STALE) => Ok(Whereabouts::Elsewhere),
            Err(errno) => Err(Error::Lock(self.display(), errno)),
        }
    }

    /// The descriptor, for a system call.
    pub fn fd(&self) -> BorrowedFd<'static> {
        sys::descriptor(self.number)
    }

    /// The name or number by which the user knows what is locked.
    pub fn display(&self) -> OsString {
        self.name.map_or(Place::Descriptor(self.number), Place::File).display()
    }

    /// Answers a lock call that failed with EIO or EBADF: NFS version 4 and the
    /// like want a descriptor open for writing. Opens the file for reading and
    /// writing, at the same number, and says whether to lock again.
    ///
    /// # Errors
    /// The reason why the file cannot be locked this way either, or the failure to open it.
    pub fn reopen(&mut self, mode: Mode, refusal: Errno) -> Result<(), Error> {
        let Some(name) = self.name else { return Err(Error::Lock(self.display(), refusal)) };
        let both = Access::READ_OK | Access::WRITE_OK;
        if self.reopened || mode == Mode::Shared || fs::access(name, both).is_err() {
            return Err(Error::Lock(self.display(), refusal));
        }
        self.before = self.identity();
        sys::close(self.number);
        // Another file may get the number that it had.
        self.number = NONE;
        let opened = open(name, OFlags::RDWR).map_err(|errno| Error::Open(name, errno))?;
        if opened.is_directory {
            return Err(Error::Lock(self.display(), Errno::ISDIR));
        }
        (self.number, self.reopened) = (opened.fd.into_raw_fd(), true);
        Ok(())
    }
}

/// A number that no descriptor has, as long as a target is closed.
const NONE: RawFd = RawFd::MAX;

/// Where the name of a target leads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// To the target.
    Here,
    /// To another file, or to none: somebody has removed it.
    Elsewhere,
    /// To the target, which has no name: another machine has removed it, and this one does
    /// not know yet; or it is a name such as `/dev/fd/3`.
    Nowhere,
}

/// Looks at what a name leads to, as stat(2) does. What this machine remembers of another
/// one's file is not enough: one that has no name any more may still seem to have it.
pub fn look(name: &CStr, flags: AtFlags) -> Result<Stat, Errno> {
    refresh(name, flags);
    fs::statat(CWD, name, flags)
}

/// Has a file server asked, if there is one, what a name leads to.
fn refresh(name: &CStr, flags: AtFlags) {
    let flags = flags | AtFlags::STATX_FORCE_SYNC;
    let _ = fs::statx(CWD, name, flags, StatxFlags::INO | StatxFlags::NLINK);
}

/// Which file one is, among all that are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The number of the device.
    pub device: u64,
    /// The number of the inode.
    pub inode: u64,
}

impl Identity {
    /// What stat(2) says of it.
    pub fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }

    /// What statx(2) says of it.
    pub fn told(stat: &Statx) -> Self {
        let device = fs::makedev(stat.stx_dev_major, stat.stx_dev_minor);
        Self { device, inode: stat.stx_ino }
    }
}
