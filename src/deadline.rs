//! The end of a wait: a timer whose signal interrupts the lock call.

use crate::error::Error;
use crate::sys::{Alarm, Timer};
use std::time::{Duration, Instant};

/// A wait that ends by itself.
///
/// That it is over is a matter of the clock alone: the signal only ends the
/// system call, so one that came from elsewhere changes nothing. SIGALRM is caught,
/// and not blocked, from [`Deadline::start`] on.
pub struct Deadline {
    /// None if it is beyond what the clock can show.
    at: Option<Instant>,
    alarm: Alarm,
    timer: Timer,
}

impl Deadline {
    /// Starts the clock.
    pub fn start(timeout: Duration) -> Result<Self, Error> {
        let alarm = Alarm::catch().map_err(Error::Timer)?;
        // Before the timer starts, so that it never fires too early.
        let at = Instant::now().checked_add(timeout);
        let timer = Timer::start(timeout, interval(timeout)).map_err(Error::Timer)?;
        Ok(Self { at, alarm, timer })
    }

    /// Whether the time is over.
    pub fn has_passed(&self) -> bool {
        has_passed(self.at)
    }

    /// Stops the clock. SIGALRM stays caught, so that a late one from elsewhere
    /// cannot turn an exit into a death.
    pub fn end(self) -> Ended {
        // Before the clock is read: what the timer sends in between is ours.
        drop(self.timer);
        Ended { alarm: self.alarm, none_of_ours: !has_passed(self.at) }
    }
}

fn has_passed(at: Option<Instant>) -> bool {
    at.is_some_and(|at| Instant::now() >= at)
}

/// A wait that is over.
pub struct Ended {
    alarm: Alarm,
    /// It ended before the timer sent its first signal.
    none_of_ours: bool,
}

impl Ended {
    /// Makes SIGALRM again what it was when flock started, before a command runs.
    pub fn restore(self) {
        self.alarm.restore(self.none_of_ours);
    }
}

/// How often the signal is sent again. The first one may come just before the
/// lock call and be lost on it; util-linux repeats it each hundredth of the whole seconds.
fn interval(timeout: Duration) -> Duration {
    match timeout.as_secs() {
        0 => Duration::from_millis(10),
        seconds => Duration::from_secs(seconds) / 100,
    }
}
