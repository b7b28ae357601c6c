//! More than one machine: locks on a GlusterFS volume, seen from machines that mount it.
//!
//! The volume and the machines are this test's own, in namespaces that end with it.
//!
//!     cargo test --release --test cluster -- [--list] [--times N] [--write-docs] [WORD]

#![allow(
    clippy::doc_markdown,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop at once, and prints what it finds"
)]
#![allow(clippy::cast_precision_loss, reason = "counts and microseconds are small")]
#![allow(clippy::too_many_lines, reason = "a case is told from its start to its end")]

mod cases;
#[path = "../common/mod.rs"]
mod common;
mod failures;
mod figures;
mod job;
#[allow(dead_code, reason = "the benchmark uses more of it")]
#[path = "../../benches/report/machine.rs"]
mod machine;
mod own;
mod site;
#[allow(dead_code, reason = "the benchmark uses more of it")]
#[path = "../../benches/data/spread.rs"]
mod spread;
#[path = "../common/view.rs"]
mod view;

use common::{Scratch, Version};
use rustix::process::{self, Signal};
use site::{Flock, Site};
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;
use std::{env, io};

/// A case; what is wrong, if anything.
type Case = (&'static str, Sides, fn(&Site, &Flock) -> Verdict);
type Verdict = Result<(), String>;

/// On whose flock a case runs.
#[derive(Clone, Copy, PartialEq)]
enum Sides {
    /// On util-linux's, too, with the same outcome.
    Both,
    /// On util-linux's, too, if it has `--fcntl`.
    Fcntl,
    Ours,
}

/// Set for the process that runs the cases, in namespaces of its own.
const INSIDE: &str = "FLOCK_CLUSTER_SITE";

/// What has to be installed, each with the Debian package that has it.
const TOOLS: [(&str, &str); 7] = [
    ("glusterd", "glusterfs-server"),
    ("glusterfs", "glusterfs-client"),
    ("gluster", "glusterfs-cli"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|word| word == "--list") {
        all().for_each(|(name, ..)| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let done = match env::var_os(INSIDE) {
        Some(site) => {
            view::clear();
            inside(Path::new(&site), &arguments).map_err(|text| format!("cluster: {text}"))
        }
        None => outside(&arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(text) => {
            println!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn all() -> impl Iterator<Item = &'static Case> {
    cases::ALL.iter().chain(&own::ALL).chain(&failures::ALL)
}

/// Starts this program once more, inside.
fn outside(arguments: &[String]) -> Result<bool, String> {
    if let Some(reason) = missing() {
        println!("cluster: skipped: {reason}");
        return Ok(!common::in_ci());
    }
    let text = |error: io::Error| format!("cluster: {error}");
    let scratch = Scratch::new("cluster").map_err(text)?;
    let program = env::current_exe().map_err(text)?;
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--propagation", "private"])
        .args(
            [OsString::from(program)]
                .iter()
                .chain(&arguments.iter().map(Into::into).collect::<Vec<_>>()),
        )
        .env(INSIDE, scratch.path())
        .status()
        .map_err(text)?;
    scratch.close().map_err(text)?;
    Ok(status.success())
}

/// What is not here that this test needs.
fn missing() -> Option<String> {
    let absent = TOOLS.iter().find(|(tool, _)| common::find_program(tool).is_none());
    if let Some((tool, package)) = absent {
        return Some(format!("{tool} is missing (Debian package {package})"));
    }
    if !process::getuid().is_root() {
        return Some("it needs root".to_owned());
    }
    if !Path::new("/dev/fuse").exists() {
        return Some("/dev/fuse is missing".to_owned());
    }
    let test = ["--net", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "test", "/mnt"];
    let output = Command::new("unshare").args(test).output();
    match output {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "no namespaces of its own: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

/// Runs the cases. Returns whether all is well.
fn inside(directory: &Path, arguments: &[String]) -> Result<bool, String> {
    process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(|e| e.to_string())?;
    let (times, word) = read(arguments)?;
    let start = Instant::now();
    let site = Site::open(directory)?;
    println!("cluster: {} in {:.1} s", site::version()?, start.elapsed().as_secs_f64());
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for round in 1..=times {
        for (name, sides, case) in all().filter(|(name, ..)| name.contains(word)) {
            for flock in flocks() {
                let done = match flock.runs(*sides) {
                    Some(true) => case(&site, &flock).and_then(|()| site.settle()),
                    Some(false) => {
                        skipped += 1;
                        continue;
                    }
                    None => continue,
                };
                match done {
                    Ok(()) => passed += 1,
                    Err(text) => {
                        failed += 1;
                        println!("FAILED {name} [{}, round {round}]\n  {text}", flock.side);
                        site.settle()?;
                    }
                }
            }
        }
        if times > 1 {
            println!("cluster: round {round} ended after {} s", start.elapsed().as_secs());
        }
    }
    if arguments.iter().any(|word| word == "--write-docs") {
        figures::write(&site, &flocks())?;
    }
    site.close()?;
    let seconds = start.elapsed().as_secs();
    println!("cluster: {passed} passed, {failed} failed in {seconds} s");
    if skipped > 0 {
        println!(
            "cluster: {skipped} not run on util-linux's flock: it is older than --fcntl (2.41)"
        );
    }
    Ok(failed == 0 && passed > 0)
}

/// How often to run, and the word that names of cases have to contain.
fn read(arguments: &[String]) -> Result<(u32, &str), String> {
    let (mut times, mut word) = (1, "");
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--times" => {
                let number = rest.next().and_then(|number| number.parse().ok());
                times = number.ok_or("--times needs a number")?;
            }
            "--write-docs" => {}
            other if other.starts_with('-') => return Err(format!("unknown option {other}")),
            other => word = other,
        }
    }
    Ok((times, word))
}

/// The two programs that are compared.
fn flocks() -> [Flock; 2] {
    let reference = common::reference();
    let version = common::version_text(&reference).ok();
    let version = version.and_then(|text| Version::of_util_linux(&text));
    [
        Flock { side: "util-linux", program: reference, is_ours: false, version },
        Flock { side: "flock-rs", program: common::ours(), is_ours: true, version: None },
    ]
}

impl Flock {
    /// Whether a case is for it; nothing, if it never is.
    fn runs(&self, sides: Sides) -> Option<bool> {
        match (sides, self.is_ours) {
            (_, true) | (Sides::Both, _) => Some(true),
            (Sides::Fcntl, false) => Some(self.version >= Version::parse("2.41")),
            (Sides::Ours, false) => None,
        }
    }
}
