//! Updates against PyTorch, and what the comparison can see.

use super::*;

const UPDATES: usize = 60;
const SYNC: usize = 20;

fn fixtures() -> HashMap<String, Tensor> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dqn.safetensors");
    safetensors::load(path, &Device::Cpu).unwrap()
}

/// The fixtures' batches; with weights and their own discounts if replay is prioritized.
fn batches(fixtures: &HashMap<String, Tensor>, config: &DqnConfig) -> Vec<Batch> {
    let floats = |name: &str, u: usize| -> Vec<f32> {
        fixtures[name]
            .get(u)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1()
            .unwrap()
    };
    let one = |u| Batch {
        obs: floats("obs", u),
        next_obs: floats("next_obs", u),
        actions: fixtures["actions"].get(u).unwrap().to_vec1().unwrap(),
        rewards: floats("rewards", u),
        discounts: match config.prioritized {
            true => floats("discounts", u),
            false => vec![config.gamma as f32; floats("rewards", u).len()],
        },
        weights: match config.prioritized {
            true => floats("weights", u),
            false => Vec::new(),
        },
        indices: Vec::new(),
        terminated: fixtures["terminated"]
            .get(u)
            .unwrap()
            .to_vec1::<u8>()
            .unwrap()
            .iter()
            .map(|t| *t != 0)
            .collect(),
        packed: None,
    };
    (0..UPDATES).map(one).collect()
}

fn small() -> DqnConfig {
    DqnConfig {
        hidden: Hidden(vec![24, 16]),
        gamma: 0.97,
        ..DqnConfig::cleanrl()
    }
}

/// The largest difference of the trained weights, and of the losses and gradient norms, from PyTorch's.
fn difference(name: &str, config: &DqnConfig, optimiser: &str) -> f64 {
    let fixtures = fixtures();
    let spec: Spec = optimiser.parse().unwrap();
    let mut init = [ChaCha8Rng::seed_from_u64(0)];
    let mut dqn = Dqn::new(config, &[spec], 4, 3, &mut init, 60).unwrap();
    for parameter in dqn.parameters() {
        let start = fixtures[&format!("init.{}", parameter.name)]
            .unsqueeze(0)
            .unwrap();
        parameter.var.set(&start).unwrap();
    }
    dqn.copy_to_target().unwrap();
    let expected =
        |key: &str| -> Vec<f64> { fixtures[&format!("{name}.{key}")].to_vec1().unwrap() };
    let (losses, norms) = (expected("loss"), expected("grad_norm"));
    let mut worst = 0.0f64;
    for (u, batch) in batches(&fixtures, config).iter().enumerate() {
        let learned = dqn.learn(batch, true).unwrap();
        if let (Some(ours), true) = (learned.td_errors, u + 1 == UPDATES) {
            for (ours, theirs) in ours.iter().zip(expected("td_errors")) {
                worst = larger(worst, (f64::from(*ours) - theirs).abs());
            }
        }
        worst = larger(worst, (learned.loss[0] / losses[u] - 1.0).abs());
        let norm = learned.details.unwrap().grad_norm[0];
        worst = larger(worst, (norm / norms[u] - 1.0).abs());
        if (u + 1) % SYNC == 0 || config.tau < 1.0 {
            dqn.update_target().unwrap();
        }
    }
    for parameter in dqn.parameters() {
        let ours = parameter
            .var
            .to_dtype(DType::F64)
            .unwrap()
            .squeeze(0)
            .unwrap();
        let difference = (ours - &fixtures[&format!("{name}.{}", parameter.name)]).unwrap();
        let largest = difference
            .abs()
            .unwrap()
            .flatten_all()
            .unwrap()
            .max(0)
            .unwrap();
        worst = larger(worst, largest.to_scalar().unwrap());
    }
    worst
}

/// Huber's loss, Double DQN and clipping together, with a step so long that each of them matters.
fn clipped() -> DqnConfig {
    DqnConfig {
        loss: Loss::Huber,
        double: true,
        max_grad_norm: 0.5,
        ..small()
    }
}

fn prioritized() -> DqnConfig {
    DqnConfig {
        loss: Loss::Huber,
        prioritized: true,
        ..small()
    }
}

/// Munchausen DQN with a temperature and clip such that some log-probabilities are clipped and some are
/// not.
fn munchausen() -> DqnConfig {
    DqnConfig {
        loss: Loss::Huber,
        munchausen: true,
        munchausen_temperature: 0.3,
        munchausen_clip: -0.4,
        ..small()
    }
}

#[test]
fn updates_are_pytorchs() {
    let soft = DqnConfig {
        tau: 0.1,
        ..small()
    };
    for (name, config, optimiser) in [
        ("plain", small(), "adam:lr=1e-3"),
        ("huber_double_clipped", clipped(), "rmsprop:lr=1e-2"),
        ("soft", soft, "sgd:lr=1e-2"),
        ("prioritized", prioritized(), "adam:lr=1e-3"),
        ("munchausen", munchausen(), "adam:lr=1e-3"),
    ] {
        let difference = difference(name, &config, optimiser);
        assert!(difference < 1e-4, "{name}: {difference:e}");
    }
}

#[test]
fn the_comparison_sees_each_thing_that_could_be_wrong() {
    let name = "huber_double_clipped";
    for wrong in [
        DqnConfig {
            loss: Loss::Mse,
            ..clipped()
        },
        DqnConfig {
            double: false,
            ..clipped()
        },
        DqnConfig {
            max_grad_norm: 1.0,
            ..clipped()
        },
        DqnConfig {
            gamma: 0.96,
            ..clipped()
        },
        DqnConfig {
            tau: 0.9,
            ..clipped()
        },
    ] {
        let difference = difference(name, &wrong, "rmsprop:lr=1e-2");
        assert!(difference > 1e-3, "{wrong:?}: {difference:e}");
    }
}

#[test]
fn the_comparison_sees_munchausens_parts_and_the_weights() {
    for wrong in [
        DqnConfig {
            munchausen: false,
            ..munchausen()
        },
        DqnConfig {
            munchausen_alpha: 0.8,
            ..munchausen()
        },
        DqnConfig {
            munchausen_temperature: 0.25,
            ..munchausen()
        },
        DqnConfig {
            munchausen_clip: -0.5,
            ..munchausen()
        },
    ] {
        let difference = difference("munchausen", &wrong, "adam:lr=1e-3");
        assert!(difference > 1e-3, "{wrong:?}: {difference:e}");
    }
    let wrong = DqnConfig {
        prioritized: false,
        ..prioritized()
    };
    let difference = difference("prioritized", &wrong, "adam:lr=1e-3");
    assert!(difference > 1e-3, "without weights: {difference:e}");
}
