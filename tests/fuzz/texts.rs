//! Files of TOML, and their mutation.

use super::{values::damaged, *};

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
