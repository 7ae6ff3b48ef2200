//! Figures of plain series. They know nothing of runs and studies, and they compute no results.

mod axes;
mod clip;
mod describe;
mod episode;
mod film;
mod forest;
mod inline;
mod landscape;
mod learning_curve;
mod panels;
mod paper;
mod ranking;
mod style;
mod training_metrics;

pub use describe::{Dot, MeasuredData, MeasuredEnvironment, describe};
pub use episode::{Picture, Pictures, episode, make_folder};
pub use forest::{ForestInterval, ForestRow, GroupedForest, forest_plot};
pub use inline::{
    HorizontalAxis, IntervalStyle, LINE_COLOURS, Line, labelled_line_plot, line_plot,
};
pub use landscape::{DrawnDescent, DrawnSurface, MOST_PATHS, landscape, landscape_film};
pub use learning_curve::{Detail, LearningCurve, Spread, learning_curve};
pub use panels::{Curve, HeightScale, MEDIAN_OF, Panel, median, panels};
pub use ranking::Ranking;
pub use style::{CurveColour, short, steps_label};
pub use training_metrics::{Metric, Metrics, training_metrics};
