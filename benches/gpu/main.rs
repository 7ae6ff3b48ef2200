//! What a GPU is measured by, as CSV on stdout. `.ci/gpu` runs it beside PyTorch.
//!
//! ```sh
//! cargo bench --features cuda --bench gpu -- resnet                 # whole steps of ResNet-18
//! cargo bench --features cuda --bench gpu -- optimisers adam/10M    # those whose optimiser/case has such a part
//! cargo bench --features cuda --bench gpu -- cohorts 1 32 1024      # agents on MinAtar's breakout
//! cargo bench --features cuda --bench gpu -- updates 1 32 1024      # the parts of their updates
//! DEVICE=cpu REPETITIONS=1 MILLISECONDS=1 BATCH=8 cargo bench --bench gpu -- resnet
//! ```
//!
//! Each measurement is repeated `REPETITIONS` (11) times for at least `MILLISECONDS` (50), after calls that compile
//! kernels and are not counted.

#[path = "../measure/effort.rs"]
mod effort;

mod cohorts;
mod optimisers;
mod resnet;
mod updates;

use std::num::NonZeroUsize;

use optimiser_paradigms::{Error, Result, cli, run::Compute};

// The binaries' allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Numbers of agents.
fn agents(words: &[String]) -> Result<Vec<usize>> {
    let number = |word: &String| {
        let number: NonZeroUsize = word.parse().map_err(|_| {
            Error::usage(format!(
                "`{word}` is not allowed; allowed: numbers of agents, such as 1 32 1024"
            ))
        })?;
        Ok(number.get())
    };
    words.iter().map(number).collect()
}

fn main() -> Result<()> {
    cli::keep_freed_memory();
    let device: Compute = match std::env::var("DEVICE") {
        Ok(name) => name.parse()?,
        Err(_) => Compute::Cuda,
    };
    // Cargo adds `--bench`.
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let part = words.next().unwrap_or_default();
    let words: Vec<String> = words.collect();
    match part.as_str() {
        // On a CPU it uses all cores.
        "resnet" => resnet::measure(device),
        "optimisers" => {
            cli::one_thread_an_operation();
            optimisers::measure(device, &words)
        }
        "cohorts" => {
            cli::one_thread_an_operation();
            cohorts::measure(device, &agents(&words)?)
        }
        "updates" => {
            cli::one_thread_an_operation();
            updates::measure(device, &agents(&words)?)
        }
        _ => Err(Error::usage(format!(
            "`{part}` is not allowed; allowed: resnet, optimisers, cohorts, updates"
        ))),
    }
}
