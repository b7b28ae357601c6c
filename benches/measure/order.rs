//! How far an order is from another.

/// Two measures of the order in which those who came as 0, 1, 2, … were served.
#[derive(Clone, Copy, Default)]
pub struct Disorder {
    /// Of all pairs, those that were served the other way round, in percent.
    pub swapped: f64,
    /// By how many places one was served earlier or later than it came, on average.
    pub displacement: f64,
}

impl Disorder {
    pub fn of(served: &[usize]) -> Self {
        let count = served.len() as f64;
        let pairs = count * (count - 1.0) / 2.0;
        let later = |place: usize| served.iter().skip(place + 1);
        let swaps = |(place, one): (usize, &usize)| later(place).filter(|next| *next < one).count();
        let swapped: usize = served.iter().enumerate().map(swaps).sum();
        let moved: usize = served.iter().enumerate().map(|(place, one)| place.abs_diff(*one)).sum();
        Self { swapped: 100.0 * swapped as f64 / pairs, displacement: moved as f64 / count }
    }
}
