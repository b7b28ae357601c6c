//! What becomes of a lock when servers, machines and cables fail.

use crate::job::{Job, until};
use crate::site::{BRICKS, Flock, Site, got, release};
use crate::{Case, Sides, Verdict};
use std::time::{Duration, Instant};

pub const ALL: [Case; 6] = [
    ("a brick of three ends: still held, still released", Sides::Both, brick),
    ("two bricks of three end: no lock without a majority", Sides::Both, bricks),
    ("all bricks end and start again, one by one: the lock is lost", Sides::Both, in_turn),
    ("a machine's mount ends: its lock is free", Sides::Both, machine),
    ("a machine's cable is pulled: its lock is free", Sides::Both, cable),
    ("a machine's mount ends: so does its wait", Sides::Both, waiting_machine),
];

const LOST: &str = "Transport endpoint is not connected";

fn brick(site: &Site, flock: &Flock) -> Verdict {
    for number in BRICKS {
        let name = site.file();
        let (here, there) = (format!("a/{name}"), format!("b/{name}"));
        let holder = flock.hold(&[&here])?;
        let waiter = flock.wait(&[&there, "echo", "got"])?;
        site.kill_brick(number)?;
        for file in [&here, &there] {
            flock.gives(&["-n", file, "echo", "got"], (1, "", ""))?;
        }
        release(holder)?;
        got(waiter)?;
        // Taken while the brick is gone.
        let holder = flock.hold(&[&there])?;
        flock.gives(&["-n", &here, "echo", "got"], (1, "", ""))?;
        site.settle()?;
        flock.gives(&["-n", &here, "echo", "got"], (1, "", ""))?;
        release(holder)?;
        flock.gets(&[&here])?;
    }
    Ok(())
}

fn bricks(site: &Site, flock: &Flock) -> Verdict {
    let file = format!("a/{}", site.file());
    let mut holder = flock.hold(&[&file])?;
    site.kill_brick(1)?;
    site.kill_brick(2)?;
    let text = format!("flock: cannot open lock file {file}: {LOST}\n");
    flock.gives(&["-n", &file, "echo", "got"], (66, "", &text))?;
    holder.say()?;
    let end = holder.end()?;
    if end.status == 0 { site.settle() } else { Err(format!("the holder: {end:?}")) }
}

/// A brick that starts again knows of no lock: when the last of them has, nobody does.
/// While there is a majority that knows, the lock holds.
fn in_turn(site: &Site, flock: &Flock) -> Verdict {
    let name = site.file();
    let (here, there) = (format!("a/{name}"), format!("b/{name}"));
    let holder = flock.hold(&[&here])?;
    for (number, status, out) in [(1, 1, ""), (2, 1, ""), (3, 0, "got\n")] {
        site.kill_brick(number)?;
        site.settle()?;
        flock.gives(&["-n", &there, "echo", "got"], (status, out, ""))?;
    }
    release(holder)
}

fn machine(site: &Site, flock: &Flock) -> Verdict {
    freed_by(site, flock, |site| site.kill_machine("a")).map(|_| ())
}

fn cable(site: &Site, flock: &Flock) -> Verdict {
    freed_by(site, flock, |site| site.cable("a", "down")).map(|_| ())
}

/// A machine has the lock, and is lost: how long until the waiter on another one has it.
/// The machine then comes back, and can lock again.
pub fn freed_by(
    site: &Site,
    flock: &Flock,
    accident: impl Fn(&Site) -> Verdict,
) -> Result<Duration, String> {
    let name = site.file();
    let (here, there) = (format!("a/{name}"), format!("b/{name}"));
    let holder = flock.hold(&[&here])?;
    let waiter = flock.wait(&[&there, "echo", "got"])?;
    let start = Instant::now();
    accident(site)?;
    got(waiter)?;
    let took = start.elapsed();
    // Without its cable it could not even end.
    site.cable("a", "up")?;
    end_of_lost(holder)?;
    site.settle()?;
    back(flock, &here)?;
    Ok(took)
}

/// Its lock is gone, and nobody has told it: it ends as if nothing had happened.
fn end_of_lost(mut holder: Job) -> Verdict {
    holder.say()?;
    let end = holder.end()?;
    if end.status == 0 && end.stderr.is_empty() { Ok(()) } else { Err(format!("{end:?}")) }
}

/// Waits until a machine that was cut off can lock again.
fn back(flock: &Flock, file: &str) -> Verdict {
    until(format!("{file} can be locked again"), || {
        let end = flock.run(&["-n", file, "echo", "got"])?;
        let is_lost = [65, 66].contains(&end.status) && end.stderr.ends_with(&format!("{LOST}\n"));
        if end.status == 0 || is_lost { Ok(!is_lost) } else { Err(format!("{end:?}")) }
    })
}

fn waiting_machine(site: &Site, flock: &Flock) -> Verdict {
    let name = site.file();
    let (here, there) = (format!("a/{name}"), format!("b/{name}"));
    let holder = flock.hold(&[&here])?;
    let waiter = flock.wait(&[&there, "echo", "got"])?;
    site.kill_machine("b")?;
    let end = waiter.end()?;
    let text = format!("flock: {there}: Software caused connection abort\n");
    if (end.status, end.stderr.as_str()) != (65, text.as_str()) {
        return Err(format!("{end:?}, not 65 and {text}"));
    }
    site.settle()?;
    flock.gives(&["-n", &there, "echo", "got"], (1, "", ""))?;
    release(holder)?;
    flock.gets(&[&there])
}
