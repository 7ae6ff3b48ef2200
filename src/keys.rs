//! Keys of TOML files: a table is declared once, and read and documented from that.

use clap::ValueEnum;
use serde::{Serialize, de::DeserializeOwned};

/// One key of a table, as `study schema` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub holds: String,
    /// What holds where it is left out; `None` if it may not be.
    pub default: Option<String>,
    /// What it is for.
    pub doc: String,
}

impl Key {
    /// Keys as settings are declared.
    pub fn of(settings: &[settings::Setting]) -> Vec<Key> {
        let key = |setting: &settings::Setting| Key {
            name: setting.name,
            holds: setting.allowed.kind(),
            default: match (&setting.default, setting.required) {
                (Some(default), _) => Some(default.to_string()),
                (None, false) => Some("none".into()),
                (None, true) => None,
            },
            doc: setting.help.clone(),
        };
        settings.iter().map(key).collect()
    }
}

/// A table with known keys.
pub trait Keys: DeserializeOwned {
    /// Its keys, in the order of their declaration.
    fn keys() -> Vec<Key>;
}

/// What a key holds, in words.
pub trait Holds {
    /// "text", "a number", ...
    fn holds() -> String;
}

macro_rules! holds {
    ($($type:ty: $words:literal,)*) => {
        $(impl $crate::keys::Holds for $type {
            fn holds() -> String {
                $words.into()
            }
        })*
    };
}
pub(crate) use holds;

holds! {
    String: "text",
    bool: "true or false",
    f64: "a number",
    u32: "a whole number",
    u64: "a whole number",
    usize: "a whole number",
    toml::Value: "any value",
}

macro_rules! choices {
    ($($type:ty),*) => {
        $(impl $crate::keys::Holds for $type {
            fn holds() -> String {
                $crate::keys::one_of::<$type>()
            }
        })*
    };
}
pub(crate) use choices;

/// "a, b or c" of what a key can be.
pub fn one_of<T: ValueEnum>() -> String {
    let values = T::value_variants().iter();
    let values = values.filter_map(|value| value.to_possible_value());
    let names: Vec<String> = values.map(|value| value.get_name().into()).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

impl<T: Holds> Holds for Option<T> {
    fn holds() -> String {
        T::holds()
    }
}

impl<T: Holds> Holds for Vec<T> {
    fn holds() -> String {
        format!("a list: {}", T::holds())
    }
}

/// What several lines of documentation say.
pub fn prose(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    lines.join(" ")
}

/// A value as TOML has it; "none" for one that is not there.
pub fn written(value: &impl Serialize) -> String {
    match toml::Value::try_from(value) {
        Ok(toml::Value::Array(items)) if items.is_empty() => "none".into(),
        Ok(toml::Value::Table(table)) if table.is_empty() => "none".into(),
        Ok(value) => value.to_string(),
        Err(_) => "none".into(),
    }
}

/// Declares a table: a struct whose fields are its keys, with defaults behind `=` where a key can be
/// left out. An unknown key and one that is missing are errors.
macro_rules! keys {
    (
        $(#[doc = $doc:literal])*
        $name:ident {
            $( $(#[doc = $field_doc:literal])* $field:ident: $type:ty $(= $default:expr)?, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, serde::Serialize)]
        pub struct $name {
            $( $(#[doc = $field_doc])* pub $field: $type, )*
        }

        const _: () = {
            #[derive(serde::Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Read {
                $( $field: Option<$type>, )*
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> std::result::Result<Self, D::Error> {
                    let read = Read::deserialize(deserializer)?;
                    Ok(Self {
                        $( $field: match read.$field {
                            Some(value) => value,
                            None => keys!(@default D, $field $(, $default)?),
                        }, )*
                    })
                }
            }

            impl $crate::keys::Keys for $name {
                fn keys() -> Vec<$crate::keys::Key> {
                    use $crate::keys::{Holds, Key, prose};
                    vec![$( Key {
                        name: stringify!($field),
                        holds: <$type as Holds>::holds(),
                        default: keys!(@shown $type $(, $default)?),
                        doc: prose(&[$($field_doc),*]),
                    }, )*]
                }
            }
        };
    };
    (@default $error:ident, $field:ident) => {
        return Err(<$error::Error as serde::de::Error>::custom(concat!(
            "the key `", stringify!($field), "` is missing"
        )))
    };
    (@default $error:ident, $field:ident, $default:expr) => { $default };
    (@shown $type:ty) => { None };
    (@shown $type:ty, $default:expr) => {{
        let default: $type = $default;
        Some($crate::keys::written(&default))
    }};
}
pub(crate) use keys;
