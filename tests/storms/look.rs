//! A look at the holders of a lock in the midst of the storm, and whether what it says can be
//! true: of those who are inside before it begins and after it has ended.

use crate::ledger::{Inside, Phase};
use crate::plan::{self, LOCKS, Lock};
use crate::worker::Worker;
use std::fs::{self, File};
use std::time::Instant;

/// Has flock look at the file of a lock. Returns what came of it.
pub fn look(worker: &Worker, index: usize, run: u64) -> Result<&'static str, String> {
    let lock = &LOCKS[index];
    let path = worker.directory.join(lock.file);
    let [table, words] =
        ["table", "words"].map(|name| worker.directory.join(format!("{name}.{run}")));
    let mut command = worker.flock();
    command.args(["--holders", lock.file]);
    command.stdout(File::create(&table).unwrap()).stderr(File::create(&words).unwrap());
    // Those that are not removed are there for ever.
    let was_there = !plan::is_removed(index) && path.exists();
    let inside = worker.ledger.inside(index);
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let status = worker.wait(&mut child, start);
    let sure: Vec<&Inside> = inside.iter().filter(|inside| inside.stays()).collect();
    let (text, said) = (fs::read_to_string(&table).unwrap(), fs::read_to_string(&words).unwrap());
    for file in [&table, &words] {
        fs::remove_file(file).unwrap();
    }
    let rows: Vec<Row> = text.lines().skip(1).map(Row::read).collect();
    let judged = match status.map(|status| status.code()) {
        None => Err("lost"),
        Some(Some(0)) => judge_rows(&sure, lock, &rows, &said),
        Some(Some(1)) if !sure.is_empty() => Err("holders: nobody seen"),
        // Who waits may be about to get it.
        Some(Some(1)) if rows.iter().all(|row| row.state == "waiting") => Ok("looked, nobody seen"),
        Some(Some(1)) => Err("holders: nobody, in so many rows"),
        Some(Some(66)) if !was_there && sure.is_empty() => Ok("looked, no file"),
        Some(_) => Err("holders: a false status"),
    };
    judged.map_err(|fault| {
        let sure: Vec<_> = sure.iter().map(|one| (one.phase(), one.holder())).collect();
        format!("{fault}: {status:?}, of {}, sure of {sure:?}: {text:?} {said:?}", lock.file)
    })
}

/// A row of the table.
pub struct Row<'a> {
    pid: u64,
    kind: &'a str,
    mode: &'a str,
    state: &'a str,
}

impl<'a> Row<'a> {
    /// Columns are two blanks apart, or more. What cannot be read is nobody.
    pub fn read(line: &'a str) -> Self {
        let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        let cells: Vec<&str> = cells.collect();
        let [pid, _user, _descriptor, kind, mode, state, _command] = cells[..] else {
            return Self { pid: 0, kind: "", mode: "", state: "" };
        };
        Self { pid: pid.parse().unwrap_or(0), kind, mode, state }
    }

    /// Whether it is that of a holder.
    pub fn holds(&self, pid: Option<u64>, kind: &str, mode: &str) -> bool {
        pid.is_none_or(|pid| pid == self.pid)
            && (self.kind, self.mode, self.state) == (kind, mode, "held")
    }
}

/// Something is locked, so it says.
fn judge_rows(
    sure: &[&Inside],
    lock: &Lock,
    rows: &[Row],
    said: &str,
) -> Result<&'static str, &'static str> {
    let kind = lock.kind();
    let held: Vec<&Row> = rows.iter().filter(|row| row.state == "held").collect();
    if rows.iter().any(|row| row.pid == 0) {
        return Err("holders: a row that cannot be read");
    }
    if held.is_empty() && !said.contains("out of sight") {
        return Err("holders: held by nobody");
    }
    for one in sure {
        let mode = if one.phase() == Phase::Shared { "shared" } else { "exclusive" };
        if !held.iter().any(|row| row.holds(one.holder(), &kind, mode)) {
            return Err("holders: somebody not seen");
        }
        let mut others = held.iter().filter(|row| row.kind == kind);
        let is_false = match one.phase() {
            Phase::Shared => others.any(|row| row.mode != "shared"),
            _ => others.any(|row| {
                row.mode != "exclusive"
                    || one.family().is_some_and(|family| !family.contains(&row.pid))
            }),
        };
        if is_false {
            return Err("holders: two of whom one has no lock");
        }
    }
    Ok(if sure.is_empty() { "looked, somebody seen" } else { "looked, surely held" })
}
