#[cfg(feature = "gymnasium-rs")]
use crate::gymnasium;
use crate::{
    EnvEntry, acrobot, cartpole, cartpole_swingup, catch, chain, deep_sea, key_door, minatar,
    mountain_car, probe,
};

static REGISTRY: &[EnvEntry] = &[
    cartpole::ENTRY,
    acrobot::ENTRY,
    mountain_car::ENTRY,
    minatar::entry::<minatar::Asterix>(),
    minatar::entry::<minatar::Breakout>(),
    minatar::entry::<minatar::Freeway>(),
    minatar::entry::<minatar::Seaquest>(),
    minatar::entry::<minatar::SpaceInvaders>(),
    deep_sea::ENTRY,
    catch::ENTRY,
    cartpole_swingup::ENTRY,
    key_door::ENTRY,
    probe::VALUE,
    probe::DISCOUNT,
    probe::INPUT,
    probe::ACTION,
    probe::POLICY,
    chain::ENTRY,
    #[cfg(feature = "gymnasium-rs")]
    gymnasium::CARTPOLE,
];

/// Every environment there is.
pub fn registry() -> &'static [EnvEntry] {
    REGISTRY
}
