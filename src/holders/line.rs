//! The kernel's lines about locks, in /proc/locks and /proc/PID/fdinfo.

use crate::request::{Mode, Range};
use rustix::process::{Pid, RawPid};

/// How a lock was made. Each kind minds others of the same kind, and the last two each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// flock(2).
    Flock,
    /// fcntl(2), for an open file description.
    Ofd,
    /// fcntl(2), for a process.
    Posix,
}

/// A lock, or the wish for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// How it was made.
    pub kind: Kind,
    /// Exclusive or shared.
    pub mode: Mode,
    /// The bytes that are locked.
    pub range: Range,
    /// Who made it, or waits for it; of open file descriptions, the kernel does not tell.
    pub process: Option<Pid>,
}

impl Lock {
    /// Whether a lock of that kind stands in the way of one that is asked for like this.
    pub fn bars(&self, mode: Mode, range: Option<Range>) -> bool {
        let minds = match range {
            None => self.kind == Kind::Flock,
            Some(range) => self.kind != Kind::Flock && overlap(self.range, range),
        };
        minds && mode != Mode::Unlock && (mode == Mode::Exclusive || self.mode == Mode::Exclusive)
    }
}

fn overlap(one: Range, other: Range) -> bool {
    let end = |range: Range| match range.length {
        0 => i64::MAX,
        length => range.start.saturating_add(length),
    };
    one.start < end(other) && other.start < end(one)
}

/// A line of /proc/locks, or of fdinfo after its `lock:`: see proc(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The lock.
    pub lock: Lock,
    /// It is not held, but waited for.
    pub waits: bool,
    /// The file, in words of the kernel's own: `major:minor:inode`. The device need not be
    /// the one that stat(2) tells.
    pub file: &'a [u8],
}

impl<'a> Line<'a> {
    /// Reads a line; nothing if it speaks of something else, such as a lease.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.next()?.strip_suffix(b":")?;
        let mut word = words.next()?;
        let waits = word == b"->";
        if waits {
            word = words.next()?;
        }
        let kind = match word {
            b"FLOCK" => Kind::Flock,
            b"OFDLCK" => Kind::Ofd,
            b"POSIX" => Kind::Posix,
            _ => return None,
        };
        words.next()?;
        let mode = match words.next()? {
            b"READ" => Mode::Shared,
            b"WRITE" => Mode::Exclusive,
            _ => return None,
        };
        let process = number::<RawPid>(words.next()?)?;
        let file = words.next()?;
        let start = number(words.next()?).filter(|start: &i64| *start >= 0)?;
        let length = match words.next()? {
            b"EOF" => 0,
            end => number::<i64>(end)?.checked_sub(start)?.checked_add(1).filter(|l| *l > 0)?,
        };
        // -1 stands for the owner of an open file description.
        let process = if process > 0 { Pid::from_raw(process) } else { None };
        let lock = Lock { kind, mode, range: Range { start, length }, process };
        Some(Self { lock, waits, file })
    }
}

/// A decimal number.
pub fn number<T: TryFrom<i64>>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse::<i64>().ok()?.try_into().ok()
}

/// An argument of a system call, as /proc/PID/syscall has it.
pub fn hexadecimal<T: TryFrom<u64>>(word: &[u8]) -> Option<T> {
    let digits = std::str::from_utf8(word.strip_prefix(b"0x")?).ok()?;
    u64::from_str_radix(digits, 16).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Range = Range { start: 0, length: 0 };

    #[test]
    fn reads_what_the_kernel_writes() {
        let line = Line::parse(b"7: -> FLOCK  ADVISORY  WRITE 6772 fe:00:10011662 0 EOF").unwrap();
        let process = Pid::from_raw(6772);
        let lock = Lock { kind: Kind::Flock, mode: Mode::Exclusive, range: WHOLE, process };
        assert_eq!(line, Line { lock, waits: true, file: b"fe:00:10011662" });
        let line = Line::parse(b"12: OFDLCK ADVISORY  READ -1 00:2d:5 10 14").unwrap();
        let range = Range { start: 10, length: 5 };
        let lock = Lock { kind: Kind::Ofd, mode: Mode::Shared, range, process: None };
        assert_eq!(line, Line { lock, waits: false, file: b"00:2d:5" });
    }

    #[test]
    fn reads_nothing_into_other_lines() {
        for text in [
            "",
            "1:",
            "1: LEASE  ACTIVE    READ 77 fe:00:1 0 EOF",
            "1: FLOCK  ADVISORY  UNLCK 77 fe:00:1 0 EOF",
            "1: FLOCK  ADVISORY  READ x fe:00:1 0 EOF",
            "1: POSIX  ADVISORY  READ 77 fe:00:1 0 -9223372036854775808",
            "1: POSIX  ADVISORY  READ 77 fe:00:1 0",
            "1: ->",
            "\u{1b}[31m",
        ] {
            assert_eq!(Line::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_bars_what() {
        let lock = |kind, mode, start, length| Lock {
            kind,
            mode,
            range: Range { start, length },
            process: None,
        };
        let shared = lock(Kind::Flock, Mode::Shared, 0, 0);
        assert!(shared.bars(Mode::Exclusive, None));
        assert!(!shared.bars(Mode::Shared, None));
        assert!(!shared.bars(Mode::Exclusive, Some(WHOLE)));
        let range = lock(Kind::Posix, Mode::Exclusive, 10, 5);
        for (start, length, bars) in [(0, 0, true), (0, 10, false), (0, 11, true), (14, 1, true)] {
            assert_eq!(range.bars(Mode::Shared, Some(Range { start, length })), bars, "{start}");
        }
        assert!(!range.bars(Mode::Shared, Some(Range { start: 15, length: 0 })));
    }
}
