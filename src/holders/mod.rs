//! Who holds the locks on a file, and who waits for them: read from /proc.

mod line;
mod process;
mod table;

pub use line::{Kind, Lock};
pub use process::Process;
pub use table::print;

use crate::request::Mode;
use crate::target::Identity;
use line::Line;
use rustix::fd::{BorrowedFd, RawFd};
use rustix::fs::{self, Mode as Permissions, OFlags, StatxFlags};
use rustix::io::Errno;
use rustix::process::Pid;

/// What /proc tells of the locks on one file, in the moment that it is read.
#[derive(Default)]
pub struct Survey {
    /// Who has an open file description that is locked: the lock ends when the last of
    /// them lets go. In the order of processes and descriptors.
    pub holders: Vec<Party>,
    /// Who waits, in the order in which the kernel lists them.
    pub waiters: Vec<Party>,
    /// Locks whose holders are out of sight.
    pub unseen: Vec<Lock>,
    /// The processes that could not be looked into.
    pub hidden: Vec<Pid>,
}

/// A process that holds a lock or waits for one.
pub struct Party {
    /// The process.
    pub process: Process,
    /// By which of its descriptors; of a waiter it may be unknown.
    pub descriptor: Option<RawFd>,
    /// The lock.
    pub lock: Lock,
}

impl Survey {
    /// Looks at all processes for those that have this file open. Fails if it is not open
    /// itself, or if /proc cannot be read.
    pub fn take(file: BorrowedFd) -> Result<Self, Errno> {
        let mut survey = Self::default();
        let mut names = vec![kernels_name(file)?];
        let open = survey.find_open(Identity::of(&fs::fstat(file)?))?;
        survey.find_holders(&open, &mut names);
        survey.read_table(&open, &names)?;
        Ok(survey)
    }

    /// Every descriptor that leads to the file.
    fn find_open(&mut self, file: Identity) -> Result<Vec<(Pid, RawFd)>, Errno> {
        let mut open = Vec::new();
        for process in Process::all()? {
            let found = process.descriptors(|stat| Identity::of(stat) == file);
            match found {
                Ok(descriptors) => open.extend(descriptors.into_iter().map(|fd| (process.pid, fd))),
                Err(Errno::ACCESS | Errno::PERM) if process.has_program() => {
                    self.hidden.push(process.pid);
                }
                Err(_) => {}
            }
        }
        open.sort_unstable_by_key(|(pid, fd)| (pid.as_raw_nonzero(), *fd));
        Ok(open)
    }

    /// Who of them holds a lock; adds what the kernel calls the file.
    fn find_holders(&mut self, open: &[(Pid, RawFd)], names: &mut Vec<Vec<u8>>) {
        for &(pid, descriptor) in open {
            let Ok(process) = Process::find(pid) else { continue };
            let info = process.read(&format!("fdinfo/{descriptor}"));
            for line in info.split(|&byte| byte == b'\n') {
                let line = line.strip_prefix(b"lock:").and_then(Line::parse);
                let (Some(line), Ok(process)) = (line, Process::find(pid)) else { continue };
                if !names.iter().any(|name| name == line.file) {
                    names.push(line.file.to_vec());
                }
                let (descriptor, lock) = (Some(descriptor), line.lock);
                self.holders.push(Party { process, descriptor, lock });
            }
        }
    }

    /// Who waits, and which locks have nobody to them.
    fn read_table(&mut self, open: &[(Pid, RawFd)], names: &[Vec<u8>]) -> Result<(), Errno> {
        let table = fs::open(c"/proc/locks", OFlags::CLOEXEC, Permissions::empty())
            .and_then(|file| process::read_all(&file))?;
        let lines = table.split(|&byte| byte == b'\n').filter_map(Line::parse);
        for line in lines.filter(|line| names.iter().any(|name| name == line.file)) {
            if line.waits {
                self.add_waiter(line.lock, open);
            } else if !self.holders.iter().any(|holder| holder.lock == line.lock) {
                self.unseen.push(line.lock);
            }
        }
        Ok(())
    }

    fn add_waiter(&mut self, lock: Lock, open: &[(Pid, RawFd)]) {
        let is_known = |pid, fd| {
            let known = |party: &Party| party.process.pid == pid && party.descriptor == Some(fd);
            self.holders.iter().chain(&self.waiters).any(known)
        };
        let mut idle = open.iter().filter(|(pid, fd)| !is_known(*pid, *fd));
        let found = match lock.process {
            Some(pid) => {
                let descriptor = idle.find(|(other, _)| *other == pid).map(|(_, fd)| *fd);
                // On btrfs, files of two subvolumes may have one name in the kernel's list.
                let is_here = descriptor.is_some() || self.hidden.contains(&pid);
                let process = Process::find(pid).ok().filter(|_| is_here);
                process.map(|process| (process, descriptor))
            }
            None => idle.find_map(|&(pid, fd)| {
                let process = Process::find(pid).ok()?;
                waits_for_range(&process, fd, lock.mode).then_some((process, Some(fd)))
            }),
        };
        if let Some((process, descriptor)) = found {
            self.waiters.push(Party { process, descriptor, lock });
        }
    }

    /// Whether there is a lock on the file at all.
    pub fn is_locked(&self) -> bool {
        !self.holders.is_empty() || !self.unseen.is_empty()
    }
}

/// Whether a thread of the process waits for a lock of an open file description on this
/// descriptor: the kernel's list of waiters does not tell.
fn waits_for_range(process: &Process, descriptor: RawFd, mode: Mode) -> bool {
    process.threads().iter().any(|thread| {
        let call = process.read(&format!("{thread}/syscall"));
        let mut words = process::words(&call);
        let number = words.next().and_then(line::number::<i64>);
        let mut argument = || {
            let text = std::str::from_utf8(words.next()?).ok()?;
            u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
        };
        let (fd, command, address) = (argument(), argument(), argument());
        let kind = address.and_then(|address| process.memory(address)).map(i16::from_ne_bytes);
        number == Some(libc::SYS_fcntl)
            && fd == u64::try_from(descriptor).ok()
            && command == u64::try_from(libc::F_OFD_SETLKW).ok()
            && kind.map(i32::from) == Some(kind_of(mode))
    })
}

fn kind_of(mode: Mode) -> i32 {
    match mode {
        Mode::Shared => libc::F_RDLCK,
        Mode::Exclusive => libc::F_WRLCK,
        Mode::Unlock => libc::F_UNLCK,
    }
}

/// The file's name in the kernel's lists of locks, `major:minor:inode`: the device is the
/// file system's, which on btrfs and overlayfs is not the one of stat(2).
///
/// It is a help for locks whose holders cannot be seen; where it is wrong, they are missed.
fn kernels_name(file: BorrowedFd) -> Result<Vec<u8>, Errno> {
    let flags = StatxFlags::INO | StatxFlags::MNT_ID;
    let stat = fs::statx(file, c"", fs::AtFlags::EMPTY_PATH, flags)?;
    let mounts = fs::open(c"/proc/self/mountinfo", OFlags::CLOEXEC, Permissions::empty())
        .and_then(|file| process::read_all(&file))
        .unwrap_or_default();
    let (mut major, mut minor) = (stat.stx_dev_major, stat.stx_dev_minor);
    for mount in mounts.split(|&byte| byte == b'\n') {
        let mut words = process::words(mount);
        if words.next().and_then(line::number::<u64>) == Some(stat.stx_mnt_id) {
            let mut parts = words.nth(1).unwrap_or_default().split(|&byte| byte == b':');
            let mut part = || parts.next().and_then(line::number::<u32>);
            if let (Some(first), Some(second)) = (part(), part()) {
                (major, minor) = (first, second);
            }
        }
    }
    Ok(format!("{major:02x}:{minor:02x}:{}", stat.stx_ino).into_bytes())
}

/// Whether there may be locks on the file of which the kernel's list does not tell here: if
/// other machines can lock it, or if there are other PID namespaces than this one in which
/// to be out of sight.
pub fn may_miss_locks(file: BorrowedFd) -> bool {
    /// The inode of the first PID namespace: `PROC_PID_INIT_INO` of the kernel.
    const FIRST: u64 = 0xEFFF_FFFC;
    let in_first = fs::stat(c"/proc/self/ns/pid").is_ok_and(|stat| stat.st_ino == FIRST);
    let is_local = fs::fstatfs(file).is_ok_and(|stat| !SHARED.contains(&stat.f_type));
    !in_first || !is_local
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
