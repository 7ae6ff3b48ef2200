//! Reports on tables made here, whose answers are known.

use super::{tables::*, *};

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
    for (costs, along, slope) in [
        (true, "", -0.4),
        (true, "along = \"env.length\"\n", -0.4),
        (false, "", 0.0),
    ] {
        let dir = stale(costs);
        change_experiment(&dir, |text| {
            text.replace("without =", &format!("{along}without ="))
        });
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
        let summary = read(&dir, "summary.csv");
        for row in csv::Reader::from_reader(summary.as_bytes()).records() {
            let row = row.unwrap();
            let numbers = row.iter().skip(7).take(9).map(|x| x.parse().unwrap());
            let numbers: Vec<f64> = numbers.collect();
            for estimate in numbers.chunks(3) {
                let [point, lo, hi] = *estimate else { panic!() };
                assert!(lo <= point && point <= hi, "{row:?}");
            }
        }
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
