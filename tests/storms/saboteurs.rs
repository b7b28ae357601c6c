//! Broken flocks: a storm that does not find out what is wrong with them proves nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A broken flock.
pub struct Saboteur {
    /// What is wrong.
    pub what: &'static str,
    /// The shell script that does it by means of `$REAL`.
    script: &'static str,
    /// It can be had of what util-linux 2.38 can.
    pub common: bool,
    /// It is found where the outcome is certain, and few processes run.
    pub is_calm: bool,
    /// How one of the faults that the storm finds has to begin, if there is one to find.
    pub fault: Option<&'static str>,
}

const fn common(what: &'static str, script: &'static str, fault: &'static str) -> Saboteur {
    Saboteur { what, script, common: true, is_calm: false, fault: Some(fault) }
}

const fn own(what: &'static str, script: &'static str, fault: &'static str) -> Saboteur {
    Saboteur { common: false, ..common(what, script, fault) }
}

impl Saboteur {
    const fn calmly(self) -> Self {
        Self { is_calm: true, ..self }
    }

    /// Makes the program.
    pub fn make(&self, directory: &Path, real: &Path) -> PathBuf {
        let program = directory.join(self.what.replace(' ', "-"));
        let text = format!("#!/bin/sh\nREAL='{}'\n{}\n", real.display(), self.script);
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        program
    }
}

/// The first is not broken: nothing may be found. Then come those that take their time.
pub const SABOTEURS: [Saboteur; 31] = [
    Saboteur { fault: None, ..own("nothing is wrong", r#"exec "$REAL" "$@""#, "") },
    common(
        "it leaves a lock with a process of its own, one time in eight",
        r#"eval "last=\${$#}"; "$REAL" "$@" || exit $?
if [ "$last$(($$ % 8))" = 90 ]; then sleep 600 & fi; exit 0"#,
        "still locked: ",
    ),
    common(
        "it leaves a process without a lock, one time in eight",
        r#"if [ $(($$ % 8)) = 0 ]; then sleep 600 9<&- & fi; exec "$REAL" "$@""#,
        "remains: sleep 600 ",
    ),
    common(
        "one time in 32 it waits for ever",
        r#"[ $(($$ % 32)) != 0 ] || exec sleep 600; exec "$REAL" "$@""#,
        "lost: ",
    ),
    common(
        "it leaves a file, one time in eight",
        r#"[ $(($$ % 8)) != 0 ] || : >"lock.$$"; exec "$REAL" "$@""#,
        "left: the file lock.",
    ),
    common(
        "a timeout of less than a second comes some seconds late",
        r#"for word; do shift; [ "$last" != -w ] || word=4${word#0}; last=$word
set -- "$@" "$word"; done; exec "$REAL" "$@""#,
        "certainly in time: too late: ",
    )
    .calmly(),
    common(
        "it tells of a conflict some seconds late",
        r#""$REAL" "$@"; s=$?; [ $s != 75 ] || sleep 4; exit $s"#,
        "too late: Run ",
    ),
    common(
        "it ends some seconds after its command",
        r#""$REAL" "$@"; s=$?; sleep 4; exit $s"#,
        "certainly free: too late: ",
    )
    .calmly(),
    common(
        "a timeout of less than a second comes after a tenth of the time",
        r#"for word; do shift; [ "$last" != -w ] || word=0.0${word#*.}; last=$word
set -- "$@" "$word"; done; exec "$REAL" "$@""#,
        "certainly in time: too early: ",
    )
    .calmly(),
    common("it does not wait", r#"exec "$REAL" -n "$@""#, "too early: Run "),
    common(
        "it does not wait for long",
        r#"for word; do shift; [ "$word" != --timeout=600 ] || word=-w.01; set -- "$@" "$word"; done
exec "$REAL" "$@""#,
        "a conflict, yet it waits: ",
    ),
    common(
        "it tells of a conflict where there was none",
        r#""$REAL" "$@"; exit 75"#,
        "a conflict, yet it ran: ",
    ),
    common(
        "one time in eight it dies",
        r#"[ $(($$ % 8)) != 0 ] || kill -KILL $$; exec "$REAL" "$@""#,
        "killed by nobody: ",
    ),
    common(
        "one time in eight it locks nothing",
        r#"[ $(($$ % 8)) != 0 ] || set -- -u "$@"; exec "$REAL" "$@""#,
        "two inside: ",
    ),
    common(
        "says of a descriptor that it is locked, one time in eight",
        r#"eval "last=\${$#}"; [ "$last$(($$ % 8))" != 90 ] || exit 0; exec "$REAL" "$@""#,
        "two inside: ",
    ),
    common(
        "an exclusive lock is shared",
        r#"for word; do shift; [ "$word" != -x ] || word=-s; set -- "$@" "$word"; done
exec "$REAL" -s "$@""#,
        "two inside: ",
    ),
    common(
        "a shared lock is exclusive",
        r#"for word; do shift; [ "$word" != -s ] || word=-x; set -- "$@" "$word"; done
exec "$REAL" "$@""#,
        "certainly held: a false report: ",
    )
    .calmly(),
    common("there is a conflict, whoever comes", "exit 75", "certainly free: a false report: ")
        .calmly(),
    common(
        "its status is that of nobody",
        r#""$REAL" "$@"; [ $? = 75 ] && exit 75; exit 0"#,
        "a false status: ",
    ),
    common(
        "SIGTERM does nothing to it",
        r#"trap '' TERM; exec "$REAL" "$@""#,
        "a signal without effect: ",
    ),
    common("it talks", r#"echo locked; exec "$REAL" "$@""#, "said: locked"),
    own(
        "it does not remove",
        r#"for word; do shift; [ "$word" = --remove ] || set -- "$@" "$word"; done
exec "$REAL" "$@""#,
        "not removed: r, exit status: 0",
    ),
    own(
        "--for-pid keeps nothing",
        r#"case " $* " in *' --for-pid '*) exit 0; esac; exec "$REAL" "$@""#,
        "not held: ",
    ),
    own(
        "--also is for nothing",
        r#"for word; do shift; [ "$word" = --also ] || [ "$last" = --also ] || set -- "$@" "$word"
last=$word; done; exec "$REAL" "$@""#,
        "not held: ",
    ),
    own(
        "it forwards nothing",
        r#"for word; do shift; [ "$word" = --forward-signals ] || set -- "$@" "$word"; done
exec "$REAL" "$@""#,
        "certainly forwarded: a false report: ",
    )
    .calmly(),
    own(
        "it locks the whole file",
        r#"for word; do shift; [ "$last" != --length ] || word=0; last=$word
set -- "$@" "$word"; done; exec "$REAL" "$@""#,
        "certainly another range: a false report: ",
    )
    .calmly(),
    own(
        "--holders sees nobody",
        r#"case " $* " in *' --holders '*) echo PID; exit 1; esac; exec "$REAL" "$@""#,
        "holders: nobody seen: ",
    ),
    own(
        "--holders says that there is a lock, always",
        r#"case " $* " in *' --holders '*) "$REAL" "$@"; exit 0; esac; exec "$REAL" "$@""#,
        "holders: held by nobody: ",
    ),
    own(
        "--holders sees somebody where nobody is",
        r#"case " $* " in *' --holders '*) "$REAL" "$@"
echo '1  root  3  flock  shared  held  init'; exit 0; esac; exec "$REAL" "$@""#,
        "certainly seen: a false report: ",
    )
    .calmly(),
    own(
        "--holders sees one too many",
        r#"case " $* " in *' --holders '*) "$REAL" "$@" &&
echo '1  root  3  flock  exclusive  held  init'; exit $?; esac; exec "$REAL" "$@""#,
        "holders: two of whom one has no lock: ",
    ),
    own(
        "--holders takes somebody else for the holder",
        r#"case " $* " in *' --holders '*) "$REAL" "$@" | sed 's/^[1-9]/1&/'; exit 0; esac
exec "$REAL" "$@""#,
        "holders: somebody not seen: ",
    ),
];
