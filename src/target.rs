//! What is locked: a file that flock opens, or a descriptor that it was given.

use crate::error::Error;
use crate::request::{Locking, Mode, Place};
use crate::sys;
use rustix::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use rustix::fs::{self, Access, Mode as Permissions, OFlags};
use rustix::io::Errno;
use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

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
}

impl Target {
    /// Opens the file, which is made if it is missing, or adopts the descriptor.
    pub fn open(place: Place, locking: &Locking) -> Result<Self, Error> {
        match place {
            Place::Descriptor(number) => Ok(Self { number, name: None, reopened: false }),
            Place::File(name) => {
                // fcntl(2) gives an exclusive lock only on a descriptor that can write.
                let writes = locking.range.is_some() && locking.mode == Mode::Exclusive;
                let access = if writes { OFlags::WRONLY } else { OFlags::RDONLY };
                let opened = open(name, access).map_err(|errno| Error::Open(name, errno))?;
                Ok(Self { number: opened.fd.into_raw_fd(), name: Some(name), reopened: false })
            }
        }
    }

    /// The descriptor, for a system call.
    pub fn fd(&self) -> BorrowedFd<'static> {
        sys::descriptor(self.number)
    }

    /// The name or number by which the user knows what is locked.
    pub fn display(&self) -> OsString {
        match self.name {
            Some(name) => OsStr::from_bytes(name.to_bytes()).to_owned(),
            None => self.number.to_string().into(),
        }
    }

    /// Answers a lock call that failed with EIO or EBADF: NFS version 4 and the
    /// like want a descriptor open for writing. Opens the file for reading and
    /// writing, at the same number, and says whether to lock again.
    ///
    /// # Errors
    /// The reason why the file cannot be locked this way either, or the failure to open it.
    pub fn reopen(&mut self, mode: Mode, refusal: Errno) -> Result<(), Error> {
        let refused = |errno| Err(Error::Lock(self.display(), errno));
        let Some(name) = self.name else { return refused(refusal) };
        let both = Access::READ_OK | Access::WRITE_OK;
        if self.reopened || mode == Mode::Shared || fs::access(name, both).is_err() {
            return refused(refusal);
        }
        sys::close(self.number);
        let opened = open(name, OFlags::RDWR).map_err(|errno| Error::Open(name, errno))?;
        if opened.is_directory {
            return refused(Errno::ISDIR);
        }
        (self.number, self.reopened) = (opened.fd.into_raw_fd(), true);
        Ok(())
    }
}

/// A file just opened.
struct Opened {
    fd: OwnedFd,
    /// A directory cannot be opened for writing, nor with `O_CREAT`: it is open for reading.
    is_directory: bool,
}

fn open(name: &CStr, access: OFlags) -> Result<Opened, Errno> {
    // Readable and writable for all whom the umask does not exclude, as util-linux.
    let permissions = Permissions::from_raw_mode(0o666);
    let existing = |access| fs::open(name, access | OFlags::NOCTTY, Permissions::empty());
    let (opened, is_directory) =
        match fs::open(name, access | OFlags::CREATE | OFlags::NOCTTY, permissions) {
            Err(Errno::ISDIR) => (existing(OFlags::RDONLY), true),
            // With fs.protected_regular, O_CREAT is refused on another user's
            // file in a sticky directory, though the file could be opened.
            Err(Errno::ACCESS) => (existing(access).map_err(|_| Errno::ACCESS), false),
            opened => (opened, false),
        };
    opened.map(|fd| Opened { fd, is_directory })
}
