//! The inputs that are kept.

use crate::{TARGETS, run, target};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

/// Without arguments, tries all that is kept. Else:
/// - `try TARGET FILE`: tries one input;
/// - `unpack TARGET FOLDER`: puts what is kept into files of its own;
/// - `pack TARGET FOLDER`: keeps what is in the files of a folder.
pub fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let passed = match words[..] {
        ["try", name, file] => {
            let input = fs::read(file).unwrap();
            println!("{name}: {}", input.escape_ascii());
            try_one(name, &input)
        }
        ["unpack", name, folder] => {
            for (index, input) in kept(name).iter().enumerate() {
                fs::write(Path::new(folder).join(index.to_string()), input).unwrap();
            }
            true
        }
        ["pack", name, folder] => {
            let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            let mut lines: Vec<String> =
                files.map(|file| format!("{}\n", fs::read(file).unwrap().escape_ascii())).collect();
            lines.sort_unstable();
            fs::write(path(name), lines.concat()).unwrap();
            true
        }
        [] => TARGETS.iter().all(|(name, _)| {
            let inputs = kept(name);
            println!("{name}: {} inputs", inputs.len());
            !inputs.is_empty() && inputs.iter().all(|input| try_one(name, input))
        }),
        _ => panic!("{words:?}"),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn try_one(name: &str, input: &[u8]) -> bool {
    let passed = panic::catch_unwind(|| run(target(name), input)).is_ok();
    if !passed {
        println!("FAILED {name}: {}", input.escape_ascii());
    }
    passed
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fuzz/{name}.corpus"))
}

fn kept(name: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path(name)).unwrap();
    text.lines().map(unescape).collect()
}

/// Undoes `escape_ascii`.
fn unescape(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().expect("what is escaped") {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16).unwrap());
                    (high << 4 | low) as u8
                }
                other => other,
            },
            other => other,
        });
    }
    bytes
}
