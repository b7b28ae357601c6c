//! The plain path pays for nothing that it does not use: its system calls, one by one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stderr)]

#[path = "common/mod.rs"]
mod common;

use common::Scratch;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The C library that the binary under test is linked with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Library {
    Glibc,
    Musl,
}

impl Library {
    /// A static glibc has the name of its variable for tunables in it, and musl has none.
    fn of(program: &Path) -> Self {
        let name = b"GLIBC_TUNABLES";
        let bytes = fs::read(program).unwrap();
        let is_glibc = bytes.windows(name.len()).any(|window| window == name);
        if is_glibc { Self::Glibc } else { Self::Musl }
    }

    /// What it does between execve(2) and main. Seen with strace on x86-64, of both builds:
    /// glibc 2.36 and musl 1.2.3 of Debian 12, and the musl that comes with rustup's target.
    /// An empty C program that is linked statically to that glibc does the same.
    fn start_up(self) -> &'static str {
        match self {
            Self::Glibc => {
                "brk brk arch_prctl set_tid_address set_robust_list rseq prlimit64 readlink \
                 getrandom brk brk brk mprotect"
            }
            Self::Musl => "arch_prctl set_tid_address",
        }
    }

    /// How SIGALRM comes to be caught: unblocked while it waits, and caught by signal-hook,
    /// through sigaction(3), where musl blocks signals for SIGABRT's sake.
    fn catch(self) -> &'static str {
        match self {
            Self::Glibc => {
                "rt_sigprocmask rt_sigaction rt_sigaction rt_sigaction rt_sigaction \
                 rt_sigaction rt_sigprocmask"
            }
            Self::Musl => {
                "rt_sigprocmask rt_sigaction rt_sigaction rt_sigprocmask rt_sigaction \
                 rt_sigaction rt_sigaction rt_sigprocmask"
            }
        }
    }
}

/// Flushing and checking the two output streams, and the end.
const END: &str = "dup close dup close exit_group";

/// What flock itself begins with.
const FIRST: [&str; 3] = ["open", "openat", "flock"];

/// How a process becomes the command.
const COMMAND: &str = "execve(\"./true\"";

/// What flock did, from execve(2) to the end or to the next execve(2), and what the process
/// that it made for the command did up to its execve(2).
struct Traced {
    flock: Vec<String>,
    child: Option<Vec<String>>,
}

fn trace(arguments: &str) -> Traced {
    let scratch = Scratch::new("plain-path").expect("a scratch directory");
    let directory = scratch.path();
    fs::write(directory.join("true"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(directory.join("true"), fs::Permissions::from_mode(0o755)).unwrap();
    let script =
        format!("exec strace -qq -ff -o trace -e signal=none \"$FLOCK\" {arguments} 9>lock");
    let status = Command::new("/bin/sh")
        .args(["-c", &script])
        .env_clear()
        .env("FLOCK", common::ours())
        .env("PATH", "/usr/bin:/bin")
        .current_dir(directory)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0), "strace and flock");
    let (mut flock, mut child) = (None, None);
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().starts_with("trace.") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap();
        let is_flock = text.starts_with("execve(") && !text.starts_with(COMMAND);
        let place = if is_flock { &mut flock } else { &mut child };
        assert!(place.is_none(), "one process more than expected:\n{text}");
        let names = text.lines().filter_map(|line| line.split('(').next()).map(str::to_owned);
        let up_to = |name: &String| name != "execve";
        *place = Some(if is_flock {
            names.skip(1).take_while(up_to).collect()
        } else {
            names.take_while(up_to).collect()
        });
    }
    Traced { flock: flock.expect("a trace of flock"), child }
}

/// Whether the start-up of this machine's C library is the one of the list.
fn knows_start_up(library: Library) -> bool {
    if library == Library::Musl {
        return cfg!(target_arch = "x86_64");
    }
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let version = output.map(|output| output.stdout).unwrap_or_default();
    cfg!(target_arch = "x86_64") && version == b"glibc 2.36\n"
}

/// Compares all that flock did with the start-up and `own`, and the child with nothing at
/// all: between its birth and its execve(2) it makes no call.
fn check(arguments: &str, own: &str, has_child: bool) {
    if !can_trace() {
        return;
    }
    let library = Library::of(&common::ours());
    let traced = trace(arguments);
    let mut seen: Vec<&str> = traced.flock.iter().map(String::as_str).collect();
    let mut expected = Vec::new();
    if knows_start_up(library) {
        expected.extend(library.start_up().split(' '));
    } else {
        assert!(!common::in_ci() || cfg!(not(target_arch = "x86_64")), "another C library");
        eprintln!("skipped: the start-up of a C library that is not Debian 12's on x86-64");
        seen.drain(..seen.iter().position(|name| FIRST.contains(name)).expect("a call of ours"));
    }
    expected.extend(own.split(' '));
    let seen: Vec<_> = seen.into_iter().map(usual).collect();
    assert!(expected == seen, "flock {arguments}\n{}", difference(&expected, &seen));
    let child = traced.child.map(|calls| calls.join(" "));
    assert_eq!(child.as_deref(), has_child.then_some(""), "the child of flock {arguments}");
}

/// Where there is no open(2), there is openat(2).
fn usual(name: &str) -> &str {
    if name == "openat" { "open" } else { name }
}

/// What is not the same: between what agrees at the beginning and at the end.
fn difference(expected: &[&str], seen: &[&str]) -> String {
    let same = |(one, other): &(&&str, &&str)| one == other;
    let before = expected.iter().zip(seen).take_while(same).count();
    let (expected, seen) = (&expected[before..], &seen[before..]);
    let after = expected.iter().rev().zip(seen.iter().rev()).take_while(same).count();
    let part = |calls: &[&str]| calls[..calls.len() - after].join(" ");
    format!(
        "after {before} calls and before the last {after}, which are the same,\n\
         expected: {}\n    seen: {}",
        part(expected),
        part(seen)
    )
}

/// Whether strace is here; in CI it has to be.
fn can_trace() -> bool {
    let found = Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_ok();
    assert!(found || !common::in_ci(), "strace is missing");
    if !found {
        eprintln!("skipped: strace is missing");
    }
    found
}

#[test]
fn a_descriptor_takes_one_call() {
    check("-n 9", &format!("flock {END}"), false);
}

#[test]
fn a_command_takes_five() {
    check("lock ./true", &format!("open flock rt_sigaction clone wait4 {END}"), true);
}

#[test]
fn a_command_in_place_takes_three() {
    check("-F lock ./true", "open flock rt_sigaction", false);
}

#[test]
fn a_timeout_takes_its_timer_and_a_signal_caught_and_put_back() {
    let catch = Library::of(&common::ours()).catch();
    let wait = "timer_create timer_settime flock timer_delete rt_sigprocmask rt_sigaction";
    let run = format!("rt_sigaction clone wait4 {END}");
    check("-w 5 lock ./true", &format!("open {catch} {wait} {run}"), true);
}

#[test]
fn a_call_more_or_fewer_is_a_difference() {
    assert_eq!(
        difference(&["open", "flock", "close"], &["open", "getpid", "flock", "close"]),
        "after 1 calls and before the last 2, which are the same,\n\
         expected: \n    seen: getpid"
    );
}
