//! The volume, the machines that mount it, and flock on them.

use crate::Verdict;
use crate::common::{Version, notices};
use crate::job::{End, Job, until};
use std::cell::Cell;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::{env, io};

/// The machines: where they have mounted the volume, below the working directory.
pub const MACHINES: [&str; 3] = ["a", "b", "c"];
pub const BRICKS: [u32; 3] = [1, 2, 3];
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/site.sh");

/// A flock, the one or the other.
pub struct Flock {
    pub side: &'static str,
    pub program: PathBuf,
    pub is_ours: bool,
    /// Of util-linux's.
    pub version: Option<Version>,
}

impl Flock {
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg0("flock").args(arguments);
        command
    }

    pub fn start(&self, arguments: &[&str]) -> Result<Job, String> {
        Job::start(self.command(arguments))
    }

    pub fn run(&self, arguments: &[&str]) -> Result<End, String> {
        self.start(arguments)?.end()
    }

    /// Runs it and compares all that it does. On util-linux's side, and where both are
    /// compared, the lines that only ours has are left out.
    pub fn gives(&self, arguments: &[&str], wanted: Wanted) -> Verdict {
        let mut end = self.run(arguments)?;
        end.stderr =
            String::from_utf8_lossy(&notices::left_out(end.stderr.as_bytes())).into_owned();
        compare(arguments, &end, wanted)
    }

    /// The same, with the lines that only ours has.
    pub fn says(&self, arguments: &[&str], wanted: Wanted) -> Verdict {
        compare(arguments, &self.run(arguments)?, wanted)
    }

    /// Sees that the lock is free, or becomes so: the servers may hear of it only after the
    /// one who had the lock has ended.
    pub fn gets(&self, arguments: &[&str]) -> Verdict {
        let all = [&["-w", "50"], arguments, &["echo", "got"]].concat();
        self.says(&all, (0, "got\n", ""))
    }

    /// Takes the lock, and keeps it until it is told to end.
    pub fn hold(&self, arguments: &[&str]) -> Result<Job, String> {
        let mut all = arguments.to_vec();
        all.extend(["sh", "-c", "echo held; read _"]);
        let mut job = self.start(&all)?;
        job.prints("held\n")?;
        Ok(job)
    }

    /// Waits for the lock.
    pub fn wait(&self, arguments: &[&str]) -> Result<Job, String> {
        let mut job = self.start(arguments)?;
        job.waits()?;
        Ok(job)
    }
}

/// The exit status, standard output and standard error that there should be.
pub type Wanted<'a> = (i32, &'a str, &'a str);

fn compare(arguments: &[&str], end: &End, (status, stdout, stderr): Wanted) -> Verdict {
    let wanted = End { status, stdout: stdout.to_owned(), stderr: stderr.to_owned() };
    if *end == wanted {
        return Ok(());
    }
    Err(format!("flock {}\n  gives {end:?}\n  not   {wanted:?}", arguments.join(" ")))
}

/// Ends one that holds a lock.
pub fn release(mut holder: Job) -> Verdict {
    holder.say()?;
    let end = holder.end()?;
    compare(&["… (the holder)"], &end, (0, "held\n", ""))
}

/// Sees one that waited get the lock, and run `echo got`.
pub fn got(waiter: Job) -> Verdict {
    compare(&["… (the waiter)"], &waiter.end()?, (0, "got\n", ""))
}

/// The namespaces' first process, from which the servers and the mounts come, and its pipe:
/// when that is closed, even by this process's death, all of them end.
pub struct Site {
    directory: PathBuf,
    room: Child,
    pipe: Option<ChildStdin>,
    /// The room's first process, as it is numbered here.
    first: String,
    files: Cell<u32>,
}

impl Site {
    /// Starts all.
    pub fn open(directory: &Path) -> Result<Self, String> {
        Self::prepare(directory)?;
        let mut room = Command::new("unshare")
            .args(["--mount", "--propagation", "unchanged", "--pid", "--fork", "--kill-child"])
            .args(["--mount-proc", "bash", SCRIPT, "open"])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create("site.err").map_err(|error| error.to_string())?)
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let pipe = room.stdin.take();
        let mut output = room.stdout.take().ok_or("no pipe")?;
        let mut text = Vec::new();
        let mut byte = [0];
        while !text.ends_with(b"open\n") {
            match output.read(&mut byte) {
                Ok(1) => text.extend(byte),
                _ => return Err(format!("{}: {}", SCRIPT, Self::trouble(&text))),
            }
        }
        let path = format!("/proc/{0}/task/{0}/children", room.id());
        let first = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let first = first.trim().to_owned();
        let site = Self { directory: directory.to_owned(), room, pipe, first, files: Cell::new(0) };
        site.settle()?;
        Ok(site)
    }

    /// All that is made is made in memory, and gone with the namespace.
    fn prepare(directory: &Path) -> Result<(), String> {
        for options in [["-t", "tmpfs", "cluster"].as_slice(), &["--make-shared"]] {
            let output = Command::new("mount").args(options).arg(directory).output();
            let output = output.map_err(|error| format!("mount: {error}"))?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned());
            }
        }
        env::set_current_dir(directory).map_err(|error| error.to_string())
    }

    fn trouble(output: &[u8]) -> String {
        let errors = std::fs::read_to_string("site.err").unwrap_or_default();
        format!("{}{errors}", String::from_utf8_lossy(output))
    }

    /// A name that no other case has.
    pub fn file(&self) -> String {
        self.files.set(self.files.get() + 1);
        format!("lock{}", self.files.get())
    }

    /// Has the script do something. Returns what it prints.
    pub fn tell(&self, verb: &str, which: &str) -> Result<String, String> {
        let output = Command::new("nsenter")
            .args(["--target", &self.first, "--pid", "--mount", "bash", SCRIPT, verb])
            .arg(&self.directory)
            .arg(which)
            .output()
            .map_err(|error| format!("nsenter: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let is_done = output.status.success();
        let error = || format!("{verb} {which}: {}", text(&output.stderr));
        if is_done { Ok(text(&output.stdout)) } else { Err(error()) }
    }

    /// Kills a brick's process, and waits until the machines know.
    pub fn kill_brick(&self, number: u32) -> Verdict {
        self.tell("kill-brick", &number.to_string())?;
        MACHINES.iter().try_for_each(|machine| connected(machine, number, false))
    }

    /// Kills the process by which a machine has mounted the volume.
    pub fn kill_machine(&self, machine: &str) -> Verdict {
        self.tell("kill-machine", machine).map(drop)
    }

    /// Pulls the cable of a machine, or puts it back.
    pub fn cable(&self, machine: &str, state: &str) -> Verdict {
        let link = format!("to-{machine}");
        let status = Command::new("nsenter")
            .args(["--target", &self.first, "--net", "ip", "link", "set", &link, state])
            .status();
        let is_done = status.is_ok_and(|status| status.success());
        if is_done { Ok(()) } else { Err(format!("ip link set {link} {state}")) }
    }

    /// Makes all well again: the cables, the bricks, the mounts.
    pub fn settle(&self) -> Verdict {
        for machine in MACHINES {
            self.cable(machine, "up")?;
        }
        if !all().all(|(machine, number)| is_connected(machine, number) == Some(true)) {
            self.tell("settle", "")?;
        }
        all().try_for_each(|(machine, number)| connected(machine, number, true))
    }

    /// Has the room's first process end, and with it all others.
    fn end(&mut self) -> io::Result<()> {
        self.pipe = None;
        self.room.wait().map(drop)
    }

    /// Ends all, and sees that nothing is left of it.
    pub fn close(mut self) -> Verdict {
        self.end().map_err(|error| error.to_string())?;
        let own = std::fs::read_link("/proc/self/ns/mnt").map_err(|error| error.to_string())?;
        let mut left = String::new();
        let ended = until("the last process of the test ends", || {
            left = others(&own)?.join(", ");
            Ok(left.is_empty())
        });
        ended.map_err(|text| format!("{text}: {left}"))
    }
}

/// The processes in this mount namespace, but for this one.
fn others(own: &Path) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir("/proc").map_err(|error| error.to_string())?;
    let here = |path: &Path| std::fs::read_link(path.join("ns/mnt")).is_ok_and(|ns| ns == own);
    let paths = entries.flatten().map(|entry| entry.path()).filter(|path| here(path));
    let is_other = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !["self", "thread-self", &std::process::id().to_string()].contains(&name.as_ref())
    };
    let tell = |path: PathBuf| {
        let words = std::fs::read(path.join("cmdline")).unwrap_or_default();
        format!("{}: {}", path.display(), String::from_utf8_lossy(&words).replace('\0', " "))
    };
    Ok(paths.filter(is_other).map(tell).collect())
}

/// Which GlusterFS this is.
pub fn version() -> Result<String, String> {
    let output = Command::new("glusterfs").arg("--version").output();
    let text = output.map_err(|error| format!("glusterfs: {error}"))?.stdout;
    Ok(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned())
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Each machine with each brick.
fn all() -> impl Iterator<Item = (&'static str, u32)> {
    MACHINES.into_iter().flat_map(|machine| BRICKS.map(|number| (machine, number)))
}

/// Waits until a machine knows that a brick is there, or that it is not.
fn connected(machine: &str, number: u32, wanted: bool) -> Verdict {
    until(format!("{machine}: brick {number}: connected: {wanted}"), || {
        // Without a majority of the bricks it cannot be asked.
        Ok((is_connected(machine, number) == Some(true)) == wanted)
    })
}

/// What GlusterFS says of itself, in a file of each mount.
fn is_connected(machine: &str, number: u32) -> Option<bool> {
    let path = format!("{machine}/.meta/graphs/active/v-client-{}/private", number - 1);
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix("connected = ")).map(|value| value == "1")
}
