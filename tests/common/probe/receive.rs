//! Receives signals.

use crate::print;

/// Blocks every signal and says so, then names each one that comes, until it is the last
/// one there is. Not those that tell of children.
pub fn until_last() -> u8 {
    let mut all = std::mem::MaybeUninit::uninit();
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::sigprocmask(libc::SIG_BLOCK, all.as_ptr(), std::ptr::null_mut());
    }
    print("receives\n");
    loop {
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let number = unsafe { libc::sigwaitinfo(all.as_ptr(), &mut info) };
        match number {
            ..0 | libc::SIGCHLD => {}
            number if number == libc::SIGRTMAX() => return 0,
            number if info.si_code == libc::SI_KERNEL => {
                print(&format!("{number} from the kernel\n"));
            }
            number => print(&format!("{number}\n")),
        }
    }
}
