//! What flock prints, and what becomes of output that cannot be written.

use crate::errno;
use crate::error::Error;
use crate::exit::Exit;
use crate::printable::printable;
use crate::sys;
use crate::unasked;
use rustix::event::{self, PollFd, PollFlags, Timespec};
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, StatxFlags};
use rustix::io::{self, Errno};
use rustix::{stdio, termios};

/// Standard output and standard error, with the memory that C's stdio has of them.
///
/// Scripts can tell when and how often util-linux writes: output goes out at
/// once to a terminal and at the end to anything else; of a message, the
/// program's name, the text and the reason are written one by one, each whatever
/// became of the one before; and a message that was lost is an exit status of 1.
pub struct Console {
    /// The last component of argv\[0\], which may be empty.
    name: &'static [u8],
    buffer: Vec<u8>,
    lines_at_once: Option<bool>,
    output_lost: bool,
    message_lost: bool,
    /// Whether all was written, as far as it has been found out.
    settled: Option<bool>,
}

/// How much stdio holds back, in bytes.
const BLOCK: usize = 4096;

impl Console {
    /// A console for the program of that argv\[0\].
    pub fn new(program: &'static [u8]) -> Self {
        let name = program.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        Self {
            name,
            buffer: Vec::new(),
            lines_at_once: None,
            output_lost: false,
            message_lost: false,
            settled: None,
        }
    }

    /// The program's name.
    pub fn name(&self) -> &'static [u8] {
        self.name
    }

    /// Whether a message could not be written.
    pub fn lost_a_message(&self) -> bool {
        self.message_lost
    }

    /// Prints whole lines to standard output.
    pub fn print(&mut self, lines: &[u8]) {
        self.buffer.extend_from_slice(lines);
        // Whole blocks go out, except that a last one which is just full waits.
        let ready = self.buffer.len().saturating_sub(1) / BLOCK * BLOCK;
        let rest = self.buffer.split_off(ready);
        self.output_lost |= self.flush().is_err();
        self.buffer = rest;
        if *self.lines_at_once.get_or_insert_with(|| is_terminal(stdio::stdout())) {
            self.output_lost |= self.flush().is_err();
        }
    }

    /// Whether [`Console::print`] holds something back.
    pub fn holds_back(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Writes out what [`Console::print`] holds back. Another attempt at the same is not made.
    fn flush(&mut self) -> Result<(), Errno> {
        write_all(stdio::stdout(), &std::mem::take(&mut self.buffer))
    }

    /// Writes out what is held back, and goes on as if that had succeeded: a failure
    /// is no reason not to run the command, not even one that comes as a signal.
    pub fn flush_at_any_rate(&mut self) {
        if !self.buffer.is_empty() {
            let _ = sys::without_write_signals(|| self.flush());
        }
    }

    /// Prints an error.
    pub fn report(&mut self, error: &Error) {
        self.complain(&error.text(), error.reason().as_deref());
        if error.points_to_help() {
            self.write_error(&[b"Try '", self.name, b" --help' for more information.\n"].concat());
        }
    }

    /// Prints a message to standard error, with a reason if there is one.
    pub fn complain(&mut self, text: &[u8], reason: Option<&str>) {
        self.write_error(&[self.name, b": "].concat());
        self.write_error(text);
        match reason {
            Some(reason) => self.write_error(&[b": ", reason.as_bytes(), b"\n"].concat()),
            None => self.write_error(b"\n"),
        }
    }

    /// Prints a line to standard error that util-linux does not have.
    pub fn remark(&self, text: &str) {
        write_aside(format!("{}: {text}\n", printable(self.name)).as_bytes());
    }

    /// The width of the terminal that standard error is.
    pub fn columns(&self) -> usize {
        let columns = termios::tcgetwinsize(stdio::stderr()).map_or(0, |size| size.ws_col);
        if columns == 0 { 80 } else { columns.into() }
    }

    /// Writes over the current line of the terminal that standard error is; an empty text
    /// erases it. What does not fit into one line is cut off.
    pub fn rewrite(&self, text: &str) {
        let columns = self.columns();
        let name = printable(self.name);
        let whole = if text.is_empty() { String::new() } else { format!("{name}: {text}") };
        let mut line = String::from("\r\x1b[K");
        let mut column = 0;
        for c in whole.chars() {
            // A character outside ASCII may be two columns wide.
            column += if c.is_ascii() { 1 } else { 2 };
            if column >= columns {
                break;
            }
            line.push(c);
        }
        write_aside(line.as_bytes());
    }

    fn write_error(&mut self, text: &[u8]) {
        if write_all(stdio::stderr(), text).is_err() {
            self.message_lost = true;
        }
    }

    /// Flushes, and finds out whether everything was written; tells it if it was not. Found
    /// out once, the answer stays. Descriptors that are not open for writing never counted,
    /// nor did a reader who went away.
    pub fn settle(&mut self) -> bool {
        if let Some(known) = self.settled {
            return known;
        }
        let kept = match self.close_output() {
            Ok(()) | Err(Some(Errno::BADF | Errno::PIPE)) => {
                matches!(sys::close_duplicate(stdio::stderr()), Ok(()) | Err(Errno::BADF))
            }
            Err(reason) => {
                self.complain(b"write error", reason.map(errno::text).as_deref());
                false
            }
        };
        *self.settled.insert(kept)
    }

    /// The status to exit with: 1 rather than the one given if not everything was written.
    pub fn close(mut self, status: u8) -> u8 {
        if self.settle() && !self.message_lost { status } else { Exit::Failure.into() }
    }

    fn close_output(&mut self) -> Result<(), Option<Errno>> {
        if self.output_lost {
            return Err(None);
        }
        self.flush()?;
        sys::close_duplicate(stdio::stdout())?;
        Ok(())
    }
}

/// Whether a file is a terminal. What is no character device is not asked: of a file on FUSE,
/// ioctl(2) would ask the server, which may not answer.
pub fn is_terminal(file: BorrowedFd) -> bool {
    let stat = unasked::stat(file, StatxFlags::TYPE);
    let kind = stat.map(|stat| FileType::from_raw_mode(stat.stx_mode.into()));
    kind.map_or(true, |kind| kind == FileType::CharacterDevice) && termios::isatty(file)
}

/// Writes to standard error what util-linux does not: no failure counts, not even one that
/// comes as a signal. Where there is no room, as on a terminal that is stopped, nothing is
/// written: nobody is to wait for that.
fn write_aside(mut bytes: &[u8]) {
    let stderr = stdio::stderr();
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let has_room = || event::poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], Some(&now)) == Ok(1);
    sys::without_write_signals(|| {
        while !bytes.is_empty() && has_room() {
            // A pipe that has room has it for so much: pipe(7).
            let block = bytes.get(..BLOCK).unwrap_or(bytes);
            match io::retry_on_intr(|| io::write(stderr, block)) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(_) => break,
            }
        }
    });
}

fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let count = io::write(fd, bytes)?;
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}
