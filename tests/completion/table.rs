//! What is offered, position by position.

/// A line up to the cursor, and what is offered there in every shell.
pub struct Position {
    pub line: &'static str,
    /// What some shells repeat before each word that they offer.
    pub lead: &'static str,
    pub offers: Offers,
}

pub enum Offers {
    /// These words. A comma stands between them: some have blanks.
    Words(&'static str),
    /// Every option that begins so, but these.
    OptionsBut(&'static str, &'static str),
}

use Offers::{OptionsBut, Words};

const fn words(line: &'static str, words: &'static str) -> Position {
    Position { line, lead: "", offers: Words(words) }
}

const fn glued(line: &'static str, lead: &'static str, words: &'static str) -> Position {
    Position { line, lead, offers: Words(words) }
}

const fn options(line: &'static str, start: &'static str, but: &'static str) -> Position {
    Position { line, lead: "", offers: OptionsBut(start, but) }
}

pub const TABLE: &[Position] = &[
    // Options.
    options("flock -", "-", "-c --command"),
    options("flock --", "--", "--command"),
    options("flock --no", "--no", ""),
    options(
        "flock -s -",
        "-",
        "-c --command -h --help -V --version -s --shared -x -e --exclusive -u --unlock --holders",
    ),
    options(
        "flock --exclusive --",
        "--",
        "--command --help --version --shared --exclusive --unlock --holders",
    ),
    options(
        "flock -n -",
        "-",
        "-c --command -h --help -V --version -n --nb --nonblocking -w --timeout --wait --holders",
    ),
    options(
        "flock -w 5 --",
        "--",
        "--command --help --version --nb --nonblocking --timeout --wait --holders",
    ),
    options(
        "flock --wait=5 --",
        "--",
        "--command --help --version --nb --nonblocking --timeout --wait --holders",
    ),
    options(
        "flock -o --",
        "--",
        "--command --help --version --close --no-fork --holders --for-pid",
    ),
    options(
        "flock --no-fork --",
        "--",
        "--command --help --version --close --no-fork --holders --for-pid --remove --forward-signals",
    ),
    options(
        "flock -sn --",
        "--",
        "--command --help --version --shared --exclusive --unlock --nb --nonblocking --timeout --wait --holders",
    ),
    options(
        "flock -sE 3 --",
        "--",
        "--command --help --version --shared --exclusive --unlock --conflict-exit-code --holders",
    ),
    options(
        "flock --start 4 --length=5 --verbose --fcntl --",
        "--",
        "--command --help --version --start --length --verbose --fcntl --holders",
    ),
    words("flock -h -", ""),
    words("flock -h ", ""),
    words("flock --version --", ""),
    words("flock -sh ", ""),
    // Their values.
    words("flock -w ", "1s,10s,1m,10m,1h,inf"),
    words("flock --timeout ", "1s,10s,1m,10m,1h,inf"),
    words("flock --wait 2", "2s,2m,2h,2d"),
    words("flock -w 2.5", "2.5s,2.5m,2.5h,2.5d"),
    words("flock -w i", "inf"),
    words("flock -nw ", "1s,10s,1m,10m,1h,inf"),
    words("flock -w 3 -w ", "1s,10s,1m,10m,1h,inf"),
    glued("flock -w5", "-w", "5s,5m,5h,5d"),
    glued("flock -nw5", "-nw", "5s,5m,5h,5d"),
    glued("flock --timeout=", "--timeout=", "1s,10s,1m,10m,1h,inf"),
    glued("flock --timeout=5", "--timeout=", "5s,5m,5h,5d"),
    words("flock -E ", "0,1,75"),
    words("flock --conflict-exit-code 7", "75"),
    glued("flock -E7", "-E", "75"),
    words("flock --start ", "0,1,1K,1M,1G"),
    words("flock --length 4", "4,4K,4M,4G,4T"),
    glued("flock --length=4", "--length=", "4,4K,4M,4G,4T"),
    words("flock --fd ", "0,1,2,9"),
    glued("flock --fd=", "--fd=", "0,1,2,9"),
    // What is locked.
    words("flock ", "0,1,2,9,42,lock,other file,sub/"),
    words("flock l", "lock"),
    words("flock 9", "9"),
    words("flock 4", "42"),
    words("flock -n ", "0,1,2,9,42,lock,other file,sub/"),
    words("flock -u ", "0,1,2,9,42,lock,other file,sub/"),
    words("flock -w 5 -w 7 l", "lock"),
    words("flock -n -w 5 l", "lock"),
    words("flock -nw5 l", "lock"),
    words("flock -w5 -E 3 -x -s --start=0 l", "lock"),
    words("flock -- l", "lock"),
    words("flock -n -- l", "lock"),
    words("flock -- -", ""),
    words("flock sub/", ""),
    // Behind an abbreviation.
    words("flock --time 5 l", "lock"),
    words("flock --tim=5 --excl l", "lock"),
    words("flock --con 7 lock zq", "zqread,zqrun"),
    words("flock --tim=5 -- l", "lock"),
    options("flock --tim 5 --n", "--n", "--nb --nonblocking"),
    // The command.
    words("flock lock zq", "zqread,zqrun"),
    words("flock -n lock zq", "zqread,zqrun"),
    words("flock -- lock zq", "zqread,zqrun"),
    words("flock -w 5 -w 7 lock zq", "zqread,zqrun"),
    words("flock 'other file' zq", "zqread,zqrun"),
    words("flock a=b zq", "zqread,zqrun"),
    words("flock lock -", "-c,--command"),
    words("flock lock --c", "--command"),
    words("flock -n lock -", "-c,--command"),
    words("flock lock -n -", ""),
    words("flock lock zqrun --", "--alpha,--beta"),
    words("flock -n lock zqrun --a", "--alpha"),
    words("flock -w 5 -w 7 lock zqrun --", "--alpha,--beta"),
    words("flock lock flock --exc", "--exclusive"),
    words("flock lock flock -w ", "1s,10s,1m,10m,1h,inf"),
    words("flock lock flock lock zq", "zqread,zqrun"),
    words("flock lock -c zq", "zqread,zqrun"),
    words("flock lock --command zq", "zqread,zqrun"),
    words("flock lock -c zqrun zq", ""),
    // The command of an open descriptor.
    words("flock --fd 9 zq", "zqread,zqrun"),
    words("flock --fd=9 -n zq", "zqread,zqrun"),
    words("flock --fd 9 zqrun --", "--alpha,--beta"),
    words("flock --fd 9 -c zq", "zqread,zqrun"),
    words("flock --fd 9 -c -n zq", "zqread,zqrun"),
    words("flock -c --fd 9 zq", "zqread,zqrun"),
    words("flock --fd 9 -c zqrun zq", ""),
    options("flock --fd 9 -", "-", "-h --help -V --version --fd --for-pid --remove"),
    options(
        "flock --fd 9 -c --",
        "--",
        "--help --version --fd --command --holders --for-pid --remove",
    ),
    options("flock --fd 9 --c", "--c", ""),
    // What util-linux has not.
    words("flock --holders ", "42,lock,other file,sub/"),
    words("flock --holders lock ", "42,lock,other file,sub/"),
    words("flock --holders -", "--fd"),
    words("flock --holders --fd ", "0,1,2,9"),
    words("flock --holders --fd 9 ", ""),
    words("flock --holders --fd 9 -", ""),
    words("flock --fd 9 --holders ", ""),
    words("flock --fd 9 --ho", "--holders"),
    words("flock --for-pid 1 l", "lock"),
    words("flock -n --for-pid=1 ", "42,lock,other file,sub/"),
    words("flock --for-pid 1 lock zq", ""),
    options(
        "flock --for-pid 1 --",
        "--",
        "--command --help --version --holders --for-pid --unlock --close --no-fork --fd --forward-signals",
    ),
    words("flock --also ", "42,lock,other file,sub/"),
    glued("flock --also=o", "--also=", "other file"),
    words("flock --also lock --also ", "42,lock,other file,sub/"),
    words("flock --also lock --al", "--also"),
    words("flock --also lock sub zq", "zqread,zqrun"),
    options(
        "flock --remove --",
        "--",
        "--command --help --version --holders --remove --unlock --no-fork --fd",
    ),
    options(
        "flock --forward-signals --",
        "--",
        "--command --help --version --holders --for-pid --forward-signals --no-fork",
    ),
    words("flock --remove --forward-signals lock zq", "zqread,zqrun"),
];
