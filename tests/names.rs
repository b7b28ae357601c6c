//! The options have the same names, and their values the same words, wherever they are
//! listed: in the program, its help, the completions and the README. tests/manual.rs
//! compares the manual page; tests/completion.rs asks the shells.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/mod.rs"]
mod common;
#[allow(dead_code, reason = "tests/completion.rs compares the explanations")]
#[path = "completion/help.rs"]
mod help;

use flock_rs::help::usage;
use std::collections::{BTreeMap, BTreeSet};

/// The names of every option, with the word for its value.
type Options = BTreeMap<String, Option<String>>;

/// Those of the help.
fn of_help() -> Options {
    let usage = String::from_utf8(usage(b"flock")).unwrap();
    help::named(&usage).into_iter().map(|option| (option.name, option.value)).collect()
}

/// The names of all options, and of those that take a value.
fn names(options: &Options) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let valued = options.iter().filter(|(_, value)| value.is_some());
    (options.keys().map(String::as_str).collect(), valued.map(|(name, _)| name.as_str()).collect())
}

/// Those of the table in flock.bash, with the word for the value.
fn of_bash() -> Options {
    let file = include_str!("../completions/flock.bash");
    let (_, table) = file.split_once("local table=(\n").unwrap();
    let rows = table.lines().take_while(|line| line.trim() != ")");
    let mut all = Options::new();
    for row in rows.map(|line| line.trim().trim_matches('\'')) {
        let parts: Vec<&str> = row.split('|').collect();
        let [names, kind, _] = parts[..] else { panic!("{row}") };
        for name in names.split(' ') {
            let word = match kind {
                "" => None,
                "fd" | "status" => Some("number"),
                _ => Some(kind),
            };
            all.insert(name.to_owned(), word.map(str::to_owned));
        }
    }
    all
}

/// Those that flock.fish completes, with the word for what it offers as the value.
fn of_fish() -> Options {
    let file = include_str!("../completions/flock.fish");
    let mut all = Options::new();
    for line in file.lines().filter(|line| line.starts_with("complete -c flock ")) {
        let words: Vec<&str> = line.split(' ').collect();
        let value = ["-x", "-r"].iter().any(|flag| words.contains(flag));
        let offers = [
            ("-a '(__flock_seconds)'", "secs"),
            ("-a '(__flock_sizes)'", "size"),
            ("-a '(__flock_descriptors)'", "number"),
            ("-a '0\\tsuccess ", "number"),
            ("-a '(__flock_processes)'", "pid"),
            (" -F ", "file"),
        ];
        let word = offers.iter().find(|(text, _)| line.contains(text)).map(|(_, word)| *word);
        assert!(!value || word.is_some(), "{line}");
        let value = word.filter(|_| value).map(str::to_owned);
        for pair in words[3..].windows(2) {
            let hyphens = match pair[0] {
                "-s" => "-",
                "-l" => "--",
                _ => continue,
            };
            all.insert(format!("{hyphens}{}", pair[1]), value.clone());
        }
    }
    all
}

/// Those that flock.fish has argparse read.
fn of_argparse() -> Options {
    let file = include_str!("../completions/flock.fish");
    let (_, list) = file.split_once("set -g __flock_options ").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let mut all = Options::new();
    for word in list.split_whitespace().filter(|word| *word != "\\") {
        let value = word.contains('=').then(String::new);
        for name in word.trim_end_matches(['=', '+']).split('/') {
            let hyphens = if name.len() == 1 { "-" } else { "--" };
            all.insert(format!("{hyphens}{name}"), value.clone());
        }
    }
    all
}

/// Those of the specifications for `_arguments` in _flock, with the word for the value.
fn of_zsh() -> Options {
    let file = include_str!("../completions/_flock");
    let (_, specs) = file.split_once("\n  else\n    set -- ").unwrap();
    let (specs, _) = specs.split_once("\n  fi\n").unwrap();
    let mut all = Options::new();
    for spec in specs.lines().map(str::trim).filter(|line| line.contains('[')) {
        let (before, after) = spec.split_once('[').unwrap();
        let names = before.trim_end_matches(['\'', '"', '}']);
        let names = names.rsplit([')', '{', '\'', '*']).next().unwrap();
        let (_, after) = after.rsplit_once(']').unwrap();
        let value = after.strip_prefix(':').and_then(|rest| rest.split(':').next());
        for name in names.split(',') {
            let plain = name.trim_end_matches(['+', '=']);
            assert_eq!(plain != name, value.is_some(), "{spec}");
            all.insert(plain.to_owned(), value.map(str::to_owned));
        }
    }
    all
}

/// Those that _flock has zparseopts read.
fn of_zparseopts() -> Options {
    let file = include_str!("../completions/_flock");
    let list = |name: &str| {
        let (_, list) = file.split_once(&format!("local -a {name}=(")).unwrap();
        list.split(")\n").next().unwrap().split_whitespace()
    };
    let words = list("known").chain(list("own"));
    let value = |word: &str| word.ends_with(':').then(String::new);
    words.map(|word| (format!("-{}", word.trim_end_matches(':')), value(word))).collect()
}

#[test]
fn the_help_names_what_the_program_knows() {
    let known = common::spellings::all().into_iter();
    let known: Options =
        known.map(|(name, option)| (name, option.takes_value().then(String::new))).collect();
    assert_eq!(names(&of_help()), names(&known));
}

#[test]
fn the_completions_name_what_the_help_names() {
    let help = of_help();
    for (file, options) in [
        ("flock.bash", of_bash()),
        ("flock.fish", of_fish()),
        ("flock.fish, argparse", of_argparse()),
        ("_flock", of_zsh()),
        ("_flock, zparseopts", of_zparseopts()),
    ] {
        assert_eq!(names(&options), names(&help), "{file}");
    }
}

#[test]
fn the_completions_have_the_words_of_the_help_for_the_values() {
    assert_eq!(of_bash(), of_help());
    assert_eq!(of_fish(), of_help());
    assert_eq!(of_zsh(), of_help());
}

#[test]
fn the_readme_lists_the_options_as_the_help_does() {
    let usage = String::from_utf8(usage(b"flock")).unwrap();
    let (_, options) = usage.split_once("\nOptions:\n").unwrap();
    let (options, _) = options.split_once("\nFor more details").unwrap();
    let indented = |line: &str| if line.is_empty() { String::new() } else { format!("    {line}") };
    let expected: Vec<String> = options.trim_end().lines().map(indented).collect();
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("\n## Options\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let lines = section.lines().skip_while(|line| !line.starts_with("    "));
    let listed: Vec<&str> = lines.collect();
    assert_eq!(listed.join("\n").trim_end(), expected.join("\n"));
}

#[test]
fn the_readme_names_no_option_that_is_not_there() {
    let help = of_help();
    let readme = include_str!("../README.md");
    let mut seen = 0;
    for call in readme.split("flock ").skip(1) {
        let mut words =
            call.split([' ', '`', '\n', ';', '|', ')']).map(|word| word.trim_matches('"'));
        while let Some(word) = words.next().filter(|word| word.starts_with('-') && *word != "--") {
            let name = word.split('=').next().unwrap();
            let letters = || name[1..].chars().map(|letter| format!("-{letter}"));
            let parts: Vec<String> =
                if name.starts_with("--") { vec![name.to_owned()] } else { letters().collect() };
            for part in &parts {
                assert!(
                    help.contains_key(part),
                    "{word} in: flock {}",
                    &call[..40.min(call.len())]
                );
            }
            seen += 1;
            if help[parts.last().unwrap()].is_some() && !word.contains('=') {
                words.next();
            }
        }
    }
    assert!(seen > 20, "only {seen} options found: the check does not see them");
}
