//! `cli::parse`, beside the C library's `getopt_long` driven as util-linux drives it.
//!
//! An input is a command line without the program's name, with a NUL after each word but
//! the last, as in /proc/PID/cmdline. Values are read by our own readers on both sides:
//! those are the business of [`crate::numbers`].

use flock_rs::error::Error;
use flock_rs::number::Refusal;
use flock_rs::options::{Given, LONG, OWN, Opt};
use flock_rs::request::{Command, Launch, Locking, Mode, Place, Places, Request};
use flock_rs::sys::Args;
use flock_rs::{cli, errno, number, seconds};
use rustix::process::Pid;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

const MOST_WORDS: usize = 40;

pub fn check(input: &[u8]) {
    let words = input.split(|&byte| byte == 0).take(MOST_WORDS);
    let mut words: Vec<CString> = words.map(|word| CString::new(word).unwrap()).collect();
    words.insert(0, c"flock".to_owned());
    if input.is_empty() {
        words.truncate(1);
    }
    let mut pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(ptr::null());
    // SAFETY: nothing of what comes of it outlives this function, as the words do.
    let args = unsafe { Args::from_main(words.len() as c_int, pointers.as_ptr()) };
    let ours = match cli::parse(args) {
        Ok(request) => show(&request, &pointers),
        Err(error) => fail(&error),
    };
    let expected = expected(&words, &mut pointers);
    assert_eq!(ours, expected.unwrap_or_else(|failure| failure), "{words:?}");
}

/// A failure, byte for byte.
fn fail(error: &Error) -> String {
    let text = error.text();
    let reason = error.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
    let hint = if error.points_to_help() { " TRY" } else { "" };
    format!("{}{reason}{hint} {:?}", text.escape_ascii(), error.exit())
}

/// A failure that has this word in its text.
fn usage(text: &str, word: &CStr, rest: &str, hint: &str) -> String {
    let text = [text.as_bytes(), word.to_bytes(), rest.as_bytes()].concat();
    format!("{}{hint} Usage", text.escape_ascii())
}

/// A request, in words; those of the command line by their places.
fn show(request: &Request, words: &[*const c_char]) -> String {
    let at = |word: &CStr| words.iter().position(|other| *other == word.as_ptr()).expect("a word");
    let place = |place: &Place| match place {
        Place::File(name) => format!("word {}", at(name)),
        Place::Descriptor(number) => format!("fd {number}"),
    };
    let show_places = |places: &Places, locking: &Locking| {
        let (first, locking) = (place(&places.first), show_locking(locking));
        format!("{first} {:?} {} {locking}", places.also, places.remove)
    };
    match request {
        Request::Help => "help".to_owned(),
        Request::Version => "version".to_owned(),
        Request::Holders(places) => {
            format!("holders {:?}", places.iter().map(place).collect::<Vec<_>>())
        }
        Request::Lock { descriptor, locking } => {
            format!("lock fd {descriptor} {}", show_locking(locking))
        }
        Request::Keep { process, places, locking } => {
            format!("keep {process} {}", show_places(places, locking))
        }
        Request::Run { places, locking, command, launch } => {
            let what = show_places(places, locking);
            let command = match command {
                Command::Program(argv) => format!("program {}", at(argv.program())),
                Command::Shell(string) => format!("shell {}", at(string)),
            };
            match launch {
                Launch::Replace => format!("{what} replaced by {command}"),
                Launch::Fork { close, forward } => format!("{what} {command} {close} {forward}"),
            }
        }
    }
}

fn show_locking(locking: &Locking) -> String {
    let Locking { mode, range, nonblocking, timeout, conflict_exit, verbose } = locking;
    format!("{mode:?} {range:?} {nonblocking} {timeout:?} {conflict_exit} {verbose}")
}

unsafe extern "C" {
    static mut optind: c_int;
    static mut optarg: *const c_char;
    fn getopt_long(
        count: c_int,
        words: *mut *const c_char,
        letters: *const c_char,
        names: *const LongName,
        index: *mut c_int,
    ) -> c_int;
}

/// `struct option` of getopt.h.
#[repr(C)]
struct LongName {
    name: *const c_char,
    has_value: c_int,
    flag: *mut c_int,
    value: c_int,
}

/// What getopt returns for a long option: those that mean the same have the same.
const LONG_BASE: c_int = 1000;

fn names(own: bool) -> Vec<LongName> {
    static NAMES: [(&CStr, Opt); 22] = [
        (c"shared", Opt::Shared),
        (c"exclusive", Opt::Exclusive),
        (c"unlock", Opt::Unlock),
        (c"nonblocking", Opt::Nonblocking),
        (c"nb", Opt::Nonblocking),
        (c"timeout", Opt::Timeout),
        (c"wait", Opt::Timeout),
        (c"conflict-exit-code", Opt::ConflictExitCode),
        (c"close", Opt::Close),
        (c"no-fork", Opt::NoFork),
        (c"fcntl", Opt::Fcntl),
        (c"start", Opt::Start),
        (c"length", Opt::Length),
        (c"fd", Opt::Fd),
        (c"verbose", Opt::Verbose),
        (c"help", Opt::Help),
        (c"version", Opt::Version),
        (c"holders", Opt::Holders),
        (c"for-pid", Opt::ForPid),
        (c"also", Opt::Also),
        (c"remove", Opt::Remove),
        (c"forward-signals", Opt::ForwardSignals),
    ];
    assert_eq!(NAMES.len(), LONG.len() + OWN.len());
    let count = if own { NAMES.len() } else { LONG.len() };
    let mut names: Vec<LongName> = NAMES[..count]
        .iter()
        .map(|(name, opt)| LongName {
            name: name.as_ptr(),
            has_value: opt.takes_value().into(),
            flag: ptr::null_mut(),
            value: LONG_BASE + *opt as c_int,
        })
        .collect();
    names.push(LongName { name: ptr::null(), has_value: 0, flag: ptr::null_mut(), value: 0 });
    names
}

/// One call of getopt, on the word at its index. Our own names must be written out: they
/// are in its table only then.
fn next(words: &[CString], pointers: &mut [*const c_char], start: bool) -> (c_int, usize) {
    // SAFETY: this program has one thread that calls getopt, and reads its variables.
    unsafe {
        if start {
            // To the GNU C library, 0 means to forget all.
            optind = 0;
        }
        let at = optind.max(1) as usize;
        let name = words.get(at).and_then(|word| word.to_bytes().strip_prefix(b"--"));
        let name = name.map(|name| name.split(|&byte| byte == b'=').next().unwrap_or_default());
        let is_own = OWN.iter().any(|(own, _)| name == Some(own.as_bytes()));
        let (count, names) = (words.len() as c_int, names(is_own));
        let letters = c"+:sexnoFuw:E:hV?".as_ptr();
        let found =
            getopt_long(count, pointers.as_mut_ptr(), letters, names.as_ptr(), ptr::null_mut());
        (found, at)
    }
}

fn opt(found: c_int) -> Opt {
    let of_letter = u8::try_from(found).ok().map(char::from).and_then(|letter| match letter {
        's' => Some(Opt::Shared),
        'e' | 'x' => Some(Opt::Exclusive),
        'u' => Some(Opt::Unlock),
        'n' => Some(Opt::Nonblocking),
        'o' => Some(Opt::Close),
        'F' => Some(Opt::NoFork),
        'w' => Some(Opt::Timeout),
        'E' => Some(Opt::ConflictExitCode),
        'h' => Some(Opt::Help),
        'V' => Some(Opt::Version),
        _ => None,
    });
    let of_name = || LONG.iter().chain(&OWN).find(|(_, opt)| LONG_BASE + *opt as c_int == found);
    of_letter.unwrap_or_else(|| of_name().expect("an option").1)
}

/// What util-linux would do, and what our options add to that, in words.
fn expected(words: &[CString], pointers: &mut [*const c_char]) -> Result<String, String> {
    if words.len() < 2 {
        return Err("not enough arguments TRY Usage".to_owned());
    }
    let mut asked = Asked::default();
    let mut start = true;
    loop {
        let (found, at) = next(words, pointers, start);
        start = false;
        match u8::try_from(found) {
            _ if found == -1 => break,
            Ok(b'?') if [c"-c", c"--command"].contains(&words[at].as_c_str()) => {
                asked.shell = Some(&words[at]);
                asked.given.add(Opt::Command);
            }
            Ok(b'?') => return Err(usage("unrecognized option '", &words[at], "'", " TRY")),
            Ok(b':') => {
                return Err(usage("option '", &words[at], "' requires an argument", " TRY"));
            }
            _ => match opt(found) {
                Opt::Help => return Ok("help".to_owned()),
                Opt::Version => return Ok("version".to_owned()),
                opt => asked.take(opt)?,
            },
        }
    }
    // SAFETY: as above.
    asked.end(words, unsafe { optind } as usize)
}

#[derive(Default)]
struct Asked<'a> {
    given: Given,
    locking: Locking,
    descriptor: Option<i32>,
    process: Option<Pid>,
    also: Vec<CString>,
    shell: Option<&'a CStr>,
}

/// The value of the option, read.
fn value<T>(meant: &str, read: fn(&[u8]) -> Result<T, Refusal>) -> Result<T, String> {
    // SAFETY: getopt has just set it to one of the words.
    let word = unsafe { CStr::from_ptr(optarg) };
    read(word.to_bytes()).map_err(|reason| invalid(meant, word, reason))
}

fn invalid(meant: &str, word: &CStr, reason: Refusal) -> String {
    let reason = reason.map(|reason| format!(": {}", errno::text(reason))).unwrap_or_default();
    usage(&format!("invalid {meant}: '"), word, &format!("'{reason}"), "")
}

impl Asked<'_> {
    fn take(&mut self, opt: Opt) -> Result<(), String> {
        self.given.add(opt);
        let locking = &mut self.locking;
        match opt {
            Opt::Shared => locking.mode = Mode::Shared,
            Opt::Exclusive => locking.mode = Mode::Exclusive,
            Opt::Unlock => locking.mode = Mode::Unlock,
            Opt::Nonblocking => locking.nonblocking = true,
            Opt::Verbose => locking.verbose = true,
            Opt::Timeout => locking.timeout = value("timeout", seconds::timeout)?,
            Opt::ConflictExitCode => {
                locking.conflict_exit =
                    value("exit code (allowed values: 0-255)", number::exit_status)?;
            }
            Opt::Fcntl => _ = locking.range.get_or_insert_default(),
            Opt::Start => {
                let start = value("as start offset", number::size)?;
                locking.range.get_or_insert_default().start = start;
            }
            Opt::Length => {
                let length = value("as length of lock range", number::size)?;
                locking.range.get_or_insert_default().length = length;
            }
            Opt::Fd => self.descriptor = Some(value("file descriptor", number::descriptor)?),
            Opt::ForPid => self.process = Some(value("process ID", number::process)?),
            Opt::Also => self.also.push(value("", |word| Ok(CString::new(word).unwrap()))?),
            _ => {}
        }
        Ok(())
    }

    /// What is asked for, with these operands.
    fn end(&self, words: &[CString], first: usize) -> Result<String, String> {
        let (has, count) = (|opt| self.given.has(opt), words.len() - first);
        let err = |text: &str| Err(format!("{text} Usage"));
        let missing = "missing file descriptor, file or directory";
        if let Some((one, other)) = self.given.clash() {
            let (one, other) = (one.name(), other.name());
            return err(&format!("the --{one} and --{other} options are incompatible"));
        }
        if has(Opt::Holders) {
            return match (self.descriptor, count) {
                (None, 0) => err(missing),
                (None, _) => {
                    let files: Vec<_> =
                        (first..words.len()).map(|at| format!("word {at}")).collect();
                    Ok(format!("holders {files:?}"))
                }
                (Some(number), 0) => Ok(format!("holders {:?}", [format!("fd {number}")])),
                (Some(_), _) => err("--holders takes files or --fd, not both"),
            };
        }
        if let Some(process) = self.process {
            return match count {
                0 => err(missing),
                1 if number::descriptor(words[first].to_bytes()).is_ok() => {
                    Err(usage("--for-pid takes a file, not descriptor '", &words[first], "'", ""))
                }
                1 => Ok(format!("keep {process} {}", self.what(&format!("word {first}")))),
                _ => err("--for-pid takes one file, and no command"),
            };
        }
        self.run(words, first)
    }

    /// What is locked and how, in words.
    fn what(&self, place: &str) -> String {
        let remove = self.given.has(Opt::Remove);
        format!("{place} {:?} {remove} {}", self.also, show_locking(&self.locking))
    }

    fn run(&self, words: &[CString], first: usize) -> Result<String, String> {
        let (count, has) = (words.len() - first, |opt| self.given.has(opt));
        let missing = || Err("missing file descriptor, file or directory Usage".to_owned());
        let one_string =
            |word: &CStr| Err(usage("", word, " requires exactly one command argument", ""));
        let (place, command) = match (self.shell, self.descriptor) {
            (Some(word), _) if count != 1 => return one_string(word),
            (Some(_), None) => return missing(),
            (Some(_), Some(number)) => (format!("fd {number}"), format!("shell {first}")),
            (None, Some(_)) if count == 0 => return Err("missing command Usage".to_owned()),
            (None, Some(number)) => (format!("fd {number}"), format!("program {first}")),
            (None, None) if count == 0 => return missing(),
            (None, None) if count == 1 => return self.lock(&words[first]),
            (None, None) => {
                let second = words[first + 1].as_c_str();
                let command = match [c"-c", c"--command"].contains(&second) {
                    true if count != 3 => return one_string(second),
                    true => format!("shell {}", first + 2),
                    false => format!("program {}", first + 1),
                };
                (format!("word {first}"), command)
            }
        };
        let what = self.what(&place);
        if has(Opt::NoFork) {
            return Ok(format!("{what} replaced by {command}"));
        }
        Ok(format!("{what} {command} {} {}", has(Opt::Close), has(Opt::ForwardSignals)))
    }

    fn lock(&self, word: &CStr) -> Result<String, String> {
        for opt in [Opt::Also, Opt::Remove, Opt::ForwardSignals] {
            if self.given.has(opt) {
                let or = if opt == Opt::ForwardSignals { "" } else { " or --for-pid" };
                return Err(format!("--{} needs a command{or} Usage", opt.name()));
            }
        }
        let read = number::descriptor(word.to_bytes());
        let number = read.map_err(|reason| invalid("file descriptor", word, reason))?;
        Ok(format!("lock fd {number} {}", show_locking(&self.locking)))
    }
}
