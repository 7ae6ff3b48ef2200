//! The leaderboard: a row for each optimiser that has a card.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use stats::{Estimate, three_digits};

use super::standing::Standing;
use crate::{
    Error, Result,
    figures::{ForestInterval, ForestRow, Ranking},
    files::{rounded, write_csv},
    study::{experiment::Score, report::verdict::Evidence},
};

/// What rows are compared with.
const BASELINE: &str = "adam";

/// A line of `leaderboard.csv`: the probabilities of improvement over Adam. Adam's own are 0.5.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LeaderboardRow {
    optimiser: String,
    /// Over all regimes, by the area.
    area: f64,
    area_lo: f64,
    area_hi: f64,
    /// Over all regimes, by the last evaluation.
    last: f64,
    last_lo: f64,
    last_hi: f64,
    /// By the area in each regime: `regime=0.53;...`
    regimes: String,
    diverged: usize,
    runs: usize,
    bytes_per_weight: f64,
    /// The first and the last learning rate that were tried.
    lr_from: f64,
    lr_to: f64,
    /// The environments, and in how many of them the best rate is at an end of those tried. Older files lack both.
    #[serde(default)]
    environments: usize,
    #[serde(default)]
    lr_at_end: usize,
    /// What the suite was; rows of different suites cannot be compared.
    suite: String,
}

impl LeaderboardRow {
    /// Over Adam, by the area and by the last evaluation.
    fn estimates(&self) -> [Estimate; 2] {
        let estimate = |point, lo, hi| Estimate {
            point,
            lo,
            hi,
            n: 0,
        };
        [
            estimate(self.area, self.area_lo, self.area_hi),
            estimate(self.last, self.last_lo, self.last_hi),
        ]
    }
}

/// Draws the leaderboard at `path` to `figure`, as PNG.
pub fn picture(path: &Path, figure: &Path) -> Result<()> {
    let interval = |(name, colour): (&str, usize), estimate: Estimate| ForestInterval {
        name: name.into(),
        colour,
        decides: estimate.lo > 0.5 || estimate.hi < 0.5,
        estimate,
    };
    let group = |row: LeaderboardRow| {
        let [area, last] = row.estimates();
        ForestRow {
            name: row.optimiser,
            intervals: vec![
                interval(("area under the learning curve", 3), area),
                interval(("last evaluation", 1), last),
            ],
        }
    };
    let rows: Vec<ForestRow> = read(path)?.into_iter().map(group).collect();
    let ranking = Ranking {
        title: "Optimisers on the suite of the report card",
        note: "over seven regimes of equal weight; a hollow point is undecided",
        rows: &rows,
        axis: "probability that a run does better than Adam's run with the same seed",
        none: 0.5,
        ends: [0.0, 1.0],
    };
    ranking.png(figure)
}

/// Puts the rows of `standings` into the file at `path`, in place of older ones of the same optimisers. Rows of other
/// suites are removed.
pub fn update(path: &Path, standings: &[Standing], suite: &str) -> Result<()> {
    let mut rows: BTreeMap<String, LeaderboardRow> = match path.exists() {
        true => read(path)?
            .into_iter()
            .filter(|row| row.suite == suite)
            .map(|row| (row.optimiser.clone(), row))
            .collect(),
        false => BTreeMap::new(),
    };
    for standing in standings {
        rows.insert(standing.name.clone(), row(standing, suite));
    }
    let mut rows: Vec<LeaderboardRow> = rows.into_values().collect();
    rows.sort_by(|a, b| b.area.total_cmp(&a.area));
    write_csv(path, rows)
}

/// An error if the file at `path` is there and is no leaderboard.
pub fn check(path: &Path) -> Result<()> {
    match path.exists() {
        true => read(path).map(drop),
        false => Ok(()),
    }
}

fn read(path: &Path) -> Result<Vec<LeaderboardRow>> {
    let wrong = |why: String| {
        let file = path.display();
        Error::usage(format!("{file}: {why}; restore the file or remove it"))
    };
    let mut reader = csv::Reader::from_path(path).map_err(|error| wrong(error.to_string()))?;
    let head = reader.headers().map_err(|error| wrong(error.to_string()))?;
    if !head.iter().any(|name| name == "optimiser") {
        return Err(wrong("it is not a leaderboard".into()));
    }
    let rows = reader
        .deserialize()
        .collect::<csv::Result<Vec<LeaderboardRow>>>();
    let rows = rows.map_err(|error| wrong(error.to_string()))?;
    match rows.iter().find(|row| !row.area.is_finite()) {
        Some(row) => Err(wrong(format!(
            "the score of {} is {}",
            row.optimiser, row.area
        ))),
        None => Ok(rows),
    }
}

fn row(standing: &Standing, suite: &str) -> LeaderboardRow {
    let against = standing.against(BASELINE);
    let even = Estimate {
        point: 0.5,
        lo: 0.5,
        hi: 0.5,
        n: 0,
    };
    let by = |outcome| {
        let overall = against.and_then(|one| one.overall(outcome));
        overall.unwrap_or(even)
    };
    let (area, last) = (by(Score::Area), by(Score::Final));
    let regime = |(name, by_outcome): &(String, Vec<(Score, _)>)| {
        let (_, evidence): &(Score, Evidence) = &by_outcome[0];
        format!("{name}={:.3}", evidence.improvement().point)
    };
    let regimes = against.map(|one| one.regimes.iter().map(regime).collect::<Vec<_>>().join(";"));
    let (runs, diverged) = standing.runs;
    let (environments, lr_at_end) = standing.at_ends;
    LeaderboardRow {
        optimiser: standing.name.clone(),
        area: rounded(area.point),
        area_lo: rounded(area.lo),
        area_hi: rounded(area.hi),
        last: rounded(last.point),
        last_lo: rounded(last.lo),
        last_hi: rounded(last.hi),
        regimes: regimes.unwrap_or_default(),
        diverged,
        runs,
        bytes_per_weight: rounded(standing.bytes),
        lr_from: standing.rates.first().copied().unwrap_or_default(),
        lr_to: standing.rates.last().copied().unwrap_or_default(),
        environments,
        lr_at_end,
        suite: suite.to_owned(),
    }
}

/// The leaderboard at `path` as a table in Markdown.
pub fn table(path: &Path) -> Result<String> {
    let mut out = String::from(
        "| optimiser | over Adam, area | over Adam, final | diverged | state, bytes a weight | lr tried | best lr at an end |\n|---|---|---|---|---|---|---|\n",
    );
    for row in read(path)? {
        let cell = |Estimate { point, lo, hi, .. }| match lo == hi {
            true => "-".into(),
            false => format!("{point:.2} ({lo:.2} to {hi:.2})"),
        };
        let [area, last] = row.estimates().map(cell);
        out += &format!(
            "| `{}` | {} | {} | {} of {} | {} | {:e} to {:e} | {} of {} |\n",
            row.optimiser,
            area,
            last,
            row.diverged,
            row.runs,
            three_digits(row.bytes_per_weight),
            row.lr_from,
            row.lr_to,
            row.lr_at_end,
            row.environments
        );
    }
    Ok(out)
}
