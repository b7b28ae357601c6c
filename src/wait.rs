//! Waiting: the timers and signals that interrupt a lock call.

use crate::error::Error;
use crate::seconds::Timeout;
use crate::sys::{self, Caught, Timer};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// What a wait needs besides the lock call itself.
#[derive(Clone, Copy, Default)]
pub struct Needs {
    /// To be interrupted so often, whatever the timeout.
    pub tick: Option<Duration>,
    /// To be told of a signal that ends the process, before it does.
    pub last_words: bool,
    /// To be interrupted by SIGCHLD as well.
    pub alert: bool,
}

/// A wait that may end by itself.
///
/// That its time is over is a matter of the clock alone: the timer's signal only ends
/// the system call, so one that came from elsewhere changes nothing. SIGALRM is caught,
/// and not blocked, from [`Wait::start`] on, if there is a timer.
pub struct Wait {
    /// None if there is no deadline, or if it is beyond what the clock can show.
    at: Option<Instant>,
    bounded: bool,
    /// It is not only the notices that interrupt it.
    interruptible: bool,
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
        let interruptible = bounded || needs.alert;
        if !interruptible && needs.tick.is_none() {
            let timers = [None, None];
            return Ok(Self { at: None, bounded, interruptible, caught: None, timers });
        }
        let caught = Caught::catch(needs.last_words, needs.alert).map_err(Error::Timer)?;
        // Before the timer starts, so that it never fires too early.
        let at = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let start = |first, again| Timer::start(first, again).map_err(Error::Timer);
        let deadline = timeout.map(|timeout| start(timeout, interval(timeout))).transpose()?;
        // What is only told of a wait is no reason to fail.
        let ticks = needs.tick.and_then(|tick| start(tick, tick).ok());
        let timers = [deadline, ticks];
        Ok(Self { at, bounded, interruptible, caught: Some(caught), timers })
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

    /// Stops the clock, and makes every signal again what it was when flock started,
    /// before a command runs. Ends this process if a signal came that would have.
    pub fn restore(mut self) {
        self.stop();
        self.put_back();
    }

    /// Lets nothing interrupt the wait any more but its deadline: each interruption costs
    /// the place in the kernel's queue.
    pub fn calm(&mut self) {
        self.timers[1] = None;
        if !self.interruptible {
            self.put_back();
        }
    }

    fn put_back(&mut self) {
        if let Some(caught) = self.caught.take() {
            caught.restore(!self.bounded);
        }
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
