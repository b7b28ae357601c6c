//! Runs a command on a pseudo-terminal.

use crate::{c_string, execute, shell_status, wait_for_pid};

/// Runs a command with a new terminal as its standard output, or as all three
/// of its standard descriptors, and passes on what it prints.
pub fn run(command: &[Vec<u8>], only_output: bool) -> u8 {
    let (master, child) = start(command, only_output);
    // Reading fails with EIO when the last process has closed the terminal.
    while copy(master, 1) {}
    shell_status(wait_for_pid(child))
}

/// Runs a command as the leader of a new terminal's session, passes on what it prints, and
/// types what comes through a FIFO. When the FIFO's writers are gone, hangs up.
pub fn type_keys(fifo: &[u8], command: &[Vec<u8>]) -> u8 {
    let (master, child) = start(command, false);
    no_echo(master);
    let fifo = c_string(fifo);
    let keys = unsafe { libc::open(fifo.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    let ready = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut both = [ready(master), ready(keys)];
    loop {
        unsafe { libc::poll(both.as_mut_ptr(), 2, -1) };
        let closed = both[0].revents != 0 && !copy(master, 1);
        let hang_up = both[1].revents != 0 && !copy(keys, master);
        if closed || hang_up {
            unsafe { libc::close(master) };
            return shell_status(wait_for_pid(child));
        }
    }
}

/// Starts a command on a new terminal. Returns the other end of that, and its process.
fn start(command: &[Vec<u8>], only_output: bool) -> (i32, i32) {
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
        (master, child)
    }
}

/// Copies what is there; false at the end.
fn copy(from: i32, to: i32) -> bool {
    let mut buffer = [0_u8; 4096];
    let count = unsafe { libc::read(from, buffer.as_mut_ptr().cast(), buffer.len()) };
    count > 0 && unsafe { libc::write(to, buffer.as_ptr().cast(), count as usize) } >= 0
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

/// Keeps the terminal from printing what is typed.
fn no_echo(master: i32) {
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        libc::tcgetattr(master, &mut settings);
        settings.c_lflag &= !libc::ECHO;
        libc::tcsetattr(master, libc::TCSANOW, &settings);
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
