//! What the measurements yield: tables of numbers, each column with its unit.

mod spread;
mod table;

pub use spread::{Spread, spread};
pub use table::{Column, REFERENCE, Table, Unit};
