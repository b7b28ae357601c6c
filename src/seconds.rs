//! The value of `--timeout`: strtold(3)'s grammar and rounding, and more.

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
    let (number, suffix) = number(start.rest).ok_or(None)?;
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
    match number.times(factor) {
        Timeout::Zero => Ok(Timeout::Zero),
        _ if start.negative => Err(None),
        positive => Ok(positive),
    }
}

/// A number without its sign: `0.DIGITS × BASE^point × 2^twos`.
struct Number {
    /// No zeros at the front: without digits, the number is 0.
    digits: Vec<u8>,
    base: u8,
    point: i64,
    twos: i64,
    infinite: bool,
}

fn number(text: &[u8]) -> Option<(Number, &[u8])> {
    for name in ["infinity", "inf"] {
        if let Some((word, rest)) = text.split_at_checked(name.len()) {
            if word.eq_ignore_ascii_case(name.as_bytes()) {
                let digits = Vec::new();
                return Some((
                    Number { digits, base: 10, point: 0, twos: 0, infinite: true },
                    rest,
                ));
            }
        }
    }
    if let [b'0', b'x' | b'X', hexadecimal @ ..] = text {
        if let Some(found) = mantissa(hexadecimal, 16) {
            return Some(found);
        }
    }
    mantissa(text, 10)
}

fn mantissa(text: &[u8], base: u8) -> Option<(Number, &[u8])> {
    let mut digits = Vec::new();
    let (mut point, mut before_point, mut any) = (0, true, false);
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        if let Some(digit) = char::from(*byte).to_digit(u32::from(base)) {
            any = true;
            let leading_zero = digit == 0 && digits.is_empty();
            point += i64::from(before_point) - i64::from(leading_zero);
            if !leading_zero {
                digits.extend(u8::try_from(digit));
            }
        } else if before_point && matches!(byte, b'.' | b',') {
            before_point = false;
        } else {
            break;
        }
        rest = tail;
    }
    if !any {
        return None;
    }
    let (exponent, rest) = exponent(rest, if base == 16 { b'p' } else { b'e' });
    let (point, twos) =
        if base == 16 { (point, exponent) } else { (point.saturating_add(exponent), 0) };
    Some((Number { digits, base, point, twos, infinite: false }, rest))
}

/// An exponent, saturated far beyond any range; 0 where there is none.
fn exponent(text: &[u8], mark: u8) -> (i64, &[u8]) {
    let [first, tail @ ..] = text else { return (0, text) };
    if first.to_ascii_lowercase() != mark {
        return (0, text);
    }
    let (negative, mut rest) = match tail {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if !rest.first().is_some_and(u8::is_ascii_digit) {
        return (0, text);
    }
    let mut value = 0_i64;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        value = (value * 10 + i64::from(digit - b'0')).min(1 << 40);
        rest = tail;
    }
    (if negative { -value } else { value }, rest)
}

/// The largest and the smallest normal long double, as `0.DIGITS × 10^point`.
const LARGEST: (i64, &[u8]) = (
    4933,
    b"\x01\x01\x08\x09\x07\x03\x01\x04\x09\x05\x03\x05\x07\x02\x03\x01\x07\x06\x05\x00\x02\x01\x02",
);
const SMALLEST: (i64, &[u8]) = (
    -4931,
    b"\x03\x03\x06\x02\x01\x00\x03\x01\x04\x03\x01\x01\x02\x00\x09\x03\x05\x00\x06\x02\x06\x02\x06",
);
/// The exponents of a hexadecimal long double's leading bit, and of its last in a subnormal one.
const LARGEST_EXPONENT: i64 = 16383;
const SMALLEST_EXPONENT: i64 = -16382;
const LAST_EXPONENT: i64 = -16445;

impl Number {
    /// Whether strtold(3) reports ERANGE: above the largest long double, or
    /// below the smallest normal one with bits lost.
    fn is_out_of_range(&self) -> bool {
        let (Some(first), Some(last)) =
            (self.digits.first(), self.digits.iter().rposition(|&digit| digit != 0))
        else {
            return false;
        };
        if self.base == 10 {
            let size = (self.point, self.digits.as_slice());
            return size > LARGEST || size < SMALLEST;
        }
        let end = self.point * 4 + self.twos;
        let leading = end - 4 + i64::from(first.ilog2());
        let trailing = self.digits.get(last).map_or(0, |digit| digit.trailing_zeros());
        let lowest =
            end - 4 * (i64::try_from(last).unwrap_or(i64::MAX / 8) + 1) + i64::from(trailing);
        leading > LARGEST_EXPONENT || (leading < SMALLEST_EXPONENT && lowest < LAST_EXPONENT)
    }

    /// The number of seconds, `factor` seconds each, truncated to microseconds.
    fn times(mut self, factor: u64) -> Timeout {
        if self.infinite {
            return Timeout::Never;
        }
        for _ in 0..self.twos.rem_euclid(4) {
            self.double();
        }
        self.point += self.twos.div_euclid(4);
        match self.point {
            _ if self.digits.is_empty() => Timeout::Zero,
            20.. => Timeout::Never,
            ..-30 => Timeout::Zero,
            point => self
                .split(point)
                .and_then(|(whole, fraction)| fraction.timeout(whole, factor))
                .unwrap_or(Timeout::Never),
        }
    }

    fn double(&mut self) {
        if double(&mut self.digits, self.base) == 1 {
            self.digits.insert(0, 1);
            self.point += 1;
        }
    }

    /// The part before the point, if it fits, and the part after it, rounded
    /// where both together have more bits than a long double.
    fn split(mut self, point: i64) -> Option<(u64, Fraction)> {
        let zeros = usize::try_from(-point).unwrap_or(0);
        self.digits.splice(..0, std::iter::repeat_n(0, zeros));
        let count = usize::try_from(point).unwrap_or(0);
        let missing = count.saturating_sub(self.digits.len());
        self.digits.extend(std::iter::repeat_n(0, missing));
        let mut after = self.digits.split_off(count);
        let whole = self.digits.iter().try_fold(0_u64, |whole, &digit| {
            whole.checked_mul(u64::from(self.base))?.checked_add(u64::from(digit))
        })?;
        Some((whole, Fraction::round(whole, &mut after, self.base)))
    }
}

/// Doubles the digits in place; returns what is carried out of the first.
fn double(digits: &mut [u8], base: u8) -> u8 {
    let mut carry = 0;
    for digit in digits.iter_mut().rev() {
        let doubled = *digit * 2 + carry;
        carry = u8::from(doubled >= base);
        *digit = doubled - carry * base;
    }
    carry
}

/// A part of one: `bits × 2^-scale`.
struct Fraction {
    bits: u128,
    scale: u32,
}

/// Bits in the significand of x86's long double.
const PRECISION: u32 = 64;

impl Fraction {
    /// Takes from `digits`, which stand after the point, the bits that a long
    /// double holds beside the whole part, and rounds to the nearest, ties to even.
    fn round(whole: u64, digits: &mut [u8], base: u8) -> Self {
        let mut fraction = Self { bits: 0, scale: 0 };
        let taken = u64::BITS - whole.leading_zeros();
        let zero = |digits: &[u8]| digits.iter().all(|&digit| digit == 0);
        let full = |fraction: &Self| match taken {
            0 => u128::BITS - fraction.bits.leading_zeros() == PRECISION,
            _ => taken + fraction.scale == PRECISION,
        };
        while !full(&fraction) && !zero(digits) {
            fraction.bits = fraction.bits << 1 | u128::from(double(digits, base));
            fraction.scale += 1;
        }
        let odd = match fraction.scale {
            0 => whole % 2 == 1,
            _ => fraction.bits % 2 == 1,
        };
        if double(digits, base) == 1 && (odd || !zero(digits)) {
            fraction.bits += 1;
        }
        fraction
    }

    /// The sum of whole and fraction times `factor`, if the clock can hold it.
    fn timeout(self, whole: u64, factor: u64) -> Option<Timeout> {
        const MICROSECONDS: u64 = 1_000_000;
        let product = round_to_precision(self.bits * u128::from(factor * MICROSECONDS));
        let micros = product.checked_shr(self.scale).unwrap_or(0);
        let more = u64::try_from(micros / u128::from(MICROSECONDS)).ok()?;
        let seconds = whole.checked_mul(factor)?.checked_add(more)?;
        let micros = u64::try_from(micros % u128::from(MICROSECONDS)).ok()?;
        i64::try_from(seconds).ok()?;
        Some(match (seconds, micros) {
            (0, 0) => Timeout::Zero,
            _ => Timeout::After(Duration::from_secs(seconds) + Duration::from_micros(micros)),
        })
    }
}

/// Rounds to as many bits as a long double has, ties to even.
fn round_to_precision(product: u128) -> u128 {
    let excess = (u128::BITS - product.leading_zeros()).saturating_sub(PRECISION);
    if excess == 0 {
        return product;
    }
    let half = 1 << (excess - 1);
    let odd = product >> excess & 1;
    (product + half - 1 + odd) >> excess << excess
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
        ] {
            assert_eq!(timeout(text.as_bytes()), Err(Some(Errno::RANGE)), "{text}");
        }
        for text in ["0e5000", "0x1p-16445", "4e-4932"] {
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
