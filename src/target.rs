//! What is locked: files that flock opens, or a descriptor that it was given.

use crate::error::Error;
use crate::request::{Locking, Mode, Place, Places};
use crate::sys;
use rustix::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use rustix::fs::{self, Access, Mode as Permissions, OFlags, Stat};
use rustix::io::{self, Errno};
use rustix::process;
use std::ffi::{CStr, OsString};

/// All that is locked together.
pub struct Targets {
    /// At least one, in the order in which they are locked. Each is another file.
    pub all: Vec<Target>,
    /// The files to be removed, as they are named: whether each is still there matters.
    /// None if they stay.
    passing: Vec<&'static CStr>,
}

impl Targets {
    /// Opens the files, in the order in which they are named.
    pub fn open(places: &Places, locking: &Locking) -> Result<Self, Error> {
        let mut all = vec![Target::open(places.first, locking)?];
        if !places.also.is_empty() {
            // Or else one of the files could be opened in the place of a closed descriptor.
            all.iter().try_for_each(Target::check_open)?;
            open_more(&mut all, &places.also, locking)?;
        }
        let passing = if places.remove { places.files().collect() } else { Vec::new() };
        Ok(Self { all, passing })
    }

    /// Which of the files, if they are to be removed, is not the one any more to which its
    /// name leads: somebody has removed it in the meantime.
    ///
    /// # Errors
    /// The name leads nowhere in such a way that it could not be opened, either.
    pub fn stale(&self) -> Result<Option<usize>, Error> {
        if !self.passing.is_empty() {
            for (index, target) in self.all.iter().enumerate() {
                if !target.is_current()? {
                    return Ok(Some(index));
                }
            }
        }
        Ok(None)
    }

    /// The files to be removed, as they are named.
    pub fn passing(&self) -> &[&'static CStr] {
        &self.passing
    }

    /// Makes the names of the files to be removed independent of the working directory.
    pub fn name_absolutely(&mut self) -> Result<(), Errno> {
        for name in self.passing.iter_mut().filter(|name| !name.to_bytes().starts_with(b"/")) {
            let directory = process::getcwd(Vec::new())?;
            let path = [directory.to_bytes(), b"/", name.to_bytes_with_nul()].concat();
            // It lives as long as the other names: as long as the process.
            *name = CStr::from_bytes_until_nul(path.leak()).unwrap_or(name);
        }
        Ok(())
    }

    /// Closes all of it, the caller's descriptors as well.
    pub fn close(&self) {
        self.all.iter().for_each(|target| sys::close(target.number));
    }

    /// Opens the files that are to be removed anew. Descriptors get the same numbers.
    pub fn renew(&mut self, locking: &Locking) -> Result<(), Error> {
        self.close();
        self.all.clear();
        open_more(&mut self.all, &self.passing, locking)
    }

    /// Puts the files into an order that is the same for everybody, and each there once:
    /// after one has been opened again, for its name may lead elsewhere by now.
    pub fn arrange(&mut self) {
        arrange(&mut self.all);
    }
}

fn open_more(
    all: &mut Vec<Target>,
    names: &[&'static CStr],
    locking: &Locking,
) -> Result<(), Error> {
    for name in names {
        all.push(Target::open(Place::File(name), locking)?);
        // One that is there twice is closed before the next is opened, which leaves no gap
        // between the numbers.
        arrange(all);
    }
    Ok(())
}

fn arrange(all: &mut Vec<Target>) {
    if all.len() > 1 {
        // Of those that are the same, a descriptor of the caller's stays, or else the lowest.
        let mut sorted = Vec::new();
        for target in all.drain(..) {
            let key = (target.identity(), target.name.is_some(), target.number);
            let place = sorted.partition_point(|(other, _)| *other < key);
            sorted.insert(place, (key, target));
        }
        sorted.dedup_by(|((later, ..), target), ((first, ..), _)| {
            let is_twice = first.is_some() && later == first;
            if is_twice {
                sys::close(target.number);
            }
            is_twice
        });
        all.extend(sorted.into_iter().map(|(_, target)| target));
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

    /// Fails as the lock call would if the descriptor is not open.
    fn check_open(&self) -> Result<(), Error> {
        let flags = io::fcntl_getfd(self.fd());
        flags.map(|_| ()).map_err(|errno| Error::Lock(self.display(), errno))
    }

    /// The file's name, as the user typed it; none where flock did not open it.
    pub fn name(&self) -> Option<&'static CStr> {
        self.name
    }

    /// Which file this is; none if the descriptor is not open.
    pub fn identity(&self) -> Option<Identity> {
        fs::fstat(self.fd()).ok().map(|stat| Identity::of(&stat))
    }

    /// Whether the name leads to this file. No other one has its inode number, as long as
    /// it is open.
    fn is_current(&self) -> Result<bool, Error> {
        let Some(name) = self.name else { return Ok(true) };
        match fs::stat(name) {
            Ok(stat) => Ok(self.identity() == Some(Identity::of(&stat))),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(Error::Open(name, errno)),
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
