//! The look at all processes for those that have a file open.

use super::call;
use super::line::{Kind, Line, Lock};
use super::process::Process;
use crate::printable::printable;
use crate::target::Identity;
use rustix::fd::RawFd;
use rustix::io::Errno;
use rustix::process::{Pid, RawPid};

/// A process that holds a lock or waits for one.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// The process; or a thread that has descriptors of its own.
    pub pid: Pid,
    /// Its effective user.
    pub user: u32,
    /// The name of its program, as it is.
    command: Vec<u8>,
    /// By which of its descriptors; of a waiter it may be unknown.
    pub descriptor: Option<RawFd>,
    /// The lock.
    pub lock: Lock,
}

impl Party {
    /// Fails with ESRCH or ENOENT if the process has ended in the meantime.
    fn new(process: &Process, descriptor: Option<RawFd>, lock: Lock) -> Result<Self, Errno> {
        let (user, command) = (process.user()?, process.command()?);
        Ok(Self { pid: process.pid, user, command, descriptor, lock })
    }

    /// Whether it may be this holder for whom a waiter waits.
    pub fn waits_for(&self, holder: &Self) -> bool {
        let range = (self.lock.kind != Kind::Flock).then_some(self.lock.range);
        holder.lock.bars(self.lock.mode, range)
    }

    /// The name of its program, as it can be shown: one word or more, a space apart.
    pub fn command(&self) -> String {
        let mut text = String::new();
        for word in printable(&self.command).split(' ').filter(|word| !word.is_empty()) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        if text.is_empty() { "?".to_owned() } else { text }
    }
}

/// What is found.
pub struct Search {
    file: Identity,
    /// What the kernel calls the file in its lists of locks.
    pub names: Vec<Vec<u8>>,
    /// Every descriptor that leads to the file.
    open: Vec<(Pid, RawFd)>,
    /// In the order of processes and descriptors.
    pub holders: Vec<Party>,
    /// Those who wait, as far as the system calls can be seen in which they do.
    pub waiters: Vec<Party>,
    /// The locks on other files that have the same number: on btrfs, files of two
    /// subvolumes may have one name in the kernel's list, too.
    elsewhere: Vec<(Vec<u8>, Lock)>,
    /// The processes that could not be looked into.
    pub hidden: Vec<Pid>,
}

impl Search {
    /// Looks for a file at all processes. `name` is what the kernel may call it.
    pub fn new(file: Identity, name: Vec<u8>) -> Result<Self, Errno> {
        let mut search = Self {
            file,
            names: vec![name],
            open: Vec::new(),
            holders: Vec::new(),
            waiters: Vec::new(),
            elsewhere: Vec::new(),
            hidden: Vec::new(),
        };
        for pid in Process::all()? {
            match search.look_into(pid) {
                // It has ended.
                Ok(()) | Err(Errno::NOENT | Errno::SRCH) => {}
                Err(_) => search.hidden.push(pid),
            }
        }
        Ok(search)
    }

    fn look_into(&mut self, pid: Pid) -> Result<(), Errno> {
        let mut end = Ok(());
        for (process, threads) in Process::find(pid)?.tables() {
            end = end.and(self.look_through(&process, &threads));
        }
        end
    }

    /// Looks through a table of descriptors, and at the threads that use it.
    fn look_through(&mut self, process: &Process, threads: &[RawPid]) -> Result<(), Errno> {
        let descriptors = match process.descriptors() {
            Err(Errno::ACCESS) if !process.has_program() => return Ok(()),
            descriptors => descriptors?,
        };
        let before = self.open.len();
        let mut end = Ok(());
        for descriptor in descriptors {
            match self.look_at(process, descriptor) {
                // It has been closed, or the process has ended.
                Ok(()) | Err(Errno::NOENT | Errno::SRCH) => {}
                error => end = error,
            }
        }
        let found = self.open.get(before..).unwrap_or_default();
        if !found.is_empty() {
            let calls = threads.iter();
            for (descriptor, lock) in calls.filter_map(|thread| call::blocked(process, *thread)) {
                if found.contains(&(process.pid, descriptor)) {
                    let waiter = Party::new(process, Some(descriptor), lock)?;
                    if !self.waiters.contains(&waiter) {
                        self.waiters.push(waiter);
                    }
                }
            }
        }
        end
    }

    /// Reads the locks of a descriptor, if it leads to the file or to one of the same number.
    fn look_at(&mut self, process: &Process, descriptor: RawFd) -> Result<(), Errno> {
        let file = match process.leads_to(descriptor) {
            Ok(file) if file.inode == self.file.inode => file,
            Err(errno @ (Errno::ACCESS | Errno::PERM | Errno::NOMEM))
                if !process.is_elsewhere(descriptor, self.file) =>
            {
                return Err(errno);
            }
            // Whatever else fails is the fault of another file's server.
            Ok(_) | Err(_) => return Ok(()),
        };
        let info = process.try_read(&format!("fdinfo/{descriptor}"))?;
        // Between the two looks it may have been closed, and another file opened.
        if process.leads_to(descriptor)? != file {
            return Ok(());
        }
        if file == self.file {
            self.open.push((process.pid, descriptor));
        }
        let lines = info.split(|&byte| byte == b'\n');
        for line in lines.filter_map(|line| Line::parse(line.strip_prefix(b"lock:")?)) {
            if file == self.file {
                if !self.names.iter().any(|name| name == line.file) {
                    self.names.push(line.file.to_vec());
                }
                self.holders.push(Party::new(process, Some(descriptor), line.lock)?);
            } else {
                self.elsewhere.push((line.file.to_vec(), line.lock));
            }
        }
        Ok(())
    }

    /// Whether a lock of the kernel's list is one of those that were found.
    pub fn knows(&self, line: &Line) -> bool {
        self.holders.iter().any(|holder| holder.lock == line.lock)
            || self.elsewhere.iter().any(|(name, lock)| name == line.file && *lock == line.lock)
    }

    /// Who waits for a lock, as the kernel's list has it, but in no system call that can be
    /// seen. Nobody, if the process does not have the file open.
    pub fn waiter(&self, lock: Lock) -> Option<Party> {
        let pid = lock.process?;
        let holds = |fd| self.holders.iter().any(|h| h.pid == pid && h.descriptor == Some(fd));
        let mut idle = self.open.iter().filter(|(other, fd)| *other == pid && !holds(*fd));
        let descriptor = idle.next().map(|(_, fd)| *fd);
        if descriptor.is_none() && !self.hidden.contains(&pid) {
            return None;
        }
        let descriptor = descriptor.filter(|_| idle.next().is_none());
        Party::new(&Process::find(pid).ok()?, descriptor, lock).ok()
    }
}
