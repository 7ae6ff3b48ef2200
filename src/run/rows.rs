//! The schema of every table that a run writes.

use std::fmt::{self, Formatter};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
    ser::SerializeTuple,
};

use super::DiagnosticsRow;
use crate::files::csv_text;

/// A table of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowTable {
    /// Training episodes.
    Episodes,
    /// Evaluations of the policy.
    Evaluations,
    /// Recorded updates.
    Updates,
    /// Updates looked at closely.
    Diagnostics,
    /// A few batches of supervised training a line.
    History,
    /// Epochs of supervised training.
    Epochs,
    /// Evaluations of learned values.
    Values,
}

impl RowTable {
    /// Its file.
    pub fn file(self) -> &'static str {
        match self {
            RowTable::Episodes => "episodes.csv",
            RowTable::Evaluations => "evaluations.csv",
            RowTable::Updates => "updates.csv",
            RowTable::Diagnostics => "diagnostics.csv",
            RowTable::History => "history.csv",
            RowTable::Epochs => "epochs.csv",
            RowTable::Values => "values.csv",
        }
    }

    /// Its header, without what an algorithm adds to it.
    pub fn header(self) -> String {
        let text = match self {
            RowTable::Episodes => return EpisodeRow::header(&[]),
            RowTable::Updates => return UpdateRow::header(&[]),
            RowTable::Evaluations => csv_text([EvaluationRow::default()]),
            RowTable::Diagnostics => csv_text([DiagnosticsRow::default()]),
            RowTable::History => csv_text([HistoryRow::default()]),
            RowTable::Epochs => csv_text([EpochRow::default()]),
            RowTable::Values => csv_text([ValueRow::default()]),
        };
        // Rows of numbers can be written.
        text.map_or(String::new(), |text| text.lines().take(1).collect())
    }
}

/// A line of a table.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    /// Of `episodes.csv`.
    Episode(&'a EpisodeRow),
    /// Of `evaluations.csv`.
    Evaluation(&'a EvaluationRow),
    /// Of `updates.csv`.
    Update(&'a UpdateRow),
    /// Of `diagnostics.csv`.
    Diagnostics(&'a DiagnosticsRow),
    /// Of `history.csv`.
    History(&'a HistoryRow),
    /// Of `epochs.csv`.
    Epoch(&'a EpochRow),
    /// Of `values.csv`.
    Value(&'a ValueRow),
}

impl Row<'_> {
    /// The table that it belongs to.
    pub fn table(&self) -> RowTable {
        match self {
            Row::Episode(_) => RowTable::Episodes,
            Row::Evaluation(_) => RowTable::Evaluations,
            Row::Update(_) => RowTable::Updates,
            Row::Diagnostics(_) => RowTable::Diagnostics,
            Row::History(_) => RowTable::History,
            Row::Epoch(_) => RowTable::Epochs,
            Row::Value(_) => RowTable::Values,
        }
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Row::Episode(row) => row.serialize(serializer),
            Row::Evaluation(row) => row.serialize(serializer),
            Row::Update(row) => row.serialize(serializer),
            Row::Diagnostics(row) => row.serialize(serializer),
            Row::History(row) => row.serialize(serializer),
            Row::Epoch(row) => row.serialize(serializer),
            Row::Value(row) => row.serialize(serializer),
        }
    }
}

/// A finished training episode: a line of `episodes.csv`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpisodeRow {
    /// Environment steps done when it ended.
    pub step: u64,
    /// Its number, from 1.
    pub episode: u64,
    /// The sum of its rewards; the column is called `return`.
    pub episode_return: f64,
    /// Its steps.
    pub length: u32,
    /// How the agent acted at its end: a number for each column that the algorithm adds, such as
    /// DQN's `epsilon`.
    pub behaviour: Vec<f64>,
}

impl EpisodeRow {
    /// The header, with the columns that an algorithm adds.
    pub fn header(added: &[&str]) -> String {
        [&["step", "episode", "return", "length"], added]
            .concat()
            .join(",")
    }
}

impl Serialize for EpisodeRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_tuple(5)?;
        row.serialize_element(&self.step)?;
        row.serialize_element(&self.episode)?;
        row.serialize_element(&self.episode_return)?;
        row.serialize_element(&self.length)?;
        row.serialize_element(&self.behaviour)?;
        row.end()
    }
}

impl<'de> Deserialize<'de> for EpisodeRow {
    fn deserialize<D: Deserializer<'de>>(line: D) -> std::result::Result<Self, D::Error> {
        struct EpisodeVisitor;
        impl<'de> Visitor<'de> for EpisodeVisitor {
            type Value = EpisodeRow;

            fn expecting(&self, f: &mut Formatter) -> fmt::Result {
                f.write_str("step, episode, return, length and what the algorithm adds")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut columns: A,
            ) -> std::result::Result<EpisodeRow, A::Error> {
                Ok(EpisodeRow {
                    step: column(&mut columns, 0, &self)?,
                    episode: column(&mut columns, 1, &self)?,
                    episode_return: column(&mut columns, 2, &self)?,
                    length: column(&mut columns, 3, &self)?,
                    behaviour: rest(columns)?,
                })
            }
        }
        line.deserialize_seq(EpisodeVisitor)
    }
}

/// The next column of a line, number `place`, which must be there.
fn column<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    columns: &mut A,
    place: usize,
    expected: &dyn de::Expected,
) -> std::result::Result<T, A::Error> {
    let column = columns.next_element()?;
    column.ok_or_else(|| de::Error::invalid_length(place, expected))
}

/// The remaining columns, if any.
fn rest<'de, A: SeqAccess<'de>>(mut columns: A) -> std::result::Result<Vec<f64>, A::Error> {
    let mut rest = Vec::new();
    while let Some(number) = columns.next_element()? {
        rest.push(number);
    }
    Ok(rest)
}

/// An update, one of every `log_every`: a line of `updates.csv`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateRow {
    /// Environment steps done.
    pub step: u64,
    /// Its number, from 1.
    pub update: u64,
    /// What the algorithm measured: a number for each column that it adds, such as DQN's `loss`,
    /// `mean_q` and `grad_norm`.
    pub measured: Vec<f64>,
}

impl UpdateRow {
    /// The header, with the columns that an algorithm adds.
    pub fn header(added: &[&str]) -> String {
        [&["step", "update"], added].concat().join(",")
    }
}

impl Serialize for UpdateRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_tuple(3)?;
        row.serialize_element(&self.step)?;
        row.serialize_element(&self.update)?;
        row.serialize_element(&self.measured)?;
        row.end()
    }
}

impl<'de> Deserialize<'de> for UpdateRow {
    fn deserialize<D: Deserializer<'de>>(line: D) -> std::result::Result<Self, D::Error> {
        struct UpdateVisitor;
        impl<'de> Visitor<'de> for UpdateVisitor {
            type Value = UpdateRow;

            fn expecting(&self, f: &mut Formatter) -> fmt::Result {
                f.write_str("step, update and what the algorithm adds")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut columns: A,
            ) -> std::result::Result<UpdateRow, A::Error> {
                Ok(UpdateRow {
                    step: column(&mut columns, 0, &self)?,
                    update: column(&mut columns, 1, &self)?,
                    measured: rest(columns)?,
                })
            }
        }
        line.deserialize_seq(UpdateVisitor)
    }
}

/// An evaluation of the greedy policy: a line of `evaluations.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRow {
    /// Environment steps of training done before it.
    pub step: u64,
    /// Its episodes.
    pub episodes: u32,
    /// The mean of their returns.
    pub mean_return: f64,
    /// The standard deviation of their returns (n - 1 in the denominator; 0 for one episode).
    pub std_return: f64,
    /// The smallest return.
    pub min_return: f64,
    /// The largest return.
    pub max_return: f64,
    /// The mean of their lengths.
    pub mean_length: f64,
}

/// A few batches of training: a line of `history.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Batches done.
    pub step: u64,
    /// Their epoch, from 1.
    pub epoch: u64,
    /// The mean of their losses.
    pub loss: f64,
    /// The mean of their shares of correct answers. For action values, an answer is correct if its best action is
    /// the teacher's.
    pub accuracy: f64,
}

/// An epoch, whole or cut short: a line of `epochs.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// Its number, from 1.
    pub epoch: u64,
    /// Batches done by its end.
    pub step: u64,
    /// The mean loss of its samples, each before the step that learned from it.
    pub train_loss: f64,
    /// The share of correct answers among them.
    pub train_accuracy: f64,
    /// The mean loss on the test data at its end; of action values, the mean squared distance from the
    /// teacher's.
    pub test_loss: f64,
    /// The share of correct answers among them.
    pub test_accuracy: f64,
    /// Of action values, the mean return of their greedy policy in five episodes.
    pub test_return: Option<f64>,
}

/// An evaluation of learned values: a line of `values.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValueRow {
    /// Updates done.
    pub update: u64,
    /// Transitions learned from.
    pub transitions: u64,
    /// The mean loss of the updates since the last line, each before its update; none at the start.
    pub loss: Option<f64>,
    /// The root of the mean squared distance from the true values held out.
    pub error: f64,
    /// `-log10` of the error divided by the standard deviation of these true values: the best constant scores 0, and a
    /// tenth of its error scores 1.
    pub score: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read back from rows that are written as CSV.
    fn read_back<T: Serialize + for<'de> Deserialize<'de>>(rows: &[T]) -> Vec<T> {
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        rows.iter().for_each(|row| writer.serialize(row).unwrap());
        let text = writer.into_inner().unwrap();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&text[..]);
        reader
            .deserialize()
            .collect::<std::result::Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn rows_come_back_whatever_an_algorithm_adds() {
        for added in [vec![], vec![0.5], vec![1.0, -2.5]] {
            let episode = EpisodeRow {
                step: 8,
                episode: 2,
                episode_return: 1.5,
                length: 3,
                behaviour: added.clone(),
            };
            let update = UpdateRow {
                step: 8,
                update: 1,
                measured: added,
            };
            assert_eq!(
                read_back(&[episode.clone(), episode.clone()]),
                [episode.clone(), episode]
            );
            assert_eq!(
                read_back(&[update.clone(), update.clone()]),
                [update.clone(), update]
            );
        }
    }
}
