use crate::{Allowed, Error, Table, Value};

/// A declared setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The name by which it is set.
    pub name: &'static str,
    /// The values it may take.
    pub allowed: Allowed,
    /// Its value if it is not set; `None` if there is none to write.
    pub default: Option<Value>,
    /// Whether it must be set.
    pub required: bool,
    /// A description of its purpose.
    pub help: String,
}

impl Setting {
    /// The value of `text`; the error says what is allowed.
    pub fn read(&self, text: &str) -> Result<Value, Error> {
        let value = self.allowed.read(text);
        value.ok_or_else(|| Error::not_allowed(self.name, text, &self.allowed))
    }

    /// An error unless `value` is allowed.
    pub fn check(&self, value: &Value) -> Result<(), Error> {
        match self.allowed.allows(value) {
            true => Ok(()),
            false => Err(Error::not_allowed(self.name, value, &self.allowed)),
        }
    }
}

/// A struct whose fields are settings; [`settings!`](crate::settings) declares one.
pub trait Settings: Sized {
    /// Its settings, in the order of declaration.
    fn declared() -> &'static [Setting];

    /// The value of the setting called `name`; `None` if there is none, or nothing to write.
    fn get(&self, name: &str) -> Option<Value>;

    /// Sets `name`, if there is such a setting and `value` is allowed for it.
    fn set(&mut self, name: &str, value: &Value) -> Result<(), Error>;

    /// Reads all settings from `table`; a missing one has its default. An unknown name is an error.
    fn from_table(table: &Table) -> Result<Self, Error>;

    /// The setting called `name`, or an error that lists all names.
    fn find(name: &str) -> Result<&'static Setting, Error> {
        let known = Self::declared().iter().find(|known| known.name == name);
        known.ok_or_else(|| {
            Error::unknown("key", name, Self::declared().iter().map(|known| known.name))
        })
    }

    /// Sets `name` from text.
    fn set_text(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let value = Self::find(name)?.read(text)?;
        self.set(name, &value)
    }

    /// Overwrites these values with those in `table`.
    fn extend(&mut self, table: &Table) -> Result<(), Error> {
        table
            .iter()
            .try_for_each(|(name, value)| self.set(name, value))
    }

    /// Every value, in the order of declaration.
    fn to_table(&self) -> Table {
        let declared = Self::declared().iter();
        let values = declared.filter_map(|known| Some((known.name, self.get(known.name)?)));
        values.collect()
    }

    /// An error for the first value that is out of its range, for structs whose fields were set in
    /// code.
    fn check_ranges(&self) -> Result<(), Error> {
        for known in Self::declared() {
            if let Some(value) = self.get(known.name) {
                known.check(&value)?;
            }
        }
        Ok(())
    }
}

/// Declares a struct of settings. Each field has its help above it, its default after `=`, and after
/// `in` the allowed values, if they are fewer than the type's: an [`Interval`](crate::Interval), a
/// range of numbers, or a description in words.
///
/// With `struct`, every field has a default and the struct is `Default`. With `table`, a field
/// without one must be set.
#[macro_export]
macro_rules! settings {
    (
        $(#[doc = $doc:literal])*
        $visibility:vis struct $name:ident {
            $( $(#[doc = $help:literal])* $field:ident: $type:ty = $default:expr $(, in $allowed:expr)?; )*
        }
    ) => {
        $crate::settings! {
            @type [$(#[doc = $doc])*] $visibility $name
            { $( [$($help),*] $field: $type [$default] [$($allowed)?]; )* }
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }
    };
    (
        $(#[doc = $doc:literal])*
        $visibility:vis table $name:ident {
            $( $(#[doc = $help:literal])* $field:ident: $type:ty $(= $default:expr)? $(, in $allowed:expr)?; )*
        }
    ) => {
        $crate::settings! {
            @type [$(#[doc = $doc])*] $visibility $name
            { $( [$($help),*] $field: $type [$($default)?] [$($allowed)?]; )* }
        }
    };
    (
        @type [$($doc:tt)*] $visibility:vis $name:ident
        { $( [$($help:literal),*] $field:ident: $type:ty [$($default:expr)?] [$($allowed:expr)?]; )* }
    ) => {
        $($doc)*
        #[derive(Clone, Debug, PartialEq)]
        $visibility struct $name {
            $( $(#[doc = $help])* pub $field: $type, )*
        }

        impl $crate::Settings for $name {
            fn declared() -> &'static [$crate::Setting] {
                static DECLARED: ::std::sync::LazyLock<Vec<$crate::Setting>> =
                    ::std::sync::LazyLock::new(|| vec![$( $crate::Setting {
                        name: stringify!($field),
                        allowed: $crate::settings!(@allowed $type [$($allowed)?]),
                        default: $crate::settings!(@default $type [$($default)?]),
                        required: $crate::settings!(@required [$($default)?]),
                        help: [$($help),*].map(str::trim).join(" "),
                    }, )*]);
                &DECLARED
            }

            fn get(&self, name: &str) -> Option<$crate::Value> {
                match name {
                    $( stringify!($field) => $crate::Field::to_value(&self.$field), )*
                    _ => None,
                }
            }

            fn set(
                &mut self,
                name: &str,
                value: &$crate::Value,
            ) -> ::std::result::Result<(), $crate::Error> {
                let known = <Self as $crate::Settings>::find(name)?;
                known.check(value)?;
                let within = |error: $crate::Error| error.within(known.name);
                match name {
                    $( stringify!($field) => {
                        self.$field = $crate::Field::from_value(value).map_err(within)?;
                    } )*
                    _ => {}
                }
                Ok(())
            }

            fn from_table(table: &$crate::Table) -> ::std::result::Result<Self, $crate::Error> {
                // An error about a value takes precedence over one about a missing setting.
                for (name, value) in table.iter() {
                    <Self as $crate::Settings>::find(name)?.check(value)?;
                    let within = |error: $crate::Error| error.within(name);
                    match name {
                        $( stringify!($field) => {
                            <$type as $crate::Field>::from_value(value).map(drop).map_err(within)?;
                        } )*
                        _ => {}
                    }
                }
                Ok(Self { $(
                    $field: match table.get(stringify!($field)) {
                        Some(value) => {
                            <Self as $crate::Settings>::find(stringify!($field))?.check(value)?;
                            let read = <$type as $crate::Field>::from_value(value);
                            read.map_err(|error| error.within(stringify!($field)))?
                        }
                        None => $crate::settings!(@or $field [$($default)?]),
                    },
                )* })
            }
        }

        impl $crate::Field for $name {
            fn allowed() -> $crate::Allowed {
                "a table".into()
            }
            fn from_value(value: &$crate::Value) -> ::std::result::Result<Self, $crate::Error> {
                match value {
                    $crate::Value::Table(table) => <Self as $crate::Settings>::from_table(table),
                    value => Err($crate::Error::not_allowed("", value, "a table")),
                }
            }
            fn to_value(&self) -> Option<$crate::Value> {
                Some($crate::Value::Table(<Self as $crate::Settings>::to_table(self)))
            }
        }
    };
    (@allowed $type:ty []) => { <$type as $crate::Field>::allowed() };
    (@allowed $type:ty [$allowed:expr]) => { $crate::Allowed::from($allowed) };
    (@default $type:ty []) => { None };
    (@default $type:ty [$default:expr]) => {{
        let default: $type = $default;
        $crate::Field::to_value(&default)
    }};
    (@required []) => { true };
    (@required [$default:expr]) => { false };
    (@or $field:ident []) => {
        return Err($crate::Error::Missing { path: stringify!($field).into() })
    };
    (@or $field:ident [$default:expr]) => { $default };
}
