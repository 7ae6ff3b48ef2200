//! Short names of environments and levels.

use crate::{
    config,
    study::experiment::{Experiment, Factor},
};

/// A short name for each cell: its environment, and for each factor the part of the level that differs. Cells whose
/// short names would be the same have their full names.
pub fn names(experiment: &Experiment) -> Vec<String> {
    let short: Vec<String> = experiment
        .cells
        .iter()
        .map(|cell| {
            let level = |(key, level): &(String, String)| {
                let factors = experiment.top.factors.iter();
                let mut its =
                    factors.filter(|one| one.key == *key && one.is_for(&cell.environment));
                its.next()
                    .map_or(level.clone(), |factor| level_name(factor, level))
            };
            let levels: Vec<String> = cell.levels.iter().map(level).collect();
            match levels.is_empty() {
                true => cell.environment.clone(),
                false => format!("{}: {}", cell.environment, levels.join(" ")),
            }
        })
        .collect();
    let each = experiment.cells.iter().zip(&short);
    each.map(
        |(cell, name)| match short.iter().filter(|other| *other == name).count() {
            1 => name.clone(),
            _ => cell.label(),
        },
    )
    .collect()
}

/// Such as `buffer_size=500` for `agent.buffer_size`, or `rate=1` for drifts that differ in their rate.
fn level_name(factor: &Factor, level: &str) -> String {
    let levels: Vec<String> = factor.values.iter().map(config::plain).collect();
    let (common, _) = split_common_start(&levels);
    let own = level.strip_prefix(common.as_str()).unwrap_or(level);
    let of = match common.is_empty() {
        true => format!("{}=", factor.key),
        false => common,
    };
    // Only the last key, the one whose value differs.
    let of = of
        .rsplit([',', '/', '.', '?', '&'])
        .next()
        .unwrap_or_default();
    format!("{of}{own}")
}

/// The common start of all `levels`, and the rest of each. It ends with `=`, `:`, `/` or `,`, so that
/// numbers stay whole.
pub fn split_common_start(levels: &[String]) -> (String, Vec<String>) {
    let whole = || (String::new(), levels.to_vec());
    let [first, rest @ ..] = levels else {
        return whole();
    };
    let agree = |other: &String| {
        let same = first.chars().zip(other.chars()).take_while(|(a, b)| a == b);
        same.map(|(a, _)| a.len_utf8()).sum::<usize>()
    };
    let Some(shared) = rest.iter().map(agree).min() else {
        return whole();
    };
    let Some(end) = first[..shared].rfind(['=', ':', '/', ',']) else {
        return whole();
    };
    let (common, _) = first.split_at(end + 1);
    let short = levels.iter().map(|level| level[end + 1..].to_owned());
    (common.into(), short.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_levels_share_is_split_off() {
        let short = |levels: &[&str]| {
            let levels: Vec<String> = levels.iter().map(|&level| level.into()).collect();
            split_common_start(&levels)
        };
        let (common, levels) = short(&["walk,rate=1", "walk,rate=16"]);
        assert_eq!(
            (common.as_str(), &levels[..]),
            ("walk,rate=", &["1".into(), "16".into()][..])
        );
        for levels in [&["500", "5000"][..], &["a=1"], &[], &["é=1", "è=1"]] {
            let (common, same) = short(levels);
            assert_eq!(
                (
                    common.as_str(),
                    same.iter().map(String::as_str).collect::<Vec<_>>()
                ),
                ("", levels.to_vec())
            );
        }
    }

    #[test]
    fn a_level_has_the_key_that_differs() {
        let factor = |key: &str, values: &[&str]| Factor {
            key: key.into(),
            values: values.iter().map(|&value| value.into()).collect(),
            environments: Vec::new(),
        };
        for (key, values, expected) in [
            ("agent.buffer_size", ["500", "2000"], "buffer_size=2000"),
            (
                "env.drift",
                ["actions/period=16000,rate=1", "actions/period=16000,rate=4"],
                "rate=4",
            ),
            ("env.drift", ["length:1..2", "length:1..3"], "length:1..3"),
            ("env.drift", ["actions", "length:1..3"], "drift=length:1..3"),
        ] {
            assert_eq!(level_name(&factor(key, &values), values[1]), expected);
        }
    }
}
