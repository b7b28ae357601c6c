//! The command: found as execvp(3) finds it, run, waited for.

use crate::console::Console;
use crate::errno;
use crate::error::Error;
use crate::exit::Exit;
use crate::hint;
use crate::request::{Command, Launch};
use crate::sys::{self, Argv, Forwarding, Received};
use crate::target::Targets;
use rustix::io::{self, Errno};
use rustix::process::{self, Pid, Signal, WaitOptions};
use std::ffi::CStr;

const SHELL: &CStr = c"/bin/sh";
/// Where execvp(3) of the GNU C library looks if PATH is not set.
const DEFAULT_PATH: &CStr = c"/bin:/usr/bin";
/// The longest path that the kernel takes, in bytes, with the final NUL.
const PATH_MAX: usize = 4096;

/// A command that is ready to run.
pub struct Program {
    argv: Argv,
}

impl Program {
    /// Makes a command ready to run.
    pub fn new(command: Command) -> Self {
        let argv = match command {
            Command::Program(argv) => argv,
            Command::Shell(string) => {
                let shell = sys::variable(c"SHELL").filter(|shell| !shell.is_empty());
                Argv::new([shell.unwrap_or(SHELL), c"-c", string])
            }
        };
        Self { argv }
    }

    /// The name by which the command is looked for.
    pub fn name(&self) -> &'static CStr {
        self.argv.program()
    }

    /// Runs the command and returns the status to exit with.
    pub fn run(&self, launch: Launch, locks: &Targets, console: &mut Console) -> Result<u8, Error> {
        // Otherwise the kernel would reap the command before we do.
        sys::default_sigchld();
        let (close, forward) = match launch {
            Launch::Replace => {
                console.flush_at_any_rate();
                sys::exit_now(self.replace(console))
            }
            Launch::Fork { close, forward } => (close, forward),
        };
        let forwarding = forward.then(Forwarding::start).transpose().map_err(Error::Signals)?;
        let child = sys::fork(Some(Signal::CHILD), || {
            forwarding.iter().for_each(Forwarding::release);
            if close {
                locks.close();
            }
            self.replace(console)
        });
        let child = child.map_err(Error::Fork)?;
        match forwarding {
            None => wait(child),
            Some(forwarding) => wait_and_forward(child, forwarding, console),
        }
    }

    /// Becomes the command. If that fails, says why and returns the status to
    /// exit with at once: output that is held back is lost, as in util-linux.
    fn replace(&self, console: &mut Console) -> u8 {
        let error = Error::Execute(self.name(), self.execute());
        console.report(&error);
        hint::after(&error, console);
        // util-linux chooses the status by errno, which is a failed message's by then.
        let exit = if console.lost_a_message() { Exit::Unavailable } else { error.exit() };
        exit.into()
    }

    /// execvp(3), as the GNU C library has it.
    fn execute(&self) -> Errno {
        let name = self.name();
        match name.to_bytes() {
            [] => Errno::NOENT,
            bytes if bytes.contains(&b'/') => self.attempt(name),
            bytes => self.search(bytes),
        }
    }

    /// Tries each directory of PATH. A failure that another directory may not
    /// have goes on to the next; of these, EACCES is remembered.
    fn search(&self, name: &[u8]) -> Errno {
        let path = sys::variable(c"PATH").unwrap_or(DEFAULT_PATH).to_bytes();
        let mut candidate = Vec::new();
        let (mut last, mut denied) = (Errno::NOENT, false);
        for directory in path.split(|&byte| byte == b':').filter(|path| path.len() < PATH_MAX) {
            candidate.clear();
            candidate.extend_from_slice(directory);
            if !directory.is_empty() {
                candidate.push(b'/');
            }
            candidate.extend_from_slice(name);
            candidate.push(0);
            last = self.attempt(CStr::from_bytes_until_nul(&candidate).unwrap_or_default());
            match last {
                Errno::ACCESS => denied = true,
                Errno::NOENT | Errno::NOTDIR | Errno::STALE | Errno::NODEV | Errno::TIMEDOUT => {}
                _ => return last,
            }
        }
        if denied { Errno::ACCESS } else { last }
    }

    /// Executes a file, by the shell if the kernel does not know what it is: a script
    /// without `#!`.
    fn attempt(&self, path: &CStr) -> Errno {
        match self.argv.execute(path) {
            Errno::NOEXEC => self.argv.interpret(SHELL, path),
            errno => errno,
        }
    }
}

/// Waits for the command.
fn wait(child: Pid) -> Result<u8, Error> {
    loop {
        if let Some(status) = ended(child, WaitOptions::empty())? {
            return Ok(status);
        }
    }
}

/// Waits for the command, and passes on to it what comes.
fn wait_and_forward(
    child: Pid,
    mut signals: Forwarding,
    console: &mut Console,
) -> Result<u8, Error> {
    signals.begin(child);
    loop {
        let status = ended(child, WaitOptions::NOHANG);
        if !matches!(status, Ok(None)) {
            // What comes now must not change the status; but whoever does not read what there
            // is to say must not make flock one that nothing ends.
            if console.holds_back() {
                signals.end();
            }
            return status.map(Option::unwrap_or_default);
        }
        let Ok(signal) = signals.next() else {
            signals.end();
            return wait(child);
        };
        if let Some(signal) = signal.filter(|signal| !has_it_already(child, signal)) {
            pass_on(child, &signal, console);
        }
    }
}

/// Sends a signal to the command. It may be refused, as the command may have become
/// another user's; and to say so must not end this process, and the lock with it, nor
/// keep it from hearing of the command's end.
fn pass_on(child: Pid, signal: &Received, console: &Console) {
    if let Err(errno) = process::kill_process(child, signal.which) {
        let (number, reason) = (signal.which.as_raw(), errno::text(errno));
        console.remark(&format!("cannot pass on signal {number}: {reason}"));
    }
}

/// Whether the command was sent the signal, too: the terminal sends its own to a whole
/// process group. But of a hangup, the kernel tells the leader of the session alone.
fn has_it_already(child: Pid, signal: &Received) -> bool {
    let leads = || process::getsid(None).ok() == Some(process::getpid());
    signal.from_kernel
        && process::getpgid(Some(child)).ok() == Some(process::getpgrp())
        && !(signal.which == Signal::HUP && leads())
}

/// What flock exits with, if the command has ended. One that was killed by a signal gives
/// 128 and the signal's number.
fn ended(child: Pid, options: WaitOptions) -> Result<Option<u8>, Error> {
    let ended =
        io::retry_on_intr(|| process::waitpid(Some(child), options)).map_err(Error::Wait)?;
    let Some((_, status)) = ended else { return Ok(None) };
    let status = status.exit_status().or(status.terminating_signal().map(|signal| 128 + signal));
    Ok(Some(status.and_then(|status| status.try_into().ok()).unwrap_or_default()))
}
