//! What each system call may answer, from its manual page (Linux man-pages 6.03; pages.rs
//! sees to that), and what else a fault may be.

use std::ffi::c_int;

/// A fault: what is injected in place of a call, or along with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As it stands in the table: an errno, a signal, or the number that the call returns.
    pub name: &'static str,
    /// The errno's number; 0 for what is none.
    pub errno: c_int,
}

impl Fault {
    /// The option of strace(1) by which it is injected.
    pub fn expression(self) -> String {
        match self.name.split_once('=') {
            Some((_, number)) => format!("retval={number}"),
            None if self.errno != 0 => format!("error={}", self.errno),
            None => format!("signal={}", self.name),
        }
    }

    pub fn is_signal(self) -> bool {
        self.name.starts_with("SIG")
    }
}

macro_rules! errnos {
    ($($name:ident)*) => {
        const ERRNOS: &[Fault] = &[$(Fault { name: stringify!($name), errno: libc::$name }),*];
    };
}

errnos! {
    E2BIG EACCES EAGAIN EBADF EBUSY ECHILD EDEADLK EDQUOT EEXIST EFAULT EFBIG EINTR EINVAL EIO
    EISDIR ELIBBAD ELOOP EMFILE ENAMETOOLONG ENFILE ENODEV ENOENT ENOEXEC ENOLCK ENOMEM ENOSPC
    ENOSYS ENOTDIR ENOTSUP ENOTTY ENXIO EOVERFLOW EPERM EPIPE ERANGE EROFS ESRCH ETXTBSY EUSERS
    EDESTADDRREQ ENOPKG ESPIPE ETIMEDOUT ESTALE
}

/// What two calls of one manual page have in common.
const OF_STAT: &str =
    "EACCES EBADF EFAULT EINVAL ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EOVERFLOW";
const OF_MMAP: &str =
    "EACCES EAGAIN EBADF EEXIST EINVAL ENFILE ENODEV ENOMEM EOVERFLOW EPERM ETXTBSY";

/// Calls, the manual pages that list their errors, the errors that these list, and those that
/// they do not but that can come: from a file system (EIO, and what NFS or FUSE may say of a
/// lock), or from a seccomp filter (ENOSYS, EPERM). Some of what is listed cannot come where
/// flock makes the call, or is another call's on the same page: it does no harm to try it.
pub const CALLS: &[(&str, &str, &str, &str)] = &[
    (
        "flock",
        "flock(2)",
        "EBADF EINTR EINVAL ENOLCK EAGAIN",
        "EACCES EIO ENOMEM ENOSYS ENOTSUP EPERM",
    ),
    (
        "open",
        "open(2)",
        "EACCES EAGAIN EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EINTR EINVAL EISDIR ELOOP EMFILE \
         ENAMETOOLONG ENFILE ENODEV ENOENT ENOMEM ENOSPC ENOTDIR ENXIO ENOTSUP EOVERFLOW EPERM \
         EROFS ETXTBSY",
        "EIO ENOSYS",
    ),
    ("close", "close(2)", "EBADF EINTR EIO ENOSPC EDQUOT", "ENOSYS EPERM"),
    ("dup", "dup(2)", "EBADF EBUSY EINTR EINVAL EMFILE", "ENOMEM ENOSYS EPERM"),
    ("dup2", "dup(2)", "EBADF EBUSY EINTR EINVAL EMFILE", "ENOSYS EPERM"),
    (
        "fcntl",
        "fcntl(2)",
        "EACCES EAGAIN EBADF EBUSY EDEADLK EFAULT EINTR EINVAL EMFILE ENOLCK \
         ENOTDIR EPERM",
        "EIO ENOMEM ENOSYS EOVERFLOW",
    ),
    (
        "clone",
        "clone(2), fork(2)",
        "EACCES EAGAIN EBUSY EEXIST EINVAL ENOMEM ENOSPC ENOSYS ENOTSUP EPERM EUSERS",
        "",
    ),
    (
        "execve",
        "execve(2)",
        "E2BIG EACCES EAGAIN EFAULT EINVAL EIO EISDIR ELIBBAD ELOOP EMFILE ENAMETOOLONG ENFILE \
         ENOENT ENOEXEC ENOMEM ENOTDIR EPERM ETXTBSY",
        "ENODEV ENOSYS ESTALE ETIMEDOUT",
    ),
    ("wait4", "wait4(2), waitpid(2)", "EAGAIN ECHILD EINTR EINVAL ESRCH", "ENOSYS EPERM"),
    ("rt_sigaction", "sigaction(2)", "EFAULT EINVAL", "ENOSYS EPERM"),
    ("rt_sigprocmask", "sigprocmask(2)", "EFAULT EINVAL", "ENOSYS EPERM"),
    ("rt_sigpending", "sigpending(2)", "EFAULT", "ENOSYS EPERM"),
    ("rt_sigtimedwait", "sigwaitinfo(2)", "EAGAIN EINTR EINVAL", "ENOSYS EPERM"),
    ("timer_create", "timer_create(2)", "EAGAIN EINVAL ENOMEM ENOTSUP EPERM", "ENOSYS"),
    ("timer_settime", "timer_settime(2)", "EFAULT EINVAL", "ENOSYS EPERM"),
    ("timer_delete", "timer_delete(2)", "EINVAL", "ENOSYS EPERM"),
    ("read", "read(2)", "EAGAIN EBADF EFAULT EINTR EINVAL EIO EISDIR", "ENOMEM ENOSYS EPERM"),
    (
        "write",
        "write(2)",
        "EAGAIN EBADF EDESTADDRREQ EDQUOT EFAULT EFBIG EINTR EINVAL EIO ENOSPC EPERM EPIPE",
        "ENOSYS",
    ),
    ("pipe2", "pipe(2)", "EFAULT EINVAL EMFILE ENFILE ENOPKG", "ENOMEM ENOSYS EPERM"),
    (
        "pidfd_open",
        "pidfd_open(2)",
        "EINVAL EMFILE ENFILE ENODEV ENOMEM ESRCH",
        "ENOENT ENOSYS EPERM",
    ),
    ("ppoll", "poll(2)", "EFAULT EINTR EINVAL ENOMEM", "ENOSYS EPERM"),
    ("close_range", "close_range(2)", "EINVAL EMFILE ENOMEM", "ENOSYS EPERM"),
    ("setsid", "setsid(2)", "EPERM", "ENOSYS"),
    (
        "chdir",
        "chdir(2)",
        "EACCES EBADF EFAULT EIO ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR",
        "ENOSYS EPERM",
    ),
    (
        "getcwd",
        "getcwd(2)",
        "EACCES EFAULT EINVAL ENAMETOOLONG ENOENT ENOMEM ERANGE",
        "ENOSYS EPERM",
    ),
    (
        "prctl",
        "prctl(2)",
        "EACCES EBADF EBUSY EFAULT EINVAL ENODEV ENOTSUP ENXIO EPERM ERANGE",
        "ENOSYS",
    ),
    ("kill", "kill(2)", "EINVAL EPERM ESRCH", "ENOSYS"),
    ("stat", "stat(2)", OF_STAT, "EIO ENOSYS EPERM"),
    ("fstat", "stat(2)", OF_STAT, "EIO ENOSYS EPERM"),
    (
        "statx",
        "statx(2)",
        "EACCES EBADF EFAULT EINVAL ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR",
        "EIO ENOSYS EPERM",
    ),
    (
        "unlink",
        "unlink(2)",
        "EACCES EBADF EBUSY EFAULT EINVAL EIO EISDIR ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR \
         EPERM EROFS",
        "ENOSYS",
    ),
    (
        "access",
        "access(2)",
        "EACCES EBADF EFAULT EINVAL EIO ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EPERM EROFS \
         ETXTBSY",
        "ENOSYS",
    ),
    ("ioctl", "ioctl(2)", "EBADF EFAULT EINVAL ENOTTY", "ENOSYS EPERM"),
    ("getdents64", "getdents(2)", "EBADF EFAULT EINVAL ENOENT ENOTDIR", "EIO ENOMEM ENOSYS EPERM"),
    (
        "pread64",
        "pread(2), read(2), lseek(2)",
        "EAGAIN EBADF EFAULT EINTR EINVAL EIO EISDIR ENXIO EOVERFLOW ESPIPE",
        "ENOSYS EPERM",
    ),
    (
        "readlink",
        "readlink(2)",
        "EACCES EBADF EFAULT EINVAL EIO ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR",
        "ENOSYS EPERM",
    ),
    ("kcmp", "kcmp(2)", "EBADF EFAULT EINVAL ENOENT EPERM ESRCH", "ENOSYS"),
    ("rt_sigqueueinfo", "rt_sigqueueinfo(2)", "EAGAIN EINVAL EPERM ESRCH", "ENOSYS"),
    // They cannot fail by themselves, but a seccomp filter may answer in their place; the page
    // that tells of getpgrp(2) tells of setpgid(2), too.
    ("getppid", "getpid(2)", "", "ENOSYS EPERM"),
    ("geteuid", "getuid(2)", "", "ENOSYS EPERM"),
    ("getpgrp", "getpgrp(2)", "EACCES EINVAL EPERM ESRCH", "ENOSYS"),
    ("getpgid", "getpgid(2)", "EACCES EINVAL EPERM ESRCH", "ENOSYS"),
    ("getsid", "getsid(2)", "EPERM ESRCH", "ENOSYS"),
    // What the C library begins with: only that flock must not say that it has the lock.
    ("brk", "brk(2)", "ENOMEM", ""),
    ("mmap", "mmap(2)", OF_MMAP, ""),
    // What musl gives back, where flock reads much.
    ("munmap", "munmap(2)", OF_MMAP, ""),
    ("mremap", "mremap(2)", "EAGAIN EFAULT EINVAL ENOMEM", "EPERM"),
    ("mprotect", "mprotect(2)", "EACCES EFAULT EINVAL ENOMEM", "EPERM"),
];

/// Calls that no error is given to, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("exit_group", "it does not return"),
    ("rt_sigreturn", "it does not return"),
    ("restart_syscall", "it answers as the call that was interrupted"),
    ("getpid", "it cannot fail, and the program cannot be told that it does"),
];

/// Calls that stand for others: the C libraries choose.
pub const ALIASES: &[(&str, &str)] = &[
    ("openat", "open"),
    ("newfstatat", "stat"),
    ("lstat", "stat"),
    ("fork", "clone"),
    ("clone3", "clone"),
    ("unlinkat", "unlink"),
    ("readlinkat", "readlink"),
    ("faccessat", "access"),
    ("faccessat2", "access"),
    ("poll", "ppoll"),
    ("dup3", "dup2"),
];

/// Signals that a terminal, a supervisor or a timer sends.
const SIGNALS: [Fault; 4] =
    [signal("SIGTERM"), signal("SIGINT"), signal("SIGALRM"), signal("SIGCHLD")];

const fn signal(name: &'static str) -> Fault {
    Fault { name, errno: 0 }
}

/// The first call fails, and so does each that follows, as under a seccomp filter.
pub const ALWAYS: Fault = Fault { name: "EPERM+", errno: libc::EPERM };
/// The end of what is read, where there should be more.
const END: Fault = Fault { name: "returns=0", errno: 0 };
/// Less is written than there is.
const SHORT: Fault = Fault { name: "returns=1", errno: 0 };

/// The errors, and the short results, that a call may have; none if it cannot have any.
pub fn of_call(call: &str) -> Vec<Fault> {
    if WITHOUT.iter().any(|(name, _)| *name == call) {
        return Vec::new();
    }
    let (_, _, listed, added) = CALLS
        .iter()
        .find(|(name, ..)| *name == call)
        .unwrap_or_else(|| panic!("{call}: no list of errors"));
    let find = |name: &str| *ERRNOS.iter().find(|fault| fault.name == name).expect(name);
    let mut faults: Vec<Fault> =
        listed.split_whitespace().chain(added.split_whitespace()).map(find).collect();
    faults.sort_by_key(|fault| fault.name);
    match call {
        "read" => faults.push(END),
        "write" => faults.push(SHORT),
        _ => {}
    }
    faults
}

pub fn signals() -> &'static [Fault] {
    &SIGNALS
}

/// One name for what is called by several.
pub fn canonical(call: &str) -> &str {
    ALIASES.iter().find(|(name, _)| *name == call).map_or(call, |(_, canonical)| canonical)
}
