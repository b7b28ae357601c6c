//! The workers, a few to a processor, each in a PID namespace of its own.

use crate::common::{self, Scratch};
use crate::paths::PATHS;
use crate::table::{self, Row};
use crate::worker::{Job, Worker};
use rustix::fs::{FlockOperation, flock};
use std::env;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

/// The util-linux that the table compares with.
const REFERENCE: &str = "2.38.1";

/// Does a share of the work: path after path, as long as there are any. What comes of it is told
/// in lines, of parts that have no tab.
pub fn work(words: &[String]) -> io::Result<bool> {
    let [times, compares, queue, top, wanted @ ..] = words else { panic!("{words:?}") };
    let times = times.parse().unwrap();
    let worker = Worker::new(PathBuf::from(top), compares == "true")?;
    // The last ones have the most faults: they must not be what the others wait for.
    while let Some(group) = PATHS.len().checked_sub(1 + take(Path::new(queue))?) {
        for (within, job) in worker.jobs(&PATHS[group], wanted)?.iter().enumerate() {
            let place = group * 100_000 + within;
            let row = repeat(&worker, job, times)?;
            let mark = if job.counts() { "=" } else { "." };
            println!("{mark}\t{place}\t{}\t{}\t{}", row.call(), row.outcome, row.reference);
        }
    }
    Ok(true)
}

/// How many have been taken from a queue before.
fn take(queue: &Path) -> io::Result<usize> {
    let mut file = File::options().append(true).open(queue)?;
    flock(&file, FlockOperation::LockExclusive)?;
    let count = file.metadata()?.len();
    file.write_all(b".")?;
    Ok(usize::try_from(count).unwrap())
}

/// Injects a fault so often, and says what is wrong with what it comes to.
fn repeat(worker: &Worker, job: &Job, times: usize) -> io::Result<Row> {
    let mut first: Option<Row> = None;
    for _ in 0..times.max(1) {
        let (ours, theirs) = worker.run(job)?;
        let row = Row::new(job, &ours, theirs.as_ref());
        let mut wrong = ours.faults.clone();
        if row.reference.starts_with("UNEXPLAINED") {
            wrong.push("not as util-linux".to_owned());
        }
        if job.counts() && first.as_ref().is_some_and(|first| *first != row) {
            wrong.push("not always the same".to_owned());
        }
        for text in wrong {
            println!("!\t{}\t{text}\t{}\t{}", row.call(), row.outcome, row.reference);
        }
        first.get_or_insert(row);
    }
    Ok(first.unwrap())
}

/// What is asked for.
struct Request<'a> {
    writes: bool,
    times: &'a str,
    wanted: &'a [String],
}

impl<'a> Request<'a> {
    fn new(mut words: &'a [String]) -> Self {
        let (mut writes, mut times) = (false, "1");
        loop {
            match words {
                [first, rest @ ..] if first == "--write" => (writes, words) = (true, rest),
                [first, count, rest @ ..] if first == "--times" => (times, words) = (count, rest),
                wanted => return Self { writes, times, wanted },
            }
        }
    }
}

/// Has the work done and compares what comes of it with the table.
pub fn lead(words: &[String]) -> io::Result<bool> {
    let start = Instant::now();
    if let Some(reason) = hindrance() {
        println!("skipped: {reason}");
        return Ok(!common::in_ci());
    }
    let request = Request::new(words);
    let compares = can_compare();
    let lines = all(&request, compares)?;
    let broken = lines.iter().filter(|line| line.starts_with('!'));
    let broken = broken.inspect(|line| println!("{line}")).count();
    let mut rows: Vec<(usize, Row)> = lines.iter().filter_map(|line| row(line)).collect();
    rows.sort_by_key(|(place, _)| *place);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    let checked = lines.iter().filter(|line| line.starts_with('.')).count();
    let (count, seconds) = (rows.len(), start.elapsed().as_secs());
    println!("faults: {count} in the table, {checked} more, {broken} broken, {seconds} s");
    let seen = table::text(&rows);
    if request.writes {
        fs::write(table::file(), seen)?;
        return Ok(broken == 0);
    }
    let kept = fs::read_to_string(table::file())?;
    let differences = table::differences(&kept, &seen, (compares, request.wanted));
    for line in &differences {
        println!("{line}");
    }
    println!("faults: {} differences from the table", differences.len());
    Ok(broken == 0 && differences.is_empty() && !rows.is_empty())
}

fn hindrance() -> Option<String> {
    let missing =
        ["strace", "unshare"].into_iter().find(|name| common::find_program(name).is_none());
    let user = || (!rustix::process::geteuid().is_root()).then(|| "not root".to_owned());
    missing.map(|name| format!("{name} is missing")).or_else(user)
}

fn can_compare() -> bool {
    let version = common::version_text(&common::reference());
    let is_it = |text: &String| text.ends_with(&format!("util-linux {REFERENCE}"));
    let compares = version.as_ref().is_ok_and(is_it);
    if !compares {
        println!("faults: {version:?} is not util-linux {REFERENCE}: nothing to compare with");
    }
    compares
}

/// All lines that the workers have to tell.
fn all(request: &Request, compares: bool) -> io::Result<Vec<String>> {
    let scratch = Scratch::new("faults")?;
    // They wait for strace(1) most of the time.
    let count = thread::available_parallelism().map_or(2, usize::from).clamp(1, 8) * 3;
    let mut readers = Vec::new();
    let queue = scratch.path().join("queue");
    fs::write(&queue, "")?;
    for index in 0..count {
        let top = scratch.path().join(index.to_string());
        let child = start(request, compares, [&queue, &top])?;
        readers.push(thread::spawn(|| listen(child)));
    }
    let mut lines = Vec::new();
    for reader in readers {
        lines.extend(reader.join().unwrap()?);
    }
    Ok(lines)
}

fn start(request: &Request, compares: bool, places: [&Path; 2]) -> io::Result<Child> {
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).arg(common::probe());
    // Of a command in the background, a shell has SIGINT ignored.
    command.args(["with", "default=all", "unblock=all", "--"]).arg(env::current_exe()?);
    command.args(["--worker", request.times, &compares.to_string()]).args(places);
    command.args(request.wanted).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
}

fn listen(mut child: Child) -> io::Result<Vec<String>> {
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines = output.lines().collect::<io::Result<Vec<_>>>()?;
    let last = lines.last().cloned().unwrap_or_default();
    if child.wait()?.success() { Ok(lines) } else { Err(io::Error::other(last)) }
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
