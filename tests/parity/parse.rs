//! The parser of case files: any line that it does not know is an error.

use crate::case::{Case, Which};
use crate::common::Version;
use crate::contract;
use crate::shell::Shell;
use std::str;
use std::time::Duration;

/// Stands in a block for an output without a newline at its end.
pub const NO_NEWLINE: &str = "--- no newline";

/// Reads a file's cases. The error is `file:line: what is wrong`.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Vec<Case>, String> {
    let mut parser = Parser { file, line: 0, cases: Vec::new(), block: None };
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let lines = body.split(|byte| *byte == b'\n');
    for line in lines.filter(|_| !bytes.is_empty()) {
        parser.line += 1;
        parser.take(line).map_err(|error| format!("{file}:{}: {error}", parser.line))?;
    }
    parser.end_case().map_err(|error| format!("{file}:{}: {error}", parser.line))?;
    Ok(parser.cases)
}

struct Parser<'a> {
    file: &'a str,
    line: usize,
    cases: Vec<Case>,
    block: Option<Block>,
}

/// The block being read.
struct Block {
    kind: Kind,
    text: Vec<u8>,
    /// It has had its `--- no newline`, and no line may follow.
    is_closed: bool,
}

enum Kind {
    Script,
    Stdout(Which),
    Stderr(Which),
    Exit(Which, u8),
}

impl Parser<'_> {
    fn take(&mut self, line: &[u8]) -> Result<(), String> {
        if let Some(title) = line.strip_prefix(b"=== ") {
            self.end_case()?;
            let heading = heading(text(title)?)?;
            self.cases.push(Case::new(self.file, self.line, heading));
        } else if line == NO_NEWLINE.as_bytes() {
            self.cut_newline()?;
        } else if let Some(header) = line.strip_prefix(b"--- ") {
            self.end_block()?;
            self.begin_block(text(header)?)?;
        } else if let Some(block) = &mut self.block {
            block.push(line)?;
        } else if let Some(case) = self.cases.last_mut() {
            attribute(case, text(line)?)?;
        } else if !line.is_empty() && !line.starts_with(b"#") {
            return Err("neither a comment nor a case".to_owned());
        }
        Ok(())
    }

    fn begin_block(&mut self, header: &str) -> Result<(), String> {
        let case = self.cases.last().ok_or("a block before the first case")?;
        let kind = kind(header)?;
        if kind.which() == Some(Which::Reference) && case.differs.is_empty() {
            return Err("a block for the reference in a case without [differs: …]".to_owned());
        }
        self.block = Some(Block { kind, text: Vec::new(), is_closed: false });
        Ok(())
    }

    fn cut_newline(&mut self) -> Result<(), String> {
        let block = self.block.as_mut().ok_or("'--- no newline' outside a block")?;
        let is_output = matches!(block.kind, Kind::Stdout(_) | Kind::Stderr(_));
        if !is_output || block.is_closed || block.text.pop().is_none() {
            return Err("'--- no newline' must follow the last line of an output".to_owned());
        }
        block.is_closed = true;
        Ok(())
    }

    /// Hands the block that was read to its case.
    fn end_block(&mut self) -> Result<(), String> {
        let (Some(Block { kind, text, .. }), Some(case)) =
            (self.block.take(), self.cases.last_mut())
        else {
            return Ok(());
        };
        let is_new = match kind {
            Kind::Script => case.script.replace(text).is_none(),
            Kind::Stdout(which) => case.stdout.add(which, text),
            Kind::Stderr(which) => case.stderr.add(which, text),
            Kind::Exit(which, status) => case.exit.add(which, status),
        };
        if is_new { Ok(()) } else { Err("the block before this line is there twice".to_owned()) }
    }

    fn end_case(&mut self) -> Result<(), String> {
        if let Some(block) = &mut self.block {
            block.drop_separator();
        }
        self.end_block()?;
        match self.cases.last() {
            Some(case) if case.script.as_ref().is_none_or(Vec::is_empty) => {
                Err(format!("the case of line {} has no script", case.line))
            }
            _ => Ok(()),
        }
    }
}

impl Block {
    fn push(&mut self, line: &[u8]) -> Result<(), String> {
        if self.is_closed || matches!(self.kind, Kind::Exit(..)) {
            return if line.is_empty() { Ok(()) } else { Err("a line below the end".to_owned()) };
        }
        self.text.extend_from_slice(unescape(line));
        self.text.push(b'\n');
        Ok(())
    }

    /// Drops the empty line that may stand between two cases.
    fn drop_separator(&mut self) {
        if !self.is_closed && (self.text.ends_with(b"\n\n") || self.text == b"\n") {
            self.text.pop();
        }
    }
}

impl Kind {
    fn which(&self) -> Option<Which> {
        match self {
            Self::Script => None,
            Self::Stdout(which) | Self::Stderr(which) | Self::Exit(which, _) => Some(*which),
        }
    }
}

/// Whether a line needs a backslash before it in a block: it would be taken
/// for a header, or for one that has its backslash already.
pub fn needs_backslash(line: &[u8]) -> bool {
    let mut rest = line;
    while let Some(shorter) = rest.strip_prefix(b"\\") {
        rest = shorter;
    }
    rest.starts_with(b"--- ") || rest.starts_with(b"=== ")
}

/// Drops the backslash that keeps a line from being a header.
fn unescape(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\\").filter(|rest| needs_backslash(rest)).unwrap_or(line)
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

/// Reads `IDS: title`.
fn heading(line: &str) -> Result<(Vec<String>, String), String> {
    let (ids, title) = line.split_once(": ").ok_or("a case wants 'IDS: title'")?;
    let ids = ids_of(ids)?;
    if title.trim().is_empty() {
        return Err("a case without a title".to_owned());
    }
    Ok((ids, title.to_owned()))
}

/// Reads ids, of which there must be one, and none twice.
fn ids_of(words: &str) -> Result<Vec<String>, String> {
    let mut ids: Vec<String> = Vec::new();
    for id in words.split_whitespace() {
        if !contract::is_row(id) && !contract::FREE.contains(&id) {
            return Err(format!("'{id}' is not an id"));
        }
        if ids.iter().any(|other| other == id) {
            return Err(format!("the id {id} is there twice"));
        }
        ids.push(id.to_owned());
    }
    if ids.is_empty() { Err("no id".to_owned()) } else { Ok(ids) }
}

/// Reads what follows `--- `.
fn kind(header: &str) -> Result<Kind, String> {
    let words: Vec<&str> = header.split(' ').collect();
    let unknown = || format!("unknown block '{header}'");
    match words.as_slice() {
        ["script"] => Ok(Kind::Script),
        ["stdout", rest @ ..] => which(rest).map(Kind::Stdout).ok_or_else(unknown),
        ["stderr", rest @ ..] => which(rest).map(Kind::Stderr).ok_or_else(unknown),
        ["exit", status, rest @ ..] => {
            let status = status.parse().map_err(|_| "an exit status is 0 to 255")?;
            which(rest).map(|which| Kind::Exit(which, status)).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}

fn which(words: &[&str]) -> Option<Which> {
    match words {
        [] => Some(Which::All),
        ["reference"] => Some(Which::Reference),
        ["before", version] => Version::parse(version).map(Which::Before),
        _ => None,
    }
}

/// Reads a line such as `[since: 2.41]` into the case.
fn attribute(case: &mut Case, line: &str) -> Result<(), String> {
    let inner = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.ok_or("neither an attribute nor a block")?;
    let (name, value) = inner.split_once(": ").unwrap_or((inner, ""));
    let words = || value.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let was_unset = match name {
        "shells" => set(&mut case.shells, shells(value)?),
        "needs" => set(&mut case.needs, words()),
        "differs" => set(&mut case.differs, ids_of(value)?),
        "since" => {
            let version = Version::parse(value).ok_or("[since: …] wants a version")?;
            case.since.replace(version).is_none()
        }
        "timeout" => {
            let seconds = value.parse().ok().filter(|seconds| *seconds > 0);
            case.set_timeout(Duration::from_secs(seconds.ok_or("[timeout: …] wants seconds")?))
        }
        "root" if inner == name => !std::mem::replace(&mut case.root, true),
        _ => return Err(format!("unknown attribute '{line}'")),
    };
    if was_unset { Ok(()) } else { Err(format!("'{line}' is empty or there twice")) }
}

/// Sets a list that was empty to one that is not.
fn set<T>(list: &mut Vec<T>, value: Vec<T>) -> bool {
    let is_good = list.is_empty() && !value.is_empty();
    *list = value;
    is_good
}

/// Reads the words of `[shells: …]`, each shell once, in the shells' order.
fn shells(words: &str) -> Result<Vec<Shell>, String> {
    let mut shells = Vec::new();
    for word in words.split_whitespace() {
        shells.extend(Shell::group(word).ok_or_else(|| format!("unknown shell '{word}'"))?);
    }
    shells.sort_unstable();
    shells.dedup();
    Ok(shells)
}
