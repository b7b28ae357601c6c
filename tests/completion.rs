//! The completions, in the shells that they are for: what Tab shows, and what it types.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stderr, reason = "a test says what it skips")]

#[path = "common/mod.rs"]
mod common;
#[allow(dead_code, reason = "tests/names.rs compares the values")]
#[path = "completion/help.rs"]
mod help;
#[path = "completion/shell.rs"]
mod shell;
#[path = "completion/table.rs"]
mod table;
#[path = "completion/terminal.rs"]
mod terminal;

use shell::Shell::{self, BareBash, Bash, Fish, Zsh};
use shell::Stage;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use table::{Offers, Position, TABLE};

/// Has Tab show a list, and leave the line alone.
const BASH_LISTS: &str = "bind 'TAB: possible-completions'\n";
const ZSH_LISTS: &str = "bindkey '^I' list-choices\n";

/// Every option of the help, with what it says of it.
fn options() -> BTreeMap<String, String> {
    let output = Command::new(common::ours()).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    help::named(&text).into_iter().map(|option| (option.name, option.what)).collect()
}

impl Position {
    fn expected(&self) -> BTreeSet<String> {
        match self.offers {
            Offers::Words(words) => {
                words.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
            }
            Offers::OptionsBut(start, but) => {
                let but: Vec<&str> = but.split(' ').collect();
                let options = options().into_keys();
                options
                    .filter(|name| name.starts_with(start) && !but.contains(&name.as_str()))
                    .collect()
            }
        }
    }

    /// Whether these are offered, each once.
    fn check(&self, shell: Shell, offered: &[(String, String)]) -> Result<(), String> {
        let words = offered.iter().map(|(word, _)| word.strip_prefix(self.lead).unwrap_or(word));
        let mut words: Vec<&str> = words.collect();
        words.sort_unstable();
        let expected: Vec<String> = self.expected().into_iter().collect();
        if words == expected {
            return Ok(());
        }
        Err(format!("{shell:?}: {:?}\n  offers   {words:?}\n  expected {expected:?}", self.line))
    }
}

fn check(shell: Shell, answers: impl Iterator<Item = Vec<(String, String)>>) {
    let wrong = TABLE.iter().zip(answers).filter_map(|(at, got)| at.check(shell, &got).err());
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_file_can_be_parsed() {
    for shell in [BareBash, Zsh, Fish] {
        assert!(!shell.is_here() || shell.parses(), "{shell:?}");
    }
}

#[test]
fn bash_offers_what_fits() {
    if Bash.is_here() {
        let stage = Stage::new();
        let mut session = stage.start(Bash, BASH_LISTS);
        check(Bash, TABLE.iter().map(|position| session.listed(position.line)));
    }
}

#[test]
fn zsh_offers_what_fits() {
    if Zsh.is_here() {
        let stage = Stage::new();
        let mut session = stage.start(Zsh, ZSH_LISTS);
        check(Zsh, TABLE.iter().map(|position| session.listed(position.line)));
    }
}

#[test]
fn fish_offers_what_fits() {
    if Fish.is_here() {
        let lines: Vec<&str> = TABLE.iter().map(|position| position.line).collect();
        check(Fish, Stage::new().fish(&lines).into_iter());
    }
}

/// What zsh and fish join to the letters at the cursor. Bash joins nothing.
const JOINED: &[(&str, &str)] = &[
    ("flock -n", "E F e o s u x"),
    ("flock -nx", "E F o"),
    ("flock -s -n", "E F o"),
    ("flock -w 5 -s", "E F o"),
    ("flock -E", "0 1 75"),
    // Nothing is joined to -c, nor -c to anything.
    ("flock -c", ""),
    ("flock -nc", ""),
    ("flock -cn", ""),
    ("flock --fd 9 -c", ""),
    ("flock --fd 9 -n", "E F e o s u x"),
    ("flock --fd 9 -nc", ""),
    ("flock lock -n", ""),
    ("flock -n lock -x", ""),
    // Who asks for help or the version asks for nothing else; Z is no letter.
    ("flock -h", ""),
    ("flock -V", ""),
    ("flock -nh", ""),
    ("flock -Z", ""),
];

/// Whether these are joined to the last word of each line, of which the shell repeats some.
fn check_joined(shell: Shell, answers: impl Iterator<Item = Vec<(String, String)>>) {
    for ((line, expected), offered) in JOINED.iter().zip(answers) {
        let (_, typed) = line.rsplit_once(' ').unwrap();
        let repeated = if shell == Fish { typed } else { "-" };
        let joined = |(word, _): (String, String)| word.trim_start_matches(repeated).to_owned();
        let mut joined: Vec<String> = offered.into_iter().map(joined).collect();
        joined.sort_unstable();
        assert_eq!(joined.join(" "), *expected, "{shell:?}: {line}");
    }
}

#[test]
fn zsh_and_fish_join_letters_that_go_together() {
    let stage = Stage::new();
    if Zsh.is_here() {
        let mut session = stage.start(Zsh, ZSH_LISTS);
        check_joined(Zsh, JOINED.iter().map(|(line, _)| session.listed(line)));
    }
    if Fish.is_here() {
        let lines: Vec<&str> = JOINED.iter().map(|(line, _)| *line).collect();
        check_joined(Fish, stage.fish(&lines).into_iter());
    }
}

/// What the shell says of each option, over both lists that together have them all.
fn described(lists: [Vec<(String, String)>; 2]) -> BTreeMap<String, String> {
    lists.into_iter().flatten().collect()
}

/// One has all that come without --fd, the other has -c.
const BOTH_LISTS: [&str; 2] = ["flock -", "flock --fd 9 -"];

#[test]
fn zsh_describes_the_options_as_the_help_does() {
    if Zsh.is_here() {
        let stage = Stage::new();
        let mut session = stage.start(Zsh, ZSH_LISTS);
        assert_eq!(described(BOTH_LISTS.map(|line| session.listed(line))), options());
    }
}

#[test]
fn fish_describes_the_options_as_the_help_does() {
    if Fish.is_here() {
        let lists = Stage::new().fish(&BOTH_LISTS);
        assert_eq!(described(lists.try_into().unwrap()), options());
    }
}

#[test]
fn zsh_and_fish_say_what_a_descriptor_leads_to() {
    let stage = Stage::new();
    let held = stage.held().display().to_string().replace('\x1b', "?");
    let all = [
        ("0", "standard input"),
        ("1", "standard output"),
        ("2", "standard error"),
        ("9", held.as_str()),
    ];
    for line in ["flock --fd ", "flock --fd=", "flock 9"] {
        let typed = line.rsplit([' ', '=']).next().unwrap();
        let fitting = all.iter().filter(|(number, _)| number.starts_with(typed));
        let expected: Vec<(String, String)> =
            fitting.map(|(number, what)| (number.to_string(), what.to_string())).collect();
        if Zsh.is_here() {
            let listed = stage.start(Zsh, ZSH_LISTS).listed(line);
            assert_eq!(listed, expected, "{line}");
        }
        if Fish.is_here() {
            let offered = stage.fish(&[line]).remove(0);
            let number = |word: String| word.trim_start_matches("--fd=").to_owned();
            let offered: Vec<_> =
                offered.into_iter().map(|(word, what)| (number(word), what)).collect();
            assert_eq!(offered, expected, "{line}");
        }
    }
}

#[test]
fn processes_are_offered_with_their_names() {
    let stage = Stage::new();
    let number = std::process::id().to_string();
    let name = fs::read_to_string("/proc/self/comm").unwrap().trim_end().to_owned();
    let line = format!("flock --for-pid {number}");
    for (shell, lists) in [(Bash, BASH_LISTS), (Zsh, ZSH_LISTS)] {
        if shell.is_here() {
            let listed = stage.start(shell, lists).listed(&line);
            let what = if shell == Zsh { name.clone() } else { String::new() };
            assert!(listed.contains(&(number.clone(), what)), "{shell:?}: {listed:?}");
        }
    }
    if Fish.is_here() {
        let offered = stage.fish(&[&line]).remove(0);
        assert!(offered.contains(&(number, name)), "{offered:?}");
    }
}

/// What Tab makes of a line, in bash, zsh and fish.
const TYPED: &[(&str, [&str; 3])] = &[
    // zsh takes the = back if a blank is typed.
    ("flock --tim", ["flock --timeout ", "flock --timeout=", "flock --timeout "]),
    ("flock -n --verb", ["flock -n --verbose "; 3]),
    ("flock --excl", ["flock --exclusive "; 3]),
    // The cursor is in the middle: ^B goes back. zsh always adds a blank.
    (
        "flock --excl lock\x02\x02\x02\x02\x02",
        ["flock --exclusive lock", "flock --exclusive  lock", "flock --exclusive lock"],
    ),
    (
        "flock lock zqru foo\x02\x02\x02\x02",
        ["flock lock zqrun foo", "flock lock zqrun  foo", "flock lock zqrun foo"],
    ),
    (
        "flock lo zqrun foo\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02",
        ["flock lock zqrun foo", "flock lock  zqrun foo", "flock lock zqrun foo"],
    ),
    (
        "flock --timeout=i lock\x02\x02\x02\x02\x02",
        ["flock --timeout=inf lock", "flock --timeout=inf  lock", "flock --timeout=inf lock"],
    ),
    ("flock -E7", ["flock -E75 "; 3]),
    ("flock --conflict-exit-code=7", ["flock --conflict-exit-code=75 "; 3]),
    ("flock -w in", ["flock -w inf "; 3]),
    ("flock --timeout=i", ["flock --timeout=inf "; 3]),
    ("flock --fd=9", ["flock --fd=9 "; 3]),
    ("flock -nw5 ot", [r"flock -nw5 other\ file "; 3]),
    ("flock 'ot", ["flock 'other file' "; 3]),
    ("flock su", ["flock sub/"; 3]),
    ("flock ~/wo", ["flock ~/work/"; 3]),
    ("flock lock zqru", ["flock lock zqrun "; 3]),
    ("flock -s lock zqrun --al", ["flock -s lock zqrun --alpha "; 3]),
    ("flock --fd 9 zqre", ["flock --fd 9 zqread "; 3]),
    ("flock lock --c", ["flock lock --command "; 3]),
    ("flock lock -c zqru", ["flock lock -c zqrun "; 3]),
    ("flock lock -c 'zqru", ["flock lock -c 'zqrun' "; 3]),
    ("flock -n 9 9>>lo", ["flock -n 9 9>>lock "; 3]),
    // fish counts the file of a redirection among the words.
    (
        "flock 9<lock lock zqru",
        ["flock 9<lock lock zqrun ", "flock 9<lock lock zqrun ", "flock 9<lock lock zqru"],
    ),
    ("flock nosuch", ["flock nosuch"; 3]),
    ("zqread | flock -n lock zqru", ["zqread | flock -n lock zqrun "; 3]),
];

#[test]
fn tab_types_what_is_missing() {
    for (column, shell) in [Bash, Zsh, Fish].into_iter().enumerate() {
        if shell.is_here() {
            let stage = Stage::new();
            let mut session = stage.start(shell, "");
            let wrong: Vec<String> = TYPED
                .iter()
                .map(|(line, expected)| (line, expected[column], session.completed(line)))
                .filter(|(_, expected, got)| got != expected)
                .map(|(line, expected, got)| format!("{line:?}: {got:?}, not {expected:?}"))
                .collect();
            assert!(wrong.is_empty(), "{shell:?}:\n{}", wrong.join("\n"));
        }
    }
}

#[test]
fn bash_does_without_bash_completion() {
    let stage = Stage::new();
    let mut session = stage.start(BareBash, BASH_LISTS);
    let own = |position: &&Position| position.line.contains("zqrun --");
    let wrong = TABLE.iter().filter(|position| !own(position));
    let wrong = wrong.filter(|position| !position.line.contains("lock flock "));
    let wrong: Vec<String> = wrong
        .filter_map(|position| position.check(BareBash, &session.listed(position.line)).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The command's own words are files then.
    let words = |listed: Vec<(String, String)>| -> Vec<String> {
        listed.into_iter().map(|(word, _)| word).collect()
    };
    assert_eq!(words(session.listed("flock lock zqrun ")), ["42", "lock", "other file", "sub/"]);
    assert_eq!(words(session.listed("flock lock zqrun --")), [""; 0]);
}
