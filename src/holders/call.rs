//! System calls in which threads are blocked: who waits for a lock by which descriptor, of
//! which the kernel's list of locks does not tell.

use super::line::{Kind, Lock, hexadecimal, number};
use super::process::{Process, words};
use crate::request::{Mode, Range};
use rustix::fd::RawFd;
use rustix::process::RawPid;

/// The lock for which a thread waits, and its descriptor; nothing if it does something else,
/// or if that cannot be found out.
pub fn blocked(process: &Process, thread: RawPid) -> Option<(RawFd, Lock)> {
    let call = process.read(&format!("task/{thread}/syscall"));
    let mut words = words(&call);
    let call = number::<i64>(words.next()?)?;
    let descriptor = hexadecimal(words.next()?)?;
    let how = hexadecimal(words.next()?)?;
    let (kind, mode, range) = match (call, how) {
        (libc::SYS_flock, libc::LOCK_SH) => (Kind::Flock, Mode::Shared, Range::default()),
        (libc::SYS_flock, libc::LOCK_EX) => (Kind::Flock, Mode::Exclusive, Range::default()),
        (libc::SYS_fcntl, libc::F_OFD_SETLKW) => {
            of_range(process, Kind::Ofd, hexadecimal(words.next()?)?)?
        }
        (libc::SYS_fcntl, libc::F_SETLKW) => {
            of_range(process, Kind::Posix, hexadecimal(words.next()?)?)?
        }
        _ => return None,
    };
    let process = (kind != Kind::Ofd).then_some(process.pid);
    Some((descriptor, Lock { kind, mode, range, process }))
}

/// Reads a `struct flock` of fcntl(2): two shorts, then from byte 8 on two integers of 64
/// bits. Where the range starts is known only if it is counted from the start of the file.
fn of_range(process: &Process, kind: Kind, address: u64) -> Option<(Kind, Mode, Range)> {
    let bytes = process.memory::<24>(address)?;
    let short = |at: usize| Some(i16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(i64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let mode = match i32::from(short(0)?) {
        libc::F_RDLCK => Mode::Shared,
        libc::F_WRLCK => Mode::Exclusive,
        _ => return None,
    };
    let (mut start, mut length) = (long(8)?, long(16)?);
    if length < 0 {
        // The bytes before.
        (start, length) = (start.checked_add(length)?, length.checked_neg()?);
    }
    (i32::from(short(2)?) == libc::SEEK_SET).then_some((kind, mode, Range { start, length }))
}
