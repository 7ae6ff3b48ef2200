//! An overview as a document.

use settings::Words;

use super::{
    evidence::{EffectAtPlace, Studies},
    table::Overview,
};
use crate::{
    Result,
    figures::{ForestInterval, ForestRow, GroupedForest},
    study::{
        experiment::Score,
        report::{
            document::{Document, Figure, ReportPanel, Section},
            format::{interval, p_value, signed},
            verdict::Finding,
        },
    },
};

/// Of a difference this many standard errors large, four of five studies find an interval without 0.
const FOUND_WITH_PROBABILITY_0_8: f64 = 1.959_964 + 0.841_621;

/// The whole document.
pub fn page(overview: &Overview, studies: &Studies, found: &[EffectAtPlace]) -> Result<Document> {
    let sections = vec![
        glance(overview, found)?,
        each_effect(overview, found),
        studies_behind_it(overview, studies),
    ];
    Ok(Document::new(overview.title.clone(), sections))
}

fn outcomes(found: &[EffectAtPlace]) -> Vec<Score> {
    let mut outcomes = Vec::new();
    for one in found {
        if !outcomes.contains(&one.outcome) {
            outcomes.push(one.outcome);
        }
    }
    outcomes
}

fn glance(overview: &Overview, found: &[EffectAtPlace]) -> Result<Section> {
    let panel = |&outcome: &Score| {
        let groups = overview.places.iter().enumerate().map(|(place, named)| {
            let its = found
                .iter()
                .filter(|one| one.place == place && one.outcome == outcome);
            let interval = |one: &EffectAtPlace| {
                let effect = &overview.effects[one.effect];
                ForestInterval {
                    name: effect.name.clone(),
                    colour: one.effect + 1,
                    estimate: one.evidence.improvement(),
                    decides: one.evidence.finding().decides(),
                }
            };
            ForestRow {
                name: named.name.clone(),
                intervals: its.map(interval).collect(),
            }
        });
        let groups: Vec<ForestRow> = groups.collect();
        Ok(ReportPanel {
            title: outcome_title(outcome).into(),
            svg: forest(&groups).svg()?,
        })
    };
    let panels = outcomes(found).iter().map(panel).collect::<Result<_>>()?;
    let names = overview.effects.iter().enumerate();
    let figure = Figure {
        caption: "The probability that a run is better with the first of two optimisers than a run with the second and the same \
                  seed, with its 95 % interval. 0.5 is no difference. A hollow point is undecided; without a line, it has fewer than five seeds. Only informative environments count, and each \
                  optimiser has its own best learning rate."
            .into(),
        key: names.map(|(i, effect)| (effect.name.clone(), i + 1)).collect(),
        panels,
    };
    let head = overview.effects.iter().map(|effect| effect.name.as_str());
    let head: Vec<&str> = std::iter::once("where").chain(head).collect();
    let rows = overview.places.iter().enumerate().map(|(place, named)| {
        let finding = |effect: usize| {
            let its = found
                .iter()
                .filter(|one| one.place == place && one.effect == effect);
            together(
                its.map(|one| (one.outcome, one.evidence.finding()))
                    .collect(),
            )
        };
        let findings = (0..overview.effects.len()).map(finding);
        std::iter::once(named.name.clone())
            .chain(findings)
            .collect()
    });
    Ok(Section::new("At a glance")
        .lead()
        .text(overview.about.clone())
        .figure(figure)
        .table(&head, rows.collect()))
}

/// Probabilities of improvement.
pub fn forest(groups: &[ForestRow]) -> GroupedForest<'_> {
    GroupedForest {
        groups,
        axis: "probability of improvement: above 0.5 is better",
        none: 0.5,
        ends: [0.0, 1.0],
    }
}

/// The findings by several outcomes in a few words.
fn together(findings: Vec<(Score, Finding)>) -> String {
    // Why something is undecided is in the tables below.
    let word = |finding: &Finding| match finding {
        Finding::Undecided(_) => "undecided".to_owned(),
        decided => decided.to_string(),
    };
    let words = findings
        .iter()
        .map(|(outcome, finding)| (outcome, word(finding)));
    let words: Vec<_> = words.collect();
    match &words[..] {
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => first.clone(),
        all => {
            let each = all
                .iter()
                .map(|(outcome, word)| format!("{}: {word}", outcome.word()));
            each.collect::<Vec<_>>().join("; ")
        }
    }
}

fn outcome_title(outcome: Score) -> &'static str {
    match outcome {
        Score::Area => "Area under the learning curve",
        Score::Final => "Final evaluation",
    }
}

fn each_effect(overview: &Overview, found: &[EffectAtPlace]) -> Section {
    let mut section = Section::new("Each change of optimiser").text(
        "Differences of interquartile means of the normalised scores, the margin below which they count as none, and the least \
         difference that would have been found with probability 0.8. p has Holm's correction over all rows of a table.",
    );
    let head = [
        "where",
        "outcome",
        "difference",
        "95 % interval",
        "margin",
        "would be found",
        "probability of improvement",
        "p, corrected",
        "finding",
        "seeds",
    ];
    for (number, effect) in overview.effects.iter().enumerate() {
        let its = found.iter().filter(|one| one.effect == number);
        let rows = its.map(|one| {
            let evidence = &one.evidence;
            let known = evidence.has_interval();
            let e = evidence.difference.estimate;
            let p = one.evidence.improvement();
            vec![
                overview.places[one.place].name.clone(),
                one.outcome.word().into(),
                signed(e.point),
                interval(known, e),
                format!("{:.3}", evidence.margin),
                match known {
                    true => format!("{:.3}", detectable(one)),
                    false => "-".into(),
                },
                match known {
                    true => format!("{:.2} ({:.2} to {:.2})", p.point, p.lo, p.hi),
                    false => format!("{:.2}", p.point),
                },
                match known {
                    true => p_value(evidence.p),
                    false => "-".into(),
                },
                evidence.in_words(),
                evidence.seeds.to_string(),
            ]
        });
        let (with, without) = (&effect.with, &effect.without);
        section = section
            .text(format!("{}: {with} less {without}.", effect.name))
            .table(&head, rows.collect());
    }
    section
}

/// The least difference that would have been found with probability 0.8 by as many seeds.
pub fn detectable(one: &EffectAtPlace) -> f64 {
    FOUND_WITH_PROBABILITY_0_8 * one.evidence.difference.standard_error
}

fn studies_behind_it(overview: &Overview, studies: &Studies) -> Section {
    let rows = overview.places.iter().map(|place| {
        let results = studies.of(place);
        let mut parts: Vec<String> = place.rung.iter().cloned().collect();
        parts.extend(place.environments.iter().cloned());
        parts.extend(place.levels.iter().map(|(key, value)| {
            let level = crate::config::plain(value);
            format!("{key}={level}")
        }));
        vec![
            place.name.clone(),
            results.experiment.name.clone(),
            match parts.is_empty() {
                true => "all of it".into(),
                false => parts.join(", "),
            },
            results.manifest.sha256.chars().take(12).collect(),
        ]
    });
    let head = ["where", "study", "part", "experiment, SHA-256"];
    Section::new("The studies behind it")
        .text("Each has a report of its own, with its curves, choices and costs.")
        .table(&head, rows.collect())
}
