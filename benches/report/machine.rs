//! Where, when and how it was measured.

use crate::common;
use std::fs;
use std::process::Command;
use std::thread;

/// Facts with their names, in the order in which they are shown.
pub struct Machine {
    pub facts: Vec<(&'static str, String)>,
}

impl Machine {
    pub fn describe(command: &str) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let version = common::version_text(&common::reference());
        let facts = vec![
            ("processor", format!("{}, {cores} cores", processor())),
            ("kernel", read("/proc/sys/kernel/osrelease")),
            ("libc", output("getconf", &["GNU_LIBC_VERSION"])),
            ("util-linux", version.unwrap_or_else(|reason| reason)),
            ("flock-rs", revision()),
            ("date", output("date", &["--utc", "+%Y-%m-%d"])),
            ("command", command.to_owned()),
        ];
        Self { facts }
    }
}

impl Machine {
    /// The fact of this name.
    pub fn fact(&self, name: &str) -> &str {
        let fact = self.facts.iter().find(|(known, _)| *known == name);
        fact.map_or("unknown", |(_, value)| value.as_str())
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

fn revision() -> String {
    let directory = env!("CARGO_MANIFEST_DIR");
    let commit = output("git", &["-C", directory, "describe", "--always", "--dirty"]);
    format!("{}, commit {commit}", env!("CARGO_PKG_VERSION"))
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}
