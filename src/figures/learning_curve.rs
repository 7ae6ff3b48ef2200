//! One run at a glance: its returns above, its loss and values below.

use std::path::Path;

use plotters::{
    coord::{
        Shift,
        ranged1d::{AsRangedCoord, ValueFormatter},
    },
    prelude::*,
};

use super::style::{
    BLUE, Drawn, FAINT, GREEN, GRID, INK, ORANGE, png, short, span, steps_label, text,
};
use crate::{
    Result,
    run::{EpisodeRow, Finished, Status, UpdateRow, rl::Config},
};

/// Episodes of which the training curve shows the mean.
const SMOOTHING: usize = 20;

/// Where the loss's logarithmic axis ends.
const LEAST_LOSS: f64 = 1e-6;

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// Draws the finished run `run` of `config` to `path`, as PNG. `threshold` is the return that solves the environment.
pub fn learning_curve(
    path: &Path,
    config: &Config,
    run: &Finished<Config>,
    threshold: Option<f64>,
) -> Result<()> {
    let (episodes, evaluations, updates) = (run.episodes()?, run.evaluations()?, run.updates()?);
    let outcome = &run.outcome;
    let title = format!(
        "{}, {}, seed {}",
        outcome.env, outcome.optimiser, outcome.seed
    );
    let end = config.run.steps as f64;
    png(path, (1200, 900), |root| {
        let root = root.margin(18, 14, 24, 30);
        let (head, rest) = root.split_vertically(64);
        head.draw(&Text::new(title.as_str(), (20, 0), text(28, INK)))?;
        let note = match outcome.status {
            Status::Finished => format!(
                "last evaluation {:.1}, best {:.1} at {} steps",
                outcome.final_return,
                outcome.best_return,
                steps_label(&(outcome.best_step as f64))
            ),
            Status::Diverged => format!("diverged after {} steps", outcome.steps),
        };
        head.draw(&Text::new(note, (20, 36), text(18, FAINT)))?;
        let (above, below) = rest.split_vertically(510);

        let evaluated = evaluations
            .iter()
            .flat_map(|e| [e.min_return, e.max_return]);
        let shown = evaluated
            .chain(episodes.iter().map(|e| e.episode_return))
            .chain(threshold);
        let mut chart = ChartBuilder::on(&above)
            .margin_bottom(12)
            .x_label_area_size(48)
            .y_label_area_size(84)
            .build_cartesian_2d(0.0..end, span(shown))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(FAINT)
            .label_style(text(17, INK))
            .axis_desc_style(text(18, INK))
            .x_label_formatter(&steps_label)
            .x_desc("environment steps")
            .y_label_formatter(&short)
            .y_desc("return of an episode")
            .draw()?;
        chart.draw_series(episodes.iter().map(|e| {
            let point = (e.step as f64, e.episode_return);
            Circle::new(point, 1, FAINT.mix(0.35).filled())
        }))?;
        chart
            .draw_series(LineSeries::new(smoothed(&episodes), FAINT.stroke_width(2)))?
            .label(format!("training, mean of {SMOOTHING} episodes"))
            .legend(|at| key(at, FAINT));
        let band = evaluations
            .iter()
            .map(|e| (e.step as f64, e.max_return))
            .chain(
                evaluations
                    .iter()
                    .rev()
                    .map(|e| (e.step as f64, e.min_return)),
            );
        chart.draw_series([Polygon::new(band.collect::<Vec<_>>(), BLUE.mix(0.13))])?;
        chart
            .draw_series(LineSeries::new(
                evaluations.iter().map(|e| (e.step as f64, e.mean_return)),
                BLUE.stroke_width(3),
            ))?
            .label(format!(
                "evaluation: mean, least and most of {} episodes",
                config.run.eval_episodes
            ))
            .legend(|at| key(at, BLUE));
        if let Some(threshold) = threshold {
            chart
                .draw_series(DashedLineSeries::new(
                    [(0.0, threshold), (end, threshold)],
                    8,
                    6,
                    GREEN.stroke_width(2),
                ))?
                .label(format!("solved: {threshold}"))
                .legend(|at| key(at, GREEN));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .margin(14)
            .background_style(WHITE.mix(0.85))
            .border_style(GRID)
            .label_font(text(17, INK))
            .draw()?;

        let (left, right) = below.split_horizontally(576);
        // Not `max`: a loss that is no number must not look like an excellent one.
        let loss = |u: &UpdateRow| {
            if u.measured[0] < LEAST_LOSS {
                LEAST_LOSS
            } else {
                u.measured[0]
            }
        };
        let losses = span(updates.iter().map(|u| loss(u).log10()));
        let losses = (10f64.powf(losses.start)..10f64.powf(losses.end)).log_scale();
        detail(&left, "loss", end, losses, &updates, loss, ORANGE)?;
        let values = span(updates.iter().map(|u| u.measured[1]));
        detail(&right, "mean Q", end, values, &updates, |u| u.measured[1], BLUE)
    })
}

fn key((x, y): (i32, i32), colour: RGBColor) -> PathElement<(i32, i32)> {
    PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(3))
}

fn detail<Y>(
    area: &Area,
    name: &str,
    end: f64,
    range: impl AsRangedCoord<CoordDescType = Y, Value = f64>,
    updates: &[UpdateRow],
    value: fn(&UpdateRow) -> f64,
    colour: RGBColor,
) -> Drawn
where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .margin_right(8)
        .x_label_area_size(28)
        .y_label_area_size(84)
        .build_cartesian_2d(0.0..end, range)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(FAINT)
        .label_style(text(16, INK))
        .axis_desc_style(text(18, INK))
        .x_labels(6)
        .y_labels(5)
        .x_label_formatter(&steps_label)
        .y_label_formatter(&short)
        .y_desc(name)
        .draw()?;
    let points = updates.iter().map(|u| (u.step as f64, value(u)));
    let points = points.filter(|(_, y)| y.is_finite());
    chart.draw_series(LineSeries::new(points, colour.stroke_width(1)))?;
    Ok(())
}

/// The mean of each episode and up to 19 before it.
fn smoothed(episodes: &[EpisodeRow]) -> Vec<(f64, f64)> {
    let mean = |i: usize| {
        let window = &episodes[(i + 1).saturating_sub(SMOOTHING)..=i];
        let sum: f64 = window.iter().map(|e| e.episode_return).sum();
        (episodes[i].step as f64, sum / window.len() as f64)
    };
    (0..episodes.len()).map(mean).collect()
}
