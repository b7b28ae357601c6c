//! Runs whose outcome is certain, since nobody else knows of the file.

use crate::job;
use crate::look::Row;
use crate::plan::{CONFLICT, Lock};
use crate::worker::Worker;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};

/// What is done with a file of that name.
type Act = fn(&mut Worker, &str);

/// What can be done with a file that nobody has; the first ones, in as many steps of
/// [`COMMON`], with util-linux's flock as well.
const KINDS: [(&str, Act); 10] = [
    ("certainly unlocked", unlocked),
    ("certainly free", free),
    ("certainly held", held),
    ("certainly in time", in_time),
    ("certainly kept", kept),
    ("certainly removed", removed),
    ("certainly forwarded", forwarded),
    ("certainly all or none", all_or_none),
    ("certainly another range", another_range),
    ("certainly seen", seen),
];
const COMMON: usize = 4;

/// The names of all of them.
pub fn names(common: bool) -> impl Iterator<Item = &'static str> {
    let count = if common { COMMON } else { KINDS.len() };
    KINDS.iter().take(count).map(|(name, _)| *name)
}

/// Does something with a file of that name, which nobody has; says what it was.
pub fn try_one(worker: &mut Worker, name: &str) -> &'static str {
    let count = names(worker.storm.common).count();
    let (what, act) = KINDS[worker.chance.below(count)];
    worker.certain = what;
    act(worker, name);
    // A broken flock may not have made it.
    let _ = fs::remove_file(worker.directory.join(name));
    what
}

/// In a shell with the file as descriptor 9: a lock on it is seen by others, and its end.
const UNLOCK: &str = r#"
exec 9<>"$2"
"$1" 9 || exit 90
"$1" -n -E 75 "$2" true
[ $? = 75 ] || exit 91
"$1" -u 9 || exit 92
"$1" -n -E 75 "$2" true || exit 93
"$1" -s 9 || exit 94
"$1" -n -E 75 -s "$2" true || exit 95
"#;

fn unlocked(worker: &mut Worker, name: &str) {
    expect(worker, script(worker, UNLOCK, name), 0);
}

fn free(worker: &mut Worker, name: &str) {
    let mut flock = worker.flock();
    let patience = *worker.chance.pick(&["-n", "-w0", "-w600", "-x"]);
    flock.args([patience, "-E75", name, "sh", "-c", "exit 7"]);
    expect_at(worker, flock, 7, Duration::ZERO);
}

fn held(worker: &mut Worker, name: &str) {
    let held = File::create(worker.directory.join(name)).unwrap();
    let exclusive = worker.chance.one_in(2);
    let mode = if exclusive { FlockOperation::LockExclusive } else { FlockOperation::LockShared };
    flock(&held, mode).unwrap();
    let mut refused = worker.flock();
    let millis = worker.chance.below(30) as u64;
    let other = if exclusive { *worker.chance.pick(&["-s", "-x"]) } else { "-x" };
    refused.args([other, "-E75", "-w", &format!("0.{millis:03}"), name, "echo"]);
    expect_at(worker, refused, CONFLICT, Duration::from_millis(millis));
    if !exclusive {
        let mut shared = worker.flock();
        shared.args(["-s", "-E75", "-n", name, "sh", "-c", "exit 7"]);
        expect_at(worker, shared, 7, Duration::ZERO);
    }
}

/// So long a wait that it cannot be too short unseen, however slowly it begins.
fn in_time(worker: &mut Worker, name: &str) {
    let held = File::create(worker.directory.join(name)).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let millis = 500 + worker.chance.below(500) as u64;
    let mut refused = worker.flock();
    refused.args(["-E75", "-w", &format!("0.{millis}"), name, "echo"]);
    expect_at(worker, refused, CONFLICT, Duration::from_millis(millis));
}

/// A shell has the lock until it ends.
const KEEP: &str = r#"
"$1" --for-pid $$ "$2" || exit 90
"$1" -n -E 75 "$2" true
[ $? = 75 ] || exit 91
"#;

fn kept(worker: &mut Worker, name: &str) {
    expect(worker, script(worker, KEEP, name), 0);
    let mut next = worker.flock();
    next.args([name, "sh", "-c", "exit 7"]);
    expect_at(worker, next, 7, Duration::ZERO);
}

fn removed(worker: &mut Worker, name: &str) {
    let mut command = worker.flock();
    let mode = *worker.chance.pick(&["-x", "-s"]);
    command.args(["--remove", mode, name, "sh", "-c", "[ -e \"$1\" ] && exit 7", "sh", name]);
    expect_at(worker, command, 7, Duration::ZERO);
    if worker.directory.join(name).exists() {
        fault(worker, &format!("not removed: {name}"));
    }
}

/// The command sends flock a signal, which comes back. If it does not, that will be seen, unless
/// it comes too late.
fn forwarded(worker: &mut Worker, name: &str) {
    let mut command = worker.flock();
    let script = format!("kill -TERM $PPID; exec sleep {}", 1 + worker.storm.late.as_secs());
    command.args(["--forward-signals", name, "sh", "-c", &script]);
    expect_at(worker, command, 128 + libc::SIGTERM, Duration::ZERO);
}

fn all_or_none(worker: &mut Worker, name: &str) {
    let second = format!("{name}.second");
    let path = worker.directory.join(&second);
    let held = File::create(&path).unwrap();
    let mode = *worker.chance.pick(&["-x", "-s"]);
    let both = |wait: &str| {
        let mut command = worker.flock();
        command.args([mode, "-E75", wait, "--also", &second, name, "sh", "-c", "exit 7"]);
        command
    };
    flock(&held, FlockOperation::LockExclusive).unwrap();
    expect_at(worker, both("-w.02"), CONFLICT, Duration::from_millis(20));
    let whole = Lock { file: "", range: None };
    let first = File::open(worker.directory.join(name));
    if !first.is_ok_and(|first| job::is_free(&whole, &first)) {
        fault(worker, &format!("still locked: {name}, without the other"));
    }
    flock(&held, FlockOperation::Unlock).unwrap();
    expect_at(worker, both("-n"), 7, Duration::ZERO);
    let _ = fs::remove_file(&path);
}

/// Bytes that overlap are refused, others are not. The shell has some of them.
const RANGE: &str = r#"
exec 9<>"$2"
"$1" --start 10 --length 10 9 || exit 90
"$1" -n -E 75 --start 20 "$2" true || exit 91
"$1" -n -E 75 --length 10 "$2" true || exit 92
"$1" -n -E 75 "$2" true || exit 93
for range in '--start 19' '--start 5 --length 6' --fcntl; do
  "$1" -n -E 75 $range "$2" true
  [ $? = 75 ] || exit 94
done
"#;

fn another_range(worker: &mut Worker, name: &str) {
    expect(worker, script(worker, RANGE, name), 0);
}

/// Who looks at the holders sees nobody, then this process.
fn seen(worker: &mut Worker, name: &str) {
    let held = File::create(worker.directory.join(name)).unwrap();
    let table = format!("{name}.table");
    let path = worker.directory.join(&table);
    let look = |status| {
        let mut command = worker.flock();
        // In a PID namespace it says that there may be others.
        command.args(["--holders", name]).stderr(Stdio::null());
        command.stdout(File::create(&path).unwrap());
        expect_at(worker, command, status, Duration::ZERO);
        fs::read_to_string(&path).unwrap()
    };
    let text = look(1);
    if text.lines().count() != 1 {
        fault(worker, &format!("holders: held by nobody: {text:?}"));
    }
    flock(&held, FlockOperation::LockShared).unwrap();
    let text = look(0);
    // A process that is just being started has a copy, so there may be more of them.
    let own = Some(process::id().into());
    let mut rows = text.lines().skip(1).map(Row::read);
    if !rows.any(|row| row.holds(own, "flock", "shared")) {
        fault(worker, &format!("holders: somebody not seen: {text:?}"));
    }
    let _ = fs::remove_file(&path);
}

/// What is wrong, and with what.
fn fault(worker: &Worker, text: &str) {
    worker.fault(&format!("{}: {text}", worker.certain));
}

/// A shell script for flock, `$1`, and a file, `$2`.
fn script(worker: &Worker, text: &str, name: &str) -> Command {
    let program = worker.flock().get_program().to_owned();
    let mut shell = worker.command("/bin/sh");
    shell.args(["-c", text, "sh"]).arg(program).arg(name);
    shell
}

/// The command must end with this status. A script starts many others, and takes its time.
fn expect(worker: &Worker, mut command: Command, status: i32) -> Option<Duration> {
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let ended = worker.wait(&mut child, start);
    let took = start.elapsed();
    let is_right = ended.is_some_and(|ended| ended.code() == Some(status));
    match ended {
        None => fault(worker, &format!("lost: {command:?}")),
        Some(_) if is_right => {}
        Some(other) => {
            fault(worker, &format!("a false report: {other:?}, not {status}: {command:?}"));
        }
    }
    is_right.then_some(took)
}

/// It must end with this status, not before that time, and not much later.
fn expect_at(worker: &Worker, command: Command, status: i32, time: Duration) {
    let words = format!("{command:?}");
    let Some(took) = expect(worker, command, status) else { return };
    let late = took.saturating_sub(time);
    worker.tally.add_late(late);
    if took < time {
        fault(worker, &format!("too early: after {took:?}, not {time:?}: {words}"));
    } else if late > worker.storm.late {
        fault(worker, &format!("too late: after {took:?}, not {time:?}: {words}"));
    }
}
