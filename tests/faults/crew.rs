//! The workers, one to a processor, each in a PID namespace of its own.

use crate::common::{self, Scratch};
use crate::table::{self, Row};
use crate::worker::Worker;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

/// The util-linux that the table compares with.
const REFERENCE: &str = "2.38.1";

/// What is found is told line by line, such that a line has no tab but between its parts.
pub fn work(words: &[String]) -> io::Result<bool> {
    let [index, count, times, compares, top, filter] = words else { panic!("{words:?}") };
    let number = |word: &str| word.parse::<usize>().unwrap();
    let worker = Worker::new(PathBuf::from(top), compares == "true")?;
    let jobs = worker.jobs(filter)?;
    for (place, job) in
        jobs.iter().enumerate().filter(|(place, _)| place % number(count) == number(index))
    {
        let mut first: Option<Row> = None;
        for _ in 0..number(times) {
            let (ours, theirs) = worker.run(job)?;
            let row = Row::new(job, &ours, theirs.as_ref());
            let line = [
                row.path.clone(),
                row.role.clone(),
                row.call.clone(),
                row.nth.to_string(),
                row.fault.clone(),
            ]
            .join("\t");
            for fault in &ours.faults {
                println!(
                    "!\t{line}\t{fault}: {}\t{}",
                    table::columns(&ours).join("; "),
                    row.reference
                );
            }
            if row.reference.starts_with("UNEXPLAINED") {
                println!(
                    "!\t{line}\tnot as util-linux: {}\t{}",
                    table::columns(&ours).join("; "),
                    row.reference
                );
            }
            match &first {
                Some(first) if job.counts() && *first != row => {
                    println!("!\t{line}\tnot always the same\t{row:?} {first:?}")
                }
                _ => first = Some(row),
            }
        }
        let row = first.unwrap();
        let counts = job.counts();
        println!(
            "{}\t{place}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            if counts { "=" } else { "." },
            row.path,
            row.role,
            row.call,
            row.nth,
            row.fault,
            row.outcome,
            row.reference
        );
    }
    Ok(true)
}

pub fn lead(words: &[String]) -> io::Result<bool> {
    let start = Instant::now();
    for (tool, name) in [("strace", "strace"), ("unshare", "unshare")] {
        if common::find_program(tool).is_none() {
            return Ok(skip(&format!("{name} is missing")));
        }
    }
    if !rustix::process::geteuid().is_root() {
        return Ok(skip("not root: no PID namespace"));
    }
    let mut filter = "";
    let (mut times, mut writes) = ("1", false);
    let mut rest = words.iter().map(String::as_str);
    while let Some(word) = rest.next() {
        match word {
            "--write" => writes = true,
            "--times" => times = rest.next().unwrap_or("1"),
            word => filter = word,
        }
    }
    let version = common::version_text(&common::reference());
    let compares =
        version.as_ref().is_ok_and(|text| text.contains(REFERENCE) && text.contains("util-linux"));
    if !compares {
        println!("faults: {version:?} is not util-linux {REFERENCE}: nothing to compare with");
    }
    let scratch = Scratch::new("faults")?;
    // They wait for strace(1) most of the time.
    let count = thread::available_parallelism().map_or(2, usize::from).clamp(1, 8) * 3;
    let mut readers = Vec::new();
    for index in 0..count {
        let top = scratch.path().join(index.to_string());
        let mut command = Command::new("unshare");
        command
            .args(["--pid", "--fork", "--mount-proc", "--kill-child"])
            .arg(std::env::current_exe()?);
        command.args([
            "--worker",
            &index.to_string(),
            &count.to_string(),
            times,
            if compares { "true" } else { "false" },
        ]);
        let mut child =
            command.arg(top).arg(filter).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().unwrap();
        readers.push(thread::spawn(move || {
            let lines = BufReader::new(output).lines().collect::<io::Result<Vec<_>>>();
            let status = child.wait();
            lines.and_then(|lines| {
                if status?.success() {
                    Ok(lines)
                } else {
                    Err(io::Error::other(lines.last().cloned().unwrap_or_default()))
                }
            })
        }));
    }
    let mut lines = Vec::new();
    for reader in readers {
        lines.extend(reader.join().unwrap()?);
    }
    let broken: Vec<&String> = lines.iter().filter(|line| line.starts_with("!\t")).collect();
    broken.iter().for_each(|line| println!("{line}"));
    let mut rows: Vec<(usize, Row)> = lines.iter().filter_map(|line| row(line)).collect();
    rows.sort_by_key(|(place, _)| *place);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    let seen = table::text(&rows);
    let checked = lines.iter().filter(|line| line.starts_with('.')).count();
    println!(
        "faults: {} in the table, {checked} more, {} broken, {} s",
        rows.len(),
        broken.len(),
        start.elapsed().as_secs()
    );
    if writes {
        fs::write(table::file(), seen)?;
        return Ok(broken.is_empty());
    }
    let kept = fs::read_to_string(table::file())?;
    let differences = table::differences(&kept, &seen, compares, filter);
    differences.iter().for_each(|line| println!("{line}"));
    println!("faults: {} differences from the table", differences.len());
    Ok(broken.is_empty() && differences.is_empty() && !rows.is_empty())
}

fn skip(reason: &str) -> bool {
    println!("skipped: {reason}");
    !common::in_ci()
}

fn row(line: &str) -> Option<(usize, Row)> {
    let columns: Vec<&str> = line.strip_prefix("=\t")?.split('\t').collect();
    let text = |index: usize| columns[index].to_owned();
    let row = Row {
        path: text(1),
        role: text(2),
        call: text(3),
        nth: columns[4].parse().unwrap(),
        fault: text(5),
        outcome: columns[6..11].join("\t"),
        reference: text(11),
    };
    Some((columns[0].parse().unwrap(), row))
}
