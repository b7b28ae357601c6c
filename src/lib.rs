//! flock(1): locks around commands and in shell scripts.
//!
//! A module uses only those listed above it.

#![deny(unsafe_code)]

pub mod exit;
pub mod errno;
pub mod error;
#[allow(unsafe_code)]
pub mod sys;
pub mod number;
pub mod float;
pub mod seconds;
pub mod request;
pub mod options;
pub mod cli;
pub mod help;
pub mod console;
pub mod target;
pub mod deadline;
pub mod lock;
pub mod command;
