/// Words less similar than this (Jaro-Winkler similarity) are not worth suggesting.
const ALIKE: f64 = 0.7;

/// The entry of `known` that is most similar to `asked`, the first one if several are equal; `None` if
/// none is similar enough.
pub fn nearest<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let asked = asked.to_lowercase();
    let mut best = None;
    for name in known {
        let similarity = strsim::jaro_winkler(&asked, &name.to_lowercase());
        if similarity > best.map_or(ALIKE, |(most, _)| most) {
            best = Some((similarity, name));
        }
    }
    best.map(|(_, name)| name)
}

/// "unknown {what} `{name}`; did you mean ...? allowed: ..."
pub fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if known.is_empty() {
        return format!("unknown {what} `{name}`; allowed: none");
    }
    let meant = nearest(name, known.iter().copied());
    let meant = meant.map_or(String::new(), |near| format!("did you mean `{near}`? "));
    format!(
        "unknown {what} `{name}`; {meant}allowed: {}",
        known.join(", ")
    )
}
