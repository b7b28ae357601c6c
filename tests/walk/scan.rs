//! How util-linux 2.38.1 reads a list, and the list by which to ask it instead.

use crate::words::{List, Word};

/// A byte that makes 2.38.1 refuse, at once, a word that it would take but 2.43
/// or we do not. In the message it is left out again.
pub const REFUSE: u8 = 1;

/// Values of `--timeout` that we take (X3, X4), and what they are to 2.38.1.
const SECONDS: [(&[u8], &[u8]); 14] = [
    (b"5s", b"5"),
    (b"5m", b"300"),
    (b"1h", b"3600"),
    (b"2d", b"172800"),
    (b"0s", b"0"),
    (b"1,5", b"1.5"),
    (b",5", b".5"),
    (b"inf", b"1e9"),
    (b"INFINITY", b"1e9"),
    (b"1e19", b"1e9"),
    (b"1e30", b"1e9"),
    (b"9223372036854775808", b"1e9"),
    (b"18446744073709551616", b"1e9"),
    (b"99999999999999999999", b"1e9"),
];
/// Values that 2.38.1 takes, to fail when it sets its timer, if at all (X5). So
/// does every whole number below 0.
const NO_SECONDS: [&[u8]; 6] = [b"-0.5", b"-1e-6", b"nan", b"NaN", b"-inf", b"-1e19"];

/// The long names of 2.38.1, each with the letter that means the same; `v` has none.
const NAMES: [(&str, u8); 13] = [
    ("shared", b's'),
    ("exclusive", b'x'),
    ("unlock", b'u'),
    ("nonblocking", b'n'),
    ("nb", b'n'),
    ("timeout", b'w'),
    ("wait", b'w'),
    ("conflict-exit-code", b'E'),
    ("close", b'o'),
    ("no-fork", b'F'),
    ("verbose", b'v'),
    ("help", b'h'),
    ("version", b'V'),
];

/// Why the reading of options ended before the operands.
#[derive(Debug)]
pub enum Stop {
    /// At a word that holds an unknown or ambiguous name, or an unwanted value.
    Unknown(Word),
    /// At a word whose option wants a value, and there is none.
    Alone(Word),
    /// At `--help` or `--version`.
    Informs,
    /// At `-c`, which before the operands is new in 2.43 and of another
    /// meaning: there is nothing to compare.
    Shell,
}

/// What there is to know about a list.
#[derive(Default)]
pub struct Scan {
    /// The list to give to 2.38.1.
    pub words: List,
    pub stop: Option<Stop>,
    pub verbose: bool,
    pub no_fork: bool,
    /// The values of `--conflict-exit-code`.
    pub statuses: Vec<Word>,
    /// The name of the command that is run, if one is.
    pub command: Option<Word>,
}

impl Scan {
    pub fn new(list: &[Word]) -> Self {
        let mut scan = Self { words: list.to_vec(), ..Self::default() };
        let mut at = 0;
        while let Some(word) = list.get(at) {
            if word == b"--" {
                at += 1;
                break;
            }
            if !word.starts_with(b"-") || word == b"-" {
                break;
            }
            if word == b"-c" || word == b"--command" {
                scan.stop = Some(Stop::Shell);
                return scan;
            }
            let next = if word.starts_with(b"--") { scan.long(at) } else { scan.cluster(at) };
            let Some(next) = next else { return scan };
            at = next;
        }
        scan.operands(at);
        scan
    }

    /// Reads a long option. Returns the place of the next word, unless nothing
    /// after this one matters.
    fn long(&mut self, at: usize) -> Option<usize> {
        let word = self.words[at].clone();
        let name = word[2..].split(|&byte| byte == b'=').next().unwrap_or_default();
        if name == b"s" {
            // Since 2.42 it may also mean --start.
            self.words[at].insert(3, REFUSE);
            return self.end(Stop::Unknown(word));
        }
        let glued = word.len() > 2 + name.len();
        match (named(name), glued) {
            (Some(letter @ (b'w' | b'E')), true) => {
                self.value(letter, at, name.len() + 3);
                Some(at + 1)
            }
            (Some(letter @ (b'w' | b'E')), false) => self.next_word(letter, at),
            (Some(letter), false) => self.flag(letter).then_some(at + 1),
            (Some(_), true) | (None, _) => self.end(Stop::Unknown(word)),
        }
    }

    /// Reads a word of letters, likewise.
    fn cluster(&mut self, at: usize) -> Option<usize> {
        let word = self.words[at].clone();
        for (place, &letter) in word.iter().enumerate().skip(1) {
            match letter {
                b'w' | b'E' if place + 1 < word.len() => {
                    self.value(letter, at, place + 1);
                    return Some(at + 1);
                }
                b'w' | b'E' => return self.next_word(letter, at),
                b's' | b'e' | b'x' | b'u' | b'n' | b'o' | b'F' | b'h' | b'V' => {
                    if !self.flag(letter) {
                        return None;
                    }
                }
                _ => return self.end(Stop::Unknown(word)),
            }
        }
        Some(at + 1)
    }

    /// Takes the next word as an option's value.
    fn next_word(&mut self, letter: u8, at: usize) -> Option<usize> {
        if at + 1 == self.words.len() {
            return self.end(Stop::Alone(self.words[at].clone()));
        }
        self.value(letter, at + 1, 0);
        Some(at + 2)
    }

    /// Takes a value, which starts at this byte of this word.
    fn value(&mut self, letter: u8, at: usize, start: usize) {
        let value = self.words[at].split_off(start);
        if letter == b'E' {
            self.statuses.push(value.clone());
        }
        let asked = match SECONDS.iter().find(|(ours, _)| *ours == value) {
            Some((_, theirs)) if letter == b'w' => theirs.to_vec(),
            None if letter == b'w' && is_no_time(&value) => refused(value),
            _ => value,
        };
        self.words[at].extend(asked);
    }

    /// Notes an option without value; whether reading goes on.
    fn flag(&mut self, letter: u8) -> bool {
        match letter {
            b'v' => self.verbose = true,
            b'F' => self.no_fork = true,
            b'h' | b'V' => self.stop = Some(Stop::Informs),
            _ => {}
        }
        self.stop.is_none()
    }

    fn end(&mut self, stop: Stop) -> Option<usize> {
        self.stop = Some(stop);
        None
    }

    fn operands(&mut self, first: usize) {
        match self.words.get(first..).unwrap_or_default() {
            // X6: a descriptor is never negative.
            [one] if is_negative(one) => self.words[first] = refused(one.clone()),
            [_, shell, _] if shell == b"-c" || shell == b"--command" => {
                self.command = Some(b"/bin/sh".to_vec());
            }
            [_, command, ..] => self.command = Some(command.clone()),
            _ => {}
        }
    }
}

/// The letter for a long name or for an abbreviation of names that mean the same.
fn named(name: &[u8]) -> Option<u8> {
    if let Some((_, letter)) = NAMES.iter().find(|(long, _)| long.as_bytes() == name) {
        return Some(*letter);
    }
    let mut fitting = NAMES.iter().filter(|(long, _)| long.as_bytes().starts_with(name));
    let (_, first) = fitting.next()?;
    fitting.all(|(_, letter)| letter == first).then_some(*first)
}

fn is_no_time(value: &[u8]) -> bool {
    NO_SECONDS.contains(&value) || is_negative(value)
}

fn refused(mut value: Word) -> Word {
    value.push(REFUSE);
    value
}

/// Whether a word is a number below 0.
fn is_negative(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|text| text.parse::<i64>().is_ok_and(|number| number < 0))
}
