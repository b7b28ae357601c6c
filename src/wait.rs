//! Waiting: the timers and signals that interrupt a lock call.

use crate::error::Error;
use crate::seconds::Timeout;
use crate::sys::{self, Caught, Timer};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// What a wait needs besides the lock call itself.
#[derive(Clone, Copy)]
pub struct Needs {
    /// To be told of a signal that ends the process, before it does.
    pub last_words: bool,
    /// To be interrupted by SIGCHLD as well.
    pub alert: bool,
    /// To be interrupted now and then, which costs the place in the kernel's queue.
    pub ticks: bool,
}

/// A wait that may end by itself.
///
/// That its time is over is a matter of the clock alone: the timer's signal only ends
/// the system call, so one that came from elsewhere changes nothing. SIGALRM is caught,
/// and not blocked, from [`Wait::start`] on, if there is a timer or another need.
pub struct Wait {
    /// None if there is no deadline, or if it is beyond what the clock can show.
    at: Option<Instant>,
    bounded: bool,
    caught: Option<Caught>,
    timers: [Option<Timer>; 2],
}

impl Wait {
    /// Starts the clock.
    pub fn start(timeout: Timeout, needs: Needs) -> Result<Self, Error> {
        let timeout = match timeout {
            Timeout::After(timeout) => Some(timeout),
            Timeout::Zero | Timeout::Never => None,
        };
        let bounded = timeout.is_some();
        if !(bounded || needs.alert || needs.ticks || needs.last_words) {
            return Ok(Self { at: None, bounded, caught: None, timers: [None, None] });
        }
        let caught = Caught::catch(needs.last_words, needs.alert).map_err(Error::Timer)?;
        // Before the timer starts, so that it never fires too early.
        let at = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let start = |first, again| Timer::start(first, again).map_err(Error::Timer);
        let deadline = timeout.map(|timeout| start(timeout, interval(timeout))).transpose()?;
        let ticks = needs.ticks.then(|| start(TICK, TICK)).transpose()?;
        Ok(Self { at, bounded, caught: Some(caught), timers: [deadline, ticks] })
    }

    /// Whether the time is over.
    pub fn has_passed(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// A signal that came and would have ended this process, had it not been caught.
    pub fn deadly(&self) -> Option<Signal> {
        self.caught.as_ref()?.deadly(!self.bounded)
    }

    /// Ends this process if a signal came that would have, had it not been caught.
    pub fn obey(&self) {
        self.deadly().into_iter().for_each(sys::die_of);
    }

    /// Stops the clock. SIGALRM stays caught, so that a late one from elsewhere
    /// cannot turn an exit into a death.
    pub fn stop(&mut self) {
        self.timers = [None, None];
    }

    /// As [`Wait::restore`], where there was no clock.
    pub fn end(self) {
        if !self.bounded {
            self.restore();
        }
    }

    /// Stops the clock, and makes every signal again what it was when flock started,
    /// before a command runs. Ends this process if a signal came that would have.
    pub fn restore(mut self) {
        self.stop();
        if let Some(caught) = self.caught {
            caught.restore(!self.bounded);
        }
    }
}

const TICK: Duration = Duration::from_millis(100);

/// How often the signal is sent again. The first one may come just before the
/// lock call and be lost on it; util-linux repeats it each hundredth of the whole seconds.
fn interval(timeout: Duration) -> Duration {
    match timeout.as_secs() {
        0 => Duration::from_millis(10),
        seconds => Duration::from_secs(seconds) / 100,
    }
}
