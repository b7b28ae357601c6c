//! What the help says of the options.

/// A name of an option.
pub struct Named {
    pub name: String,
    /// The word for its value. That of -c is none for the program, but an operand.
    pub value: Option<String>,
    pub what: String,
}

/// Every name of every option, those in an explanation too.
pub fn named(help: &str) -> Vec<Named> {
    let (_, lines) = help.split_once("\nOptions:\n").unwrap();
    let mut all = Vec::new();
    for line in lines.lines().filter(|line| line.trim_start().starts_with('-')) {
        let (names, what) = line.rsplit_once("  ").unwrap();
        let value = names.split_once(" <").map(|(_, rest)| rest.trim_end().trim_end_matches('>'));
        let also = what.split_once("(also ").or(what.split_once("; also "));
        let also = also.and_then(|(_, rest)| rest.split([';', ')']).next());
        for name in names.split([' ', ',']).chain(also).filter(|word| word.starts_with('-')) {
            let value = value.filter(|_| !matches!(name, "-c" | "--command"));
            let (name, what) = (name.to_owned(), what.trim().to_owned());
            all.push(Named { name, value: value.map(str::to_owned), what });
        }
    }
    assert!(all.len() > 20, "only {} names found: the check does not see them", all.len());
    all
}
