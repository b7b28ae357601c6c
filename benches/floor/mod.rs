//! Builds the floor: the program without a C library that the others are held against.

use std::env;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/floor/program.rs");

/// Compiles it into `directory`.
pub fn build(directory: &Path) -> Result<PathBuf> {
    let program = directory.join("floor");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition=2024", "-Cpanic=abort", "-Copt-level=s", "-Cstrip=symbols"])
        .args(["-Crelocation-model=static", "-Ctarget-feature=+crt-static"])
        .arg("-Clink-args=-nostartfiles -nostdlib -static -Wl,-z,norelro,--build-id=none")
        .arg("-o")
        .args([program.as_path(), Path::new(SOURCE)])
        .output()?;
    if output.status.success() {
        return Ok(program);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(Error::other(format!("the floor does not compile:\n{text}")))
}
