//! The manual page: its examples are run, and what it lists is what there is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stderr, reason = "a test says what it skips")]

#[path = "common/mod.rs"]
mod common;
#[path = "common/view.rs"]
mod view;

use Held::{Exclusive, Free, Posix, Range, Shared};
use common::Scratch;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PAGE: &str = include_str!("../man/flock.1");
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man/flock.1");

/// What is known of an example.
struct Example {
    /// All of it, as the page shows it.
    text: &'static str,
    /// The file that is locked.
    lock: &'static str,
    /// How the programs under the lock look for it.
    look: &'static str,
    /// What is written otherwise here, and how.
    instead: &'static [(&'static str, &'static str)],
    /// The lines of the script before and after it.
    around: (&'static str, &'static str),
    cases: &'static [Case],
}

/// What an example comes to.
struct Case {
    held: Held,
    /// If it waits for the holder to let go: what it has printed until then.
    waits: Option<&'static str>,
    status: i32,
    stdout: &'static str,
    stderr: &'static str,
}

/// Who holds the lock when the example starts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Held {
    Free,
    Exclusive,
    Shared,
    /// A traditional lock of fcntl(2).
    Posix,
    /// A flock with these options.
    Range(&'static str),
}

const PLAIN: Example =
    Example { text: "", lock: "", look: "", instead: &[], around: ("", ""), cases: &[] };

const fn case(held: Held, status: i32, stdout: &'static str) -> Case {
    Case { held, waits: None, status, stdout, stderr: "" }
}

const fn waits(held: Held, printed: &'static str, stdout: &'static str) -> Case {
    Case { held, waits: Some(printed), status: 0, stdout, stderr: "" }
}

const EXAMPLES: &[Example] = &[
    Example {
        text: "flock -n /run/backup.lock rsync -a /home /backup",
        lock: "run/backup.lock",
        cases: &[
            case(Free, 0, "rsync -a /home /backup: exclusive, inherited\n"),
            case(Exclusive, 1, ""),
            case(Shared, 1, ""),
        ],
        ..PLAIN
    },
    Example {
        text: "*/5 * * * * flock -n -o -E 0 /run/mail.lock fetch-mail --all",
        lock: "run/mail.lock",
        instead: &[("*/5 * * * * ", "")],
        cases: &[case(Free, 0, "fetch-mail --all: exclusive, closed\n"), case(Exclusive, 0, "")],
        ..PLAIN
    },
    Example {
        text: "ExecStart=/usr/bin/flock -n -F /run/worker.lock /usr/bin/worker",
        lock: "run/worker.lock",
        instead: &[("ExecStart=", "export PARENT=yes; "), ("/usr/bin/", "")],
        cases: &[
            case(Free, 0, "worker: exclusive, inherited, a child of sh\n"),
            case(Exclusive, 1, ""),
        ],
        ..PLAIN
    },
    Example {
        text: r#"flock -w 600 -E 75 deploy.lock make deploy
case $? in
0)  echo "deployed" ;;
75) echo "another deployment is under way" ;;
*)  echo "make failed" ;;
esac"#,
        lock: "deploy.lock",
        instead: &[("-w 600", "-w .05")],
        cases: &[
            case(Free, 0, "make deploy: exclusive, inherited\ndeployed\n"),
            case(Exclusive, 0, "another deployment is under way\n"),
        ],
        ..PLAIN
    },
    Example {
        text: r#"flock count.lock -c 'n=$(cat count); echo "$((n + 1))" >count'"#,
        lock: "count.lock",
        around: ("echo 41 >count", "status=$?; cat count; exit $status"),
        cases: &[case(Free, 0, "42\n"), waits(Exclusive, "", "42\n")],
        ..PLAIN
    },
    Example {
        text: r#"flock list.lock sh -c 'echo "$1" >>list' sh "$ITEM""#,
        lock: "list.lock",
        around: ("ITEM='a  b; $c'", "status=$?; cat list; exit $status"),
        cases: &[case(Free, 0, "a  b; $c\n"), waits(Exclusive, "", "a  b; $c\n")],
        ..PLAIN
    },
    Example {
        text: r#"exec 9>>/run/load.lock
flock -n 9 9>&9 || { echo "already running" >&2; exit 75; }
load --new"#,
        lock: "run/load.lock",
        cases: &[
            case(Free, 0, "load --new: exclusive, inherited\n"),
            Case { stderr: "already running\n", ..case(Exclusive, 75, "") },
        ],
        ..PLAIN
    },
    Example {
        text: r"(
    flock 9 || exit
    summary >>log
) 9>>log.lock",
        lock: "log.lock",
        around: ("", "status=$?; cat log; summary afterwards; exit $status"),
        cases: &[
            case(Free, 0, "summary: exclusive, inherited\nsummary afterwards: free, closed\n"),
            waits(
                Exclusive,
                "",
                "summary: exclusive, inherited\nsummary afterwards: free, closed\n",
            ),
        ],
        ..PLAIN
    },
    Example {
        text: r"exec 9>>/run/start.lock
flock 9 9>&9 || exit
{ exec 9>&-; relay --daemon; } &",
        lock: "run/start.lock",
        around: ("", "wait $!"),
        cases: &[
            case(Free, 0, "relay --daemon: exclusive, closed\n"),
            waits(Exclusive, "", "relay --daemon: exclusive, closed\n"),
        ],
        ..PLAIN
    },
    Example {
        text: r#"[ "${FLOCKER}" != "$0" ] &&
    exec env FLOCKER="$0" flock -en "$0" "$0" "$@" || :"#,
        lock: "job",
        around: (
            "cat >job <<'END'\n#!/bin/sh",
            "make \"$@\"\nexit 5\nEND\nchmod +x job; ./job one 'b  c'",
        ),
        cases: &[case(Free, 5, "make one b  c: exclusive, inherited\n"), case(Exclusive, 1, "")],
        ..PLAIN
    },
    Example {
        text: "flock -s index.lock search words\nflock -x index.lock rebuild index",
        lock: "index.lock",
        cases: &[
            case(Free, 0, "search words: shared, inherited\nrebuild index: exclusive, inherited\n"),
            waits(
                Shared,
                "search words: shared, inherited\n",
                "search words: shared, inherited\nrebuild index: exclusive, inherited\n",
            ),
            waits(
                Exclusive,
                "",
                "search words: shared, inherited\nrebuild index: exclusive, inherited\n",
            ),
        ],
        ..PLAIN
    },
    Example {
        text: r"exec 9>>journal
flock --fd 9 -c 'date >&9' 9>&9 || exit
flock -u 9 9>&9
compress journal",
        lock: "journal",
        around: ("", "status=$?; cat journal; exit $status"),
        cases: &[
            case(Free, 0, "compress journal: free, inherited\ndate: exclusive, inherited\n"),
            waits(Exclusive, "", "compress journal: free, inherited\ndate: exclusive, inherited\n"),
        ],
        ..PLAIN
    },
    Example {
        text: "flock --fcntl -s -w 30 mailbox cp mailbox mailbox.copy",
        lock: "mailbox",
        instead: &[("-w 30", "-w .05")],
        around: ("echo mail >mailbox", "status=$?; ls mailbox*; exit $status"),
        cases: &[
            case(Free, 0, "mailbox\nmailbox.copy\n"),
            case(Posix, 1, "mailbox\n"),
            case(Range("--fcntl"), 1, "mailbox\n"),
            case(Range("--fcntl -s"), 0, "mailbox\nmailbox.copy\n"),
            case(Exclusive, 0, "mailbox\nmailbox.copy\n"),
        ],
        ..PLAIN
    },
    Example {
        text: r#"for slot in 0 1 2; do
    flock -n -E 75 --start "$slot" --length 1 slots render film
    status=$?
    [ "$status" = 75 ] || exit "$status"
done
echo "three are at work""#,
        lock: "slots",
        look: "--start 2 --length 1",
        cases: &[
            case(Free, 0, "render film: free, inherited\n"),
            case(Range("--length 1"), 0, "render film: free, inherited\n"),
            case(Range("--length 2"), 0, "render film: exclusive, inherited\n"),
            case(Range("--length 3"), 0, "three are at work\n"),
        ],
        ..PLAIN
    },
    Example {
        text: "flock -n --for-pid $$ /run/sync.lock || exit 0",
        lock: "run/sync.lock",
        around: ("", "load --new; exit 5"),
        cases: &[case(Free, 5, "load --new: exclusive, closed\n"), case(Exclusive, 0, "")],
        ..PLAIN
    },
    Example {
        text: "flock --also pool.lock host.lock rebuild host",
        lock: "pool.lock",
        cases: &[
            case(Free, 0, "rebuild host: exclusive, inherited\n"),
            waits(Exclusive, "", "rebuild host: exclusive, inherited\n"),
        ],
        ..PLAIN
    },
    Example {
        text: r#"flock --remove "/run/user.$USER.lock" compress "$USER""#,
        lock: "run/user.me.lock",
        instead: &[("\"/run/", "\"run/")],
        around: ("USER=me", "status=$?; ls run; exit $status"),
        cases: &[
            case(Free, 0, "compress me: exclusive, inherited\n"),
            waits(Exclusive, "", "compress me: exclusive, inherited\n"),
        ],
        ..PLAIN
    },
    Example {
        text: "flock --forward-signals /run/worker.lock worker",
        lock: "run/worker.lock",
        cases: &[
            case(Free, 0, "worker: exclusive, inherited\n"),
            waits(Exclusive, "", "worker: exclusive, inherited\n"),
        ],
        ..PLAIN
    },
    Example {
        text: "flock --holders /run/backup.lock",
        lock: "run/backup.lock",
        // Without what differs from run to run.
        instead: &[("backup.lock", "backup.lock | sed '1s/  */ /g; s/^[0-9].*held  .*/one row/'")],
        around: ("touch run/backup.lock", ""),
        cases: &[
            case(Free, 0, "PID USER FD TYPE MODE STATE COMMAND\n"),
            case(Exclusive, 0, "PID USER FD TYPE MODE STATE COMMAND\none row\n"),
        ],
        ..PLAIN
    },
];

/// Stand for the programs that the examples name. Each says how it was called, which
/// lock is held while it runs, and whether it has the lock file's descriptor.
const PROGRAMS: [&str; 12] = [
    "rsync",
    "fetch-mail",
    "worker",
    "make",
    "load",
    "summary",
    "relay",
    "search",
    "rebuild",
    "date",
    "compress",
    "render",
];

const STAND_IN: &str = r#"#!/bin/sh
descriptor=closed
for fd in /proc/$$/fd/*; do
    [ "$fd" -ef "$LOCK" ] && descriptor=inherited
done
if flock -n $LOOK "$LOCK" true; then lock=free
elif flock -n -s $LOOK "$LOCK" true; then lock=shared
else lock=exclusive; fi
parent=${PARENT:+, a child of $(cat "/proc/$PPID/comm")}
echo "${0##*/}${*:+ $*}: $lock, $descriptor$parent"
"#;

/// A scratch directory with flock and the stand-ins on PATH.
fn stage() -> Scratch {
    let scratch = Scratch::new("manual").unwrap();
    let directory = scratch.path();
    fs::create_dir_all(directory.join("bin")).unwrap();
    fs::create_dir_all(directory.join("run")).unwrap();
    symlink(common::ours(), directory.join("bin/flock")).unwrap();
    fs::write(directory.join("bin/text"), STAND_IN).unwrap();
    // The shell makes the copy: what this process has written may still be open in a child
    // of another test, and is then refused execution.
    let copy = "cd bin; cp text program; chmod +x program";
    assert!(shell(directory).args(["-c", copy]).status().unwrap().success());
    for program in PROGRAMS {
        symlink("program", directory.join("bin").join(program)).unwrap();
    }
    scratch
}

fn shell(directory: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.current_dir(directory).env_clear();
    command.env("PATH", common::path_with(&directory.join("bin"))).stdin(Stdio::null());
    command
}

/// The example as a script of this scratch directory.
fn script(example: &Example) -> String {
    let mut text = example.text.replace(" /run/", " run/").replace(">/run/", ">run/");
    for (from, to) in example.instead {
        assert!(text.contains(from), "no {from} in:\n{text}");
        text = text.replace(from, to);
    }
    let (before, after) = example.around;
    format!("{before}\n{text}\n{after}\n")
}

/// A lock of this process.
fn hold(path: &Path, held: Held) -> Option<File> {
    let access = if held == Posix { OFlags::RDWR } else { OFlags::RDONLY };
    let flags = access | OFlags::CREATE | OFlags::CLOEXEC;
    let open = || File::from(rustix::fs::open(path, flags, Mode::from_raw_mode(0o644)).unwrap());
    let lock = |operation| {
        let file = open();
        rustix::fs::flock(&file, operation).unwrap();
        Some(file)
    };
    match held {
        Free | Range(_) => None,
        Exclusive => lock(FlockOperation::NonBlockingLockExclusive),
        Shared => lock(FlockOperation::NonBlockingLockShared),
        Posix => {
            let file = open();
            rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
            Some(file)
        }
    }
}

/// Until somebody waits for the lock on this file.
fn await_waiter(file: &File, child: &mut Child) {
    let inode = format!(":{} ", file.metadata().unwrap().ino());
    let end = Instant::now() + Duration::from_secs(20);
    let is_waited_for = || {
        let locks = fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| line.contains("-> ") && line.contains(&inode))
    };
    while !is_waited_for() {
        assert!(child.try_wait().unwrap().is_none(), "it did not wait");
        assert!(Instant::now() < end, "it neither ended nor waited");
        thread::sleep(Duration::from_millis(2));
    }
}

fn run(example: &Example, case: &Case) {
    let scratch = stage();
    let directory = scratch.path();
    fs::write(directory.join("script"), script(example)).unwrap();
    let holder = hold(&directory.join(example.lock), case.held);
    let mut command = shell(directory);
    if let Range(options) = case.held {
        let outer = format!("exec flock {options} -n -o {} sh script", example.lock);
        command.args(["-c", &outer]);
    } else {
        command.arg("script");
    }
    command.env("LOCK", example.lock).env("LOOK", example.look);
    let output = |name| File::create(directory.join(name)).unwrap();
    let printed = |name| fs::read_to_string(directory.join(name)).unwrap();
    let mut child = command.stdout(output("stdout")).stderr(output("stderr")).spawn().unwrap();
    if let Some(so_far) = case.waits {
        let holder = holder.as_ref().expect("a holder to wait for");
        await_waiter(holder, &mut child);
        assert_eq!(printed("stdout"), so_far, "before the lock was free");
        rustix::fs::flock(holder, FlockOperation::Unlock).unwrap();
    }
    let status = child.wait().unwrap();
    let seen = (status.code(), printed("stdout"), printed("stderr"));
    let expected = (Some(case.status), case.stdout.to_owned(), case.stderr.to_owned());
    assert_eq!(seen, expected, "held: {:?}\n{}", case.held, example.text);
}

#[test]
fn each_example_does_what_it_promises() {
    view::clear();
    for example in EXAMPLES {
        assert!(example.cases.iter().any(|case| case.held == Free), "{}", example.text);
        assert!(example.cases.iter().any(|case| case.held != Free), "{}", example.text);
        for case in example.cases {
            run(example, case);
        }
    }
}

#[test]
fn the_examples_of_the_page_are_those_that_are_run() {
    let known: Vec<&str> = EXAMPLES.iter().map(|example| example.text).collect();
    assert_eq!(examples(), known);
}

/// The lines of a section.
fn section(name: &str) -> Vec<&'static str> {
    let lines = PAGE.lines().skip_while(|line| line.strip_prefix(".Sh ") != Some(name));
    let lines: Vec<&str> = lines.skip(1).take_while(|line| !line.starts_with(".Sh ")).collect();
    assert!(!lines.is_empty(), "no section {name}");
    lines
}

/// The examples, as a reader sees them.
fn examples() -> Vec<String> {
    let text = section("EXAMPLES").join("\n");
    let blocks = text.split("\n.Bd -literal -offset indent\n").skip(1);
    let shown = |block: &str| {
        let (block, _) = block.split_once("\n.Ed").expect("the end of a block");
        let block = block.replace("\\-", "-").replace("\\(aq", "'");
        assert!(!block.contains('\\'), "an escape that this test does not know: {block}");
        assert!(!block.contains("\n."), "a macro in an example: {block}");
        block
    };
    blocks.map(shown).collect()
}

/// What mandoc prints, without overstriking; nothing if it is missing, which is an error in CI.
fn mandoc(arguments: &[&str]) -> Option<String> {
    if common::find_program("mandoc").is_none() {
        assert!(!common::in_ci(), "mandoc is missing");
        let _ = writeln!(std::io::stderr(), "skipped: mandoc is missing");
        return None;
    }
    let output = Command::new("mandoc").args(arguments).arg(PATH).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let mut plain = String::new();
    for character in text.chars() {
        if character == '\u{8}' {
            plain.pop();
        } else {
            plain.push(character);
        }
    }
    Some(plain)
}

#[test]
fn mandoc_finds_nothing_to_say() {
    if let Some(said) = mandoc(&["-T", "lint", "-W", "warning"]) {
        assert_eq!(said, "");
    }
}

#[test]
fn the_page_shows_the_examples_as_they_are_within_80_columns() {
    let Some(page) = mandoc(&["-T", "ascii", "-O", "width=80"]) else { return };
    for line in page.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for example in examples() {
        let indented: Vec<String> =
            example.lines().map(|line| format!("{:11}{line}", "")).collect();
        let block = indented.join("\n");
        assert!(page.contains(&format!("\n\n{block}\n\n")), "not shown:\n{block}");
    }
}

/// What man-db prints, in a locale; nothing if it is missing, which is an error in CI.
fn man(locale: &str) -> Option<String> {
    if common::find_program("man").is_none() {
        assert!(!common::in_ci(), "man (man-db) is missing");
        let _ = writeln!(std::io::stderr(), "skipped: man (man-db) is missing");
        return None;
    }
    let mut command = Command::new("man");
    command.env_clear().env("PATH", common::SYSTEM_PATH).env("LC_ALL", locale);
    command.env("MANWIDTH", "80").args(["--warnings=w", "--no-hyphenation", "--pager=cat"]);
    let output = command.args(["--local-file", PATH]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success(), "{}", output.status);
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The words between the first and the last line, which name the page and the system.
fn words(page: &str) -> Vec<String> {
    let lines: Vec<&str> = page.trim_end().lines().collect();
    let text = lines[1..lines.len() - 1].join("\n");
    // A word that is broken after a hyphen of its own is one.
    let mut whole = String::new();
    for line in text.split('\n') {
        let broken =
            whole.strip_suffix("-\n").is_some_and(|text| text.ends_with(char::is_alphabetic));
        if broken {
            whole.pop();
        }
        whole.push_str(if broken { line.trim_start() } else { line });
        whole.push('\n');
    }
    whole.replace('`', "'").split_whitespace().map(str::to_owned).collect()
}

#[test]
fn man_db_says_what_mandoc_says_within_80_columns() {
    let Some(page) = man("C") else { return };
    let Some(wide) = man("C.UTF-8") else { return };
    for line in page.lines().chain(wide.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let Some(other) = mandoc(&["-T", "ascii", "-O", "width=80"]) else { return };
    // The dash of the description is two hyphens long there.
    let (mut here, there) = (words(&page), words(&other));
    assert_eq!(here[2], "--");
    "-".clone_into(&mut here[2]);
    assert!(here.len() > 1000, "only {} words: the check does not see them", here.len());
    let difference = here.iter().zip(&there).find(|(here, there)| here != there);
    assert_eq!(difference, None);
    assert_eq!(here.len(), there.len());
}

fn help() -> String {
    let output = Command::new(common::ours()).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_synopsis_has_the_forms_of_the_help() {
    let Some(page) = mandoc(&["-T", "ascii", "-O", "width=80"]) else { return };
    let forms = |text: &str, from: &str, to: &str| {
        let (_, text) = text.split_once(from).unwrap();
        let (text, _) = text.split_once(to).unwrap();
        text.replace(|c: char| c.is_whitespace() || c == '<' || c == '>', "")
    };
    let of_help =
        forms(&help().replace(&*common::ours().to_string_lossy(), "flock"), "Usage:", "Take");
    assert_eq!(forms(&page, "SYNOPSIS", "DESCRIPTION"), of_help);
}

/// The names of an option, without the first hyphen, and the word for its value.
type Described = (Vec<String>, Option<String>);

/// Every option of the page.
fn options_of_page() -> Vec<Described> {
    let sections = [section("OPTIONS"), section("OPTIONS OF FLOCK-RS")].concat();
    let items = sections.iter().take_while(|line| !line.starts_with(".Bl -column"));
    let items = items.filter_map(|line| line.strip_prefix(".It "));
    let described = |item: &str| {
        let (names, value) = match item.split_once(" Ar ") {
            Some((names, value)) => (names, Some(value.to_owned())),
            None => (item, None),
        };
        let names = names.split(' ').filter(|word| !matches!(*word, "Fl" | ","));
        (names.map(str::to_owned).collect(), value)
    };
    items.map(described).collect()
}

/// Every option of the help: the names, those in the explanation too, and the value.
fn options_of_help() -> Vec<Described> {
    let help = help();
    let (_, options) = help.split_once("\nOptions:\n").unwrap();
    let lines = options.lines().filter(|line| line.trim_start().starts_with('-'));
    let described = |line: &str| {
        let words = line.split([' ', ',', ';', '(', ')']);
        let names = words.filter_map(|word| word.strip_prefix('-').map(str::to_owned));
        let value = line.split_once(" <").and_then(|(_, rest)| rest.split('>').next());
        (names.collect(), value.map(str::to_owned))
    };
    lines.map(described).collect()
}

fn all_names(options: &[Described]) -> BTreeSet<String> {
    options.iter().flat_map(|(names, _)| names.clone()).collect()
}

#[test]
fn page_help_and_program_have_the_same_options() {
    let known = common::spellings::all().into_iter();
    let known: BTreeSet<String> = known.map(|(word, _)| word[1..].to_owned()).collect();
    assert_eq!(all_names(&options_of_page()), known);
    assert_eq!(all_names(&options_of_help()), known);
}

#[test]
fn page_and_help_have_the_same_words_for_the_values() {
    let values = |options: Vec<Described>| -> BTreeMap<String, Option<String>> {
        let long = |names: &[String]| names.iter().find(|name| name.starts_with('-')).cloned();
        options.into_iter().map(|(names, value)| (long(&names).unwrap(), value)).collect()
    };
    assert_eq!(values(options_of_page()), values(options_of_help()));
}

#[test]
fn page_readme_and_program_have_the_same_exit_statuses() {
    let page = section("EXIT STATUS");
    let page = page.iter().filter_map(|line| line.strip_prefix(".It "));
    let page: BTreeSet<u8> = page.filter_map(|status| status.parse().ok()).collect();
    let readme = include_str!("../README.md");
    let (_, readme) = readme.split_once("\n## Exit statuses\n").unwrap();
    let readme = readme.lines().take_while(|line| !line.starts_with("## "));
    let cells = readme.filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let readme: BTreeSet<u8> = cells.filter_map(|status| status.parse().ok()).collect();
    let source = include_str!("../src/exit.rs").lines();
    let values = source.filter_map(|line| line.strip_suffix(',')?.split(" = ").nth(1));
    let program: BTreeSet<u8> = values.filter_map(|status| status.parse().ok()).collect();
    assert!(program.len() > 5, "the check does not see them: {program:?}");
    assert_eq!(page, program);
    assert_eq!(readme, program);
}

#[test]
fn the_date_is_one() {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let date = PAGE.lines().find_map(|line| line.strip_prefix(".Dd ")).expect("a date");
    let parts: Vec<&str> = date.split(' ').collect();
    let [month, day, year] = parts[..] else { panic!("{date}") };
    assert!(MONTHS.contains(&month), "{date}");
    let day: u8 = day.strip_suffix(',').and_then(|day| day.parse().ok()).expect(date);
    assert!((1..=31).contains(&day), "{date}");
    assert!(year.parse::<u16>().is_ok_and(|year| year >= 2025), "{date}");
}
