//! What each peer can do, and the words that make it do so.

/// What is asked of a peer. In the words for it, FILE is the lock file and CMD the
/// command; without FILE, the lock is that of descriptor 9.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Try for the lock of descriptor 9.
    Descriptor,
    /// Run a command as a child under the lock.
    Run,
    /// Become the command, which keeps the lock.
    Exec,
    /// Run a command if the lock is free.
    Try,
    /// Give up waiting after 50 ms.
    Timeout,
    /// Wait for the lock as long as it takes.
    Wait,
}

impl Task {
    /// Whether it ends in a conflict, as opposed to waiting for as long as it takes.
    pub fn gives_up(self) -> bool {
        matches!(self, Self::Descriptor | Self::Try | Self::Timeout)
    }
}

/// A peer, whether or not it is on this machine.
pub struct Known {
    pub name: &'static str,
    /// Its file name on PATH; for the three that are found otherwise, what finds them.
    pub program: &'static str,
    pub tasks: &'static [(Task, &'static str)],
    /// The exit status that says that the lock is held by another.
    pub conflict: i32,
    /// It takes part in one round out of so many: the slow ones would take up the time.
    pub one_in: usize,
}

pub const OURS: &str = "flock-rs";
pub const OURS_RELEASE: &str = "flock-rs (release)";
pub const FLOOR: &str = "floor";
/// The floor that executes CPUID as often as ours does on its C library.
pub const FLOOR_ASKING: &str = "floor + CPUID";
/// The same in C, static on the C library that the default build has.
pub const FLOOR_IN_C: &str = "floor in C";

const FLOCK: &[(Task, &str)] = &[
    (Task::Descriptor, "-n 9"),
    (Task::Run, "FILE CMD"),
    (Task::Exec, "-F FILE CMD"),
    (Task::Try, "-n FILE CMD"),
    (Task::Timeout, "-w 0.05 FILE CMD"),
    (Task::Wait, "FILE CMD"),
];

const BUSYBOX: &[(Task, &str)] = &[
    (Task::Descriptor, "flock -n 9"),
    (Task::Run, "flock FILE CMD"),
    (Task::Try, "flock -n FILE CMD"),
    (Task::Wait, "flock FILE CMD"),
];

const TOYBOX: &[(Task, &str)] = &[(Task::Descriptor, "flock -n 9"), (Task::Wait, "flock 9")];

const SETLOCK: &[(Task, &str)] =
    &[(Task::Exec, "FILE CMD"), (Task::Try, "-n FILE CMD"), (Task::Wait, "FILE CMD")];

const CHPST: &[(Task, &str)] =
    &[(Task::Exec, "-l FILE CMD"), (Task::Try, "-L FILE CMD"), (Task::Wait, "-l FILE CMD")];

const S6_SETLOCK: &[(Task, &str)] = &[
    (Task::Exec, "FILE CMD"),
    (Task::Try, "-n FILE CMD"),
    (Task::Timeout, "-t 50 FILE CMD"),
    (Task::Wait, "FILE CMD"),
];

const LCKDO: &[(Task, &str)] = &[
    (Task::Run, "-w FILE CMD"),
    (Task::Exec, "-e -w FILE CMD"),
    (Task::Try, "FILE CMD"),
    (Task::Wait, "-w FILE CMD"),
];

const WITH_LOCK_EX: &[(Task, &str)] =
    &[(Task::Exec, "-w FILE CMD"), (Task::Try, "-f FILE CMD"), (Task::Wait, "-w FILE CMD")];

const SEM: &[(Task, &str)] = &[(Task::Run, "--fg --id bench CMD")];

// Words are split at spaces: these scripts have none.
const PERL: &[(Task, &str)] = &[
    (Task::Descriptor, "-e open(F,'>&=9');flock(F,6)||exit(1)"),
    (Task::Run, "-e open(F,'>>',shift);flock(F,2);exit(system(@ARGV)>>8) FILE CMD"),
    (Task::Exec, "-e $^F=9;open(F,'>>',shift);flock(F,2);exec(@ARGV) FILE CMD"),
    (Task::Try, "-e open(F,'>>',shift);flock(F,6)||exit(1);exit(system(@ARGV)>>8) FILE CMD"),
    (Task::Wait, "-e open(F,'>>',shift);flock(F,2);exit(system(@ARGV)>>8) FILE CMD"),
];

/// Where a command is asked for, the command alone, without a lock.
const NO_LIBC: &[(Task, &str)] =
    &[(Task::Descriptor, "n"), (Task::Run, ""), (Task::Exec, ""), (Task::Wait, "w")];

/// Nothing waits in these two: they are for times alone.
const SHORT: &[(Task, &str)] = &[(Task::Descriptor, "n"), (Task::Run, ""), (Task::Exec, "")];

const fn known(
    (name, program): (&'static str, &'static str),
    tasks: &'static [(Task, &'static str)],
    conflict: i32,
    one_in: usize,
) -> Known {
    Known { name, program, tasks, conflict, one_in }
}

/// Each conflict status was seen while the lock was held by another. Where it was to be
/// expected, a run that ends with another one takes the peer out.
pub const KNOWN: &[Known] = &[
    known((OURS, ""), FLOCK, 1, 1),
    known((OURS_RELEASE, ""), FLOCK, 1, 1),
    known(("util-linux", "flock"), FLOCK, 1, 1),
    known(("busybox", "busybox"), BUSYBOX, 1, 1),
    known(("toybox", "toybox"), TOYBOX, 1, 1),
    known(("setlock (daemontools)", "setlock"), SETLOCK, 111, 1),
    known(("chpst (runit)", "chpst"), CHPST, 111, 1),
    known(("s6-setlock", "s6-setlock"), S6_SETLOCK, 1, 1),
    known(("lckdo (moreutils)", "lckdo"), LCKDO, 75, 1),
    known(("with-lock-ex (chiark)", "with-lock-ex"), WITH_LOCK_EX, 255, 1),
    known(("perl", "perl"), PERL, 1, 5),
    known(("sem (parallel)", "sem"), SEM, 1, 100),
    known((FLOOR, ""), NO_LIBC, 1, 1),
    known((FLOOR_ASKING, ""), SHORT, 1, 1),
    known((FLOOR_IN_C, ""), SHORT, 1, 1),
];
