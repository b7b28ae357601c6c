//! The value of `--timeout`: strtold(3)'s grammar and rounding, and more.

use crate::float;
use crate::number::{Refusal, skip_sign};
use rustix::io::Errno;
use std::time::Duration;

/// How long to wait for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// Not at all: the value came to 0 µs.
    Zero,
    /// So long, a whole number of microseconds.
    After(Duration),
    /// For ever: infinity, or beyond the clock's range.
    Never,
}

/// Reads a number of seconds.
///
/// The same texts as strtold(3) reads, with a point or a comma in any locale,
/// then at most one suffix of timeout(1): s, m, h or d. What comes out is what
/// x86's long double would give, truncated to microseconds, so that timers are
/// set as util-linux sets them.
pub fn timeout(text: &[u8]) -> Result<Timeout, Refusal> {
    let start = skip_sign(text);
    let (number, suffix) = float::number(start.rest).ok_or(None)?;
    if number.is_out_of_range() {
        return Err(Some(Errno::RANGE));
    }
    let factor = match suffix {
        [] | [b's'] => 1,
        [b'm'] => 60,
        [b'h'] => 60 * 60,
        [b'd'] => 24 * 60 * 60,
        _ => return Err(None),
    };
    let micros = number.split().and_then(|(whole, fraction)| {
        const MICROSECONDS: u64 = 1_000_000;
        let unit = factor * MICROSECONDS;
        u128::from(whole).checked_mul(u128::from(unit))?.checked_add(fraction.of(unit))
    });
    match micros {
        Some(0) => Ok(Timeout::Zero),
        _ if start.negative => Err(None),
        micros => Ok(micros.and_then(duration).map_or(Timeout::Never, Timeout::After)),
    }
}

/// So many microseconds, if the clock can count that far.
fn duration(micros: u128) -> Option<Duration> {
    let seconds = u64::try_from(micros / 1_000_000).ok()?;
    i64::try_from(seconds).ok()?;
    let micros = u64::try_from(micros % 1_000_000).ok()?;
    Some(Duration::from_secs(seconds) + Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> u128 {
        match timeout(text.as_bytes()) {
            Ok(Timeout::Zero) => 0,
            Ok(Timeout::After(duration)) => duration.as_micros(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn truncates_as_a_long_double_does() {
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("1e-9", 0),
            ("9.9e-7", 0),
            ("-9e-7", 0),
            ("1e-6", 1),
            (".007", 7000),
            ("2.3", 2_299_999),
            ("99.99", 99_989_999),
            ("0.5", 500_000),
            ("0x10", 16_000_000),
            ("0x.8p-3", 62_500),
            ("0X1P4", 16_000_000),
            (" +5", 5_000_000),
            ("0005", 5_000_000),
            ("1e3", 1_000_000_000),
            ("0,25", 250_000),
            ("0.99999999999999999999999999", 1_000_000),
            ("1.5m", 90_000_000),
            ("0x1d", 29_000_000),
            ("0.5d", 43_200_000_000),
            ("2h", 7_200_000_000),
        ] {
            assert_eq!(micros(text), expected, "{text}");
        }
    }

    #[test]
    fn beyond_the_clock_is_for_ever() {
        for text in [
            "inf",
            "INFINITY",
            "1e19",
            "9223372036854775808",
            "1e4932",
            "0x1p70",
            // Rounded, the largest long double.
            "1.18973149535723176505e4932",
            "0x1.fffffffffffffffep16383",
            "9223372036854775807.9",
            "1e18d",
        ] {
            assert_eq!(timeout(text.as_bytes()), Ok(Timeout::Never), "{text}");
        }
        assert_eq!(micros("9223372036854775807"), 9_223_372_036_854_775_807_000_000);
    }

    #[test]
    fn out_of_range_has_a_reason() {
        for text in [
            "1e5000",
            "-1e5000",
            "1e-5000",
            "1e-4940",
            "1e5000x",
            "0x1p16384",
            "0x1p-16446",
            "1e99999999999999999999",
            // Rounded up beyond the largest long double.
            "1.189731495357231765054e4932",
            "0x1.ffffffffffffffffp16383",
            "3.3621031431120935061e-4932",
        ] {
            assert_eq!(timeout(text.as_bytes()), Err(Some(Errno::RANGE)), "{text}");
        }
        for text in [
            "0e5000",
            "0x1p-16445",
            "4e-4932",
            // Rounded up to the smallest normal long double.
            "3.36210314311209350618e-4932",
            "0x0.ffffffffffffffff8p-16382",
        ] {
            assert_eq!(timeout(text.as_bytes()), Ok(Timeout::Zero), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_has_none() {
        for text in [
            "", " ", "1 ", "5ms", ".", ",", "1e", "0x", "0x.", "--", "nan", "nan(", "-1", "-inf",
            "-1e-6", "-1e19", "1.5,3", "5M", "\u{e9}",
        ] {
            assert_eq!(timeout(text.as_bytes()), Err(None), "{text}");
        }
    }
}
