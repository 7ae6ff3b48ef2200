//! The word that someone probably meant.

/// Words less alike than this (Jaro-Winkler) are not worth suggesting.
const ALIKE: f64 = 0.7;

/// The one of `known` that is most like `asked`, if any is alike.
pub(crate) fn of<'a>(asked: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let asked = asked.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&asked, &known.to_lowercase()), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_owned())
}
