//! Reports on the results of `study run quick` (`tests/fixtures/report/quick`, copied from
//! `results/quick`) and on tables made here.

mod common;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use common::{Ran, run};
use sha2::{Digest, Sha256};
use tempfile::{TempDir, tempdir};

/// The section that names the others without content.
const ABSENT: &str = "What is not in this report";

const SECTIONS: [&str; 17] = [
    "Answers",
    "At a glance",
    "Contrasts",
    "Dose-response",
    "Learning rates",
    "Hypothesis and rule",
    "Each environment",
    "Informative environments",
    "What was chosen",
    "Learning curves",
    "Performance profiles",
    "Memory",
    "Time",
    "Energy",
    "Every cell",
    "How this was run",
    ABSENT,
];

/// The sections that depend on the machine.
const MACHINE: [&str; 3] = ["Time", "Energy", "How this was run"];

fn report(dir: &Path, more: &[&str]) -> Ran {
    let args = [&["report", "results/quick"], more].concat();
    run(env!("CARGO_BIN_EXE_study"), dir, &args, &[])
}

fn works(dir: &Path) -> Ran {
    let ran = report(dir, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran
}

/// A separate folder with the results of `study run quick`.
fn quick() -> TempDir {
    let dir = tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/report/quick");
    let to = results(&dir);
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    dir
}

fn results(dir: &TempDir) -> PathBuf {
    dir.path().join("results/quick")
}

fn read(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(results(dir).join(name)).unwrap()
}

fn change(dir: &TempDir, name: &str, how: impl FnOnce(String) -> String) {
    fs::write(results(dir).join(name), how(read(dir, name))).unwrap();
}

/// Changes the experiment, and updates the manifest so that this counts as the experiment that was run.
fn change_experiment(dir: &TempDir, how: impl FnOnce(String) -> String) {
    change(dir, "experiment.toml", how);
    let digest: String =
        Sha256::digest(read(dir, "experiment.toml"))
            .iter()
            .fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").unwrap();
                hex
            });
    let line = |line: &str| match line.starts_with("sha256") {
        true => format!("sha256 = \"{digest}\"\n"),
        false => format!("{line}\n"),
    };
    change(dir, "manifest.toml", |text| {
        text.lines().map(line).collect()
    });
}

/// The sections of a report in Markdown, by title.
fn sections(text: &str) -> Vec<(String, String)> {
    let parts = text.split("\n## ").skip(1);
    let titled = parts.map(|part| part.split_once('\n').unwrap());
    titled
        .map(|(title, body)| (title.to_owned(), body.to_owned()))
        .collect()
}

#[test]
fn a_report_has_every_section_and_stands_by_itself() {
    let dir = quick();
    let said = works(dir.path()).stdout;
    assert!(said.contains("verdict: inconclusive"), "{said}");
    let (markdown, html) = (read(&dir, "report.md"), read(&dir, "report.html"));
    let found = sections(&markdown);
    let titles: Vec<&str> = found.iter().map(|(title, _)| title.as_str()).collect();
    assert_eq!(titles, SECTIONS);
    for (number, title) in SECTIONS.iter().enumerate() {
        let start = html.find(&format!("<section id=\"s{number}\"")).unwrap();
        let heading = format!("<h2>{title}</h2>");
        assert!(
            html[start..].find(&heading).is_some_and(|at| at < 80),
            "{title}"
        );
    }
    let section = |title: &str| &found.iter().find(|(found, _)| found == title).unwrap().1;
    for (title, words) in [
        ("Answers", "3 seeds are too few; 10 are needed"),
        ("Contrasts", "inconclusive (decides)"),
        ("Each environment", "3 seeds are too few"),
        ("Informative environments", "half a decade"),
        ("What was chosen", "bias of the choice"),
        ("What was chosen", "at an end of its grid"),
        (
            ABSENT,
            "The ladder of controls: This study has one rung (rl)",
        ),
        ("Dose-response", "agent.buffer_size=10000"),
        (ABSENT, "Mechanism: None of these runs logged diagnostics"),
        ("Memory", "300 %"),
        ("Energy", "gCO2e"),
        ("How this was run", "study run quick"),
        ("How this was run", "on the seeds 101..102"),
    ] {
        assert!(
            section(title).contains(words),
            "{title}: no `{words}` in {}",
            section(title)
        );
    }
    // Curves, at a glance and in the appendix, and learning rates have a panel for each environment at each level. There
    // are two panels of contrasts, one of dose-response and one of profiles.
    assert_eq!(
        html.matches("<div class=\"panel\">").count(),
        4 + 4 + 4 + 2 + 1 + 1
    );
    // What supports the answers is open, and everything else is folded.
    assert_eq!(html.matches("<details>").count(), SECTIONS.len() - 5);
    assert!(
        html.contains("<title>adam at 10k: "),
        "no point shows its values"
    );
    assert_eq!(html.matches("class=\"verdict inconclusive\"").count(), 1);
    for outside in ["http://", "https://", "<script", "@import", "url(", "src="] {
        assert!(!html.contains(outside), "{outside}");
    }
    // Drawings take their colours from the page.
    let drawings = html.split("<main>").nth(1).unwrap();
    assert!(!drawings.contains("fill=\"#") && !drawings.contains("stroke=\"#"));
    assert!(!html.contains("NaN") && !markdown.contains("NaN") && !markdown.contains(" inf "));
    let summary = read(&dir, "summary.csv");
    assert_eq!(summary.lines().count(), 1 + 4 * 3);
    assert_eq!(read(&dir, "contrasts.csv").lines().count(), 1 + 1);
    // Every number with its interval, in the order of the runs.
    let rows: Vec<Vec<f64>> = csv::Reader::from_reader(summary.as_bytes())
        .records()
        .map(|row| {
            row.unwrap()
                .iter()
                .skip(7)
                .map(|x| x.parse().unwrap())
                .collect()
        })
        .collect();
    for row in rows {
        for estimate in row[..9].chunks(3) {
            assert!(
                estimate[1] <= estimate[0] && estimate[0] <= estimate[2],
                "{row:?}"
            );
        }
    }
}

#[test]
fn the_same_results_give_the_same_bytes_whatever_they_cost() {
    let (once, again) = (quick(), quick());
    works(once.path());
    change(&again, "cost.csv", |text| {
        let dearer = |row: &str| row.replace(",0.", ",1.") + "\n";
        text.lines()
            .map(dearer)
            .collect::<String>()
            .replace("estimate", "rapl")
    });
    works(again.path());
    for name in ["summary.csv", "contrasts.csv"] {
        assert_eq!(read(&once, name), read(&again, name), "{name}");
    }
    let (a, b) = (read(&once, "report.md"), read(&again, "report.md"));
    for ((title, a), (_, b)) in sections(&a).iter().zip(&sections(&b)) {
        assert_eq!(a == b, !MACHINE.contains(&title.as_str()), "{title}");
    }
    let html = read(&again, "report.html");
    works(again.path());
    assert_eq!(html, read(&again, "report.html"));
}

#[test]
fn a_choice_at_an_end_of_its_grid_is_a_warning() {
    let dir = quick();
    works(dir.path());
    assert!(read(&dir, "report.md").contains("No setting was chosen at an end of its grid."));
    change(&dir, "tuning.csv", |text| {
        text.replacen(",true,\n", ",true,lr\n", 1)
    });
    works(dir.path());
    for name in ["report.md", "report.html"] {
        let text = read(&dir, name);
        assert!(
            text.contains("Warning: of 12 choices, 1 is at an end of a grid."),
            "{name}"
        );
        assert!(
            text.contains("adam: lr is best at an end of its grid (adam:lr=0.003)"),
            "{name}"
        );
    }
}

#[test]
fn hostile_text_stays_text() {
    let dir = quick();
    let hostile = "<script>alert(1)</script> | <img src=x onerror=alert(2)> **bold** \\\"";
    change_experiment(&dir, |text| {
        let (_, rest) = text.split_once("question").unwrap();
        let rest = rest.split_once('\n').unwrap().1;
        format!(
            "question = \"{hostile}\"\n{}",
            rest.replace("momentum in Adam", "</svg><b>it's")
        )
    });
    works(dir.path());
    let html = read(&dir, "report.html");
    assert!(
        html.contains("&lt;script&gt;alert(1)&lt;/script&gt; | &lt;img"),
        "{html}"
    );
    for tag in ["<script", "<img", "<b>", "</svg><b"] {
        assert!(!html.contains(tag), "{tag}");
    }
    let markdown = read(&dir, "report.md");
    assert!(
        markdown.contains("\\<script\\>alert(1)\\</script\\> \\| \\<img"),
        "{markdown}"
    );
    assert!(markdown.contains("| \\</svg\\>\\<b\\>it's |"), "{markdown}");
}

#[test]
fn results_that_are_not_whole_are_named() {
    let none = tempdir().unwrap();
    let ran = report(none.path(), &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("study run"), "{}", ran.stderr);
    let without = |text: String, line: usize| -> String {
        let lines = text.lines().enumerate().filter(|(k, _)| *k != line);
        lines.map(|(_, line)| format!("{line}\n")).collect()
    };
    type How = Box<dyn Fn(String) -> String>;
    let cases: [(&str, How, &str); 8] = [
        (
            "runs.csv",
            Box::new(move |text| without(text, 108)),
            "there is no run of stage report in catch",
        ),
        (
            "runs.csv",
            Box::new(move |text| without(text, 1)),
            "there is no run of stage tune in cartpole",
        ),
        (
            "runs.csv",
            Box::new(|text| text.replacen("0.1653792001217702", "NaN", 1)),
            "score of run 7c672ef5f7 is NaN",
        ),
        (
            "runs.csv",
            Box::new(|text| text.replacen("finished", "finnished", 1)),
            "finnished",
        ),
        ("curves.csv", Box::new(header), "has no evaluation"),
        (
            "tuning.csv",
            Box::new(|text| text.replacen("true", "false", 1)),
            "0 of them chosen",
        ),
        (
            "experiment.toml",
            Box::new(|text| text.replace("0.05", "0.5")),
            "not the experiment that was run",
        ),
        (
            "manifest.toml",
            Box::new(|_| "runs = 3".into()),
            "unknown key",
        ),
    ];
    for (name, how, words) in cases {
        let dir = quick();
        change(&dir, name, how);
        let ran = report(dir.path(), &[]);
        assert_eq!(ran.code, Some(2), "{name}: {}", ran.stderr);
        assert!(
            ran.stderr.contains(name) && ran.stderr.contains(words),
            "{name}: {}",
            ran.stderr
        );
        assert!(!results(&dir).join("report.md").exists(), "{name}");
    }
    // The cost of runs may be unknown.
    let dir = quick();
    change(&dir, "cost.csv", header);
    works(dir.path());
    assert!(read(&dir, "report.md").contains("The energy of these runs is not known"));
}

#[test]
fn where_all_runs_diverged_nothing_is_compared() {
    let dir = quick();
    let fields = |row: &str| -> Vec<String> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(row.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        record.iter().map(str::to_owned).collect()
    };
    change(&dir, "runs.csv", |text| {
        let mut out = text.lines().next().unwrap().to_owned() + "\n";
        for row in text.lines().skip(1) {
            let mut row = fields(row);
            for (place, value) in [
                (8, "diverged"),
                (11, "0.0"),
                (12, "0.0"),
                (13, "-0.1"),
                (14, ""),
            ] {
                row[place] = value.into();
            }
            row[5] = format!("\"{}\"", row[5]);
            out += &(row.join(",") + "\n");
        }
        out
    });
    change(&dir, "curves.csv", |text| {
        let worst = |row: &str| format!("{},0.0\n", row.rsplit_once(',').unwrap().0);
        header(text.clone()) + &text.lines().skip(1).map(worst).collect::<String>()
    });
    let said = works(dir.path()).stdout;
    assert!(said.contains("verdict: inconclusive"), "{said}");
    let markdown = read(&dir, "report.md");
    assert!(
        markdown.contains("every run of adam and of adam0 diverged"),
        "{markdown}"
    );
    assert!(
        !markdown.contains("| equivalent |") && !markdown.contains("NaN"),
        "{markdown}"
    );
}

#[test]
fn the_verdict_is_put_into_another_page() {
    let dir = quick();
    let page = dir.path().join("README.md");
    let text = "Before.\n<!-- study:quick -->\n<!-- /study:quick -->\nAfter.\n";
    fs::write(&page, text).unwrap();
    let splice = || {
        let ran = report(dir.path(), &["--splice", "README.md"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        fs::read_to_string(&page).unwrap()
    };
    let once = splice();
    assert!(
        once.starts_with("Before.\n<!-- study:quick -->\n")
            && once.ends_with("<!-- /study:quick -->\nAfter.\n")
    );
    for words in [
        "**inconclusive**",
        "| momentum in Adam |",
        "(<results/quick/report.html>)",
    ] {
        assert!(once.contains(words), "no `{words}` in {once}");
    }
    assert_eq!(splice(), once);
    let docs = dir.path().join("docs");
    fs::create_dir(&docs).unwrap();
    fs::write(docs.join("page.md"), text).unwrap();
    let ran = report(dir.path(), &["--splice", "docs/page.md"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let below = fs::read_to_string(docs.join("page.md")).unwrap();
    assert!(
        below.contains("(<../results/quick/report.html>)"),
        "{below}"
    );
    fs::write(&page, "No marks.").unwrap();
    let ran = report(dir.path(), &["--splice", "README.md"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("there is no <!-- study:quick -->"),
        "{}",
        ran.stderr
    );
    assert_eq!(fs::read_to_string(&page).unwrap(), "No marks.");
}

/// The first line of a table.
fn header(text: String) -> String {
    text.lines().next().unwrap().to_owned() + "\n"
}

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

/// The section of `report.md` called `title`.
fn section(dir: &TempDir, title: &str) -> String {
    let found = sections(&read(dir, "report.md"));
    let section = found.into_iter().find(|(found, _)| found == title);
    section.unwrap().1
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
