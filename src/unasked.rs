//! Looks at files without asking the server that has them: it may not answer.

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{self, AtFlags, Statx, StatxFlags};
use rustix::io::Errno;
use std::ffi::CStr;

/// What statx(2) tells of an open file.
pub fn stat(file: BorrowedFd, wanted: StatxFlags) -> Result<Statx, Errno> {
    stat_at(file, c"", wanted)
}

/// What statx(2) tells of what a name in a folder leads to; of the folder itself, if it is empty.
pub fn stat_at(folder: impl AsFd, name: &CStr, wanted: StatxFlags) -> Result<Statx, Errno> {
    fs::statx(folder, name, AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, wanted)
}
