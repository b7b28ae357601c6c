//! The readers of numbers, beside strtoimax(3), strtoumax(3) and strtold(3) as util-linux
//! calls them, but for what we do otherwise on purpose.
//!
//! The first byte of an input says which reader; the rest, up to a NUL, is what it reads.

use flock_rs::number::{self, Refusal};
use flock_rs::seconds;
use rustix::io::Errno;
use std::ffi::{CString, c_char, c_int};

pub fn check(input: &[u8]) {
    let Some((which, text)) = input.split_first() else { return };
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    match which {
        b'd' => {
            let ours = number::descriptor(text);
            assert_eq!(ours, descriptor(text), "{}", text.escape_ascii());
            let process = ours.and_then(|number| if number == 0 { Err(None) } else { Ok(number) });
            let ours = number::process(text).map(|pid| pid.as_raw_nonzero().get());
            assert_eq!(ours, process, "{}", text.escape_ascii());
        }
        b'e' => {
            assert_eq!(number::exit_status(text), exit_status(text), "{}", text.escape_ascii());
        }
        b's' => {
            if let Some(expected) = size(text) {
                assert_eq!(number::size(text), expected, "{}", text.escape_ascii());
            }
        }
        _ => seconds_alike(text),
    }
}

unsafe extern "C" {
    fn strtoimax(text: *const c_char, end: *mut *const c_char, base: c_int) -> i64;
    fn strtoumax(text: *const c_char, end: *mut *const c_char, base: c_int) -> u64;
}

/// A number, as the C library reads it.
struct Read<'a, T> {
    value: T,
    out_of_range: bool,
    /// What follows it; all of the text if there is no number.
    rest: &'a [u8],
    any: bool,
}

/// Calls a reader of the C library.
fn read<T>(text: &[u8], call: impl FnOnce(*const c_char, *mut *const c_char) -> T) -> Read<'_, T> {
    let string = CString::new(text).expect("no NUL");
    let mut end = string.as_ptr();
    // SAFETY: the variable is this thread's own.
    unsafe { *libc::__errno_location() = 0 };
    let value = call(string.as_ptr(), &raw mut end);
    // SAFETY: as above.
    let out_of_range = unsafe { *libc::__errno_location() } == libc::ERANGE;
    let taken = end.addr() - string.as_ptr().addr();
    Read { value, out_of_range, rest: &text[taken..], any: taken > 0 }
}

fn signed(text: &[u8]) -> Read<'_, i64> {
    // SAFETY: the text ends with a NUL.
    read(text, |text, end| unsafe { strtoimax(text, end, 10) })
}

fn unsigned(text: &[u8], base: c_int) -> Read<'_, u64> {
    // SAFETY: as above.
    read(text, |text, end| unsafe { strtoumax(text, end, base) })
}

const OUT_OF_RANGE: Refusal = Some(Errno::RANGE);

fn descriptor(text: &[u8]) -> Result<i32, Refusal> {
    let read = signed(text);
    match i32::try_from(read.value) {
        _ if read.out_of_range => Err(OUT_OF_RANGE),
        _ if !read.any || !read.rest.is_empty() => Err(None),
        // X6: not even as an int of 64 bits.
        _ if read.value < 0 => Err(None),
        number => number.map_err(|_| OUT_OF_RANGE),
    }
}

fn exit_status(text: &[u8]) -> Result<u8, Refusal> {
    if signed(text).value < 0 {
        return Err(OUT_OF_RANGE);
    }
    let read = unsigned(text, 10);
    match u8::try_from(read.value) {
        _ if read.out_of_range => Err(OUT_OF_RANGE),
        _ if !read.any || !read.rest.is_empty() => Err(None),
        number => number.map_err(|_| OUT_OF_RANGE),
    }
}

/// Nothing where it takes more than 128 bits to say what is right.
fn size(text: &[u8]) -> Option<Result<i64, Refusal>> {
    const INVALID: Refusal = Some(Errno::INVAL);
    let read = unsigned(text, 0);
    let sign = text.iter().find(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'));
    if sign == Some(&b'-') || !read.any {
        return Some(Err(INVALID));
    }
    if read.out_of_range {
        return Some(Err(OUT_OF_RANGE));
    }
    let is_suffix = |byte: &u8| byte.is_ascii_alphabetic();
    let suffix = read.rest.iter().position(is_suffix).unwrap_or(read.rest.len());
    let (fraction, suffix) = read.rest.split_at(suffix);
    let Some(unit) = unit(suffix).filter(|_| fraction.is_empty() || !suffix.is_empty()) else {
        return Some(Err(INVALID));
    };
    let Some(fraction) = digits(fraction) else { return Some(Err(INVALID)) };
    // X10: exact, rounded down.
    let power = 10_u128.checked_pow(fraction.len() as u32)?;
    let fraction = fraction.iter().fold(0, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    let below_one = fraction.checked_mul(unit)? / power;
    let total = u128::from(read.value).checked_mul(unit)?.checked_add(below_one)?;
    Some(i64::try_from(total).map_err(|_| OUT_OF_RANGE))
}

/// The digits after a point. util-linux takes the point for a sign that there are more: it
/// may come again as long as the digits so far are all 0.
fn digits(text: &[u8]) -> Option<Vec<u8>> {
    let mut digits = Vec::new();
    let is_good = text.iter().enumerate().all(|(index, byte)| match byte {
        b'.' => digits.iter().all(|digit| *digit == b'0'),
        b'0'..=b'9' if index > 0 => {
            digits.push(*byte);
            true
        }
        _ => false,
    });
    is_good.then_some(digits)
}

fn unit(suffix: &[u8]) -> Option<u128> {
    let (letter, base) = match suffix {
        [] => return Some(1),
        [letter] | [letter, b'i', b'B' | b'b'] => (letter, 1024_u128),
        [letter, b'B' | b'b'] => (letter, 1000),
        _ => return None,
    };
    let power = match letter.to_ascii_uppercase() {
        b'K' => 1,
        b'M' => 2,
        b'G' => 3,
        b'T' => 4,
        b'P' => 5,
        b'E' => 6,
        b'Z' => 7,
        b'Y' => 8,
        _ => return None,
    };
    Some(base.pow(power))
}

/// Elsewhere, the C library's long double is another one.
#[cfg(not(target_arch = "x86_64"))]
fn seconds_alike(text: &[u8]) {
    let _ = seconds::timeout(text);
}

#[cfg(target_arch = "x86_64")]
fn seconds_alike(text: &[u8]) {
    assert_eq!(seconds::timeout(text), x87::timeout(text), "{}", text.escape_ascii());
}

/// The processor's own arithmetic of long double, in which util-linux computes.
#[cfg(target_arch = "x86_64")]
mod x87 {
    use super::{OUT_OF_RANGE, Read, Refusal, read};
    use flock_rs::seconds::Timeout;
    use std::arch::asm;
    use std::ffi::c_char;
    use std::time::Duration;

    type LongDouble = [u8; 16];

    unsafe extern "C" {
        /// It returns a long double, of which Rust does not know.
        fn strtold(text: *const c_char, end: *mut *const c_char);
    }

    fn long_double(text: &[u8]) -> Read<'_, LongDouble> {
        read(text, |text, end| {
            let mut value = [0; 16];
            // SAFETY: a call as the C ABI has it; the result, at the top of the x87's stack,
            // is taken from there.
            unsafe {
                asm!(
                    "call {strtold}",
                    "fstp tbyte ptr [{value}]",
                    strtold = sym strtold,
                    value = in(reg) &raw mut value,
                    in("rdi") text,
                    in("rsi") end,
                    clobber_abi("C"),
                );
            }
            value
        })
    }

    /// The whole part, and the part after the point times `unit`, both truncated. What does
    /// not fit is the lowest number.
    fn split(value: &LongDouble, unit: i64) -> (i64, i64) {
        let (mut whole, mut part) = (0_i64, 0_i64);
        // SAFETY: as many values are put on the x87's stack as are taken from it.
        unsafe {
            asm!(
                "fld tbyte ptr [{value}]",
                "fld st(0)",
                "fisttp qword ptr [{whole}]",
                "fild qword ptr [{whole}]",
                "fsubp st(1), st",
                "fild qword ptr [{unit}]",
                "fmulp st(1), st",
                "fisttp qword ptr [{part}]",
                value = in(reg) value,
                unit = in(reg) &raw const unit,
                whole = in(reg) &raw mut whole,
                part = in(reg) &raw mut part,
                out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _,
                out("st(4)") _, out("st(5)") _, out("st(6)") _, out("st(7)") _,
            );
        }
        (whole, part)
    }

    pub fn timeout(text: &[u8]) -> Result<Timeout, Refusal> {
        // X3: a comma is a point.
        let point = |byte: &u8| if *byte == b',' { b'.' } else { *byte };
        let text: Vec<u8> = text.iter().map(point).collect();
        let read = long_double(&text);
        let exponent = u16::from_le_bytes([read.value[8], read.value[9]]);
        let (negative, is_number) = (exponent >> 15 == 1, exponent & 0x7fff != 0x7fff);
        let infinite = !is_number && read.value[..8] == (1_u64 << 63).to_le_bytes();
        if read.out_of_range && (is_number || infinite) {
            return Err(OUT_OF_RANGE);
        }
        // X4
        let factor = match read.rest {
            _ if !read.any => return Err(None),
            b"" | b"s" => 1,
            b"m" => 60,
            b"h" => 3_600,
            b"d" => 86_400,
            _ => return Err(None),
        };
        if !is_number {
            // X5, whatever the C library says of `nan(…)`.
            return if infinite && !negative { Ok(Timeout::Never) } else { Err(None) };
        }
        let (whole, part) = split(&read.value, factor * 1_000_000);
        let micros = i128::from(whole) * i128::from(factor) * 1_000_000 + i128::from(part);
        match u64::try_from(micros / 1_000_000) {
            _ if micros == 0 => Ok(Timeout::Zero),
            // X5
            _ if negative => Err(None),
            Ok(seconds) if whole != i64::MIN && i64::try_from(seconds).is_ok() => {
                let micros = Duration::from_micros((micros % 1_000_000) as u64);
                Ok(Timeout::After(Duration::from_secs(seconds) + micros))
            }
            _ => Ok(Timeout::Never),
        }
    }
}
