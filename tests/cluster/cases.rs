//! What util-linux's flock does as well: the same outcome on each machine.

use crate::job::Job;
use crate::site::{Flock, Site, got, release};
use crate::{Case, Sides, Verdict};
use rustix::process::Signal;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

pub const ALL: [Case; 13] = [
    ("an exclusive lock keeps everybody out", Sides::Both, exclusive),
    ("a shared lock is shared", Sides::Both, shared),
    ("a timeout is kept", Sides::Both, timeout),
    ("a waiter gets the lock", Sides::Both, waiter),
    ("a waiter that gave up or died leaves nothing behind", Sides::Both, given_up),
    ("a descriptor", Sides::Both, descriptor),
    ("a directory is locked on one machine only", Sides::Both, directory),
    ("a lock is inherited, and with --close it is not", Sides::Both, inherited),
    ("one at a time, from two machines", Sides::Both, one_at_a_time),
    ("--fcntl", Sides::Fcntl, fcntl),
    ("--fcntl: ranges", Sides::Fcntl, ranges),
    ("--fcntl: a timeout is kept, a waiter gets the lock", Sides::Fcntl, fcntl_waits),
    ("--fcntl sees the locks of flock(2)", Sides::Fcntl, both_kinds),
];

/// Where the lock is held, and where it is asked for.
const PAIRS: [(&str, &str); 3] = [("a", "b"), ("b", "a"), ("a", "a")];

/// The same file, as each of the two names it.
fn paths(site: &Site, (here, there): (&str, &str)) -> (String, String) {
    let name = site.file();
    (format!("{here}/{name}"), format!("{there}/{name}"))
}

fn exclusive(site: &Site, flock: &Flock) -> Verdict {
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        let holder = flock.hold(&[&here])?;
        flock.gives(&["-n", &there, "echo", "got"], (1, "", ""))?;
        flock.gives(&["-n", "-E", "9", &there, "echo", "got"], (9, "", ""))?;
        flock.gives(&["-w", "0", &there, "echo", "got"], (1, "", ""))?;
        flock.gives(&["-n", "-s", &there, "echo", "got"], (1, "", ""))?;
        let text = "flock: failed to get lock\n";
        flock.gives(&["-n", "--verbose", &there, "echo", "got"], (1, "", text))?;
        release(holder)?;
        flock.gets(&[&there])?;
    }
    Ok(())
}

fn shared(site: &Site, flock: &Flock) -> Verdict {
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        let holder = flock.hold(&["-s", &here])?;
        flock.gives(&["-n", "-s", &there, "echo", "got"], (0, "got\n", ""))?;
        flock.gives(&["-n", &there, "echo", "got"], (1, "", ""))?;
        release(holder)?;
        flock.gets(&[&there])?;
    }
    Ok(())
}

/// Not before its time; that it ends at all is the job's bound.
fn times_out(flock: &Flock, options: &[&str], file: &str) -> Verdict {
    let limit = [options, &["-w", "0.3", file, "echo", "got"]].concat();
    let start = Instant::now();
    flock.gives(&limit, (1, "", ""))?;
    let took = start.elapsed();
    if took < Duration::from_millis(300) { Err(format!("after {took:?}")) } else { Ok(()) }
}

fn timeout(site: &Site, flock: &Flock) -> Verdict {
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        let holder = flock.hold(&[&here])?;
        times_out(flock, &[], &there)?;
        times_out(flock, &["-s"], &there)?;
        let text = "flock: timeout while waiting to get lock\n";
        flock.gives(&["-w", ".1", "-E", "9", "--verbose", &there, "echo", "got"], (9, "", text))?;
        release(holder)?;
        flock.gets(&[&there])?;
    }
    Ok(())
}

fn waiter(site: &Site, flock: &Flock) -> Verdict {
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        let holder = flock.hold(&[&here])?;
        let first = flock.wait(&[&there, "echo", "got"])?;
        let second = flock.wait(&["-w", "50", &here, "echo", "got"])?;
        release(holder)?;
        got(first)?;
        got(second)?;
    }
    Ok(())
}

fn given_up(site: &Site, flock: &Flock) -> Verdict {
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        for signal in [Signal::TERM, Signal::KILL] {
            let holder = flock.hold(&[&here])?;
            times_out(flock, &[], &there)?;
            let dying = flock.wait(&[&there, "echo", "got"])?;
            dying.signal(signal)?;
            let end = dying.end()?;
            if end.status != -signal.as_raw() {
                return Err(format!("a waiter, by {signal:?}: {end:?}"));
            }
            let next = flock.wait(&[&there, "echo", "got"])?;
            release(holder)?;
            got(next)?;
            flock.gets(&[&here])?;
        }
    }
    Ok(())
}

/// Runs a script with the flock as `$FLOCK` and the two names as `$1` and `$2`.
fn script(flock: &Flock, text: &str, here: &str, there: &str) -> Result<Job, String> {
    let mut command = Command::new("sh");
    command.args(["-c", text, "sh", here, there]).env("FLOCK", &flock.program);
    Job::start(command)
}

fn prints(job: Job, wanted: &str) -> Verdict {
    let end = job.end()?;
    let is_good = end.status == 0 && end.stdout == wanted && end.stderr.is_empty();
    if is_good { Ok(()) } else { Err(format!("{end:?}, not {wanted:?}")) }
}

fn descriptor(site: &Site, flock: &Flock) -> Verdict {
    const TEXT: &str = r#"exec 8>"$1" 9<"$2"
        "$FLOCK" -n 9; echo $?; "$FLOCK" -n 8; echo $?
        "$FLOCK" -u 9; "$FLOCK" -n 8; echo $?; "$FLOCK" -n -s 9; echo $?
        exec 8>&-; "$FLOCK" -w 50 -s 9; echo $?"#;
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        fs::write(&here, "").map_err(|error| error.to_string())?;
        prints(script(flock, TEXT, &here, &there)?, "0\n1\n0\n1\n0\n")?;
    }
    Ok(())
}

/// FUSE hands no lock of a directory to the file system: the kernel of each machine keeps
/// it to itself.
fn directory(site: &Site, flock: &Flock) -> Verdict {
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        fs::create_dir(&here).map_err(|error| error.to_string())?;
        let holder = flock.hold(&[&here])?;
        let (status, out) = if pair.0 == pair.1 { (1, "") } else { (0, "got\n") };
        flock.gives(&["-n", &there, "echo", "got"], (status, out, ""))?;
        release(holder)?;
        flock.gets(&[&there])?;
    }
    Ok(())
}

fn inherited(site: &Site, flock: &Flock) -> Verdict {
    const TEXT: &str = "{ echo held; read _; } <&7 & echo left";
    for pair in PAIRS {
        for option in ["-x", "-o"] {
            let (here, there) = paths(site, pair);
            let text = format!("exec 7<&0; \"$FLOCK\" {option} \"$1\" sh -c '{TEXT}'");
            let mut job = script(flock, &text, &here, &there)?;
            job.is_over()?;
            job.has_printed("held\n")?;
            match option {
                "-x" => flock.gives(&["-n", &there, "echo", "got"], (1, "", ""))?,
                _ => flock.gets(&[&there])?,
            }
            job.say()?;
            flock.gets(&[&there])?;
        }
    }
    Ok(())
}

/// Two machines count; who meets somebody else under the lock says so. Neither the count
/// nor the sign that somebody is in is on the volume: what it caches is no matter here.
fn one_at_a_time(site: &Site, flock: &Flock) -> Verdict {
    count(site, flock, &[], (&["a", "b", "a", "b"], 15))
}

/// On each of the machines, so many times, with these options.
pub fn count(
    site: &Site,
    flock: &Flock,
    options: &[&str],
    (machines, times): (&[&str], usize),
) -> Verdict {
    const TEXT: &str =
        "mkdir \"$1.in\" || echo two; read n <\"$1.n\"; echo $((n + 1)) >\"$1.n\"; rmdir \"$1.in\"";
    let name = site.file();
    let number = format!("{name}.n");
    fs::write(&number, "0\n").map_err(|error| error.to_string())?;
    let job = |machine: &str| {
        let file = format!("{machine}/{name}");
        let command = [options, &[&file, "sh", "-c", TEXT, "sh", &name]].concat();
        (0..times).try_for_each(|_| flock.says(&command, (0, "", "")))
    };
    thread::scope(|scope| {
        let all: Vec<_> = machines.iter().map(|machine| scope.spawn(|| job(machine))).collect();
        all.into_iter().try_for_each(|one| one.join().map_err(|_| "a thread panicked")?)
    })?;
    let counted = fs::read_to_string(&number).map_err(|error| error.to_string())?;
    let wanted = format!("{}\n", times * machines.len());
    if counted == wanted { Ok(()) } else { Err(format!("counted {counted}, not {wanted}")) }
}

fn fcntl(site: &Site, flock: &Flock) -> Verdict {
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        let holder = flock.hold(&["--fcntl", &here])?;
        flock.gives(&["--fcntl", "-n", &there, "echo", "got"], (1, "", ""))?;
        flock.gives(&["--fcntl", "-n", "-s", &there, "echo", "got"], (1, "", ""))?;
        release(holder)?;
        let holder = flock.hold(&["--fcntl", "-s", &here])?;
        flock.gives(&["--fcntl", "-n", "-s", &there, "echo", "got"], (0, "got\n", ""))?;
        flock.gives(&["--fcntl", "-n", "-E", "9", &there, "echo", "got"], (9, "", ""))?;
        release(holder)?;
        flock.gets(&["--fcntl", &there])?;
    }
    Ok(())
}

fn ranges(site: &Site, flock: &Flock) -> Verdict {
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        let holder = flock.hold(&["--start", "10", "--length", "10", &here])?;
        let ask = |start: &str, length: &str, status: i32, out: &str| {
            let range = ["-n", "--start", start, "--length", length, &there, "echo", "got"];
            flock.gives(&range, (status, out, ""))
        };
        ask("0", "10", 0, "got\n")?;
        ask("20", "0", 0, "got\n")?;
        ask("19", "1", 1, "")?;
        ask("0", "0", 1, "")?;
        release(holder)?;
        flock.gets(&["--fcntl", &there])?;
    }
    Ok(())
}

fn fcntl_waits(site: &Site, flock: &Flock) -> Verdict {
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        let holder = flock.hold(&["--fcntl", &here])?;
        times_out(flock, &["--fcntl"], &there)?;
        let waiter = flock.wait(&["--fcntl", &there, "echo", "got"])?;
        release(holder)?;
        got(waiter)?;
    }
    Ok(())
}

/// GlusterFS has one kind of lock for both.
fn both_kinds(site: &Site, flock: &Flock) -> Verdict {
    for pair in PAIRS {
        let (here, there) = paths(site, pair);
        let holder = flock.hold(&[&here])?;
        flock.gives(&["--fcntl", "-n", &there, "echo", "got"], (1, "", ""))?;
        release(holder)?;
        let holder = flock.hold(&["--start", "1", "--length", "1", &here])?;
        flock.gives(&["-n", &there, "echo", "got"], (1, "", ""))?;
        release(holder)?;
        flock.gets(&[&there])?;
    }
    Ok(())
}
