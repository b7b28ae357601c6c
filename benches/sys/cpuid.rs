//! What a program asks the processor for with CPUID, seen by stepping through it.

use crate::sys::count::{Counted, step_through};
use crate::sys::spawn::Launch;
use std::io::Result;
use std::time::Duration;

/// The leaves that are asked for from exec to exit, one for each CPUID, in their order.
pub fn cpuid_leaves(launch: &Launch, limit: Duration) -> Result<Vec<u32>> {
    let mut leaves = Vec::new();
    step_through(launch, Counted::Instructions, limit, |id| {
        leaves.extend(instruction::leaf(id)?);
        Ok(())
    })?;
    Ok(leaves)
}

#[cfg(target_arch = "x86_64")]
mod instruction {
    use std::io::{Error, Result};
    use std::mem::MaybeUninit;
    use std::ptr;

    const CPUID: [u8; 2] = [0x0f, 0xa2];

    /// If the instruction that comes next in a stopped child is CPUID: the leaf.
    pub fn leaf(id: libc::pid_t) -> Result<Option<u32>> {
        let mut registers = MaybeUninit::<libc::user_regs_struct>::zeroed();
        let none = ptr::null_mut::<u8>();
        // SAFETY: the kernel fills in the structure, which lives during the call.
        let got = unsafe { libc::ptrace(libc::PTRACE_GETREGS, id, none, registers.as_mut_ptr()) };
        if got == -1 {
            return Err(Error::last_os_error());
        }
        // SAFETY: plain numbers, of which all may be 0.
        let registers = unsafe { registers.assume_init() };
        let place = registers.rip;
        if byte(id, place)? != CPUID[0] || byte(id, place + 1)? != CPUID[1] {
            return Ok(None);
        }
        // The leaf is what EAX has, the lower half.
        Ok(u32::try_from(registers.rax & u64::from(u32::MAX)).ok())
    }

    /// A byte of a child's memory, out of an aligned word, which never goes beyond a page.
    fn byte(id: libc::pid_t, address: u64) -> Result<u8> {
        let (word, place) = (address & !7, (address & 7) as usize);
        // SAFETY: errno is this thread's own.
        unsafe { *libc::__errno_location() = 0 };
        // SAFETY: it reads the child's memory and touches none of ours.
        let data = unsafe {
            libc::ptrace(libc::PTRACE_PEEKTEXT, id, word as *mut u8, ptr::null_mut::<u8>())
        };
        let error = Error::last_os_error();
        // Any number may be data, -1 as well.
        if data == -1 && error.raw_os_error() != Some(0) {
            return Err(error);
        }
        Ok(data.to_le_bytes().get(place).copied().unwrap_or_default())
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod instruction {
    use std::io::{Error, Result};

    pub fn leaf(_: libc::pid_t) -> Result<Option<u32>> {
        Err(Error::other("not applicable: the instruction is x86's"))
    }
}
