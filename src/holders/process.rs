//! Processes, as /proc tells of them. Any may end while it is looked at.

use super::line::number;
use crate::console::printable;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use rustix::fs::{self, CWD, Dir, Mode, OFlags};
use rustix::io::{self, Errno};
use rustix::process::{Pid, RawPid};
use std::ffi::{CStr, CString};
use std::iter;

/// The folder of a process.
pub struct Process {
    /// Its process ID.
    pub pid: Pid,
    folder: OwnedFd,
}

impl Process {
    /// The process of that number.
    pub fn find(pid: Pid) -> Result<Self, Errno> {
        let path = format!("/proc/{pid}");
        let folder = fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { pid, folder })
    }

    /// All processes. Fails if /proc is not there.
    pub fn all() -> Result<impl Iterator<Item = Self>, Errno> {
        let entries = entries(CWD, c"/proc")?;
        let pids = entries.filter_map(|name| Pid::from_raw(number(name.to_bytes())?));
        Ok(pids.filter_map(|pid| Self::find(pid).ok()))
    }

    /// The descriptors of the process that lead to what `wanted` says yes to.
    pub fn descriptors(&self, wanted: impl Fn(&fs::Stat) -> bool) -> Result<Vec<RawFd>, Errno> {
        let folder = open_folder(self.folder.as_fd(), c"fd")?;
        let mut found = Vec::new();
        for name in entries(folder.as_fd(), c".")? {
            // Not lstat(2): the link of that name leads to the open file itself.
            let leads = fs::statat(&folder, &name, fs::AtFlags::empty());
            if leads.is_ok_and(|stat| wanted(&stat)) {
                found.extend(number::<RawFd>(name.to_bytes()));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// What a file of the process's folder says; nothing if it cannot be read.
    pub fn read(&self, name: &str) -> Vec<u8> {
        let Ok(name) = CString::new(name) else { return Vec::new() };
        let opened = fs::openat(&self.folder, name, OFlags::CLOEXEC, Mode::empty());
        opened.and_then(|file| read_all(&file)).unwrap_or_default()
    }

    /// The name of its program, at most 15 bytes, without what could upset a terminal.
    pub fn command(&self) -> String {
        let name = self.read("comm");
        printable(name.strip_suffix(b"\n").unwrap_or(&name))
    }

    /// The name of its effective user, from /etc/passwd, or the number.
    pub fn user(&self) -> String {
        let status = self.read("status");
        let numbers = field(&status, b"Uid:").and_then(|line| words(line).nth(1));
        let Some(id) = numbers else { return "?".to_owned() };
        let file = fs::open(c"/etc/passwd", OFlags::CLOEXEC, Mode::empty());
        let users = file.and_then(|file| read_all(&file)).unwrap_or_default();
        let mut lines = users.split(|&byte| byte == b'\n');
        let name = lines.find_map(|line| {
            let mut parts = line.split(|&byte| byte == b':');
            let name = parts.next()?;
            (parts.nth(1)? == id).then(|| printable(name))
        });
        name.unwrap_or_else(|| printable(id))
    }

    /// Its parent; nothing for the first process of a namespace.
    pub fn parent(&self) -> Option<Pid> {
        let status = self.read("status");
        Pid::from_raw(number::<RawPid>(words(field(&status, b"PPid:")?).next()?)?)
    }

    /// Whether it has a program: a zombie and a thread of the kernel have none.
    pub fn has_program(&self) -> bool {
        !self.read("cmdline").is_empty()
    }

    /// Whether it can only go on when its child does: it waits for a child, and has no other.
    pub fn waits_for(&self, child: Pid) -> bool {
        let call = self.read("syscall");
        let call = words(&call).next().and_then(number::<i64>);
        let waiting = [libc::SYS_wait4, libc::SYS_waitid, libc::SYS_rt_sigsuspend];
        let children = self.read(&format!("task/{}/children", self.pid));
        let mut children = words(&children).map(number::<RawPid>);
        call.is_some_and(|call| waiting.contains(&call))
            && children.next() == Some(Some(child.as_raw_nonzero().get()))
            && children.next().is_none()
    }

    /// Its threads, by the names of their folders.
    pub fn threads(&self) -> Vec<String> {
        let names = entries(self.folder.as_fd(), c"task").into_iter().flatten();
        let numbers = names.filter_map(|name| number::<RawPid>(name.to_bytes()));
        numbers.map(|number| format!("task/{number}")).collect()
    }

    /// A few bytes of its memory.
    pub fn memory<const SIZE: usize>(&self, address: u64) -> Option<[u8; SIZE]> {
        let file = fs::openat(&self.folder, c"mem", OFlags::CLOEXEC, Mode::empty()).ok()?;
        let mut bytes = [0; SIZE];
        let count = io::pread(file, &mut bytes, address).ok()?;
        (count == SIZE).then_some(bytes)
    }
}

/// The names in a folder.
fn entries(
    parent: BorrowedFd,
    name: &CStr,
) -> Result<impl Iterator<Item = CString> + use<>, Errno> {
    let mut folder = Dir::new(open_folder(parent, name)?)?;
    let next = move || folder.next()?.ok();
    Ok(iter::from_fn(next).map(|entry| entry.file_name().to_owned()))
}

fn open_folder(parent: BorrowedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    fs::openat(parent, name, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// The whole of a file of /proc.
pub fn read_all(file: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let mut text = Vec::new();
    let mut block = [0; 4096];
    loop {
        match io::read(file, &mut block) {
            Ok(0) => return Ok(text),
            Ok(count) => text.extend_from_slice(block.get(..count).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// What follows a name at the start of a line.
pub fn field<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name))
}

/// The words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}
