//! Locks taken by system calls of the probe's own.

use crate::{c_string, print, shell_status, wait_for};
use std::io::Error;

/// A lock by flock(2) or fcntl(2), from a word such as `x`, `posix-s` or `ofd-x:10:5`.
struct Kind {
    /// None for flock(2), else the command of fcntl(2).
    command: Option<i32>,
    exclusive: bool,
    range: (i64, i64),
}

impl Kind {
    fn parse(word: &str) -> Self {
        let mut parts = word.split(':');
        let name = parts.next().unwrap();
        let mut offset = || parts.next().map_or(0, |part| part.parse().expect("an offset"));
        let range = (offset(), offset());
        let command = match name.split_once('-').map(|(family, _)| family) {
            None => None,
            Some("posix") => Some(libc::F_SETLK),
            Some("ofd") => Some(libc::F_OFD_SETLK),
            Some(other) => panic!("probe: unknown lock {other}"),
        };
        Self { command, exclusive: name.ends_with('x'), range }
    }

    fn take(&self, fd: i32) -> Result<(), Error> {
        let result = match self.command {
            None => {
                let mode = if self.exclusive { libc::LOCK_EX } else { libc::LOCK_SH };
                unsafe { libc::flock(fd, mode | libc::LOCK_NB) }
            }
            Some(command) => {
                let mut lock: libc::flock = unsafe { std::mem::zeroed() };
                let kind = if self.exclusive { libc::F_WRLCK } else { libc::F_RDLCK };
                lock.l_type = kind as i16;
                (lock.l_start, lock.l_len) = self.range;
                unsafe { libc::fcntl(fd, command, &lock) }
            }
        };
        if result < 0 { Err(Error::last_os_error()) } else { Ok(()) }
    }
}

fn open(file: &[u8]) -> i32 {
    let name = c_string(file);
    let flags = libc::O_CLOEXEC | libc::O_NOCTTY;
    let mut fd = unsafe { libc::open(name.as_ptr(), flags | libc::O_RDWR | libc::O_CREAT, 0o666) };
    if fd < 0 {
        fd = unsafe { libc::open(name.as_ptr(), flags | libc::O_RDONLY) };
    }
    assert!(fd >= 0, "probe: {name:?}: {}", Error::last_os_error());
    fd
}

/// Runs a command while holding a lock that the command does not have.
pub fn hold(kind: &str, file: &[u8], command: &[Vec<u8>]) -> u8 {
    let fd = open(file);
    Kind::parse(kind).take(fd).expect("probe: a lock that is free");
    shell_status(wait_for(command, || ()))
}

/// Holds a lock, until its input ends, by a mapping of the file alone.
pub fn hold_by_mapping(file: &[u8]) -> u8 {
    let fd = open(file);
    Kind::parse("x").take(fd).expect("probe: a lock that is free");
    let (flags, nowhere) = (libc::MAP_SHARED, std::ptr::null_mut());
    let address = unsafe { libc::mmap(nowhere, 4096, libc::PROT_READ, flags, fd, 0) };
    assert!(address != libc::MAP_FAILED, "probe: {}", Error::last_os_error());
    unsafe { libc::close(fd) };
    print("ready\n");
    await_end_of_input();
    0
}

/// Holds a lock, until its input ends, by a thread that has descriptors of its own, and
/// outlives the first one.
pub fn hold_by_thread(file: Vec<u8>) -> u8 {
    std::thread::spawn(move || {
        assert!(unsafe { libc::unshare(libc::CLONE_FILES) } == 0);
        Kind::parse("x").take(open(&file)).expect("probe: a lock that is free");
        let leader = format!("/proc/{}/stat", std::process::id());
        while !std::fs::read_to_string(&leader).unwrap().contains(") Z ") {
            std::thread::yield_now();
        }
        print("ready\n");
        await_end_of_input();
        std::process::exit(0);
    });
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    1
}

fn await_end_of_input() {
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// Tries to lock an inherited descriptor.
pub fn try_descriptor(kind: &str, fd: i32) -> u8 {
    match Kind::parse(kind).take(fd) {
        Ok(()) => print("locked\n"),
        Err(error) => print(&format!("{error}\n")),
    }
    0
}

/// Says whether a lock could be had, and does not keep it.
pub fn test(kind: &str, file: &[u8]) -> u8 {
    let fd = open(file);
    match Kind::parse(kind).take(fd) {
        Ok(()) => print("free\n"),
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => print("conflict\n"),
        Err(error) => print(&format!("{error}\n")),
    }
    0
}

/// Says of each of the files, which must be there, whether somebody has it locked: the proof
/// of a command that it runs under the lock.
pub fn under(kind: &str, files: &[Vec<u8>]) -> u8 {
    let mut text = String::from("ran");
    for file in files {
        let fd = unsafe { libc::open(c_string(file).as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
        text += match Kind::parse(kind).take(fd) {
            _ if fd < 0 => " missing",
            Ok(()) => " free",
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => " held",
            Err(_) => " unknown",
        };
    }
    print(&(text + "\n"));
    0
}
