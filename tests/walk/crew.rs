//! Work shared among threads, and a watchman who ends what hangs.

use crate::room::{Room, Running};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// No walk takes so long, however busy the machine is.
const LONGEST_WALK: Duration = Duration::from_secs(1200);

/// Does `job` for each number below `count`, one thread to a room. Returns why
/// threads gave up, if any did.
pub fn share<J>(rooms: Vec<Room>, count: usize, job: J) -> Vec<io::Error>
where
    J: Fn(&mut Room, usize) -> io::Result<()> + Sync,
{
    let watched: Vec<Arc<Running>> = rooms.iter().map(|room| Arc::clone(&room.running)).collect();
    let over = AtomicBool::new(false);
    let next = AtomicUsize::new(0);
    let work = |mut room: Room| {
        let start = Instant::now();
        loop {
            match next.fetch_add(1, Ordering::Relaxed) {
                index if index >= count => return Ok(()),
                _ if start.elapsed() > LONGEST_WALK => return Err(io::ErrorKind::TimedOut.into()),
                index => job(&mut room, index)?,
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| watch(&watched, &over));
        let workers: Vec<_> = rooms.into_iter().map(|room| scope.spawn(|| work(room))).collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        let results =
            joined.map(|result| result.unwrap_or_else(|_| Err(io::Error::other("panic"))));
        let failures = results.filter_map(Result::err).collect();
        over.store(true, Ordering::Relaxed);
        failures
    })
}

fn watch(watched: &[Arc<Running>], over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        for running in watched {
            running.end_if_late();
        }
        thread::park_timeout(Duration::from_millis(100));
    }
}
