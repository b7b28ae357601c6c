//! Numbers of the command line, read as the C library and util-linux read them.

use rustix::io::Errno;
use rustix::process::Pid;

/// Why a text is no number: with a reason where util-linux prints one.
pub type Refusal = Option<Errno>;

const INVALID: Refusal = Some(Errno::INVAL);
const OUT_OF_RANGE: Refusal = Some(Errno::RANGE);

/// Blanks and a sign, as strtol(3) and strtod(3) skip them.
pub struct Start<'a> {
    /// What follows the sign.
    pub rest: &'a [u8],
    /// Whether the sign is a minus.
    pub negative: bool,
}

/// Skips what isspace(3) knows in the C locale, and one sign.
pub fn skip_sign(text: &[u8]) -> Start<'_> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let text = text.get(text.iter().take_while(|byte| blank(byte)).count()..).unwrap_or_default();
    match text {
        [b'-', rest @ ..] => Start { rest, negative: true },
        [b'+', rest @ ..] => Start { rest, negative: false },
        rest => Start { rest, negative: false },
    }
}

/// Digits read from the start of a text.
struct Digits<'a> {
    /// The value; nothing where it exceeds 64 bits.
    value: Option<u64>,
    count: usize,
    rest: &'a [u8],
}

fn digits(text: &[u8], base: u32) -> Digits<'_> {
    let mut value = Some(0_u64);
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        let Some(digit) = char::from(*byte).to_digit(base) else { break };
        value = value
            .and_then(|value| value.checked_mul(u64::from(base))?.checked_add(u64::from(digit)));
        rest = tail;
    }
    Digits { value, count: text.len() - rest.len(), rest }
}

/// A file descriptor number: decimal, 0 to 2147483647.
///
/// What exceeds 64 bits is out of range whatever follows it, as strtoimax(3)
/// reports that before util-linux looks at the rest of the word.
pub fn descriptor(text: &[u8]) -> Result<i32, Refusal> {
    let start = skip_sign(text);
    let number = digits(start.rest, 10);
    let limit = i64::MAX as u64 + u64::from(start.negative);
    match number.value {
        None => Err(OUT_OF_RANGE),
        Some(value) if value > limit => Err(OUT_OF_RANGE),
        Some(_) if number.count == 0 || !number.rest.is_empty() => Err(None),
        Some(0) => Ok(0),
        Some(_) if start.negative => Err(None),
        Some(value) => i32::try_from(value).map_err(|_| OUT_OF_RANGE),
    }
}

/// A process ID: decimal, 1 to 2147483647.
pub fn process(text: &[u8]) -> Result<Pid, Refusal> {
    descriptor(text).and_then(|number| Pid::from_raw(number).ok_or(None))
}

/// An exit status: decimal, 0 to 255.
///
/// Everything that reads negative is out of range, whatever follows it.
pub fn exit_status(text: &[u8]) -> Result<u8, Refusal> {
    let start = skip_sign(text);
    let number = digits(start.rest, 10);
    match number.value {
        None => Err(OUT_OF_RANGE),
        Some(1..) if start.negative => Err(OUT_OF_RANGE),
        Some(_) if number.count == 0 || !number.rest.is_empty() => Err(None),
        Some(value) => u8::try_from(value).map_err(|_| OUT_OF_RANGE),
    }
}

/// A size or an offset in bytes, below 2^63: decimal, octal (`0…`) or hexadecimal
/// (`0x…`), with a suffix of util-linux: K or `KiB` for 1024, KB for 1000, and so on up
/// to Y. A fraction needs a suffix, and is rounded down.
pub fn size(text: &[u8]) -> Result<i64, Refusal> {
    let start = skip_sign(text);
    if start.negative {
        return Err(INVALID);
    }
    let whole = whole_part(start.rest);
    if whole.count == 0 {
        return Err(INVALID);
    }
    let value = whole.value.ok_or(OUT_OF_RANGE)?;
    let (fraction, suffix) = fraction_part(whole.rest);
    let unit = match suffix {
        [] if whole.rest.is_empty() => 1,
        _ => unit(suffix)?,
    };
    let below_one = fraction
        .iter()
        .rev()
        .fold(0, |below, digit| (u128::from(digit - b'0') * unit + below) / 10);
    let total = u128::from(value).checked_mul(unit).and_then(|bytes| bytes.checked_add(below_one));
    total.and_then(|bytes| i64::try_from(bytes).ok()).ok_or(OUT_OF_RANGE)
}

/// strtoumax(3) with base 0.
fn whole_part(text: &[u8]) -> Digits<'_> {
    match text {
        [b'0', b'x' | b'X', hex @ ..] if hex.first().is_some_and(u8::is_ascii_hexdigit) => {
            digits(hex, 16)
        }
        [b'0', ..] => digits(text, 8),
        _ => digits(text, 10),
    }
}

/// The digits after a decimal point, and what follows them. Like util-linux,
/// lets further points stand before the first digit other than 0.
fn fraction_part(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut fraction = Vec::new();
    let mut rest = text;
    while let [b'.', tail @ ..] = rest {
        if fraction.iter().any(|&digit| digit != b'0') {
            break;
        }
        let count = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = tail.split_at(count);
        fraction.extend_from_slice(digits);
        rest = after;
    }
    (fraction, rest)
}

/// How many bytes a suffix stands for.
fn unit(suffix: &[u8]) -> Result<u128, Refusal> {
    let (letter, base) = match suffix {
        [letter] | [letter, b'i', b'B' | b'b'] => (letter, 1024_u128),
        [letter, b'B' | b'b'] => (letter, 1000),
        _ => return Err(INVALID),
    };
    let power = b"KMGTPEZY".iter().zip(1..).find(|(name, _)| name.eq_ignore_ascii_case(letter));
    power.map(|(_, power)| base.pow(power)).ok_or(INVALID)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_size_are_exact_and_rounded_down() {
        for (text, bytes) in [
            ("0.9K", 921),
            ("1.10K", 1126),
            ("1.999K", 2046),
            ("1..5K", 1536),
            ("1.K", 1024),
            ("1.25G", 1_342_177_280),
            ("0.5KB", 500),
            ("7.9999999999999999999999E", 9_223_372_036_854_775_807),
        ] {
            assert_eq!(size(text.as_bytes()), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn a_size_ends_below_two_to_the_63() {
        assert_eq!(size(b"9223372036854775807"), Ok(i64::MAX));
        for text in
            ["9223372036854775808", "8E", "15.9E", "1Z", "16E", "20000P", "1Y", "99999999999Y"]
        {
            assert_eq!(size(text.as_bytes()), Err(OUT_OF_RANGE), "{text}");
        }
    }

    #[test]
    fn bases_and_suffixes_of_a_size() {
        for (text, bytes) in [
            ("010", 8),
            ("0x10", 16),
            (" +1k", 1024),
            ("1e", 1 << 60),
            ("0x1e", 30),
            ("0x1K", 1024),
            ("0", 0),
            ("0Y", 0),
        ] {
            assert_eq!(size(text.as_bytes()), Ok(bytes), "{text}");
        }
        for text in [
            "", "-1", "-0", "abc", "1x", "1B", "1Ki", "1.5", "1.", "1.0", ".5K", "1 ", "08", "0x",
            "1e3", "1.5.5K",
        ] {
            assert_eq!(size(text.as_bytes()), Err(INVALID), "{text}");
        }
    }

    #[test]
    fn a_descriptor_is_never_negative() {
        assert_eq!(descriptor(b" +09"), Ok(9));
        assert_eq!(descriptor(b"-0"), Ok(0));
        for text in ["-1", "-4294967287", "-2147483649", "", " ", "0x9", "9x", "2147483648x"] {
            assert_eq!(descriptor(text.as_bytes()), Err(None), "{text}");
        }
        for text in ["2147483648", "99999999999999999999x", "-99999999999999999999"] {
            assert_eq!(descriptor(text.as_bytes()), Err(OUT_OF_RANGE), "{text}");
        }
    }

    #[test]
    fn an_exit_status_that_reads_negative_is_out_of_range() {
        assert_eq!(exit_status(b"\t007"), Ok(7));
        assert_eq!(exit_status(b"-0"), Ok(0));
        for text in ["256", "-1", "-5x", "4294967296", "18446744073709551616"] {
            assert_eq!(exit_status(text.as_bytes()), Err(OUT_OF_RANGE), "{text}");
        }
        for text in ["", "abc", "5x", "5 ", "0x5", "256x", "-x"] {
            assert_eq!(exit_status(text.as_bytes()), Err(None), "{text}");
        }
    }
}
