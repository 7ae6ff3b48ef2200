//! Runs experiments of many runs, reports on them, and measures environments and optimisers.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use optimiser_paradigms::{
    Result,
    cli::{
        self, CardArgs, DescribeArgs, Jobs, LandscapeArgs, OverviewArgs, ReportArgs, RunArgs,
        SlurmArgs, StudyArgs, StudyProgress,
    },
    landscape::{self, Tuner},
    run::rl,
    study::{
        self, Part, Study, describe,
        experiment::{self, Stage},
    },
};

// With the system's allocator, a trained agent acts at half the speed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Run experiments and report on them, draw optimisers' paths, and measure environments.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,

    /// Print nothing but errors
    #[arg(long, short, global = true)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  study list rmsprop_vs_adam
  study run quick
  study report quick
  study overview regimes
  study card lion
  study slurm rmsprop_vs_adam --submit -- --time=4:00:00
  study landscape
  study landscape ravine --opt momentum --opt adam:lr=0.1
  study describe-env cartpole";

#[derive(Subcommand)]
enum Command {
    /// Run an experiment: do the tuning runs, choose settings, do the report runs, write the results
    Run(RunArgs),
    /// Show an experiment's runs, and how long they will take
    List(StudyArgs),
    /// Run a few hundred steps of each trial of an experiment
    Verify(StudyArgs),
    /// Explain every key of an experiment's TOML
    Schema,
    /// Write an experiment as Slurm job arrays, and submit them if asked
    Slurm(SlurmArgs),
    /// Write an experiment's results once all of its runs are done
    Collect(StudyArgs),
    /// Write an experiment's report: the verdict, figures, and every cell with its interval
    Report(ReportArgs),
    /// Put what several studies found about the same changes of optimiser into one figure and one table
    Overview(OverviewArgs),
    /// Measure an optimiser on a fixed suite of regimes, beside baselines: its report card
    Card(CardArgs),
    /// Draw optimisers' paths over surfaces of two weights, and test common claims about optimisers there
    Landscape(LandscapeArgs),
    /// Measure how far environments' data are from independent and identically distributed
    DescribeEnv(DescribeArgs),
}

fn main() -> ExitCode {
    cli::one_thread_an_operation();
    cli::keep_freed_memory();
    let Args { command, quiet } = cli::parsed(Args::try_parse());
    cli::exit(match command {
        Command::Run(args) => run(&args, quiet),
        Command::List(args) => list(&args, quiet),
        Command::Verify(args) => verify(&args, quiet),
        Command::Schema => say(quiet, &experiment::schema()),
        Command::Slurm(args) => cli::chosen_by("--scripts", slurm(&args, quiet)),
        Command::Collect(args) => args.study().and_then(|study| record(&study, quiet)),
        Command::Report(args) => cli::chosen_by("--out", report(&args, quiet)),
        Command::Overview(args) => cli::chosen_by("--out", overview(&args, quiet)),
        Command::Card(args) => cli::chosen_by("--out or --runs", cli::card(&args, quiet)),
        Command::Landscape(args) => cli::chosen_by("--out", landscape(&args, quiet)),
        Command::DescribeEnv(args) if args.render.is_some() => render(&args, quiet),
        Command::DescribeEnv(args) => cli::chosen_by("--out", describe_env(&args, quiet)),
    })
}

/// Prints `text` unless `quiet`.
fn say(quiet: bool, text: &str) -> Result<()> {
    if quiet { Ok(()) } else { cli::say(text) }
}

/// Prints `warnings` to stderr unless `quiet`.
fn warn(quiet: bool, warnings: &[String]) {
    for warning in warnings.iter().filter(|_| !quiet) {
        cli::warn(warning);
    }
}

fn run(args: &RunArgs, quiet: bool) -> Result<()> {
    cli::many_files();
    let study = args.study()?;
    let options = args.pool_options(&study)?;
    warn(quiet, study.uncommitted().as_slice());
    for stage in args.stages() {
        let display = StudyProgress::new(quiet, stage.name());
        let done = study.run(stage, args.part(), &options, &display);
        warn(quiet, &study.take_warnings());
        cli::chosen_by("--out or --runs", done)?;
        if stage == Stage::Tune && args.part() == Part::All {
            say(quiet, &cli::tuned(&study.tuned()?))?;
        }
    }
    if args.is_whole_study() {
        record(&study, quiet)
    } else {
        Ok(())
    }
}

/// Writes the results of a study, all of whose runs are done.
fn record(study: &Study, quiet: bool) -> Result<()> {
    let recorded = study.record();
    warn(quiet, &study.take_warnings());
    warn(quiet, &cli::chosen_by("--out", recorded)?);
    say(quiet, &format!("results are in {}\n", study.out.display()))
}

fn report(args: &ReportArgs, quiet: bool) -> Result<()> {
    let folder = study::report::folder(&args.experiment, args.out.as_deref())?;
    let summary = study::report::report(&folder, &args.experiment, args.splice.as_deref())?;
    warn(quiet, &summary.warnings);
    if let Some(page) = &args.splice {
        study::splice(page, &summary.name, &summary.excerpt)?;
    }
    let verdict = summary.verdict.unwrap_or("none");
    let written = folder.join("report.html");
    say(
        quiet,
        &format!(
            "verdict: {verdict}\nthe report is in {}\n",
            written.display()
        ),
    )
}

fn overview(args: &OverviewArgs, quiet: bool) -> Result<()> {
    let folder = study::report::overview(&args.overview, args.out.as_deref())?;
    let written = folder.join("report.html");
    say(
        quiet,
        &format!("the overview is in {}\n", written.display()),
    )
}

fn list(args: &StudyArgs, quiet: bool) -> Result<()> {
    let study = args.study()?;
    let progress = Jobs::new(quiet, study.bursts()?);
    let paces = study.paces(&|cell| progress.now(cell), &|| progress.done());
    progress.finish();
    warn(quiet, &study.take_warnings());
    say(quiet, &cli::list_runs(&study, &paces?)?)
}

fn verify(args: &StudyArgs, quiet: bool) -> Result<()> {
    say(quiet, &cli::verify(&args.study()?, quiet)?)
}

fn slurm(args: &SlurmArgs, quiet: bool) -> Result<()> {
    let study = args.study()?;
    let (script, [tune, report]) = study.write_slurm(&args.slurm_options(&study))?;
    let tune = cli::count(tune, "task");
    let written = format!("{}: {tune} to tune, {report} to report\n", script.display());
    say(quiet, &written)?;
    if args.submit {
        say(quiet, &study::submit_to_slurm(&script)?)?;
    }
    Ok(())
}

fn landscape(args: &LandscapeArgs, quiet: bool) -> Result<()> {
    if args.list {
        return say(quiet, &cli::list_surfaces());
    }
    let (surfaces, optimisers) = (args.surfaces(), args.optimisers()?);
    let out = landscape::folder(&args.out())?;
    let mut tuner = Tuner::default();
    let mut all = Vec::new();
    for surface in &surfaces {
        let steps = args.steps.unwrap_or(surface.steps);
        let drawn = landscape::paths_of_each(&mut tuner, surface, &optimisers, steps)?;
        cli::draw_surface(&out, surface, &drawn, !args.no_gif)?;
        if !quiet {
            cli::note(&landscape::progress(surface, &drawn));
        }
        all.extend(drawn);
    }
    let claims = landscape::claims::measure(&surfaces, &mut tuner)?;
    landscape::write_paths(&out, &all)?;
    landscape::write_claims(&out, &claims)?;
    if !quiet {
        cli::say(&landscape::table(&claims))?;
        cli::note(&format!("figures and tables are in {}\n", out.display()));
    }
    Ok(())
}

fn describe_env(args: &DescribeArgs, quiet: bool) -> Result<()> {
    let (envs, extent) = (args.envs()?, args.extent());
    let trained = args.trained(&envs)?;
    let out = args.out.as_deref().map(study::results_folder).transpose()?;
    // Before anything is measured.
    if let Some(page) = &args.splice {
        study::check_marks(page, "environments")?;
    }
    let policies = envs.iter().map(|env| args.policies(env, &trained));
    let policies = policies.collect::<Result<Vec<_>>>()?;
    let jobs = policies.iter().flatten().count() * describe::jobs(&extent);
    let progress = Jobs::new(quiet, jobs);
    let mut all = Vec::new();
    for (env, policies) in envs.iter().zip(&policies) {
        progress.now(env);
        let described = describe::describe(env, policies, &extent, &|| progress.done());
        if described.is_err() {
            progress.finish();
        }
        all.extend(described?);
    }
    progress.finish();
    if !quiet {
        cli::say(&cli::about(&envs)?)?;
        cli::say(&describe::table(&all))?;
    }
    if let Some(out) = out {
        describe::write(&out, &all)?;
        describe::draw(&out.join("describe.png"), &all)?;
    }
    if let Some(page) = &args.splice {
        study::splice(page, "environments", &describe::table(&all))?;
    }
    Ok(())
}

fn render(args: &DescribeArgs, quiet: bool) -> Result<()> {
    let Some(pictures) = &args.render else {
        return Ok(());
    };
    let envs = args.envs()?;
    let trained = args.trained(&envs)?;
    for env in &envs {
        // The last one is a trained agent if there is any.
        let Some((policy, acting)) = args.policies(env, &trained)?.pop() else {
            continue;
        };
        let episode = rl::play(&mut envs::make(env)?, acting, args.extent().seed, true)?;
        let (steps, value) = (cli::count(episode.steps, "step"), episode.episode_return);
        let written = cli::draw_episode(pictures, episode)?;
        if !quiet {
            cli::say(&format!(
                "{env}, {policy}: {steps}, return {value:.2}: {written}\n"
            ))?;
        }
    }
    Ok(())
}
