//! Declares a group of settings once, as the full values and as what a person sets of them.

/// From one list of fields: `$full`, every value, written to `config.toml`;
/// `$set`, the same fields optional, read from TOML and from flags of the
/// same name; and `$set::over`, which lays the second over the first.
macro_rules! settings {
    (
        $(#[doc = $doc:literal])*
        $full:ident, set by $set:ident {
            $( $(#[doc = $field_doc:literal])* $(#[arg($($arg:tt)*)])? $field:ident: $type:ty, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        pub struct $full {
            $( $(#[doc = $field_doc])* pub $field: $type, )*
        }

        #[doc = concat!("What a person sets of [`", stringify!($full), "`].")]
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize, clap::Args)]
        #[serde(deny_unknown_fields)]
        pub struct $set {
            $(
                $(#[doc = $field_doc])*
                #[arg(
                    long,
                    value_parser = crate::numbers::parser::<$type>(clap::value_parser!($type)),
                    $($($arg)*)?
                )]
                pub $field: Option<$type>,
            )*
        }

        impl $set {
            /// Its keys in TOML, with what `defaults` has where they are left out.
            pub fn keys(defaults: &$full) -> Vec<$crate::keys::Key> {
                use $crate::keys::{Holds, Key, prose, written};
                vec![$( Key {
                    name: stringify!($field),
                    holds: <$type as Holds>::holds(),
                    default: Some(written(&defaults.$field)),
                    doc: prose(&[$($field_doc),*]),
                }, )*]
            }

            /// These settings, and `base` for the rest.
            pub fn over(self, base: $full) -> $full {
                $full { $( $field: self.$field.unwrap_or(base.$field), )* }
            }

            /// These settings, and `other`'s where there is none here.
            pub fn or(self, other: Self) -> Self {
                Self { $( $field: self.$field.or(other.$field), )* }
            }
        }
    };
}
pub(crate) use settings;

use crate::{Error, Result};

/// An error that names the key and the allowed values unless `allowed` holds.
pub(crate) fn check(
    key: &str,
    value: impl std::fmt::Display,
    holds: bool,
    allowed: &str,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{key} = {value} is not allowed; allowed: {allowed}"
    )))
}
