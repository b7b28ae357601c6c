//! packaging/build-release, with stand-ins for the tools: what it says is missing, which
//! compilers it takes, and which binaries it lets pass. Each refusal is one line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "common/mod.rs"]
mod common;

use common::Scratch;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the script uses of the system; neither apt-get nor musl-gcc.
const TOOLS: &[&str] =
    &["bash", "sed", "cut", "sort", "grep", "id", "uname", "dirname", "stat", "readelf"];
/// What it lets pass, in bytes.
const LARGEST: u64 = 150_000;

/// A project of its own, with the script and Cargo.toml, and a PATH of its own.
struct Stage {
    scratch: Scratch,
    /// One at a time: a program that is being written cannot be executed, and a child that
    /// another thread forks meanwhile would keep it open for a moment.
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        // A test that has failed has left nothing that could stand in the way.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let stage = Self { scratch: Scratch::new("build-release").unwrap(), _turn: turn };
        fs::create_dir_all(stage.path("packaging")).unwrap();
        fs::create_dir_all(stage.path("bin")).unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        for file in ["packaging/build-release", "Cargo.toml"] {
            fs::copy(project.join(file), stage.path(file)).unwrap();
        }
        for tool in TOOLS {
            let program = common::find_program(tool).unwrap_or_else(|| panic!("{tool} is missing"));
            symlink(program, stage.path("bin").join(tool)).unwrap();
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn tool(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// rustup with its target and its rust-src, and a compiler and a cargo of this version.
    fn with_rustup(self, version: &str) -> Self {
        let source = self.path("lib/rustlib/src/rust/library/std");
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("Cargo.toml"), "").unwrap();
        let sysroot = self.scratch.path().display().to_string();
        self.tool("rustup", &format!("echo {}", target()));
        self.tool(
            "rustc",
            &format!("[ \"$1\" = --print ] && echo '{sysroot}' || echo rustc {version} x"),
        );
        self.tool("cargo", &format!("[ \"$1\" != --version ] || echo cargo {version} x"));
        self
    }

    /// The binary that cargo would have made.
    fn with_binary(self, program: &Path) -> Self {
        let binary = self.path(&binary());
        fs::create_dir_all(binary.parent().unwrap()).unwrap();
        fs::copy(program, &binary).unwrap();
        self
    }

    /// The exit status, the last line of stdout, and all of stderr.
    fn run(&self) -> (Option<i32>, String, String) {
        let output = Command::new(self.path("packaging/build-release"))
            .env_clear()
            .env("PATH", self.path("bin"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let stdout = text(output.stdout);
        let last = stdout.lines().last().unwrap_or_default().to_owned();
        (output.status.code(), last, text(output.stderr))
    }

    fn refuses(&self, why: &str) {
        let (status, _, stderr) = self.run();
        assert_eq!((status, stderr), (Some(1), format!("build-release: {why}\n")));
    }
}

fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

fn binary() -> String {
    format!("target/{}/release/flock", target())
}

#[test]
fn what_is_missing_is_named() {
    let stage = Stage::new();
    let debians = if Path::new("/usr/bin/rustc").exists() {
        // Whether it serves is the script's to judge: it may be there and too old.
        let (_, _, stderr) = stage.run();
        if stderr.contains("rustc-web") { "rustc-web rust-web-src " } else { "" }
    } else {
        "rustc-web rust-web-src "
    };
    let target = target();
    stage.refuses(&format!(
        "missing: Debian's cargo-web {debians}musl-tools; or of rustup the target {target} and \
         rust-src"
    ));
}

#[test]
fn a_compiler_that_is_too_old_is_refused() {
    let stage = Stage::new().with_rustup("1.84.9").with_binary(&common::ours());
    stage.refuses("cargo is 1.84.9, and Rust 1.85 or newer is needed");
}

#[test]
fn a_binary_that_was_not_made_is_missed() {
    Stage::new().with_rustup("1.85.0").refuses(&format!("{} was not made", binary()));
}

#[test]
fn a_binary_that_is_not_static_is_refused() {
    let shell = fs::canonicalize("/bin/sh").unwrap();
    let stage = Stage::new().with_rustup("1.85.0").with_binary(&shell);
    stage.refuses(&format!("{} is not static", binary()));
}

#[test]
fn a_binary_of_another_version_is_refused() {
    let stage = Stage::new().with_rustup("1.85.0").with_binary(&common::ours());
    let manifest = fs::read_to_string(stage.path("Cargo.toml")).unwrap();
    let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest.matches(&format!("\n{version}\n")).count(), 1);
    fs::write(stage.path("Cargo.toml"), manifest.replacen(&version, "version = \"99\"", 1))
        .unwrap();
    let says = common::version_text(&common::ours()).unwrap();
    stage.refuses(&format!("{} says it is: {says}", binary()));
}

/// The default build is too large, and the release build is not: $FLOCK may be either.
#[test]
fn a_binary_has_to_be_within_its_budget() {
    let stage = Stage::new().with_rustup("1.85.0").with_binary(&common::ours());
    let size = fs::metadata(common::ours()).unwrap().len();
    if size > LARGEST {
        stage.refuses(&format!("{} has {size} bytes, more than {LARGEST}", binary()));
    } else {
        let line = format!("build-release: {}, {size} bytes", binary());
        assert_eq!(stage.run(), (Some(0), line, String::new()));
    }
}
