//! A shell with flock's completion, installed as a distribution installs it.

use crate::common::{self, Scratch};
use crate::terminal::Terminal;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The shells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// With bash-completion.
    Bash,
    /// With nothing but the file of flock.
    BareBash,
    Zsh,
    Fish,
}

use Shell::{BareBash, Bash, Fish, Zsh};

/// The prompt; a completion never prints it.
const PROMPT: &str = "@@ ";

/// What descriptor 9 leads to: a name that must not reach the terminal as it is.
const HELD: &str = "he\x1bld";

/// The key that has the shell print its line, between these two, and empty it.
const REPORT: &str = "\x1f";
const BEGIN: &str = "\n\x01";
const END: &str = "\x02";

/// What bash reads first. The list of Tab is one word a line, however many they are.
const BASHRC: &str = r#"
PS1='@@ '
. "$FIRST"
complete -W '--alpha --beta' zqrun
report() { printf '\n\001%s\002\n' "$READLINE_LINE"; READLINE_LINE='' READLINE_POINT=0; }
bind 'set completion-display-width 0'
bind 'set completion-query-items -1'
bind 'set page-completions off'
bind 'set enable-bracketed-paste off'
bind -x '"\C-_": report'
"#;

/// What zsh reads first. With BAUD at 0 it shows a list even if the next key is there.
const ZSHRC: &str = r"
PS1='@@ '
unsetopt prompt_sp prompt_cr
BAUD=0 LISTMAX=10000
fpath=($HOME/zsh $fpath)
autoload -U compinit
compinit -u -d $HOME/zcompdump
_zqrun() { _arguments '--alpha[the first]' '--beta[the second]' }
compdef _zqrun zqrun
zstyle ':completion:*' list-grouped false
report() { zle -Rc; zle -I; print -r -- $'\n\x01'$BUFFER$'\x02'; BUFFER= }
zle -N report
bindkey '^_' report
";

/// What fish reads first.
const FISHRC: &str = r"
function fish_prompt; echo -n '@@ '; end
function fish_greeting; end
function report; printf '\n\001%s\002\n' (commandline -b | string collect); commandline -r ''; end
set -p fish_complete_path $HOME/fish
complete -c zqrun -f -l alpha -d 'the first'
complete -c zqrun -f -l beta -d 'the second'
bind \c_ report
";

/// Asks for completions, a line at a time, and ends each answer.
const FISH_TABLE: &str = r"
for line in $argv
    complete --do-complete=$line
    echo '<<>>'
end
";

/// A scratch directory with what there is to complete.
pub struct Stage {
    scratch: Scratch,
    ninth: File,
}

impl Stage {
    pub fn new() -> Self {
        let scratch = Scratch::new("completion").unwrap();
        let at = |name: &str| scratch.path().join(name);
        for directory in ["bin", "completions", "fish", "work", "work/sub", "zsh"] {
            common::make_dir(&at(directory)).unwrap();
        }
        for file in ["work/42", "work/lock", "work/other file", "bin/zqread", "bin/zqrun"] {
            fs::write(at(file), "").unwrap();
            let mode = if file.starts_with("bin/") { 0o755 } else { 0o644 };
            fs::set_permissions(at(file), Permissions::from_mode(mode)).unwrap();
        }
        symlink(completion_file("flock.bash"), at("completions/flock")).unwrap();
        symlink(completion_file("_flock"), at("zsh/_flock")).unwrap();
        symlink(completion_file("flock.fish"), at("fish/flock.fish")).unwrap();
        for (name, text) in
            [("bashrc", BASHRC), (".zshrc", ZSHRC), ("fishrc", FISHRC), ("table", FISH_TABLE)]
        {
            fs::write(at(name), text).unwrap();
        }
        let ninth = File::create(at(HELD)).unwrap();
        Self { scratch, ninth }
    }

    /// The file that descriptor 9 leads to.
    pub fn held(&self) -> PathBuf {
        self.scratch.path().join(HELD)
    }

    fn command(&self, shell: Shell) -> Command {
        let home = self.scratch.path();
        let mut command = Command::new(shell.program());
        command.current_dir(home.join("work")).env_clear();
        command.env("PATH", common::path_with(&home.join("bin"))).env("HOME", home);
        command.env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        command
    }

    /// An interactive shell that waits for a line. `rc` is more for it to read first.
    pub fn start(&self, shell: Shell, rc: &str) -> Session {
        let home = self.scratch.path();
        let mut command = self.command(shell);
        match shell {
            Bash | BareBash => {
                let bare = home.join("completions/flock");
                let first = if shell == Bash { bash_completion() } else { bare };
                command.env("FIRST", first).env("BASH_COMPLETION_USER_DIR", home);
                fs::write(home.join("bashrc"), format!("{BASHRC}{rc}")).unwrap();
                command.args(["--noprofile", "--rcfile"]).arg(home.join("bashrc")).arg("-i");
            }
            Zsh => {
                fs::write(home.join(".zshrc"), format!("{ZSHRC}{rc}")).unwrap();
                command.args(["-d", "-i"]);
            }
            Fish => {
                let read = format!("source {}", home.join("fishrc").display());
                command.args(["--no-config", "--init-command", &read, "-i"]);
            }
        }
        let mut terminal = Terminal::start(command, &self.ninth);
        terminal.until(PROMPT);
        Session { terminal, shell }
    }

    /// What fish offers for each line, with what it says of it.
    pub fn fish(&self, lines: &[&str]) -> Vec<Vec<(String, String)>> {
        let home = self.scratch.path();
        let read = format!("source {}", home.join("fishrc").display());
        let mut command = self.command(Fish);
        command.args(["--no-config", "--init-command", &read]).arg(home.join("table")).args(lines);
        let mut terminal = Terminal::start(command, &self.ninth);
        let answers = lines.iter().map(|_| {
            let text = terminal.until("<<>>").replace('\r', "");
            let offers = text.lines().filter(|line| !line.is_empty());
            let parts = offers.map(|line| line.split_once('\t').unwrap_or((line, "")));
            parts.map(|(offer, what)| (offer.to_owned(), what.to_owned())).collect()
        });
        answers.collect()
    }
}

impl Shell {
    fn program(self) -> &'static str {
        match self {
            Bash | BareBash => "bash",
            Zsh => "zsh",
            Fish => "fish",
        }
    }

    /// Whether it is here, which CI demands; says so if not.
    pub fn is_here(self) -> bool {
        let missing = if common::find_program(self.program()).is_none() {
            self.program()
        } else if self == Bash && !bash_completion().exists() {
            "bash-completion"
        } else {
            return true;
        };
        assert!(!common::in_ci(), "{missing} is missing");
        eprintln!("skipped: {missing} is missing");
        false
    }

    /// Has the shell look whether its file can be parsed.
    pub fn parses(self) -> bool {
        let file = match self {
            Bash | BareBash => "flock.bash",
            Zsh => "_flock",
            Fish => "flock.fish",
        };
        let mut command = Command::new(self.program());
        command.arg("-n").arg(completion_file(file)).stdin(Stdio::null());
        let output = command.output().unwrap();
        output.status.success() && output.stdout.is_empty() && output.stderr.is_empty()
    }
}

/// An interactive shell.
pub struct Session {
    terminal: Terminal,
    shell: Shell,
}

impl Session {
    /// Types a line and Tab; what the shell then shows, and its line.
    fn press_tab(&mut self, line: &str) -> (String, String) {
        self.terminal.type_in(&format!("{line}\t{REPORT}"));
        let shown = format!("{PROMPT}{}", self.terminal.until(BEGIN));
        let line = self.terminal.until(END);
        (shown, line)
    }

    /// The line that Tab leaves.
    pub fn completed(&mut self, line: &str) -> String {
        self.press_tab(line).1
    }

    /// The list that Tab shows, where it is set to show one: each word, and what is
    /// said of it.
    pub fn listed(&mut self, line: &str) -> Vec<(String, String)> {
        let (shown, unchanged) = self.press_tab(line);
        assert_eq!(unchanged, line, "the list changed the line");
        let mut offers = Vec::new();
        for line in plain(&shown).lines().filter(|line| !line.contains(PROMPT)) {
            let (words, what) = line.split_once(" -- ").unwrap_or((line, ""));
            let words: Vec<&str> = match self.shell {
                Zsh => words.split("  ").map(str::trim).collect(),
                Bash | BareBash | Fish => vec![words],
            };
            let words = words.into_iter().filter(|word| !word.is_empty());
            offers.extend(words.map(|word| (word.replace('\\', ""), what.trim().to_owned())));
        }
        if offers.is_empty() && self.shell != Zsh {
            // After a failure, bash's list types the next word that is the only one.
            self.press_tab("echo lo");
        }
        offers
    }
}

/// Without the sequences that move the cursor. To go up is to go back to the prompt.
fn plain(shown: &str) -> String {
    let mut text = String::new();
    let mut characters = shown.chars();
    while let Some(character) = characters.next() {
        match character {
            '\x1b' if characters.next() == Some('[') => {
                let end = characters.find(char::is_ascii_alphabetic);
                if end == Some('A') {
                    text.push('\n');
                    text.push_str(PROMPT);
                }
            }
            '\x1b' | '\r' | '\x07' => (),
            _ => text.push(character),
        }
    }
    text
}

fn completion_file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/completions")).join(name)
}

/// bash-completion's own file: `$BASH_COMPLETION`, to try another version, or the system's.
fn bash_completion() -> PathBuf {
    let system = "/usr/share/bash-completion/bash_completion";
    std::env::var_os("BASH_COMPLETION").map_or(PathBuf::from(system), PathBuf::from)
}
