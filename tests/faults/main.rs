//! Faults: system calls that fail, at any point of any path, and what comes of it.
//!
//! `cargo test --release --test faults -- --write` writes the table anew; `--times N` repeats;
//! of any other words, each chooses the faults that have it in what is told of them: the path,
//! the process, the call, its number and the fault, with a tab in between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, clippy::too_many_lines, clippy::too_many_arguments)]
#![allow(clippy::struct_excessive_bools)]

#[path = "../common/mod.rs"]
mod common;
mod crew;
mod differences;
mod errors;
mod pages;
mod paths;
mod room;
mod table;
mod trace;
mod worker;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let result = match words.first().map(String::as_str) {
        Some("--worker") => crew::work(&words[1..]),
        _ => crew::lead(&words).map(|passed| pages::agree() && passed),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}
