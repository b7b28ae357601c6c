//! What can be seen of other processes.

use std::ffi::CString;
use std::fs;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// Has this thread, and all that it starts from now on, see nothing of the processes that not
/// even root can look into: such as a process 1 that has more capabilities than what it
/// starts. How many there are, `--holders` says each time, and nothing could be expected of
/// what it prints. For others than root they stay.
pub fn clear() {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let folders: Vec<_> =
        processes.map(|entry| entry.path()).filter(|path| is_opaque(path)).collect();
    if folders.is_empty() || !rustix::process::geteuid().is_root() {
        return;
    }
    // Another thread may be about to remove its own.
    let thread = std::thread::current().id();
    let name = format!("flock-rs-empty.{}.{thread:?}", std::process::id());
    let empty = std::env::temp_dir().join(name);
    let made = fs::create_dir_all(&empty);
    // SAFETY: the namespace is this thread's own; the rest reads strings.
    let mut done = made.is_ok() && unsafe { libc::unshare(libc::CLONE_NEWNS) } == 0;
    done = done && mount(None, Path::new("/"), libc::MS_REC | libc::MS_PRIVATE);
    // One may have ended meanwhile.
    let hide = |folder: &Path| mount(Some(&empty), folder, libc::MS_BIND) || !folder.exists();
    done = done && folders.iter().all(|folder| hide(folder));
    let error = Error::last_os_error();
    let _ = fs::remove_dir(&empty);
    assert!(done, "processes that cannot be looked into cannot be hidden: {error}");
}

fn is_opaque(process: &Path) -> bool {
    let is_denied = |error: &Error| error.kind() == ErrorKind::PermissionDenied;
    match fs::read_dir(process.join("fd")) {
        Err(error) => is_denied(&error),
        Ok(descriptors) => descriptors.flatten().any(|descriptor| {
            fs::read_link(descriptor.path()).is_err_and(|error| is_denied(&error))
        }),
    }
}

fn mount(from: Option<&Path>, to: &Path, flags: libc::c_ulong) -> bool {
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
    let (from, to) = (from.map(text), text(to));
    let from = from.as_ref().map_or(ptr::null(), |from| from.as_ptr());
    // SAFETY: the strings outlive the call; where they may be none, they may be null.
    unsafe { libc::mount(from, to.as_ptr(), ptr::null(), flags, ptr::null()) == 0 }
}
