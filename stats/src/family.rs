//! P-values of several tests at once. The more tests there are, the more likely it is that one finds
//! something by chance.

use crate::{Error, Result};

/// P-values corrected for the number of tests, in the order given (Holm 1979; statsmodels'
/// `multipletests(method="holm")`).
///
/// The probability of any false finding among all tests is at most the level that the corrected p-values are
/// compared with.
///
/// # Errors
/// If a p-value is not between 0 and 1.
pub fn holm(p: &[f64]) -> Result<Vec<f64>> {
    let order = increasing(p)?;
    let mut corrected = vec![0.0; p.len()];
    let mut largest = 0.0f64;
    for (smaller, &test) in order.iter().enumerate() {
        largest = largest.max((p.len() - smaller) as f64 * p[test]);
        corrected[test] = largest.min(1.0);
    }
    Ok(corrected)
}

/// The indices of the p-values from the smallest to the largest.
fn increasing(p: &[f64]) -> Result<Vec<usize>> {
    if let Some(test) = p.iter().position(|p| !(0.0..=1.0).contains(p)) {
        let why = format!("p-value {test} is {}; allowed: from 0 to 1", p[test]);
        return Err(Error::data(why));
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_test_is_not_corrected_and_only_probabilities_are_allowed() {
        assert_eq!(holm(&[0.03]).unwrap(), [0.03]);
        assert!(holm(&[]).unwrap().is_empty());
        let error = holm(&[0.1, 1.5]).unwrap_err().to_string();
        assert!(error.contains("p-value 1 is 1.5"), "{error}");
        assert!(holm(&[f64::NAN]).is_err());
    }
}
