//! Errors about names, with the nearest name there is and all of them, and about values, with what is allowed.

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

/// An error of a TOML file in plain words: its place, if it is known, and what is allowed there.
pub fn explained(error: &toml::de::Error) -> String {
    let (whole, message) = (error.to_string(), error.message());
    // The lines before are the file's, and stay as they are.
    let (before, after) = whole.rsplit_once(message).unwrap_or((whole.as_str(), ""));
    format!("{before}{}{}", in_plain_words(message), after.trim_end())
}

/// What serde says of a value or a key, without the names of Rust's types; any other text as it is.
///
/// ```text
/// invalid type: string "many", expected u64  ->  "many" is not allowed; allowed: a whole number >= 0
/// unknown field `gama`, expected one of ...  ->  unknown key `gama`; did you mean `gamma`? allowed: ...
/// ```
pub fn in_plain_words(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let name = quoted.next().unwrap_or_default();
    if message.starts_with("unknown field `") || message.starts_with("unknown variant `") {
        let what = match message.starts_with("unknown field") {
            true => "key",
            false => "value",
        };
        let names: Vec<&str> = quoted.collect();
        return match names.is_empty() {
            true => format!("unknown {what} `{name}`; allowed: none"),
            false => unknown(what, name, names),
        };
    }
    if message.starts_with("missing field `") {
        return format!("the key `{name}` is missing");
    }
    if message.starts_with("duplicate field `") {
        return format!("the key `{name}` is there twice");
    }
    // What toml says where one of several names must stand.
    if message == "wanted string or table" {
        return "a name in quotes is needed here".into();
    }
    let about_a_value = ["invalid type: ", "invalid value: ", "invalid length "];
    let rest = about_a_value
        .iter()
        .find_map(|kind| message.strip_prefix(*kind));
    match rest.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, expected)) => {
            let allowed = allowed(expected, found);
            format!("{} is not allowed; allowed: {allowed}", shown(found))
        }
        None => message.into(),
    }
}

/// What serde found, as it stands in the file or in a word.
fn shown(found: &str) -> String {
    if let Some(text) = found.strip_prefix("string ") {
        return text.into();
    }
    let kinds = ["integer `", "floating point `", "boolean `"];
    match kinds.iter().find_map(|kind| found.strip_prefix(*kind)) {
        // Behind a number beyond an i64 comes "as i128".
        Some(value) => value.split('`').next().unwrap_or_default().into(),
        None => match found {
            "sequence" => "a list".into(),
            // A date is one too.
            "map" => "a table or a date".into(),
            other => other.into(),
        },
    }
}

/// What serde expected, where it `found` something else.
fn allowed(expected: &str, found: &str) -> String {
    let most: u64 = match expected {
        "u8" => u8::MAX.into(),
        "u16" => u16::MAX.into(),
        "u32" => u32::MAX.into(),
        // TOML has none larger.
        "u64" | "usize" => i64::MAX as u64,
        _ => 0,
    };
    // A whole number that is not below 0 is too large.
    let too_large = found.starts_with("integer `") && !found.starts_with("integer `-");
    if most > 0 && too_large {
        return format!("a whole number from 0 to {most}");
    }
    let words = match expected {
        _ if most > 0 => "a whole number >= 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" => "text",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    words.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serdes_words_become_plain() {
        for (message, words) in [
            (
                "invalid type: string \"many\", expected u64",
                "\"many\" is not allowed; allowed: a whole number >= 0",
            ),
            (
                "invalid value: integer `-5`, expected usize",
                "-5 is not allowed; allowed: a whole number >= 0",
            ),
            (
                "invalid value: integer `99999999999`, expected u32",
                "99999999999 is not allowed; allowed: a whole number from 0 to 4294967295",
            ),
            (
                "invalid type: integer `99999999999999999999` as i128, expected u64",
                "99999999999999999999 is not allowed; allowed: a whole number from 0 to 9223372036854775807",
            ),
            (
                "invalid type: floating point `100000.0`, expected u64",
                "100000.0 is not allowed; allowed: a whole number >= 0",
            ),
            (
                "invalid type: string \"a, expected b\", expected f64",
                "\"a, expected b\" is not allowed; allowed: a number",
            ),
            (
                "invalid type: integer `1`, expected a boolean",
                "1 is not allowed; allowed: true or false",
            ),
            (
                "invalid type: boolean `true`, expected a string",
                "true is not allowed; allowed: text",
            ),
            (
                "invalid type: map, expected a sequence",
                "a table or a date is not allowed; allowed: a list",
            ),
            (
                "invalid type: sequence, expected a map",
                "a list is not allowed; allowed: a table",
            ),
            (
                "invalid type: integer `5`, expected struct RunOverrides",
                "5 is not allowed; allowed: a table",
            ),
            (
                "invalid type: integer `5`, expected seeds, such as \"1..30\" or [1, 2, 3]",
                "5 is not allowed; allowed: seeds, such as \"1..30\" or [1, 2, 3]",
            ),
            (
                "unknown field `gama`, expected one of `gamma`, `tau`",
                "unknown key `gama`; did you mean `gamma`? allowed: gamma, tau",
            ),
            (
                "unknown field `x`, there are no fields",
                "unknown key `x`; allowed: none",
            ),
            (
                "unknown variant `l1`, expected `mse` or `huber`",
                "unknown value `l1`; allowed: mse, huber",
            ),
            ("missing field `name`", "the key `name` is missing"),
            ("duplicate field `name`", "the key `name` is there twice"),
            ("wanted string or table", "a name in quotes is needed here"),
            (
                "key with no value, expected `=`",
                "key with no value, expected `=`",
            ),
        ] {
            assert_eq!(in_plain_words(message), words);
        }
    }

    #[test]
    fn a_files_lines_stay_as_they_are() {
        #[derive(Debug, serde::Deserialize)]
        struct File {
            #[serde(rename = "n")]
            _n: u64,
        }
        let text = "n = \"invalid type: map, expected u64\"";
        let error = toml::from_str::<File>(text).unwrap_err();
        let said = explained(&error);
        assert!(said.contains(text) && said.contains("line 1"), "{said}");
        let end =
            "\"invalid type: map, expected u64\" is not allowed; allowed: a whole number >= 0";
        assert!(said.ends_with(end), "{said}");
    }
}
