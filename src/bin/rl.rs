//! Trains a DQN agent with an optimiser of your choice.

use std::process::ExitCode;

use optimiser_paradigms::{
    Result,
    cli::{self, RlArgs},
    figures,
    train::{self, Config, Finished, Machine, Opened, RunFolder},
};

// With the system's allocator, half of an update is spent on page faults for its tensors.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::one_thread_an_operation();
    let args = RlArgs::from_env();
    cli::exit(rl(&args))
}

fn rl(args: &RlArgs) -> Result<()> {
    if args.list {
        cli::say(&cli::list(train::Preset::Cleanrl)?);
        return Ok(());
    }
    let config = args.config()?;
    let threshold = envs::make(&config.run.env)?.spec().reward_threshold;
    let path = args
        .out
        .clone()
        .unwrap_or_else(|| train::default_folder(&config));
    let say = |text: String| {
        if !args.quiet {
            cli::say(&text);
        }
    };
    let figure = |run: &Finished| {
        figures::learning_curve(&path.join(train::FIGURE), &config, run, threshold)
    };
    match RunFolder::open(&path, &config, args.force)? {
        Opened::Finished(run) => {
            say(cli::summary(
                &run,
                Machine::read(&run.path).as_ref(),
                threshold,
            ));
            if !path.join(train::FIGURE).exists() {
                figure(&run)?;
            }
            let elsewhere = if args.out.is_some() {
                " with another --out"
            } else {
                ""
            };
            say(format!(
                "\nThis run was finished earlier and is left as it is. --force runs it again, another --seed{elsewhere} runs a new one.\n"
            ));
        }
        Opened::Fresh(folder) => {
            let (run, machine) = train(&config, folder, args.quiet)?;
            figure(&run)?;
            say(cli::summary(&run, Some(&machine), threshold));
        }
    }
    Ok(())
}

fn train(config: &Config, mut folder: Box<RunFolder>, quiet: bool) -> Result<(Finished, Machine)> {
    let mut progress = cli::quiet_or(quiet, config.run.steps);
    let result = train::run(config, &mut (&mut *folder, &mut progress));
    progress.finish();
    let outcome = result?;
    let machine = Machine::here(outcome.steps, progress.seconds());
    machine.write(folder.path())?;
    Ok((folder.finish(outcome)?, machine))
}
