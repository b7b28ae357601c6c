//! What 2.43 must do, given what 2.38.1 did: the few texts that have changed.

use crate::room::Outcome;
use crate::scan::{REFUSE, Scan, Stop};
use crate::tidy;

const TRY: &[u8] = b"Try 'flock --help' for more information.\n";
const USAGE: i32 = 64 << 8;

/// Texts of usage errors in 2.38.1, and the same in 2.43.
const TEXTS: [(&[u8], &[u8]); 4] = [
    (b"flock: invalid timeout value: ", b"flock: invalid timeout: "),
    (b"flock: bad file descriptor: ", b"flock: invalid file descriptor: "),
    (b"flock: requires file descriptor,", b"flock: missing file descriptor,"),
    (b"flock: invalid exit code: ", EXIT_CODE),
];
const EXIT_CODE: &[u8] = b"flock: invalid exit code (allowed values: 0-255): ";
const BEYOND_A_BYTE: &[u8] = b"flock: exit code out of range (expected 0 to 255)\n";
const BEYOND: &[u8] = b": Numerical result out of range\n";

/// Turns the reference's result into ours. Statuses, files and locks never
/// change here: where 2.43 accepts other words than 2.38.1, [`Scan`] has seen to
/// it that 2.38.1 was asked in words that it understands.
pub fn expected(mut reference: Outcome, scan: &Scan) -> Outcome {
    reference.stderr.retain(|&byte| byte != REFUSE);
    if reference.status == USAGE {
        reference.stderr = usage_error(&reference.stderr, scan);
    }
    if scan.verbose && scan.no_fork && locked(&reference) {
        if let Some(command) = &scan.command {
            // X9: 2.38.1 loses these lines when it becomes the command.
            let lines = [tidy::LOCKED, b"flock: executing ", command, b"\n", &reference.stdout];
            reference.stdout = lines.concat();
        }
    }
    tidy(reference, scan)
}

/// Puts a fixed text for the help and the version, which are each program's
/// own, and for what differs from run to run.
pub fn tidy(mut outcome: Outcome, scan: &Scan) -> Outcome {
    if matches!(scan.stop, Some(Stop::Informs)) && outcome.status == 0 && !outcome.stdout.is_empty()
    {
        outcome.stdout = b"(a text)".to_vec();
    }
    if scan.verbose {
        outcome.stdout = tidy::without_times(&outcome.stdout);
    }
    outcome
}

/// Whether the lock was had: nothing but the command failed.
fn locked(outcome: &Outcome) -> bool {
    let mut lines = outcome.stderr.split(|&byte| byte == b'\n');
    lines
        .all(|line| !line.starts_with(b"flock: ") || line.starts_with(b"flock: failed to execute "))
}

fn usage_error(text: &[u8], scan: &Scan) -> Vec<u8> {
    match &scan.stop {
        // Since 2.43 getopt is silent. X7: the word is the one that holds the option.
        Some(Stop::Unknown(word)) if text.ends_with(TRY) => {
            [b"flock: unrecognized option '", word.as_slice(), b"'\n", TRY].concat()
        }
        Some(Stop::Alone(word)) if text.ends_with(TRY) => {
            [b"flock: option '", word.as_slice(), b"' requires an argument\n", TRY].concat()
        }
        _ if text == BEYOND_A_BYTE => {
            let value = scan.statuses.iter().find(|value| is_beyond_a_byte(value));
            [EXIT_CODE, b"'", value.map_or(b"", |value| value), b"'", BEYOND].concat()
        }
        _ => changed_text(text),
    }
}

fn changed_text(text: &[u8]) -> Vec<u8> {
    for (old, new) in TEXTS {
        if let Some(value) = text.strip_prefix(old) {
            let value = value.strip_suffix(b"\n").unwrap_or(value);
            let bare = value.strip_prefix(b"'").and_then(|value| value.strip_suffix(b"'"));
            // G2: what begins as a negative number is out of range before it is no number.
            let beyond = new == EXIT_CODE && bare.and_then(leading_number).is_some_and(|n| n < 0);
            return [new, value, if beyond { BEYOND } else { b"\n" }].concat();
        }
    }
    text.to_vec()
}

fn is_beyond_a_byte(value: &[u8]) -> bool {
    leading_number(value).is_some_and(|number| !(0..=255).contains(&number))
}

/// The number that a word begins with, as strtol(3) sees it.
fn leading_number(word: &[u8]) -> Option<i64> {
    let word = word.trim_ascii_start();
    let sign = usize::from(word.starts_with(b"-") || word.starts_with(b"+"));
    let digits = word.iter().skip(sign).take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&word[..sign + digits]).ok()?.parse().ok()
}
