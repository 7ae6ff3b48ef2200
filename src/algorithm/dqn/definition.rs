//! DQN's entry in the registry.

use settings::{Setting, Settings, Table, Value};

use super::{DqnConfig, QPolicy, cohort::Cohort, memory::AgentMemory, untrained_policy};
use crate::{
    Error, Result,
    algorithm::{Algorithm, Definition, Policy, Preset, Setup, Span, layers::check_size},
};

/// The name by which DQN is requested.
pub const NAME: &str = "dqn";
/// DQN.
pub const DEFINITION: DqnDefinition = DqnDefinition;

/// DQN, as the registry lists it.
pub struct DqnDefinition;

/// The best of a grid on CartPole with CleanRL's setting, on separate tuning seeds (`results/cartpole_lr`); Adam's is
/// CleanRL's own.
const CLEANRL_LRS: &[(&str, f64)] = &[
    ("sgd", 1e-3),
    ("momentum", 3e-5),
    ("nag", 1e-4),
    ("rmsprop", 2.5e-4),
    ("adagrad", 3e-2),
    ("adadelta", 0.1),
    ("adam", 2.5e-4),
    ("adamw", 8e-5),
];

/// CleanRL's and MinAtar's settings.
///
/// No grid has been run without replay yet, so the learning rates are those with replay. There is no grid for
/// MinAtar either.
const PRESETS: [Preset; 3] = [
    Preset {
        name: "cleanrl",
        help: "CleanRL's dqn.py: classic control, 500,000 steps, MLP 120-84",
        run: Table::new,
        agent: || DqnConfig::cleanrl().to_table(),
        optimiser: "rmsprop",
        lrs: CLEANRL_LRS,
    },
    Preset {
        name: "minatar",
        help: "MinAtar's dqn.py: 5 million frames, conv 16x3 and 128; its optimiser is rmsprop-minatar",
        run: || {
            let run = [
                ("env", Value::from("breakout")),
                ("steps", Value::Whole(5_000_000)),
                ("eval_every", Value::Whole(100_000)),
                ("log_every", Value::Whole(1_000)),
            ];
            run.into_iter().collect()
        },
        agent: || DqnConfig::minatar().to_table(),
        optimiser: "rmsprop-minatar",
        lrs: &[],
    },
    Preset {
        name: "no_replay",
        help: "CleanRL's without replay: buffer, batch and train frequency are all 10; any other common value works",
        run: Table::new,
        agent: || DqnConfig::no_replay().to_table(),
        optimiser: "rmsprop",
        lrs: CLEANRL_LRS,
    },
];

/// The replay buffer stores an action in a byte.
const MOST_ACTIONS: usize = 256;

impl DqnDefinition {
    fn read(settings: &Table) -> Result<DqnConfig> {
        Ok(DqnConfig::from_table(settings)?)
    }
}

impl Definition for DqnDefinition {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Q-learning from replay with a target network; double, dueling, n-step, prioritized, Munchausen"
    }

    fn source(&self) -> &'static str {
        "Mnih et al. 2015, alg. 1; in the order of CleanRL's dqn.py"
    }

    fn settings(&self) -> &'static [Setting] {
        DqnConfig::declared()
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

    fn check(&self, settings: &Table, env: &envs::EnvSpec, agents: usize) -> Result<()> {
        let config = Self::read(settings)?;
        config.validate()?;
        let (name, actions) = (&env.name, env.actions);
        if actions > MOST_ACTIONS {
            return Err(Error::usage(format!(
                "{name} has {actions} actions; the replay buffer holds at most {MOST_ACTIONS}"
            )));
        }
        let network = config.architecture(&env.observation.shape, actions);
        let layers = (&config.conv, &config.hidden);
        let (most, allowed) = check_size(&[network], layers, agents)?;
        if config.batch_size > most {
            let wrong = settings::Error::not_allowed("batch_size", config.batch_size, allowed);
            return Err(wrong.into());
        }
        Ok(())
    }

    fn experience_bytes(
        &self,
        settings: &Table,
        env: &envs::EnvSpec,
        steps: u64,
    ) -> Option<(u64, &'static str)> {
        let config = Self::read(settings).ok()?;
        let buffer = AgentMemory::buffer(&config, &env.observation);
        let bytes = buffer.bytes_of(steps, env.max_steps);
        Some((bytes, "buffer_size"))
    }

    fn spans(&self, settings: &Table, steps: u64) -> Vec<Span> {
        Self::read(settings).map_or(Vec::new(), |config| config.spans(steps))
    }

    fn network_settings(&self) -> &'static [&'static str] {
        &["conv", "hidden", "dueling"]
    }

    fn updates(&self, settings: &Table, steps: u64) -> u64 {
        Self::read(settings).map_or(0, |config| config.updates(steps))
    }

    fn learns_nothing(&self, settings: &Table, steps: u64) -> Option<&'static str> {
        Self::read(settings).ok()?.learns_nothing(steps)
    }

    fn warnings(&self, settings: &Table, steps: u64) -> Vec<String> {
        Self::read(settings).map_or(Vec::new(), |config| config.warnings(steps))
    }

    fn effort(&self, settings: &Table, env: &envs::EnvSpec, steps: u64) -> f64 {
        let Ok(config) = Self::read(settings) else {
            return 0.0;
        };
        let network = config.architecture(&env.observation.shape, env.actions);
        let pass = network.weights().unwrap_or(1) as f64;
        // One forward pass to act; for each row of a batch three passes and the target network's
        // one.
        let learning = config.updates(steps) as f64 * config.batch_size as f64 * 4.0;
        pass * (steps as f64 + learning)
    }

    fn learning_by(&self, settings: &Table, step: u64) -> Result<Table> {
        let mut config = Self::read(settings)?;
        config.learning_starts = step;
        // The buffer must then hold a complete transition.
        config.n_step = config
            .n_step
            .min(u32::try_from(step).unwrap_or(u32::MAX) + 1);
        Ok(config.to_table())
    }

    fn make(&self, setup: &Setup) -> Result<Box<dyn Algorithm>> {
        let config = Self::read(setup.settings)?;
        Ok(Box::new(Cohort::new(config, setup)?))
    }

    fn policy(
        &self,
        settings: &Table,
        env: &envs::EnvSpec,
        saved: &[u8],
    ) -> Result<Box<dyn Policy>> {
        let policy: QPolicy = untrained_policy(&Self::read(settings)?, env)?;
        Ok(Box::new(policy.load(saved)?))
    }
}
