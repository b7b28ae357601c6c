//! The least that a lock costs: a program without a C library.
//!
//! Without an argument it only exits. `n` tries for the lock on descriptor 9, `w`
//! waits for it, and any other argument has its first six bytes written to
//! descriptor 8.
//!
//! If CPUIDS is set when it is compiled, it first executes CPUID so many times, as a C
//! library does at its start.

#![no_std]
#![no_main]

use core::arch::{asm, global_asm};
use core::panic::PanicInfo;

// The kernel leaves argc and argv on the stack.
#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "mov rdi, rsp", "call {start}", start = sym start);
#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "mov x0, sp", "bl {start}", start = sym start);

#[cfg(target_arch = "x86_64")]
mod number {
    pub const WRITE: usize = 1;
    pub const FLOCK: usize = 73;
    pub const EXIT_GROUP: usize = 231;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub const FLOCK: usize = 32;
    pub const WRITE: usize = 64;
    pub const EXIT_GROUP: usize = 94;
}

const LOCK_EX: usize = 2;
const LOCK_NB: usize = 4;
const LOCKED: usize = 9;
const ORDER: usize = 8;
const ORDER_LENGTH: usize = 6;

#[cfg(target_arch = "x86_64")]
fn call(number: usize, first: usize, second: usize, third: usize) -> usize {
    let result;
    // SAFETY: the callers pass what these system calls expect.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") first, in("rsi") second,
            in("rdx") third, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

#[cfg(target_arch = "aarch64")]
fn call(number: usize, first: usize, second: usize, third: usize) -> usize {
    let result;
    // SAFETY: the callers pass what these system calls expect.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") first => result, in("x1") second,
            in("x2") third, options(nostack));
    }
    result
}

/// How often CPUID is executed.
const CPUIDS: usize = number_of(option_env!("CPUIDS"));

const fn number_of(text: Option<&str>) -> usize {
    let digits = match text {
        Some(text) => text.as_bytes(),
        None => b"0",
    };
    let (mut number, mut place) = (0, 0);
    while place < digits.len() {
        number = number * 10 + (digits[place] - b'0') as usize;
        place += 1;
    }
    number
}

/// Asks for leaf 4, the caches: what glibc 2.36 asks an Intel processor for most often.
#[cfg(target_arch = "x86_64")]
fn ask_processor() {
    const CACHES: u32 = 4;
    for _ in 0..CPUIDS {
        #[allow(unused_unsafe, reason = "safe in later versions of Rust")]
        // SAFETY: every x86-64 processor has the instruction.
        let answer = unsafe { core::arch::x86_64::__cpuid_count(CACHES, 0) };
        core::hint::black_box(answer);
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn ask_processor() {
    const { assert!(CPUIDS == 0, "the instruction is x86's") }
}

extern "C" fn start(stack: *const usize) -> ! {
    ask_processor();
    // SAFETY: argc comes first, then argv, which ends with a null pointer.
    let (count, argument) = unsafe { (*stack, *stack.add(2) as *const u8) };
    let mut result = 0;
    if count > 1 {
        // SAFETY: the argument exists, and has at least its final null byte.
        result = match unsafe { *argument } {
            b'n' => call(number::FLOCK, LOCKED, LOCK_EX | LOCK_NB, 0),
            b'w' => call(number::FLOCK, LOCKED, LOCK_EX, 0),
            _ => call(number::WRITE, ORDER, argument as usize, ORDER_LENGTH) - ORDER_LENGTH,
        };
    }
    call(number::EXIT_GROUP, usize::from(result != 0), 0, 0);
    loop {}
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    loop {}
}
