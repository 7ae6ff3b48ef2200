//! Which setting of a grid is taken to the report stage.

use super::experiment::Selection;

/// The trial that `rule` chooses from each one's scores on the tuning seeds.
pub fn select(rule: Selection, scores: &[Vec<f64>]) -> usize {
    match rule {
        Selection::BestMean => best_mean(scores),
    }
}

/// The trial with the best mean; the first of equals. No number is worse than any.
fn best_mean(scores: &[Vec<f64>]) -> usize {
    let means: Vec<f64> = scores.iter().map(|scores| mean(scores)).collect();
    let mut best = 0;
    for (trial, mean) in means.iter().enumerate() {
        if *mean > means[best] || means[best].is_nan() && !mean.is_nan() {
            best = trial;
        }
    }
    best
}

/// The mean of a trial's scores.
pub fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_best_is_chosen() {
        let scores = [vec![f64::NAN], vec![1.0, 2.0], vec![3.0, 0.0], vec![-9.0]];
        assert_eq!(best_mean(&scores), 1);
        assert_eq!(best_mean(&scores[2..]), 0);
        assert_eq!(best_mean(&[vec![f64::NAN], vec![f64::NAN]]), 0);
    }
}
