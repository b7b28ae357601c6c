//! Where a script runs: its directory, its programs, and the lock in its way.

use crate::common::notices;
use crate::script::{Hold, How, Program, Script};
use crate::{common, tidy};
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// No script takes so long unless it hangs.
const LONGEST_RUN: Duration = Duration::from_secs(60);
/// Between two looks at what a script does.
const GLANCE: Duration = Duration::from_millis(1);

/// What a run came to.
#[derive(Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exit status, or 128 and the signal, as a shell has it.
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Name, mode and content of each file in the script's directory.
    pub left: Vec<(PathBuf, u32, Vec<u8>)>,
    /// What must not be, whatever the other side does.
    pub fault: Option<&'static str>,
}

/// A place for one script after the other, always by the same path.
pub struct Stage {
    top: PathBuf,
    work: PathBuf,
    programs: PathBuf,
    go: PathBuf,
}

impl Stage {
    pub fn new(top: &Path, programs: &[Program]) -> io::Result<Self> {
        let stage = Self {
            top: top.to_owned(),
            work: top.join("work"),
            programs: top.join("programs"),
            go: top.join("go"),
        };
        fs::create_dir(&stage.programs)?;
        for program in programs {
            for name in &program.names {
                executable(&stage.programs.join(name), &program.text)?;
            }
        }
        symlink(common::find_program("od").unwrap_or_default(), stage.programs.join("od"))?;
        Ok(stage)
    }

    /// Runs a script where `flock` is this program.
    pub fn run(&self, flock: &Path, script: &Script, how: &How) -> io::Result<Outcome> {
        let link = self.programs.join("flock");
        let _ = fs::remove_file(&link);
        symlink(flock, link)?;
        if self.work.exists() {
            fs::remove_dir_all(&self.work)?;
        }
        fs::create_dir(&self.work)?;
        executable(&self.top.join("script"), &script.text)?;
        let mut holder = match how {
            How::Free => None,
            How::Held(hold) | How::Brief(hold) => Some(Holder::new(&self.work, hold)?),
        };
        let brief = matches!(how, How::Brief(_));
        let child = self.command(holder.is_some()).spawn()?;
        let (status, mut fault) = self.watch(child, holder.as_mut().filter(|_| brief))?;
        if brief && holder.is_some_and(|holder| holder.held) {
            fault = fault.or(Some("it did not wait"));
        }
        Ok(Outcome {
            status,
            stdout: self.output("stdout")?,
            stderr: notices::left_out(&self.output("stderr")?),
            left: contents(&self.work)?,
            fault,
        })
    }

    fn command(&self, held: bool) -> Command {
        let mut command = Command::new(self.top.join("script"));
        command.current_dir(&self.work).process_group(0).env_clear().envs([
            ("PATH", common::path_with(&self.programs)),
            ("LC_ALL", "C".into()),
            ("HERE", self.work.clone().into()),
            ("BIN", self.programs.clone().into()),
            ("GO", self.go.clone().into()),
            ("HELD", if held { "yes" } else { "" }.into()),
        ]);
        let file = |name: &str| {
            File::create(self.top.join(name)).map_or_else(|_| Stdio::null(), Stdio::from)
        };
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        command
    }

    /// Waits for the script; meanwhile has the holder let go when it is time.
    fn watch(
        &self,
        mut child: Child,
        mut holder: Option<&mut Holder>,
    ) -> io::Result<(i32, Option<&'static str>)> {
        let group = Pid::from_child(&child);
        let start = Instant::now();
        let mut fault = None;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if let Some(holder) = &mut holder {
                holder.glance(&self.go)?;
            }
            if start.elapsed() > LONGEST_RUN && fault.is_none() {
                fault = Some("it hung");
                let _ = kill_process_group(group, Signal::KILL);
            }
            sleep(GLANCE);
        };
        while test_kill_process_group(group).is_ok() {
            // The last of its children may need a moment to end.
            if start.elapsed() > LONGEST_RUN {
                fault = Some("it left a process behind");
                let _ = kill_process_group(group, Signal::KILL);
                break;
            }
            sleep(GLANCE);
        }
        let signal = status.signal().map(|signal| 128 + signal);
        Ok((status.code().or(signal).unwrap_or_default(), fault))
    }

    /// What was printed, without what differs from run to run.
    fn output(&self, name: &str) -> io::Result<Vec<u8>> {
        let text = fs::read(self.top.join(name))?;
        Ok(tidy::without_times(&text))
    }
}

fn executable(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

/// The lock that is in a script's way: this process has it, which is not among
/// the script's.
struct Holder {
    file: File,
    by_fcntl: bool,
    held: bool,
    inode: String,
}

impl Holder {
    fn new(work: &Path, hold: &Hold) -> io::Result<Self> {
        let path = work.join(&hold.file);
        if hold.file.ends_with('/') {
            fs::create_dir_all(&path)?;
        } else if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = if path.exists() {
            File::open(&path)?
        } else {
            File::options().read(true).write(true).create_new(true).open(&path)?
        };
        let inode = format!(":{}", file.metadata()?.ino());
        let holder = Self { file, by_fcntl: hold.by_fcntl, held: true, inode };
        holder.lock(FlockOperation::NonBlockingLockExclusive)?;
        Ok(holder)
    }

    fn lock(&self, operation: FlockOperation) -> io::Result<()> {
        let lock = if self.by_fcntl { fcntl_lock } else { flock };
        Ok(lock(&self.file, operation)?)
    }

    /// Lets go if somebody waits for the lock, or has made the file `go`.
    fn glance(&mut self, go: &Path) -> io::Result<()> {
        let asked = go.exists();
        if asked || (self.held && self.is_wanted()?) {
            self.lock(FlockOperation::Unlock)?;
            self.held = false;
        }
        if asked { fs::remove_file(go) } else { Ok(()) }
    }

    fn is_wanted(&self) -> io::Result<bool> {
        let locks = fs::read_to_string("/proc/locks")?;
        let waiting = locks.lines().filter(|line| line.contains(" -> "));
        Ok(waiting.flat_map(str::split_whitespace).any(|word| word.ends_with(&self.inode)))
    }
}

fn contents(directory: &Path) -> io::Result<Vec<(PathBuf, u32, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        let content = if meta.is_file() { fs::read(entry.path())? } else { Vec::new() };
        files.push((entry.path(), meta.mode(), content));
        if meta.is_dir() {
            files.extend(contents(&entry.path())?);
        }
    }
    files.sort();
    Ok(files)
}
