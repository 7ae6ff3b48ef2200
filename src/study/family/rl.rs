//! Runs of agents, as `rl` does them.

use std::path::Path;

use settings::{Setting, Settings, Table, Value, settings};

use super::{
    Family, InnerTable, Job, JobFolder, Outcome, Scale, Watcher, nested, run_in, scale::scale_of,
};
use optim::Spec;

use crate::{
    Error, Result, algorithm, config,
    run::{
        self, Compute, Configuration, Control, EvaluationRow, Finished, RowTable, Status,
        rl::{self, Config, ConfigSource, RunConfig, RunTask},
    },
    study::{Mechanism, family::mean_score},
};

/// Runs of agents.
pub struct Rl;

settings! {
    /// The settings of an agent's run, apart from its optimiser and its seed.
    pub struct AgentRuns {
        /// The environment, with its dials and drifts: `rl --list`
        env: Option<String> = None;
        /// The algorithm: `rl --list`
        algo: Option<String> = None;
        /// The published setting to start from: `rl --list`
        preset: Option<String> = None;
        /// What is run: `rl --help`, Run
        run: Table = Table::new();
        /// The algorithm's settings: `rl --algo NAME --help`, Agent
        agent: Table = Table::new();
    }
}

impl AgentRuns {
    /// The configuration that these settings ask for.
    fn source(self) -> ConfigSource {
        let mut run = self.run;
        if let Some(env) = self.env {
            run.insert("env", Value::Text(env));
        }
        ConfigSource {
            algo: self.algo,
            preset: self.preset,
            run,
            optimiser: None,
            agent: self.agent,
        }
    }
}

impl Family for Rl {
    fn name(&self) -> &'static str {
        "rl"
    }

    fn settings(&self) -> &'static [Setting] {
        AgentRuns::declared()
    }

    fn tables(&self) -> Vec<InnerTable> {
        let run = InnerTable {
            key: "run",
            condition: None,
            settings: RunConfig::declared().to_vec(),
        };
        let agent = |algorithm: &&'static dyn algorithm::Definition| InnerTable {
            key: "agent",
            condition: Some(format!("algo = \"{}\"", algorithm.name())),
            settings: algorithm.settings().to_vec(),
        };
        let agents = algorithm::registry();
        std::iter::once(run)
            .chain(agents.iter().map(agent))
            .collect()
    }

    fn reserved(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("run.seed", "seeds are in [seeds]"),
            ("run.env", "write `env` without `run`"),
            ("run.from", "a study's agents begin untrained"),
            ("run.from_sha256", "a study's agents begin untrained"),
        ]
    }

    fn check(&self, settings: &Table) -> std::result::Result<(), settings::Error> {
        AgentRuns::from_table(settings)?.source().check_names()
    }

    fn set(&self, settings: &mut Table, key: &str, value: &Value) -> Result<()> {
        let Some(dial) = key.strip_prefix("env.") else {
            return nested::set(settings, key, value);
        };
        let env = settings.get("env").and_then(Value::as_text);
        let env = env.unwrap_or_default();
        let separator = if env.contains('?') { '&' } else { '?' };
        let value = config::plain(value);
        let env = format!("{env}{separator}{dial}={value}");
        settings.insert("env", Value::Text(env));
        Ok(())
    }

    fn title(&self, settings: &Table) -> std::result::Result<String, settings::Error> {
        let env = settings.get("env").and_then(Value::as_text);
        let missing = || settings::Error::Missing { path: "env".into() };
        let wrong = |error: envs::Error| settings::Error::wrong(error.to_string()).within("env");
        let env = envs::make(env.ok_or_else(missing)?).map_err(wrong)?;
        Ok(env.spec().name.clone())
    }

    fn scale(&self, settings: &Table) -> Option<Scale> {
        scale_of(settings.get("env")?.as_text()?)
    }

    fn job(&self, settings: &Table, optimiser: &Spec, seed: u64) -> Result<Box<dyn Job>> {
        let mut source = AgentRuns::from_table(settings)?.source();
        source.check_names()?;
        source
            .run
            .insert("seed", config::seed_value(Some(seed), "a seed")?);
        source.optimiser = Some(optimiser.clone());
        let config = source.resolve(None)?;
        // If no agent learned, a study would find no difference between optimisers.
        let steps = config.run.steps;
        if let Some(key) = config.algorithm.learns_nothing(&config.agent, steps) {
            let value = config.agent.get(key).map(Value::plain).unwrap_or_default();
            return Err(Error::usage(format!(
                "agent.{key} = {value} leaves no update in run.steps = {steps}; allowed: below that"
            )));
        }
        let id = config.id();
        Ok(Box::new(AgentJob { config, id }))
    }
}

struct AgentJob {
    config: Config,
    id: String,
}

impl Job for AgentJob {
    fn id(&self) -> &str {
        &self.id
    }

    fn steps(&self) -> u64 {
        self.config.run.steps
    }

    fn effort(&self) -> f64 {
        let Config { run, agent, .. } = &self.config;
        let effort = |env: envs::TimeLimit| {
            let definition = self.config.algorithm;
            definition.effort(agent, env.spec(), run.steps)
        };
        envs::make(&run.env).map_or(0.0, effort)
    }

    fn kind_of_step(&self) -> String {
        let Config { run, algorithm, .. } = &self.config;
        let steps = run.steps as f64;
        // Dials and drifts of an environment hardly change its time.
        let env = run.env.split('?').next().unwrap_or_default();
        format!(
            "{env} {} {:.2e} {:.2} {} {}",
            algorithm.name(),
            self.effort() / steps,
            self.config.updates() as f64 / steps,
            run.diagnostics,
            run.device,
        )
    }

    fn on_gpu(&self) -> bool {
        self.config.run.device != Compute::Cpu
    }

    fn run(
        &self,
        place: JobFolder,
        control: &Control,
        watcher: &mut dyn Watcher,
    ) -> Result<Outcome> {
        let wanted = [RowTable::Evaluations, RowTable::Diagnostics];
        let train = |(), from, observer: &mut dyn run::Observer| {
            let task = RunTask {
                config: &self.config,
                from,
                observer,
            };
            Ok(rl::train_cohort(vec![task], control)?.remove(0))
        };
        let finished = run_in(place, &self.config, &wanted, watcher, || Ok(()), train)?;
        self.outcome_of(&finished)
    }

    fn outcome(&self, folder: &Path) -> Result<Option<Outcome>> {
        let finished = run::finished(folder, &self.config)?;
        finished.map(|run| self.outcome_of(&run)).transpose()
    }

    fn rehearse(&self, steps: u64, learning: bool) -> Result<Status> {
        let outcome = rl::train(&self.shortened(steps, learning)?, &mut ())?;
        Ok(outcome.status)
    }

    fn learning_round(&self) -> Option<u64> {
        self.config.algorithm.learning_round(&self.config.agent)
    }

    fn updates(&self, rehearsed: u64) -> (u64, u64) {
        let short = self.shortened(rehearsed, true);
        (
            self.config.updates(),
            short.map_or(0, |config| config.updates()),
        )
    }
}

impl AgentJob {
    fn outcome_of(&self, finished: &Finished<Config>) -> Result<Outcome> {
        let mechanism = match self.config.run.diagnostics {
            0 => None,
            _ => Mechanism::of(&finished.diagnostics()?),
        };
        let curve = self.curve(finished)?;
        let outcome = &finished.outcome;
        Ok(Outcome {
            status: outcome.status,
            steps: outcome.steps,
            updates: outcome.updates,
            area: mean_score(&curve),
            curve,
            last: outcome.final_return,
            solved_step: outcome.solved_step,
            optimiser_bytes_per_parameter: outcome.optimiser_bytes_per_parameter,
            mechanism,
        })
    }

    fn shortened(&self, steps: u64, learning: bool) -> Result<Config> {
        let mut config = self.config.clone();
        let environments = config.environments() as u64;
        config.run.steps = steps.min(config.run.steps).next_multiple_of(environments);
        let start = if learning { steps / 2 } else { steps };
        config.agent = config.algorithm.learning_by(&config.agent, start)?;
        // One at its start and one at its end.
        config.run.eval_every = config.run.steps;
        config.run.eval_episodes = 1;
        Ok(config)
    }

    /// Step and mean return of each evaluation; evaluations that a diverged run did not reach have the
    /// worst return.
    fn curve(&self, finished: &Finished<Config>) -> Result<Vec<(u64, f64)>> {
        let rows = finished.evaluations()?;
        let point = |row: &EvaluationRow| (row.step, row.mean_return);
        let mut curve: Vec<(u64, f64)> = rows.iter().map(point).collect();
        if finished.outcome.status == Status::Diverged {
            let (run, worst) = (&self.config.run, finished.outcome.final_return);
            let last = curve.last().map_or(0, |(step, _)| *step);
            // At the first step of all environments that is at or past each multiple.
            let together = self.config.environments() as u64;
            let due = (1..=run.steps.div_ceil(run.eval_every)).map(|k| {
                let due = k.saturating_mul(run.eval_every).div_ceil(together);
                run.steps.min(due.saturating_mul(together))
            });
            let mut due: Vec<u64> = due.filter(|step| *step > last).collect();
            due.dedup();
            curve.extend(due.into_iter().map(|step| (step, worst)));
        }
        Ok(curve)
    }
}
