//! Opening a lock file as util-linux does.

use rustix::fd::OwnedFd;
use rustix::fs::{self, FileType, Mode as Permissions, OFlags};
use rustix::io::Errno;
use std::ffi::CStr;

/// A file just opened.
pub struct Opened {
    /// Its descriptor: the lowest number that was free.
    pub fd: OwnedFd,
    /// A directory cannot be opened for writing, nor with `O_CREAT`: it is open for reading.
    pub is_directory: bool,
}

/// Opens a file, which is made if it is missing. With `O_NONBLOCK` in `access` no FIFO is
/// waited for; the flag is gone again when the file is open.
///
/// # Errors
/// That of the first open(2); of a directory, that of the second.
pub fn open(name: &CStr, access: OFlags) -> Result<Opened, Errno> {
    // Readable and writable for all whom the umask does not exclude, as util-linux.
    let permissions = Permissions::from_raw_mode(0o666);
    let existing = |access| fs::open(name, access | OFlags::NOCTTY, Permissions::empty());
    let (opened, is_directory) =
        match fs::open(name, access | OFlags::CREATE | OFlags::NOCTTY, permissions) {
            Err(Errno::ISDIR) => (existing(OFlags::RDONLY), true),
            // With fs.protected_regular, O_CREAT is refused on another user's
            // file in a sticky directory, though the file could be opened.
            Err(Errno::ACCESS) => {
                let opened = existing(access | OFlags::NONBLOCK).and_then(regular);
                (opened.map_err(|_| Errno::ACCESS), false)
            }
            Ok(fd) if access.contains(OFlags::NONBLOCK) => (blocking(fd), false),
            opened => (opened, false),
        };
    opened.map(|fd| Opened { fd, is_directory })
}

/// Refuses what is no regular file: of another user's FIFO, `fs.protected_fifos` protects.
fn regular(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    let kind = FileType::from_raw_mode(fs::fstat(&fd)?.st_mode);
    if kind == FileType::RegularFile { blocking(fd) } else { Err(Errno::ACCESS) }
}

/// Makes a file that was opened without waiting one like any other.
fn blocking(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    fs::fcntl_setfl(&fd, OFlags::empty())?;
    Ok(fd)
}
