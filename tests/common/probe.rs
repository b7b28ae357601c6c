//! The tests' helper: reports, prepares and watches processes, descriptors, signals and locks.
//!
//! It starts like flock itself, without the start-up of the standard library, so
//! that what it reports is what it was given.

#![no_main]
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks, clippy::borrow_as_ptr)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::missing_panics_doc)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]

#[path = "probe/fuse.rs"]
mod fuse;
#[path = "probe/lock.rs"]
mod lock;
#[path = "probe/pty.rs"]
mod pty;
#[path = "probe/receive.rs"]
mod receive;
#[path = "probe/report.rs"]
mod report;
#[path = "probe/setting.rs"]
mod setting;
#[path = "probe/watch.rs"]
mod watch;

use flock_rs::sys::Args;
use std::ffi::{CString, OsStr};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

flock_rs::entry!(run);

/// The words of the command line, as bytes.
pub type Words = Vec<Vec<u8>>;

fn run(args: Args) -> u8 {
    let words = (0..args.count()).filter_map(|index| args.get(index));
    let words: Words = words.map(|word| word.to_bytes().to_vec()).collect();
    if words.get(1).is_some_and(|word| word == b"args") {
        return report::args(&words);
    }
    let Some(verb) = words.get(1) else { panic!("probe: what?") };
    let rest: Words = words[2..].to_vec();
    match verb.as_slice() {
        b"fds" => report::descriptors(rest.first().map(|pid| number(pid))),
        b"signals" => report::signals(rest.first().map(|pid| number(pid))),
        b"threads" => report::threads(number(&rest[0])),
        b"with" => setting::apply_and_execute(&rest),
        b"hold" => lock::hold(&text(&rest[0]), &rest[1], &rest[2..]),
        b"hold-by-mapping" => lock::hold_by_mapping(&rest[0]),
        b"hold-by-thread" => lock::hold_by_thread(rest[0].clone()),
        b"fdlock" => lock::try_descriptor(&text(&rest[0]), number(&rest[1])),
        b"under" => lock::under(&text(&rest[0]), &rest[1..]),
        b"under-idle" => watch::idle_parent().max(lock::under(&text(&rest[0]), &rest[1..])),
        b"test" => lock::test(&text(&rest[0]), &rest[1]),
        b"await-waiting" => watch::waiting(number(&rest[0])),
        b"await-locked" => watch::locked(&rest[0], true),
        b"await-free" => watch::locked(&rest[0], false),
        b"await-state" => watch::state(number(&rest[0]), &rest[1]),
        b"await-gone" => watch::gone(number(&rest[0])),
        b"await-file" => watch::file(&rest[0]),
        b"await-call" => watch::call(number(&rest[0]), &text(&rest[1])),
        b"await-idle" => rest.iter().map(|pid| watch::idle(number(pid))).max().unwrap(),
        b"serve" => fuse::serve(&rest[0], &rest[1..]),
        b"receive" => receive::until_last(),
        b"sleep" => sleep(&rest[0]),
        b"timed" => timed(&rest),
        b"pty" => pty::run(&rest, false),
        b"pty-out" => pty::run(&rest, true),
        b"pty-keys" => pty::type_keys(&rest[0], &rest[1..]),
        b"killed" => killed(&rest),
        other => panic!("probe: unknown verb {}", String::from_utf8_lossy(other)),
    }
}

/// A word as text, where the protocol has nothing but ASCII.
pub fn text(word: &[u8]) -> String {
    String::from_utf8(word.to_vec()).expect("a word of ASCII")
}

/// A word as a number.
pub fn number<T: std::str::FromStr>(word: &[u8]) -> T {
    text(word).parse().unwrap_or_else(|_| panic!("probe: not a number: {word:?}"))
}

/// A word as a C string.
pub fn c_string(word: &[u8]) -> CString {
    CString::new(word).expect("no NUL in a word")
}

/// A word as a path.
pub fn path(word: &[u8]) -> &std::path::Path {
    std::path::Path::new(OsStr::from_bytes(word))
}

/// Prints to standard output, at once.
pub fn print(line: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

/// Executes a command in this process's place.
pub fn execute(words: &[Vec<u8>], argv: &[Vec<u8>]) -> ! {
    let program = c_string(&words[0]);
    let argv: Vec<CString> = argv.iter().map(|word| c_string(word)).collect();
    let mut pointers: Vec<_> = argv.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    unsafe { libc::execvp(program.as_ptr(), pointers.as_ptr()) };
    panic!("probe: {program:?}: {}", std::io::Error::last_os_error());
}

/// Runs a command as a child, and returns what waitpid(2) says of it.
pub fn wait_for(words: &[Vec<u8>], before_exec: impl FnOnce()) -> i32 {
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "probe: fork: {}", std::io::Error::last_os_error());
    if child == 0 {
        before_exec();
        execute(words, words);
    }
    wait_for_pid(child)
}

/// Waits for a child.
pub fn wait_for_pid(child: i32) -> i32 {
    let mut status = 0;
    while unsafe { libc::waitpid(child, &mut status, 0) } < 0 {}
    status
}

/// A wait status as a shell has it.
pub fn shell_status(status: i32) -> u8 {
    if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status) as u8
    } else {
        libc::WEXITSTATUS(status) as u8
    }
}

fn sleep(milliseconds: &[u8]) -> u8 {
    std::thread::sleep(Duration::from_millis(number(milliseconds)));
    0
}

fn timed(words: &[Vec<u8>]) -> u8 {
    let minimum = Duration::from_millis(number(&words[0]));
    let start = Instant::now();
    let status = wait_for(&words[1..], || ());
    let took = start.elapsed();
    if took < minimum {
        let _ = writeln!(std::io::stderr(), "too early: {} ms", took.as_millis());
    }
    shell_status(status)
}

fn killed(words: &[Vec<u8>]) -> u8 {
    let status = wait_for(words, || ());
    if libc::WIFSIGNALED(status) {
        print(&format!("signal {}\n", libc::WTERMSIG(status)));
    } else {
        print(&format!("exit {}\n", libc::WEXITSTATUS(status)));
    }
    0
}
