//! The system calls that flock makes itself: read from what strace(1) writes.

use crate::errors::canonical;
use std::collections::HashMap;

/// A system call, by its place among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// As the kernel calls it.
    pub name: String,
    /// How many of that name the process has made so far, this one included.
    pub count: usize,
    /// The same for flock's own calls alone, by their [`canonical`] names.
    pub nth: usize,
    /// What stands in the trace.
    line: String,
    /// The call before it.
    previous: String,
}

impl Call {
    pub fn canonical(&self) -> &str {
        canonical(&self.name)
    }

    /// What the call is for: one of util-linux's flock and one of ours that are for the same
    /// have this in common, whatever other calls of the name they make.
    pub fn purpose(&self) -> &str {
        let arguments = self.line.split_once('(').map_or("", |(_, arguments)| arguments);
        let up_to = |end: &[char]| arguments.split(end).next().unwrap_or_default();
        match self.canonical() {
            "open" => arguments.split('"').nth(1).unwrap_or_default(),
            "flock" => up_to(&[')', '<']).split(", ").nth(1).map_or("", str::trim),
            // Its end sends a signal if it is the command.
            "clone" if arguments.contains("SIGCHLD") => "command",
            "close" | "wait4" => &self.previous,
            "dup" | "write" | "rt_sigaction" => up_to(&[',', ')']),
            _ => "",
        }
    }

    /// Opens the lock file, as the first open(2) on it does.
    pub fn opens_lock(&self) -> bool {
        self.canonical() == "open" && self.line.contains("\"lock\"")
    }

    /// Locks, or tries to.
    pub fn locks(&self) -> bool {
        self.name == "flock" || self.name == "fcntl" && self.line.contains("F_OFD_SETLK")
    }
}

/// What a run does.
pub struct Trace {
    /// What the C library begins with.
    pub start: Vec<Call>,
    /// The process that was started, from there on.
    pub main: Vec<Call>,
    /// Its first child, until that executes the command.
    pub child: Vec<Call>,
    /// All others.
    pub others: Vec<Call>,
}

/// What the C libraries do before `main`.
const START_UP: &str = "execve access brk arch_prctl set_tid_address set_robust_list rseq \
                        prlimit64 readlink readlinkat getrandom mprotect mmap munmap futex";

impl Trace {
    /// Reads a trace of all processes. util-linux's flock opens many files before it begins:
    /// its own calls are those from the first one on that has to do with a lock.
    pub fn parse(text: &str, is_reference: bool) -> Self {
        let mut processes: Vec<(&str, Vec<Call>)> = Vec::new();
        for (pid, call) in text.lines().filter_map(|line| line.split_once(' ')) {
            let call = call.trim_start();
            let Some((name, _)) =
                call.split_once('(').filter(|_| !call.starts_with(['<', '-', '+']))
            else {
                continue;
            };
            if !processes.iter().any(|(known, _)| *known == pid) {
                processes.push((pid, Vec::new()));
            }
            let (_, calls) = processes.iter_mut().find(|(known, _)| *known == pid).unwrap();
            let count = 1 + calls.iter().filter(|call| call.name == name).count();
            let previous = calls.last().map_or("", Call::canonical).to_owned();
            let name = name.to_owned();
            calls.push(Call { name, count, nth: 0, line: call.to_owned(), previous });
        }
        let mut processes = processes.into_iter().map(|(_, calls)| calls);
        let mut start = processes.next().unwrap_or_default();
        let begins = |call: &Call| {
            if is_reference { is_of_a_lock(call) } else { !is_of_start_up(&call.name) }
        };
        let first = start.iter().position(begins).unwrap_or(start.len());
        let main = numbered(start.split_off(first));
        let child = numbered(processes.next().unwrap_or_default());
        Self { start, main, child, others: processes.flatten().collect() }
    }
}

fn is_of_start_up(name: &str) -> bool {
    START_UP.split_whitespace().any(|known| known == name)
}

fn is_of_a_lock(call: &Call) -> bool {
    let begins = ["flock(", "timer_create(", "rt_sigaction(SIGALRM", "rt_sigaction(SIGCHLD"];
    call.opens_lock() || begins.iter().any(|begin| call.line.starts_with(begin))
}

/// Counts flock's own calls. What musl does with its own two signals, glibc does not.
fn numbered(calls: Vec<Call>) -> Vec<Call> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let own = calls.into_iter().filter(|call| !call.line.contains("SIG_UNBLOCK, [RT_1 RT_2]"));
    own.map(|call| {
        let count = counts.entry(call.canonical().to_owned()).or_default();
        *count += 1;
        Call { nth: *count, ..call }
    })
    .collect()
}
