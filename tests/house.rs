//! The order of the house: what src/ promises about itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use flock_rs::options;
use std::fs;
use std::path::{Path, PathBuf};

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    assert!(!files.is_empty(), "no source in {}", directory.display());
    files
}

fn source() -> Vec<(PathBuf, String)> {
    let files = files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The module of the library that a file belongs to.
fn module(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules in the order in which lib.rs lists them.
fn modules() -> Vec<String> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let text = fs::read_to_string(library).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("pub mod "));
    lines.map(|line| line.trim_end_matches(';').to_owned()).collect()
}

#[test]
fn a_module_uses_only_those_listed_above_it() {
    let order = modules();
    let place = |name: &str| {
        order.iter().position(|module| module == name).unwrap_or_else(|| panic!("module {name}"))
    };
    let mut found = 0;
    for (path, text) in source() {
        let module = module(&path);
        if module == "lib" || module == "main" {
            continue;
        }
        for used in text.lines().filter_map(|line| line.trim().strip_prefix("use crate::")) {
            for used in used.trim_matches(|c| "{};".contains(c)).split(", ") {
                let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                if !order.contains(&used.to_owned()) {
                    continue;
                }
                assert!(place(used) < place(&module), "{module} uses {used}, which is below it");
                found += 1;
            }
        }
    }
    assert!(found > 10, "only {found} uses found: the check does not see them");
}

#[test]
fn unsafe_code_is_in_sys_alone() {
    let mut found = 0;
    for (path, text) in source() {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let count = code.filter(|line| line.contains("unsafe {") || line.contains("unsafe fn"));
        let count = count.count();
        found += count;
        assert!(count == 0 || module(&path) == "sys", "unsafe code in {}", path.display());
    }
    assert!(found > 0, "no unsafe code found: the check does not see it");
}

#[test]
fn each_file_says_what_it_is_for() {
    for (path, text) in source() {
        assert!(text.starts_with("//! "), "{} does not", path.display());
    }
}

#[test]
fn a_file_has_at_most_250_lines_of_code() {
    for (path, text) in source() {
        let code = text.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= 250, "{} has {lines}", path.display());
    }
}

#[test]
fn every_option_is_in_the_usage() {
    let usage = String::from_utf8(flock_rs::help::usage(b"flock")).unwrap();
    for (name, _) in options::LONG.iter().chain(&options::OWN) {
        assert!(usage.contains(&format!("--{name}")), "--{name} is not");
    }
}

#[test]
fn the_readme_knows_the_oldest_rust() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(manifest.join("README.md")).unwrap();
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert_eq!(readme.matches(&format!(" {version} ")).count(), 2, "Rust {version}");
}

#[test]
fn the_changelog_knows_the_version() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let changelog = fs::read_to_string(manifest.join("CHANGELOG.md")).unwrap();
    assert!(changelog.contains("\n## Unreleased\n"), "no place for what comes next");
    let version = env!("CARGO_PKG_VERSION");
    // As packaging/RELEASING.md has it: `## 1.2.3 - 2030-01-31`.
    let headings = changelog.lines().filter_map(|line| line.strip_prefix("## "));
    let mut released = headings.filter(|heading| *heading != "Unreleased");
    let newest = released.next().map(|heading| heading.split(" - ").next().unwrap());
    assert!(newest.is_none_or(|newest| newest == version), "{newest:?} is not {version}");
}

#[test]
fn the_readme_has_the_figures_of_the_benchmark() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(manifest.join("README.md")).unwrap();
    let (_, rest) = readme.split_once("<!-- Figures, written by").unwrap();
    let (figures, _) = rest.split_once("<!-- Figures: end. -->").unwrap();
    assert!(figures.lines().filter(|line| line.starts_with('|')).count() > 2, "{figures}");
}
