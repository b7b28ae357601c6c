//! Processes, as /proc tells of them. Any may end while it is looked at.

use super::line::{hexadecimal, number};
use super::mount::WANTED;
use crate::sys;
use crate::target::Identity;
use crate::unasked;
use rustix::buffer::spare_capacity;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use rustix::fs::{self, CWD, Dir, Mode, OFlags, Statx, StatxFlags};
use rustix::io::{self, Errno};
use rustix::process::{Pid, RawPid};
use std::ffi::{CStr, CString};

/// The folder of a process. It stays the folder of that process: when it has ended, all
/// there is to read is an error, even if its number is given to another one.
pub struct Process {
    /// Its process ID.
    pub pid: Pid,
    /// Open.
    pub folder: OwnedFd,
}

impl Process {
    /// The process of that number.
    pub fn find(pid: Pid) -> Result<Self, Errno> {
        let folder = open_folder(CWD, &c_string(format!("/proc/{pid}")))?;
        Ok(Self { pid, folder })
    }

    /// The numbers of all processes, in their order. Fails if /proc is not there.
    pub fn all() -> Result<Vec<Pid>, Errno> {
        Ok(numbers(CWD, c"/proc")?.into_iter().filter_map(Pid::from_raw).collect())
    }

    /// The descriptors of the process, in their order.
    pub fn descriptors(&self) -> Result<Vec<RawFd>, Errno> {
        numbers(self.folder.as_fd(), c"fd")
    }

    /// The file to which a descriptor leads.
    pub fn leads_to(&self, descriptor: RawFd) -> Result<Identity, Errno> {
        self.look(descriptor).map(|stat| Identity::told(&stat))
    }

    /// What statx(2) tells of the file to which a descriptor leads. A file server is not
    /// asked: it may not answer.
    pub fn look(&self, descriptor: RawFd) -> Result<Statx, Errno> {
        self.stat(descriptor, WANTED)
    }

    fn stat(&self, descriptor: RawFd, wanted: StatxFlags) -> Result<Statx, Errno> {
        // The link of that name leads to the open file itself, whatever its path is now.
        let name = c_string(format!("fd/{descriptor}"));
        unasked::stat_at(&self.folder, &name, wanted)
    }

    /// Whether a descriptor is known to lead to another file system than a file's. On FUSE, that
    /// may be all that others than its user are told: not even root is told more.
    pub fn is_elsewhere(&self, descriptor: RawFd, file: Identity) -> bool {
        let stat = self.stat(descriptor, StatxFlags::empty());
        stat.is_ok_and(|stat| Identity::told(&stat).device != file.device)
    }

    /// What a link of the process's folder leads to, as it is shown.
    pub fn link(&self, name: &str) -> Vec<u8> {
        let link = fs::readlinkat(&self.folder, c_string(name), Vec::new());
        link.map(CString::into_bytes).unwrap_or_default()
    }

    /// What a file of the process's folder says.
    pub fn try_read(&self, name: &str) -> Result<Vec<u8>, Errno> {
        read(self.folder.as_fd(), &c_string(name))
    }

    /// The same; nothing if it cannot be read.
    pub fn read(&self, name: &str) -> Vec<u8> {
        self.try_read(name).unwrap_or_default()
    }

    /// The name of its program, as it is: the process itself may have chosen it.
    pub fn command(&self) -> Result<Vec<u8>, Errno> {
        let name = self.try_read("comm")?;
        Ok(name.strip_suffix(b"\n").ok_or(Errno::SRCH)?.to_vec())
    }

    /// Its effective user.
    pub fn user(&self) -> Result<u32, Errno> {
        let status = self.try_read("status")?;
        let effective = field(&status, b"Uid:").and_then(|users| words(users).nth(1));
        effective.and_then(number).ok_or(Errno::SRCH)
    }

    /// Its parent; nothing for the first process of a namespace.
    pub fn parent(&self) -> Option<Pid> {
        let status = self.read("status");
        let pid = number::<RawPid>(words(field(&status, b"PPid:")?).next()?)?;
        // rustix panics at a negative number where it checks.
        if pid > 0 { Pid::from_raw(pid) } else { None }
    }

    /// Whether it has a program, and with it descriptors: a zombie and a thread of the
    /// kernel have none.
    pub fn has_program(&self) -> bool {
        field(&self.read("status"), b"VmSize:").is_some()
    }

    /// Whether it goes on only when its child has ended: it has no other one, and waits for
    /// a child or for what that may print, and has no thread that does something else.
    pub fn waits_for(&self, child: &Self) -> bool {
        let number_of = |pid: Pid| pid.as_raw_nonzero().get();
        let (own, child_number) = (number_of(self.pid), number_of(child.pid));
        let call = self.read("syscall");
        let mut words = words(&call);
        let call = words.next().and_then(number::<i64>);
        let argument = words.next().and_then(hexadecimal::<RawFd>);
        // Whatever other children it has.
        let for_it_alone = call == Some(libc::SYS_wait4) && argument == Some(child_number);
        let waits = match call {
            Some(libc::SYS_wait4 | libc::SYS_waitid) => true,
            Some(libc::SYS_rt_sigsuspend) => self.is_shell(),
            Some(libc::SYS_read) => argument.is_some_and(|pipe| {
                let pipe = self.link(&format!("fd/{pipe}"));
                pipe.starts_with(b"pipe:") && child.link("fd/1") == pipe
            }),
            Some(_) => false,
            // Where ptrace(2) is restricted, the kernel's function is all that is told.
            None => {
                let function = self.read("wchan");
                function.starts_with(b"do_wait")
                    || function.starts_with(b"sigsuspend") && self.is_shell()
            }
        };
        let children = self.read(&format!("task/{own}/children"));
        let is_only = || self::words(&children).map(number::<RawPid>).eq([Some(child_number)]);
        waits && (for_it_alone || is_only()) && self.threads() == [own]
    }

    /// Whether it is stopped, as by Ctrl-Z.
    pub fn is_stopped(&self) -> bool {
        let status = self.read("status");
        field(&status, b"State:").is_some_and(|state| words(state).next() == Some(b"T"))
    }

    /// Whether its program is named like a shell. Those do nothing else when they wait for
    /// a signal.
    fn is_shell(&self) -> bool {
        let program = self.link("exe");
        program.ends_with(b"sh") || program.ends_with(b"/busybox")
    }

    /// The numbers of its threads.
    pub fn threads(&self) -> Vec<RawPid> {
        numbers(self.folder.as_fd(), c"task").unwrap_or_default()
    }

    /// Its tables of descriptors, each with the threads that use it: one, unless a thread
    /// has made one of its own (`CLONE_FILES` of unshare(2)) or the first thread has ended.
    pub fn tables(self) -> Vec<(Self, Vec<RawPid>)> {
        let threads = self.threads().into_iter();
        let mut all = vec![(self, Vec::new())];
        for thread in threads.filter_map(Pid::from_raw) {
            let uses = |one: &Self| {
                one.pid == thread || sys::is_same_table(one.pid, thread) != Some(false)
            };
            let number = thread.as_raw_nonzero().get();
            if let Some((_, threads)) = all.iter_mut().find(|(one, _)| uses(one)) {
                threads.push(number);
            } else if let Ok(one) = Self::find(thread) {
                all.push((one, vec![number]));
            }
        }
        all
    }

    /// A few bytes of its memory.
    pub fn memory<const SIZE: usize>(&self, address: u64) -> Option<[u8; SIZE]> {
        let file = fs::openat(&self.folder, c"mem", OFlags::CLOEXEC, Mode::empty()).ok()?;
        let mut bytes = [0; SIZE];
        let count = io::pread(file, &mut bytes, address).ok()?;
        (count == SIZE).then_some(bytes)
    }
}

/// The numbers among the names in a folder, in its order: /proc has them ascending.
fn numbers(parent: BorrowedFd, name: &CStr) -> Result<Vec<i32>, Errno> {
    let mut folder = Dir::new(open_folder(parent, name)?)?;
    let mut numbers = Vec::new();
    while let Some(entry) = folder.read() {
        numbers.extend(number::<i32>(entry?.file_name().to_bytes()));
    }
    Ok(numbers)
}

fn open_folder(parent: BorrowedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    fs::openat(parent, name, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// A path, of which none has a NUL here.
fn c_string(path: impl Into<Vec<u8>>) -> CString {
    CString::new(path).unwrap_or_default()
}

/// The whole of a file.
pub fn read(folder: BorrowedFd, name: &CStr) -> Result<Vec<u8>, Errno> {
    let file = fs::openat(folder, name, OFlags::CLOEXEC, Mode::empty())?;
    let mut text = Vec::new();
    loop {
        // Not by way of the stack, which may be small.
        if text.spare_capacity_mut().len() < 1024 {
            text.reserve(4096);
        }
        match io::read(&file, spare_capacity(&mut text)) {
            Ok(0) => return Ok(text),
            Ok(_) | Err(Errno::INTR) => {}
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
