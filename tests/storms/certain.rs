//! Runs whose outcome is certain, since nobody else knows of the file.

use crate::plan::CONFLICT;
use crate::worker::Worker;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, Instant};

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

/// Does something with a file of that name, which nobody has; says what it was.
pub fn try_one(worker: &mut Worker, name: &str) -> &'static str {
    let file = worker.directory.join(name);
    let what = match worker.chance.below(4) {
        0 => {
            let mut shell = worker.command("/bin/sh");
            let program = worker.flock().get_program().to_owned();
            shell.args(["-c", UNLOCK, "sh"]).arg(program).arg(name);
            expect(worker, shell, 0, Duration::ZERO);
            "certainly unlocked"
        }
        1 => {
            let mut flock = worker.flock();
            let patience = *worker.chance.pick(&["-n", "-w0", "-w600", "-x"]);
            flock.args([patience, "-E75", name, "sh", "-c", "exit 7"]);
            expect(worker, flock, 7, Duration::ZERO);
            "certainly free"
        }
        number => {
            let held = File::create(&file).unwrap();
            let exclusive = number == 2;
            let mode =
                if exclusive { FlockOperation::LockExclusive } else { FlockOperation::LockShared };
            flock(&held, mode).unwrap();
            let mut refused = worker.flock();
            let millis = worker.chance.below(30) as u64;
            let other = if exclusive { *worker.chance.pick(&["-s", "-x"]) } else { "-x" };
            refused.args([other, "-E75", "-w", &format!("0.{millis:03}"), name, "echo"]);
            expect(worker, refused, CONFLICT, Duration::from_millis(millis));
            if !exclusive {
                let mut shared = worker.flock();
                shared.args(["-s", "-E75", "-n", name, "sh", "-c", "exit 7"]);
                expect(worker, shared, 7, Duration::ZERO);
            }
            "certainly held"
        }
    };
    // A broken flock may not have made it.
    let _ = fs::remove_file(&file);
    what
}

/// The command must end with this status, and not before so long.
fn expect(worker: &Worker, mut command: Command, status: i32, at_least: Duration) {
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let ended = worker.wait(&mut child, start);
    let took = start.elapsed();
    if ended.is_none() {
        worker.fault(&format!("lost: {command:?}"));
    } else if ended.and_then(|ended| ended.code()) != Some(status) {
        worker.fault(&format!("a false report: {ended:?}, not {status}: {command:?}"));
    } else if took < at_least {
        worker.fault(&format!("too early: after {took:?}: {command:?}"));
    }
}
