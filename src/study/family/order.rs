//! Runs that differ only in the order of their samples, as in `order`.
//!
//! The score is `-log10` of the error of the learned values divided by that of the best constant: 0 is a constant,
//! and each further 1 is a tenth of the error. There is no ceiling. A run that diverged has the worst score, -3.

use std::{path::Path, sync::Arc};

use settings::{Setting, Settings, Table, Value, settings};

use super::{Family, InnerTable, Job, JobFolder, Outcome, Scale, Watcher, nested, run_in};
use optim::Spec;

use crate::{
    Result,
    algorithm::dqn::DqnConfig,
    config::seed_value,
    run::{
        self, Configuration, Control, Finished, RowTable, Status,
        order::{self, OrderConfig, OrderRun, Recording, WORST, recorded_config},
    },
    study::{Mechanism, family::mean_score},
};

/// Runs of order alone.
pub struct OrderAlone;

settings! {
    /// The settings of a run of order alone, apart from its optimiser and its seed.
    pub struct OrderRuns {
        /// What is recorded, and how it is learned: `order --help`, Run
        run: Table = Table::new();
    }
}

/// The run in `settings`, with defaults for the rest.
fn run_of(settings: &Table) -> std::result::Result<(Table, OrderRun), settings::Error> {
    let set = OrderRuns::from_table(settings)?.run;
    let mut run = OrderRun::default();
    run.extend(&set).map_err(|error| error.within("run"))?;
    Ok((set, run))
}

impl Family for OrderAlone {
    fn name(&self) -> &'static str {
        "order"
    }

    fn settings(&self) -> &'static [Setting] {
        OrderRuns::declared()
    }

    fn tables(&self) -> Vec<InnerTable> {
        vec![InnerTable {
            key: "run",
            condition: None,
            settings: OrderRun::declared().to_vec(),
        }]
    }

    fn reserved(&self) -> &'static [(&'static str, &'static str)] {
        &[("run.seed", "seeds are in [seeds]")]
    }

    fn check(&self, settings: &Table) -> std::result::Result<(), settings::Error> {
        run_of(settings).map(drop)
    }

    fn set(&self, settings: &mut Table, key: &str, value: &Value) -> Result<()> {
        nested::set(settings, key, value)
    }

    /// `order of cartpole`.
    fn title(&self, settings: &Table) -> std::result::Result<String, settings::Error> {
        let (_, run) = run_of(settings)?;
        let wrong =
            |error: envs::Error| settings::Error::wrong(error.to_string()).within("run.env");
        let env = envs::make(&run.env).map_err(wrong)?;
        Ok(format!("order of {}", env.spec().name))
    }

    fn scale(&self, _settings: &Table) -> Option<Scale> {
        Some(Scale {
            random: 0.0,
            reference: 1.0,
        })
    }

    fn job(&self, settings: &Table, optimiser: &Spec, seed: u64) -> Result<Box<dyn Job>> {
        let (mut set, _) = run_of(settings)?;
        set.insert("seed", seed_value(Some(seed), "a seed")?);
        let config = OrderConfig::resolve(&set, optimiser.clone())?;
        let id = config.id();
        Ok(Box::new(OrderJob { config, id }))
    }
}

struct OrderJob {
    config: OrderConfig,
    id: String,
}

impl Job for OrderJob {
    fn id(&self) -> &str {
        &self.id
    }

    fn steps(&self) -> u64 {
        self.config.run.updates()
    }

    fn effort(&self) -> f64 {
        // Each transition takes three passes, and its target one more. The recording is shared.
        4.0 * self.config.run.learned() as f64 * self.pass()
    }

    fn kind_of_step(&self) -> String {
        let run = &self.config.run;
        let work = self.effort() / self.steps() as f64;
        format!("order {work:.2e} {} {}", run.targets, run.diagnostics)
    }

    fn on_gpu(&self) -> bool {
        false
    }

    fn run(
        &self,
        place: JobFolder,
        control: &Control,
        watcher: &mut dyn Watcher,
    ) -> Result<Outcome> {
        let train =
            |recording: Arc<Recording>, from: Option<_>, observer: &mut dyn run::Observer| {
                order::train(&self.config, &recording, from.as_ref(), observer, control)
            };
        let wanted = [RowTable::Values, RowTable::Diagnostics];
        let prepare = || self.config.recording();
        let finished = run_in(place, &self.config, &wanted, watcher, prepare, train)?;
        self.outcome_of(&finished)
    }

    fn outcome(&self, folder: &Path) -> Result<Option<Outcome>> {
        let finished = run::finished(folder, &self.config)?;
        finished.map(|run| self.outcome_of(&run)).transpose()
    }

    fn acts(&self) -> bool {
        false
    }

    fn rehearse(&self, steps: u64, learning: bool) -> Result<Status> {
        let recording = self.config.recording()?;
        if !learning {
            return Ok(Status::Finished);
        }
        order::rehearse(&self.config, &recording, steps)
    }

    fn updates(&self, rehearsed: u64) -> (u64, u64) {
        (self.steps(), rehearsed.min(self.steps()))
    }
}

impl OrderJob {
    fn outcome_of(&self, finished: &Finished<OrderConfig>) -> Result<Outcome> {
        let mechanism = match self.config.run.diagnostics {
            0 => None,
            _ => Mechanism::of(&finished.diagnostics()?),
        };
        let curve = self.curve(finished)?;
        let outcome = &finished.outcome;
        // A tenth of the constant's error.
        let solved = curve.iter().find(|(_, score)| *score >= 1.0);
        Ok(Outcome {
            status: outcome.status,
            steps: outcome.updates,
            updates: outcome.updates,
            last: outcome.score,
            solved_step: solved.map(|(step, _)| *step),
            area: mean_score(&curve),
            curve,
            optimiser_bytes_per_parameter: outcome.optimiser_bytes_per_parameter,
            mechanism,
        })
    }

    /// Multiply-adds of a pass of one observation.
    fn pass(&self) -> f64 {
        let pass = || {
            let recorded = recorded_config(&self.config.run)?;
            let dqn = DqnConfig::from_table(&recorded.agent)?;
            let env = envs::make(&recorded.run.env)?;
            let spec = env.spec();
            dqn.architecture(&spec.observation.shape, spec.actions)
                .weights()
        };
        pass().unwrap_or(1) as f64
    }

    /// Updates and score of each evaluation; the worst for those that a diverged run did not reach.
    fn curve(&self, finished: &Finished<OrderConfig>) -> Result<Vec<(u64, f64)>> {
        let rows = finished.values()?;
        let mut curve: Vec<_> = rows.iter().map(|row| (row.update, row.score)).collect();
        let run = &self.config.run;
        let missed = curve.len() as u64..=run.evaluations;
        curve.extend(missed.map(|k| (run.evaluated_at(k), WORST)));
        Ok(curve)
    }
}
