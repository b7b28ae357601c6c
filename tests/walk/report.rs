//! A list and what came of it, for the one who has to find out why.

use crate::room::Outcome;
use crate::words::List;
use std::fmt::Write;

/// The list as one would type it, then each outcome.
pub fn report(list: &List, outcomes: &[(&str, &Outcome)]) -> String {
    let words: Vec<String> = list.iter().map(|word| quoted(word)).collect();
    let mut text = format!("flock {}\n", words.join(" "));
    for (who, Outcome { status, stdout, stderr, left, kept }) in outcomes {
        let (exit, signal) = (status >> 8, status & 0x7f);
        let names: Vec<String> = left.iter().map(|(name, ..)| quoted(name)).collect();
        let (stdout, stderr) = (stdout.escape_ascii(), stderr.escape_ascii());
        _ = writeln!(text, "  {who}: status {exit}, signal {signal}, lock left on 0: {kept}");
        _ = writeln!(text, "    stdout \"{stdout}\"\n    stderr \"{stderr}\"");
        _ = writeln!(text, "    files  {}", names.join(" "));
    }
    text
}

/// A word as bash reads it back.
fn quoted(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=./+,:@".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    format!("$'{}'", word.escape_ascii())
}
