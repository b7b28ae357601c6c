//! What has to be true of any list, with no reference to ask.

use crate::room::Outcome;
use crate::words::Word;

/// Statuses that flock, or a command of the vocabulary, may end with.
const STATUSES: [i32; 10] = [0, 1, 5, 6, 64, 65, 66, 69, 71, 73];
/// Statuses that come with a message, unless `--conflict-exit-code` chose them.
/// Not 69: `--fd 2 --close` closes stderr before the command is executed.
const EXPLAINED: [i32; 5] = [64, 65, 66, 71, 73];

/// What is wrong with the outcome of a list, if anything. `before` is what the
/// directory held.
pub fn fault(list: &[Word], outcome: &Outcome, before: &[(Word, u32, u64)]) -> Option<String> {
    let status = match (outcome.status & 0x7f, outcome.status >> 8) {
        (0, status) => status,
        (signal, _) => return Some(format!("ended by signal {signal}")),
    };
    let chosen = list.iter().any(|word| may_choose(word, status));
    if !chosen && !STATUSES.contains(&status) {
        return Some(format!("status {status} is not documented"));
    }
    let strange = |line: &&[u8]| {
        !line.is_empty()
            && !line.starts_with(b"flock: ")
            && *line != b"Try 'flock --help' for more information."
    };
    if let Some(line) = outcome.stderr.split(|&byte| byte == b'\n').find(strange) {
        return Some(format!("stderr has the line {}", String::from_utf8_lossy(line)));
    }
    if !chosen && EXPLAINED.contains(&status) && outcome.stderr.is_empty() {
        return Some(format!("status {status} without a message"));
    }
    if !chosen && status == 64 && outcome.left != before {
        return Some("a usage error has changed the directory".to_owned());
    }
    None
}

/// Whether a word may have made this status that of a conflict.
fn may_choose(word: &[u8], status: i32) -> bool {
    let digits = word.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1);
    let number = std::str::from_utf8(&word[digits..]).unwrap_or_default().parse::<i32>();
    word.len() < 30 && number.is_ok_and(|number| number == status)
}
