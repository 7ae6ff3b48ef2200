//! Every registered optimiser keeps the promises of optimisers.

use optim::{contract, registry};

#[test]
fn every_registered_optimiser_keeps_the_contract() {
    for entry in registry() {
        contract::check_entry(entry).unwrap();
    }
}
