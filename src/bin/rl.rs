//! Trains agents with an optimiser of your choice.

use std::process::ExitCode;

use optimiser_paradigms::{
    Result,
    cli::{self, RlArgs},
    run::{
        Checkpoint, Control, Finished, Machine, Observer, Opened, Ready, RlOutcome, RunFolder,
        rl::{self, Config, RunTask},
    },
};

// With the system's allocator, half of an update is spent on page faults for its tensors.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::one_thread_an_operation();
    cli::keep_freed_memory();
    let result = RlArgs::from_env().and_then(|args| train_or_show(&args));
    cli::exit(cli::chosen_by("--out", result))
}

fn train_or_show(args: &RlArgs) -> Result<()> {
    if args.list {
        cli::say(&cli::list()?)?;
        return Ok(());
    }
    if let Some(run) = &args.play {
        return cli::play(run, args);
    }
    cli::many_files();
    let stop = cli::stop_on_signals()?;
    let (mut finished, mut unfinished) = (Vec::new(), Vec::new());
    for run in args.runs()? {
        match run.look(args.again())? {
            Opened::Finished(finished_run) => finished.push((run.config, *finished_run)),
            Opened::Unfinished(ready) => unfinished.push((run.config, ready)),
        }
    }
    if let Some((config, _)) = unfinished.first() {
        args.warn(config);
    }
    if !args.quiet {
        finished
            .iter()
            .for_each(|(_, run)| cli::warn_unchecked(run));
    }
    // Only once all folders are known to be free: an error must not cost a finished run.
    let open = |(config, ready): (Config, Box<Ready<Config>>)| {
        let (folder, from) = ready.open()?;
        Ok(Unfinished {
            config,
            folder,
            from,
        })
    };
    let mut unfinished = unfinished
        .into_iter()
        .map(open)
        .collect::<Result<Vec<_>>>()?;
    for (config, run) in &finished {
        draw(config, run)?;
    }
    let left = finished.len();
    while !unfinished.is_empty() {
        // Agents that were interrupted at different steps cannot continue in lock-step, and need not.
        let step = unfinished.iter().map(Unfinished::step).min();
        let together = |run: &mut Unfinished| Some(run.step()) == step;
        let cohort: Vec<Unfinished> = unfinished.extract_if(.., together).collect();
        let mut control = Control::new(args.checkpoint_every, stop.clone());
        control.keep_end = true;
        finished.extend(train(cohort, &control, args.quiet)?);
    }
    finished.sort_by_key(|(config, _)| config.run.seed);
    if let (Some(pictures), Some((_, run))) = (&args.render, finished.first()) {
        cli::draw(&run.path, pictures, args)?;
    }
    if !args.quiet {
        print_results(&finished, left, args)?;
    }
    Ok(())
}

/// A run to be done, in its folder.
struct Unfinished {
    config: Config,
    folder: RunFolder,
    from: Option<Checkpoint>,
}

impl Unfinished {
    fn step(&self) -> u64 {
        self.from.as_ref().map_or(0, |from| from.step)
    }
}

fn train(
    mut cohort: Vec<Unfinished>,
    control: &Control,
    quiet: bool,
) -> Result<Vec<(Config, Finished<Config>)>> {
    let from = cohort.first().map_or(0, Unfinished::step);
    let agents = cohort.len();
    // The first agent's episodes stand for all on the progress line.
    let mut progress: Vec<_> = cohort
        .iter()
        .enumerate()
        .map(|(agent, run)| cli::progress(quiet || agent > 0, &run.config, from, agents))
        .collect();
    let mut watched: Vec<_> = cohort
        .iter_mut()
        .zip(&mut progress)
        .map(|(run, progress)| (&run.config, run.from.take(), (&mut run.folder, progress)))
        .collect();
    let tasks = watched.iter_mut().map(|(config, from, observer)| RunTask {
        config,
        from: from.take(),
        observer: observer as &mut dyn Observer,
    });
    let result = rl::train_cohort(tasks.collect(), control);
    drop(watched);
    progress[0].finish();
    let seconds = progress[0].seconds();
    let outcomes = result?;
    let steps = outcomes.iter().map(|outcome| outcome.steps - from).sum();
    let machine = Machine {
        agents,
        ..Machine::here(steps, seconds)
    };
    let finish = |(run, outcome): (Unfinished, RlOutcome)| {
        machine.write(run.folder.path())?;
        let finished = run.folder.finish(outcome)?;
        draw(&run.config, &finished)?;
        Ok((run.config, finished))
    };
    cohort.into_iter().zip(outcomes).map(finish).collect()
}

/// Draws the figures that the run lacks.
fn draw(config: &Config, run: &Finished<Config>) -> Result<()> {
    let path = run.path.join(cli::LEARNING_CURVE);
    if !path.exists() {
        let env = envs::make(&config.run.env)?;
        cli::learning_curve(&path, config, run, env.spec())?;
    }
    let path = run.path.join(cli::DIAGNOSTICS);
    if config.run.diagnostics > 0 && !path.exists() {
        cli::diagnostics(&path, config, run)?;
    }
    Ok(())
}

/// Prints the results of the runs, `left` of which had finished earlier.
fn print_results(runs: &[(Config, Finished<Config>)], left: usize, args: &RlArgs) -> Result<()> {
    let [(config, run)] = runs else {
        cli::say(&cli::cohort_summary(runs.iter().map(|(_, run)| run)))?;
        if left > 0 {
            cli::say(&format!(
                "\n{left} of these runs had finished earlier and were left as they are. --force runs them again.\n"
            ))?;
        }
        return Ok(());
    };
    let threshold = envs::make(&config.run.env)?.spec().reward_threshold;
    let machine = Machine::read(&run.path);
    cli::say(&cli::summary(run, machine.as_ref(), threshold))?;
    if left > 0 {
        let elsewhere = if args.out.is_some() {
            " with another --out"
        } else {
            ""
        };
        cli::say(&format!(
            "\nThis run had finished earlier and was left as it is. --force runs it again; another --seed{elsewhere} \
             starts a new one.\n"
        ))?;
    }
    Ok(())
}
