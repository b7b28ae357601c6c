//! A directory with something of everything, and one run of flock in it.

use crate::common::notices;
use crate::words::Word;
use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// No run takes so long unless it hangs.
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// As waitpid(2) has it: the exit status times 256, or a signal.
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The directory's contents afterwards: name, mode and size.
    pub left: Vec<(Word, u32, u64)>,
    /// The lock that is left on the description that the run had as descriptor 0.
    pub kept: &'static str,
}

impl Outcome {
    /// Whether the run had to be ended.
    pub fn hung(&self) -> bool {
        self.status == Signal::KILL.as_raw()
    }
}

/// Where the runs of one thread happen, one after the other.
pub struct Room {
    top: PathBuf,
    directory: PathBuf,
    programs: PathBuf,
    /// What `-c` runs instead of /bin/sh.
    pub shell: Option<&'static str>,
    /// What the runs have as descriptor 0: a file that is locked as `lock` is.
    descriptor: File,
    held: Vec<File>,
    /// The contents at the start.
    contents: Vec<(Word, u32, u64)>,
    /// Keeps `fifo` open, so that nobody has to wait for its other end.
    _fifo: File,
    /// What runs here, for the watchman.
    pub running: Arc<Running>,
}

impl Room {
    /// Makes the directory below `top`, which is the thread's own.
    pub fn new(top: &Path, programs: &Path) -> io::Result<Self> {
        fs::create_dir(top)?;
        let directory = top.join("w");
        furnish(&directory, programs)?;
        let descriptor = rw(&top.join("descriptor"))?;
        let held = [top.join("descriptor"), top.join("lock")].into_iter().map(|path| rw(&path));
        let mut held = held.collect::<io::Result<Vec<_>>>()?;
        for name in ["data", "folder", "."] {
            held.push(File::open(directory.join(name))?);
        }
        Ok(Self {
            top: top.to_owned(),
            programs: programs.to_owned(),
            shell: None,
            descriptor,
            held,
            contents: contents(&directory)?,
            _fifo: rw(&directory.join("fifo"))?,
            directory,
            running: Arc::default(),
        })
    }

    /// Holds everything that has a lock, with `lock` among it, until [`Room::free`].
    pub fn hold(&self, mode: FlockOperation) -> io::Result<()> {
        fs::rename(self.top.join("lock"), self.directory.join("lock"))?;
        self.held.iter().try_for_each(|file| Ok(flock(file, mode)?))
    }

    /// Nothing is locked any more, and there is no file `lock`.
    pub fn free(&self) -> io::Result<()> {
        // Not by closing: a process that another thread starts at this moment
        // may have copies of the descriptors.
        self.held.iter().try_for_each(|file| flock(file, FlockOperation::Unlock))?;
        fs::rename(self.directory.join("lock"), self.top.join("lock"))
    }

    /// Gives the runs another open file description as their descriptor 0.
    pub fn renew_descriptor(&mut self) -> io::Result<()> {
        self.descriptor = rw(&self.top.join("descriptor"))?;
        Ok(())
    }

    /// Runs `program` as `flock`, and puts the directory back in order.
    pub fn run(&self, program: &Path, words: &[Word]) -> io::Result<Outcome> {
        let mut command = Command::new(program);
        command.arg0("flock").args(words.iter().map(|word| OsStr::from_bytes(word)));
        command.env_clear().env("PATH", &self.programs).env("LC_ALL", "C");
        command.envs(self.shell.map(|shell| ("SHELL", shell)));
        command.current_dir(&self.directory).process_group(0);
        command.stdin(self.descriptor.try_clone()?).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (status, stdout, stderr) = self.running.finish(command.spawn()?)?;
        let stderr = notices::left_out(&stderr);
        let kept = self.kept()?;
        flock(&self.descriptor, FlockOperation::Unlock)?;
        let left = contents(&self.directory)?;
        self.sweep(&left)?;
        Ok(Outcome { status, stdout, stderr, left, kept })
    }

    /// What lock is on the descriptor, according to the kernel.
    fn kept(&self) -> io::Result<&'static str> {
        let info = format!("/proc/self/fdinfo/{}", self.descriptor.as_raw_fd());
        let info = fs::read_to_string(info)?;
        Ok(match info.lines().find(|line| line.starts_with("lock:")) {
            None => "none",
            Some(line) if line.contains("WRITE") => "exclusive",
            Some(_) => "shared",
        })
    }

    /// Removes what a run has made.
    fn sweep(&self, left: &[(Word, u32, u64)]) -> io::Result<()> {
        let held = !self.top.join("lock").exists();
        for (name, ..) in left {
            let ours = held && name == b"lock";
            if !ours && !self.contents.iter().any(|(old, ..)| old == name) {
                fs::remove_file(self.directory.join(OsStr::from_bytes(name)))?;
            }
        }
        Ok(())
    }
}

fn rw(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Everything that the vocabulary names, but `lock`.
fn furnish(directory: &Path, programs: &Path) -> io::Result<()> {
    fs::create_dir(directory)?;
    fs::create_dir(directory.join("folder"))?;
    fs::write(directory.join("data"), "data\n")?;
    // Says by its status whether it has the lock, at the usual number.
    fs::write(directory.join("script"), "{ true <&3; } 2>/dev/null && exit 5\nexit 6\n")?;
    fs::write(directory.join("empty"), "")?;
    for name in ["script", "empty"] {
        fs::set_permissions(directory.join(name), Permissions::from_mode(0o755))?;
    }
    fs::copy(programs.join("false"), directory.join("no"))?;
    symlink("data", directory.join("link"))?;
    symlink("made", directory.join("dangling"))?;
    symlink("loop", directory.join("loop"))?;
    Ok(mknodat(CWD, directory.join("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

fn contents(directory: &Path) -> io::Result<Vec<(Word, u32, u64)>> {
    let describe = |entry: fs::DirEntry| {
        let meta = entry.metadata()?;
        Ok((entry.file_name().into_vec(), meta.mode(), meta.size()))
    };
    let entries = fs::read_dir(directory)?.map(|entry| entry.and_then(describe));
    let mut contents = entries.collect::<io::Result<Vec<_>>>()?;
    contents.sort();
    Ok(contents)
}

/// The process that a thread waits for, where a watchman can see it.
#[derive(Default)]
pub struct Running(Mutex<Option<(Pid, Instant)>>);

impl Running {
    /// Reads what a process prints and waits for its end.
    fn finish(&self, mut child: Child) -> io::Result<(i32, Vec<u8>, Vec<u8>)> {
        let pid = Pid::from_child(&child);
        *self.0.lock().unwrap() = Some((pid, Instant::now()));
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        child.stdout.take().unwrap().read_to_end(&mut stdout)?;
        child.stderr.take().unwrap().read_to_end(&mut stderr)?;
        // Once it is reaped, its number may be another's: not before the watchman forgets it.
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
        *self.0.lock().unwrap() = None;
        Ok((child.wait()?.into_raw(), stdout, stderr))
    }

    /// Ends a process that has run for too long, and everything that it started.
    pub fn end_if_late(&self) {
        if let Some((pid, start)) = *self.0.lock().unwrap() {
            if start.elapsed() > LONGEST_RUN {
                let _ = kill_process_group(pid, Signal::KILL);
            }
        }
    }
}
