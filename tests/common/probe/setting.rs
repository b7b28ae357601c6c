//! Changes the state of this process, then executes a command in it.

use crate::{c_string, execute, number, text};
use std::mem::MaybeUninit;

/// Applies the settings before `--`, in order, and executes what follows it.
pub fn apply_and_execute(words: &[Vec<u8>]) -> ! {
    let end = words.iter().position(|word| word == b"--").expect("probe with … -- command");
    let (settings, command) = (&words[..end], &words[end + 1..]);
    let mut argv = command.to_vec();
    for setting in settings {
        let mut parts = setting.splitn(2, |&byte| byte == b'=');
        let name = text(parts.next().unwrap());
        let value = parts.next().unwrap_or_default();
        match name.as_str() {
            "argv0" => argv[0] = value.to_vec(),
            "argc0" => argv.clear(),
            name => apply(name, value),
        }
    }
    execute(command, &argv)
}

fn apply(name: &str, value: &[u8]) {
    match name {
        "block" => mask(libc::SIG_BLOCK, value),
        "unblock" => mask(libc::SIG_UNBLOCK, value),
        "ignore" => dispose(value, libc::SIG_IGN),
        "default" => dispose(value, libc::SIG_DFL),
        "pending" => check(unsafe { libc::kill(libc::getpid(), signal(value)) }),
        "alarm" => _ = unsafe { libc::alarm(number(value)) },
        "itimer" => interval_timer(number(value)),
        "close" => _ = unsafe { libc::close(number(value)) },
        "open" => open(value),
        "cloexec" => {
            check(unsafe { libc::fcntl(number(value), libc::F_SETFD, libc::FD_CLOEXEC) });
        }
        "dup" => {
            let (from, to) = pair(value);
            check(unsafe { libc::dup2(number(from), number(to)) });
        }
        "broken" => pipe(number(value), false),
        "fullpipe" => pipe(number(value), true),
        "rlimit" => limit(value),
        "umask" => {
            let mode = u32::from_str_radix(&text(value), 8).expect("an octal mode");
            unsafe { libc::umask(mode) };
        }
        "uid" => become_user(number(value)),
        "setsid" => _ = unsafe { libc::setsid() },
        "nice" => _ = unsafe { libc::nice(number(value)) },
        "child" => child(),
        "calls" => calls(value),
        "seccomp" => refuse(value),
        other => panic!("probe: unknown setting {other}"),
    }
}

fn check(result: i32) {
    assert!(result >= 0, "probe with: {}", std::io::Error::last_os_error());
}

fn pair(value: &[u8]) -> (&[u8], &[u8]) {
    let colon = value.iter().position(|&byte| byte == b':').expect("A:B");
    (&value[..colon], &value[colon + 1..])
}

/// A signal by number or name.
fn signal(word: &[u8]) -> i32 {
    match text(word).as_str() {
        "HUP" => libc::SIGHUP,
        "INT" => libc::SIGINT,
        "QUIT" => libc::SIGQUIT,
        "ABRT" => libc::SIGABRT,
        "PIPE" => libc::SIGPIPE,
        "ALRM" => libc::SIGALRM,
        "TERM" => libc::SIGTERM,
        "USR1" => libc::SIGUSR1,
        "USR2" => libc::SIGUSR2,
        "CHLD" => libc::SIGCHLD,
        "XFSZ" => libc::SIGXFSZ,
        _ => number(word),
    }
}

fn signals(words: &[u8]) -> Vec<i32> {
    if words == b"all" {
        return (1..=64).filter(|signal| ![9, 19, 32, 33].contains(signal)).collect();
    }
    words.split(|&byte| byte == b',').map(signal).collect()
}

fn mask(how: i32, words: &[u8]) {
    // The kernel's set, since the C library's refuses signals 32 and 33.
    let set: u64 = if words == b"all" {
        !0
    } else {
        signals(words).iter().map(|signal| 1 << (signal - 1)).sum()
    };
    let result = unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, how, &set, std::ptr::null::<u64>(), 8_usize)
    };
    check(result as i32);
}

fn dispose(words: &[u8], action: libc::sighandler_t) {
    for signal in signals(words) {
        assert!(unsafe { libc::signal(signal, action) } != libc::SIG_ERR, "probe: signal {signal}");
    }
}

fn interval_timer(seconds: f64) {
    let duration = std::time::Duration::from_secs_f64(seconds);
    let value = libc::timeval {
        tv_sec: duration.as_secs() as i64,
        tv_usec: i64::from(duration.subsec_micros()),
    };
    let zero = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: zero, it_value: value };
    let result = unsafe {
        libc::syscall(libc::SYS_setitimer, libc::ITIMER_REAL, &timer, std::ptr::null::<u8>())
    };
    check(result as i32);
}

fn open(value: &[u8]) {
    let (number_word, rest) = pair(value);
    let (mode, file) = pair(rest);
    let mut flags = libc::O_NOCTTY;
    for word in text(mode).split('+') {
        flags |= match word {
            "r" => libc::O_RDONLY,
            "w" => libc::O_WRONLY | libc::O_CREAT,
            "rw" => libc::O_RDWR | libc::O_CREAT,
            "a" => libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND,
            "path" => libc::O_PATH,
            "dir" => libc::O_DIRECTORY,
            "cloexec" => libc::O_CLOEXEC,
            "nonblock" => libc::O_NONBLOCK,
            other => panic!("probe: unknown mode {other}"),
        };
    }
    let fd = unsafe { libc::open(c_string(file).as_ptr(), flags, 0o666) };
    check(fd);
    place(fd, number(number_word), flags & libc::O_CLOEXEC);
}

/// Moves a descriptor to the number where it is wanted.
fn place(fd: i32, wanted: i32, flags: i32) {
    if fd != wanted {
        check(unsafe { libc::dup3(fd, wanted, flags) });
        unsafe { libc::close(fd) };
    }
}

/// Makes `wanted` the write end of a pipe: full, non-blocking and held open, or broken.
fn pipe(wanted: i32, full: bool) {
    let mut ends = [0; 2];
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), if full { libc::O_NONBLOCK } else { 0 }) });
    if full {
        let block = [0_u8; 4096];
        while unsafe { libc::write(ends[1], block.as_ptr().cast(), block.len()) } > 0 {}
        // Only a read end that stays open keeps the pipe from being a broken one.
        place(ends[0], 200, 0);
    } else {
        unsafe { libc::close(ends[0]) };
    }
    place(ends[1], wanted, 0);
}

fn limit(value: &[u8]) {
    let (name, amount) = pair(value);
    let resource = match text(name).as_str() {
        "nofile" => libc::RLIMIT_NOFILE,
        "nproc" => libc::RLIMIT_NPROC,
        "fsize" => libc::RLIMIT_FSIZE,
        "as" => libc::RLIMIT_AS,
        "stack" => libc::RLIMIT_STACK,
        "sigpending" => libc::RLIMIT_SIGPENDING,
        "cpu" => libc::RLIMIT_CPU,
        "core" => libc::RLIMIT_CORE,
        other => panic!("probe: unknown limit {other}"),
    };
    let limit = libc::rlimit { rlim_cur: number(amount), rlim_max: number(amount) };
    check(unsafe { libc::setrlimit(resource, &limit) });
}

fn become_user(id: u32) {
    check(unsafe { libc::setgroups(0, std::ptr::null()) });
    check(unsafe { libc::setgid(id) });
    check(unsafe { libc::setuid(id) });
}

/// Leaves a child behind, which lives until this process ends.
fn child() {
    let mut ends = [MaybeUninit::<i32>::uninit(); 2];
    check(unsafe { libc::pipe(ends.as_mut_ptr().cast()) });
    let [read, write] = ends.map(|end| unsafe { end.assume_init() });
    let parent = unsafe { libc::getpid() };
    if unsafe { libc::fork() } == 0 {
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        for fd in 0..1024 {
            unsafe { libc::close(fd) };
        }
        while unsafe { libc::getppid() } == parent {
            unsafe { libc::pause() };
        }
        unsafe { libc::_exit(0) };
    }
    unsafe { libc::close(read) };
    unsafe { libc::close(write) };
}

/// Makes a system call so often, with arguments that it refuses: for strace(1), which counts
/// the calls of a process across execve(2), but those of its children anew.
fn calls(value: &[u8]) {
    let (call, count) = pair(value);
    for _ in 0..number(count) {
        unsafe { libc::syscall(number(call), -1_i64, -1_i64, -1_i64, -1_i64, -1_i64, -1_i64) };
    }
}

/// Has the kernel refuse system calls, `NAME:ERRNO` each with a comma in between, to this
/// process and all that it starts: seccomp(2). `NAME:ERRNO:INDEX:BITS:VALUE` refuses only those
/// of which the argument of this index, from 0 on, has this value in these bits.
fn refuse(value: &[u8]) {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const MASK: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let filter = |code, k, jf| libc::sock_filter { code, jt: 0, jf, k };
    let mut filters = Vec::new();
    for rule in value.split(|&byte| byte == b',') {
        let parts: Vec<&[u8]> = rule.split(|&byte| byte == b':').collect();
        let refusal = filter(RETURN, libc::SECCOMP_RET_ERRNO | number::<u32>(parts[1]), 0);
        // The number is where `seccomp_data` begins, the arguments from its byte 16 on.
        let mut rules = vec![filter(LOAD, 0, 0)];
        if let [_, _, index, bits, value] = parts[..] {
            rules.push(filter(JUMP_IF_EQUAL, system_call(&text(parts[0])), 4));
            // Its lower half: that comes first where the least byte does.
            rules.push(filter(LOAD, 16 + 8 * number::<u32>(index), 0));
            rules.push(filter(MASK, number(bits), 0));
            rules.push(filter(JUMP_IF_EQUAL, number(value), 1));
        } else {
            rules.push(filter(JUMP_IF_EQUAL, system_call(&text(parts[0])), 1));
        }
        filters.extend(rules);
        filters.push(refusal);
    }
    filters.push(filter(RETURN, libc::SECCOMP_RET_ALLOW, 0));
    let len = filters.len() as u16;
    let program = libc::sock_fprog { len, filter: filters.as_mut_ptr() };
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) });
    check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) });
}

fn system_call(name: &str) -> u32 {
    let number = match name {
        "close_range" => libc::SYS_close_range,
        "fcntl" => libc::SYS_fcntl,
        "flock" => libc::SYS_flock,
        "fstatfs" => libc::SYS_fstatfs,
        "kcmp" => libc::SYS_kcmp,
        "kill" => libc::SYS_kill,
        #[cfg(target_arch = "x86_64")]
        "open" => libc::SYS_open,
        "openat" => libc::SYS_openat,
        "pidfd_open" => libc::SYS_pidfd_open,
        "ppoll" => libc::SYS_ppoll,
        "prctl" => libc::SYS_prctl,
        "rt_sigtimedwait" => libc::SYS_rt_sigtimedwait,
        "statx" => libc::SYS_statx,
        "timer_create" => libc::SYS_timer_create,
        "timer_settime" => libc::SYS_timer_settime,
        other => panic!("probe: unknown system call {other}"),
    };
    number as u32
}
