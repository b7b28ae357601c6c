//! The names of users.

use super::process::read;
use crate::printable::printable;
use rustix::fs::CWD;

/// /etc/passwd, and no other service: those are for programs that can load libraries.
pub struct Users {
    text: Vec<u8>,
}

impl Users {
    /// Reads it; where that fails, users have no names.
    pub fn read() -> Self {
        Self { text: read(CWD, c"/etc/passwd").unwrap_or_default() }
    }

    /// The name of a user, else the number.
    pub fn name(&self, id: u32) -> String {
        let id = id.to_string();
        let mut lines = self.text.split(|&byte| byte == b'\n');
        let name = lines.find_map(|line| {
            let mut parts = line.split(|&byte| byte == b':');
            let name = parts.next()?;
            (parts.nth(1)? == id.as_bytes()).then(|| printable(name))
        });
        name.unwrap_or(id)
    }
}
