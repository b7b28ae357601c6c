//! Differences between two outputs, for a human to read.

use crate::parse;
use std::fmt::Write;

/// Lines shown of one run of lines before the rest is only counted.
const SHOWN: usize = 40;

/// The lines that differ, `-` expected and `+` come, between those that are
/// common at the start and the end. Written as in a case file, so that what
/// came can be pasted there.
pub fn lines(expected: &[u8], came: &[u8]) -> String {
    let (old, new) = (split(expected), split(came));
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let backwards = old.iter().rev().zip(new.iter().rev()).take(rest);
    let tail = backwards.take_while(|(a, b)| a == b).count();
    let (front, after) = old.split_at(old.len() - tail);
    let (before, expected) = front.split_at(head);
    let (front, _) = new.split_at(new.len() - tail);
    let (_, came) = front.split_at(head);
    let mut text = String::new();
    for (sign, lines) in [(' ', before), ('-', expected), ('+', came), (' ', after)] {
        show(&mut text, sign, lines);
    }
    text
}

fn show(text: &mut String, sign: char, lines: &[Line]) {
    for line in lines.iter().take(SHOWN) {
        let _ = writeln!(text, "    {sign}{}", line.printable());
    }
    if lines.len() > SHOWN {
        let _ = writeln!(text, "    {sign}… {} more lines", lines.len() - SHOWN);
    }
}

/// A line as a case file would have it.
#[derive(PartialEq)]
enum Line<'a> {
    Text(&'a [u8]),
    NoNewline,
}

fn split(output: &[u8]) -> Vec<Line<'_>> {
    let is_cut = !output.is_empty() && !output.ends_with(b"\n");
    let lines = output.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.map(|line| Line::Text(line.strip_suffix(b"\n").unwrap_or(line)));
    lines.chain(is_cut.then_some(Line::NoNewline)).collect()
}

impl Line<'_> {
    /// The line, with all that does not print as \xNN.
    fn printable(&self) -> String {
        let Self::Text(bytes) = self else { return parse::NO_NEWLINE.to_owned() };
        let mut text = String::new();
        if parse::needs_backslash(bytes) {
            text.push('\\');
        }
        for byte in *bytes {
            let _ = match byte {
                b' '..=b'~' => write!(text, "{}", char::from(*byte)),
                _ => write!(text, "\\x{byte:02x}"),
            };
        }
        text
    }
}
