//! A process of the test: what it prints, how it ends; it never outlives its owner.

use rustix::process::{Pid, Signal, kill_process};
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What takes longer than this hangs. It takes a fraction of it.
pub const BOUND: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(1);

/// A process that runs.
pub struct Job {
    child: Child,
    name: String,
    output: [File; 2],
}

/// A process that has ended.
#[derive(Debug, PartialEq)]
pub struct End {
    /// The exit status, or the signal as a negative number.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Job {
    /// Starts it. Its output goes to files, since whoever it leaves behind may keep them open.
    pub fn start(mut command: Command) -> Result<Self, String> {
        let name = format!("{command:?}");
        let file = || tempfile().map_err(|error| format!("{name}: {error}"));
        let output = [file()?, file()?];
        let copy = |file: &File| file.try_clone().map_err(|error| format!("{name}: {error}"));
        command.stdout(copy(&output[0])?).stderr(copy(&output[1])?).stdin(Stdio::piped());
        let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { child, name, output })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has printed this.
    pub fn prints(&mut self, text: &str) -> Result<(), String> {
        until(format!("{}: prints {text:?}", self.name), || {
            let is_over = self.ended()?;
            match self.read(0)?.contains(text) {
                false if is_over => Err(self.cut_short()),
                is_there => Ok(is_there),
            }
        })
    }

    /// Waits until this is printed, by whatever it has left behind.
    pub fn has_printed(&self, text: &str) -> Result<(), String> {
        until(format!("{}: has printed {text:?}", self.name), || Ok(self.read(0)?.contains(text)))
    }

    /// Fails if it has ended.
    pub fn goes_on(&mut self) -> Result<(), String> {
        if self.ended()? { Err(self.cut_short()) } else { Ok(()) }
    }

    /// Waits until it waits for a lock: in flock(2) or fcntl(2), by /proc/PID/syscall.
    pub fn waits(&mut self) -> Result<(), String> {
        until(format!("{}: waits for a lock", self.name), || {
            self.goes_on()?;
            Ok(Self::is_waiting(self.pid()))
        })
    }

    /// Whether a process is in flock(2) or fcntl(2).
    pub fn is_waiting(pid: u32) -> bool {
        let text = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        let call = text.split(' ').next().and_then(|word| word.parse().ok());
        [libc::SYS_flock, libc::SYS_fcntl].map(Some).contains(&call)
    }

    /// Lets it go on that reads a line.
    pub fn say(&mut self) -> Result<(), String> {
        let pipe = self.child.stdin.as_mut().ok_or("no pipe")?;
        pipe.write_all(b"\n").map_err(|error| format!("{}: {error}", self.name))
    }

    pub fn signal(&self, signal: Signal) -> Result<(), String> {
        kill_process(Pid::from_child(&self.child), signal).map_err(|error| error.to_string())
    }

    /// Waits until it has ended; what it has left behind can still be told to go on.
    pub fn is_over(&mut self) -> Result<(), String> {
        until(format!("{}: ends", self.name), || self.ended())
    }

    /// Waits until it ends.
    pub fn end(mut self) -> Result<End, String> {
        self.is_over()?;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        let status = status.code().or(status.signal().map(|number| -number)).unwrap_or(-1000);
        Ok(End { status, stdout: self.read(0)?, stderr: self.read(1)? })
    }

    fn ended(&mut self) -> Result<bool, String> {
        self.child.try_wait().map(|status| status.is_some()).map_err(|error| error.to_string())
    }

    fn read(&self, which: usize) -> Result<String, String> {
        let file = self.output.get(which).ok_or("no such output")?;
        // The process writes at the same offset as this reads: each copy of a descriptor has
        // it in common. So it is read by a path of its own.
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
        let mut own = File::open(path).map_err(|error| error.to_string())?;
        let mut text = String::new();
        own.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    fn cut_short(&self) -> String {
        let (stdout, stderr) = (self.read(0), self.read(1));
        format!("{} ended too soon, with {stdout:?} and {stderr:?}", self.name)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !matches!(self.ended(), Ok(false)) {
            return;
        }
        let _ = self.child.kill();
        // A call that waits for a server may be cut short by nothing but the end of the mount.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) && matches!(self.ended(), Ok(false)) {
            thread::sleep(STEP);
        }
    }
}

/// A file without a name.
fn tempfile() -> rustix::io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    open(".", flags, Mode::RUSR | Mode::WUSR).map(Into::into)
}

/// Waits until it is so, not for ever.
pub fn until(
    what: impl Display,
    mut is_so: impl FnMut() -> Result<bool, String>,
) -> Result<(), String> {
    let start = Instant::now();
    while !is_so()? {
        if start.elapsed() > BOUND {
            return Err(format!("not within {} s: {what}", BOUND.as_secs()));
        }
        thread::sleep(STEP);
    }
    Ok(())
}
