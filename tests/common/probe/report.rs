//! What a process has: arguments, descriptors, signals, threads.

use crate::{Words, print};
use std::collections::BTreeMap;
use std::fs;

/// Prints one argument a line, in angle brackets.
pub fn args(words: &Words) -> u8 {
    for word in words {
        print(&format!("<{}>\n", word.escape_ascii()));
    }
    0
}

/// Prints one open descriptor a line.
pub fn descriptors(pid: Option<i32>) -> u8 {
    let process = pid.map_or("/proc/self".to_owned(), |pid| format!("/proc/{pid}"));
    let mut found = BTreeMap::new();
    // Numbers first: reading the directory takes a descriptor of its own.
    let numbers: Vec<i32> = match pid {
        None => (0..65536).filter(|&n| unsafe { libc::fcntl(n, libc::F_GETFD) } >= 0).collect(),
        Some(_) => fs::read_dir(format!("{process}/fd"))
            .expect("a process that lives")
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect(),
    };
    for number in numbers {
        // Another process may have closed it in the meantime.
        if let Some(description) = describe(&process, number) {
            found.insert(number, description);
        }
    }
    for (number, description) in found {
        print(&format!("{number} {description}\n"));
    }
    0
}

fn describe(process: &str, number: i32) -> Option<String> {
    let info = fs::read_to_string(format!("{process}/fdinfo/{number}")).ok()?;
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    let flags = i32::from_str_radix(&field("flags:"), 8).unwrap();
    let access = match flags & libc::O_ACCMODE {
        _ if flags & libc::O_PATH != 0 => "path",
        libc::O_RDONLY => "r",
        libc::O_WRONLY => "w",
        _ => "rw",
    };
    let target = fs::read_link(format!("{process}/fd/{number}")).ok()?;
    let mut text = format!("{access} {}", name(&target.to_string_lossy()));
    let offset = field("pos:");
    if offset != "0" && target.is_absolute() && !target.starts_with("/dev") {
        text = format!("{text} @{offset}");
    }
    for (flag, word) in [(libc::O_APPEND, " append"), (libc::O_NONBLOCK, " nonblock")] {
        if flags & flag != 0 {
            text += word;
        }
    }
    Some(text)
}

/// What a descriptor leads to, in words that are the same in each run.
fn name(target: &str) -> String {
    let scratch = std::env::var("SCRATCH").unwrap_or_default();
    if target.starts_with("pipe:") {
        "pipe".to_owned()
    } else if target.starts_with("socket:") {
        "socket".to_owned()
    } else if target.starts_with("/dev/pts/") || target == "/dev/tty" {
        "tty".to_owned()
    } else if !scratch.is_empty() && target == scratch {
        ".".to_owned()
    } else if let Some(below) = target.strip_prefix(&format!("{scratch}/")) {
        if scratch.is_empty() { target.to_owned() } else { below.to_owned() }
    } else {
        target.to_owned()
    }
}

/// Prints the blocked, ignored, caught and pending signals.
pub fn signals(pid: Option<i32>) -> u8 {
    let process = pid.map_or("self".to_owned(), |pid| pid.to_string());
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let set = |field: &str| {
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
    };
    let pending = set("SigPnd:") | set("ShdPnd:");
    for (word, bits) in [
        ("blocked", set("SigBlk:")),
        ("ignored", set("SigIgn:")),
        ("caught", set("SigCgt:")),
        ("pending", pending),
    ] {
        let numbers = (1..=64).filter(|signal| bits >> (signal - 1) & 1 == 1);
        let numbers: Vec<String> = numbers.map(|signal| format!(" {signal}")).collect();
        print(&format!("{word}{}\n", numbers.concat()));
    }
    0
}

/// Prints how many threads a process has.
pub fn threads(pid: i32) -> u8 {
    let count = fs::read_dir(format!("/proc/{pid}/task")).unwrap().count();
    print(&format!("{count}\n"));
    0
}
