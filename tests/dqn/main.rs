//! DQN updates against PyTorch (tests/fixtures/dqn.py), and agents of a cohort against agents alone.

mod cohort;
#[path = "../common/larger.rs"]
mod larger;
mod pytorch;
mod targets;

use std::{collections::HashMap, path::PathBuf};

use candle_core::{DType, Device, Tensor, safetensors};
use larger::larger;
use optim::{Parameter, Spec, Value};
use optimiser_paradigms::algorithm::dqn::{Batch, Dqn, DqnConfig, Hidden, Loss};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A batch for `agents` agents; each agent's part depends only on its number.
fn random_batch(agents: &[u64], update: u64) -> Batch {
    let mut batch = Batch::default();
    for &agent in agents {
        let mut rng = ChaCha8Rng::seed_from_u64(1000 * agent + update);
        for _ in 0..32 {
            batch
                .obs
                .extend((0..4).map(|_| rng.random_range(-1.0..1.0f32)));
            batch
                .next_obs
                .extend((0..4).map(|_| rng.random_range(-1.0..1.0f32)));
            batch.actions.push(rng.random_range(0..2));
            batch.rewards.push(rng.random_range(-1.0..1.0));
            batch.discounts.push(0.99);
            batch.terminated.push(rng.random_bool(0.1));
        }
    }
    batch
}
