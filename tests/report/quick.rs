//! Reports on the results of `study run quick`, whole and damaged.

use super::*;

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
        ("At a glance", "there are too few seeds for intervals"),
        ("Learning curves", "because there are so few seeds"),
        ("Performance profiles", "because there are so few seeds"),
        ("Contrasts", "inconclusive (decides)"),
        ("Contrasts", "there are too few seeds for intervals"),
        ("Dose-response", "there are too few seeds for intervals"),
        ("Each environment", "there are too few seeds for intervals"),
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
        ("How this was run", "Commit of the experiment's file: "),
    ] {
        assert!(
            section(title).contains(words),
            "{title}: no `{words}` in {}",
            section(title)
        );
    }
    for title in ["At a glance", "Every cell", "Performance profiles"] {
        assert!(!section(title).contains("bootstrap interval"), "{title}");
        let rows = section(title).lines().filter(|row| row.starts_with('|'));
        let (with, without): (Vec<_>, Vec<_>) = rows.partition(|row| row.contains(" to "));
        assert!(with.is_empty() && without.len() > 3, "{title}: {with:?}");
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
    // Three seeds are too few for an interval.
    for row in csv::Reader::from_reader(summary.as_bytes()).records() {
        let row = row.unwrap();
        let cells: Vec<&str> = row.iter().collect();
        for estimate in [&cells[7..10], &cells[10..13], &cells[13..16]] {
            assert!(estimate[0].parse::<f64>().is_ok(), "{row:?}");
            assert_eq!(estimate[1..], ["", ""], "{row:?}");
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
fn results_that_are_not_there_are_answered_with_those_that_are() {
    let dir = quick();
    let place = |name: &str| dir.path().join(name);
    let study = |name: &str| {
        let args = ["report", name];
        run(env!("CARGO_BIN_EXE_study"), dir.path(), &args, &[])
    };
    fs::create_dir_all(place("results/regimes")).unwrap();
    fs::write(place("results/regimes/overview.toml"), "").unwrap();
    fs::create_dir(place("experiments")).unwrap();
    let text = read(&dir, "experiment.toml");
    fs::write(place("experiments/mine.toml"), text).unwrap();
    for (name, words) in [
        ("nosuch", "unknown study `nosuch`; allowed: quick"),
        ("qick", "did you mean `quick`?"),
        ("regimes", "`study overview regimes`"),
        ("results/regimes", "is an overview"),
        ("mine", "`study run`"),
        ("experiments/mine.toml", "`study run`"),
    ] {
        let ran = study(name);
        assert_eq!(ran.code, Some(2), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{name}: {}", ran.stderr);
    }
    // A folder here does not stand for the results of that name, unless there are none.
    fs::create_dir(place("quick")).unwrap();
    fs::write(place("quick/manifest.toml"), "").unwrap();
    assert_eq!(study("quick").code, Some(0));
    fs::rename(results(&dir), place("elsewhere")).unwrap();
    for folder in ["elsewhere", "./elsewhere", "elsewhere/"] {
        let ran = study(folder);
        assert_eq!(ran.code, Some(0), "{folder}: {}", ran.stderr);
    }
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
    let ran = report(dir.path(), &["--splice", "elsewhere.md"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("elsewhere.md"), "{}", ran.stderr);
    fs::write(&page, "No marks.").unwrap();
    fs::remove_file(results(&dir).join("report.md")).unwrap();
    let ran = report(dir.path(), &["--splice", "README.md"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("there is no <!-- study:quick -->"),
        "{}",
        ran.stderr
    );
    assert_eq!(fs::read_to_string(&page).unwrap(), "No marks.");
    assert!(!results(&dir).join("report.md").exists(), "checked first");
}
