//! The corpus as written down: scripts, and programs for them to run.

/// A program that stands in for others.
pub struct Program {
    pub names: Vec<String>,
    pub text: String,
}

/// One way of calling flock.
pub struct Script {
    pub number: usize,
    /// The options and operands that it is about.
    pub title: String,
    /// The whole file, with its `#!`.
    pub text: String,
    /// How it is run.
    pub hows: Vec<How>,
    /// What ours alone prints first, by how it is run.
    ours: Vec<(String, String)>,
    /// What 2.43 comes to, by how it is run.
    says: Vec<(String, String)>,
}

/// What other process has something locked.
#[derive(Clone)]
pub enum How {
    Free,
    /// Until the script is over.
    Held(Hold),
    /// Until somebody waits for it.
    Brief(Hold),
}

/// What is locked.
#[derive(Clone)]
pub struct Hold {
    /// Its name, as seen from the script; one that ends in `/` is a directory.
    pub file: String,
    /// By fcntl(2) rather than flock(2).
    pub by_fcntl: bool,
}

impl How {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Held(_) => "held",
            Self::Brief(_) => "brief",
        }
    }
}

impl Script {
    /// What ours prints before what util-linux prints.
    pub fn preface(&self, how: &How) -> String {
        let lines = self.ours.iter().filter(|(name, _)| name == how.name());
        lines.flat_map(|(_, line)| [line, "\n"]).collect()
    }

    /// The status and the stdout to expect where util-linux 2.38.1 cannot tell.
    pub fn said(&self, how: &How) -> Option<(i32, String)> {
        let (_, said) = self.says.iter().find(|(name, _)| name == how.name())?;
        let (status, stdout) = said.split_once(' ')?;
        Some((status.parse().ok()?, stdout.trim_end_matches("\\n").replace("\\n", "\n") + "\n"))
    }

    fn new(title: &str, body: &str) -> Result<Self, String> {
        let (number, title) = title.split_once(' ').ok_or("no number")?;
        let mut script = Self {
            number: number.parse().map_err(|_| format!("no number: {number}"))?,
            title: title.to_owned(),
            text: String::new(),
            hows: vec![How::Free],
            ours: Vec::new(),
            says: Vec::new(),
        };
        let mut shell = "bash";
        for directive in body.lines().filter_map(|line| line.strip_prefix("#@ ")) {
            match directive.split_once(' ') {
                Some(("held", hold)) => script.hows.push(How::Held(Hold::new(hold))),
                Some(("brief", hold)) => script.hows.push(How::Brief(Hold::new(hold))),
                Some(("shell", name)) => shell = name,
                Some(("ours", rest)) => script.ours.push(by_how(rest)?),
                Some(("says", rest)) => script.says.push(by_how(rest)?),
                _ => return Err(format!("unknown: {directive}")),
            }
        }
        script.text = format!("#!/usr/bin/env {shell}\n{body}");
        Ok(script)
    }
}

impl Hold {
    fn new(text: &str) -> Self {
        let file = text.strip_suffix(" by fcntl");
        Self { file: file.unwrap_or(text).to_owned(), by_fcntl: file.is_some() }
    }
}

fn by_how(text: &str) -> Result<(String, String), String> {
    let (how, rest) = text.split_once(": ").ok_or_else(|| format!("no colon: {text}"))?;
    Ok((how.to_owned(), rest.to_owned()))
}

/// Reads the corpus. What stands before the first title explains it to people.
pub fn read(text: &str) -> Result<(Vec<Program>, Vec<Script>), String> {
    let (mut programs, mut scripts) = (Vec::new(), Vec::new());
    for section in text.split("\n=== ").skip(1) {
        let (title, body) = section.split_once('\n').ok_or("a title without a text")?;
        match title.strip_prefix("program ") {
            Some(names) => programs.push(Program {
                names: names.split(' ').map(str::to_owned).collect(),
                text: body.to_owned(),
            }),
            None => scripts.push(Script::new(title, body).map_err(|e| format!("{title}: {e}"))?),
        }
    }
    Ok((programs, scripts))
}
