//! The mounts by which files are there, from /proc/self/mountinfo: proc(5).

use super::line::number;
use super::process::{read, words};
use crate::unasked;
use rustix::fd::BorrowedFd;
use rustix::fs::{CWD, Statx, StatxFlags};

/// What statx(2) has to tell of a file for [`Mount::of`].
pub const WANTED: StatxFlags = StatxFlags::INO.union(StatxFlags::MNT_ID);

/// A file, and the mount by which it is there.
pub struct Mount {
    file: Statx,
    line: Vec<u8>,
}

impl Mount {
    /// The mount of a file.
    pub fn of(file: Statx) -> Self {
        Self::find(file, &read(CWD, c"/proc/self/mountinfo").unwrap_or_default())
    }

    /// The mount of a file, among those that are there.
    pub fn find(file: Statx, mounts: &[u8]) -> Self {
        let is_it = |line: &&[u8]| words(line).next().and_then(number) == Some(file.stx_mnt_id);
        let line = mounts.split(|&byte| byte == b'\n').find(is_it).unwrap_or_default().to_vec();
        Self { file, line }
    }

    /// The file's name in the kernel's lists of locks, `major:minor:inode`: the device is the
    /// file system's, which on btrfs and overlayfs is not the one of stat(2).
    ///
    /// It is a help for locks whose holders cannot be seen; where it is wrong, they are missed.
    pub fn kernels_name(&self) -> Vec<u8> {
        let device = words(&self.line).nth(2).unwrap_or_default();
        let mut parts = device.split(|&byte| byte == b':').map(number::<u32>);
        let device = parts.next().flatten().zip(parts.next().flatten());
        let (major, minor) = device.unwrap_or((self.file.stx_dev_major, self.file.stx_dev_minor));
        format!("{major:02x}:{minor:02x}:{}", self.file.stx_ino).into_bytes()
    }

    /// Whether other machines may lock the file, by the name of the file system; nothing if
    /// that cannot be told.
    pub fn is_shared(&self) -> Option<bool> {
        const SHARED: &[u8] =
            b"9p afs beegfs ceph cifs coda gfs2 gpfs lustre nfs nfs4 ocfs2 smb3 virtiofs";
        let kind = words(&self.line).skip_while(|word| *word != b"-").nth(1)?;
        Some(kind.starts_with(b"fuse") || words(SHARED).any(|shared| shared == kind))
    }
}

/// Whether other machines may lock the file; nothing if that cannot be told.
pub fn is_shared(file: BorrowedFd) -> Option<bool> {
    Mount::of(unasked::stat(file, WANTED).ok()?).is_shared()
}
