//! Fuzzing: what reads arguments and /proc, beside the C library's own readers.
//!
//! `tests/fuzz/run` builds this with libFuzzer, and looks for new inputs. As a plain test it
//! tries those that are kept, `tests/fuzz/*.corpus`: an input a line, as a byte string of Rust.

#![cfg_attr(fuzzing, no_main)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may stop at once, and prints what it finds"
)]

mod arguments;
#[cfg(not(fuzzing))]
mod corpus;
mod memory;
mod numbers;
mod process;

/// Panics if something is wrong with an input.
type Check = fn(&[u8]);

const TARGETS: [(&str, Check); 3] =
    [("arguments", arguments::check), ("numbers", numbers::check), ("process", process::check)];

fn target(name: &str) -> Check {
    TARGETS.iter().find(|(other, _)| *other == name).expect("a target").1
}

/// Runs a check, with as much memory as an input of that size may take.
fn run(check: Check, input: &[u8]) {
    memory::bounded(input.len(), || check(input));
}

#[cfg(fuzzing)]
mod entry {
    use std::sync::LazyLock;

    static CHECK: LazyLock<super::Check> =
        LazyLock::new(|| super::target(&std::env::var("FUZZ_TARGET").expect("$FUZZ_TARGET")));

    /// # Safety
    /// Called by libFuzzer, with an input and its size.
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> i32 {
        // SAFETY: the caller vouches for it; of an empty input, there may be no address.
        let input = if size == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, size) } };
        super::run(*CHECK, input);
        0
    }
}

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    corpus::main()
}
