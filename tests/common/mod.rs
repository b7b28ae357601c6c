//! What every test crate shares: where the programs are, and scratch directories.

#![allow(dead_code, reason = "each test crate uses its own part of this")]

pub mod notices;
pub mod spellings;

use rustix::fs::Access;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Error};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, iter};

/// Where programs are looked for, and the rest of PATH in a case.
pub const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The binary under test: $FLOCK, else the one that cargo built.
pub fn ours() -> PathBuf {
    from_environment("FLOCK").unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_flock")))
}

/// util-linux's flock: `$FLOCK_REFERENCE`, else the system's.
pub fn reference() -> PathBuf {
    from_environment("FLOCK_REFERENCE").unwrap_or_else(|| PathBuf::from("/usr/bin/flock"))
}

/// The helper program: $PROBE, else the example that cargo built next to flock.
pub fn probe() -> PathBuf {
    let built = || Path::new(env!("CARGO_BIN_EXE_flock")).with_file_name("examples").join("probe");
    from_environment("PROBE").unwrap_or_else(built)
}

/// Whether this is a run where nothing may be skipped.
pub fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// A path from the environment, made absolute, as tests change directories.
fn from_environment(name: &str) -> Option<PathBuf> {
    let value = env::var_os(name).filter(|value| !value.is_empty())?;
    std::path::absolute(value).ok()
}

/// Finds a program where a case would find it.
pub fn find_program(name: &str) -> Option<PathBuf> {
    SYSTEM_PATH.split(':').map(|dir| Path::new(dir).join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o111 != 0)
}

/// The first line of `program --version`, or why it is not known.
pub fn version_text(program: &Path) -> Result<String, String> {
    let output = Command::new(program)
        .arg("--version")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// A version of util-linux. A snapshot such as 2.43.devel-7 counts as 2.43.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// Reads `2.43` or `2.38.1`, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|part| part.parse().ok());
        let (major, minor) = (numbers.next()??, numbers.next()??);
        let patch = numbers.next().unwrap_or(Some(0))?;
        numbers.next().is_none().then_some(Self { major, minor, patch })
    }

    /// The version that util-linux's flock tells of itself. Ours names
    /// util-linux too, and must never stand in for it.
    pub fn of_util_linux(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("util-linux ").filter(|_| !text.contains("flock-rs"))?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        Self::parse(rest.get(..end)?.trim_end_matches('.'))
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch == 0 { Ok(()) } else { write!(f, ".{}", self.patch) }
    }
}

/// A directory of a test's own, that every user may enter, gone when dropped.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes a new directory; `label` is for the one who finds it left behind.
    pub fn new(label: &str) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = base()?.join(format!("{label}.{}.{count}", process::id()));
        make_dir(&path)?;
        Ok(Self { path })
    }

    /// Where it is, free of symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, and says what stood in the way, which dropping it cannot.
    pub fn close(self) -> io::Result<()> {
        self.remove()
    }

    /// Refuses while something is mounted below: that is not ours to delete.
    fn remove(&self) -> io::Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        if let Some(mount) = mount_below(&self.path) {
            return Err(Error::other(format!("left mounted: {mount}")));
        }
        open_up(&self.path)?;
        fs::remove_dir_all(&self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// Makes a directory with mode 0755, whatever the umask is.
pub fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

/// Whether another user can get to this path: each directory on the way to it
/// lets everybody pass.
pub fn is_reachable(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let passable = |dir: &Path| fs::metadata(dir).is_ok_and(|meta| meta.mode() & 0o001 != 0);
    path.ancestors().all(passable)
}

/// The directory for scratch directories: cargo's, unless another user built
/// it, or it is hidden from the other users that some cases change to.
fn base() -> io::Result<PathBuf> {
    let cargos = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // If this fails, the directory is not writable either.
    let _ = fs::create_dir_all(cargos);
    let is_writable = rustix::fs::access(cargos, Access::WRITE_OK).is_ok();
    let is_good = is_writable && is_reachable(cargos);
    if is_good { cargos } else { Path::new("/tmp") }.canonicalize()
}

/// Makes every directory below one's own again, so that it can be emptied.
fn open_up(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// A mount point at or below `path`. The kernel writes a space as \040 there.
fn mount_below(path: &Path) -> Option<String> {
    let mounts = fs::read("/proc/self/mountinfo").ok()?;
    let prefix = String::from_utf8_lossy(path.as_os_str().as_bytes()).replace(' ', "\\040");
    let points = String::from_utf8_lossy(&mounts);
    let mut points = points.lines().filter_map(|line| line.split(' ').nth(4));
    points.find(|point| Path::new(point).starts_with(&prefix)).map(str::to_owned)
}

/// PATH with these directories before the system's.
pub fn path_with(first: &Path) -> OsString {
    let dirs = iter::once(first.as_os_str()).chain(iter::once(OsStr::new(SYSTEM_PATH)));
    dirs.collect::<Vec<_>>().join(OsStr::new(":"))
}
