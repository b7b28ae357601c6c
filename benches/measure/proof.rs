//! Whether a job takes the very lock that the bench can hold: before it is timed, as times
//! of a program that locks something else, or nothing, would mean nothing.

use crate::measure::{Bench, LIMIT, check, waiter};
use crate::peers::{Peer, Task};
use crate::sys::{Hold, Launch};
use std::io::Result;

/// With the lock held, the job has to give up with the status for that, or to wait; and
/// once it is free, to succeed. One with a lock of its own, or without, is let through.
pub fn takes_lock(bench: &Bench, peer: &Peer, task: Task, launch: &Launch) -> Result<()> {
    if !peer.takes_lock(task) {
        return Ok(());
    }
    let hold = Hold::take(&bench.lock_path())?;
    let child = launch.spawn()?;
    if task.gives_up() {
        check(child.wait_within(LIMIT)?.status, peer.known.conflict)?;
        drop(hold);
        let status = launch.spawn()?.wait_within(LIMIT)?.status;
        bench.unlock()?;
        return check(status, 0);
    }
    waiter::settle(&child)?;
    drop(hold);
    check(child.wait_within(LIMIT)?.status, 0)
}
