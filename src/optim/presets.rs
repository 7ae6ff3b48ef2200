//! Published settings, under names of their own.

/// A setting that somebody published, or a rung of the ladder.
pub struct Preset {
    /// The name to ask for it by.
    pub name: &'static str,
    /// What it stands for, as an optimiser of the registry with hyper-parameters.
    pub setting: &'static str,
    /// Where it comes from, and what to know about it.
    pub source: &'static str,
}

/// Every preset there is.
///
/// The gradients here are means over the batch. A setting that was published for
/// sums is converted: an eps inside the root by the square of the batch size.
pub fn presets() -> &'static [Preset] {
    PRESETS
}

const fn preset(name: &'static str, setting: &'static str, source: &'static str) -> Preset {
    Preset {
        name,
        setting,
        source,
    }
}

const PRESETS: &[Preset] = &[
    preset(
        "rmsprop-nature",
        "rmsprop:lr=2.5e-4,decay=0.95,eps=9.765625e-6,eps_inside=true,centered=true",
        "Mnih et al. 2015, ext. data table 1: no momentum, eps 0.01 inside the root on a sum over 32, here 0.01/32^2",
    ),
    preset(
        "rmsprop-dopamine",
        "rmsprop:lr=2.5e-4,decay=0.95,eps=1e-5,eps_inside=true,centered=true,v0=1",
        "Dopamine's dqn.gin: tf.train.RMSPropOptimizer, whose v starts at 1",
    ),
    preset(
        "rmsprop-minatar",
        "rmsprop:lr=2.5e-4,decay=0.95,eps=0.01,centered=true",
        "Young & Tian 2019, MinAtar's dqn.py: torch.optim.RMSprop, eps outside the root",
    ),
    preset(
        "rmsprop-tf",
        "rmsprop:lr=1e-3,decay=0.9,eps=1e-10,eps_inside=true,v0=1",
        "tf.train.RMSPropOptimizer's defaults (TensorFlow 1, which has none for lr)",
    ),
    preset(
        "adam-rainbow",
        "adam:lr=6.25e-5,eps=1.5e-4",
        "Hessel et al. 2018, table 1",
    ),
    preset(
        "adam-c51",
        "adam:lr=2.5e-4,eps=3.125e-4",
        "Bellemare et al. 2017, sec. 5: eps 0.01/32",
    ),
    preset("adam-cleanrl", "adam:lr=2.5e-4", "CleanRL's dqn.py"),
    preset(
        "adam-rel",
        "adam:restart_t=true",
        "Ellis et al. 2024: t restarts at each update of the target network",
    ),
    preset(
        "note-sgd",
        "sgd:lr=0.01,momentum=0.9",
        "the note's supervised experiment",
    ),
    preset(
        "note-momentum",
        "momentum:lr=0.01,momentum=0.9,averaged=true",
        "the note: V <- beta V + (1 - beta) g",
    ),
    preset(
        "note-nag",
        "nag:lr=0.01,momentum=0.9,lookahead=true",
        "the note: the gradient at W - beta V",
    ),
    preset(
        "note-rmsprop",
        "rmsprop:lr=0.001,decay=0.9,eps_inside=true",
        "the note: g / sqrt(V + eps)",
    ),
    preset(
        "note-adagrad",
        "adagrad:lr=0.01,eps=1e-8,eps_inside=true",
        "the note: g / sqrt(V + eps)",
    ),
    preset(
        "note-adam",
        "adam:lr=0.001,beta2=0.99",
        "the note: beta2 0.99",
    ),
    preset(
        "ladder-0",
        "rmsprop:decay=0.999,eps_inside=true",
        "the ladder from RMSprop to Adam, one change a rung: RMSprop with eps inside",
    ),
    preset("ladder-1", "rmsprop:decay=0.999", "eps outside the root"),
    preset(
        "ladder-2",
        "rmsprop:decay=0.999,bias_correction=true",
        "v corrected for its start (Adam at beta1 = 0)",
    ),
    preset("ladder-3", "adam:correct_m=false", "momentum: beta1 = 0.9"),
    preset("ladder-4", "adam", "m corrected for its start: Adam"),
];

#[cfg(test)]
mod tests {
    use super::presets;
    use crate::optim::{Spec, registry};

    #[test]
    fn every_preset_is_an_optimiser_and_no_name_is_taken_twice() {
        let mut names: Vec<&str> = registry().iter().map(|entry| entry.name).collect();
        for preset in presets() {
            let spec: Spec = preset.name.parse().unwrap();
            let setting: Spec = preset.setting.parse().unwrap();
            assert_eq!(spec.values(), setting.values(), "{}", preset.name);
            spec.rule().unwrap();
            names.push(preset.name);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_presets_values_can_be_changed() {
        let spec: Spec = "rmsprop-minatar:lr=1e-3".parse().unwrap();
        assert_eq!(spec.number("lr"), 1e-3);
        assert_eq!(spec.number("decay"), 0.95);
    }
}
