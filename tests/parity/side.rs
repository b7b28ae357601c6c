//! The two sides: which flock a script finds, and what else it is given.

use crate::common::{self, Scratch, Version};
use crate::plan::Run;
use crate::session;
use crate::shell::Shells;
use crate::watch::{self, Outcome};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whose flock a run tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Ours,
    Reference,
}

impl Side {
    pub const ALL: [Self; 2] = [Self::Ours, Self::Reference];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Reference => "reference",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.name() == name)
    }
}

/// What scripts find on one side.
pub struct Stand {
    pub binary: PathBuf,
    pub path: OsString,
}

/// Both sides, set up in a directory of their own.
pub struct Bench {
    ours: Stand,
    reference: Result<(Stand, Version), String>,
    versions: [String; 2],
    _dir: Scratch,
}

impl Bench {
    /// Finds both binaries, and makes sure that each is what it should be.
    pub fn set_up() -> Result<Self, String> {
        if !common::probe().exists() {
            let path = common::probe();
            return Err(format!(
                "{} is missing: run cargo build --example probe in the same profile",
                path.display()
            ));
        }
        let dir = Scratch::new("parity").map_err(|error| format!("no scratch: {error}"))?;
        let (ours, reference) = (common::ours(), common::reference());
        let told = common::version_text(&ours);
        let told = told.map_err(|error| format!("{}: {error}", ours.display()))?;
        if !told.contains("flock-rs") {
            return Err(format!("{} is not ours: it says '{told}'", ours.display()));
        }
        let stand = |binary: &Path, side: Side| {
            Stand::new(binary, &dir.path().join(side.name()))
                .map_err(|error| format!("cannot set up {}: {error}", side.name()))
        };
        let answer = common::version_text(&reference);
        let version = answer.clone().and_then(|answer| {
            Version::of_util_linux(&answer).ok_or(format!("not util-linux's: '{answer}'"))
        });
        let reference = match version {
            Ok(version) => Ok((stand(&reference, Side::Reference)?, version)),
            Err(error) => Err(format!("reference {} cannot be used: {error}", reference.display())),
        };
        let versions = [told, answer.unwrap_or_default()];
        Ok(Self { ours: stand(&ours, Side::Ours)?, reference, versions, _dir: dir })
    }

    pub fn ours(&self) -> &Stand {
        &self.ours
    }

    /// The version of the reference, or why there is none.
    pub fn reference_version(&self) -> Result<Version, &str> {
        self.reference.as_ref().map(|(_, version)| *version).map_err(String::as_str)
    }

    /// Two lines that name the two sides.
    pub fn describe(&self) -> String {
        let [ours, theirs] = &self.versions;
        let line = |side: Side, stand: &Stand, version: &str| {
            format!("{}: {} ({version})\n", side.name(), stand.binary.display())
        };
        let second = match &self.reference {
            Ok((stand, _)) => line(Side::Reference, stand, theirs),
            Err(error) => format!("{error}\n"),
        };
        line(Side::Ours, &self.ours, ours) + &second
    }

    /// Runs a case in a fresh directory, which is gone afterwards.
    pub fn run(&self, run: &Run, shells: &Shells) -> Outcome {
        self.try_run(run, shells)
            .unwrap_or_else(|error| Outcome { trouble: vec![error], ..Outcome::default() })
    }

    fn try_run(&self, run: &Run, shells: &Shells) -> Result<Outcome, String> {
        let stand = match (run.side, &self.reference) {
            (Side::Ours, _) => &self.ours,
            (Side::Reference, Ok((stand, _))) => stand,
            (Side::Reference, Err(error)) => return Err(error.clone()),
        };
        let dir = Scratch::new("run").map_err(|error| format!("no scratch: {error}"))?;
        let work = dir.path().join("scratch");
        let script = dir.path().join("script");
        common::make_dir(&work).map_err(|error| format!("no scratch: {error}"))?;
        fs::write(&script, run.case.script.as_deref().unwrap_or_default())
            .map_err(|error| format!("no script: {error}"))?;
        let mut command = shells.command(run.shell)?;
        command.arg(&script);
        stand.apply(&mut command, &work);
        let mut outcome = watch::watch(&mut command, run.case.timeout(), &work)
            .map_err(|error| format!("cannot run the shell: {error}"))?;
        if !run.case.is_own() {
            outcome.leave_notices_out();
        }
        if let Err(error) = dir.close() {
            outcome.trouble.push(format!("cannot remove the scratch directory: {error}"));
        }
        Ok(outcome)
    }
}

impl Stand {
    /// Makes the directory that a script finds first on its PATH.
    fn new(binary: &Path, dir: &Path) -> io::Result<Self> {
        common::make_dir(dir)?;
        let binary = place(binary, &dir.join("flock"))?;
        place(&common::probe(), &dir.join("probe"))?;
        Ok(Self { binary, path: common::path_with(dir) })
    }

    /// Gives a command its environment, directory and descriptors.
    fn apply(&self, command: &mut Command, scratch: &Path) {
        command.env_clear().env("PATH", &self.path).env("HOME", scratch).env("LC_ALL", "C");
        command.env("SHELL", "/bin/sh").env("FLOCK", &self.binary).env("SCRATCH", scratch);
        command.current_dir(scratch);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        session::isolate(command);
    }
}

/// Links to a program; copies one that other users could not get to. Returns
/// where it then is.
fn place(program: &Path, link: &Path) -> io::Result<PathBuf> {
    if common::is_reachable(program) {
        symlink(program, link)?;
        Ok(program.to_owned())
    } else {
        fs::copy(program, link)?;
        fs::set_permissions(link, Permissions::from_mode(0o755))?;
        Ok(link.to_owned())
    }
}
