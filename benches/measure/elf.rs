//! What the kernel and the start-up have to do for a program's file: ELF, 64 bits.

/// Of an executable file, not of the libraries that it may ask for.
pub struct Elf {
    /// The bytes of memory that its segments take.
    pub loaded: u64,
    /// The places that are filled in at start-up.
    pub relocations: u64,
}

const SEGMENT_TO_LOAD: u64 = 1;
const RELOCATIONS_WITH_ADDENDS: u64 = 4;

impl Elf {
    /// None for what is none, such as a script, or of another size or order of bytes.
    pub fn parse(file: &[u8]) -> Option<Self> {
        let is_elf = file.starts_with(b"\x7fELF\x02\x01");
        let segments = is_elf.then(|| table(file, (0x20, 0x36, 0x38)))??;
        let sections = table(file, (0x28, 0x3a, 0x3c))?;
        let loads = segments.filter(|start| number(file, *start, 4) == Some(SEGMENT_TO_LOAD));
        let loaded = loads.filter_map(|start| number(file, start + 0x28, 8)).sum();
        let relocations = sections
            .filter(|start| number(file, start + 4, 4) == Some(RELOCATIONS_WITH_ADDENDS))
            .filter_map(|start| {
                number(file, start + 0x20, 8)?.checked_div(number(file, start + 0x38, 8)?)
            })
            .sum();
        Some(Self { loaded, relocations })
    }
}

/// Where the entries of a table begin. Its place, their size and their number are to be
/// read at these offsets.
fn table(file: &[u8], at: (usize, usize, usize)) -> Option<impl Iterator<Item = usize>> {
    let start = usize::try_from(number(file, at.0, 8)?).ok()?;
    let size = usize::try_from(number(file, at.1, 2)?).ok()?;
    let count = usize::try_from(number(file, at.2, 2)?).ok()?;
    Some((0..count).map(move |place| start + place * size))
}

fn number(file: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = file.get(at..at + length)?;
    Some(bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}
