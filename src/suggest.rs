//! Errors about names: what was asked for, the nearest name there is, and all of them.

/// "unknown {what} `{name}`; did you mean ...? allowed: ..."
pub fn unknown<'a>(what: &str, name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let nearest = nearest(name, &names).map_or(String::new(), |n| format!("did you mean `{n}`? "));
    format!(
        "unknown {what} `{name}`; {nearest}allowed: {}",
        names.join(", ")
    )
}

fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let similarity = |candidate: &str| strsim::jaro_winkler(name, candidate);
    // Of equals, `max_by` takes the last; the list's first is the likelier.
    let best = names
        .iter()
        .rev()
        .max_by(|a, b| similarity(a).total_cmp(&similarity(b)))?;
    (similarity(best) > 0.7).then_some(best)
}

/// A second line for serde's "unknown field `x`, expected one of `a`, `b`": the nearest of them.
pub fn for_unknown_field(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (Some(unknown), true) = (quoted.next(), message.starts_with("unknown")) else {
        return String::new();
    };
    let names: Vec<&str> = quoted.collect();
    nearest(unknown, &names).map_or(String::new(), |n| format!("did you mean `{n}`?\n"))
}
