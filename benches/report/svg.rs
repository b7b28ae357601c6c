//! The plot: ratios as bars, on a background of its own, light or dark as the reader has it.

use crate::data::{REFERENCE, Table};
use crate::peers::{FLOOR, FLOOR_ASKING, FLOOR_IN_C, OURS, OURS_RELEASE};
use crate::report::Report;
use std::fmt::Write;

/// The ratios that are shown: table, column, heading.
const PANELS: &[(&str, &str, &str)] = &[
    ("descriptor-free", "ratio", "Time to lock a descriptor: flock -n 9"),
    ("command", "ratio", "Time to run a command under a lock: flock FILE COMMAND"),
    ("exec", "ratio", "Time to become the command: flock -F FILE COMMAND"),
    ("memory", "resident_ratio", "Memory of a process that waits for the lock (resident)"),
];

const WIDTH: f64 = 760.0;
const LEFT: f64 = 180.0;
/// Where a ratio of 1 ends.
const ONE: f64 = 250.0;
/// Bars beyond this are cut off.
const LONGEST: f64 = 2.0;
const BAR: f64 = 14.0;
const LINE: f64 = 20.0;
const HEADING: f64 = 42.0;

/// An image cannot know the colour of the page that shows it, which need not be that of
/// the system: hence the background.
const STYLE: &str = "\
text { fill: #1f2328; paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
.dim { fill: #59636e; }
.back { fill: #ffffff; }
.one { stroke: #bc4c00; stroke-dasharray: 3 3; }
.ours { fill: #0969da; }
.release { fill: #1a7f37; }
.reference { fill: #bc4c00; }
.floor { fill: #8250df; }
.other { fill: #afb8c1; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; stroke: #0d1117; }
  .dim { fill: #9198a1; }
  .back { fill: #0d1117; }
  .one { stroke: #db6d28; }
  .ours { fill: #4493f8; }
  .release { fill: #3fb950; }
  .reference { fill: #db6d28; }
  .floor { fill: #ab7df8; }
  .other { fill: #656c76; }
}
";

pub fn document(report: &Report) -> String {
    let (mut body, mut y) = (heading(), 64.0);
    for (name, column, heading) in PANELS {
        if let Some(table) = report.tables.iter().find(|table| table.name == *name) {
            body += &panel(table, column, heading, &mut y);
        }
    }
    body += &legend(report, &mut y);
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {y}' width='{WIDTH}' \
         height='{y}' font-family='sans-serif' font-size='13'>\n\
         <title>What a lock costs, as a ratio of util-linux's flock: smaller is better</title>\n\
         <style>\n{STYLE}</style>\n<rect class='back' width='{WIDTH}' height='{y}' rx='8'/>\n\
         {body}</svg>\n"
    )
}

fn heading() -> String {
    line(20.0, 30.0, " font-size='16' font-weight='bold'", "What a lock costs, smaller is better")
        + &line(
            20.0,
            52.0,
            " class='dim'",
            "Each bar is a ratio: 1.00 is what util-linux's flock takes.",
        )
}

/// What the names mean, and where it was measured.
fn legend(report: &Report, y: &mut f64) -> String {
    let machine = &report.machine;
    let lines = [
        "flock-rs: cargo build --release. flock-rs (release): the binary of the packages."
            .to_owned(),
        "floor: the least possible, no C library; with a command, that command without a lock."
            .to_owned(),
        "floor + CPUID: with as many CPUID as the C library executes. floor in C: on that library."
            .to_owned(),
        format!("Measured on {}, {}.", machine.fact("processor"), machine.fact("date")),
        format!("Linux {}, {}.", machine.fact("kernel"), machine.fact("util-linux")),
    ];
    let mut text = String::new();
    *y += 12.0;
    for words in lines {
        *y += LINE;
        text += &line(20.0, *y, " class='dim' font-size='12'", &words);
    }
    *y += LINE;
    text
}

/// One measurement: its heading, a bar for each peer, and the line of util-linux.
fn panel(table: &Table, column: &str, heading: &str, y: &mut f64) -> String {
    let ratio = |peer| Some((peer, table.get(peer, column)?));
    let rows: Vec<_> = table.rows.iter().filter_map(|row| ratio(row.peer)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut text = line(20.0, *y + 28.0, " font-weight='bold'", heading);
    *y += HEADING;
    let (x, top, bottom) = (LEFT + ONE, *y - 4.0, *y + LINE * rows.len() as f64);
    let mut values = String::new();
    for (peer, ratio) in rows {
        text += &bar(peer, ratio, *y);
        values += &value(peer, ratio, *y);
        *y += LINE;
    }
    let _ = writeln!(text, "<path class='one' d='M{x} {top}V{bottom}'/>");
    text + &values
}

fn bar(peer: &str, ratio: f64, y: f64) -> String {
    let (style, class) = (weight(peer).to_owned() + " text-anchor='end'", class(peer));
    let (length, name) = (length(ratio), line(LEFT - 8.0, y + 12.0, &style, peer));
    format!(
        "{name}<rect class='{class}' x='{LEFT}' y='{y}' width='{length:.1}' height='{BAR}' \
         rx='2'/>\n"
    )
}

/// The number at a bar's end, which stays readable across the line of util-linux.
fn value(peer: &str, ratio: f64, y: f64) -> String {
    let more = if ratio > LONGEST { " »" } else { "" };
    let x = LEFT + length(ratio) + 6.0;
    line(x, y + 12.0, weight(peer), &format!("{ratio:.2}{more}"))
}

fn length(ratio: f64) -> f64 {
    (ratio.min(LONGEST) * ONE).max(1.0)
}

fn line(x: f64, y: f64, attributes: &str, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text x='{x:.1}' y='{y:.1}'{attributes}>{words}</text>\n")
}

fn weight(peer: &str) -> &'static str {
    if peer.starts_with(OURS) { " font-weight='bold'" } else { "" }
}

fn class(peer: &str) -> &'static str {
    match peer {
        OURS => "ours",
        OURS_RELEASE => "release",
        REFERENCE => "reference",
        FLOOR | FLOOR_ASKING | FLOOR_IN_C => "floor",
        _ => "other",
    }
}
