//! The pipes of a run: both read at once, never longer than asked.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Child;
use std::time::Duration;

/// More than any case prints: a run that gets there has gone wild.
const LIMIT: usize = 4 << 20;

/// What a script prints to stdout and stderr.
pub struct Capture {
    stdout: Stream,
    stderr: Stream,
}

/// One pipe, until its end, and what came out of it.
struct Stream {
    pipe: Option<File>,
    bytes: Vec<u8>,
}

impl Capture {
    pub fn of(child: &mut Child) -> Self {
        Self {
            stdout: Stream::new(child.stdout.take().map(OwnedFd::from)),
            stderr: Stream::new(child.stderr.take().map(OwnedFd::from)),
        }
    }

    /// Takes what there is, waiting for it no longer than `limit`; false if
    /// there was nothing.
    pub fn read(&mut self, limit: Duration) -> bool {
        let mut polled = [self.stdout.polled(), self.stderr.polled()];
        let limit = limit.as_millis().try_into().unwrap_or(libc::c_int::MAX);
        // SAFETY: an array of two, whose descriptors are ours or -1.
        let ready = unsafe { libc::poll(polled.as_mut_ptr(), 2, limit) };
        for (stream, poll) in [&mut self.stdout, &mut self.stderr].into_iter().zip(polled) {
            if ready > 0 && poll.revents != 0 {
                stream.read();
            }
        }
        ready > 0
    }

    /// The names of the pipes that somebody still can write to.
    pub fn open(&self) -> Vec<&'static str> {
        let streams = [("stdout", &self.stdout), ("stderr", &self.stderr)];
        streams.iter().filter(|(_, stream)| stream.pipe.is_some()).map(|(name, _)| *name).collect()
    }

    pub fn is_too_much(&self) -> bool {
        self.stdout.bytes.len().max(self.stderr.bytes.len()) > LIMIT
    }

    pub fn into_bytes(self) -> (Vec<u8>, Vec<u8>) {
        (self.stdout.bytes, self.stderr.bytes)
    }
}

impl Stream {
    fn new(pipe: Option<OwnedFd>) -> Self {
        Self { pipe: pipe.map(File::from), bytes: Vec::new() }
    }

    /// What to tell poll(2), which passes over a descriptor of -1.
    fn polled(&self) -> libc::pollfd {
        let fd = self.pipe.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
    }

    /// Reads once, which does not block after poll(2).
    fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut buffer = [0; 1 << 14];
        match pipe.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => self.pipe = None,
            Ok(count) => self.bytes.extend(buffer.iter().take(count)),
        }
    }
}
