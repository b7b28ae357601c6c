//! The words that lists are made of, by kind.
//!
//! Blanks part the words. Within one, ␣ ⇥ ↵ stand for a blank, a tab and a
//! newline, ∅ for an empty word, and any other character for its Latin-1 byte.

pub const FLAGS: &str = r"
    -s -e -x -u -n -o -F -xn -en -sn -xF -nxu -ou -sF -nnn -sxeu --shared --exclusive --unlock
    --nonblocking --nb --nonblock --close --no-fork --verbose --sh --e --u --non --cl --no- --verb
    --unl
";
/// Options that take a value: what stands before it in the word, or alone.
pub const TIMEOUTS: &str = r"-w -xw -nsw --timeout --timeout= --wait --wait= --t --t= --w --wai=";
pub const EXIT_CODES: &str = r"-E -nE -uE --conflict-exit-code --conflict-exit-code= --co --conf=";
pub const GOOD_SECONDS: &str = r"
    0 .0 0. -0 .007 1e3 0x10 0x.8p-3 0X1P4 +5 ␣5 ⇥5 0005 5 0.2 1e-9 9.9e-7 -9e-7 0x1d 1e18 5s 5m
    1h 2d 0s 1,5 ,5 inf INFINITY 1e19 1e30 9223372036854775808
";
pub const BAD_SECONDS: &str = r"
    ∅ ␣ 1␣ 5x 5ms . , 1e 0x -- -n nan( abc 1.2.3 1e5000 -1e5000 1e-5000 1e-4940 ÿ 5M =5 -1 -0.5
    -1e-6 nan NaN -inf -1e19
";
pub const GOOD_STATUSES: &str = r"0 255 ␣5 +5 05 00255 -0 ⇥7 7 99";
pub const BAD_STATUSES: &str = r"
    256 -1 -5x 4294967296 18446744073709551616 ∅ abc 5x 5␣ 0x5 5.0 ÿ -n -- 1000
";
pub const INFORMING: &str = r"-h -V --help --hel --h --version --vers -sh -nhV -xhZ -shared";
pub const ODDITIES: &str = r"
    -Z -nZ -Zn -ZZ -nZx -nc -xnc -cn -1 -x9 -W -: -; -? -fcntl -unlock -Ã© -ÿ -nÿ -%s%n --bogus
    --bogus=1 --- --Shared --no_fork --n --no --c --v --ve --ver --n=1 --= --=x --shared=
    --close=1 --help=1 --s --s=1 --f --comm --command=x -= -n= -␣n --nb= --verbose=yes -oF --ÿ
    --waitÿ --timeoutx -w -nw -E --tim --conflict
";
pub const PLACES: &str = r"
    lock lock lock data folder folder/ . .. folder/.. folder/in nodir/x data/x data/ new new/ fifo
    ./lock ././data link dangling loop true ∅ - 9 ÿþ a␣b %s%n Ã©
";
pub const NUMBERS: &str = r"
    0 0 1 2 +0 ␣0 ⇥0 00 ↵␣0 0x0 0␣ ++0 0.0 99 099 2147483647 2147483648 99999999999999999999
    99999999999999999999x -0 -1 -4294967287 -2147483649 ∅ - lock
";
pub const COMMANDS: &str = r"
    true true true false say say ./no ./data ./folder ./nosuch nosuch ./script ./script ./empty ∅ -cfoo -n
    -- ÿ --verbose
";
pub const STRINGS: &str = r#"
    exit␣3 ∅ echo␣"$0"␣"$#" kill␣-TERM␣$$ exit␣64 true say␣a␣␣b true␣<&3 nosuch echo␣ÿ␣>&2
"#;
pub const SHELL_WORDS: &str = r"-c --command";
pub const RECENT: &str = r"
    --fcntl --fc --start --start=1 --st=0.9K --start=-1 --length --length=5 --l=8E --length=0x
    --fd --fd=0 --fd=99 --fd=-1 --fd=x --fcntl= -c --command -c --fd
";
/// Our own options. Not `--remove`, as what it takes away is missing afterwards, and no process
/// that lives, since the lock would be held as long.
pub const OWN: &str = r"
    --holders --holders --holders= --also --also=also --also= --also=folder --also=nodir/x
    --forward-signals --forward-signals --forward-signals=1 --for-pid=4194305 --for-pid=
    --for-pid=0 --for-pid=x --for-pid=-1 --for-pid=99999999999999999999 --remove= --remove=yes
    --hold --als --als=x --rem --for --forw --for-pi=1 --holder --a --r
";
/// A word of each kind, few enough to try every pair of them.
pub const PAIRED: &str = r"
    -s -x -u -n -o -F -xF -oF --shared --nb --close --no-fork --verbose -w -w5 -w-1 -w5s
    --wait=1,5 -nw --t -E -E7 -E256 --co=-5x --conflict-exit-code -h -V --help --version -Z -Zn
    -nZ -c --command -cn --bogus=1 --n --s --= --shared= --- -? -- - ∅ 0 1 2 99 -1 -4294967287
    2147483648 lock folder . nodir/x fifo dangling loop true nosuch ./data ÿ 1e3 ␣5
";

/// The words of a kind.
pub fn words(kind: &str) -> impl Iterator<Item = Vec<u8>> {
    kind.split_ascii_whitespace().map(|word| word.chars().filter_map(byte).collect())
}

fn byte(character: char) -> Option<u8> {
    match character {
        '∅' => None,
        '␣' => Some(b' '),
        '⇥' => Some(b'\t'),
        '↵' => Some(b'\n'),
        other => Some(u8::try_from(other).unwrap()),
    }
}
