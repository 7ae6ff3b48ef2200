//! Values of settings, optimisers and environments.

use super::{listing::Setting, *};

/// A value for a setting: mostly one that is allowed, sometimes one at an edge of what is, or none at all.
pub fn value(draws: &mut Draws, setting: &Setting) -> String {
    let Setting {
        name,
        default,
        allowed,
    } = setting;
    if draws.one_in(40) {
        let odd = [
            "",
            " ",
            "nan",
            "inf",
            "-inf",
            "1e999",
            "-0",
            "0x10",
            "1e-400",
            "true",
            "-1",
            "18446744073709551616",
            "9223372036854775807",
            "½",
            "1,2",
            "a=b",
            "''",
            "\"",
            "0.1.2",
            "1_0",
        ];
        return draws.of(&odd).to_owned();
    }
    // What a run of a few hundred steps has time for.
    let most = match name.as_str() {
        "batch_size" => 40,
        "gradient_steps" => 3,
        "size" => 12,
        _ => 2000,
    };
    match allowed.as_str() {
        "true or false" => draws.of(&["true", "false"]).to_owned(),
        words if words.split(" or ").count() == 2 && !words.contains(['<', '>', ',', '`']) => {
            let words: Vec<&str> = words.split(" or ").collect();
            draws.of(&words).to_owned()
        }
        whole if whole.starts_with("a whole number") => {
            let least = whole
                .split_once("from ")
                .and_then(|(_, rest)| rest.split(' ').next());
            let least: u64 = least.and_then(|least| least.parse().ok()).unwrap_or(0);
            let near = [least, least + 1, 2, 3, 7, 64, 100];
            match draws.below(3) {
                0 => near[draws.below(near.len())].to_string(),
                1 => (least + draws.below(most) as u64).to_string(),
                _ => default.clone(),
            }
        }
        _ if name == "hidden" => draws
            .of(&["linear", "1", "8", "16,16", "4,3,2", "64,32"])
            .to_owned(),
        _ if name == "conv" => draws.of(&["none", "none", "2x3", "4x1,2x2"]).to_owned(),
        _ if name == "lr_schedule" => {
            let all = [
                "constant",
                "linear",
                "cosine",
                "linear:end=0.1",
                "step:every=3,gamma=0.5",
                "constant:warmup=5",
                "cosine:end=0,warmup=2",
            ];
            draws.of(&all).to_owned()
        }
        _ if name == "drift" => {
            let all = [
                "reward:-1..1/period=50,shape=step",
                "reward:0..1/period=7,shape=walk,rate=2",
                "actions/period=20",
                "reward:1..1/period=1,shape=sine",
            ];
            draws.of(&all).to_owned()
        }
        _ if name == "of" => draws
            .of(&["asterix|breakout", "catch|catch", "cartpole|acrobot"])
            .to_owned(),
        numbers => {
            let bounds: Vec<f64> = numbers
                .split(|c: char| !c.is_ascii_alphanumeric() && !".-+".contains(c))
                .filter_map(|word| word.parse().ok())
                .collect();
            match (&bounds[..], draws.below(4)) {
                ([low, high], 0) => (low + (high - low) * draws.share()).to_string(),
                (bounds, 1) if !bounds.is_empty() => {
                    let bound = bounds[draws.below(bounds.len())];
                    bound.to_string()
                }
                (_, 2) => match default.parse::<f64>() {
                    Ok(x) => format!("{:e}", x * 10f64.powf(4.0 * draws.share() - 2.0)),
                    Err(_) => default.clone(),
                },
                _ => default.clone(),
            }
        }
    }
}

pub fn optimiser(draws: &mut Draws, listing: &Listing) -> String {
    let names: Vec<&String> = listing.optimisers.keys().collect();
    let name = draws.of(&names);
    if draws.one_in(4) {
        let published: Vec<&String> = listing.published.iter().collect();
        return draws.of(&published).clone();
    }
    let settings: Vec<&Setting> = listing.optimisers[name].iter().collect();
    let mut given = BTreeMap::new();
    for _ in 0..draws.below(4) {
        let setting = draws.of(&settings);
        given.insert(setting.name.clone(), value(draws, setting));
    }
    let given: Vec<String> = given
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    match given.is_empty() {
        true => name.clone(),
        false => format!("{name}:{}", given.join(",")),
    }
}

pub fn environment(draws: &mut Draws, listing: &Listing) -> String {
    let names: Vec<&String> = listing
        .environments
        .keys()
        .filter(|name| !name.is_empty())
        .collect();
    let name = draws.of(&names);
    let own = listing.environments[name]
        .iter()
        .chain(&listing.environments[""]);
    let all: Vec<&Setting> = own.collect();
    let mut given = BTreeMap::new();
    for _ in 0..draws.below(3) {
        let setting = draws.of(&all);
        given.insert(setting.name.clone(), value(draws, setting));
    }
    let mut out = name.clone();
    // `of` takes all that follows.
    let of = given.remove_entry("of");
    for (i, (key, value)) in given.into_iter().chain(of).enumerate() {
        out += &format!("{}{key}={value}", if i == 0 { '?' } else { '&' });
    }
    out
}

/// Damages `text` at one place.
pub fn damaged(draws: &mut Draws, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let at = draws.below(letters.len() + 1);
    match draws.below(4) {
        0 if at < letters.len() => drop(letters.remove(at)),
        1 => letters.insert(
            at,
            *draws.of(&[&':', &',', &'=', &'?', &'&', &'/', &'0', &'é', &' ', &'-']),
        ),
        2 => letters.truncate(at),
        _ => {
            let again: Vec<char> = letters[at..].iter().copied().take(5).collect();
            for (i, letter) in again.into_iter().enumerate() {
                letters.insert(at + i, letter);
            }
        }
    }
    letters.into_iter().collect()
}
