//! Every algorithm.

use std::sync::{PoisonError, RwLock};

use settings::unknown;

use super::{Definition, a2c, dqn, pqn, stream_q};
use crate::{Error, Result};

static BUILT_IN: &[&dyn Definition] = &[
    &dqn::DEFINITION,
    &a2c::DEFINITION,
    &pqn::DEFINITION,
    &stream_q::DEFINITION,
];

/// Algorithms added by programs.
static REGISTERED: RwLock<Vec<&'static dyn Definition>> = RwLock::new(Vec::new());

/// Every algorithm; the first is the default.
pub fn registry() -> Vec<&'static dyn Definition> {
    let added = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    BUILT_IN.iter().chain(added.iter()).copied().collect()
}

/// Adds an algorithm, so that runs and studies in this process can request it by name.
///
/// An error if its name is taken.
pub fn register(definition: &'static dyn Definition) -> Result<()> {
    let name = definition.name();
    if registry().iter().any(|known| known.name() == name) {
        return Err(Error::usage(format!(
            "there is already an algorithm `{name}`; give yours another name"
        )));
    }
    let mut added = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    added.push(definition);
    Ok(())
}

/// The algorithm called `name`.
pub fn find(name: &str) -> Result<&'static dyn Definition> {
    let all = registry();
    let found = all.iter().find(|known| known.name() == name);
    found.copied().ok_or_else(|| {
        Error::usage(unknown(
            "algorithm",
            name,
            all.iter().map(|known| known.name()),
        ))
    })
}
