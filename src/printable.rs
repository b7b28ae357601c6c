//! Text that came from elsewhere.

/// A text that came from elsewhere, such that it can be shown on any terminal: instead of
/// control characters, of those that are not seen or change the direction of the text, and
/// of what is not UTF-8, it has question marks.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().chars().map(|c| if is_plain(c) { c } else { '?' }));
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text
}

fn is_plain(c: char) -> bool {
    let is_odd = matches!(
        c,
        '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_control() && !is_odd
}
