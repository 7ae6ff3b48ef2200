//! Many runs together: what they found.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use optimiser_paradigms::{
    Result,
    cli::{
        self, DescribeArgs, Jobs, LandscapeArgs, ReportArgs, RunArgs, SlurmArgs, StudyProgress,
        Which,
    },
    figures,
    landscape::{self, Tuner},
    study::{self, Study, describe, experiment},
    train,
};

// With the system's allocator, a trained agent acts at half the speed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Run experiments, sum up many runs, see optimisers move, and measure environments.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  study list rmsprop_vs_adam
  study run quick
  study report quick
  study slurm rmsprop_vs_adam --submit -- --time=4:00:00
  study collect runs
  study collect runs/cartpole_optimisers --out results/cartpole_optimisers
  study landscape
  study landscape ravine --opt momentum --opt adam:lr=0.1
  study describe-env cartpole";

#[derive(Subcommand)]
enum Command {
    /// Run an experiment: tuning, choice, report, results
    Run(RunArgs),
    /// Show an experiment's runs, and what they will take
    List(Which),
    /// Run a few hundred steps of each of an experiment's trials
    Verify(Which),
    /// Explain every key of an experiment's TOML
    Schema,
    /// Write an experiment as Slurm job arrays, or submit it
    Slurm(SlurmArgs),
    /// Gather finished runs into tables and a figure, grouped by environment and optimiser; of an
    /// experiment, write its results
    Collect {
        /// A folder with runs in it, at any depth, or an experiment: its TOML, or its name in experiments
        folder: PathBuf,
        /// Where an experiment's runs are [default: runs/EXPERIMENT]
        #[arg(long, value_name = "FOLDER")]
        runs: Option<PathBuf>,
        /// Where to write runs.csv, curves.csv, summary.csv, manifest.toml and figures:
        /// lr_sensitivity.png of grids of learning rates, comparison.png of the rest
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// Write an experiment's report: the verdict, figures, and every cell with its interval
    Report(ReportArgs),
    /// Draw the optimisers' paths over surfaces of two weights, and measure what the note says of them
    Landscape(LandscapeArgs),
    /// Measure how far the data of environments are from independent and identically distributed
    DescribeEnv(DescribeArgs),
}

fn main() -> ExitCode {
    cli::one_thread_an_operation();
    let Args { command } = Args::parse();
    cli::exit(match command {
        Command::Run(args) => run(&args),
        Command::List(which) => list(&which),
        Command::Verify(which) => verify(&which),
        Command::Schema => {
            cli::say(&experiment::schema());
            Ok(())
        }
        Command::Slurm(args) => cli::chosen_by("--scripts", slurm(&args)),
        Command::Collect { folder, runs, out } if is_experiment(&folder) => {
            cli::study(&folder, runs.as_deref(), out.as_deref()).and_then(|study| record(&study))
        }
        Command::Collect { folder, out, .. } => cli::chosen_by("--out", collect(&folder, out)),
        Command::Report(args) => cli::chosen_by("--out", report(&args)),
        Command::Landscape(args) => cli::chosen_by("--out", landscape(&args)),
        Command::DescribeEnv(args) if args.render.is_some() => render(&args),
        Command::DescribeEnv(args) => cli::chosen_by("--out", describe_env(&args)),
    })
}

fn run(args: &RunArgs) -> Result<()> {
    cli::many_files();
    let study = args.study()?;
    let settings = args.settings(&study)?;
    for stage in args.stages() {
        let show = StudyProgress::new(args.quiet, stage.name());
        study.run(stage, args.part(), &settings, &show)?;
    }
    if args.whole() { record(&study) } else { Ok(()) }
}

/// Writes the results of a study, all of whose runs are done.
fn record(study: &Study) -> Result<()> {
    for warning in cli::chosen_by("--out", study.record())? {
        eprintln!("warning: {warning}");
    }
    cli::say(&format!("results are in {}\n", study.out.display()));
    Ok(())
}

fn report(args: &ReportArgs) -> Result<()> {
    let folder = study::report::folder(&args.experiment, args.out.as_deref());
    let reported = study::report::report(&folder, &args.experiment)?;
    for warning in &reported.warnings {
        eprintln!("warning: {warning}");
    }
    if let Some(page) = &args.splice {
        study::report::splice(page, &reported.name, &reported.short)?;
    }
    let verdict = reported.verdict.unwrap_or("none");
    cli::say(&format!(
        "verdict: {verdict}\nthe report is in {}\n",
        folder.join("report.html").display()
    ));
    Ok(())
}

fn list(which: &Which) -> Result<()> {
    let study = which.study()?;
    cli::say(&cli::list_runs(&study, &study.paces()?)?);
    Ok(())
}

fn verify(which: &Which) -> Result<()> {
    cli::say(&cli::verify(&which.study()?, false)?);
    Ok(())
}

fn slurm(args: &SlurmArgs) -> Result<()> {
    let study = args.study()?;
    let (script, [tune, report]) = study.slurm(&args.slurm(&study))?;
    cli::say(&format!(
        "{}: {tune} tasks to tune, {report} to report\n",
        script.display()
    ));
    if args.submit {
        cli::say(&study::submit(&script)?);
    }
    Ok(())
}

/// Whether an experiment is meant: a TOML, or a name in `experiments` that no folder has.
fn is_experiment(path: &std::path::Path) -> bool {
    let named = std::path::Path::new("experiments")
        .join(path)
        .with_extension("toml");
    path.extension().is_some_and(|end| end == "toml") || (!path.exists() && named.is_file())
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
        let drawn = landscape::paths_of_each(&mut tuner, surface, &optimisers, steps)?;
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

fn describe_env(args: &DescribeArgs) -> Result<()> {
    let (envs, settings) = (args.envs()?, args.settings());
    let trained = args.trained(&envs)?;
    let out = args.out.as_deref().map(study::folder).transpose()?;
    let policies = envs.iter().map(|env| args.policies(env, &trained));
    let policies = policies.collect::<Result<Vec<_>>>()?;
    let jobs = policies.iter().flatten().count() * describe::jobs(&settings);
    let progress = Jobs::new(args.quiet, jobs);
    let mut all = Vec::new();
    for (env, policies) in envs.iter().zip(&policies) {
        progress.now(env);
        let described = describe::describe(env, policies, &settings, &|| progress.done());
        if described.is_err() {
            progress.finish();
        }
        all.extend(described?);
    }
    progress.finish();
    if !args.quiet {
        cli::say(&cli::about(&envs)?);
        cli::say(&describe::table(&all));
    }
    if let Some(out) = out {
        describe::write(&out, &all)?;
        figures::describe(&out.join("describe.png"), &all)?;
    }
    Ok(())
}

fn render(args: &DescribeArgs) -> Result<()> {
    let Some(pictures) = &args.render else {
        return Ok(());
    };
    let envs = args.envs()?;
    let trained = args.trained(&envs)?;
    for env in &envs {
        // The trained agent if there is one.
        let Some((policy, acting)) = args.policies(env, &trained)?.pop() else {
            continue;
        };
        let episode = train::play(&mut envs::make(env)?, acting, args.settings().seed, true)?;
        let (steps, value) = (episode.steps, episode.episode_return);
        let written = figures::episode(pictures, episode)?;
        if !args.quiet {
            cli::say(&format!(
                "{env}, {policy}: {steps} steps, return {value:.2}: {written}\n"
            ));
        }
    }
    Ok(())
}
