//! Many runs together: what they found.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use optimiser_paradigms::{Result, cli, figures, study};

/// Sum up many runs.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  study collect runs
  study collect runs/cartpole_optimisers --out results/cartpole_optimisers";

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
}

fn main() -> ExitCode {
    let Args { command } = Args::parse();
    cli::exit(match command {
        Command::Collect { folder, out } => collect(&folder, out),
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
