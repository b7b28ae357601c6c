//! From the command line to a [`Request`]: getopt's grammar, no side effects.

use crate::error::{Error, Value};
use crate::number::{self, Refusal};
use crate::options::{Given, Opt, asks_for_shell, long, short};
use crate::request::{Command, Launch, Locking, Mode, Place, Places, Range, Request};
use crate::seconds;
use crate::sys::Args;
use lexopt::{Arg, Parser};
use rustix::process::Pid;
use std::ffi::{CStr, OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;

/// Reads the command line.
pub fn parse(args: Args) -> Result<Request, Error> {
    if args.count() < 2 {
        return Err(Error::NotEnoughArguments);
    }
    let mut options = Options::default();
    let first_operand = match options.parse(args)? {
        Parsed::Operands(index) => index,
        Parsed::Help => return Ok(Request::Help),
        Parsed::Version => return Ok(Request::Version),
    };
    if let Some((one, other)) = options.given.clash() {
        return Err(Error::IncompatibleOptions(one, other));
    }
    options.request(args, first_operand)
}

/// How parsing ended.
enum Parsed {
    /// With the operands, which start at this word; there may be none.
    Operands(usize),
    Help,
    Version,
}

/// The options met so far; the last of a kind wins.
#[derive(Default)]
struct Options {
    given: Given,
    locking: Locking,
    descriptor: Option<RawFd>,
    process: Option<Pid>,
    also: Vec<&'static CStr>,
    /// `-c` or `--command`, as typed.
    shell: Option<&'static CStr>,
}

impl Options {
    /// Reads the words up to the first operand.
    fn parse(&mut self, args: Args) -> Result<Parsed, Error> {
        let mut index = 1;
        while let Some(word) = args.get(index) {
            match word.to_bytes() {
                b"--" => return Ok(Parsed::Operands(index + 1)),
                [b'-', _, ..] => {}
                _ => break,
            }
            // One word, and the one after it, which may be its value: the parser
            // copies what it is given, and the command's words can be megabytes.
            let next = args.get(index + 1);
            index += 1 + usize::from(next.is_some());
            let pair = [Some(word), next].into_iter().flatten();
            let mut parser = Parser::from_args(pair.map(|word| OsStr::from_bytes(word.to_bytes())));
            // As getopt: in `-w=5` the value is `=5`.
            parser.set_short_equals(false);
            loop {
                match next_option(&mut parser, word)? {
                    Opt::Help => return Ok(Parsed::Help),
                    Opt::Version => return Ok(Parsed::Version),
                    opt => self.apply(opt, (word, next), &mut parser)?,
                }
                // Within a cluster the parser does not tell how many words are left.
                if let Some(left) = parser.try_raw_args() {
                    index -= left.as_slice().len();
                    break;
                }
            }
        }
        Ok(Parsed::Operands(index))
    }

    fn apply(&mut self, opt: Opt, words: Words, parser: &mut Parser) -> Result<(), Error> {
        let (word, next) = words;
        self.given.add(opt);
        let mut value = || parser.value().map_err(|_| Error::MissingValue(word));
        match opt {
            Opt::Shared => self.locking.mode = Mode::Shared,
            Opt::Exclusive => self.locking.mode = Mode::Exclusive,
            Opt::Unlock => self.locking.mode = Mode::Unlock,
            Opt::Nonblocking => self.locking.nonblocking = true,
            Opt::Timeout => {
                self.locking.timeout = read(value()?, Value::Timeout, seconds::timeout)?;
            }
            Opt::ConflictExitCode => {
                self.locking.conflict_exit = read(value()?, Value::ExitCode, number::exit_status)?;
            }
            Opt::Fcntl => _ = self.range(),
            Opt::Start => self.range().start = read(value()?, Value::Start, number::size)?,
            Opt::Length => self.range().length = read(value()?, Value::Length, number::size)?,
            Opt::Fd => {
                self.descriptor = Some(read(value()?, Value::Descriptor, number::descriptor)?);
            }
            Opt::Verbose => self.locking.verbose = true,
            Opt::Command => self.shell = Some(word),
            Opt::ForPid => self.process = Some(read(value()?, Value::Process, number::process)?),
            Opt::Also => {
                // The same bytes, where they live as long as the process.
                value()?;
                self.also.extend(attached(word).or(next));
            }
            Opt::Help
            | Opt::Version
            | Opt::Close
            | Opt::NoFork
            | Opt::Holders
            | Opt::Remove
            | Opt::ForwardSignals => {}
        }
        Ok(())
    }

    /// The range to lock, since a range it is: at first, the whole file.
    fn range(&mut self) -> &mut Range {
        self.locking.range.get_or_insert_default()
    }

    /// What is asked for, given the operands.
    fn request(self, args: Args, first: usize) -> Result<Request, Error> {
        let operands = args.count() - first;
        if self.given.has(Opt::Holders) {
            return self.holders(args, first);
        }
        if let Some(process) = self.process {
            return self.keep(process, args.get(first), operands);
        }
        if let Some(word) = self.shell {
            let string = args.get(first).filter(|_| operands == 1);
            let string = string.ok_or(Error::CommandCount(word))?;
            let descriptor = self.descriptor.ok_or(Error::MissingTarget)?;
            return Ok(self.run(Place::Descriptor(descriptor), Command::Shell(string)));
        }
        if let Some(descriptor) = self.descriptor {
            let command = args.command(first).ok_or(Error::MissingCommand)?;
            return Ok(self.run(Place::Descriptor(descriptor), Command::Program(command)));
        }
        let operand = args.get(first).ok_or(Error::MissingTarget)?;
        match args.get(first + 1) {
            None => self.lock(operand),
            Some(word) if asks_for_shell(word) => {
                let string = args.get(first + 2).filter(|_| operands == 3);
                let string = string.ok_or(Error::CommandCount(word))?;
                Ok(self.run(Place::File(operand), Command::Shell(string)))
            }
            Some(_) => {
                let command = args.command(first + 1).ok_or(Error::MissingCommand)?;
                Ok(self.run(Place::File(operand), Command::Program(command)))
            }
        }
    }

    fn lock(self, operand: &CStr) -> Result<Request, Error> {
        let of_commands = [Opt::Also, Opt::Remove, Opt::ForwardSignals];
        if let Some(opt) = of_commands.into_iter().find(|opt| self.given.has(*opt)) {
            return Err(Error::NeedsCommand(opt));
        }
        let word = OsStr::from_bytes(operand.to_bytes()).to_owned();
        let descriptor = read(word, Value::Operand, number::descriptor)?;
        Ok(Request::Lock { descriptor, locking: self.locking })
    }

    fn run(self, place: Place, command: Command) -> Request {
        let launch = if self.given.has(Opt::NoFork) {
            Launch::Replace
        } else {
            let (close, forward) = (Opt::Close, Opt::ForwardSignals);
            Launch::Fork { close: self.given.has(close), forward: self.given.has(forward) }
        };
        let (places, locking) = self.places(place);
        Request::Run { places, locking, command, launch }
    }

    fn keep(
        self,
        process: Pid,
        operand: Option<&'static CStr>,
        operands: usize,
    ) -> Result<Request, Error> {
        let file = operand.ok_or(Error::MissingTarget)?;
        if operands > 1 {
            return Err(Error::ForPidCommand);
        }
        if number::descriptor(file.to_bytes()).is_ok() {
            return Err(Error::ForPidDescriptor(file));
        }
        let (places, locking) = self.places(Place::File(file));
        Ok(Request::Keep { process, places, locking })
    }

    fn places(self, first: Place) -> (Places, Locking) {
        let remove = self.given.has(Opt::Remove);
        (Places { first, also: self.also, remove }, self.locking)
    }

    fn holders(self, args: Args, first: usize) -> Result<Request, Error> {
        let files = (first..args.count()).filter_map(|index| args.get(index)).map(Place::File);
        match self.descriptor {
            None if first >= args.count() => Err(Error::MissingTarget),
            None => Ok(Request::Holders(files.collect())),
            Some(_) if first < args.count() => Err(Error::HoldersOfBoth),
            Some(descriptor) => Ok(Request::Holders(vec![Place::Descriptor(descriptor)])),
        }
    }
}

/// A word, and the one after it, which may be its value.
type Words = (&'static CStr, Option<&'static CStr>);

/// What follows the equals sign in a word.
fn attached(word: &'static CStr) -> Option<&'static CStr> {
    let bytes = word.to_bytes_with_nul();
    let sign = bytes.iter().position(|&byte| byte == b'=')?;
    CStr::from_bytes_with_nul(bytes.get(sign + 1..)?).ok()
}

/// The next option of a word.
fn next_option(parser: &mut Parser, word: &'static CStr) -> Result<Opt, Error> {
    let opt = match parser.next() {
        Ok(Some(_)) if asks_for_shell(word) => Some(Opt::Command),
        Ok(Some(Arg::Short(letter))) => short(letter),
        Ok(Some(Arg::Long(name))) => {
            let opt = long(name);
            let flag = opt.is_some_and(|opt| !opt.takes_value());
            opt.filter(|_| !(flag && parser.optional_value().is_some()))
        }
        Ok(Some(Arg::Value(_)) | None) | Err(_) => None,
    };
    opt.ok_or(Error::UnrecognizedOption(word))
}

/// Reads an option's value, or refuses it by the name of what it was meant to be.
fn read<T>(
    word: OsString,
    meant: Value,
    reader: impl Fn(&[u8]) -> Result<T, Refusal>,
) -> Result<T, Error> {
    reader(word.as_bytes()).map_err(|reason| Error::InvalidValue(meant, word, reason))
}
