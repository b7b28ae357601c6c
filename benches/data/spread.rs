//! The middle of many values, and how far they lie apart.

/// The values in ascending order.
pub struct Spread {
    sorted: Vec<f64>,
}

impl Spread {
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    pub fn median(&self) -> Option<f64> {
        let upper = self.sorted.get(self.sorted.len() / 2)?;
        let lower = self.sorted.get((self.sorted.len() - 1) / 2)?;
        Some(f64::midpoint(*lower, *upper))
    }

    pub fn lower_quartile(&self) -> Option<f64> {
        self.sorted.get(self.sorted.len() / 4).copied()
    }

    pub fn upper_quartile(&self) -> Option<f64> {
        self.sorted.get(self.sorted.len() * 3 / 4).copied()
    }

    pub fn least(&self) -> Option<f64> {
        self.sorted.first().copied()
    }

    pub fn greatest(&self) -> Option<f64> {
        self.sorted.last().copied()
    }

    /// The median, and how far the values go, where they are too few for quartiles.
    pub fn extremes(&self) -> [Option<f64>; 3] {
        [self.median(), self.least(), self.greatest()]
    }

    pub fn count(&self) -> Option<f64> {
        (!self.sorted.is_empty()).then_some(self.sorted.len() as f64)
    }
}

/// One figure of many items, of those that have it.
pub fn spread<T>(items: &[T], figure: impl Fn(&T) -> Option<f64>) -> Spread {
    Spread::of(&items.iter().filter_map(figure).collect::<Vec<_>>())
}
