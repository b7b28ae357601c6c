//! Floating-point numbers of the command line, with the range and the precision of
//! x86's long double, by which util-linux reads them.

/// A number without its sign: `0.DIGITS × BASE^point × 2^twos`.
pub struct Number {
    /// No zeros at the front: without digits, the number is 0.
    digits: Vec<u8>,
    base: u8,
    point: i64,
    twos: i64,
    infinite: bool,
}

/// Reads the longest number at the start of a text, if there is one, and what follows it.
/// A comma is as good as a point.
pub fn number(text: &[u8]) -> Option<(Number, &[u8])> {
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

/// Where numbers are rounded beyond the largest long double, and up to the smallest normal
/// one, half a bit of 64 below the next power of two: as `0.DIGITS × 10^point`.
const TOO_LARGE: (i64, &[u8]) = (
    4933,
    b"\x01\x01\x08\x09\x07\x03\x01\x04\x09\x05\x03\x05\x07\x02\x03\x01\x07\x06\x05\x00\x05\x03\x05\x01\x01\x05",
);
const SMALLEST: (i64, &[u8]) = (
    -4931,
    b"\x03\x03\x06\x02\x01\x00\x03\x01\x04\x03\x01\x01\x02\x00\x09\x03\x05\x00\x06\x01\x07\x01\x05\x04\x07\x08",
);
/// The exponents of a hexadecimal long double's leading bit, and of its last in a subnormal one.
const LARGEST_EXPONENT: i64 = 16383;
const SMALLEST_EXPONENT: i64 = -16382;
const LAST_EXPONENT: i64 = -16445;

impl Number {
    /// Whether strtold(3) reports ERANGE: rounded, above the largest long double, or
    /// below the smallest normal one with bits lost.
    pub fn is_out_of_range(&self) -> bool {
        let (Some(first), Some(last)) =
            (self.digits.first(), self.digits.iter().rposition(|&digit| digit != 0))
        else {
            return false;
        };
        if self.base == 10 {
            let size = (self.point, self.digits.as_slice());
            return size > TOO_LARGE || size < SMALLEST;
        }
        let end = self.point * 4 + self.twos;
        let leading = end - 4 + i64::from(first.ilog2()) + i64::from(self.rounds_to_a_power());
        let trailing = self.digits.get(last).map_or(0, |digit| digit.trailing_zeros());
        let lowest =
            end - 4 * (i64::try_from(last).unwrap_or(i64::MAX / 8) + 1) + i64::from(trailing);
        leading > LARGEST_EXPONENT || (leading < SMALLEST_EXPONENT && lowest < LAST_EXPONENT)
    }

    /// Whether a hexadecimal number, rounded to a long double's bits, is the next power of 2.
    fn rounds_to_a_power(&self) -> bool {
        let bits =
            self.digits.iter().flat_map(|digit| [3, 2, 1, 0].map(|place| digit >> place & 1));
        let leading = bits.skip_while(|bit| *bit == 0).take(PRECISION as usize + 1);
        leading.filter(|bit| *bit == 1).count() > PRECISION as usize
    }

    fn double(&mut self) {
        if double(&mut self.digits, self.base) == 1 {
            self.digits.insert(0, 1);
            self.point += 1;
        }
    }

    /// The part before the point, if it is below 2^64, and the part after it, rounded
    /// where both together have more bits than a long double.
    pub fn split(mut self) -> Option<(u64, Fraction)> {
        for _ in 0..self.twos.rem_euclid(4) {
            self.double();
        }
        match self.point + self.twos.div_euclid(4) {
            _ if self.infinite => None,
            _ if self.digits.is_empty() => Some((0, Fraction::NONE)),
            // 10^20 exceeds 64 bits; what is below 10^-30 is nothing in any use.
            20.. => None,
            ..-30 => Some((0, Fraction::NONE)),
            point => self.split_at(point),
        }
    }

    fn split_at(mut self, point: i64) -> Option<(u64, Fraction)> {
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
pub struct Fraction {
    bits: u128,
    scale: u32,
}

/// Bits in the significand of x86's long double.
const PRECISION: u32 = 64;

impl Fraction {
    const NONE: Self = Self { bits: 0, scale: 0 };

    /// Takes from `digits`, which stand after the point, the bits that a long
    /// double holds beside the whole part, and rounds to the nearest, ties to even.
    fn round(whole: u64, digits: &mut [u8], base: u8) -> Self {
        let mut fraction = Self::NONE;
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

    /// This part of one in `units`: rounded as a long double's product, then truncated.
    /// `units` is below 2^64.
    pub fn of(&self, units: u64) -> u128 {
        round_to_precision(self.bits * u128::from(units)).checked_shr(self.scale).unwrap_or(0)
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
