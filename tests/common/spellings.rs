//! Every way to write an option.

use flock_rs::options::{LONG, OWN, Opt, short};

/// Every word that is an option, with what it stands for: the long names, the letters, and
/// the two that are in no table, see `options::asks_for_shell`.
pub fn all() -> Vec<(String, Opt)> {
    let long = LONG.iter().chain(&OWN).map(|(name, opt)| (format!("--{name}"), *opt));
    let letters = ('!'..='~').filter_map(|letter| Some((format!("-{letter}"), short(letter)?)));
    let shell = ["-c", "--command"].map(|word| (word.to_owned(), Opt::Command));
    long.chain(letters).chain(shell).collect()
}
