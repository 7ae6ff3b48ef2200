//! Tables of studies whose answers are known.

use super::*;

/// What an untuned arm's setting is called.
fn setting(arm: &str) -> &str {
    match arm {
        "adam0" => "adam:beta1=0",
        arm => arm,
    }
}

/// The return with this normalised score.
fn raw(env: &str, score: f64) -> f64 {
    match env {
        "still" => -0.602 + score * 1.602,
        _ => 22.2 + score * 477.8,
    }
}

/// Tables of a study without tuning and without known costs.
fn made(dir: &TempDir, runs: String, curves: String) {
    change(dir, "runs.csv", |_| runs);
    change(dir, "curves.csv", |_| curves);
    change(dir, "tuning.csv", header);
    change(dir, "cost.csv", header);
}

/// A control on which both optimisers do the same, and a rung on which momentum costs `cost`.
pub fn two_rungs(cost: f64) -> TempDir {
    let dir = quick();
    change_experiment(&dir, |_| {
        r#"
question = "Does momentum hurt where data shift?"
hypothesis = "It does."
analysis = "Made tables."
score = "area"
[seeds]
tuning = [1]
report = "11..30"
[[environments]]
name = "still"
env = "catch"
rung = "control"
[[environments]]
name = "shifting"
env = "cartpole"
rung = "online"
[[optimisers]]
name = "adam"
optimiser = "adam"
[[optimisers]]
name = "adam0"
optimiser = "adam:beta1=0"
[[contrasts]]
name = "momentum where data shift, less on the control"
with = "adam"
without = "adam0"
environments = ["shifting"]
less = ["still"]
claim = "below"
[[contrasts]]
name = "momentum everywhere"
with = "adam"
without = "adam0"
"#
        .into()
    });
    let (mut runs, mut curves) = (
        header(read(&dir, "runs.csv")),
        header(read(&dir, "curves.csv")),
    );
    for env in ["still", "shifting"] {
        for arm in ["adam", "adam0"] {
            for seed in 11u64..=30 {
                let pays = if (env, arm) == ("shifting", "adam") {
                    cost
                } else {
                    0.0
                };
                let luck = 0.02 * (seed % 5) as f64
                    + if arm == "adam" {
                        0.01 * (seed % 3) as f64
                    } else {
                        0.01
                    };
                let (score, id) = (0.5 + luck - pays, format!("{env}{arm}{seed}"));
                let (setting, area) = (setting(arm), raw(env, score));
                writeln!(runs, "report,0,{env},,{arm},{setting},{seed},{id},finished,100,90,{area},{area},{score},,8.0").unwrap();
                writeln!(curves, "{id},50,{area}\n{id},100,{area}").unwrap();
            }
        }
    }
    made(&dir, runs, curves);
    dir
}

/// Six levels of shift with synthetic diagnostics: the staleness of momentum grows with the level, and
/// so does its cost.
pub fn stale(costs: bool) -> TempDir {
    let dir = quick();
    let levels = [0.25, 0.5, 0.75, 1.0, 1.25, 1.5];
    change_experiment(&dir, |_| {
        format!(
            r#"
question = "Does staleness go with what momentum does?"
hypothesis = "It does."
analysis = "Made tables."
score = "area"
[seeds]
tuning = [1]
report = "11..30"
[[environments]]
env = "cartpole"
[[factors]]
key = "env.length"
values = {levels:?}
[[optimisers]]
name = "adam"
optimiser = "adam"
[[optimisers]]
name = "adam0"
optimiser = "adam:beta1=0"
[[contrasts]]
name = "momentum"
with = "adam"
without = "adam0"
"#
        )
    });
    let (mut runs, mut curves) = (
        header(read(&dir, "runs.csv")),
        header(read(&dir, "curves.csv")),
    );
    let mut mechanism = "id,environment,factors,optimiser,seed,score,rows,momentum_beta,momentum_is_hypothetical,\
                         cos_momentum_gradient,autocorrelation_1,autocorrelation_8,cos_average_oracle,parameter_push,\
                         target_push,data_push,data_push_by_chance,signal_to_noise,target_drift,age_mean,norm_after_target\n"
        .to_owned();
    for level in levels {
        for arm in ["adam", "adam0"] {
            for seed in 11u64..=30 {
                let luck = 0.02 * (seed % 5) as f64;
                let pays = if arm == "adam" && costs {
                    0.2 * level
                } else {
                    0.0
                };
                let factors = format!("env.length={level:?}");
                let (score, id) = (0.5 + luck - pays, format!("{level}{arm}{seed}"));
                let (setting, area) = (setting(arm), raw("shifting", score));
                writeln!(runs, "report,0,cartpole,{factors},{arm},{setting},{seed},{id},finished,100,90,{area},{area},{score},,8.0").unwrap();
                writeln!(curves, "{id},50,{area}\n{id},100,{area}").unwrap();
                // Half of a seed's luck also enters its staleness.
                let cosine = 1.0 - 0.5 * level + 0.001 * (seed % 5) as f64;
                let none = arm == "adam0";
                writeln!(mechanism, "{id},cartpole,{factors},{arm},{seed},{score},9,0.9,{none},0.1,,,{cosine},0.0,-0.1,0.2,-0.1,0.5,1.0,500,1.5").unwrap();
            }
        }
    }
    made(&dir, runs, curves);
    fs::write(results(&dir).join("mechanism.csv"), mechanism).unwrap();
    dir
}

/// A dial with these levels. In each environment momentum helps on so many of 20 seeds at each level, and hurts on the others.
pub fn dial(levels: [&str; 3], environments: &[(&str, [u64; 3])]) -> TempDir {
    let dir = quick();
    let tables = environments.iter().map(|(name, _)| {
        let env = if *name == "still" { "catch" } else { name };
        format!("[[environments]]\nname = \"{name}\"\nenv = \"{env}\"\n")
    });
    let tables: String = tables.collect();
    let key = "agent.target_network_frequency";
    change_experiment(&dir, |_| {
        format!(
            r#"
question = "Does momentum help more the less often targets move?"
hypothesis = "It does."
analysis = "Made tables."
score = "area"
[seeds]
tuning = [1]
report = "11..30"
{tables}
[[factors]]
key = "{key}"
values = [{}]
[[optimisers]]
name = "adam"
optimiser = "adam"
[[optimisers]]
name = "adam0"
optimiser = "adam:beta1=0"
[[contrasts]]
name = "growth"
with = "adam"
without = "adam0"
along = "{key}"
claim = "above"
"#,
            levels.join(", ")
        )
    });
    let (mut runs, mut curves) = (
        header(read(&dir, "runs.csv")),
        header(read(&dir, "curves.csv")),
    );
    for (env, helps) in environments {
        for (level, helps) in levels.into_iter().zip(helps) {
            for arm in ["adam", "adam0"] {
                for seed in 11u64..=30 {
                    let effect = match seed * 7 % 20 < *helps {
                        _ if arm == "adam0" => 0.0,
                        true => 0.1,
                        false => -0.1,
                    };
                    let score = 0.5 + 0.02 * (seed % 5) as f64 + effect;
                    let (factors, id) =
                        (format!("{key}={level}"), format!("{env}{level}{arm}{seed}"));
                    let (setting, area) = (setting(arm), raw(env, score));
                    writeln!(runs, "report,0,{env},{factors},{arm},{setting},{seed},{id},finished,100,90,{area},{area},{score},,8.0").unwrap();
                    writeln!(curves, "{id},50,{area}\n{id},100,{area}").unwrap();
                }
            }
        }
    }
    made(&dir, runs, curves);
    dir
}
