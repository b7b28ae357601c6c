//! The shells that scripts run in, and where they are on this machine.

use crate::common;
use crate::side::Stand;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A shell that a case may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shell {
    Dash,
    Bash,
    Ash,
    Zsh,
    Ksh93,
    Mksh,
    Yash,
    Fish,
}

impl Shell {
    pub const ALL: [Self; 8] = [
        Self::Dash,
        Self::Bash,
        Self::Ash,
        Self::Zsh,
        Self::Ksh93,
        Self::Mksh,
        Self::Yash,
        Self::Fish,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Dash => "dash",
            Self::Bash => "bash",
            Self::Ash => "ash",
            Self::Zsh => "zsh",
            Self::Ksh93 => "ksh93",
            Self::Mksh => "mksh",
            Self::Yash => "yash",
            Self::Fish => "fish",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shell| shell.name() == name)
    }

    /// The shells that a word of `[shells: …]` stands for.
    pub fn group(word: &str) -> Option<Vec<Self>> {
        match word {
            "all" => Some(Self::ALL.to_vec()),
            "posix" => Some(Self::ALL.into_iter().filter(|shell| *shell != Self::Fish).collect()),
            _ => Self::named(word).map(|shell| vec![shell]),
        }
    }

    /// The program; ash is an applet of busybox.
    fn program(self) -> &'static str {
        if self == Self::Ash { "busybox" } else { self.name() }
    }

    /// A command that starts this shell from `path`.
    fn command(self, path: &Path) -> Command {
        let mut command = Command::new(path);
        if self == Self::Ash {
            command.arg("ash");
        }
        command
    }
}

/// Where each shell is, or why it cannot be used.
pub struct Shells {
    found: Vec<(Shell, Result<PathBuf, String>)>,
}

impl Shells {
    /// Looks for all shells. `stand` is for trying one out.
    pub fn find(stand: &Stand) -> Self {
        let find = |shell: Shell| {
            let missing = || format!("{} is missing", shell.name());
            let path = common::find_program(shell.program()).ok_or_else(missing)?;
            if shell == Shell::Ash && !runs_ours(shell.command(&path), stand) {
                return Err("busybox ash prefers its own flock".to_owned());
            }
            Ok(path)
        };
        Self { found: Shell::ALL.map(|shell| (shell, find(shell))).into() }
    }

    /// A command that starts a shell, or why that cannot be.
    pub fn command(&self, shell: Shell) -> Result<Command, String> {
        let found = self.found.iter().find(|(other, _)| *other == shell);
        let (_, path) = found.ok_or("an unknown shell")?;
        path.as_ref().map(|path| shell.command(path)).map_err(Clone::clone)
    }
}

/// Whether `flock` in this shell is the one on PATH: a busybox that is built
/// to stand alone would run its own applet, and the case would test that.
fn runs_ours(mut shell: Command, stand: &Stand) -> bool {
    shell.args(["-c", "flock --version"]).env("PATH", &stand.path).stdin(Stdio::null());
    let output = shell.stderr(Stdio::null()).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("flock-rs"))
}
