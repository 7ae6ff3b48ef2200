//! DQN runs, as `rl` does them.

use std::path::Path;

use serde::Deserialize;

use super::{Job, Kind, Outcome, Scale, Watcher, ended, read, scale::scale_of};
use crate::{
    Error, Result,
    agent::DqnOverrides,
    keys::{Key, Keys, holds, keys},
    optim::Spec,
    study::{mechanism::Mechanism, merge},
    train::{
        self, Again, Compute, Config, ConfigSource, Control, EpisodeRow, EvaluationRow, Finished,
        Observer, Opened, Preset, RunFolder, RunOverrides, Status, Task, UpdateRow,
    },
};

/// DQN runs.
pub struct Rl;

keys! {
    /// What a DQN run is made of, apart from its optimiser and its seed.
    Settings {
        /// The environment, with its dials and drifts: `rl --list`
        env: Option<String> = None,
        /// The published setting to start from
        preset: Option<Preset> = None,
        /// What is run: `rl --help`, Run
        run: RunOverrides = RunOverrides::default(),
        /// The agent: `rl --help`, Agent
        agent: DqnOverrides = DqnOverrides::default(),
    }
}

holds! {
    RunOverrides: "a table",
    DqnOverrides: "a table",
}

impl Kind for Rl {
    fn name(&self) -> &'static str {
        "rl"
    }

    fn keys(&self) -> Vec<(Key, Vec<Key>)> {
        let preset = Preset::Cleanrl;
        let tables = |name: &str| match name {
            "run" => RunOverrides::keys(&preset.run()),
            "agent" => DqnOverrides::keys(&preset.agent()),
            _ => Vec::new(),
        };
        let with = |key: Key| (key.clone(), tables(key.name));
        Settings::keys().into_iter().map(with).collect()
    }

    fn reserved(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("run.seed", "seeds are in [seeds]"),
            ("run.env", "write `env` without `run`"),
        ]
    }

    fn check(
        &self,
        settings: toml::Spanned<toml::de::DeTable<'_>>,
    ) -> std::result::Result<(), toml::de::Error> {
        Settings::deserialize(toml::de::Deserializer::from(settings)).map(drop)
    }

    fn set(&self, settings: &mut toml::Table, key: &str, value: &toml::Value) -> Result<()> {
        let Some(dial) = key.strip_prefix("env.") else {
            return merge::set(settings, key, value);
        };
        let env = settings.get("env").and_then(toml::Value::as_str);
        let env = env.unwrap_or_default();
        let separator = if env.contains('?') { '&' } else { '?' };
        let value = merge::text(value);
        let env = format!("{env}{separator}{dial}={value}");
        settings.insert("env".into(), env.into());
        Ok(())
    }

    fn title(&self, settings: &toml::Table) -> Result<String> {
        let env = settings.get("env").and_then(toml::Value::as_str);
        let env = env.ok_or_else(|| Error::usage("the key `env` is missing"))?;
        Ok(envs::make(env)?.spec().name.clone())
    }

    fn scale(&self, settings: &toml::Table) -> Option<Scale> {
        scale_of(settings.get("env")?.as_str()?)
    }

    fn job(&self, settings: &toml::Table, optimiser: &Spec, seed: u64) -> Result<Box<dyn Job>> {
        let settings: Settings = read(settings)?;
        let source = ConfigSource {
            preset: settings.preset,
            run: RunOverrides {
                env: settings.env,
                seed: Some(seed),
                ..settings.run
            },
            optimiser: Some(optimiser.clone()),
            agent: settings.agent,
        };
        let config = source.resolve(None)?;
        // A study of agents that learn nothing would find that optimisers do not differ.
        let steps = config.run.steps;
        if let Some((key, value)) = config.agent.learns_nothing(steps) {
            return Err(Error::usage(format!(
                "agent.{key} = {value} leaves no update in run.steps = {steps}; allowed: below that"
            )));
        }
        let id = config.id();
        Ok(Box::new(Dqn { config, id }))
    }
}

struct Dqn {
    config: Config,
    id: String,
}

impl Job for Dqn {
    fn id(&self) -> &str {
        &self.id
    }

    fn steps(&self) -> u64 {
        self.config.run.steps
    }

    fn effort(&self) -> f64 {
        let Config { run, agent, .. } = &self.config;
        let pass = envs::make(&run.env).map_or(1.0, |env| {
            let spec = env.spec();
            let network = agent.architecture(&spec.observation.shape, spec.actions);
            network.weights().unwrap_or(1) as f64
        });
        // A pass to act, and for each row of a batch three and the target's.
        let learning = agent.updates(run.steps) as f64 * agent.batch_size as f64 * 4.0;
        pass * (run.steps as f64 + learning)
    }

    fn on_gpu(&self) -> bool {
        self.config.run.device != Compute::Cpu
    }

    fn run(&self, folder: &Path, control: &Control, watcher: &mut dyn Watcher) -> Result<()> {
        let ready = match RunFolder::look(folder, &self.config, Again::Resume)? {
            Opened::Finished(_) => return Ok(()),
            Opened::Unfinished(ready) => ready,
        };
        let (run_folder, from) = ready.open()?;
        let mut run_folder = Box::new(run_folder);
        let first = from.as_ref().map_or(0, |from| from.step);
        watcher.begins(folder, first)?;
        let mut steps = Steps { watcher, at: first };
        let result = {
            let mut observer = (&mut *run_folder, &mut steps);
            let task = Task {
                config: &self.config,
                from,
                observer: &mut observer,
            };
            train::run_cohort(vec![task], control)
        };
        let at = steps.at;
        let mut outcomes = ended(result, folder, at, watcher)?;
        run_folder.finish(outcomes.remove(0)).map(drop)
    }

    fn outcome(&self, folder: &Path) -> Result<Option<Outcome>> {
        let Some(finished) = RunFolder::finished(folder, &self.config)? else {
            return Ok(None);
        };
        let mechanism = match self.config.run.diagnostics {
            0 => None,
            _ => Mechanism::of(&finished.diagnostics()?),
        };
        let curve = curve(&finished, &self.config)?;
        let outcome = finished.outcome;
        Ok(Some(Outcome {
            status: outcome.status,
            steps: outcome.steps,
            updates: outcome.updates,
            curve,
            last: outcome.final_return,
            solved_step: outcome.solved_step,
            optimiser_bytes_per_parameter: outcome.optimiser_bytes_per_parameter,
            mechanism,
        }))
    }

    fn rehearse(&self, steps: u64, learning: bool) -> Result<Status> {
        let outcome = train::run(&self.shortened(steps, learning), &mut Nobody)?;
        Ok(outcome.status)
    }

    fn updates(&self, rehearsed: u64) -> (u64, u64) {
        let updates = |config: &Config| config.agent.updates(config.run.steps);
        let short = self.shortened(rehearsed, true);
        (updates(&self.config), updates(&short))
    }
}

impl Dqn {
    fn shortened(&self, steps: u64, learning: bool) -> Config {
        let mut config = self.config.clone();
        config.run.steps = steps.min(config.run.steps);
        let start = if learning { steps / 2 } else { steps };
        config.agent.learning_starts = config.agent.learning_starts.min(start);
        // One at its start and one at its end.
        config.run.eval_every = config.run.steps;
        config.run.eval_episodes = 1;
        config
    }
}

/// The step and the mean return of each evaluation. The evaluations that a diverged run did not reach have the worst
/// return.
fn curve(finished: &Finished, config: &Config) -> Result<Vec<(u64, f64)>> {
    let rows = finished.evaluations()?;
    let point = |row: &EvaluationRow| (row.step, row.mean_return);
    let mut curve: Vec<(u64, f64)> = rows.iter().map(point).collect();
    let outcome = &finished.outcome;
    if outcome.status == Status::Diverged {
        let (every, steps) = (config.run.eval_every, config.run.steps);
        let last = curve.last().map_or(0, |(step, _)| *step);
        let missed = (last / every + 1..=steps / every).map(|i| i * every);
        let end = (!steps.is_multiple_of(every)).then_some(steps);
        curve.extend(missed.chain(end).map(|step| (step, outcome.final_return)));
    }
    Ok(curve)
}

/// Tells a watcher of each step.
struct Steps<'a> {
    watcher: &'a mut dyn Watcher,
    at: u64,
}

impl Observer for Steps<'_> {
    fn progress(&mut self, step: u64, _epsilon: f64) -> Result<()> {
        self.at = step;
        self.watcher.progress(step);
        Ok(())
    }
    fn episode(&mut self, _row: &EpisodeRow) -> Result<()> {
        Ok(())
    }
    fn evaluation(&mut self, _row: &EvaluationRow) -> Result<()> {
        Ok(())
    }
    fn update(&mut self, _row: &UpdateRow) -> Result<()> {
        Ok(())
    }
}

/// Watches nothing.
struct Nobody;

impl Observer for Nobody {
    fn episode(&mut self, _row: &EpisodeRow) -> Result<()> {
        Ok(())
    }
    fn evaluation(&mut self, _row: &EvaluationRow) -> Result<()> {
        Ok(())
    }
    fn update(&mut self, _row: &UpdateRow) -> Result<()> {
        Ok(())
    }
}
