//! Learns the values of a policy from one recorded stream, in its order or shuffled.

use std::process::ExitCode;

use optimiser_paradigms::{
    Result,
    cli::{self, OrderArgs, OrderProgress},
    run::{
        self, Control, Finished, Opened, Ready,
        order::{self, OrderConfig},
    },
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::one_thread_an_operation();
    cli::keep_freed_memory();
    let result = train_all(&OrderArgs::from_env());
    cli::exit(cli::chosen_by("--out", result))
}

fn train_all(args: &OrderArgs) -> Result<()> {
    let stop = cli::stop_on_signals()?;
    let mut opened = Vec::new();
    for (config, folder) in args.runs()? {
        let found = run::look(&folder, &config, args.again())?;
        opened.push((config, folder, found));
    }
    let (mut finished, mut folders) = (Vec::new(), Vec::new());
    for (config, folder, found) in opened {
        let run = match found {
            Opened::Finished(run) => *run,
            Opened::Unfinished(ready) => {
                let control = Control::new(args.checkpoint_every, stop.clone());
                train(&config, *ready, &control, args.quiet)?
            }
        };
        cli::order_figures(&config, &run)?;
        finished.push(run);
        folders.push(folder);
    }
    if !args.quiet {
        cli::say(&cli::order_summary(&finished))?;
        for folder in folders {
            cli::say(&format!("  folder: {}\n", folder.display()))?;
        }
    }
    Ok(())
}

fn train(
    config: &OrderConfig,
    ready: Ready<OrderConfig>,
    control: &Control,
    quiet: bool,
) -> Result<Finished<OrderConfig>> {
    if !quiet {
        cli::note(&format!(
            "recording a stream in {}, or reusing an earlier one\n",
            config.run.env
        ));
    }
    let recording = config.recording()?;
    let (mut folder, from) = ready.open()?;
    let mut progress = OrderProgress::new(quiet, config);
    let mut both = (&mut folder, &mut progress);
    let outcome = order::train(config, &recording, from.as_ref(), &mut both, control);
    let machine = progress.finish();
    let outcome = outcome?;
    machine.write(folder.path())?;
    folder.finish(outcome)
}
