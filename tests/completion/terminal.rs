//! A program on a pseudo-terminal, typed to and read.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use std::fs::File;
use std::io::{Error, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Until what is awaited is there. A loaded machine takes its time to start a shell.
const BOUND: Duration = Duration::from_secs(120);

/// A program, and the other end of its terminal.
pub struct Terminal {
    master: File,
    child: Child,
    /// What came after the last thing that was awaited.
    rest: Vec<u8>,
}

impl Terminal {
    /// Starts a program with a terminal of its own, this file as descriptor 9, and no
    /// other descriptor that happens to be open here.
    pub fn start(mut command: Command, ninth: &File) -> Self {
        let (master, slave) = open_pair();
        let (terminal, ninth) = (slave.as_raw_fd(), ninth.as_raw_fd());
        let prepare = move || {
            let done = unsafe {
                libc::setsid() >= 0
                    && libc::ioctl(terminal, libc::TIOCSCTTY, 0) >= 0
                    && (0..3).all(|standard| libc::dup2(terminal, standard) >= 0)
                    && only_inherits(ninth)
            };
            if done { Ok(()) } else { Err(Error::last_os_error()) }
        };
        unsafe { command.pre_exec(prepare) };
        let child = command.spawn().unwrap();
        Self { master, child, rest: Vec::new() }
    }

    /// Types.
    pub fn type_in(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// What is printed until this is, and without it.
    pub fn until(&mut self, end: &str) -> String {
        let deadline = Instant::now() + BOUND;
        loop {
            let at = self.rest.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = at {
                let before = self.rest.drain(..at + end.len()).take(at).collect();
                return String::from_utf8(before).unwrap();
            }
            self.read(deadline, end);
        }
    }

    fn read(&mut self, deadline: Instant, end: &str) {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut poll =
            libc::pollfd { fd: self.master.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let milliseconds = i32::try_from(left.as_millis()).unwrap();
        let ready = unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
        let seen = || String::from_utf8_lossy(&self.rest).into_owned();
        assert!(ready != 0, "no {end:?} came, only {:?}", seen());
        let mut buffer = [0; 4096];
        // Reading fails with EIO when nobody has the terminal open any more.
        let count = self.master.read(&mut buffer).unwrap_or(0);
        assert!(count > 0, "it ended before {end:?} came, after {:?}", seen());
        self.rest.extend(&buffer[..count]);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both ends of a new terminal, wide and high enough for every list.
fn open_pair() -> (File, File) {
    unsafe {
        let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
        assert!(master >= 0 && libc::grantpt(master) == 0 && libc::unlockpt(master) == 0);
        let mut name = [0; 64];
        assert_eq!(libc::ptsname_r(master, name.as_mut_ptr(), name.len()), 0);
        let slave = libc::open(name.as_ptr(), libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
        assert!(slave >= 0, "{}", Error::last_os_error());
        let size = libc::winsize { ws_row: 250, ws_col: 250, ws_xpixel: 0, ws_ypixel: 0 };
        assert_eq!(libc::ioctl(slave, libc::TIOCSWINSZ, &raw const size), 0);
        (File::from_raw_fd(master), File::from_raw_fd(slave))
    }
}

/// Passes on the standard descriptors and, as 9, this one. Safe after a fork.
unsafe fn only_inherits(ninth: i32) -> bool {
    const CLOSE_ON_EXEC: libc::c_uint = 4;
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, CLOSE_ON_EXEC) == 0
            && (ninth == 9 && libc::fcntl(9, libc::F_SETFD, 0) == 0 || libc::dup2(ninth, 9) == 9)
    }
}
