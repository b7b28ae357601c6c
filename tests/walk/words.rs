//! The words that lists are made of, and the making of lists.

use crate::vocabulary::{
    BAD_SECONDS, BAD_STATUSES, COMMANDS, EXIT_CODES, FLAGS, GOOD_SECONDS, GOOD_STATUSES, INFORMING,
    NUMBERS, ODDITIES, OWN, PAIRED, PLACES, RECENT, SHELL_WORDS, STRINGS, TIMEOUTS, words,
};
use std::collections::HashSet;

/// One argument, byte for byte.
pub type Word = Vec<u8>;
/// The arguments of one run.
pub type List = Vec<Word>;

/// The longest list that is drawn.
const LONGEST: usize = 6;

/// Every list of up to two words of the small vocabulary.
pub fn short_lists() -> Vec<List> {
    let one = words(PAIRED).map(|word| vec![word]);
    let two = words(PAIRED)
        .flat_map(|first| words(PAIRED).map(move |second| vec![first.clone(), second]));
    std::iter::once(Vec::new()).chain(one).chain(two).collect()
}

/// A source of chance, the same for the same seed: splitmix64.
pub struct Chance(pub u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn percent(&mut self, of_hundred: usize) -> bool {
        self.below(100) < of_hundred
    }

    /// A word of this kind.
    fn pick(&mut self, kind: &str) -> Word {
        let count = words(kind).count();
        words(kind).nth(self.below(count)).unwrap()
    }
}

/// Draws lists until there are `count` of them, each one new and `wanted`.
pub fn draw(
    count: usize,
    known: &mut HashSet<List>,
    mut next: impl FnMut() -> List,
    wanted: impl Fn(&List) -> bool,
) -> Vec<List> {
    let mut lists = Vec::with_capacity(count);
    while lists.len() < count {
        let list = next();
        if wanted(&list) && known.insert(list.clone()) {
            lists.push(list);
        }
    }
    lists
}

/// A list of words that 2.38.1 knows as well as 2.43 does.
pub fn compared(chance: &mut Chance) -> List {
    let mut list = if chance.percent(70) { shaped(chance) } else { shapeless(chance, any) };
    if chance.percent(40) {
        mutate(&mut list, chance, any);
    }
    list.truncate(LONGEST);
    list
}

/// A list with the options of 2.41 to 2.43, our own, and any bytes but newlines, so that
/// the lines of a message can be told apart.
pub fn wild(chance: &mut Chance) -> List {
    let mut list = if chance.percent(60) { shaped(chance) } else { shapeless(chance, any_or_wild) };
    if chance.percent(30) {
        list.insert(0, chance.pick(OWN));
    }
    for _ in 0..=chance.below(3) {
        mutate(&mut list, chance, any_or_wild);
    }
    list.retain(|word| !word.contains(&b'\n'));
    list.truncate(LONGEST);
    list
}

/// Options, what to lock, what to run: mostly good.
fn shaped(chance: &mut Chance) -> List {
    let mut list = List::new();
    for _ in 0..chance.below(4) {
        option(&mut list, chance);
    }
    if chance.percent(15) {
        list.push(b"--".to_vec());
    }
    match chance.below(10) {
        0..3 => list.push(chance.pick(NUMBERS)),
        3..5 => {
            list.push(chance.pick(PLACES));
            list.push(chance.pick(SHELL_WORDS));
            list.push(chance.pick(STRINGS));
        }
        _ => {
            list.push(chance.pick(PLACES));
            list.push(chance.pick(COMMANDS));
            list.extend((0..chance.below(3)).map(|_| any(chance)));
        }
    }
    list
}

fn option(list: &mut List, chance: &mut Chance) {
    let (names, good, bad) = match chance.below(10) {
        0..6 => return list.push(chance.pick(FLAGS)),
        6..8 => (TIMEOUTS, GOOD_SECONDS, BAD_SECONDS),
        8 => (EXIT_CODES, GOOD_STATUSES, BAD_STATUSES),
        _ if chance.percent(90) => return list.push(chance.pick(FLAGS)),
        _ => return list.push(chance.pick(ODDITIES)),
    };
    let mut name = chance.pick(names);
    let value = if chance.percent(80) { chance.pick(good) } else { chance.pick(bad) };
    let glued = name.ends_with(b"=") || (!name.starts_with(b"--") && chance.percent(50));
    if glued {
        name.extend(value);
        list.push(name);
    } else {
        list.extend([name, value]);
    }
}

fn shapeless(chance: &mut Chance, word: fn(&mut Chance) -> Word) -> List {
    (0..chance.below(LONGEST + 1)).map(|_| word(chance)).collect()
}

/// A word of any kind.
fn any(chance: &mut Chance) -> Word {
    let kinds = [
        FLAGS,
        FLAGS,
        TIMEOUTS,
        EXIT_CODES,
        GOOD_SECONDS,
        BAD_SECONDS,
        GOOD_STATUSES,
        BAD_STATUSES,
        INFORMING,
        ODDITIES,
        ODDITIES,
        PLACES,
        PLACES,
        NUMBERS,
        COMMANDS,
        STRINGS,
        SHELL_WORDS,
    ];
    let kind = kinds[chance.below(kinds.len())];
    chance.pick(kind)
}

fn any_or_wild(chance: &mut Chance) -> Word {
    match chance.below(10) {
        0..4 => any(chance),
        4..6 => chance.pick(RECENT),
        6 => chance.pick(OWN),
        _ => {
            let mut word = match chance.below(4) {
                0 => b"-".to_vec(),
                1 => b"--".to_vec(),
                _ => Word::new(),
            };
            word.extend((0..chance.below(9)).map(|_| wild_byte(chance)));
            word
        }
    }
}

/// Any byte that a name below the current directory can have, but the newline.
fn wild_byte(chance: &mut Chance) -> u8 {
    match u8::try_from(chance.below(256)).unwrap() {
        0 | b'/' | b'\n' => b'-',
        byte => byte,
    }
}

/// Puts in, takes out, doubles or moves a word.
fn mutate(list: &mut List, chance: &mut Chance, word: fn(&mut Chance) -> Word) {
    let at = chance.below(list.len() + 1);
    let other = chance.below(list.len().max(1));
    match chance.below(4) {
        1 if at < list.len() => _ = list.remove(at),
        2 if at < list.len() => list.insert(at, list[at].clone()),
        3 if at < list.len() => list.swap(at, other),
        _ => list.insert(at, word(chance)),
    }
}
