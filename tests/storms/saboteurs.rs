//! Broken flocks: a storm that does not find out what is wrong with them proves nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What is wrong, the shell script that does it by means of `$REAL`, and what has to be
/// among the faults that the storm finds.
pub const SABOTEURS: [(&str, &str, &str); 7] = [
    (
        "one time in eight it locks nothing",
        r#"[ $(($$ % 8)) != 0 ] || set -- -u "$@"; exec "$REAL" "$@""#,
        "two inside",
    ),
    (
        "says of a descriptor that it is locked, one time in eight",
        r#"eval "last=\${$#}"; [ "$last$(($$ % 8))" != 90 ] || exit 0; exec "$REAL" "$@""#,
        "two inside",
    ),
    (
        "an exclusive lock is shared",
        r#"for word; do shift; [ "$word" != -x ] || word=-s; set -- "$@" "$word"; done
exec "$REAL" -s "$@""#,
        "two inside",
    ),
    (
        "one time in eight there is a conflict",
        r#"[ $(($$ % 8)) != 0 ] || exit 75; exec "$REAL" "$@""#,
        "a false report",
    ),
    ("it does not wait", r#"exec "$REAL" -n "$@""#, "too early"),
    (
        "its status is that of nobody",
        r#""$REAL" "$@"; [ $? = 75 ] && exit 75; exit 0"#,
        "a false status",
    ),
    (
        "one time in 32 it waits for ever",
        r#"[ $(($$ % 32)) != 0 ] || exec sleep 600; exec "$REAL" "$@""#,
        "lost",
    ),
];

/// Makes the program.
pub fn make(directory: &Path, number: usize, real: &Path) -> PathBuf {
    let (_, script, _) = SABOTEURS[number];
    let program = directory.join(format!("flock.{number}"));
    let text = format!("#!/bin/sh\nREAL='{}'\n{script}\n", real.display());
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    program
}
