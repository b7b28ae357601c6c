//! The plot: ratios as bars, in colours that can be read on white and on black.

use crate::data::{REFERENCE, Table};
use crate::peers::{FLOOR, OURS, OURS_RELEASE};
use std::fmt::Write;

/// The ratios that are shown: table, column, heading.
const PANELS: &[(&str, &str, &str)] = &[
    ("descriptor-free", "ratio", "time: flock -n 9"),
    ("command", "ratio", "time: flock FILE COMMAND"),
    ("exec", "ratio", "time: flock -F FILE COMMAND"),
    ("memory", "resident_ratio", "resident memory of a waiter"),
    ("memory", "private_ratio", "private memory of a waiter"),
];

const WIDTH: f64 = 760.0;
const LEFT: f64 = 170.0;
/// Where a ratio of 1 ends.
const ONE: f64 = 250.0;
/// Bars beyond this are cut off.
const LONGEST: f64 = 2.0;
const LINE: f64 = 20.0;
const HEADING: f64 = 40.0;

const TEXT: &str = "#768390";

pub fn document(tables: &[Table]) -> String {
    let mut body = String::new();
    let mut y = 4.0;
    for (name, column, heading) in PANELS {
        if let Some(table) = tables.iter().find(|table| table.name == *name) {
            body += &panel(table, column, heading, &mut y);
        }
    }
    let _ = write!(body, "<text x='{LEFT}' y='{:.0}'>1 = util-linux</text>", y + 24.0);
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' \
         width='{WIDTH}' height='{height}' font-family='sans-serif' font-size='13' \
         fill='{TEXT}'>\n<title>flock-rs and others, as ratios of util-linux</title>\n{body}\
         \n</svg>\n",
        height = y + 36.0,
    )
}

/// One measurement: its heading, a bar for each peer, and the line of util-linux.
fn panel(table: &Table, column: &str, heading: &str, y: &mut f64) -> String {
    let rows: Vec<_> = table
        .rows
        .iter()
        .filter_map(|row| Some((row.peer, table.get(row.peer, column)?)))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut text =
        format!("<text x='{LEFT}' y='{:.0}' font-weight='bold'>{heading}</text>\n", *y + 26.0);
    *y += HEADING;
    let (top, x) = (*y - 4.0, LEFT + ONE);
    for (peer, ratio) in rows {
        text += &bar(peer, ratio, *y);
        *y += LINE;
    }
    let _ =
        writeln!(text, "<path d='M{x} {top}V{:.0}' stroke='{TEXT}' stroke-dasharray='3 3'/>", *y);
    text
}

fn bar(peer: &str, ratio: f64, y: f64) -> String {
    let length = (ratio.min(LONGEST) * ONE).max(1.0);
    let weight = if peer.starts_with(OURS) { " font-weight='bold'" } else { "" };
    let more = if ratio > LONGEST { " »" } else { "" };
    format!(
        "<text x='{name_x}' y='{text_y}' text-anchor='end'{weight}>{peer}</text>\
         <rect x='{LEFT}' y='{y}' width='{length:.1}' height='14' rx='2' fill='{colour}'/>\
         <text x='{value_x:.1}' y='{text_y}'{weight}>{ratio:.2}{more}</text>\n",
        name_x = LEFT - 8.0,
        text_y = y + 12.0,
        value_x = LEFT + length + 6.0,
        colour = colour(peer),
    )
}

fn colour(peer: &str) -> &'static str {
    match peer {
        OURS => "#3b82d6",
        OURS_RELEASE => "#2da06a",
        REFERENCE => "#c2702d",
        FLOOR => "#a371c7",
        _ => "#8b949e",
    }
}
