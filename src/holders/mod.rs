//! Who holds the locks on a file, and who waits for them: read from /proc.

pub mod call;
pub mod line;
pub mod process;
mod search;
mod table;
mod users;

pub use line::{Kind, Lock};
pub use process::Process;
pub use search::Party;
pub use table::print;
pub use users::Users;

use crate::request::{Mode, Range};
use crate::sys;
use line::{Line, number};
use process::{identity, read, words};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd};
use rustix::fs::{self, AtFlags, CWD, FileType, Mode as Permissions, OFlags, StatxFlags};
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
}

impl Survey {
    /// Looks at all processes for those that have this file open. Fails if it is not open
    /// itself, or if /proc cannot be read.
    pub fn take(file: BorrowedFd) -> Result<Self, Errno> {
        let before = read(CWD, c"/proc/locks")?;
        let own = identity(file, c"", AtFlags::EMPTY_PATH)?;
        let mut search = Search::new(own, kernels_name(file)?)?;
        let after = read(CWD, c"/proc/locks")?;
        let (mut waiters, mut unseen) = (Vec::new(), Vec::new());
        // The kernel gives its list out in pieces, and may repeat a line.
        for line in lines(&after).filter(|line| search.names.iter().any(|name| name == line.file)) {
            if line.waits {
                let known = search.waiters.iter().position(|waiter| waiter.lock == line.lock);
                if let Some(index) = known {
                    waiters.push(search.waiters.remove(index));
                } else if !waiters.iter().any(|waiter: &Party| waiter.lock == line.lock) {
                    waiters.extend(search.waiter(line.lock));
                }
            } else if !search.knows(&line)
                && !unseen.contains(&line.lock)
                // One that was taken or given up meanwhile proves nothing.
                && lines(&before).any(|other| other == line)
            {
                unseen.push(line.lock);
            }
        }
        // In a PID namespace the kernel does not list those who wait for a lock whose taker
        // has ended. Of others, a call may take its time without waiting for a lock.
        search.waiters.retain(|waiter| search.holders.iter().any(|one| waiter.waits_for(one)));
        waiters.append(&mut search.waiters);
        let (holders, hidden) = (search.holders, search.hidden.len());
        if holders.is_empty() && unseen.is_empty() && is_shared(file) == Some(true) {
            unseen.extend(ask(file));
        }
        Ok(Self { holders, waiters, unseen, hidden, partial: may_miss_locks(file) })
    }

    /// Whether there is a lock on the file at all, as far as can be seen.
    pub fn is_locked(&self) -> bool {
        !self.holders.is_empty() || !self.unseen.is_empty()
    }
}

fn lines(table: &[u8]) -> impl Iterator<Item = Line<'_>> {
    table.split(|&byte| byte == b'\n').filter_map(Line::parse)
}

/// The file's name in the kernel's lists of locks, `major:minor:inode`: the device is the
/// file system's, which on btrfs and overlayfs is not the one of stat(2).
///
/// It is a help for locks whose holders cannot be seen; where it is wrong, they are missed.
fn kernels_name(file: BorrowedFd) -> Result<Vec<u8>, Errno> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let stat = fs::statx(file, c"", flags, StatxFlags::INO | StatxFlags::MNT_ID)?;
    let mounts = read(CWD, c"/proc/self/mountinfo").unwrap_or_default();
    let device = mounts.split(|&byte| byte == b'\n').find_map(|mount| {
        let mut words = words(mount);
        (number::<u64>(words.next()?)? == stat.stx_mnt_id).then(|| words.nth(1))?
    });
    let mut parts = device.unwrap_or_default().split(|&byte| byte == b':').map(number::<u32>);
    let device = parts.next().flatten().zip(parts.next().flatten());
    let (major, minor) = device.unwrap_or((stat.stx_dev_major, stat.stx_dev_minor));
    Ok(format!("{major:02x}:{minor:02x}:{}", stat.stx_ino).into_bytes())
}

fn may_miss_locks(file: BorrowedFd) -> bool {
    /// The inode of the first PID namespace: `PROC_PID_INIT_INO` of the kernel.
    const FIRST: u64 = 0xEFFF_FFFC;
    let in_first = fs::stat(c"/proc/self/ns/pid").is_ok_and(|stat| stat.st_ino == FIRST);
    !in_first || is_shared(file) != Some(false)
}

/// Whether other machines may lock the file; nothing if that cannot be told.
pub fn is_shared(file: BorrowedFd) -> Option<bool> {
    fs::fstatfs(file).ok().map(|stat| SHARED.contains(&stat.f_type))
}

/// A lock that fcntl(2) would wait for: where other machines lock the file, too, the server
/// may know more than the kernel's list has, and may have those of flock(2) as such.
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

/// The numbers of file systems that lock across machines, from statfs(2): AFS, Ceph, CIFS,
/// FUSE, GFS2, NFS, OCFS2, SMB2, 9p.
const SHARED: [i64; 9] = [
    0x6B41_4653,
    0x00C3_6400,
    0xFF53_4D42,
    0x6573_5546,
    0x0116_1970,
    0x6969,
    0x7461_636F,
    0xFE53_4D42,
    0x0102_1997,
];
