//! The flags of `study landscape`, and its listing.

use std::{fmt::Write, path::PathBuf};

use clap::Args;

use crate::{
    Error, Result,
    figures::MOST_PATHS,
    landscape::{self, Surface, SurfaceKind},
    numbers::between,
    optim::Spec,
};

/// What `study landscape` is asked for.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, allow_negative_numbers = true)]
pub struct LandscapeArgs {
    /// The surfaces to go over; --list shows them [default: all]
    #[arg(value_name = "SURFACE", value_parser = Surface::named)]
    surfaces: Vec<&'static Surface>,

    /// An optimiser, as often as you like; its lr is the best of a grid unless you set it [default: sgd
    /// momentum nag rmsprop adagrad adadelta adam]
    #[arg(long, value_name = "NAME[:KEY=VALUE,...]")]
    opt: Vec<Spec>,

    /// Steps of every path [default: each surface's own]
    #[arg(long, value_parser = between::<u64>(1, 10_000))]
    pub steps: Option<u64>,

    /// Where to write the figures, paths.csv, summary.csv, claims.csv and claims.md [default:
    /// results/landscape, or runs/landscape with SURFACE, --opt or --steps]
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// Draw no animations
    #[arg(long)]
    pub no_gif: bool,

    /// Show the surfaces
    #[arg(long)]
    pub list: bool,

    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  study landscape
  study landscape ravine diagonal --out runs/ravines
  study landscape drift --opt adam --opt adam:beta1=0 --opt rmsprop
  study landscape rosenbrock --opt adam:lr=0.1 --steps 2000 --no-gif
  study landscape --list

The claims are measured on the surfaces asked for, with each surface's own number of steps and the best lr \
for each optimiser, whatever --opt and --steps say.";

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

    /// The optimisers asked for, each once; the error says which setting is impossible.
    pub fn optimisers(&self) -> Result<Vec<Spec>> {
        if self.opt.is_empty() {
            return landscape::OPTIMISERS.iter().map(|o| o.parse()).collect();
        }
        let mut optimisers: Vec<Spec> = Vec::new();
        for spec in &self.opt {
            spec.rule()?;
            if optimisers.iter().all(|o| o.to_string() != spec.to_string()) {
                optimisers.push(spec.clone());
            }
        }
        if optimisers.len() > MOST_PATHS {
            return Err(Error::usage(format!(
                "--opt is given {} times; a figure has colours for {MOST_PATHS}",
                optimisers.len()
            )));
        }
        Ok(optimisers)
    }

    /// Where to write. A part of the study does not go over the whole one's results unless asked to.
    pub fn out(&self) -> PathBuf {
        let part = !self.surfaces.is_empty() || !self.opt.is_empty() || self.steps.is_some();
        let default = if part { "runs" } else { "results" };
        let default = || [default, "landscape"].iter().collect();
        self.out.clone().unwrap_or_else(default)
    }
}

/// `study landscape --list`: the surfaces with all there is to know of them.
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
