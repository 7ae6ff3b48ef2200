//! A finished run as a line of CSV, with a checksum of its own.

use std::sync::LazyLock;

use csv::StringRecord;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Error, Result,
    energy::Source,
    files::{csv_text, hex},
    run::{Machine, Status},
    study::{Mechanism, family::Outcome, rows::CostRow},
};

/// A finished run: its outcome and its cost.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedRun {
    /// Its id.
    pub id: String,
    /// Its outcome. It may lack the curve and the mechanism if the run was for tuning.
    pub outcome: Outcome,
    /// Its cost, if that is known.
    pub cost: Option<Cost>,
}

impl FinishedRun {
    /// Whether its whole outcome is known.
    pub fn is_whole(&self) -> bool {
        !self.outcome.curve.is_empty()
    }
}

/// What a run cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub seconds: f64,
    pub cpu_seconds: Option<f64>,
    pub joules: Option<f64>,
    pub source: Option<Source>,
    pub gpu_joules: Option<f64>,
    pub gco2e: Option<f64>,
    pub processor: String,
}

impl From<Machine> for Cost {
    fn from(machine: Machine) -> Self {
        let spent = machine.spent;
        Self {
            seconds: machine.seconds,
            cpu_seconds: spent.map(|spent| spent.cpu_seconds),
            joules: spent.map(|spent| spent.joules),
            source: spent.map(|spent| spent.source),
            gpu_joules: spent.and_then(|spent| spent.gpu_joules),
            gco2e: spent.map(|spent| spent.gco2e),
            processor: machine.processor,
        }
    }
}

impl From<CostRow> for Cost {
    fn from(row: CostRow) -> Self {
        Self {
            seconds: row.seconds,
            cpu_seconds: row.cpu_seconds,
            joules: row.joules,
            source: row.source,
            gpu_joules: row.gpu_joules,
            gco2e: row.gco2e,
            processor: row.processor,
        }
    }
}

/// The first columns of a line. Those of the mechanism and of the cost follow, then the checksum.
#[derive(Serialize, Deserialize)]
struct Facts {
    id: String,
    status: Status,
    steps: u64,
    updates: u64,
    area: f64,
    last: f64,
    solved_step: Option<u64>,
    optimiser_bytes_per_parameter: f64,
    /// `step:score` for each evaluation, separated by blanks.
    curve: String,
}

/// The column of the checksum, the last one.
const CHECK: &str = "check";

/// The columns of a [`Mechanism`] that identify the run, and what they hold here.
const WHOSE: [(&str, &str); 6] = [
    ("id", ""),
    ("environment", ""),
    ("factors", ""),
    ("optimiser", ""),
    ("seed", "0"),
    ("score", "0"),
];

/// `row` as a line without its end, and its header.
fn columns<T: Serialize>(row: &T) -> Result<(String, String)> {
    let text = csv_text([row])?;
    let (header, line) = text.split_once('\n').unwrap_or_default();
    Ok((header.into(), line.trim_end_matches('\n').into()))
}

/// A mechanism's columns, and its header, without those that identify the run.
fn mechanism_columns(mechanism: &Mechanism) -> Result<(String, String)> {
    let unnamed = Mechanism {
        score: 0.0,
        ..mechanism.clone()
    };
    let (header, line) = columns(&unnamed)?;
    let rest = |text: &str| text.splitn(WHOSE.len() + 1, ',').last().map(str::to_owned);
    Ok((
        rest(&header).unwrap_or_default(),
        rest(&line).unwrap_or_default(),
    ))
}

/// As many empty columns as `header` has.
fn empty(header: &str) -> String {
    ",".repeat(header.matches(',').count())
}

/// The headers of the three parts.
static HEADERS: LazyLock<[String; 3]> = LazyLock::new(|| {
    let facts = Facts {
        id: String::new(),
        status: Status::Finished,
        steps: 0,
        updates: 0,
        area: 0.0,
        last: 0.0,
        solved_step: None,
        optimiser_bytes_per_parameter: 0.0,
        curve: String::new(),
    };
    let cost = Cost {
        seconds: 0.0,
        cpu_seconds: None,
        joules: None,
        source: None,
        gpu_joules: None,
        gco2e: None,
        processor: String::new(),
    };
    let header = |columns: Result<(String, String)>| columns.map(|both| both.0).unwrap_or_default();
    [
        header(columns(&facts)),
        header(mechanism_columns(&Mechanism::default())),
        header(columns(&cost)),
    ]
});

/// The first line of a file, with its end.
pub fn header() -> String {
    format!("{},{CHECK}\n", HEADERS.join(","))
}

/// The checksum of a line up to its last comma.
fn check(line: &str) -> String {
    hex(&Sha256::digest(line)[..8])
}

impl FinishedRun {
    /// As a line, with its end.
    pub fn to_line(&self) -> Result<String> {
        let outcome = &self.outcome;
        let point = |(step, score): &(u64, f64)| format!("{step}:{score:?}");
        let curve: Vec<String> = outcome.curve.iter().map(point).collect();
        let facts = columns(&Facts {
            id: self.id.clone(),
            status: outcome.status,
            steps: outcome.steps,
            updates: outcome.updates,
            area: outcome.area,
            last: outcome.last,
            solved_step: outcome.solved_step,
            optimiser_bytes_per_parameter: outcome.optimiser_bytes_per_parameter,
            curve: curve.join(" "),
        })?;
        let mechanism = match &outcome.mechanism {
            Some(mechanism) => mechanism_columns(mechanism)?.1,
            None => empty(&HEADERS[1]),
        };
        let cost = match &self.cost {
            Some(cost) => {
                // It must stay on one line.
                let one_line = |c: char| if c.is_control() { ' ' } else { c };
                let processor = cost.processor.chars().map(one_line).collect();
                columns(&Cost {
                    processor,
                    ..cost.clone()
                })?
                .1
            }
            None => empty(&HEADERS[2]),
        };
        let line = [facts.1, mechanism, cost].join(",");
        Ok(format!("{line},{}\n", check(&line)))
    }
}

/// The columns of a file of finished runs.
pub struct Columns(StringRecord);

impl Columns {
    /// The columns that the first line of a file, without its end, names; an error if it is not a file of finished
    /// runs.
    pub fn of(header: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(header).unwrap_or_default();
        let mut columns = record(text)?;
        let has = |name: &str| columns.iter().any(|column| column == name);
        if let Some(missing) = header_names().find(|name| !has(name)) {
            let why = format!("its first line does not name the column `{missing}`");
            return Err(Error::usage(why));
        }
        WHOSE[1..]
            .iter()
            .for_each(|(name, _)| columns.push_field(name));
        Ok(Self(columns))
    }

    /// The run in `line`, which is without its end; an error if the line is not what was written.
    pub fn read(&self, line: &[u8]) -> Result<FinishedRun> {
        let changed = || Error::usage("its content is not what was written");
        let text = std::str::from_utf8(line).map_err(|_| changed())?;
        let (body, sum) = text.rsplit_once(',').ok_or_else(changed)?;
        if check(body) != sum {
            return Err(changed());
        }
        let mut line = record(text)?;
        WHOSE[1..]
            .iter()
            .for_each(|(_, value)| line.push_field(value));
        let facts: Facts = self.part(&line)?;
        let has = |name: &str| {
            let at = self.0.iter().position(|column| column == name);
            at.and_then(|at| line.get(at))
                .is_some_and(|cell| !cell.is_empty())
        };
        let mechanism: Option<Mechanism> = match has("rows") {
            true => Some(self.part(&line)?),
            false => None,
        };
        let mechanism = mechanism.map(|mechanism| Mechanism {
            id: String::new(),
            ..mechanism
        });
        Ok(FinishedRun {
            outcome: Outcome {
                status: facts.status,
                steps: facts.steps,
                updates: facts.updates,
                curve: curve(&facts.curve).ok_or_else(changed)?,
                area: facts.area,
                last: facts.last,
                solved_step: facts.solved_step,
                optimiser_bytes_per_parameter: facts.optimiser_bytes_per_parameter,
                mechanism,
            },
            cost: match has("seconds") {
                true => Some(self.part(&line)?),
                false => None,
            },
            id: facts.id,
        })
    }

    fn part<T: for<'de> Deserialize<'de>>(&self, line: &StringRecord) -> Result<T> {
        let part = line.deserialize(Some(&self.0));
        part.map_err(|error| Error::usage(error.to_string()))
    }
}

fn header_names() -> impl Iterator<Item = &'static str> {
    HEADERS
        .iter()
        .flat_map(|part| part.split(','))
        .chain([CHECK])
}

/// The columns of one line.
fn record(line: &str) -> Result<StringRecord> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(1 << 10)
        .from_reader(line.as_bytes());
    let mut record = StringRecord::new();
    let read = reader.read_record(&mut record);
    read.map_err(|error| Error::usage(error.to_string()))?;
    Ok(record)
}

fn curve(text: &str) -> Option<Vec<(u64, f64)>> {
    let point = |point: &str| {
        let (step, score) = point.split_once(':')?;
        Some((step.parse().ok()?, score.parse().ok()?))
    };
    text.split_terminator(' ').map(point).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn example(id: &str) -> FinishedRun {
        FinishedRun {
            id: id.into(),
            outcome: Outcome {
                status: Status::Diverged,
                steps: 1500,
                updates: 7,
                curve: vec![(0, 1.0 / 3.0), (500, -8.5e36), (1500, 0.0)],
                area: -2.8e36,
                last: 1e-310,
                solved_step: Some(500),
                optimiser_bytes_per_parameter: 4.000001,
                mechanism: Some(Mechanism {
                    rows: 3,
                    cos_momentum_gradient: Some(0.1 + 0.2),
                    ..Mechanism::default()
                }),
            },
            cost: Some(Cost {
                seconds: 0.25,
                cpu_seconds: Some(0.125),
                joules: None,
                source: Some(Source::Estimate),
                gpu_joules: None,
                gco2e: Some(1e-7),
                processor: "Some \"CPU\", 2 GHz".into(),
            }),
        }
    }

    #[test]
    fn a_line_comes_back() {
        let whole = example("0123456789");
        let mut bare = example("a");
        (bare.cost, bare.outcome.mechanism) = (None, None);
        bare.outcome.solved_step = None;
        let mut tuned = bare.clone();
        tuned.outcome.curve.clear();
        let text = header();
        let columns = Columns::of(text.trim_end().as_bytes()).unwrap();
        for run in [whole, bare, tuned] {
            let line = run.to_line().unwrap();
            assert_eq!(line.lines().count(), 1);
            assert_eq!(columns.read(line.trim_end().as_bytes()).unwrap(), run);
            assert_eq!(run.is_whole(), !run.outcome.curve.is_empty());
        }
    }

    #[test]
    fn no_changed_byte_is_believed() {
        let text = header();
        let columns = Columns::of(text.trim_end().as_bytes()).unwrap();
        let line = example("0123456789").to_line().unwrap();
        let line = line.trim_end().as_bytes();
        for at in 0..line.len() {
            let mut changed = line.to_vec();
            changed[at] ^= 1;
            assert!(columns.read(&changed).is_err(), "byte {at}");
            assert!(columns.read(&line[..at]).is_err(), "{at} bytes");
        }
        assert!(Columns::of(b"id,status").is_err());
    }
}
