//! The usage and the version.

/// The usage, in util-linux's layout. `name` is the program's.
pub fn usage(name: &[u8]) -> Vec<u8> {
    let forms = FORMS.iter().flat_map(|form| [b" ", name, form.as_bytes(), b"\n"]);
    let forms: Vec<&[u8]> = forms.collect();
    [b"\nUsage:\n", forms.concat().as_slice(), OPTIONS.as_bytes()].concat()
}

/// The version. `name` is the program's.
pub fn version(name: &[u8]) -> Vec<u8> {
    [name, VERSION.as_bytes()].concat()
}

const VERSION: &str =
    concat!(" from flock-rs ", env!("CARGO_PKG_VERSION"), ", compatible with util-linux 2.43\n");

const FORMS: [&str; 6] = [
    " [options] <file>|<directory> <command> [<argument>...]",
    " [options] <file>|<directory> -c <command>",
    " [options] --fd <number> <command> [<argument>...] | -c <command>",
    " [options] <file descriptor number>",
    " [options] --for-pid <pid> <file>|<directory>",
    " --holders <file>|<directory>... | --fd <number>",
];

const OPTIONS: &str = "
Take a lock, and hold it while a command runs or a script has the file open.

Options:
 -s, --shared             take a shared lock: others may share it
 -x, --exclusive          take an exclusive lock (default; also -e)
 -u, --unlock             give the lock up
 -n, --nb, --nonblocking  give up at once if the lock is not free
 -w, --timeout <secs>     give up after so long (also --wait; s, m, h, d may follow)
 -E, --conflict-exit-code <number>  exit status after giving up, 0 to 255 (default 1)
 -o, --close              run the command without the lock's descriptor
 -c, --command <command>  give the command, one string, to the shell
 -F, --no-fork            run the command in flock's place
     --fcntl              lock by fcntl(2), so that such locks are respected
     --start <size>       the first byte to lock (default 0); implies --fcntl
     --length <size>      how many bytes (default 0: to the end); implies --fcntl
     --fd <number>        lock this open descriptor, then run the command
     --verbose            say how long it took, who is waited for, and why it failed

 -h, --help               print this help
 -V, --version            print the version

Options of flock-rs alone, which must be written out:
     --for-pid <pid>      hold the lock as long as that process lives
     --also <file>        lock this file as well, all or none (may be repeated)
     --remove             remove the lock files when nobody holds them any more
     --forward-signals    pass HUP, INT, QUIT, TERM, USR1, USR2 on to the command
     --holders            show who holds the locks and who waits for them

A <size> may end in K, M, G and so on, or KiB, for powers of 1024; in KB for 1000.

For more details see flock(1).
";
