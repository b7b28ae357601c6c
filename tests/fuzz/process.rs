//! The readers of /proc, on a folder that looks like a process's, in which each file says
//! what the input says: no panic, and nothing that is out of range.

use flock_rs::holders::call;
use flock_rs::holders::line::Line;
use flock_rs::holders::mount::{Mount, WANTED};
use flock_rs::holders::process::{Process, words};
use flock_rs::request::Mode;
use rustix::fs::{self, AtFlags, Mode as Permissions, OFlags};
use rustix::process::Pid;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::LazyLock;

struct Folder {
    process: Process,
    /// The only file, which has many names.
    file: File,
}

/// The number is that of the only thread, too.
const PID: Pid = Pid::INIT;

static FOLDER: LazyLock<Folder> = LazyLock::new(|| {
    // Beside the program: it belongs to the build, as that does.
    let path = std::env::current_exe().unwrap().with_extension("process");
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir(&path).unwrap();
    for folder in ["task", "task/1", "fd", "fdinfo"] {
        std::fs::create_dir(path.join(folder)).unwrap();
    }
    let file = File::create_new(path.join("status")).unwrap();
    for name in ["syscall", "wchan", "comm", "mem", "task/1/syscall", "task/1/children", "fdinfo/3"]
    {
        std::fs::hard_link(path.join("status"), path.join(name)).unwrap();
    }
    let folder =
        fs::open(&path, OFlags::DIRECTORY | OFlags::CLOEXEC, Permissions::empty()).unwrap();
    Folder { process: Process { pid: PID, folder }, file }
});

pub fn check(input: &[u8]) {
    FOLDER.file.write_all_at(input, 0).unwrap();
    FOLDER.file.set_len(input.len() as u64).unwrap();
    let process = &FOLDER.process;
    assert_eq!(process.read("status"), input);
    let _ = (process.command(), process.user(), process.parent(), process.has_program());
    let _ = process.waits_for(process);
    assert_eq!(process.threads(), [1]);
    check_mount(input);
    if let Some((descriptor, lock)) = call::blocked(process, 1) {
        assert!(lock.mode != Mode::Unlock, "{descriptor}, {lock:?}");
    }
    let lines = input.split(|&byte| byte == b'\n');
    let lines: Vec<Line> = lines.filter_map(Line::parse).collect();
    for line in &lines {
        let range = line.lock.range;
        assert!(range.start >= 0 && range.length >= 0, "{line:?}");
        assert!(range.start.checked_add(range.length.max(1) - 1).is_some(), "{line:?}");
        assert_eq!(Line::parse(&as_kernel(line)), Some(*line));
        for other in &lines {
            let by_range = line.lock.bars(other.lock.mode, Some(other.lock.range));
            let _ = (by_range, line.lock.bars(other.lock.mode, None));
        }
    }
}

/// As if it were /proc/self/mountinfo.
fn check_mount(input: &[u8]) {
    /// That of a line which the corpus has.
    const ID: u64 = 61;
    let mut file = fs::statx(&FOLDER.file, c"", AtFlags::EMPTY_PATH, WANTED).unwrap();
    file.stx_mnt_id = ID;
    let mount = Mount::find(file, input);
    let name = String::from_utf8(mount.kernels_name()).unwrap();
    let parts: Vec<&str> = name.split(':').collect();
    let [major, minor, inode] = parts[..] else { panic!("{name}") };
    assert!(u32::from_str_radix(major, 16).is_ok() && u32::from_str_radix(minor, 16).is_ok());
    assert_eq!(inode, file.stx_ino.to_string());
    // A number may have a sign and zeros before it.
    let has_id = |line: &[u8]| words(line).next().is_some_and(|word| word.ends_with(b"61"));
    if !input.split(|&byte| byte == b'\n').any(has_id) {
        assert_eq!(mount.is_shared(), None);
        assert_eq!(u32::from_str_radix(major, 16), Ok(file.stx_dev_major));
    }
}

/// A line as proc(5) has it.
fn as_kernel(line: &Line) -> Vec<u8> {
    let lock = line.lock;
    let kind = match lock.kind {
        flock_rs::holders::Kind::Flock => "FLOCK",
        flock_rs::holders::Kind::Ofd => "OFDLCK",
        flock_rs::holders::Kind::Posix => "POSIX",
    };
    let mode = if lock.mode == Mode::Shared { "READ" } else { "WRITE" };
    let arrow = if line.waits { "-> " } else { "" };
    let process = lock.process.map_or(-1, |pid| pid.as_raw_nonzero().get());
    let end = match lock.range.length {
        0 => "EOF".to_owned(),
        length => (lock.range.start + (length - 1)).to_string(),
    };
    let head = format!("1: {arrow}{kind}  ADVISORY  {mode} {process} ");
    [head.as_bytes(), line.file, format!(" {} {end}\n", lock.range.start).as_bytes()].concat()
}
