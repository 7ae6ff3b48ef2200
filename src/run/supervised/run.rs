//! Epoch after epoch, batch after batch.

use safetensors::Dtype;

use super::{Learner, SupervisedConfig};
use optim::Optimiser;

use optim::state_file::{StateFile, StatePart, bytes, numbers, of_part};

use crate::{
    Error, Result, data,
    run::{
        Checkpoint, Configuration, Control, EpochRow, HistoryRow, Observer, Progress, Row,
        Snapshot, Status, SupervisedOutcome,
    },
};

/// The part of a checkpoint that belongs to the learner.
const LEARNER: &str = "learner";

/// Sums of a run so far.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    /// Over the batches since the last line of the history.
    history: [f64; 2],
    batches: f64,
    /// Over this epoch's samples.
    epoch: [f64; 2],
    samples: f64,
}

/// Trains as `config` says, from the start or from the checkpoint `from` to the end, and tells
/// `observer`. The result depends only on `config`.
pub fn train(
    config: &SupervisedConfig,
    learner: &mut dyn Learner,
    from: Option<&Checkpoint>,
    observer: &mut dyn Observer,
    control: &Control,
) -> Result<SupervisedOutcome> {
    let mut run = SupervisedTraining::new(config, learner)?;
    if let Some(from) = from {
        run.step = from.step;
        from.restore(|saved| run.restore(saved))?;
    }
    run.go(observer, control)
}

struct SupervisedTraining<'a> {
    config: &'a SupervisedConfig,
    learner: &'a mut dyn Learner,
    optimiser: Optimiser,
    /// Batches done.
    step: u64,
    /// Batches in an epoch, and in all.
    each: u64,
    all: u64,
    sums: Sums,
    last: Option<EpochRow>,
    best: Option<EpochRow>,
}

impl<'a> SupervisedTraining<'a> {
    fn new(config: &'a SupervisedConfig, learner: &'a mut dyn Learner) -> Result<Self> {
        let [each, all] = config.batches(learner.samples());
        let specs = [config.optimiser.clone()];
        let mut optimiser = Optimiser::new(&specs, learner.parameters())?;
        for (name, layout) in learner.layouts() {
            optimiser = optimiser.lay_out(&name, layout)?;
        }
        Ok(Self {
            config,
            optimiser,
            learner,
            step: 0,
            each,
            all,
            sums: Sums::default(),
            last: None,
            best: None,
        })
    }

    fn go(mut self, observer: &mut dyn Observer, control: &Control) -> Result<SupervisedOutcome> {
        let mut saved = self.step;
        let mut status = Status::Finished;
        let mut order = (u64::MAX, Vec::new());
        while self.step < self.all {
            let epoch = self.step / self.each;
            if order.0 != epoch {
                let n = self.learner.samples();
                order = (epoch, data::order(self.config.run.seed, epoch, n));
            }
            if !self.batch(&order.1, observer)? {
                status = Status::Diverged;
                break;
            }
            if self.step == self.all {
                break;
            }
            let stop = control.stopped();
            if stop.is_some() || control.save_is_due(self.step - 1, self.step, true) {
                observer.checkpoint(&self.snapshot()?)?;
                control.checkpoint_made();
                saved = self.step;
            }
            if let Some(signal) = stop {
                return Err(Error::Stopped {
                    signal,
                    step: self.step,
                    of: self.all,
                    saved,
                });
            }
        }
        let weights = self.optimiser.evaluating(|| self.learner.weights())??;
        observer.weights(&weights)?;
        self.outcome(status)
    }

    /// Does one batch and what is due after it; returns whether its loss is a number.
    fn batch(&mut self, order: &[u32], observer: &mut dyn Observer) -> Result<bool> {
        let (size, epoch) = (self.config.run.batch, self.step / self.each);
        let start = (self.step % self.each) as usize * size;
        let rows = &order[start..order.len().min(start + size)];
        let (score, grads) = self.learner.learn(rows, epoch, start)?;
        self.step += 1;
        let row = |[loss, accuracy]: [f64; 2], n: f64| HistoryRow {
            step: self.step,
            epoch: epoch + 1,
            loss: loss / n,
            accuracy: accuracy / n,
        };
        let values = [score.loss, score.accuracy];
        let alive = score.loss.is_finite();
        for (i, value) in values.into_iter().enumerate() {
            self.sums.history[i] += value;
            self.sums.epoch[i] += value * rows.len() as f64;
        }
        self.sums.batches += 1.0;
        self.sums.samples += rows.len() as f64;
        if alive {
            self.optimiser.step(&grads)?;
            if self.learner.stepped(self.step)? {
                self.optimiser.target_updated()?;
            }
        }
        let over = self.step.is_multiple_of(self.each) || self.step == self.all || !alive;
        if self.step.is_multiple_of(self.config.run.log_every) || over {
            let row = row(self.sums.history, self.sums.batches);
            observer.row(Row::History(&row))?;
            (self.sums.history, self.sums.batches) = ([0.0; 2], 0.0);
        }
        if over && alive {
            let tested = self.optimiser.evaluating(|| self.learner.test())??;
            // The last update may ruin the weights without a later batch to show it.
            if self.step == self.all && !tested.loss.is_finite() {
                return Ok(false);
            }
            let learner = &mut self.learner;
            let played = self.optimiser.evaluating(|| learner.play(epoch + 1));
            let test_return = played??;
            let [loss, accuracy] = self.sums.epoch.map(|sum| sum / self.sums.samples);
            let row = EpochRow {
                epoch: epoch + 1,
                step: self.step,
                train_loss: loss,
                train_accuracy: accuracy,
                test_loss: tested.loss,
                test_accuracy: tested.accuracy,
                test_return,
            };
            observer.row(Row::Epoch(&row))?;
            if self
                .best
                .is_none_or(|best| row.test_accuracy > best.test_accuracy)
            {
                self.best = Some(row);
            }
            self.last = Some(row);
            self.sums = Sums::default();
        }
        observer.progress(&Progress {
            step: self.step,
            now: &[
                ("epoch", (epoch + 1) as f64),
                ("loss", score.loss),
                ("accuracy", score.accuracy),
            ],
        })?;
        Ok(alive)
    }

    fn outcome(&self, status: Status) -> Result<SupervisedOutcome> {
        let (config, run) = (self.config, &self.config.run);
        let last = match status {
            Status::Finished => self.last,
            Status::Diverged => None,
        };
        let parameters = self.learner.parameters();
        Ok(SupervisedOutcome {
            id: config.id(),
            dataset: run.dataset.to_string(),
            net: run.net.to_string(),
            train: run.train.to_string(),
            optimiser: config.optimiser.to_string(),
            lr: config.optimiser.lr(),
            seed: run.seed,
            status,
            steps: self.step,
            epochs: self.step.div_ceil(self.each),
            train_loss: last.map(|row| row.train_loss),
            test_loss: last.map(|row| row.test_loss),
            test_accuracy: last.map_or(0.0, |row| row.test_accuracy),
            test_return: last.and_then(|row| row.test_return),
            best_test_accuracy: self.best.map_or(0.0, |row| row.test_accuracy),
            best_epoch: self.best.map_or(0, |row| row.epoch),
            constant_loss: self.learner.constant_loss(),
            parameters: parameters.iter().map(|p| p.var.elem_count()).sum(),
            optimiser_bytes_per_parameter: self.optimiser.bytes_per_parameter(),
        })
    }

    fn snapshot(&self) -> Result<Snapshot> {
        let Sums {
            history,
            batches,
            epoch,
            samples,
        } = self.sums;
        let rows = [self.last, self.best].map(|row| flat(row.unwrap_or_default()));
        let f64s = [&history[..], &[batches], &epoch, &[samples], &rows.concat()].concat();
        let (learner, mut arrays) = (self.learner.arrays()?, Vec::new());
        let optimiser = self.optimiser.to_safetensors()?;
        arrays.push((
            "optimiser".into(),
            Dtype::U8,
            vec![optimiser.len()],
            optimiser,
        ));
        let f64s = (vec![f64s.len()], bytes(&f64s, |x| x.to_le_bytes()));
        arrays.push(("sums".into(), Dtype::F64, f64s.0, f64s.1));
        let arrays = of_part(LEARNER, learner).chain(arrays).collect();
        Ok(Snapshot::new(self.config, self.step, arrays))
    }

    fn restore(&mut self, saved: &StateFile) -> Result<()> {
        self.learner.restore(&StatePart::new(saved, LEARNER))?;
        self.optimiser
            .restore(saved.list("optimiser", Dtype::U8)?)?;
        let sums = numbers(
            saved.find("sums", Dtype::F64, &[6 + 2 * ROW])?,
            f64::from_le_bytes,
        );
        self.sums = Sums {
            history: [sums[0], sums[1]],
            batches: sums[2],
            epoch: [sums[3], sums[4]],
            samples: sums[5],
        };
        let row = |flat: &[f64]| EpochRow {
            epoch: flat[0] as u64,
            step: flat[1] as u64,
            train_loss: flat[2],
            train_accuracy: flat[3],
            test_loss: flat[4],
            test_accuracy: flat[5],
            test_return: Some(flat[6]).filter(|value| !value.is_nan()),
        };
        let rows = sums[6..]
            .chunks_exact(ROW)
            .map(|flat| Some(row(flat)).filter(|r| r.epoch > 0));
        let rows: Vec<_> = rows.collect();
        (self.last, self.best) = (rows[0], rows[1]);
        Ok(())
    }
}

/// Numbers in a line of `epochs.csv`.
const ROW: usize = 7;

fn flat(row: EpochRow) -> [f64; ROW] {
    [
        row.epoch as f64,
        row.step as f64,
        row.train_loss,
        row.train_accuracy,
        row.test_loss,
        row.test_accuracy,
        row.test_return.unwrap_or(f64::NAN),
    ]
}
