//! Which peers are on this machine.

use crate::common;
use crate::floor;
use crate::peers::Peer;
use crate::peers::table::{FLOOR, FLOOR_ASKING, FLOOR_IN_C, KNOWN, Known, OURS, OURS_RELEASE};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// How to get the binary of the packages.
const RELEASE_HINT: &str = "build it with packaging/build-release";

/// Those that are here, and of the others the name and why they are not.
/// Ours are measured as copies in `directory`, as installing makes them.
pub fn find(directory: &Path, floor: &Path) -> (Vec<Peer>, Vec<String>) {
    let (mut peers, mut absent) = (Vec::new(), Vec::new());
    for known in KNOWN.iter().filter(|known| ![FLOOR_ASKING, FLOOR_IN_C].contains(&known.name)) {
        match locate(known, directory, floor) {
            Ok(program) => peers.push(Peer { known, program }),
            Err(reason) => absent.push(format!("{}: {reason}", known.name)),
        }
    }
    (peers, absent)
}

/// A peer that is built here, by its name.
pub fn built(name: &str, program: PathBuf) -> Option<Peer> {
    let known = KNOWN.iter().find(|known| known.name == name)?;
    Some(Peer { known, program })
}

fn locate(known: &Known, directory: &Path, floor: &Path) -> Result<PathBuf, String> {
    match known.name {
        OURS => install(Path::new(env!("CARGO_BIN_EXE_flock")), directory.join("flock")),
        OURS_RELEASE => {
            let program = release().ok_or_else(|| format!("not built; {RELEASE_HINT}"))?;
            install(&program, directory.join("flock-release"))
        }
        FLOOR => Ok(floor.to_owned()),
        "util-linux" => util_linux(),
        "busybox" | "toybox" => applet(known.program),
        _ => on_path(known.program),
    }
}

fn install(program: &Path, copy: PathBuf) -> Result<PathBuf, String> {
    match floor::install(program, &copy) {
        Ok(()) => Ok(copy),
        Err(error) => Err(format!("{}: {error}", program.display())),
    }
}

fn on_path(name: &str) -> Result<PathBuf, String> {
    common::find_program(name).ok_or_else(|| "not installed".to_owned())
}

/// $`FLOCK_RELEASE`, else what packaging/build-release leaves.
fn release() -> Option<PathBuf> {
    if let Some(path) = env::var_os("FLOCK_RELEASE").filter(|path| !path.is_empty()) {
        return std::path::absolute(path).ok().filter(|path| path.is_file());
    }
    let target = format!("{}-unknown-linux-musl/release/flock", env::consts::ARCH);
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?.join(&target);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(&target);
    [ours, usual].into_iter().find(|path| path.is_file())
}

fn util_linux() -> Result<PathBuf, String> {
    let program = common::reference();
    let text = common::version_text(&program)?;
    match common::Version::of_util_linux(&text) {
        Some(_) => fs::canonicalize(&program).map_err(|error| error.to_string()),
        None => Err(format!("{} is not util-linux's: {text}", program.display())),
    }
}

/// A program of many faces, if flock is one of them.
fn applet(name: &str) -> Result<PathBuf, String> {
    let program = on_path(name)?;
    let listed = |argument: &[&str]| {
        let output = Command::new(&program).args(argument).output();
        let text = output.map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&text).split_whitespace().any(|word| word == "flock")
    };
    if listed(&["--list"]) || listed(&[]) { Ok(program) } else { Err("has no flock".to_owned()) }
}
