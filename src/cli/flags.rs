//! Command-line flags from declared settings.

use std::str::FromStr;

use clap::{
    Arg, ArgMatches, Command,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser},
};
use settings::{Allowed, Setting, Table, Value, Word, Words};

/// `command` with a flag for each of `settings` under `heading`; the help shows the values in
/// `defaults`.
pub fn add(
    command: Command,
    settings: &'static [Setting],
    defaults: &Table,
    heading: &'static str,
) -> Command {
    let flag = |setting: &'static Setting| {
        let default = defaults.get(setting.name).map(in_help).unwrap_or_default();
        let help = match default.as_str() {
            "" => setting.help.clone(),
            default => format!("{} [default: {default}]", setting.help),
        };
        let arg = Arg::new(setting.name)
            .long(long(setting))
            .value_name(setting.name.to_uppercase())
            .value_parser(parser(setting))
            .help_heading(heading)
            .help(help);
        match setting.allowed {
            Allowed::Flag => arg
                .value_name("BOOL")
                .num_args(0..=1)
                .default_missing_value("true"),
            _ => arg,
        }
    };
    command.args(settings.iter().map(flag))
}

/// The name of the flag of `setting`, without its dashes.
pub fn long(setting: &Setting) -> String {
    setting.name.replace('_', "-")
}

/// One of `settings` that `command` has a flag for already. clap would panic, or take one flag for both.
pub fn taken(command: &Command, settings: &'static [Setting]) -> Option<&'static Setting> {
    let mut command = command.clone();
    // Adds --help and --version.
    command.build();
    settings.iter().find(|setting| {
        let long = long(setting);
        let mut flags = command.get_arguments();
        flags.any(|flag| flag.get_id() == setting.name || flag.get_long() == Some(&long))
    })
}

/// The values of those of `settings` whose flags were given.
pub fn given(matches: &ArgMatches, settings: &'static [Setting]) -> Table {
    let value = |setting: &Setting| {
        let value = matches.get_one::<Value>(setting.name)?;
        Some((setting.name, value.clone()))
    };
    settings.iter().filter_map(value).collect()
}

/// A value as help shows it: without quotes, and with lists written as flags take them.
fn in_help(value: &Value) -> String {
    match value {
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(Value::plain).collect();
            items.join(",")
        }
        value => value.plain(),
    }
}

/// The parser of a flag whose values are the words of `T`.
pub fn words<T>() -> ValueParser
where
    T: Words + FromStr<Err = settings::Error> + Send + Sync,
{
    let words = T::ALL.iter().map(|(_, word)| word);
    possible(words).try_map(|text| text.parse::<T>()).into()
}

fn possible<'a>(words: impl Iterator<Item = &'a Word>) -> PossibleValuesParser {
    let word = |word: &Word| PossibleValue::new(word.name).help(word.help.trim());
    PossibleValuesParser::new(words.map(word))
}

fn parser(setting: &'static Setting) -> ValueParser {
    match setting.allowed {
        Allowed::Choice(words) => possible(words.iter()).map(Value::Text).into(),
        _ => ValueParser::new(move |text: &str| {
            let allowed = |_| format!("allowed: {}", setting.allowed);
            setting.read(text).map_err(allowed)
        }),
    }
}

/// Panics if two flags of `command` have one name. clap's own check does nothing without debug assertions.
#[cfg(test)]
pub(super) fn assert_consistent(command: &clap::Command) {
    let mut names: Vec<&str> = command
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "give one of them another name");
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};
    use settings::{Settings, settings};

    use super::{assert_consistent, taken};

    settings! {
        struct Free {
            /// a name of its own
            of_its_own: u64 = 1;
        }
    }

    settings! {
        struct Taken {
            /// a name of its own
            of_its_own: u64 = 1;
            /// as in `rl`
            checkpoint_every: u64 = 1;
        }
    }

    settings! {
        struct TakenByClap {
            /// clap adds it
            help: bool = false;
        }
    }

    #[test]
    fn a_setting_with_the_name_of_a_flag_is_found() {
        let flag = Arg::new("every").long("checkpoint-every");
        let command = Command::new("rl").arg(flag);
        let found = |settings| taken(&command, settings).map(|setting| setting.name);
        assert_eq!(found(Free::declared()), None);
        assert_eq!(found(Taken::declared()), Some("checkpoint_every"));
        assert_eq!(found(TakenByClap::declared()), Some("help"));
    }

    #[test]
    #[should_panic(expected = "another name")]
    fn two_flags_of_one_name_are_found() {
        let flag = |id: &'static str| Arg::new(id).long("epsilon");
        assert_consistent(&Command::new("rl").arg(flag("a")).arg(flag("b")));
    }
}
