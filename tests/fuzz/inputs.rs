//! Commands and the files that they read, mutated from valid ones.

use super::{
    listing::Setting,
    texts::{CONFIG, STUDY_TOML, mutated_lines},
    values::{damaged, environment, optimiser, value},
    *,
};

/// A command with the files that it reads.
#[derive(Debug, Default)]
pub struct Input {
    pub program: &'static str,
    pub args: Vec<String>,
    pub file: Option<(&'static str, String)>,
}

pub fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

/// What makes a run of 12 steps, or of a multiple of them, one that learns, for algorithms that do not by themselves.
const LEAST_SETTINGS: [(&str, &[&str]); 3] = [
    ("dqn", &["--batch-size", "8", "--learning-starts", "20"]),
    ("a2c", &["--n-envs", "4", "--n-steps", "3"]),
    (
        "pqn",
        &["--n-envs", "4", "--n-steps", "3", "--minibatches", "2"],
    ),
];

/// `rl` with flags of a short run, and a few more.
pub fn flags(draws: &mut Draws, listing: &Listing) -> Input {
    let names: Vec<&str> = listing.agents.keys().map(String::as_str).collect();
    let algorithm = names[draws.below(names.len())];
    let least = LEAST_SETTINGS.iter().find(|(name, _)| *name == algorithm);
    let least = least.map_or(&[][..], |(_, least)| least);
    let steps = (12 * (1 + draws.below(25))).to_string();
    let mut args = words(&["--algo", algorithm, "--steps", &steps]);
    if listing.agents[algorithm]
        .iter()
        .any(|known| known.name == "hidden")
    {
        args.extend(words(&["--hidden", "16"]));
    }
    args.extend(words(least));
    args.extend(words(&["--eval-episodes", "1", "--out", "r"]));
    args.extend(words(&[
        "--eval-every",
        &(1 + draws.below(400)).to_string(),
    ]));
    if draws.one_in(2) {
        args.extend(["--opt".to_owned(), optimiser(draws, listing)]);
    }
    if draws.one_in(2) {
        args.extend(["--env".to_owned(), environment(draws, listing)]);
    }
    // Most other values of the settings that are there already do not go with each other.
    let any = draws.one_in(6);
    let chosen =
        |setting: &Setting| least.contains(&&*format!("--{}", setting.name.replace('_', "-")));
    let agent = listing.agents[algorithm].iter();
    let agent: Vec<&Setting> = agent.filter(|setting| any || !chosen(setting)).collect();
    for _ in 0..draws.below(5) {
        let setting = draws.of(&agent);
        let flag = setting.name.replace('_', "-");
        args.push(format!("--{flag}={}", value(draws, setting)));
    }
    match draws.below(12) {
        0 => args.extend(words(&["--agents", draws.of(&["1", "2", "3", "0"])])),
        1 => args.extend(words(&["--diagnostics", draws.of(&["1", "3", "0", "-1"])])),
        2 => args.extend(words(&[
            "--seed",
            draws.of(&["0", "7", "9223372036854775807", "-1"]),
        ])),
        3 => args.extend(words(&[
            "--lr",
            draws.of(&["1e-3", "0", "1e10", "-1", "nan"]),
        ])),
        4 => args.extend(words(&["--resume"])),
        5 => args.extend(words(&["--checkpoint-every", draws.of(&["1", "50", "0"])])),
        6 => args.extend(words(&["--log-every", draws.of(&["1", "7", "0"])])),
        _ => {}
    }
    if draws.one_in(12) {
        let at = draws.below(args.len());
        args[at] = damaged(draws, &args[at]);
    }
    Input {
        program: RL,
        args,
        file: None,
    }
}

/// `rl` with the `config.toml` of a run, mutated.
pub fn config(draws: &mut Draws, _: &Listing) -> Input {
    Input {
        program: RL,
        args: words(&["--config", "c.toml", "--out", "r", "--steps", "100"]),
        file: Some(("c.toml", mutated_lines(draws, CONFIG))),
    }
}

/// A study of tiny runs, mutated.
pub fn study(draws: &mut Draws, listing: &Listing) -> Input {
    let mut text = STUDY_TOML.replace(
        "\"adam:beta1=0\"",
        &format!("{:?}", optimiser(draws, listing)),
    );
    if draws.one_in(3) {
        text = text.replace(
            "env = \"catch\"",
            &format!("env = {:?}", environment(draws, listing)),
        );
    }
    let command = draws.of(&["run", "run", "run", "verify", "list"]);
    Input {
        program: STUDY,
        args: words(&[command, "s.toml"]),
        file: Some(("s.toml", mutated_lines(draws, &text))),
    }
}

/// `supervised` on what needs no files and little time.
pub fn supervised(draws: &mut Draws, listing: &Listing) -> Input {
    let mut args = words(&["--dataset", "synthetic", "--net", "mlp", "--out", "r"]);
    args.extend(words(&["--steps", &(1 + draws.below(12)).to_string()]));
    args.extend(words(&[
        "--batch",
        draws.of(&["1", "16", "100", "500", "0"]),
    ]));
    args.extend(["--opt".to_owned(), optimiser(draws, listing)]);
    if draws.one_in(6) {
        let at = draws.below(args.len());
        args[at] = damaged(draws, &args[at]);
    }
    Input {
        program: SUPERVISED,
        args,
        file: None,
    }
}

/// `order` on a short stream.
pub fn order(draws: &mut Draws, listing: &Listing) -> Input {
    let mut args = words(&["--hidden", "16", "--out", "r", "--learning-starts", "20"]);
    args.extend(words(&["--stream", draws.of(&["150", "400", "0"])]));
    args.extend(words(&["--held-out", draws.of(&["10", "50", "500"])]));
    args.extend(words(&[
        "--order",
        draws.of(&["recorded", "shuffled", "windows"]),
    ]));
    args.extend(words(&["--window", draws.of(&["1", "7", "1000", "0"])]));
    args.extend(words(&["--targets", draws.of(&["fixed", "bootstrapped"])]));
    args.extend(["--opt".to_owned(), optimiser(draws, listing)]);
    if draws.one_in(2) {
        args.extend(["--env".to_owned(), environment(draws, listing)]);
    }
    if draws.one_in(8) {
        args.extend(words(&["--seed", "9223372036854775807", "--seeds", "2"]));
    }
    if draws.one_in(6) {
        let at = draws.below(args.len());
        args[at] = damaged(draws, &args[at]);
    }
    Input {
        program: ORDER,
        args,
        file: None,
    }
}

pub fn input(number: u64, listing: &Listing) -> Input {
    let mut draws = Draws(number.wrapping_mul(0xD134_2543_DE82_EF95));
    let make = match draws.below(20) {
        0..11 => flags,
        11..15 => config,
        15..17 => supervised,
        17..18 => order,
        _ => study,
    };
    make(&mut draws, listing)
}
