//! Which options go together: the manual page's table, each pair tried on the program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/mod.rs"]
mod common;
#[path = "common/view.rs"]
mod view;

use common::Scratch;
use flock_rs::options::{self, Opt};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Child, Command, Stdio};

const PAGE: &str = include_str!("../man/flock.1");

/// What the table says of one of our options.
#[derive(Debug, Default)]
struct Row {
    not_with: BTreeSet<String>,
    needs: String,
}

/// The table, by the long names of the options.
fn table() -> BTreeMap<String, Row> {
    let (_, section) = PAGE.split_once("\n.Sh OPTIONS OF FLOCK-RS\n").expect("the section");
    let (_, table) = section.split_once("\n.Bl -column ").expect("the table");
    let (table, _) = table.split_once("\n.El\n").expect("the end of the table");
    let mut lines = table.lines().skip(1);
    assert_eq!(lines.next(), Some(".It Sy option Ta Sy not together with Ta Sy needs"));
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut current = String::new();
    for line in lines {
        let line = line.strip_prefix(".It ").unwrap_or_else(|| panic!("no row: {line}"));
        // The first cell of a row that goes on is empty.
        let line = line.strip_prefix("Ta ").map_or(line.to_owned(), |rest| format!(" Ta {rest}"));
        let cells: Vec<&str> = line.split(" Ta").map(str::trim).collect();
        let [option, others, needs] = cells[..] else { panic!("not three cells: {line}") };
        if !option.is_empty() {
            current = long_name(option.strip_prefix("Fl ").expect("an option"));
            assert!(!rows.contains_key(&current), "{current} is there twice");
        }
        let row = rows.entry(current.clone()).or_default();
        row.not_with.extend(named(others));
        assert!(needs.is_empty() || row.needs.is_empty(), "two needs: {current}");
        row.needs.push_str(needs);
    }
    rows
}

/// The options of a cell such as `Fl u , o , -fd ,` or `any but Fl -fd`.
fn named(cell: &str) -> BTreeSet<String> {
    if let Some(but) = cell.strip_prefix("any but ") {
        let but = named(but);
        return everything().into_iter().filter(|name| !but.contains(name)).collect();
    }
    let words = cell.split([' ', ',']).filter(|word| !word.is_empty());
    let mut words = words.peekable();
    assert!(words.next() == Some("Fl"), "no options: {cell}");
    assert!(words.peek().is_some(), "no options: {cell}");
    words.map(long_name).collect()
}

/// All options that do more than to print a text.
fn everything() -> BTreeSet<String> {
    let all = options::LONG.iter().chain(&options::OWN);
    let all = all.filter(|(_, opt)| !matches!(opt, Opt::Help | Opt::Version));
    all.map(|(_, opt)| opt.name()).chain(["command"]).map(str::to_owned).collect()
}

/// The long name by which messages speak of an option, given as mdoc has it: `x` or `-also`.
fn long_name(word: &str) -> String {
    let opt = match word.strip_prefix('-') {
        Some(name) => options::long(name),
        None if word == "c" => Some(Opt::Command),
        None => options::short(word.chars().next().unwrap()),
    };
    opt.unwrap_or_else(|| panic!("no option: {word}")).name().to_owned()
}

/// Every way to write every option, as typed, with the name by which messages speak of it.
fn spellings() -> Vec<(String, String)> {
    let all = common::spellings::all().into_iter();
    all.map(|(word, opt)| (word, opt.name().to_owned())).collect()
}

/// A directory with what the options name, and a process to hold locks for.
struct Stage {
    scratch: Scratch,
    living: Child,
}

/// What a run came to: status, standard output, standard error.
type Outcome = (Option<i32>, String, String);

impl Stage {
    fn new() -> Self {
        let scratch = Scratch::new("combinations").unwrap();
        fs::write(scratch.path().join("file"), "").unwrap();
        fs::write(scratch.path().join("descriptor"), "").unwrap();
        // It ends with its standard input.
        let living = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        Self { scratch, living: living.unwrap() }
    }

    /// The option as typed, with a value if it has one.
    fn words(&self, (word, name): &(String, String)) -> Vec<String> {
        let pid = self.living.id().to_string();
        let value = match name.as_str() {
            "timeout" => "5",
            "conflict-exit-code" => "7",
            "start" | "length" => "1",
            "fd" => "9",
            "for-pid" => &pid,
            "also" => "also",
            _ => return vec![word.clone()],
        };
        vec![word.clone(), value.to_owned()]
    }

    /// Runs flock with a descriptor 9.
    fn run(&self, words: &[String]) -> Outcome {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exec \"$0\" \"$@\" 9<>descriptor"]).arg(common::ours()).args(words);
        command.current_dir(self.scratch.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// What is there.
    fn listing(&self) -> Vec<String> {
        let entries = fs::read_dir(self.scratch.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Lets go of the locks that are held for the process, and removes what was made.
    fn end(mut self) {
        drop(self.living.stdin.take());
        self.living.wait().unwrap();
        self.scratch.close().unwrap();
    }
}

/// The operands that suit two options: those of `-c` among them, if it stands there.
fn operands(names: [&str; 2]) -> Vec<String> {
    let words: &[&str] = if names.contains(&"holders") {
        if names.contains(&"fd") { &[] } else { &["file"] }
    } else if names.contains(&"for-pid") {
        &["lock"]
    } else if names.contains(&"fd") {
        &["echo", "ran"]
    } else if names.contains(&"command") {
        &["lock", "-c", "echo ran"]
    } else {
        &["lock", "echo", "ran"]
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Runs two options in this order, and checks what comes of it.
fn check(first: &(String, String), second: &(String, String), excluded: bool) {
    let stage = Stage::new();
    let before = stage.listing();
    let names = [first.1.as_str(), second.1.as_str()];
    let operands = operands(names);
    // Without --fd, -c goes after the file.
    let after = operands.contains(&"-c".to_owned());
    let stands = |option: &&(String, String)| !(after && option.1 == "command");
    let options = [first, second].into_iter().filter(stands);
    let mut words: Vec<String> = options.flat_map(|option| stage.words(option)).collect();
    words.extend(operands);
    let (status, stdout, stderr) = stage.run(&words);
    let informs = |name: &&str| matches!(*name, "help" | "version");
    if names.iter().any(informs) {
        assert_eq!((status, stderr.as_str()), (Some(0), ""), "{words:?}");
        assert!(stdout.contains("flock"), "{words:?}: {stdout}");
        assert_eq!(stage.listing(), before, "{words:?}");
    } else if excluded {
        let told = |one: &str, other: &str| {
            format!("flock: the --{one} and --{other} options are incompatible\n")
        };
        assert_eq!((status, stdout.as_str()), (Some(64), ""), "{words:?}: {stderr}");
        let texts = [told(names[0], names[1]), told(names[1], names[0])];
        assert!(texts.contains(&stderr), "{words:?}: {stderr}");
        assert_eq!(stage.listing(), before, "{words:?}");
    } else {
        let shown: Vec<&str> = stdout.lines().filter(|line| !line.starts_with("flock: ")).collect();
        let (wanted, line) = match names {
            _ if names.contains(&"holders") => (1, "PID"),
            _ if names.contains(&"for-pid") => (0, ""),
            _ => (0, "ran"),
        };
        // Of the table of --holders, the first word of its only line.
        let word = shown.first().and_then(|line| line.split(' ').next()).unwrap_or_default();
        assert_eq!((status, word, stderr.as_str()), (Some(wanted), line, ""), "{words:?}");
        assert!(shown.len() <= 1, "{words:?}: {stdout}");
    }
    stage.end();
}

#[test]
fn each_of_ours_has_a_row_and_nothing_else_has() {
    let ours: BTreeSet<String> = options::OWN.iter().map(|(name, _)| (*name).to_owned()).collect();
    let rows: BTreeSet<String> = table().into_keys().collect();
    assert_eq!(rows, ours);
}

#[test]
fn each_pair_is_accepted_or_refused_as_the_table_has_it() {
    view::clear();
    let table = table();
    let bars =
        |one: &str, other: &str| table.get(one).is_some_and(|row| row.not_with.contains(other));
    let (mut accepted, mut refused) = (0, 0);
    let spellings = spellings();
    for first in spellings.iter().filter(|(_, name)| table.contains_key(name)) {
        for second in spellings.iter().filter(|(_, name)| *name != first.1) {
            let excluded = bars(&first.1, &second.1) || bars(&second.1, &first.1);
            check(first, second, excluded);
            check(second, first, excluded);
            *(if excluded { &mut refused } else { &mut accepted }) += 1;
        }
    }
    assert!(accepted > 50 && refused > 50, "{accepted} accepted, {refused} refused");
}

/// Runs one option with these operands, and compares what is said.
fn refused(option: &str, operands: &[&str], message: &str) {
    let stage = Stage::new();
    let before = stage.listing();
    let mut words = stage.words(&(format!("--{option}"), option.to_owned()));
    words.extend(operands.iter().map(|word| (*word).to_owned()));
    let outcome = stage.run(&words);
    assert_eq!(outcome, (Some(64), String::new(), format!("flock: {message}\n")), "{words:?}");
    assert_eq!(stage.listing(), before, "{words:?}");
    stage.end();
}

#[test]
fn what_an_option_needs_it_has_to_be_given() {
    const NOTHING: &str = "missing file descriptor, file or directory";
    for (option, row) in table() {
        refused(&option, &[], NOTHING);
        let with_process = option != "for-pid" && !row.not_with.contains("for-pid");
        match row.needs.as_str() {
            "a command" | "a command or Fl -for-pid" => {
                let needs = row.needs.replace("Fl -", "--");
                refused(&option, &["9"], &format!("--{option} needs {needs}"));
                let process = table()["for-pid"].not_with.contains(&option);
                assert_eq!(row.needs.contains("-for-pid"), with_process && !process, "{option}");
            }
            "one file, no command" => {
                for operands in [&["lock", "true"], &["lock", "also"], &["9", "true"]] {
                    refused(&option, operands, "--for-pid takes one file, and no command");
                }
                refused(
                    &option,
                    &["lock", "-c", "true"],
                    "--for-pid takes one file, and no command",
                );
                refused(&option, &["9"], "--for-pid takes a file, not descriptor '9'");
            }
            "files or Fl -fd" => {
                refused(&option, &["--fd", "9", "file"], "--holders takes files or --fd, not both");
            }
            other => panic!("{option} needs {other}: no test of that"),
        }
    }
}
