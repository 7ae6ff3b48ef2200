//! P-values of several tests at once: the more tests, the likelier that one of them strikes by chance.

use crate::{Error, Result};

/// P-values corrected so that one or more false findings among all tests are as rare as the level they are
/// compared with (Holm 1979; statsmodels' `multipletests(method="holm")`), in the order given.
pub fn holm(p: &[f64]) -> Result<Vec<f64>> {
    let order = increasing(p)?;
    let mut corrected = vec![0.0; p.len()];
    let mut largest = 0.0f64;
    for (place, &test) in order.iter().enumerate() {
        largest = largest.max((p.len() - place) as f64 * p[test]);
        corrected[test] = largest.min(1.0);
    }
    Ok(corrected)
}

/// P-values corrected so that the expected share of false findings among all findings is at most the level
/// they are compared with, for independent or positively dependent tests (Benjamini & Hochberg 1995;
/// `scipy.stats.false_discovery_control`), in the order given.
pub fn benjamini_hochberg(p: &[f64]) -> Result<Vec<f64>> {
    let order = increasing(p)?;
    let mut corrected = vec![0.0; p.len()];
    let mut smallest = 1.0f64;
    for (place, &test) in order.iter().enumerate().rev() {
        smallest = smallest.min(p.len() as f64 / (place + 1) as f64 * p[test]);
        corrected[test] = smallest;
    }
    Ok(corrected)
}

/// The places of p-values from the smallest to the largest; an error if one is no probability.
fn increasing(p: &[f64]) -> Result<Vec<usize>> {
    if let Some(test) = p.iter().position(|p| !(0.0..=1.0).contains(p)) {
        let why = format!("p-value {test} is {}; allowed: from 0 to 1", p[test]);
        return Err(Error::usage(why));
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_alone_stays_as_it_is() {
        assert_eq!(holm(&[0.03]).unwrap(), [0.03]);
        assert_eq!(benjamini_hochberg(&[0.03]).unwrap(), [0.03]);
        assert!(holm(&[]).unwrap().is_empty());
        let error = holm(&[0.1, 1.5]).unwrap_err().to_string();
        assert!(error.contains("p-value 1 is 1.5"), "{error}");
        assert!(benjamini_hochberg(&[f64::NAN]).is_err());
    }
}
