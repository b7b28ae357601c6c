//! The only unsafe code: what libc offers and rustix does not.

mod arena;
mod args;
mod forwarding;
mod process;
mod signal;
mod timer;

pub use arena::Arena;
pub use args::{Args, variable};
pub use forwarding::{Forwarding, Received};
pub use process::{Argv, exit_now, fork, is_same_description, is_same_table};
pub use signal::{Caught, block_all_signals, default_sigchld, die_of, without_write_signals};
pub use timer::Timer;

use rustix::fd::{AsRawFd, BorrowedFd, IntoRawFd, RawFd};
use rustix::io::{self, Errno};
use std::ffi::c_int;

type Result<T> = std::result::Result<T, Errno>;

/// A descriptor that the caller of flock names by its number. It need not be
/// open: a system call answers EBADF then.
pub fn descriptor(number: RawFd) -> BorrowedFd<'static> {
    debug_assert!(number >= 0);
    // SAFETY: the number is not -1, and goes to system calls alone, which may be
    // given any. What is open there is closed by none but `close`.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// close(2) on a number that no value of ours owns: the command of `--close` must not
/// have the lock, whoever opened it, and a lock file may have to be opened anew.
pub fn close(number: RawFd) {
    // SAFETY: closing a descriptor that is used elsewhere could at worst misdirect a
    // system call; those who call this use the number no more, or open it again.
    unsafe { libc::close(number) };
}

/// Closes every descriptor but these, by `close_range`(2): since Linux 5.9.
pub fn close_all_but(kept: &[RawFd]) -> Result<()> {
    let mut first = 0;
    while let Some(number) = kept.iter().copied().filter(|number| *number >= first).min() {
        if number > first {
            close_range(first, number - 1)?;
        }
        first = number + 1;
    }
    close_range(first, RawFd::MAX)
}

fn close_range(first: RawFd, last: RawFd) -> Result<()> {
    // SAFETY: as for `close`.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Duplicates a descriptor and closes the duplicate, to hear of a write error
/// that a network file system keeps back until close(2).
pub fn close_duplicate(fd: BorrowedFd<'_>) -> Result<()> {
    let duplicate = io::dup(fd)?.into_raw_fd();
    // Not the C library's close: musl's does not tell of EINTR.
    // SAFETY: the duplicate is owned by nothing any more.
    unsafe { io::try_close(duplicate) }
}

/// Takes, changes or gives up an open file description lock, by fcntl(2) with
/// `F_OFD_SETLK` or, where `waits` is set, `F_OFD_SETLKW`. Offsets are bytes from
/// the start of the file; a length of 0 reaches to its end.
pub fn lock_range(fd: BorrowedFd<'_>, kind: c_int, range: (i64, i64), waits: bool) -> Result<()> {
    let command = if waits { libc::F_OFD_SETLKW } else { libc::F_OFD_SETLK };
    ask_for_range(fd, command, kind, range).map(|_| ())
}

/// Finds a lock that would stand in the way of an exclusive one on the whole file, by
/// fcntl(2) with `F_OFD_GETLK`: its kind and range, as of [`lock_range`].
pub fn find_range(fd: BorrowedFd<'_>) -> Result<Option<(c_int, (i64, i64))>> {
    let found = ask_for_range(fd, libc::F_OFD_GETLK, libc::F_WRLCK, (0, 0))?;
    let kind = c_int::from(found.l_type);
    Ok((kind != libc::F_UNLCK).then_some((kind, (found.l_start, found.l_len))))
}

fn ask_for_range(
    fd: BorrowedFd<'_>,
    command: c_int,
    kind: c_int,
    range: (i64, i64),
) -> Result<libc::flock> {
    // SAFETY: all fields are integers; `l_pid` has to be 0, as it is.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind.try_into().map_err(|_| Errno::INVAL)?;
    lock.l_whence = libc::SEEK_SET.try_into().map_err(|_| Errno::INVAL)?;
    (lock.l_start, lock.l_len) = range;
    // SAFETY: the kernel reads and writes the structure, which lives until the call returns.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), command, &raw mut lock) })?;
    Ok(lock)
}

fn check(result: c_int) -> Result<()> {
    if result < 0 { Err(last_errno()) } else { Ok(()) }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}
