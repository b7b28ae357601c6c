//! A lock that nobody else can have: both of flock(2)'s and of fcntl(2)'s kind.

use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The longest that a lock is waited for.
const LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(1);

/// Holds a file until it is dropped.
pub struct Hold {
    _file: File,
}

impl Hold {
    /// Makes the file if need be, and locks it. A peer may have left the lock with a helper
    /// that ends a moment later, as s6-setlock with a timeout does.
    pub fn take(path: &Path) -> Result<Self> {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        let start = Instant::now();
        loop {
            let both = flock(&file, FlockOperation::NonBlockingLockExclusive)
                .map_err(Error::from)
                .and_then(|()| lock_whole(&file));
            match both {
                Ok(()) => return Ok(Self { _file: file }),
                Err(error) if start.elapsed() > LIMIT => return Err(error),
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }
}

/// fcntl(2)'s kind, of the open file description: peers that use it meet this.
fn lock_whole(file: &File) -> Result<()> {
    let whole = libc::flock {
        l_type: libc::c_short::try_from(libc::F_WRLCK).unwrap_or_default(),
        l_whence: libc::c_short::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    // SAFETY: the descriptor is open and the structure lives during the call.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const whole) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}
