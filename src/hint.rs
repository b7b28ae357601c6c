//! Hints: a further line to an error, for people at a terminal.

use crate::console::{self, Console};
use crate::error::{Error, Value};
use crate::number;
use crate::request::Place;
use crate::sys;
use rustix::fd::RawFd;
use rustix::io::{self, Errno};
use rustix::{stdio, termios};
use std::os::unix::ffi::OsStrExt;

/// Says what the user may have meant, if that can be guessed.
pub fn after(error: &Error, console: &Console) {
    if !termios::isatty(stdio::stderr()) {
        return;
    }
    match error {
        Error::Execute(program, _) if program.to_bytes().starts_with(b"-") => {
            say("options go before the lock file", console);
        }
        // One that is out of range is a number.
        Error::InvalidValue(Value::Operand, word, None) if !word.as_bytes().starts_with(b"-") => {
            say("to lock a file, name a command to run", console);
        }
        Error::Lock(name, Errno::BADF) => {
            let number = number::descriptor(name.as_bytes()).ok();
            // It may be open, but not for what the lock needs; and the standard ones, no
            // shell closes by itself.
            let is_closed = |n: &RawFd| *n > 2 && io::fcntl_getfd(sys::descriptor(*n)).is_err();
            let closed = number.filter(is_closed);
            if let Some(n) = closed {
                let text = format!(
                    "not open here; ksh and mksh close `exec {n}>file` descriptors for commands, \
                     write `flock {n} {n}>&{n}`"
                );
                say(&text, console);
            }
        }
        _ => {}
    }
}

/// Says, for a number together with a command, that it is not taken for a descriptor.
pub fn about(place: Place, console: &Console) {
    let Place::File(name) = place else { return };
    if !console::is_terminal(stdio::stderr()) {
        return;
    }
    // `09` is descriptor 9, but another file.
    let number = number::descriptor(name.to_bytes()).ok();
    if let Some(number) = number.filter(|n| n.to_string().as_bytes() == name.to_bytes()) {
        let text =
            format!("this locks a file named {number}; for descriptor {number} use --fd {number}");
        say(&text, console);
    }
}

fn say(text: &str, console: &Console) {
    console.remark(&format!("hint: {text}"));
}
