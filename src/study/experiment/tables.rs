//! The tables of an experiment's TOML.

use std::collections::BTreeMap;

use settings::{Allowed, Error, Field, Interval, Value, settings, words};
use stats::Aggregate;

use super::{grid::Grid, seeds::Seeds};
use crate::energy::Energy;

settings! {
    /// The top level of an experiment.
    pub table Top {
        /// The question it answers, in a sentence
        question: String;
        /// The expected answer
        hypothesis: String;
        /// How to read its results, and which of them decides; written before the runs
        analysis: String;
        /// Which seeds each setting of a grid gets
        design: Design = Design::TwoStage;
        /// What a run is judged by: the area under its evaluation curve, its last evaluation, or both, each with its own
        /// choice of settings. Scores are normalised so that the environment's `random` is 0 and its `reference` is 1. A
        /// run that diverged has the worst return
        score: Outcomes = Outcomes::both();
        /// How a setting is chosen from a grid
        selection: Selection = Selection::BestMean;
        /// Differences of normalised scores smaller than this count as none. The default is half of what half a decade
        /// of lr costs, measured on the tuning seeds
        margin: Option<f64> = None, in Interval::at_least(0.0);
        /// Which environments are informative
        assay: AssaySettings = AssaySettings::default();
        /// The seeds
        seeds: SeedsTable;
        /// What it may cost
        budget: Budget = Budget::default();
        /// What to assume about energy if it cannot be measured
        energy: Energy = Energy::default();
        /// The environments
        environments: Vec<EnvironmentTable>;
        /// The optimisers that are compared
        optimisers: Vec<OptimiserTable>;
        /// What else is varied; every level is run with every optimiser
        factors: Vec<Factor> = Vec::new();
        /// The differences that the report states, each between two optimisers on the same seeds
        contrasts: Vec<ContrastTable> = Vec::new();
    }
}

settings! {
    /// The seeds of both stages, which have none in common.
    pub table SeedsTable {
        /// Settings are chosen on these seeds
        tuning: Seeds;
        /// The chosen settings are judged on these seeds
        report: Seeds;
    }
}

settings! {
    /// Which environments are informative: those where some optimiser learns, and where a known difference shows.
    /// The tuning seeds decide this, for each outcome. Only informative environments count in verdicts.
    pub struct AssaySettings {
        /// Whether uninformative environments are left out of verdicts
        required: bool = true;
        /// How far above chance the best optimiser must be, as a normalised score
        learns: f64 = 0.2, in Interval::at_least(0.0);
        /// The name of a contrast that is known to make a difference. This contrast or half a decade of lr must make a
        /// difference of at least twice the margin
        positive_control: Option<String> = None;
        /// The smallest margin, if margins are measured
        least_margin: f64 = 0.02, in Interval::above(0.0);
    }
}

settings! {
    /// What an experiment may cost.
    pub struct Budget {
        /// Processor time of all runs, in hours; `study list` says whether it is enough
        core_hours: Option<f64> = None, in Interval::above(0.0);
    }
}

settings! {
    /// An environment. Its other keys are those of its family of runs.
    pub struct EnvironmentTable {
        /// Its name in the results; by default the name that its kind gives it
        name: Option<String> = None;
        /// The family of its runs; the keys of that family go next to this one
        kind: String = "rl".into();
        /// Its rung on a ladder of controls; by default its kind. Rungs are in the order of their first environments, and
        /// the one with the most independent data comes first
        rung: Option<String> = None;
        /// The return that counts as 0; needed if it is not known
        random: Option<f64> = None;
        /// The return that counts as 1; needed if it is not known
        reference: Option<f64> = None;
        /// Its report seeds, if not `seeds.report`. Several environments together are compared on the seeds that all of
        /// them have
        report_seeds: Option<Seeds> = None;
    }
}

settings! {
    /// An optimiser, with the settings to choose from.
    pub table OptimiserTable {
        /// Its name in the results
        name: String;
        /// Its rule or preset, with hyper-parameters: "adam:beta1=0"; `rl --list` shows them
        optimiser: String;
        /// The values that are tried for its hyper-parameters; without a grid there is nothing to choose. All grids must
        /// have the same number of trials
        grid: Grid = Grid::new();
        /// Settings that belong to it rather than to the environments: { "agent.loss" = "huber" }
        set: BTreeMap<String, Value> = BTreeMap::new();
    }
}

settings! {
    /// Something that is varied besides the optimiser.
    pub table Factor {
        /// What is varied: `agent.buffer_size`, `env.length`, `env.drift`, `optimiser.beta1`, ...
        key: String;
        /// Its levels
        values: Vec<Value>;
        /// The names of the environments that have it; all environments if none is named
        environments: Vec<String> = Vec::new();
    }
}

settings! {
    /// A difference between two optimisers.
    pub table ContrastTable {
        /// Its name
        name: String;
        /// The question that it helps to answer; by default that of the experiment. Each question has a verdict, and
        /// p-values are corrected within a question
        question: Option<String> = None;
        /// The optimiser with the property in question
        with: String;
        /// The optimiser without it
        without: String;
        /// The names of the environments that it is about; all environments if none is named
        environments: Vec<String> = Vec::new();
        /// The same difference in these environments is subtracted; the rest is how much larger the
        /// difference is in `environments`
        less: Vec<String> = Vec::new();
        /// The key of a factor. The contrast is then how much the difference grows from the first level of the factor to
        /// its last, and `claim` says whether it grows ("above") or falls ("below")
        along: Option<String> = None;
        /// What the hypothesis says about it. The first contrast with a claim decides its question
        claim: Option<ClaimedSide> = None;
    }
}

impl ContrastTable {
    /// Where it is measured, as text.
    pub fn place(&self) -> String {
        let joined = |names: &[String]| names.join(", ");
        let environments = match (self.environments.is_empty(), self.less.is_empty()) {
            (true, _) => "all environments".into(),
            (false, true) => joined(&self.environments),
            (false, false) => format!(
                "{} minus {}",
                joined(&self.environments),
                joined(&self.less)
            ),
        };
        match &self.along {
            Some(key) => format!("{environments}, along {key}"),
            None => environments,
        }
    }

    /// Whether it is about less than the whole difference in all environments.
    pub fn is_in_part(&self) -> bool {
        !self.environments.is_empty() || self.along.is_some()
    }

    /// The difference between two optimisers in all environments.
    pub fn between(name: String, with: &str, without: &str) -> Self {
        Self {
            name,
            question: None,
            with: with.to_owned(),
            without: without.to_owned(),
            environments: Vec::new(),
            less: Vec::new(),
            along: None,
            claim: None,
        }
    }
}

impl Factor {
    /// Whether the environment called `environment` has it.
    pub fn is_for(&self, environment: &str) -> bool {
        self.environments.is_empty() || self.environments.iter().any(|name| name == environment)
    }
}

words! {
    /// What a run is judged by.
    pub enum Score {
        /// The mean of its evaluations: the area under their curve.
        Area = "area",
        /// Its last evaluation.
        Final = "final",
    }
}

/// What runs are judged by, each outcome with its own choice of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes(pub Vec<Score>);

impl Outcomes {
    fn both() -> Self {
        Self(vec![Score::Area, Score::Final])
    }

    /// The outcome that is shown where there is room for only one.
    pub fn first(&self) -> Score {
        self.0[0]
    }
}

impl Field for Outcomes {
    fn allowed() -> Allowed {
        "\"area\", \"final\" or a list of both".into()
    }

    fn from_value(value: &Value) -> Result<Self, Error> {
        let outcomes = match value {
            Value::List(_) => Vec::from_value(value)?,
            one => vec![
                Score::from_value(one).map_err(|_| Error::not_allowed("", one, Self::allowed()))?,
            ],
        };
        match outcomes[..] {
            [_] => Ok(Self(outcomes)),
            [a, b] if a != b => Ok(Self(outcomes)),
            _ => Err(Error::not_allowed("", value, Self::allowed())),
        }
    }

    fn to_value(&self) -> Option<Value> {
        self.0.to_value()
    }
}

words! {
    /// Which seeds each setting of a grid gets.
    pub enum Design {
        /// Every setting gets the tuning seeds, and only the chosen one the report seeds
        TwoStage = "two-stage",
        /// Every setting gets the report seeds too. Each half of them is judged at the other half's choice, so that
        /// intervals include the noise of tuning; the tuning seeds only decide margins and informative environments
        Grid = "grid",
    }
}

words! {
    /// How settings are chosen.
    pub enum Selection {
        /// The trial with the best mean score. Among equals, it is the one with the fewest diverged runs, then the
        /// smallest values.
        BestMean = "best-mean",
        /// The trial with the best interquartile mean, on which a single seed has little influence; for equals as
        /// above.
        BestIqm = "best-iqm",
    }
}

impl Selection {
    /// The aggregate of scores that it compares.
    pub fn aggregate(self) -> Aggregate {
        match self {
            Selection::BestMean => Aggregate::Mean,
            Selection::BestIqm => Aggregate::Iqm,
        }
    }
}

words! {
    /// What a hypothesis says about a difference.
    pub enum ClaimedSide {
        /// It is above 0: `with` is better.
        Above = "above",
        /// It is below 0: `with` is worse.
        Below = "below",
    }
}
