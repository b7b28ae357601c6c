//! flock(1): locks around commands and in shell scripts.
//!
//! A module uses only those listed above it.

#![deny(unsafe_code)]

pub mod cli;
pub mod command;
pub mod console;
pub mod deadline;
pub mod errno;
pub mod error;
pub mod exit;
pub mod help;
pub mod lock;
pub mod number;
pub mod options;
pub mod request;
pub mod seconds;
#[allow(unsafe_code)]
pub mod sys;
pub mod target;
