//! Whether the errors of each call are those that its manual pages list: Debian's package
//! manpages-dev.

use crate::common;
use crate::errors::{ALIASES, CALLS};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What the lists were made from; each page says so.
const VERSION: &str = "Linux man-pages 6.03";

/// Words of those pages that look like errnos, and why none of them is tried.
const EXCUSED: &[(&str, &str)] = &[
    ("ELF", "a format of programs"),
    ("ERESTARTNOINTR", "no program gets it: the kernel makes the call once more"),
];

/// Compares the lists with the pages, says what is wrong, and returns whether nothing is.
pub fn agree() -> bool {
    if let Some(reason) = hindrance() {
        println!("skipped: {reason}");
        return !common::in_ci();
    }
    let (mut wrong, mut count, mut excused) = (Vec::new(), 0, BTreeSet::new());
    for &(call, pages, listed, added) in CALLS {
        let mut errors = BTreeSet::new();
        for page in names(pages) {
            match read(page) {
                Ok(text) => errors.extend(words(&text)),
                Err(reason) => wrong.push(reason),
            }
        }
        let (none, errors) = errors.into_iter().partition(|word| is_excused(word));
        excused.extend::<BTreeSet<String>>(none);
        count += errors.len();
        wrong.extend(compare(call, pages, &errors, [listed, added]));
    }
    let idle = EXCUSED.iter().filter(|(word, _)| !excused.contains(*word));
    wrong.extend(idle.map(|(word, _)| format!("{word} is in none of the pages")));
    for line in &wrong {
        println!("!\t{line}");
    }
    println!("pages: {count} errors of {} calls, {} wrong", CALLS.len(), wrong.len());
    wrong.is_empty()
}

/// What is wrong with a call's lists, given the errors that its pages have.
fn compare(call: &str, pages: &str, errors: &BTreeSet<String>, lists: [&str; 2]) -> Vec<String> {
    let [listed, added] = lists.map(|list| list.split_whitespace().collect::<Vec<_>>());
    let missing = errors.iter().filter(|error| !listed.contains(&error.as_str()));
    let missing =
        missing.map(|error| format!("{call}: {error} is in {pages}, but not in the list"));
    let alien = listed.iter().filter(|error| !errors.contains(**error));
    let alien = alien.map(|error| format!("{call}: {error} is not in {pages}"));
    let double = added.iter().filter(|error| errors.contains(**error));
    let double = double.map(|error| format!("{call}: {error} is in {pages}, so it is no addition"));
    let unread = own_pages(call).filter(|own| names(pages).all(|page| file(page) != file(own)));
    let unread = unread.map(|own| format!("{call}: {own}(2) is not read, only {pages}"));
    missing.chain(alien).chain(double).chain(unread).collect()
}

fn hindrance() -> Option<String> {
    match read("flock") {
        Err(reason) => Some(format!("manpages-dev is missing: {reason}")),
        Ok(text) if !text.contains(VERSION) => Some(format!("manpages-dev is not {VERSION}")),
        Ok(_) => None,
    }
}

fn names(pages: &str) -> impl Iterator<Item = &str> {
    pages.split(", ").map(|page| page.strip_suffix("(2)").expect(page))
}

/// The pages that are named after a call.
fn own_pages(call: &str) -> impl Iterator<Item = &str> {
    let aliases = ALIASES.iter().filter(move |(_, canonical)| *canonical == call);
    aliases.map(|(name, _)| *name).chain([call])
}

/// Where a page is: those that tell of several calls have links.
fn file(page: &str) -> Option<PathBuf> {
    fs::canonicalize(format!("/usr/share/man/man2/{page}.2.gz")).ok()
}

fn read(page: &str) -> Result<String, String> {
    let file = file(page).ok_or_else(|| format!("there is no page {page}(2)"))?;
    let output = Command::new("gzip").arg("-dc").arg(&file).output();
    let output = output.map_err(|error| format!("gzip: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        Ok(text.into_owned())
    } else {
        Err(format!("{page}(2): gzip: {output:?}"))
    }
}

/// What looks like an errno where a page tells of errors, whether it has an entry there or
/// stands in the text of another one. brk(2) tells of its error where it tells what is returned.
fn words(page: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut is_wanted = false;
    for line in page.lines() {
        if let Some(title) = line.strip_prefix(".SH ") {
            is_wanted = ["ERRORS", "RETURN VALUE"].contains(&title);
        } else if is_wanted {
            let text = line.split("\\\"").next().unwrap_or_default();
            let text = text.replace("\\fB", " ").replace("\\fI", " ");
            let all = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.extend(all.filter(|word| is_errno(word)).map(one_name));
        }
    }
    words
}

fn is_errno(word: &str) -> bool {
    let rest = word.strip_prefix('E').unwrap_or_default();
    rest.len() > 1 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// One name for what has two.
fn one_name(errno: &str) -> String {
    match errno {
        "EWOULDBLOCK" => "EAGAIN",
        "EOPNOTSUPP" => "ENOTSUP",
        errno => errno,
    }
    .to_owned()
}

fn is_excused(word: &str) -> bool {
    EXCUSED.iter().any(|(excused, _)| *excused == word)
}
