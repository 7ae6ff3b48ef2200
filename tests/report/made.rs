//! Reports on tables made here, whose answers are known.

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
fn two_rungs(cost: f64) -> TempDir {
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
fn stale(costs: bool) -> TempDir {
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
fn dial(levels: [&str; 3], environments: &[(&str, [u64; 3])]) -> TempDir {
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

#[test]
fn a_contrast_along_a_dial_is_judged_by_its_growth() {
    let even = ["1", "10", "100"];
    // The probability of improvement at a level is the share of the seeds on which momentum helps, and the growth is the
    // slope of the least-squares line through it. The last case rises and falls over levels at 0, 1/3 and 1.
    for (levels, environments, growth, verdict, word) in [
        (
            even,
            &[("cartpole", [2, 10, 18])][..],
            0.8,
            "supported",
            "grows",
        ),
        (even, &[("cartpole", [18, 10, 2])], -0.8, "refuted", "falls"),
        (
            even,
            &[("cartpole", [10, 10, 10])],
            0.0,
            "inconclusive",
            "not significant",
        ),
        (
            even,
            &[("cartpole", [2, 10, 18]), ("still", [10, 10, 10])],
            0.4,
            "inconclusive",
            "it changes without cartpole",
        ),
        (
            ["1", "10", "1000"],
            &[("cartpole", [2, 18, 10])],
            0.257_142_857,
            "supported",
            "grows",
        ),
    ] {
        let dir = dial(levels, environments);
        let said = works(dir.path()).stdout;
        let table = read(&dir, "contrasts.csv");
        assert!(
            said.contains(&format!("verdict: {verdict}")),
            "{said}{table}"
        );
        let row = csv::Reader::from_reader(table.as_bytes())
            .deserialize::<BTreeMap<String, String>>()
            .next()
            .unwrap()
            .unwrap();
        let advantage: f64 = row["advantage"].parse().unwrap();
        assert!((advantage - growth).abs() < 1e-6, "{table}");
        assert_eq!(row["finding"], word);
        assert_eq!(row["pairs"], (60 * environments.len()).to_string());
        let contrasts = section(&dir, "Contrasts");
        let place = "in all environments, along agent.target_network_frequency";
        assert!(contrasts.contains(place), "{contrasts}");
        let dose = section(&dir, "Dose-response");
        assert!(dose.contains(&format!("| {word} |")), "{dose}");
        let claim = format!(
            "it grows from agent.target_network_frequency = {} to {}.",
            levels[0], levels[2]
        );
        let markdown = read(&dir, "report.md").replace('\\', "");
        assert!(markdown.contains(&claim), "{markdown}");
    }
}

#[test]
fn momentums_effect_is_held_against_its_staleness() {
    for (costs, slope) in [(true, -0.4), (false, 0.0)] {
        let dir = stale(costs);
        works(dir.path());
        let fits = read(&dir, "mechanism_fit.csv");
        let rows: Vec<&str> = fits.lines().collect();
        // The other measures are the same everywhere, so no line can be fitted.
        assert_eq!(rows.len(), 2, "{fits}");
        let fit: Vec<&str> = rows[1].split(',').collect();
        assert_eq!(fit[..3], ["momentum", "staleness", "6"]);
        let number = |place: usize| fit[place].parse::<f64>().unwrap();
        assert!((number(3) - slope).abs() < 1e-3, "{fits}");
        assert!(number(4) <= number(3) && number(3) <= number(5), "{fits}");
        let mechanism = section(&dir, "Mechanism");
        assert!(mechanism.contains("none (0.9)"), "{mechanism}");
        assert!(
            mechanism.contains("| momentum | staleness |"),
            "{mechanism}"
        );
        assert!(read(&dir, "report.html").contains("how stale momentum is there"));
    }
}

#[test]
fn the_interaction_of_a_ladder_decides() {
    for (cost, verdict) in [(0.3, "supported"), (-0.3, "refuted"), (0.0, "inconclusive")] {
        let dir = two_rungs(cost);
        let said = works(dir.path()).stdout;
        assert!(
            said.contains(&format!("verdict: {verdict}")),
            "{cost}: {said}"
        );
        let markdown = read(&dir, "report.md");
        let ladder = section(&dir, "The ladder of controls");
        assert!(ladder.contains("online minus control"), "{ladder}");
        // The effect was built into the tables, and is found to within a hundredth.
        let row = ladder
            .lines()
            .find(|line| line.contains("online minus control"))
            .unwrap();
        let difference: f64 = row
            .split('|')
            .nth(4)
            .unwrap()
            .trim()
            .trim_start_matches('\\')
            .parse()
            .unwrap();
        assert!((difference + cost).abs() < 0.01, "{row}");
        assert!(markdown.contains("nothing was tuned"), "{markdown}");
        assert!(markdown.contains("it has no factors"), "{markdown}");
    }
}

#[test]
fn the_same_difference_has_the_same_word_in_every_section() {
    // The difference is certain but within the margin. Between rungs there is no margin.
    let dir = two_rungs(0.03);
    works(dir.path());
    let ladder = section(&dir, "The ladder of controls");
    let row = ladder
        .lines()
        .find(|line| line.contains("| shifting |") || line.contains("| online |"));
    assert!(row.unwrap().contains("| equivalent |"), "{ladder}");
    let contrasts = section(&dir, "Contrasts");
    let row = |text: &str, words: &str| {
        let found = text.lines().find(|line| line.contains(words));
        found.unwrap().to_owned()
    };
    let decides = row(&contrasts, "in shifting minus still");
    assert!(
        decides.contains("| worse | supported (decides) |"),
        "{decides}"
    );
    let change = row(&ladder, "| online minus control |");
    assert!(change.contains("| worse |"), "{change}");
}

#[test]
fn an_interaction_with_a_side_that_is_lost_decides_nothing() {
    let dir = two_rungs(0.3);
    change(&dir, "runs.csv", |text| {
        let lost = |line: &str| match line.contains("still,,adam,") {
            true => line.replace("finished", "diverged") + "\n",
            false => line.to_owned() + "\n",
        };
        text.lines().map(lost).collect()
    });
    let said = works(dir.path()).stdout;
    assert!(said.contains("verdict: inconclusive"), "{said}");
    assert!(read(&dir, "report.md").contains("every run of adam diverged"));
}

#[test]
fn a_cell_that_is_there_twice_counts_once() {
    let interval = |twice: bool| {
        let dir = stale(true);
        if twice {
            // The last level has the same runs as the first.
            for name in ["runs.csv", "curves.csv", "mechanism.csv"] {
                change(&dir, name, |text| {
                    let first = |line: &&str| line.contains("0.25adam");
                    let kept = text.lines().filter(|line| !line.contains("1.5adam"));
                    let again = text
                        .lines()
                        .filter(first)
                        .map(|line| line.replacen("env.length=0.25", "env.length=1.5", 1));
                    let again: Vec<String> = if name == "runs.csv" {
                        again.collect()
                    } else {
                        Vec::new()
                    };
                    let lines = kept.map(str::to_owned).chain(again);
                    lines.map(|line| line + "\n").collect()
                });
            }
        }
        works(dir.path());
        let row = read(&dir, "contrasts.csv")
            .lines()
            .nth(1)
            .unwrap()
            .to_owned();
        let pairs = row.rsplit(',').next().unwrap().to_owned();
        (
            pairs,
            section(&dir, "Contrasts"),
            read(&dir, "mechanism_fit.csv"),
        )
    };
    let (pairs, contrasts, _) = interval(false);
    assert_eq!(pairs, "120");
    assert!(!contrasts.contains("count once"), "{contrasts}");
    let (pairs, contrasts, fit) = interval(true);
    assert_eq!(pairs, "100");
    let words = "cartpole: length=1.5 is cartpole: length=0.25";
    assert!(contrasts.contains(words), "{contrasts}");
    assert!(fit.contains(",staleness,5,"), "{fit}");
}

#[test]
fn runs_without_diagnostics_are_counted() {
    let dir = stale(true);
    // No diagnostics for one level, and for one run of another level.
    change(&dir, "mechanism.csv", |text| {
        let kept = |line: &&str| !line.starts_with("0.75adam") && !line.starts_with("1adam11,");
        text.lines()
            .filter(kept)
            .map(|line| line.to_owned() + "\n")
            .collect()
    });
    works(dir.path());
    let fit = read(&dir, "mechanism_fit.csv");
    assert!(fit.contains(",staleness,5,"), "{fit}");
    let said = section(&dir, "Mechanism");
    assert!(
        said.contains(
            "Runs that ended before their first diagnostics, which are not in these means: 1."
        ),
        "{said}"
    );
}

#[test]
fn a_report_leaves_nothing_of_the_one_before() {
    let dir = stale(true);
    works(dir.path());
    let there = |name: &str| results(&dir).join(name).exists();
    let its = ["mechanism_fit.csv", "figures/mechanism.svg"];
    assert!(its.iter().all(|name| there(name)));
    fs::remove_file(results(&dir).join("mechanism.csv")).unwrap();
    works(dir.path());
    assert!(!its.iter().any(|name| there(name)));
}
