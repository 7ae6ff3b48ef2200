//! Commands and files mutated from valid ones: whatever a user gives, a program ends soon, with the right exit code, a
//! word about what is wrong, and no panic; what runs leaves whole files.
//!
//! What there is to mutate is read from `rl --list`: a setting, an environment or an optimiser that is new is mutated too.
//! The long form:
//!
//! ```sh
//! FUZZ_INPUTS=10000 cargo test --release --test fuzz -- --ignored --nocapture
//! ```
//!
//! Each input follows from its number alone, which a failure names: `FUZZ_FIRST=1234 FUZZ_INPUTS=1` runs it again.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Longer than any of these runs takes on a busy machine.
const HANG: Duration = Duration::from_secs(120);

const RL: &str = env!("CARGO_BIN_EXE_rl");
const STUDY: &str = env!("CARGO_BIN_EXE_study");
const SUPERVISED: &str = env!("CARGO_BIN_EXE_supervised");

/// SplitMix64 (Steele, Lea & Flood 2014).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
    /// True once in `n` times.
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
    fn share(&mut self) -> f64 {
        self.next() as f64 / u64::MAX as f64
    }
}

/// A setting as `--list` shows it.
#[derive(Clone, Debug)]
struct Setting {
    name: String,
    default: String,
    allowed: String,
}

/// Environments, algorithms or optimisers with their settings, and what every environment takes under `""`.
type Named = BTreeMap<String, Vec<Setting>>;

struct Listing {
    environments: Named,
    /// The settings of each algorithm.
    agents: Named,
    optimisers: Named,
    published: Vec<String>,
}

impl Listing {
    fn read() -> Self {
        let out = Command::new(RL).arg("--list").output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let mut listing = Self {
            environments: Named::new(),
            agents: Named::new(),
            optimisers: Named::new(),
            published: Vec::new(),
        };
        let (mut part, mut name) = ("", String::new());
        for line in text.lines() {
            let first = line.split_whitespace().next().unwrap_or_default();
            if !line.starts_with(' ') && !line.is_empty() {
                part = first.to_owned().leak();
            } else if line.trim() == "Every environment also takes" {
                name = String::new();
            } else if line.starts_with("    ") && !line.starts_with("     ") {
                let rest: Vec<&str> = line.split_whitespace().collect();
                let allowed = line
                    .rfind(" (")
                    .map(|at| &line[at + 2..])
                    .unwrap_or_default();
                let allowed = allowed.split(')').next().unwrap_or_default();
                let setting = Setting {
                    name: first.to_owned(),
                    default: rest.get(1).copied().unwrap_or_default().to_owned(),
                    allowed: allowed.to_owned(),
                };
                match part {
                    "Environments" => {
                        let its = listing.environments.entry(name.clone());
                        its.or_default().push(setting);
                    }
                    "Algorithms" => {
                        let its = listing.agents.entry(name.clone());
                        its.or_default().push(setting);
                    }
                    "Optimisers" => {
                        let its = listing.optimisers.entry(name.clone());
                        its.or_default().push(setting);
                    }
                    _ => {}
                }
            } else if line.starts_with("  ") && !line.starts_with("   ") {
                name = first.to_owned();
                match part {
                    "Environments" if !line.contains("'") => {
                        listing.environments.entry(name.clone()).or_default();
                    }
                    "Published" => listing.published.push(name.clone()),
                    _ => {}
                }
            }
        }
        assert!(listing.environments.len() > 15 && listing.optimisers.len() > 10);
        assert!(listing.agents["dqn"].len() > 20 && listing.published.len() > 10);
        assert!(
            listing.agents.len() == LEAST_SETTINGS.len(),
            "{:?}",
            listing.agents.keys()
        );
        listing
    }
}

/// A value for a setting: mostly one that is allowed, sometimes one at an edge of what is, or none at all.
fn value(draws: &mut Draws, setting: &Setting) -> String {
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

fn optimiser(draws: &mut Draws, listing: &Listing) -> String {
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

fn environment(draws: &mut Draws, listing: &Listing) -> String {
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
fn damaged(draws: &mut Draws, text: &str) -> String {
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
struct Input {
    program: &'static str,
    args: Vec<String>,
    file: Option<(&'static str, String)>,
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

/// What makes a run of 12 steps, or of a multiple of them, one that learns.
const LEAST_SETTINGS: [(&str, &[&str]); 4] = [
    ("dqn", &["--batch-size", "8", "--learning-starts", "20"]),
    ("a2c", &["--n-envs", "4", "--n-steps", "3"]),
    (
        "pqn",
        &["--n-envs", "4", "--n-steps", "3", "--minibatches", "2"],
    ),
    ("stream-q", &[]),
];

/// `rl` with flags of a short run, and a few more.
fn flags(draws: &mut Draws, listing: &Listing) -> Input {
    let (algorithm, least) = LEAST_SETTINGS[draws.below(LEAST_SETTINGS.len())];
    let steps = (12 * (1 + draws.below(25))).to_string();
    let mut args = words(&["--algo", algorithm, "--steps", &steps, "--hidden", "16"]);
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
fn mutated_lines(draws: &mut Draws, text: &str) -> String {
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
fn config(draws: &mut Draws, _: &Listing) -> Input {
    Input {
        program: RL,
        args: words(&["--config", "c.toml", "--out", "r", "--steps", "100"]),
        file: Some(("c.toml", mutated_lines(draws, CONFIG))),
    }
}

/// A study of tiny runs, mutated.
fn study(draws: &mut Draws, listing: &Listing) -> Input {
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
fn supervised(draws: &mut Draws, listing: &Listing) -> Input {
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

fn input(number: u64, listing: &Listing) -> Input {
    let mut draws = Draws(number.wrapping_mul(0xD134_2543_DE82_EF95));
    let make = match draws.below(20) {
        0..12 => flags,
        12..16 => config,
        16..18 => supervised,
        _ => study,
    };
    make(&mut draws, listing)
}

/// Runs an input. Whether it ran to its end, or what is wrong.
fn outcome(input: &Input) -> Result<bool, String> {
    let folder = tempfile::tempdir().unwrap();
    if let Some((name, text)) = &input.file {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let log = fs::File::create(folder.path().join("stderr")).unwrap();
    let mut child = Command::new(input.program)
        .args(&input.args)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        // An argument with a zero byte does not even start.
        .map_err(|error| error.to_string())?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if started.elapsed() > HANG => {
                let _ = child.kill();
                let _ = child.wait();
                return Err("it hangs".into());
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    let said = fs::read_to_string(folder.path().join("stderr")).unwrap_or_default();
    if said.contains("panicked") {
        return Err(format!("a panic: {said}"));
    }
    match status.code() {
        Some(0) => left_whole(folder.path()).map(|()| true),
        Some(2) if said.contains("error: ") => Ok(false),
        code => Err(format!("exit code {code:?}: {said}")),
    }
}

/// An error if a run's outcome in `folder` has a number that is none, or if its files are not there.
fn left_whole(folder: &Path) -> Result<(), String> {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "csv") {
                let text = fs::read_to_string(&path).map_err(|e| e.to_string())?;
                let columns = |line: &str| line.split(',').count();
                if text.lines().count() == 0 {
                    return Err(format!("{} is empty", path.display()));
                }
                let strange = |cell: &str| {
                    let cell = cell.trim_matches('"').to_lowercase();
                    ["nan", "inf", "-inf"].contains(&cell.as_str())
                };
                // What was measured of an update may be no number; an outcome may not.
                if path.ends_with("outcome.csv") {
                    let row = text.lines().nth(1).unwrap_or_default();
                    if columns(row) < 5 || row.split(',').any(strange) {
                        return Err(format!("{}: {row}", path.display()));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Runs so many inputs from number `first` on, until `time` is up; returns how many ran and how many there were.
fn fuzz(first: u64, inputs: u64, time: Duration) -> (u64, u64) {
    let listing = Listing::read();
    let (next, ran, tried) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let started = Instant::now();
    let work = || {
        let mut wrong = Vec::new();
        while started.elapsed() < time {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= inputs {
                break;
            }
            let input = input(first + i, &listing);
            match outcome(&input) {
                Ok(whole) => ran.fetch_add(whole.into(), Ordering::Relaxed),
                Err(why) => {
                    eprintln!("input {}: {input:?}\n{why}\n", first + i);
                    wrong.push(first + i);
                    0
                }
            };
            let tried = tried.fetch_add(1, Ordering::Relaxed) + 1;
            if tried.is_multiple_of(500) {
                eprintln!("{tried} inputs, {} ran", ran.load(Ordering::Relaxed));
            }
        }
        wrong
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let wrong: Vec<u64> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "inputs {wrong:?}");
    (ran.into_inner(), tried.into_inner())
}

#[test]
fn a_few_hundred_mutated_inputs() {
    let (ran, tried) = fuzz(1, 200, Duration::from_secs(20));
    // Some optimisers refuse much: groups, resets, GPUs.
    assert!(5 * ran > 2 * tried, "{ran} of {tried} ran");
}

#[test]
#[ignore = "as long as you like: FUZZ_INPUTS"]
fn many_mutated_inputs() {
    let number = |name: &str, default| {
        let text = std::env::var(name).ok();
        text.map_or(default, |text| text.parse().expect("a number"))
    };
    let (ran, tried) = fuzz(
        number("FUZZ_FIRST", 1),
        number("FUZZ_INPUTS", 10_000),
        Duration::MAX,
    );
    eprintln!("{tried} inputs, {ran} ran");
}

const CONFIG: &str = r#"preset = "cleanrl"

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

const STUDY_TOML: &str = r#"question = "Does it?"
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
