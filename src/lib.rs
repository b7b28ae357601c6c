//! flock(1): locks around commands and in shell scripts.
//!
//! A module uses only those listed above it.

#![deny(unsafe_code)]

pub mod exit;
pub mod errno;
pub mod options;
pub mod printable;
pub mod error;
#[allow(unsafe_code)]
pub mod sys;
pub mod unasked;
pub mod number;
pub mod float;
pub mod seconds;
pub mod request;
pub mod cli;
pub mod help;
pub mod console;
pub mod aside;
pub mod hint;
pub mod opening;
pub mod target;
pub mod wait;
pub mod lock;
pub mod holders;
pub mod notice;
pub mod command;
pub mod removal;
pub mod keeper;
