//! Waits, within a bound, for something to be so.

use crate::path;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(20);
/// The status of a wait that was in vain.
const IN_VAIN: u8 = 99;

fn until(what: &str, is_so: impl Fn() -> bool) -> u8 {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() > BOUND {
            crate::print(&format!("probe: waited in vain: {what}\n"));
            return IN_VAIN;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    0
}

/// Until the process waits for a lock.
pub fn waiting(pid: i32) -> u8 {
    until("await-waiting", || {
        let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        let mut words = call.split_whitespace();
        let number: i64 = words.next().and_then(|word| word.parse().ok()).unwrap_or(-1);
        let command = words.nth(1).unwrap_or_default();
        // The number of F_OFD_SETLKW; flock(2) has nothing else to wait for.
        number == libc::SYS_flock || (number == libc::SYS_fcntl && command == "0x26")
    })
}

/// The calls of open(2).
const OPEN: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    libc::SYS_openat,
];

/// The calls of fstat(2).
const FSTAT: &[i64] = &[libc::SYS_fstat, libc::SYS_newfstatat];

/// Until the process is in this system call.
pub fn call(pid: i32, name: &str) -> u8 {
    let wanted = match name {
        "clone" => libc::SYS_clone,
        "execve" => libc::SYS_execve,
        "exit_group" => libc::SYS_exit_group,
        "fstat" | "open" => {
            let calls = if name == "open" { OPEN } else { FSTAT };
            return until("await-call", || calls.iter().any(|call| is_in(pid, *call)));
        }
        "read" => libc::SYS_read,
        "statx" => libc::SYS_statx,
        "write" => libc::SYS_write,
        other => panic!("probe: unknown system call {other}"),
    };
    until("await-call", || is_in(pid, wanted))
}

/// Until the process waits for a signal and has dealt with all that came before.
pub fn idle(pid: i32) -> u8 {
    // In this order: one that was taken from the queue is dealt with before the next wait.
    until("await-idle", || !has_pending(pid) && is_in(pid, libc::SYS_rt_sigtimedwait))
}

/// The same of the parent, or until it waits for a child alone, or has ended.
pub fn idle_parent() -> u8 {
    let parent = || unsafe { libc::getppid() };
    let first = parent();
    until("under-idle", || {
        let is_idle = is_in(first, libc::SYS_rt_sigtimedwait) || waits_for_a_child(first);
        first == 1 || parent() != first || !has_pending(first) && is_idle
    })
}

fn is_in(pid: i32, call: i64) -> bool {
    system_call(pid).first() == Some(&call.to_string())
}

/// In wait4(2), and not only to look.
fn waits_for_a_child(pid: i32) -> bool {
    let words = system_call(pid);
    words.first() == Some(&libc::SYS_wait4.to_string())
        && words.get(3).is_some_and(|options| options == "0x0")
}

/// The number of the system call that the process is in, and its arguments.
fn system_call(pid: i32) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

fn has_pending(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let sets = status.lines().filter_map(|line| line.split_once("Pnd:"));
    sets.into_iter().any(|(_, set)| set.trim().bytes().any(|digit| digit != b'0'))
}

/// Until a lock on the file is held by anybody, or by nobody.
pub fn locked(file: &[u8], wanted: bool) -> u8 {
    // A reading of /proc/locks may miss a lock while others come and go.
    until("await-locked", || is_locked(file) == wanted && is_locked(file) == wanted)
}

fn is_locked(file: &[u8]) -> bool {
    let Ok(metadata) = fs::metadata(path(file)) else { return false };
    let inode = format!(":{}", metadata.ino());
    let locks = fs::read_to_string("/proc/locks").expect("/proc/locks");
    let mut held = locks.lines().filter(|line| !line.contains("->"));
    held.any(|line| line.split_whitespace().nth(5).is_some_and(|file| file.ends_with(&inode)))
}

/// Until the state letter of the process is one of these.
pub fn state(pid: i32, letters: &[u8]) -> u8 {
    until("await-state", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().and_then(|rest| rest.bytes().next());
        state.is_some_and(|state| letters.contains(&state))
    })
}

/// Until the process is gone.
pub fn gone(pid: i32) -> u8 {
    until("await-gone", || !fs::exists(format!("/proc/{pid}")).unwrap_or(false))
}

/// Until the file is there and not empty.
pub fn file(file: &[u8]) -> u8 {
    until("await-file", || fs::metadata(path(file)).is_ok_and(|metadata| metadata.len() > 0))
}
