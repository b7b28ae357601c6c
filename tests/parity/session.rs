//! Processes: the state that a script starts in, and what is left of its session.

use crate::view;
use rustix::process::{self, Pid, Resource, Rlimit, Signal};
use std::fs;
use std::io::{self, Error};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The highest signal number.
const LAST_SIGNAL: libc::c_int = 64;
/// The size of a signal set as the kernel sees it.
const SET_SIZE: libc::size_t = 8;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Readies this process: scripts get its umask, and none of the descriptors
/// that it was given. An interrupt must not leave scripts running.
pub fn prepare() {
    process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    close_on_exec();
    view::clear();
    let handler = note_interrupt as extern "C" fn(libc::c_int) as libc::sighandler_t;
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the handler only stores to an atomic.
        unsafe { libc::signal(signal, handler) };
    }
}

/// Whether somebody wants this program to end.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

extern "C" fn note_interrupt(_signal: libc::c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Marks all descriptors but the standard ones. What std opens is so marked
/// from the start; these came from whoever started us.
fn close_on_exec() {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    for number in entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
        if number > libc::STDERR_FILENO {
            // SAFETY: a flag of a descriptor, at worst of a closed one.
            unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
}

/// Makes the command start in a session of its own, with default signals.
pub fn isolate(command: &mut Command) {
    // SAFETY: the closure only makes system calls: no allocation, no lock.
    unsafe { command.pre_exec(enter) };
}

/// Runs between fork and exec. The calls are the kernel's own, as the C
/// library keeps signals 32 and 33 out of reach.
fn enter() -> io::Result<()> {
    process::setsid()?;
    process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // Larger than the kernel's structure on any machine: handler, flags, mask.
    let default = [0_u64; 8];
    let action = default.as_ptr();
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: the structure is all zeros, which is SIG_DFL, and is only read.
        // KILL and STOP are refused, and are at their default anyway.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action, 0_usize, SET_SIZE) };
    }
    let (how, old) = (libc::SIG_SETMASK, 0_usize);
    // SAFETY: an empty set, which is only read.
    match unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, action, old, SET_SIZE) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}

/// A process, from its line in /proc.
pub struct Process {
    pub pid: Pid,
    pub name: String,
    session: i32,
}

/// The processes of a session that have not ended.
pub fn members(session: Pid) -> Vec<Process> {
    let session = session.as_raw_nonzero().get();
    running().filter(|process| process.session == session).collect()
}

/// Kills a session, and what left it but still has this scratch directory in
/// its environment. Repeats, as a process may fork while being looked at.
pub fn kill(session: Pid, scratch: &Path) {
    let session = session.as_raw_nonzero().get();
    let mark = [b"SCRATCH=", scratch.as_os_str().as_bytes()].concat();
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        let belongs = |process: &Process| process.session == session || process.carries(&mark);
        let victims: Vec<_> = running().filter(belongs).collect();
        for victim in &victims {
            let _ = process::kill_process(victim.pid, Signal::KILL);
        }
        if victims.is_empty() || Instant::now() > deadline {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn running() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(Process::find)
}

impl Process {
    /// Reads /proc/PID/stat; nothing for a zombie. The name in parentheses
    /// may hold anything, parentheses too.
    fn find(pid: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        let (head, fields) = stat.rsplit_once(") ")?;
        let (_, name) = head.split_once('(')?;
        let mut fields = fields.split(' ');
        fields.next().filter(|state| !matches!(*state, "Z" | "X"))?;
        // Passes over the parent and the process group.
        let session = fields.nth(2)?.parse().ok()?;
        Some(Self { pid: Pid::from_raw(pid)?, name: name.to_owned(), session })
    }

    fn carries(&self, variable: &[u8]) -> bool {
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == variable)
    }
}
