//! Stream Q(lambda)'s entry in the registry.

use settings::{Setting, Settings, Table, Value};

use super::{StreamQConfig, cohort::Cohort, policy::StreamPolicy};
use crate::{
    Result,
    algorithm::{Algorithm, Definition, Policy, Preset, Setup, Span, layers::check_weights},
};

/// The name by which it is requested.
pub const NAME: &str = "stream-q";
/// Stream Q(lambda).
pub const DEFINITION: StreamQLambda = StreamQLambda;

/// Stream Q(lambda), as the registry lists it.
pub struct StreamQLambda;

const PRESETS: [Preset; 2] = [
    Preset {
        name: "stream-q",
        help: "the paper's stream_q.py: classic control, 500,000 steps, MLP 32-32, lambda 0.8",
        run: Table::new,
        agent: || StreamQConfig::classic().to_table(),
        optimiser: "obgd",
        lrs: &[],
    },
    Preset {
        name: "stream-q-minatar",
        help: "the paper's stream_q_minatar.py: 5 million frames, conv 16x3 and 128, lambda 0.8",
        run: || {
            let run = [
                ("env", Value::from("breakout")),
                ("steps", Value::Whole(5_000_000)),
                ("eval_every", Value::Whole(100_000)),
                ("log_every", Value::Whole(10_000)),
            ];
            run.into_iter().collect()
        },
        agent: || StreamQConfig::minatar().to_table(),
        optimiser: "obgd",
        lrs: &[],
    },
];

impl StreamQLambda {
    fn read(settings: &Table) -> Result<StreamQConfig> {
        Ok(StreamQConfig::from_table(settings)?)
    }
}

impl Definition for StreamQLambda {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Q(lambda) with eligibility traces on one sample at a time: no replay, no batch, no target network"
    }

    fn source(&self) -> &'static str {
        "Elsayed, Vasan & Mahmood 2024 (arXiv 2410.14606), stream Q(lambda)"
    }

    fn settings(&self) -> &'static [Setting] {
        StreamQConfig::declared()
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

    /// The loss, the value of the action, and the L1 norm of what the optimiser is given.
    fn update_columns(&self) -> &'static [&'static str] {
        &["loss", "q", "direction_l1"]
    }

    fn has_target_network(&self) -> bool {
        false
    }

    fn check(&self, settings: &Table, env: &envs::EnvSpec, agents: usize) -> Result<()> {
        let config = Self::read(settings)?;
        config.validate()?;
        let network = config.architecture(&env.observation.shape, env.actions);
        check_weights(network.weights()?, (&config.conv, &config.hidden), agents)?;
        Ok(())
    }

    fn spans(&self, settings: &Table, steps: u64) -> Vec<Span> {
        Self::read(settings).map_or(Vec::new(), |config| config.spans(steps))
    }

    fn network_settings(&self) -> &'static [&'static str] {
        &["conv", "hidden", "layer_norm", "normalize_observations"]
    }

    fn updates(&self, _settings: &Table, steps: u64) -> u64 {
        steps
    }

    fn learns_nothing(&self, _settings: &Table, _steps: u64) -> Option<&'static str> {
        None
    }

    fn effort(&self, settings: &Table, env: &envs::EnvSpec, steps: u64) -> f64 {
        let Ok(config) = Self::read(settings) else {
            return 0.0;
        };
        let network = config.architecture(&env.observation.shape, env.actions);
        // Two forward passes, one backward pass, the trace and the weights.
        network.weights().unwrap_or(1) as f64 * 5.0 * steps as f64
    }

    fn learning_by(&self, settings: &Table, _step: u64) -> Result<Table> {
        Ok(settings.clone())
    }

    fn learning_round(&self, _settings: &Table) -> Option<u64> {
        Some(1)
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
        let policy = StreamPolicy::untrained(&Self::read(settings)?, env)?;
        Ok(Box::new(policy.load(saved)?))
    }
}
