//! Who holds the locks on a file, and who waits for them: read from /proc.

pub mod call;
pub mod line;
pub mod mount;
pub mod process;
mod search;
mod table;
mod users;

pub use line::{Kind, Lock};
pub use mount::is_shared;
pub use process::Process;
pub use search::Party;
pub use table::print;
pub use users::Users;

use crate::request::{Mode, Range};
use crate::sys;
use crate::target::Identity;
use line::Line;
use mount::Mount;
use process::read;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use rustix::fs::{self, CWD, FileType, Mode as Permissions, OFlags};
use rustix::io::Errno;
use search::Search;

/// What /proc tells of the locks on one file, in the moment that it is read.
pub struct Survey {
    /// Who has an open file description that is locked: the lock ends when the last of
    /// them lets go. In the order of processes and descriptors.
    pub holders: Vec<Party>,
    /// Who waits, in the order in which the kernel lists them.
    pub waiters: Vec<Party>,
    /// Locks whose holders are out of sight.
    pub unseen: Vec<Lock>,
    /// How many processes could not be looked into.
    pub hidden: usize,
    /// Whether there may be locks on the file of which the kernel does not tell here: other
    /// machines can lock it, or there are other PID namespaces than this one.
    pub partial: bool,
    /// Other machines may lock the file.
    is_shared: bool,
}

impl Survey {
    /// Looks at all processes for those that have the file open that a process has open, too.
    /// Fails if that has not, or if /proc cannot be read. No file server is asked.
    pub fn take(process: &Process, descriptor: RawFd) -> Result<Self, Errno> {
        let before = read(CWD, c"/proc/locks")?;
        let file = process.look(descriptor)?;
        let own = Identity::told(&file);
        let mount = Mount::of(file);
        let mut search = Search::new(own, mount.kernels_name())?;
        let after = read(CWD, c"/proc/locks")?;
        let (mut waiters, mut unseen) = (Vec::new(), Vec::new());
        // A lock that was taken or given up meanwhile proves nothing.
        let was_there = |line| lines(&before).any(|other| other == line);
        // The kernel gives its list out in pieces, and may repeat a line.
        for line in lines(&after).filter(|line| search.names.iter().any(|name| name == line.file)) {
            if line.waits {
                let known = search.waiters.iter().position(|waiter| waiter.lock == line.lock);
                if let Some(index) = known {
                    waiters.push(search.waiters.remove(index));
                } else if !waiters.iter().any(|waiter: &Party| waiter.lock == line.lock) {
                    let waiter = search.waiter(line.lock);
                    // The kernel may list who is hidden: proc(5), hidepid.
                    let hidden = line.lock.process.filter(|pid| {
                        waiter.is_none() && Process::find(*pid).is_err() && was_there(line)
                    });
                    waiters.extend(waiter);
                    search.hidden.extend(hidden);
                }
            } else if !search.knows(&line) && !unseen.contains(&line.lock) && was_there(line) {
                unseen.push(line.lock);
            }
        }
        // In a PID namespace the kernel does not list those who wait for a lock whose taker
        // has ended. Of others, a call may take its time without waiting for a lock.
        search.waiters.retain(|waiter| search.holders.iter().any(|one| waiter.waits_for(one)));
        waiters.append(&mut search.waiters);
        let (holders, hidden) = (search.holders, search.hidden.len());
        let shared = mount.is_shared();
        let partial = !in_first_namespace() || shared != Some(false);
        let is_shared = shared == Some(true);
        Ok(Self { holders, waiters, unseen, hidden, partial, is_shared })
    }

    /// Asks the file server, if there is one, for a lock that nobody is seen to have: it may
    /// know more than the kernel's list has, and may have those of flock(2) as those of
    /// fcntl(2). It may not answer for long.
    pub fn ask(&mut self, file: BorrowedFd) {
        if !self.is_locked() && self.is_shared {
            self.unseen.extend(ask(file));
        }
    }

    /// Whether there is a lock on the file at all, as far as can be seen.
    pub fn is_locked(&self) -> bool {
        !self.holders.is_empty() || !self.unseen.is_empty()
    }
}

fn lines(table: &[u8]) -> impl Iterator<Item = Line<'_>> {
    table.split(|&byte| byte == b'\n').filter_map(Line::parse)
}

fn in_first_namespace() -> bool {
    /// The inode of the first PID namespace: `PROC_PID_INIT_INO` of the kernel.
    const FIRST: u64 = 0xEFFF_FFFC;
    fs::stat(c"/proc/self/ns/pid").is_ok_and(|stat| stat.st_ino == FIRST)
}

/// A lock that fcntl(2) would wait for.
fn ask(file: BorrowedFd) -> Option<Lock> {
    // The descriptor may be one that can do nothing.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let is_plain = FileType::from_raw_mode(fs::fstat(file).ok()?.st_mode) == FileType::RegularFile;
    let flags = OFlags::CLOEXEC | OFlags::NONBLOCK;
    let open = || fs::open(path, flags, Permissions::empty()).ok();
    let file = is_plain.then(open).flatten()?;
    let (kind, (start, length)) = sys::find_range(file.as_fd()).ok()??;
    let mode = if kind == libc::F_RDLCK { Mode::Shared } else { Mode::Exclusive };
    Some(Lock { kind: Kind::Posix, mode, range: Range { start, length }, process: None })
}
