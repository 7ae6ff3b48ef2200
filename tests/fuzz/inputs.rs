//! Commands and the files that they read, mutated from valid ones.

use super::{listing::Setting, *};

/// A value for a setting: mostly one that is allowed, sometimes one at an edge of what is, or none at all.
pub fn value(draws: &mut Draws, setting: &Setting) -> String {
    let Setting {
        name,
        default,
        allowed,
    } = setting;
    if draws.one_in(40) {
        let odd = [
            "",
            " ",
            "nan",
            "inf",
            "-inf",
            "1e999",
            "-0",
            "0x10",
            "1e-400",
            "true",
            "-1",
            "18446744073709551616",
            "9223372036854775807",
            "½",
            "1,2",
            "a=b",
            "''",
            "\"",
            "0.1.2",
            "1_0",
        ];
        return draws.of(&odd).to_owned();
    }
    // What a run of a few hundred steps has time for.
    let most = match name.as_str() {
        "batch_size" => 40,
        "gradient_steps" => 3,
        "size" => 12,
        _ => 2000,
    };
    match allowed.as_str() {
        "true or false" => draws.of(&["true", "false"]).to_owned(),
        words if words.split(" or ").count() == 2 && !words.contains(['<', '>', ',', '`']) => {
            let words: Vec<&str> = words.split(" or ").collect();
            draws.of(&words).to_owned()
        }
        whole if whole.starts_with("a whole number") => {
            let least = whole
                .split_once("from ")
                .and_then(|(_, rest)| rest.split(' ').next());
            let least: u64 = least.and_then(|least| least.parse().ok()).unwrap_or(0);
            let near = [least, least + 1, 2, 3, 7, 64, 100];
            match draws.below(3) {
                0 => near[draws.below(near.len())].to_string(),
                1 => (least + draws.below(most) as u64).to_string(),
                _ => default.clone(),
            }
        }
        _ if name == "hidden" => draws
            .of(&["linear", "1", "8", "16,16", "4,3,2", "64,32"])
            .to_owned(),
        _ if name == "conv" => draws.of(&["none", "none", "2x3", "4x1,2x2"]).to_owned(),
        _ if name == "lr_schedule" => {
            let all = [
                "constant",
                "linear",
                "cosine",
                "linear:end=0.1",
                "step:every=3,gamma=0.5",
                "constant:warmup=5",
                "cosine:end=0,warmup=2",
            ];
            draws.of(&all).to_owned()
        }
        _ if name == "drift" => {
            let all = [
                "reward:-1..1/period=50,shape=step",
                "reward:0..1/period=7,shape=walk,rate=2",
                "actions/period=20",
                "reward:1..1/period=1,shape=sine",
            ];
            draws.of(&all).to_owned()
        }
        _ if name == "of" => draws
            .of(&["asterix|breakout", "catch|catch", "cartpole|acrobot"])
            .to_owned(),
        numbers => {
            let bounds: Vec<f64> = numbers
                .split(|c: char| !c.is_ascii_alphanumeric() && !".-+".contains(c))
                .filter_map(|word| word.parse().ok())
                .collect();
            match (&bounds[..], draws.below(4)) {
                ([low, high], 0) => (low + (high - low) * draws.share()).to_string(),
                (bounds, 1) if !bounds.is_empty() => {
                    let bound = bounds[draws.below(bounds.len())];
                    bound.to_string()
                }
                (_, 2) => match default.parse::<f64>() {
                    Ok(x) => format!("{:e}", x * 10f64.powf(4.0 * draws.share() - 2.0)),
                    Err(_) => default.clone(),
                },
                _ => default.clone(),
            }
        }
    }
}

pub fn optimiser(draws: &mut Draws, listing: &Listing) -> String {
    let names: Vec<&String> = listing.optimisers.keys().collect();
    let name = draws.of(&names);
    if draws.one_in(4) {
        let published: Vec<&String> = listing.published.iter().collect();
        return draws.of(&published).clone();
    }
    let settings: Vec<&Setting> = listing.optimisers[name].iter().collect();
    let mut given = BTreeMap::new();
    for _ in 0..draws.below(4) {
        let setting = draws.of(&settings);
        given.insert(setting.name.clone(), value(draws, setting));
    }
    let given: Vec<String> = given
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    match given.is_empty() {
        true => name.clone(),
        false => format!("{name}:{}", given.join(",")),
    }
}

pub fn environment(draws: &mut Draws, listing: &Listing) -> String {
    let names: Vec<&String> = listing
        .environments
        .keys()
        .filter(|name| !name.is_empty())
        .collect();
    let name = draws.of(&names);
    let own = listing.environments[name]
        .iter()
        .chain(&listing.environments[""]);
    let all: Vec<&Setting> = own.collect();
    let mut given = BTreeMap::new();
    for _ in 0..draws.below(3) {
        let setting = draws.of(&all);
        given.insert(setting.name.clone(), value(draws, setting));
    }
    let mut out = name.clone();
    // `of` takes all that follows.
    let of = given.remove_entry("of");
    for (i, (key, value)) in given.into_iter().chain(of).enumerate() {
        out += &format!("{}{key}={value}", if i == 0 { '?' } else { '&' });
    }
    out
}

/// Damages `text` at one place.
pub fn damaged(draws: &mut Draws, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let at = draws.below(letters.len() + 1);
    match draws.below(4) {
        0 if at < letters.len() => drop(letters.remove(at)),
        1 => letters.insert(
            at,
            *draws.of(&[&':', &',', &'=', &'?', &'&', &'/', &'0', &'é', &' ', &'-']),
        ),
        2 => letters.truncate(at),
        _ => {
            let again: Vec<char> = letters[at..].iter().copied().take(5).collect();
            for (i, letter) in again.into_iter().enumerate() {
                letters.insert(at + i, letter);
            }
        }
    }
    letters.into_iter().collect()
}

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

/// Lines of TOML with a value changed, a line gone or there twice, or a letter damaged.
pub fn mutated_lines(draws: &mut Draws, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    for _ in 0..1 + draws.below(2) {
        let at = draws.below(lines.len());
        // Without this line, runs would take as long as by default.
        let kind = match lines[at].starts_with("rl = ") {
            true => 2,
            false => draws.below(10),
        };
        match kind {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines[at] = damaged(draws, &lines[at]),
            _ => {
                if let Some((key, old)) = lines[at].split_once(" = ") {
                    let near = match old.trim().parse::<f64>() {
                        Ok(x) if draws.one_in(2) => (x * 2.0).to_string(),
                        Ok(x) => format!("{}", (x / 2.0).floor()),
                        Err(_) if old == "true" => "false".into(),
                        Err(_) if old == "false" => "true".into(),
                        Err(_) => old.to_owned(),
                    };
                    let value = match draws.below(12) {
                        0 => draws
                            .of(&["0", "-1", "1", "nan", "inf", "\"\"", "[]", "{}", "1e300"])
                            .to_owned(),
                        _ => near,
                    };
                    lines[at] = format!("{key} = {value}");
                }
            }
        }
    }
    lines.join("\n") + "\n"
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

pub fn input(number: u64, listing: &Listing) -> Input {
    let mut draws = Draws(number.wrapping_mul(0xD134_2543_DE82_EF95));
    let make = match draws.below(20) {
        0..12 => flags,
        12..16 => config,
        16..18 => supervised,
        _ => study,
    };
    make(&mut draws, listing)
}

pub const CONFIG: &str = r#"preset = "cleanrl"

[run]
env = "cartpole"
steps = 200
device = "cpu"
seed = 1
eval_every = 100
eval_episodes = 1
eval_epsilon = 0.0
log_every = 10
diagnostics = 0
diagnostics_lags = 4

[optimiser]
name = "rmsprop"
lr = 0.00025
decay = 0.99
eps = 0.00000001
centered = false
momentum = 0.0
weight_decay = 0.0

[agent]
hidden = [16, 8]
dueling = false
gamma = 0.99
n_step = 1
buffer_size = 100
batch_size = 8
learning_starts = 50
train_frequency = 10
gradient_steps = 1
target_network_frequency = 50
tau = 1.0
start_e = 1.0
end_e = 0.05
exploration_fraction = 0.5
loss = "mse"
double = false
munchausen = false
prioritized = false
max_grad_norm = 0.0
max_grad_value = 0.0
lr_schedule = "constant"
max_loss = 1000000000.0
"#;

pub const STUDY_TOML: &str = r#"question = "Does it?"
hypothesis = "It does."
analysis = "One against the other."
margin = 0.05
seeds = { tuning = "101..102", report = "1..2" }
rl = { preset = "cleanrl", run = { steps = 60, eval_every = 30, eval_episodes = 1 }, agent = { learning_starts = 20, hidden = [8], batch_size = 4 } }
environments = [{ env = "catch" }]
contrasts = [{ name = "c", with = "a", without = "b", claim = "below" }]

[[optimisers]]
name = "a"
optimiser = "adam"
grid = { lr = [0.0003, 0.001, 0.003] }

[[optimisers]]
name = "b"
optimiser = "adam:beta1=0"
grid = { lr = [0.0003, 0.001, 0.003] }
"#;
