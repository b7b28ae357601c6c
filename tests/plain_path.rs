//! The plain path pays for nothing that it does not use: its system calls, one by one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stderr)]

#[path = "common/mod.rs"]
mod common;

use common::Scratch;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// The most that the C library may do before flock's own first call.
const START_UP: usize = 15;
/// Flushing and checking the two output streams, and the end.
const END: &str = "dup close dup close exit_group";

/// The system calls that flock makes itself, from execve(2) to the end or to the next
/// execve(2), without those of the C library's start-up.
fn calls(arguments: &str) -> String {
    let scratch = Scratch::new("plain-path").expect("a scratch directory");
    let directory = scratch.path();
    fs::write(directory.join("true"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(directory.join("true"), fs::Permissions::from_mode(0o755)).unwrap();
    let script = format!("exec strace -qq -o trace -e signal=none \"$FLOCK\" {arguments} 9>lock");
    let status = Command::new("/bin/sh")
        .args(["-c", &script])
        .env("FLOCK", common::ours())
        .env("PATH", "/usr/bin:/bin")
        .current_dir(directory)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0), "strace and flock");
    let trace = fs::read_to_string(directory.join("trace")).unwrap();
    let names: Vec<&str> = trace.lines().filter_map(|line| line.split('(').next()).collect();
    let first = names.iter().position(|name| FIRST.contains(name)).expect("a call of flock's own");
    assert!(first <= START_UP, "{first} calls before flock's first: {names:?}");
    let own = names[first..].iter().take_while(|name| **name != "execve");
    own.copied().collect::<Vec<_>>().join(" ")
}

/// What flock begins with.
const FIRST: [&str; 3] = ["open", "openat", "flock"];

/// Whether strace is here; in CI it has to be.
fn can_trace() -> bool {
    let found = Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "strace is missing");
    if !found {
        eprintln!("skipped: strace is missing");
    }
    found
}

#[test]
fn a_descriptor_takes_one_call() {
    if can_trace() {
        assert_eq!(calls("-n 9"), format!("flock {END}"));
    }
}

#[test]
fn a_command_takes_five() {
    if can_trace() {
        assert_eq!(calls("lock ./true"), format!("open flock rt_sigaction clone wait4 {END}"));
    }
}

#[test]
fn a_command_in_place_takes_three() {
    if can_trace() {
        assert_eq!(calls("-F lock ./true"), "open flock rt_sigaction");
    }
}

#[test]
fn a_timeout_takes_its_timer_and_a_signal_caught_and_put_back() {
    if can_trace() {
        let catch = "rt_sigprocmask";
        let release = "timer_delete rt_sigprocmask rt_sigaction";
        let seen = calls("-w 5 lock ./true");
        // How many calls catch a signal is the C library's and signal-hook's affair.
        let (before, after) = seen.split_once(" timer_create timer_settime ").unwrap();
        assert_eq!(after, format!("flock {release} rt_sigaction clone wait4 {END}"));
        let caught = before.strip_prefix(&format!("open {catch} ")).expect(before);
        let caught: Vec<&str> = caught.split(' ').collect();
        assert!(caught.iter().all(|name| name.starts_with("rt_sig")), "{before}");
        assert!(caught.len() <= 7, "{before}");
    }
}
