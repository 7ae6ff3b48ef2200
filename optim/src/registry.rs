//! The optimisers that can be requested by name.

use std::sync::{LazyLock, PoisonError, RwLock};

use settings::Allowed;

use crate::{Entry, Error, OptimiserSettings, Result, presets::published, rules};

static ENTRIES: LazyLock<RwLock<Vec<&'static Entry>>> = LazyLock::new(|| {
    RwLock::new(vec![
        Entry::of::<rules::Sgd>(),
        Entry::of::<rules::Momentum>(),
        Entry::of::<rules::Nag>(),
        Entry::of::<rules::RmsProp>(),
        Entry::of::<rules::Adagrad>(),
        Entry::of::<rules::Adadelta>(),
        Entry::of::<rules::Adam>(),
        Entry::of::<rules::AdamW>(),
        Entry::of::<rules::Adamax>(),
        Entry::of::<rules::NAdam>(),
        Entry::of::<rules::RAdam>(),
        Entry::of::<rules::Lion>(),
        Entry::of::<rules::ObGd>(),
        Entry::of::<rules::AdaBelief>(),
        Entry::of::<rules::Adopt>(),
        Entry::of::<rules::Adan>(),
        Entry::of::<rules::ScheduleFreeSgd>(),
        Entry::of::<rules::ScheduleFreeAdamW>(),
        Entry::of::<rules::Muon>(),
        Entry::of::<rules::Lamb>(),
        Entry::of::<rules::Adafactor>(),
        Entry::of::<rules::Prodigy>(),
        Entry::of::<rules::Soap>(),
    ])
});

/// Every optimiser that can be requested by name: this crate's, then those that were [`register`]ed.
pub fn registry() -> Vec<&'static Entry> {
    let entries = ENTRIES.read().unwrap_or_else(PoisonError::into_inner);
    entries.clone()
}

/// Makes the optimiser with the settings `T` available by its name for the rest of the process.
/// Registering it again changes nothing.
///
/// # Errors
/// If the name is taken, if it cannot be written in `name:key=value,...`, or if no setting is a number
/// called `lr`.
pub fn register<T: OptimiserSettings>() -> Result<&'static Entry> {
    let entry = Entry::of::<T>();
    check(entry)?;
    let mut entries = ENTRIES.write().unwrap_or_else(PoisonError::into_inner);
    match entries.iter().find(|known| known.name == entry.name) {
        Some(known) if known.type_id == entry.type_id => return Ok(entry),
        None if published().iter().all(|known| known.name != entry.name) => {}
        _ => {
            let name = entry.name;
            return Err(Error::usage(format!(
                "there is already an optimiser `{name}`; choose another name"
            )));
        }
    }
    entries.push(entry);
    Ok(entry)
}

/// An error if `entry` cannot be requested by name or has no lr.
pub(crate) fn check(entry: &Entry) -> Result<()> {
    let name = entry.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Error::usage(format!(
            "an optimiser cannot be called `{name}`; allowed: letters, digits, - and _"
        )));
    }
    let lr = entry.params.iter().find(|param| param.name == "lr");
    if !matches!(lr.map(|lr| &lr.allowed), Some(Allowed::Number(_))) {
        return Err(Error::usage(format!(
            "optimiser `{name}` needs a setting `lr` that is a number"
        )));
    }
    Ok(())
}
