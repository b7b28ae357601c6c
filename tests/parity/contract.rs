//! The contract table: the promises that the cases have to prove.

use std::collections::BTreeMap;

/// What a case that carries no row says in the place of ids.
pub const FREE: [&str; 3] = ["STORY", "SHELL", "CORPUS"];

/// The rows: id and wording.
#[derive(Default)]
pub struct Contract {
    rows: BTreeMap<String, String>,
}

impl Contract {
    /// Reads a table, and adds its rows. The error is `file:line: what is wrong`.
    pub fn parse(&mut self, file: &str, text: &str) -> Result<(), String> {
        for (number, line) in (1..).zip(text.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let error = |what: String| Err(format!("{file}:{number}: {what}"));
            let Some((id, wording)) = line.split_once('\t').filter(|(id, _)| is_row(id)) else {
                return error("not 'ID<TAB>wording'".to_owned());
            };
            if wording.trim().is_empty() || wording.contains('\t') {
                return error(format!("{id} wants one text"));
            }
            if self.rows.insert(id.to_owned(), wording.to_owned()).is_some() {
                return error(format!("the id {id} is there twice"));
            }
        }
        Ok(())
    }

    /// Whether a case may carry this id.
    pub fn knows(&self, id: &str) -> bool {
        FREE.contains(&id) || self.rows.contains_key(id)
    }

    pub fn rows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rows.iter().map(|(id, wording)| (id.as_str(), wording.as_str()))
    }
}

/// Whether a word looks like the id of a row: a letter and a number.
pub fn is_row(word: &str) -> bool {
    let mut chars = word.chars();
    let is_letter = chars.next().is_some_and(|first| first.is_ascii_uppercase());
    let number = chars.as_str();
    is_letter && !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
}
