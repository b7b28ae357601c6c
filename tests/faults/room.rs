//! One run of flock under strace(1), and what it leaves.
//!
//! It happens in a PID namespace of the worker's own, of which that is the first process: so
//! whatever is left of a run is seen, and everything ends with the worker.

use crate::common;
use crate::paths::Path;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, wait, waitpid,
};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// No run takes so long unless it hangs.
const LONGEST: Duration = Duration::from_secs(10);

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// An exit status, `signal N`, or `hang`.
    pub status: String,
    pub stdout: String,
    pub stderr: String,
    /// What is locked when flock has ended, if that may be.
    pub lock: &'static str,
    /// Which of the files there are in the end.
    pub files: String,
    /// What must never be.
    pub faults: Vec<String>,
}

/// What is started.
#[derive(Default)]
pub struct Started {
    pub program: PathBuf,
    /// Of strace(1).
    pub options: Vec<String>,
    /// A command that starts strace(1).
    pub around: Vec<String>,
    /// A command that starts flock, and that strace(1) watches as well.
    pub launcher: Vec<String>,
}

/// Where the runs of one worker happen.
pub struct Room {
    directory: PathBuf,
    top: PathBuf,
}

impl Room {
    pub fn new(top: PathBuf) -> io::Result<Self> {
        let directory = top.join("w");
        fs::create_dir_all(&directory)?;
        let directory = fs::canonicalize(directory)?;
        let script = format!("exec {} under x lock\n", common::probe().display());
        fs::write(directory.join("script"), script)?;
        fs::set_permissions(directory.join("script"), Permissions::from_mode(0o755))?;
        // Rows of --holders have it.
        fs::write("/proc/self/comm", "worker")?;
        Ok(Self { directory, top })
    }

    /// What strace(1) wrote last.
    pub fn trace(&self) -> String {
        fs::read_to_string(self.top.join("trace")).unwrap_or_default()
    }

    /// Runs flock on a path, under strace(1).
    pub fn run(&self, path: &Path, started: &Started) -> io::Result<Outcome> {
        self.furnish(path)?;
        let open =
            |name: &&str| File::options().read(true).write(true).open(self.directory.join(name));
        let held = path.held.iter().map(open).collect::<io::Result<Vec<File>>>()?;
        for file in &held {
            if path.kind.starts_with("ofd") {
                flock_rs::sys::lock_range(file.as_fd(), libc::F_WRLCK, (0, 0), false)?;
            } else {
                flock(file, FlockOperation::NonBlockingLockExclusive)?;
            }
        }
        let descriptor = if path.descriptor { Some(open(&"lock")?) } else { None };
        if let Some(file) = descriptor.as_ref().filter(|_| path.locked) {
            flock(file, FlockOperation::NonBlockingLockExclusive)?;
        }
        let mut watched = path.keeps().then(|| self.watched()).transpose()?;
        let pid = watched.as_ref().map(|child| child.id().to_string()).unwrap_or_default();
        let mut words = started.around.clone();
        words.extend(["/usr/bin/strace", "-D", "-qqq", "-o"].map(str::to_owned));
        words.push(self.top.join("trace").display().to_string());
        words.extend(started.options.iter().cloned());
        words.extend(started.launcher.iter().cloned());
        words.push(started.program.display().to_string());
        words.extend(self::words(path, &pid));
        let stdin = descriptor.as_ref().map(File::try_clone).transpose()?;
        let child = self.command(&words, stdin).spawn()?;
        let mut outcome = Outcome { status: status_of(&child), ..Outcome::default() };
        outcome.lock = self.locked(path, &held);
        self.check_processes(path, &mut outcome, watched.as_ref());
        if let Some(watched) = &mut watched {
            drop(watched.stdin.take());
        }
        if !all_gone() {
            outcome.faults.push("processes remain".to_owned());
        }
        let text = |name: &str| {
            String::from_utf8_lossy(&fs::read(self.top.join(name)).unwrap_or_default()).into_owned()
        };
        outcome.stdout = text("out");
        let directory = self.directory.display().to_string();
        outcome.stderr = text("err").replace(&directory, "DIR");
        if !pid.is_empty() {
            outcome.stderr = outcome.stderr.replace(&pid, "PID");
        }
        drop((held, descriptor));
        self.finish(path, &mut outcome);
        Ok(outcome)
    }

    /// The files of a path, as they are at its start.
    fn furnish(&self, path: &Path) -> io::Result<()> {
        let is_needed = path.descriptor
            || !path.held.is_empty()
            || path.files.len() > 1
            || path.standing.is_some();
        loop {
            for name in ["lock", "other"] {
                let file = self.directory.join(name);
                match fs::remove_file(&file) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                if is_needed && path.files.contains(&name) {
                    fs::write(file, "")?;
                }
            }
            let inode = |name| fs::metadata(self.directory.join(name)).map_or(0, |meta| meta.ino());
            // They are locked in this order.
            if path.files.len() < 2 || inode("lock") < inode("other") {
                return Ok(());
            }
            fs::write(self.top.join(format!("taken.{}", inode("other"))), "")?;
        }
    }

    /// These words, as a command with descriptor 9 or without.
    fn command(&self, words: &[String], descriptor: Option<File>) -> Command {
        let mut command = match descriptor {
            None => {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]).stdin(Stdio::null());
                command
            }
            Some(file) => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", "exec 9<&0 </dev/null; exec \"$@\"", "sh"]).args(words);
                command.stdin(file);
                command
            }
        };
        let create = |name| File::create(self.top.join(name)).expect("a file");
        command.current_dir(&self.directory).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").env("SHELL", "/bin/sh");
        command.stdout(create("out")).stderr(create("err"));
        command
    }

    /// The process whose life is a lock's: it ends when its standard input does.
    fn watched(&self) -> io::Result<Child> {
        let mut command = Command::new("/bin/cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).current_dir(&self.directory).spawn()
    }

    /// Whether the first file is locked, by others than the worker itself.
    fn locked(&self, path: &Path, held: &[File]) -> &'static str {
        if !held.is_empty() || !(path.descriptor || path.keeps()) {
            return "";
        }
        if self.is_free("lock") { "free" } else { "held" }
    }

    /// Whether nobody has a lock of either kind on a file.
    fn is_free(&self, name: &str) -> bool {
        let Ok(file) = File::options().read(true).write(true).open(self.directory.join(name))
        else {
            return true;
        };
        flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
            && flock_rs::sys::lock_range(file.as_fd(), libc::F_WRLCK, (0, 0), false).is_ok()
    }

    /// A failed --for-pid leaves nothing behind; no other path ever does. One that a signal ended
    /// has failed only if it had not left its keeper by then.
    fn check_processes(&self, path: &Path, outcome: &mut Outcome, watched: Option<&Child>) {
        let is_killed = outcome.status.starts_with("signal ");
        if path.keeps() && outcome.status != "0" && !is_killed {
            let watched = watched.map(|child| i32::try_from(child.id()).unwrap());
            if !others_gone(watched) {
                outcome.faults.push("a failure leaves a process behind".to_owned());
            }
            if !self.is_free("lock") && path.held.is_empty() {
                outcome.faults.push("a failure leaves a lock behind".to_owned());
            }
        }
    }

    fn finish(&self, path: &Path, outcome: &mut Outcome) {
        for name in path.files {
            if !self.is_free(name) {
                outcome.faults.push(format!("{name} is locked in the end"));
            }
            if self.directory.join(name).exists() {
                outcome.files += if outcome.files.is_empty() { "" } else { " " };
                outcome.files += name;
            }
        }
    }
}

fn words(path: &Path, pid: &str) -> Vec<String> {
    let probe = common::probe().display().to_string();
    let mut under = vec![probe, "under".to_owned(), path.kind.to_owned()];
    under.extend(path.files.iter().map(|file| (*file).to_owned()));
    let mut words = Vec::new();
    for word in path.words {
        match *word {
            "CMD" => words.extend(under.iter().cloned()),
            "IDLE" => {
                words.extend(under.iter().cloned());
                let verb = words.iter_mut().find(|word| *word == "under");
                "under-idle".clone_into(verb.unwrap());
            }
            "UNDER" => words.push(format!("exec {}", under.join(" "))),
            "PID" => words.push(pid.to_owned()),
            word => words.push(word.to_owned()),
        }
    }
    words
}

/// Waits for flock, and ends everything if it hangs.
fn status_of(child: &Child) -> String {
    let pid = Pid::from_child(child);
    let descriptor = pidfd_open(pid, PidfdFlags::empty()).expect("a process");
    let limit = Timespec { tv_sec: LONGEST.as_secs().try_into().unwrap(), tv_nsec: 0 };
    let ended = poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&limit));
    if ended != Ok(1) {
        others().into_iter().for_each(end);
        return "hang".to_owned();
    }
    match waitpid(Some(pid), WaitOptions::empty()) {
        Ok(Some((_, status))) => match (status.exit_status(), status.terminating_signal()) {
            (Some(status), _) => status.to_string(),
            (_, Some(signal)) => format!("signal {signal}"),
            _ => "?".to_owned(),
        },
        other => format!("{other:?}"),
    }
}

fn end(pid: i32) {
    let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
}

/// The processes of the namespace but the worker, zombies left out.
fn others() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let lives = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    };
    pids.filter(|pid| *pid != 1).filter(lives).collect()
}

fn others_gone(except: Option<i32>) -> bool {
    wait_until(|| others().into_iter().all(|pid| Some(pid) == except))
}

/// Waits until every process has ended, and ends what does not.
fn all_gone() -> bool {
    let gone = wait_until(|| {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    });
    if !gone {
        others().into_iter().for_each(end);
        while wait(WaitOptions::empty()).is_ok() {}
    }
    gone
}

fn wait_until(mut is_so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !is_so() {
        if start.elapsed() > LONGEST {
            return false;
        }
        let pause = Timespec { tv_sec: 0, tv_nsec: 300_000 };
        let _ = poll(&mut [], Some(&pause));
    }
    true
}
