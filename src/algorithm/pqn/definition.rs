//! PQN's entry in the registry.

use settings::{Setting, Settings, Table, Value};

use super::{PqnConfig, cohort::Cohort, policy::PqnPolicy};
use crate::{
    Result,
    algorithm::{
        Algorithm, Definition, Policy, Preset, Setup, Span,
        layers::{MOST_ACTIVATIONS, check_weights},
    },
};

/// The name by which it is requested.
pub const NAME: &str = "pqn";
/// PQN.
pub const DEFINITION: PqnDefinition = PqnDefinition;

/// PQN, as the registry lists it.
pub struct PqnDefinition;

/// purejaxql's settings. Its 10 million steps of MinAtar are not a whole number of rollouts, so the last steps are left
/// out.
const PRESETS: [Preset; 2] = [
    Preset {
        name: "pqn-cartpole",
        help: "purejaxql's pqn_cartpole.yaml: 500,000 steps in 32 environments, MLP 256-256, lambda 0.95",
        run: || {
            let run = [
                ("steps", Value::Whole(500_000)),
                ("eval_every", Value::Whole(16_384)),
            ];
            run.into_iter().collect()
        },
        agent: || PqnConfig::cartpole().to_table(),
        optimiser: "radam",
        lrs: &[("radam", 1e-4)],
    },
    Preset {
        name: "pqn-minatar",
        help: "purejaxql's pqn_minatar.yaml: 10 million steps in 128 environments, conv 16x3 and 128, lambda 0.65",
        run: || {
            let run = [
                ("env", Value::from("breakout")),
                ("steps", Value::Whole(10_000_000)),
                ("eval_every", Value::Whole(204_800)),
                ("log_every", Value::Whole(1_000)),
            ];
            run.into_iter().collect()
        },
        agent: || PqnConfig::minatar().to_table(),
        optimiser: "radam",
        lrs: &[("radam", 5e-4)],
    },
];

impl PqnDefinition {
    fn read(settings: &Table) -> Result<PqnConfig> {
        Ok(PqnConfig::from_table(settings)?)
    }
}

impl Definition for PqnDefinition {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Q-learning in many environments at once: no replay, no target network, layer normalisation, lambda-returns"
    }

    fn source(&self) -> &'static str {
        "Gallici et al. 2024 (arXiv 2407.04811), alg. 1; in the order of purejaxql"
    }

    fn settings(&self) -> &'static [Setting] {
        PqnConfig::declared()
    }

    fn complete(&self, values: &Table) -> Result<Table> {
        Ok(Self::read(values)?.to_table())
    }

    fn presets(&self) -> &'static [Preset] {
        &PRESETS
    }

    fn behaviour_columns(&self) -> &'static [&'static str] {
        &["epsilon"]
    }

    fn update_columns(&self) -> &'static [&'static str] {
        &["loss", "mean_q", "grad_norm"]
    }

    fn has_target_network(&self) -> bool {
        false
    }

    fn environments(&self, settings: &Table) -> usize {
        Self::read(settings).map_or(1, |config| config.n_envs)
    }

    fn check(&self, settings: &Table, env: &envs::EnvSpec, agents: usize) -> Result<()> {
        let config = Self::read(settings)?;
        config.validate()?;
        let network = config.architecture(&env.observation.shape, env.actions);
        let layers = network.layers.sizes()?.into_iter();
        let widest = layers.chain([env.observation.len()]).max().unwrap_or(1);
        let sizes = (&config.conv, &config.hidden);
        let times = check_weights(network.weights()?, sizes, agents)?;
        let most = MOST_ACTIVATIONS / widest / agents;
        if config.minibatch() > most {
            let allowed = format!(
                "so many that one of the {} transitions of a rollout has at most {most} with a layer of {widest}{times}",
                config.rollout()
            );
            let wrong = settings::Error::not_allowed("minibatches", config.minibatches, allowed);
            return Err(wrong.into());
        }
        let most = MOST_ACTIVATIONS / env.observation.len() / agents / config.n_envs;
        if config.n_steps > most {
            let allowed = format!("at most {most} in {} environments{times}", config.n_envs);
            let wrong = settings::Error::not_allowed("n_steps", config.n_steps, allowed);
            return Err(wrong.into());
        }
        Ok(())
    }

    fn check_steps(&self, settings: &Table, steps: u64) -> Result<()> {
        let config = Self::read(settings)?;
        let (n, each) = (config.n_steps, config.n_envs as u64);
        if n as u64 > steps / each {
            let allowed = format!(
                "at most {}: the run takes {steps} steps in {each} environments, and learns only when a rollout is complete",
                steps / each
            );
            return Err(settings::Error::not_allowed("n_steps", n, allowed).into());
        }
        Ok(())
    }

    fn experience_bytes(
        &self,
        settings: &Table,
        env: &envs::EnvSpec,
        _steps: u64,
    ) -> Option<(u64, &'static str)> {
        let config = Self::read(settings).ok()?;
        // An observation, and in addition an action, a reward, two values, a target and an end flag.
        let observation = 4 * env.observation.len() as u64;
        let steps = config.rollout() as u64 * (observation + 37);
        // The last observation of each environment is kept too.
        Some((steps + config.n_envs as u64 * (observation + 4), "n_steps"))
    }

    fn spans(&self, settings: &Table, steps: u64) -> Vec<Span> {
        Self::read(settings).map_or(Vec::new(), |config| config.spans(steps))
    }

    fn network_settings(&self) -> &'static [&'static str] {
        &["conv", "hidden", "norm_eps", "observation_scale"]
    }

    fn updates(&self, settings: &Table, steps: u64) -> u64 {
        Self::read(settings).map_or(0, |config| config.updates(steps))
    }

    fn learns_nothing(&self, settings: &Table, steps: u64) -> Option<&'static str> {
        (self.updates(settings, steps) == 0).then_some("n_steps")
    }

    fn effort(&self, settings: &Table, env: &envs::EnvSpec, steps: u64) -> f64 {
        let Ok(config) = Self::read(settings) else {
            return 0.0;
        };
        let network = config.architecture(&env.observation.shape, env.actions);
        let pass = network.weights().unwrap_or(1) as f64;
        pass * steps as f64 * (1.0 + 3.0 * f64::from(config.epochs))
    }

    fn learning_by(&self, settings: &Table, step: u64) -> Result<Table> {
        let mut config = Self::read(settings)?;
        if config.rollout() as u64 > step {
            // Short rollouts of few environments, cut into as few minibatches as possible.
            config.n_envs = config.n_envs.min((step as usize).clamp(1, 4));
            let most = (step as usize / config.n_envs).max(1);
            config.n_steps = config.n_steps.min(most);
            while !config.rollout().is_multiple_of(config.minibatches) {
                config.minibatches -= 1;
            }
        }
        Ok(config.to_table())
    }

    fn learning_round(&self, settings: &Table) -> Option<u64> {
        let config = Self::read(settings).ok()?;
        Some(config.rollout() as u64)
    }

    fn make(&self, setup: &Setup) -> Result<Box<dyn Algorithm>> {
        Ok(Box::new(Cohort::new(Self::read(setup.settings)?, setup)?))
    }

    fn policy(
        &self,
        settings: &Table,
        env: &envs::EnvSpec,
        saved: &[u8],
    ) -> Result<Box<dyn Policy>> {
        let policy = PqnPolicy::untrained(&Self::read(settings)?, env)?;
        Ok(Box::new(policy.load(saved)?))
    }
}
