//! One run, as a pure function of its configuration.

mod actor;
mod checkpoint;
mod config;
mod control;
mod diagnose;
mod evaluate;
mod folder;
mod machine;
mod member;
mod observe;
mod play;
mod rl;
mod supervised;

pub use actor::{Actor, Trained};
pub use checkpoint::{Checkpoint, Snapshot};
pub use config::{Compute, Config, ConfigSource, Preset, RunConfig, RunOverrides};
pub use control::Control;
pub use diagnose::DiagnosticsRow;
pub use evaluate::Evaluator;
pub use folder::{
    Again, DIAGNOSTICS_FIGURE, FIGURE, Finished, OUTCOME, Opened, POLICY, Ready, RunFolder,
    default_folder,
};
pub use machine::Machine;
pub use observe::{EpisodeRow, EvaluationRow, Observer, Outcome, Status, UpdateRow};
pub use play::{Episode, Picture, drawable, play};
pub use rl::{Task, run, run_cohort};
pub use supervised::{
    Classifier, DataName, EpochRow, HistoryRow, Layers, Learner, METRICS, Net, Precision,
    QRegression, Score, SupervisedConfig, SupervisedFinished, SupervisedFolder, SupervisedMachine,
    SupervisedObserver, SupervisedOpened, SupervisedOutcome, SupervisedOverrides, SupervisedReady,
    SupervisedRun, default_supervised_folder, learner, note_setting, run_supervised,
    teacher_config, teacher_env, write_comparison,
};
