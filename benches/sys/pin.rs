//! Keeps a process and its children on one processor.

use std::io::{Error, Result};
use std::mem::{MaybeUninit, size_of};

/// Until this is dropped, the calling thread runs on one processor only, and so does
/// what it forks meanwhile.
pub struct Pin {
    before: libc::cpu_set_t,
}

impl Pin {
    /// Stays on the processor of this moment.
    pub fn here() -> Result<Self> {
        // SAFETY: a set of bits, of which all may be 0.
        let mut before: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
        let size = size_of::<libc::cpu_set_t>();
        // SAFETY: the set lives during the call and is as large as is said.
        if unsafe { libc::sched_getaffinity(0, size, &raw mut before) } != 0 {
            return Err(Error::last_os_error());
        }
        // SAFETY: as above.
        let mut one: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: it takes nothing.
        let number = unsafe { libc::sched_getcpu() };
        let number = usize::try_from(number).map_err(|_| Error::last_os_error())?;
        // SAFETY: the set is ours.
        unsafe { libc::CPU_SET(number, &mut one) };
        set(&one)?;
        Ok(Self { before })
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        // These processors were allowed before.
        let _ = set(&self.before);
    }
}

fn set(processors: &libc::cpu_set_t) -> Result<()> {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: the set lives during the call and is as large as is said.
    match unsafe { libc::sched_setaffinity(0, size, processors) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}
