//! The flags of `study landscape`, its listing and its figures.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use optim::Spec;

use crate::{
    Error, Result,
    figures::{self, DrawnDescent, MOST_PATHS, short},
    landscape::{self, OptimiserPaths, Surface, SurfaceKind},
    numbers::between,
};

/// The flags of `study landscape`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct LandscapeArgs {
    /// The surfaces to draw; --list shows them [default: all]
    #[arg(value_name = "SURFACE", value_parser = Surface::named)]
    surfaces: Vec<&'static Surface>,

    /// An optimiser; can be given several times. Its lr is the best of a grid unless you set it [default: sgd momentum
    /// nag rmsprop adagrad adadelta adam]
    #[arg(long, value_name = "NAME[:KEY=VALUE,...]")]
    opt: Vec<Spec>,

    /// Steps of every path [default: each surface's own]
    #[arg(long, value_parser = between::<u64>(1, 10_000))]
    pub steps: Option<u64>,

    /// The folder for the figures, paths.csv, summary.csv, claims.csv and claims.md [default:
    /// results/landscape, or runs/landscape with SURFACE, --opt or --steps]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// Draw no animations
    #[arg(long)]
    pub no_gif: bool,

    /// Show the surfaces
    #[arg(long)]
    pub list: bool,
}

const EXAMPLES: &str = "\
Examples:
  study landscape
  study landscape ravine diagonal --out runs/ravines
  study landscape drift --opt adam --opt adam:beta1=0 --opt rmsprop
  study landscape rosenbrock --opt adam:lr=0.1 --steps 2000 --no-gif
  study landscape --list

The claims are measured on the chosen surfaces. --opt and --steps do not affect them: each surface has its own number of \
steps, and each optimiser has its best lr.";

impl LandscapeArgs {
    /// The surfaces asked for, each once.
    pub fn surfaces(&self) -> Vec<&'static Surface> {
        if self.surfaces.is_empty() {
            return landscape::registry().iter().collect();
        }
        let mut surfaces: Vec<&'static Surface> = Vec::new();
        for surface in &self.surfaces {
            if surfaces.iter().all(|known| known.name != surface.name) {
                surfaces.push(surface);
            }
        }
        surfaces
    }

    /// The optimisers asked for, each once; an error names one that is impossible.
    pub fn optimisers(&self) -> Result<Vec<Spec>> {
        if self.opt.is_empty() {
            let specs = landscape::OPTIMISERS.iter().map(|o| Ok(o.parse()?));
            return specs.collect();
        }
        let mut optimisers: Vec<Spec> = Vec::new();
        for spec in &self.opt {
            landscape::rule_of(spec)?;
            if optimisers.iter().all(|o| o.to_string() != spec.to_string()) {
                optimisers.push(spec.clone());
            }
        }
        if optimisers.len() > MOST_PATHS {
            return Err(Error::usage(format!(
                "--opt is given {} times; allowed: at most {MOST_PATHS}, because a figure has {MOST_PATHS} colours",
                optimisers.len()
            )));
        }
        Ok(optimisers)
    }

    /// The folder for results. By default, a part of the study does not overwrite the results of the whole.
    pub fn out(&self) -> PathBuf {
        let part = !self.surfaces.is_empty() || !self.opt.is_empty() || self.steps.is_some();
        let default = if part { "runs" } else { "results" };
        let default = || [default, "landscape"].iter().collect();
        self.out.clone().unwrap_or_else(default)
    }
}

/// `study landscape --list`: the surfaces with all their properties.
pub fn list_surfaces() -> String {
    let mut out = String::new();
    for surface in landscape::registry() {
        let mut line = |name: &str, text: &str| {
            let _ = writeln!(out, "  {name:<12}{text}");
        };
        line(surface.name, surface.summary);
        line("", surface.formula);
        line("", surface.source);
        let ([x, y], [a, b]) = (surface.start, surface.minimum(0));
        let minimum = match surface.kind {
            SurfaceKind::Shifting(_) => "moves".into(),
            _ => format!("({a:.3}, {b:.3})"),
        };
        let [(left, right), (bottom, top)] = surface.domain;
        line(
            "",
            &format!(
                "drawn for x {left} to {right}, y {bottom} to {top}; start ({x:.3}, {y:.3}), minimum {minimum}; {} steps",
                surface.steps
            ),
        );
        out.push('\n');
    }
    out
}

/// Draws `surface` with the paths of `drawn` into `folder`: as a PNG, and as a GIF if there is a
/// `film`.
pub fn draw_surface(
    folder: &Path,
    surface: &Surface,
    drawn: &[OptimiserPaths],
    film: bool,
) -> Result<()> {
    let summary = match (surface.is_random(), surface.averaged) {
        (false, _) => String::from(surface.summary),
        (true, false) => format!("{}; paths of one seed", surface.summary),
        (true, true) => format!("{}; each path is the mean over all seeds", surface.summary),
    };
    let picture = figures::DrawnSurface {
        name: surface.name,
        summary: &summary,
        formula: surface.formula,
        domain: surface.domain,
        start: surface.start,
        value: &|at, t| surface.value(at, t),
        minimum: &|t| surface.minimum(t),
        moves: surface.is_shifting(),
    };
    let descents: Vec<DrawnDescent> = drawn.iter().map(descent).collect();
    let path = |extension: &str| folder.join(format!("{}.{extension}", surface.name));
    figures::landscape(&path("png"), &picture, &descents)?;
    match film {
        true => figures::landscape_film(&path("gif"), &picture, &descents),
        false => Ok(()),
    }
}

fn descent(drawn: &OptimiserPaths) -> DrawnDescent {
    let mut note = format!(", lr {}", short(&drawn.tuned.lr()));
    if drawn.tuned.edge.is_some() {
        note += " (grid's end)";
    }
    if drawn.diverged() {
        note += ", diverged";
    }
    DrawnDescent {
        name: drawn.name(),
        note,
        points: drawn.displayed().iter().map(|point| point.at).collect(),
        objective: drawn.mean_objective(),
        seeds: drawn.paths.len(),
    }
}
