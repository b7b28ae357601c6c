//! The table of faults: what is in the repository, and what is seen.

use crate::differences;
use crate::room::Outcome;
use crate::worker::Job;
use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What one fault came to, in the words of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub path: String,
    pub role: String,
    pub call: String,
    pub nth: usize,
    pub fault: String,
    /// Columns: status, standard output, standard error, the lock, the files.
    pub outcome: String,
    /// `same`, nothing, or what util-linux's flock comes to and why that differs.
    pub reference: String,
}

const HEADER: &str = "\
# What a failing system call comes to, on each path that makes it.
# Written by: cargo test --release --test faults -- --write
# Only flock's own calls are counted, of the process and of its child apart. `returns=N` is a
# result and no error; EPERM+ is given to each of the calls from there on. CMD, REASON and PID stand for what varies; - is nothing.
# `EIO at first`: the first lock call fails with that in any case; `no O_CREAT`: so does with EACCES
# what would make a file. The faults are given to what comes next.
# util-linux: whether its flock, 2.38.1, comes to the same; - where it does not make that call.
# process	call	nth	faults	status	stdout	stderr	lock	files	util-linux	paths
";

const NOTICES: [&str; 3] = [" is held exclusively by ", "no holder visible", " is still held by "];

pub fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/table.tsv")
}

impl Row {
    pub fn new(job: &Job, ours: &Outcome, theirs: Option<&Outcome>) -> Self {
        let reference = match theirs {
            None => "-".to_owned(),
            Some(theirs) if is_same(ours, theirs) => "same".to_owned(),
            Some(theirs) => differences::told(job, ours, theirs),
        };
        Self {
            path: job.path.name.to_owned(),
            role: job.role.name().to_owned(),
            call: job.call.canonical().to_owned(),
            nth: job.call.nth,
            fault: job.fault.name.to_owned(),
            outcome: columns(ours).join("\t"),
            reference,
        }
    }

    /// Path, process, call, number and fault.
    pub fn call(&self) -> String {
        let Self { path, role, call, nth, fault, .. } = self;
        format!("{path}\t{role}\t{call}\t{nth}\t{fault}")
    }

    /// All but the path and the fault.
    fn rest(&self) -> (String, &str, &str) {
        let call = format!("{}\t{}\t{}", self.role, self.call, self.nth);
        (call, &self.outcome, &self.reference)
    }
}

fn is_same(ours: &Outcome, theirs: &Outcome) -> bool {
    columns(&without_notices(ours)) == columns(theirs)
}

/// Without what ours alone says under `--verbose`: who holds the lock. Where the end of the line
/// before could not be written, it stands in that line.
fn without_notices(outcome: &Outcome) -> Outcome {
    let mut stderr = String::new();
    for line in outcome.stderr.split_inclusive('\n') {
        let notice = NOTICES.iter().find_map(|notice| line.find(notice));
        let own = notice
            .map_or(line, |place| &line[..line[..place].rfind("flock: ").unwrap_or_default()]);
        stderr += own;
    }
    Outcome { stderr, ..outcome.clone() }
}

/// An outcome as columns, none of them empty.
pub fn columns(outcome: &Outcome) -> [String; 5] {
    let all = [&outcome.status, &outcome.stdout, &outcome.stderr, outcome.lock, &*outcome.files];
    all.map(|text: &str| {
        let text = text.trim_end_matches('\n').replace('\n', " / ").replace('\t', " ");
        if text.is_empty() { "-".to_owned() } else { text }
    })
}

/// The table: faults of one call that come to the same are one line, and so are paths on
/// which they do.
pub fn text(rows: &[Row]) -> String {
    type Rest<'a> = (String, &'a str, &'a str);
    let mut lines: Vec<(Rest, Vec<&str>, Vec<&str>)> = Vec::new();
    let mut of_path: Vec<(Rest, &str, Vec<&str>)> = Vec::new();
    for row in rows {
        match of_path
            .iter_mut()
            .rev()
            .find(|(rest, path, _)| *path == row.path && *rest == row.rest())
        {
            Some((.., faults)) => faults.push(&row.fault),
            None => of_path.push((row.rest(), &row.path, vec![&row.fault])),
        }
    }
    for (rest, path, faults) in of_path {
        match lines.iter_mut().find(|(other, _, same)| *other == rest && *same == faults) {
            Some((_, paths, _)) => paths.push(path),
            None => lines.push((rest, vec![path], faults)),
        }
    }
    lines.sort_by(|(one, ..), (other, ..)| one.0.cmp(&other.0));
    let mut text = HEADER.to_owned();
    for ((call, outcome, reference), paths, faults) in lines {
        let (faults, paths) = (faults.join(" "), paths.join(" | "));
        writeln!(text, "{call}\t{faults}\t{outcome}\t{reference}\t{paths}").unwrap();
    }
    text
}

/// Where two tables differ, a line each. Without a reference its column is not looked at;
/// `wanted` has words that choose faults.
pub fn differences(kept: &str, seen: &str, (compares, wanted): (bool, &[String])) -> Vec<String> {
    let set = |text: &str| -> HashSet<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.flat_map(|line| flat(line, compares, wanted)).collect()
    };
    let (kept, seen) = (set(kept), set(seen));
    let mut all: Vec<String> = kept.difference(&seen).map(|line| format!("- {line}")).collect();
    all.extend(seen.difference(&kept).map(|line| format!("+ {line}")));
    all.sort_by(|one, other| one[2..].cmp(&other[2..]));
    all
}

/// A line for each path and fault of a line.
fn flat(line: &str, compares: bool, wanted: &[String]) -> Vec<String> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [role, call, nth, faults, outcome @ .., reference, paths] = &*columns else {
        return vec![line.to_owned()];
    };
    let reference = if compares { reference } else { "" };
    let is_wanted = |path: &str, fault: &str| {
        let text = [path, role, call, nth, fault].join("\t");
        wanted.is_empty() || wanted.iter().any(|word| text.contains(word.as_str()))
    };
    let line = |path: &str, fault: &str| {
        let line = || [&[path, role, call, nth, fault], outcome, &[reference]].concat().join("\t");
        is_wanted(path, fault).then(line)
    };
    let paths = paths.split(" | ");
    paths.flat_map(|path| faults.split(' ').filter_map(move |fault| line(path, fault))).collect()
}
