//! Every registered optimiser keeps what optimisers promise.

use optim::{contract, registry};

#[test]
fn every_registered_optimiser_keeps_the_contract() {
    for entry in registry() {
        contract::check_entry(entry).unwrap();
    }
}
