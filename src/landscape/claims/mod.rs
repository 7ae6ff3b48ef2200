//! The note's statements about optimisers: each sentence, with the numbers that support or contradict
//! it.
//!
//! One rule decides every verdict. A number with a prediction *supports* the sentence if its whole interval
//! lies beyond the predicted bound by the factor [`MARGIN`], and *contradicts* it if the whole interval lies
//! as far on the other side. A sentence is supported or contradicted if all its predictions agree; otherwise
//! the verdict is mixed. Numbers without a prediction are there for context.
//!
//! Every optimiser has the lr that [`Tuner`] finds best for it, unless the number's description says
//! otherwise.

mod claim;
mod measure;
mod sentences;

use super::{surface::Surface, tune::Tuner};
use crate::Result;

pub use claim::{Claim, ClaimVerdict, Expected, MARGIN, MeasuredClaim, Measurement};

/// Every claim there is.
pub fn claims() -> &'static [Claim] {
    sentences::CLAIMS
}

/// Measures the claims that need no other surface than `surfaces`.
///
/// # Errors
///
/// If an optimiser of a claim cannot be made.
pub fn measure(surfaces: &[&Surface], tuner: &mut Tuner) -> Result<Vec<MeasuredClaim>> {
    let about = claims().iter().filter(|claim| claim.is_about(surfaces));
    about.map(|claim| claim.measure(tuner)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_name_surfaces_that_exist() {
        for claim in claims() {
            for name in claim.surfaces {
                Surface::named(name).unwrap();
            }
        }
    }
}
