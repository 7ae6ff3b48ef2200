//! A2C's entry in the registry.

use settings::{Setting, Settings, Table, Value};

use super::{A2cConfig, cohort::Cohort, policy::GreedyPolicy};
use crate::{
    Result,
    algorithm::{Algorithm, Definition, Policy, Preset, Setup, Span, layers::check_size},
};

/// A2C.
pub const DEFINITION: Registered = Registered;

/// A2C, as the registry lists it.
pub struct Registered;

const PRESETS: [Preset; 2] = [
    Preset {
        name: "sb3",
        help: "Stable-Baselines3's A2C on CartPole as in rl-zoo: 8 environments, 500,000 steps, two MLPs 64-64",
        run: Table::new,
        agent: || A2cConfig::sb3().to_table(),
        optimiser: "rmsprop:eps=1e-5",
        lrs: &[("rmsprop", 7e-4)],
    },
    Preset {
        name: "minatar",
        help: "rl-zoo's A2C for Atari on MinAtar's Breakout: 16 environments, 10 million frames, conv 16x3 and 128",
        run: || {
            let run = [
                ("env", Value::from("breakout")),
                ("steps", Value::Whole(10_000_000)),
                ("eval_every", Value::Whole(100_000)),
                ("log_every", Value::Whole(1_000)),
            ];
            run.into_iter().collect()
        },
        agent: || A2cConfig::minatar().to_table(),
        // Its RMSpropTFLike.
        optimiser: "rmsprop:eps=1e-5,eps_inside=true,v0=1",
        lrs: &[("rmsprop", 7e-4)],
    },
];

fn read(settings: &Table) -> Result<A2cConfig> {
    Ok(A2cConfig::from_table(settings)?)
}

impl Definition for Registered {
    fn name(&self) -> &'static str {
        "a2c"
    }

    fn summary(&self) -> &'static str {
        "advantage actor-critic on rollouts from several environments, without replay; evaluated greedily"
    }

    fn source(&self) -> &'static str {
        "Mnih et al. 2016, alg. S3, synchronous as Stable-Baselines3's A2C; GAE of Schulman et al. 2016"
    }

    fn settings(&self) -> &'static [Setting] {
        A2cConfig::declared()
    }

    fn complete(&self, values: &Table) -> Result<Table> {
        Ok(read(values)?.to_table())
    }

    fn presets(&self) -> &'static [Preset] {
        &PRESETS
    }

    fn behaviour_columns(&self) -> &'static [&'static str] {
        &[]
    }

    fn update_columns(&self) -> &'static [&'static str] {
        &["loss", "entropy", "grad_norm", "policy_loss", "value_loss"]
    }

    fn has_target_network(&self) -> bool {
        false
    }

    fn environments(&self, settings: &Table) -> usize {
        read(settings).map_or(1, |config| config.n_envs)
    }

    fn check(&self, settings: &Table, env: &envs::EnvSpec, agents: usize) -> Result<()> {
        let config = read(settings)?;
        config.validate()?;
        let networks = config.architectures(&env.observation.shape, env.actions);
        let layers = (&config.conv, &config.hidden);
        let (most, allowed) = check_size(&networks, layers, agents)?;
        if config.n_envs > most {
            return Err(settings::Error::not_allowed("n_envs", config.n_envs, allowed).into());
        }
        if config.rollout() > most {
            let allowed = format!(
                "at most {} with {} environments: a batch of {allowed}",
                most / config.n_envs,
                config.n_envs
            );
            return Err(settings::Error::not_allowed("n_steps", config.n_steps, allowed).into());
        }
        Ok(())
    }

    fn check_steps(&self, settings: &Table, steps: u64) -> Result<()> {
        read(settings)?.check_steps(steps)
    }

    fn experience_bytes(
        &self,
        settings: &Table,
        env: &envs::EnvSpec,
        _steps: u64,
    ) -> Option<(u64, &'static str)> {
        let config = read(settings).ok()?;
        let observation = 4 * env.observation.len() as u64;
        // An observation, an action, a reward and two end flags; and the last observation of each environment.
        let steps = config.rollout() as u64 * (observation + 10);
        Some((steps + config.n_envs as u64 * observation, "n_steps"))
    }

    fn spans(&self, settings: &Table, steps: u64) -> Vec<Span> {
        let lr = |config: A2cConfig| Span::lr(&config.lr_schedule, config.updates(steps));
        read(settings).ok().and_then(lr).into_iter().collect()
    }

    fn network_settings(&self) -> &'static [&'static str] {
        &["conv", "hidden", "activation", "shared"]
    }

    fn updates(&self, settings: &Table, steps: u64) -> u64 {
        read(settings).map_or(0, |config| config.updates(steps))
    }

    fn learns_nothing(&self, settings: &Table, steps: u64) -> Option<&'static str> {
        (self.updates(settings, steps) == 0).then_some("n_steps")
    }

    fn warnings(&self, settings: &Table, steps: u64) -> Vec<String> {
        read(settings).map_or(Vec::new(), |config| config.warnings(steps))
    }

    fn effort(&self, settings: &Table, env: &envs::EnvSpec, steps: u64) -> f64 {
        let Ok(config) = read(settings) else {
            return 0.0;
        };
        let networks = config.architectures(&env.observation.shape, env.actions);
        let weights = networks
            .iter()
            .map(|network| network.weights().unwrap_or(1));
        let weights: Vec<f64> = weights.map(|weights| weights as f64).collect();
        // One pass of the first network to act, and three passes of each network to learn.
        steps as f64 * (weights[0] + 3.0 * weights.iter().sum::<f64>())
    }

    fn learning_by(&self, settings: &Table, step: u64) -> Result<Table> {
        let mut config = read(settings)?;
        let fits = step / config.n_envs as u64;
        config.n_steps = config.n_steps.min(fits.max(1) as usize);
        Ok(config.to_table())
    }

    fn learning_round(&self, settings: &Table) -> Option<u64> {
        read(settings).ok().map(|config| config.rollout() as u64)
    }

    fn make(&self, setup: &Setup) -> Result<Box<dyn Algorithm>> {
        Ok(Box::new(Cohort::new(read(setup.settings)?, setup)?))
    }

    fn policy(
        &self,
        settings: &Table,
        env: &envs::EnvSpec,
        saved: &[u8],
    ) -> Result<Box<dyn Policy>> {
        let policy = GreedyPolicy::untrained(&read(settings)?, env)?;
        Ok(Box::new(policy.load(saved)?))
    }
}
