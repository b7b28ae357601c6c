//! Builds the floors: the least programs, that the others are held against.

use std::env;
use std::fs::{self, Permissions};
use std::io::{Error, Result};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/floor/program.rs");
const SOURCE_IN_C: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/floor/program.c");

/// The one without a C library, in `directory`. It first executes CPUID so many times.
pub fn build(directory: &Path, cpuids: usize) -> Result<PathBuf> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command
        .args(["--edition=2024", "-Cpanic=abort", "-Copt-level=s", "-Cstrip=symbols"])
        .args(["-Crelocation-model=static", "-Ctarget-feature=+crt-static"])
        .arg("-Clink-args=-nostartfiles -nostdlib -static -Wl,-z,norelro,--build-id=none")
        .arg(SOURCE)
        .env("CPUIDS", cpuids.to_string());
    compile(command, directory.join(format!("floor-{cpuids}")))
}

/// The one in C: static, with the C library that our default build has.
pub fn build_in_c(directory: &Path) -> Result<PathBuf> {
    let mut command = Command::new("cc");
    command.args(["-O2", "-static", SOURCE_IN_C]);
    compile(command, directory.join("floor-in-c"))
}

/// Makes a copy of a program, as installing does. A linker writes its file in small pieces,
/// and in such pieces it is then mapped, which takes longer; this writes it at once.
pub fn install(program: &Path, copy: &Path) -> Result<()> {
    fs::write(copy, fs::read(program)?)?;
    fs::set_permissions(copy, Permissions::from_mode(0o755))
}

fn compile(mut command: Command, program: PathBuf) -> Result<PathBuf> {
    let linked = program.with_extension("linked");
    let output = command.arg("-o").arg(&linked).output()?;
    if output.status.success() {
        install(&linked, &program)?;
        return Ok(program);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(Error::other(format!("the floor does not compile:\n{text}")))
}
