//! What is locked: files that flock opens, or a descriptor that it was given.

use crate::error::Error;
use crate::request::{Locking, Mode, Place, Places};
use crate::sys;
use rustix::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use rustix::fs::{self, Access, Mode as Permissions, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// All that is locked together.
pub struct Targets {
    /// At least one, in the order in which they are locked. Each is another file.
    pub all: Vec<Target>,
    /// The files are to be removed: so whether each is still there matters.
    remove: bool,
}

impl Targets {
    /// Opens the files, in the order in which they are named.
    pub fn open(places: &Places, locking: &Locking) -> Result<Self, Error> {
        let mut all = vec![Target::open(places.first, locking)?];
        for name in &places.also {
            all.push(Target::open(Place::File(name), locking)?);
        }
        let mut targets = Self { all, remove: places.remove };
        targets.sort();
        Ok(targets)
    }

    /// Whether each name still leads to the file that is locked; that of one who
    /// removes lock files need not, if another one has done so in the meantime.
    pub fn are_current(&self) -> bool {
        !self.remove || self.all.iter().all(Target::is_current)
    }

    /// Closes all of it, the caller's descriptors as well.
    pub fn close(&self) {
        self.all.iter().for_each(|target| sys::close(target.number));
    }

    /// Opens those files anew whose names lead elsewhere.
    pub fn renew(&mut self, locking: &Locking) -> Result<(), Error> {
        for target in self.all.iter_mut().filter(|target| !target.is_current()) {
            target.renew(locking)?;
        }
        self.sort();
        Ok(())
    }

    /// Puts the files into an order that is the same for everybody, and each there once.
    fn sort(&mut self) {
        if self.all.len() > 1 {
            // A descriptor that is not open has no identity: the lock call will tell.
            // Of two that are the same, a descriptor of the caller's comes first.
            self.all.sort_by_key(|target| (target.identity(), target.name, target.number));
            self.all.dedup_by(|later, first| {
                let is_twice = first.identity().is_some() && later.identity() == first.identity();
                if is_twice && later.name.is_some() {
                    sys::close(later.number);
                }
                is_twice
            });
        }
    }
}

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
                let number = open_to_lock(name, locking)?;
                Ok(Self { number, name: Some(name), reopened: false })
            }
        }
    }

    /// Opens the file anew.
    fn renew(&mut self, locking: &Locking) -> Result<(), Error> {
        if let Some(name) = self.name {
            sys::close(self.number);
            (self.number, self.reopened) = (open_to_lock(name, locking)?, false);
        }
        Ok(())
    }

    /// The file's name, as the user typed it; none where flock did not open it.
    pub fn name(&self) -> Option<&'static CStr> {
        self.name
    }

    /// Which file this is; none if the descriptor is not open.
    pub fn identity(&self) -> Option<Identity> {
        fs::fstat(self.fd()).ok().map(|stat| Identity::of(&stat))
    }

    /// Whether the name leads to this file.
    fn is_current(&self) -> bool {
        let found = self.name.map(|name| fs::stat(name).map(|stat| Identity::of(&stat)));
        found.is_none_or(|found| found.ok() == self.identity())
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
}

fn open_to_lock(name: &'static CStr, locking: &Locking) -> Result<RawFd, Error> {
    // fcntl(2) gives an exclusive lock only on a descriptor that can write.
    let writes = locking.range.is_some() && locking.mode == Mode::Exclusive;
    let access = if writes { OFlags::WRONLY } else { OFlags::RDONLY };
    let opened = open(name, access).map_err(|errno| Error::Open(name, errno))?;
    Ok(opened.fd.into_raw_fd())
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
