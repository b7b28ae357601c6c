//! Runs a command on a pseudo-terminal.

use crate::{execute, shell_status, wait_for_pid};

/// Runs a command with a new terminal as its standard output, or as all three
/// of its standard descriptors, and passes on what it prints.
pub fn run(command: &[Vec<u8>], only_output: bool) -> u8 {
    unsafe {
        let master = libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC);
        assert!(master >= 0 && libc::grantpt(master) == 0 && libc::unlockpt(master) == 0);
        let slave = libc::open(libc::ptsname(master), libc::O_RDWR | libc::O_NOCTTY);
        assert!(slave >= 0, "probe: {}", std::io::Error::last_os_error());
        raw_output(slave);
        let child = libc::fork();
        if child == 0 {
            attach(slave, only_output);
            execute(command, command);
        }
        libc::close(slave);
        // Reading fails with EIO when the last process has closed the terminal.
        let mut buffer = [0_u8; 4096];
        loop {
            let count = libc::read(master, buffer.as_mut_ptr().cast(), buffer.len());
            if count <= 0 {
                break;
            }
            libc::write(1, buffer.as_ptr().cast(), count as usize);
        }
        shell_status(wait_for_pid(child))
    }
}

/// Keeps the terminal from turning a newline into two bytes.
unsafe fn raw_output(slave: i32) {
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        libc::tcgetattr(slave, &mut settings);
        settings.c_oflag &= !libc::OPOST;
        libc::tcsetattr(slave, libc::TCSANOW, &settings);
    }
}

unsafe fn attach(slave: i32, only_output: bool) {
    unsafe {
        if only_output {
            libc::dup2(slave, 1);
        } else {
            libc::setsid();
            libc::ioctl(slave, libc::TIOCSCTTY, 0);
            for standard in 0..3 {
                libc::dup2(slave, standard);
            }
        }
        libc::close(slave);
    }
}
