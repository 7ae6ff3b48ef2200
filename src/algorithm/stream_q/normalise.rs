//! Running statistics of observations, and of the discounted sums whose deviation rewards are divided by.

/// Added to a variance before its root is taken.
const EPS: f64 = 1e-8;

/// Mean and variance of each number of the observations so far (Welford 1962).
#[derive(Clone, Debug, PartialEq)]
pub struct Normaliser {
    /// Observations so far.
    pub count: u64,
    /// The means.
    pub mean: Vec<f64>,
    /// The sums of squared distances from the mean.
    pub squares: Vec<f64>,
}

impl Normaliser {
    /// The state before the first observation, for observations of `numbers` numbers.
    pub fn new(numbers: usize) -> Self {
        Self {
            count: 0,
            mean: vec![0.0; numbers],
            squares: vec![0.0; numbers],
        }
    }

    /// Adds another observation.
    pub fn observe(&mut self, x: &[f32]) {
        self.count += 1;
        let per = 1.0 / self.count as f64;
        let numbers = self.mean.iter_mut().zip(&mut self.squares).zip(x);
        for ((mean, squares), &x) in numbers {
            let x = f64::from(x);
            let off = x - *mean;
            *mean += off * per;
            *squares += off * (x - *mean);
        }
    }

    /// The observation `x` minus the means, divided by the standard deviations; a variance that is not
    /// known yet counts as 1.
    pub fn normalise<T>(&self, x: &[f32], into: &mut [T], number: impl Fn(f64) -> T) {
        let numbers = into
            .iter_mut()
            .zip(x)
            .zip(self.mean.iter().zip(&self.squares));
        let per = match self.count {
            0 | 1 => f64::NAN,
            count => 1.0 / (count - 1) as f64,
        };
        for ((into, &x), (mean, squares)) in numbers {
            let variance = if self.count < 2 { 1.0 } else { squares * per };
            *into = number((f64::from(x) - mean) / (variance + EPS).sqrt());
        }
    }
}

/// What rewards are divided by: the standard deviation of `u <- gamma u + reward`, which restarts with the
/// reward that ends an episode, as in the paper's program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RewardScale {
    /// Rewards so far.
    pub count: u64,
    /// The discounted sum.
    pub sum: f64,
    /// The mean of the sums.
    pub mean: f64,
    /// The sum of their squared distances from it.
    pub squares: f64,
}

impl RewardScale {
    /// The reward of a step, scaled; `ended` is whether the episode ended with it.
    pub fn scale(&mut self, reward: f64, gamma: f64, ended: bool) -> f64 {
        self.sum = if ended { 0.0 } else { self.sum * gamma } + reward;
        self.count += 1;
        let off = self.sum - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (self.sum - self.mean);
        let variance = match self.count {
            1 => 1.0,
            count => self.squares / (count - 1) as f64,
        };
        reward / (variance + EPS).sqrt()
    }
}
