//! Many runs together: what they found.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use optimiser_paradigms::{
    Result,
    cli::{self, LandscapeArgs},
    figures,
    landscape::{self, Tuner},
    study,
};

/// Sum up many runs, and see optimisers move.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  study collect runs
  study collect runs/cartpole_optimisers --out results/cartpole_optimisers
  study landscape
  study landscape ravine --opt momentum --opt adam:lr=0.1";

#[derive(Subcommand)]
enum Command {
    /// Gather finished runs into tables and a figure, grouped by environment and optimiser
    Collect {
        /// A folder with runs in it, at any depth
        folder: PathBuf,
        /// Where to write runs.csv, curves.csv, summary.csv, manifest.toml and figures:
        /// lr_sensitivity.png of grids of learning rates, comparison.png of the rest
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// Draw the optimisers' paths over surfaces of two weights, and measure what the note says of them
    Landscape(LandscapeArgs),
}

fn main() -> ExitCode {
    let Args { command } = Args::parse();
    cli::exit(match command {
        Command::Collect { folder, out } => collect(&folder, out),
        Command::Landscape(args) => landscape(&args),
    })
}

fn collect(folder: &std::path::Path, out: Option<PathBuf>) -> Result<()> {
    let collected = study::collect(folder)?;
    cli::say(&collected.table());
    if let Some(out) = out {
        collected.write(&out)?;
        let name = folder
            .file_name()
            .unwrap_or(folder.as_os_str())
            .to_string_lossy();
        let (grids, others) = (collected.grids(), collected.outside_grids());
        if !grids.is_empty() {
            figures::lr_sensitivity(&out.join("lr_sensitivity.png"), &name, &grids)?;
        }
        if !others.is_empty() {
            figures::comparison(&out.join("comparison.png"), &name, &others)?;
        }
    }
    Ok(())
}

fn landscape(args: &LandscapeArgs) -> Result<()> {
    if args.list {
        print!("{}", cli::list_surfaces());
        return Ok(());
    }
    let (surfaces, optimisers) = (args.surfaces(), args.optimisers()?);
    let out = landscape::folder(&args.out())?;
    let mut tuner = Tuner::default();
    let mut all = Vec::new();
    for surface in &surfaces {
        let steps = args.steps.unwrap_or(surface.steps);
        let drawn = landscape::draw(&mut tuner, surface, &optimisers, steps)?;
        figures::landscape(&out.join(format!("{}.png", surface.name)), surface, &drawn)?;
        if !args.no_gif {
            figures::landscape_film(&out.join(format!("{}.gif", surface.name)), surface, &drawn)?;
        }
        if !args.quiet {
            eprint!("{}", landscape::progress(surface, &drawn));
        }
        all.extend(drawn);
    }
    let claims = landscape::claims::measure(&surfaces, &mut tuner)?;
    landscape::write_paths(&out, &all)?;
    landscape::write_claims(&out, &claims)?;
    if !args.quiet {
        print!("{}", landscape::table(&claims));
        eprintln!("figures and tables are in {}", out.display());
    }
    Ok(())
}
