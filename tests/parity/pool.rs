//! A pool of threads that works through a list and hands on results in order.

use crate::session;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

/// Does `work` for each item on this many threads, and calls `done` in the
/// order of the items, each as soon as it and all before it are there.
pub fn each<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    (work, mut done): (impl Fn(&T) -> R + Sync, impl FnMut(&T, R)),
) {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            let sender = sender.clone();
            scope.spawn(|| toil(items, (&next, sender), &work));
        }
        drop(sender);
        let mut waiting: Vec<Option<R>> = items.iter().map(|_| None).collect();
        let mut first = 0;
        for (index, result) in results {
            if let Some(place) = waiting.get_mut(index) {
                *place = Some(result);
            }
            while let Some((item, result)) =
                items.get(first).zip(waiting.get_mut(first).and_then(Option::take))
            {
                done(item, result);
                first += 1;
            }
        }
    });
}

/// Takes one item after the other, until none is left or we should end.
fn toil<T, R>(
    items: &[T],
    (next, results): (&AtomicUsize, Sender<(usize, R)>),
    work: &impl Fn(&T) -> R,
) {
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(item) = items.get(index).filter(|_| !session::interrupted()) else { return };
        if results.send((index, work(item))).is_err() {
            return;
        }
    }
}
