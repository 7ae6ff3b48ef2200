//! Update after update, in one order.

use safetensors::Dtype;

use optim::{
    Element,
    state_file::{self, Array, StateFile, StatePart, bytes, numbers, of_part},
};

use super::{
    OrderConfig, OrderOutcome, Recording, Taught, ValueLearner, arranged, pending::BatchUpdate,
};
use std::cell::RefCell;

use crate::{
    Error, Result,
    algorithm::TargetClock,
    run::{
        Checkpoint, Configuration, Control, Observer, Progress, Row, Snapshot, Status, ValueRow,
        control::passes,
        diagnose::{Asked, Diagnostics},
    },
    streams::{Stream, stream},
};

/// The score of a run that has diverged. An error of a thousand times the best constant's counts as such.
pub const WORST: f64 = -3.0;

/// Updates between two calls of [`Observer::progress`].
const PROGRESS_EVERY: u64 = 500;
/// Updates between two looks at the clock.
const LOOK_EVERY: u64 = 256;
/// The parts of a checkpoint that belong to the optimiser and to the diagnostics.
const OPTIMISER: &str = "optimiser";
const DIAGNOSTICS: &str = "diagnostics";

/// Learns from `recording` as `config` says, from the start or from the checkpoint `from` to the end, and tells
/// `observer`. The result depends only on `config`, for which the recording must have been made.
///
/// # Errors
/// If it is stopped, if the checkpoint belongs to another run, or if `observer` fails.
pub fn train(
    config: &OrderConfig,
    recording: &Recording,
    from: Option<&Checkpoint>,
    observer: &mut dyn Observer,
    control: &Control,
) -> Result<OrderOutcome> {
    let mut run = OrderTraining::new(config, recording)?;
    match from {
        Some(from) => from.restore(|saved| run.restore(saved))?,
        None => run.evaluate(observer)?,
    }
    run.go(observer, control)
}

/// Does the first `updates` updates of the run `config`, without evaluations; returns how they end.
///
/// # Errors
/// As [`train`].
pub fn rehearse(config: &OrderConfig, recording: &Recording, updates: u64) -> Result<Status> {
    let mut run = OrderTraining::new(config, recording)?;
    let updates = updates.min(config.run.updates());
    while run.learner.updates < updates && run.status == Status::Finished {
        run.update(&mut ())?;
    }
    Ok(run.status)
}

struct OrderTraining<'a> {
    config: &'a OrderConfig,
    recording: &'a Recording,
    learner: ValueLearner<f32>,
    /// The places of the transitions in the order in which they are learned.
    order: Vec<u32>,
    diagnostics: Option<Diagnostics>,
    /// Evaluations done, and the updates before the next one.
    evaluations: u64,
    /// The sum of the losses since the last evaluation, and their number.
    losses: [f64; 2],
    last: ValueRow,
    best: ValueRow,
    status: Status,
}

impl<'a> OrderTraining<'a> {
    fn new(config: &'a OrderConfig, recording: &'a Recording) -> Result<Self> {
        let run = &config.run;
        let init = &mut stream(run.seed, Stream::Init);
        let (architecture, rules) = (&recording.architecture, run.rules());
        let learner = ValueLearner::new(rules, architecture, &config.optimiser, init)?;
        let places = arranged(recording.learned.len(), run.window_size(), run.seed);
        let asked = Asked {
            every: run.diagnostics,
            lags: run.diagnostics_lags,
            seed: run.seed,
        };
        // Without a target network, targets move with every update.
        let clock: TargetClock = match rules.target_every {
            None => Box::new(|update| update - 1),
            Some(every) => Box::new(move |update| (update - 1) % every),
        };
        Ok(Self {
            order: places
                .into_iter()
                .map(|place| recording.learned[place as usize])
                .collect(),
            diagnostics: Diagnostics::new(asked, &config.optimiser, clock),
            config,
            recording,
            learner,
            evaluations: 0,
            losses: [0.0; 2],
            last: ValueRow::default(),
            best: ValueRow::default(),
            status: Status::Finished,
        })
    }

    fn go(mut self, observer: &mut dyn Observer, control: &Control) -> Result<OrderOutcome> {
        let all = self.config.run.updates();
        let mut saved = self.learner.updates;
        observer.progress(&Progress {
            step: saved,
            now: &[],
        })?;
        while self.learner.updates < all && self.status != Status::Diverged {
            self.update(observer)?;
            let update = self.learner.updates;
            if update == self.config.run.evaluated_at(self.evaluations) {
                self.evaluate(observer)?;
            }
            let over = update == all || self.status == Status::Diverged;
            if passes(update - 1, update, PROGRESS_EVERY) || over {
                let loss = self.last.loss.unwrap_or(f64::NAN);
                let now = [("loss", loss), ("score", self.last.score)];
                let progress = Progress {
                    step: update,
                    now: &now,
                };
                observer.progress(&progress)?;
            }
            if update == all {
                break;
            }
            let stop = control.stopped();
            let look = passes(update - 1, update, LOOK_EVERY);
            if stop.is_some() || control.save_is_due(update - 1, update, look) {
                observer.checkpoint(&self.snapshot())?;
                control.checkpoint_made();
                saved = update;
            }
            if let Some(signal) = stop {
                return Err(Error::Stopped {
                    signal,
                    step: update,
                    of: all,
                    saved,
                });
            }
        }
        observer.weights(&self.weights()?)?;
        Ok(self.outcome())
    }

    /// The next update.
    fn update(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let batch = self.config.run.batch;
        let start = self.learner.updates as usize * batch;
        let rows = &self.order[start..self.order.len().min(start + batch)];
        let taught = self.learner.look(&self.recording.transitions, rows, None);
        self.losses[0] += taught.loss;
        self.losses[1] += 1.0;
        if !taught.loss.is_finite() {
            self.status = Status::Diverged;
            return Ok(());
        }
        let taught = match &mut self.diagnostics {
            None => taught,
            Some(diagnostics) => examine(
                diagnostics,
                &mut self.learner,
                self.recording,
                rows,
                taught,
                observer,
            )?,
        };
        self.learner.learn(&taught);
        Ok(())
    }

    /// Measures the error on the held-out transitions, with the weights to evaluate with.
    fn evaluate(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let learner = &mut self.learner;
        let others = learner.optimiser.evaluation_weights(&learner.weights);
        let own = others.map(|others| std::mem::replace(&mut learner.weights, others));
        let done = self.measure(observer);
        if let Some(own) = own {
            self.learner.weights = own;
        }
        done
    }

    fn measure(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let Recording {
            transitions,
            held_out,
            spread,
            ..
        } = self.recording;
        let mut squares = 0.0;
        for &row in held_out {
            let row = row as usize;
            let value = f64::from(self.learner.value(transitions, row));
            squares += (value - transitions.values[row]).powi(2);
        }
        let error = (squares / held_out.len() as f64).sqrt();
        let score = -(error / spread).log10();
        let [sum, n] = std::mem::take(&mut self.losses);
        let update = self.learner.updates;
        // NaN has diverged too. Initial weights have not diverged, however far from the values they are.
        if !error.is_finite() || score < WORST && update > 0 {
            self.status = Status::Diverged;
            return Ok(());
        }
        let score = score.max(WORST);
        let learned = update.saturating_mul(self.config.run.batch as u64);
        let row = ValueRow {
            update,
            transitions: learned.min(self.order.len() as u64),
            loss: (n > 0.0).then_some(sum / n),
            error,
            score,
        };
        observer.row(Row::Value(&row))?;
        if self.evaluations == 0 || row.score > self.best.score {
            self.best = row;
        }
        self.last = row;
        self.evaluations += 1;
        Ok(())
    }

    fn outcome(&self) -> OrderOutcome {
        let (config, run) = (self.config, &self.config.run);
        let finished = self.status == Status::Finished;
        let updates = self.learner.updates;
        OrderOutcome {
            id: config.id(),
            env: run.env.clone(),
            order: run.order.to_string(),
            window: run.window_size(),
            targets: run.targets.to_string(),
            optimiser: config.optimiser.to_string(),
            lr: config.optimiser.lr(),
            seed: run.seed,
            status: self.status,
            updates,
            transitions: (updates.saturating_mul(run.batch as u64)).min(self.order.len() as u64),
            error: finished.then_some(self.last.error),
            score: if finished { self.last.score } else { WORST },
            best_score: if self.evaluations > 0 {
                self.best.score
            } else {
                WORST
            },
            best_update: self.best.update,
            constant_error: self.recording.spread,
            exact: self.recording.exact,
            parameters: self.learner.weights.len(),
            optimiser_bytes_per_parameter: self.learner.optimiser.bytes_per_parameter(),
        }
    }

    /// The weights as they are, by layer.
    fn weights(&self) -> Result<Vec<u8>> {
        let (mut arrays, mut rest): (Vec<Array>, _) = (Vec::new(), self.learner.weights.as_slice());
        for (name, shape) in self.learner.layers.parameters() {
            let (own, after) = rest.split_at(shape.iter().product());
            arrays.push((name, Dtype::F32, shape, f32::to_bytes(own)));
            rest = after;
        }
        let owner = format!("run {}", self.config.id());
        Ok(state_file::write("values", owner, &arrays)?)
    }

    fn snapshot(&self) -> Snapshot {
        let list = |name: &str, values: &[f32]| -> Array {
            let data = f32::to_bytes(values);
            (name.into(), Dtype::F32, vec![values.len()], data)
        };
        let numbers = [
            &self.losses[..],
            &[self.evaluations as f64],
            &flat(self.last),
            &flat(self.best),
        ]
        .concat();
        let data = bytes(&numbers, |x| x.to_le_bytes());
        let mut arrays = vec![
            list("weights", &self.learner.weights),
            list("target", &self.learner.target),
            ("numbers".into(), Dtype::F64, vec![numbers.len()], data),
        ];
        arrays.extend(of_part(OPTIMISER, self.learner.optimiser.arrays()));
        if let Some(diagnostics) = &self.diagnostics {
            arrays.extend(of_part(DIAGNOSTICS, diagnostics.arrays()));
        }
        Snapshot::new(self.config, self.learner.updates, arrays)
    }

    fn restore(&mut self, saved: &StateFile) -> Result<()> {
        let list = |name: &str, into: &mut [f32]| -> Result<()> {
            let data = saved.find(name, Dtype::F32, &[into.len()])?;
            into.copy_from_slice(&f32::from_bytes(data));
            Ok(())
        };
        list("weights", &mut self.learner.weights)?;
        list("target", &mut self.learner.target)?;
        self.learner
            .optimiser
            .load(&StatePart::new(saved, OPTIMISER))?;
        self.learner.updates = saved.count("step")?;
        let data = saved.find("numbers", Dtype::F64, &[3 + 2 * ROW])?;
        let found = numbers(data, f64::from_le_bytes);
        self.losses = [found[0], found[1]];
        self.evaluations = found[2] as u64;
        self.last = row(&found[3..]);
        self.best = row(&found[3 + ROW..]);
        let updates = self.learner.updates;
        match &mut self.diagnostics {
            Some(diagnostics) => diagnostics.load(&StatePart::new(saved, DIAGNOSTICS), updates),
            None => Ok(()),
        }
    }
}

/// Shows the diagnostics the update of `taught`, and returns it. The learner has its gradient again afterwards.
fn examine(
    diagnostics: &mut Diagnostics,
    learner: &mut ValueLearner<f32>,
    recording: &Recording,
    rows: &[u32],
    taught: Taught<f32>,
    observer: &mut dyn Observer,
) -> Result<Taught<f32>> {
    let update = learner.updates + 1;
    let pending = BatchUpdate {
        gradient: learner.gradient().to_vec(),
        learner: RefCell::new(learner),
        recording,
        rows,
        taught: &taught,
    };
    let row = diagnostics.examine(update, update, &pending)?;
    let BatchUpdate {
        learner, gradient, ..
    } = pending;
    if let Some(row) = row {
        learner.into_inner().set_gradient(&gradient);
        observer.row(Row::Diagnostics(&row))?;
    }
    Ok(taught)
}

/// Numbers of a line of `values.csv`.
const ROW: usize = 5;

fn flat(row: ValueRow) -> [f64; ROW] {
    [
        row.update as f64,
        row.transitions as f64,
        row.loss.unwrap_or(f64::NAN),
        row.error,
        row.score,
    ]
}

fn row(flat: &[f64]) -> ValueRow {
    ValueRow {
        update: flat[0] as u64,
        transitions: flat[1] as u64,
        loss: Some(flat[2]).filter(|loss| !loss.is_nan()),
        error: flat[3],
        score: flat[4],
    }
}
