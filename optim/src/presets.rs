//! Published settings by name.

/// A published setting, or a rung of the ladder.
pub struct Published {
    /// The name by which it is requested.
    pub name: &'static str,
    /// The setting, as an optimiser of the registry with hyper-parameters.
    pub setting: &'static str,
    /// Its source, and remarks about it.
    pub source: &'static str,
}

/// Every published setting.
///
/// Gradients here are means over the batch. A setting that was published for sums is converted: an eps
/// inside the root is divided by the square of the batch size.
pub fn published() -> &'static [Published] {
    PUBLISHED
}

const fn setting(name: &'static str, setting: &'static str, source: &'static str) -> Published {
    Published {
        name,
        setting,
        source,
    }
}

const PUBLISHED: &[Published] = &[
    setting(
        "rmsprop-nature",
        "rmsprop:lr=2.5e-4,decay=0.95,eps=9.765625e-6,eps_inside=true,centered=true",
        "Mnih et al. 2015, ext. data table 1: no momentum, eps 0.01 inside the root on a sum over 32, here 0.01/32^2",
    ),
    setting(
        "rmsprop-dopamine",
        "rmsprop:lr=2.5e-4,decay=0.95,eps=1e-5,eps_inside=true,centered=true,v0=1",
        "Dopamine's dqn.gin: tf.train.RMSPropOptimizer, whose v starts at 1",
    ),
    setting(
        "rmsprop-minatar",
        "rmsprop:lr=2.5e-4,decay=0.95,eps=0.01,centered=true",
        "Young & Tian 2019, MinAtar's dqn.py: torch.optim.RMSprop, eps outside the root",
    ),
    setting(
        "rmsprop-tf",
        "rmsprop:lr=0.001,decay=0.9,eps=1e-10,eps_inside=true,v0=1",
        "tf.train.RMSPropOptimizer's defaults (TensorFlow 1, which has none for lr)",
    ),
    setting(
        "adam-rainbow",
        "adam:lr=6.25e-5,eps=1.5e-4",
        "Hessel et al. 2018, table 1",
    ),
    setting(
        "adam-c51",
        "adam:lr=2.5e-4,eps=3.125e-4",
        "Bellemare et al. 2017, sec. 5: eps 0.01/32",
    ),
    setting("adam-cleanrl", "adam:lr=2.5e-4", "CleanRL's dqn.py"),
    setting(
        "adam-rel",
        "adam:restart_t=true",
        "Ellis et al. 2024: t restarts at each update of the target network",
    ),
    setting(
        "note-sgd",
        "sgd:lr=0.01,momentum=0.9",
        "the note's supervised experiment",
    ),
    setting(
        "note-momentum",
        "momentum:lr=0.01,averaged=true",
        "the note: V <- beta V + (1 - beta) g",
    ),
    setting(
        "note-nag",
        "nag:lr=0.01,lookahead=true",
        "the note: the gradient at W - beta V",
    ),
    setting(
        "note-rmsprop",
        "rmsprop:lr=0.001,decay=0.9,eps_inside=true",
        "the note: g / sqrt(V + eps)",
    ),
    setting(
        "note-adagrad",
        "adagrad:lr=0.01,eps=1e-8,eps_inside=true",
        "the note: g / sqrt(V + eps)",
    ),
    setting(
        "note-adam",
        "adam:lr=0.001,beta2=0.99",
        "the note: beta2 0.99",
    ),
    setting(
        "ladder-0",
        "rmsprop:lr=0.001,decay=0.999,eps_inside=true",
        "the ladder from RMSprop to Adam, one change a rung: RMSprop with eps inside",
    ),
    setting(
        "ladder-1",
        "rmsprop:lr=0.001,decay=0.999",
        "eps outside the root",
    ),
    setting(
        "ladder-2",
        "rmsprop:lr=0.001,decay=0.999,bias_correction=true",
        "v corrected for its start (Adam at beta1 = 0)",
    ),
    setting(
        "ladder-3",
        "adam:lr=0.001,correct_m=false",
        "momentum: beta1 = 0.9",
    ),
    setting(
        "ladder-4",
        "adam:lr=0.001",
        "m corrected for its start: Adam",
    ),
];

#[cfg(test)]
mod tests {
    use super::published;
    use crate::{Spec, registry};

    #[test]
    fn every_setting_has_a_rule_and_no_name_is_taken_twice() {
        let mut names: Vec<&str> = registry().iter().map(|entry| entry.name).collect();
        for setting in published() {
            let spec: Spec = setting.name.parse().unwrap();
            spec.rule().unwrap();
            assert_eq!(spec.to_string(), setting.setting, "written as it is shown");
            names.push(setting.name);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn numbers_are_the_published_ones() {
        let number = |name: &str, key: &str| name.parse::<Spec>().unwrap().number(key).unwrap();
        // 0.01 inside the root of a sum over 32 samples is 0.01 / 32^2 of their mean.
        assert_eq!(number("rmsprop-nature", "eps"), 0.01 / 1024.0);
        for name in ["rmsprop-nature", "rmsprop-dopamine", "rmsprop-minatar"] {
            assert_eq!(number(name, "lr"), 0.00025, "{name}");
            assert_eq!(number(name, "decay"), 0.95, "{name}");
            assert_eq!(
                number(name, "momentum"),
                0.0,
                "{name}: 0.95 is a decay, not a momentum"
            );
        }
        assert_eq!(number("rmsprop-dopamine", "v0"), 1.0);
        assert_eq!(number("adam-c51", "eps"), 0.01 / 32.0);
        assert_eq!(number("adam-rainbow", "lr"), 0.0000625);
        assert_eq!(number("adam-rainbow", "eps"), 1.5e-4);
        assert_eq!(number("note-adam", "beta2"), 0.99);
        assert_eq!(number("note-rmsprop", "decay"), 0.9);
    }

    #[test]
    fn each_rung_of_the_ladder_changes_one_thing() {
        // Compares scalars: what differs between neighbours, at any step.
        let rung = |i: usize| -> Spec { format!("ladder-{i}").parse().unwrap() };
        for i in 0..5 {
            assert_eq!(rung(i).lr(), 1e-3);
        }
        let changed = |first: usize, second: usize| -> Vec<&str> {
            let (a, b) = (rung(first).values(), rung(second).values());
            let differs = |key: &&str| a.get(key) != b.get(key);
            let keys = rung(first).entry().params.iter().map(|param| param.name);
            keys.filter(differs).collect()
        };
        assert_eq!(changed(0, 1), ["eps_inside"]);
        assert_eq!(changed(1, 2), ["bias_correction"]);
        assert_eq!(changed(3, 4), ["correct_m"]);
        // From 2 to 3 the rule has another name; tests/limits.rs checks that 2 is Adam at beta1 =
        // 0.
        assert_eq!(rung(2).number("decay"), rung(3).number("beta2"));
        assert_eq!(rung(2).number("eps"), rung(3).number("eps"));
    }

    #[test]
    fn a_presets_values_can_be_changed() {
        let spec: Spec = "rmsprop-minatar:lr=0.001".parse().unwrap();
        assert_eq!(spec.lr(), 1e-3);
        assert_eq!(spec.number("decay"), Some(0.95));
    }
}
