use std::collections::BTreeMap;

use crate::{Allowed, Error, Interval, Table, Value, Word};

/// A type that a setting can have.
pub trait Field: Sized {
    /// The values that are allowed if the declaration says nothing.
    fn allowed() -> Allowed;

    /// Reads a value; the error says what is allowed. The value has already been checked against
    /// [`Allowed`].
    fn from_value(value: &Value) -> Result<Self, Error>;

    /// Writes it as a value that reads back the same; `None` if there is nothing to write.
    fn to_value(&self) -> Option<Value>;
}

/// A type with a word for each of its values; [`words!`](crate::words) declares one.
pub trait Words: Sized + Copy + PartialEq + 'static {
    /// Every value with its word, in the order of declaration.
    const ALL: &'static [(Self, Word)];

    /// The word for this value.
    fn word(self) -> &'static str {
        let known = Self::ALL.iter().find(|(value, _)| *value == self);
        known.map_or("", |(_, word)| word.name)
    }
}

/// The error about a value that is not `allowed`.
fn refused<T>(value: &Value, allowed: impl std::fmt::Display) -> Result<T, Error> {
    Err(Error::not_allowed("", value, allowed))
}

impl Field for bool {
    fn allowed() -> Allowed {
        Allowed::Flag
    }
    fn from_value(value: &Value) -> Result<Self, Error> {
        match value {
            Value::Flag(flag) => Ok(*flag),
            value => refused(value, Self::allowed()),
        }
    }
    fn to_value(&self) -> Option<Value> {
        Some(Value::Flag(*self))
    }
}

impl Field for f64 {
    fn allowed() -> Allowed {
        Interval::FINITE.into()
    }
    fn from_value(value: &Value) -> Result<Self, Error> {
        match value.as_number() {
            Some(number) => Ok(number),
            None => refused(value, Self::allowed()),
        }
    }
    fn to_value(&self) -> Option<Value> {
        Some(Value::Number(*self))
    }
}

macro_rules! whole {
    ($($type:ty),*) => {
        $(impl Field for $type {
            fn allowed() -> Allowed {
                Allowed::Whole(0, i64::try_from(<$type>::MAX).unwrap_or(i64::MAX))
            }
            fn from_value(value: &Value) -> Result<Self, Error> {
                let number = match value {
                    Value::Whole(number) => Self::try_from(*number).ok(),
                    _ => None,
                };
                number.map_or_else(|| refused(value, Self::allowed()), Ok)
            }
            fn to_value(&self) -> Option<Value> {
                // A larger number could not be read back either.
                Some(Value::Whole(i64::try_from(*self).unwrap_or(i64::MAX)))
            }
        })*
    };
}
whole!(u16, u32, u64, usize);

impl Field for String {
    fn allowed() -> Allowed {
        "text".into()
    }
    fn from_value(value: &Value) -> Result<Self, Error> {
        match value {
            Value::Text(text) => Ok(text.clone()),
            value => refused(value, Self::allowed()),
        }
    }
    fn to_value(&self) -> Option<Value> {
        Some(Value::Text(self.clone()))
    }
}

impl Field for Value {
    fn allowed() -> Allowed {
        "any value".into()
    }
    fn from_value(value: &Value) -> Result<Self, Error> {
        Ok(value.clone())
    }
    fn to_value(&self) -> Option<Value> {
        Some(self.clone())
    }
}

impl Field for Table {
    fn allowed() -> Allowed {
        "a table".into()
    }
    fn from_value(value: &Value) -> Result<Self, Error> {
        match value {
            Value::Table(table) => Ok(table.clone()),
            value => refused(value, Self::allowed()),
        }
    }
    fn to_value(&self) -> Option<Value> {
        Some(Value::Table(self.clone()))
    }
}

impl<T: Field> Field for Option<T> {
    fn allowed() -> Allowed {
        T::allowed()
    }
    fn from_value(value: &Value) -> Result<Self, Error> {
        T::from_value(value).map(Some)
    }
    fn to_value(&self) -> Option<Value> {
        self.as_ref().and_then(T::to_value)
    }
}

impl<T: Field> Field for Vec<T> {
    fn allowed() -> Allowed {
        Allowed::Described(format!("a list: {}", T::allowed().kind()).into())
    }
    fn from_value(value: &Value) -> Result<Self, Error> {
        let Value::List(items) = value else {
            return refused(value, Self::allowed());
        };
        let read = |(place, item): (usize, &Value)| {
            let read = match T::allowed().allows(item) {
                true => T::from_value(item),
                false => refused(item, T::allowed()),
            };
            read.map_err(|error| error.within(&(place + 1).to_string()))
        };
        items.iter().enumerate().map(read).collect()
    }
    fn to_value(&self) -> Option<Value> {
        Some(Value::List(self.iter().filter_map(T::to_value).collect()))
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn allowed() -> Allowed {
        Allowed::Described(format!("a table, each of its values {}", T::allowed().kind()).into())
    }
    fn from_value(value: &Value) -> Result<Self, Error> {
        let Value::Table(table) = value else {
            return refused(value, "a table");
        };
        let read = |(name, value): (&str, &Value)| {
            let read = T::from_value(value).map_err(|error| error.within(name))?;
            Ok((name.to_owned(), read))
        };
        table.iter().map(read).collect()
    }
    fn to_value(&self) -> Option<Value> {
        let values = self.iter();
        let values = values.filter_map(|(name, value)| Some((name.clone(), value.to_value()?)));
        Some(Value::Table(values.collect()))
    }
}

/// Declares an enum whose values are words: each has its word after `=` and its help above it.
///
/// ```
/// settings::words! {
///     /// How a value's distance from its target counts.
///     pub enum Loss {
///         /// The square of the difference
///         Mse = "mse",
///         /// Linear beyond 1
///         Huber = "huber",
///     }
/// }
/// assert_eq!(Loss::Huber.to_string(), "huber");
/// assert_eq!("mse".parse(), Ok(Loss::Mse));
/// ```
#[macro_export]
macro_rules! words {
    (
        $(#[doc = $doc:literal])*
        $visibility:vis enum $name:ident {
            $( $(#[doc = $help:literal])* $variant:ident = $word:literal, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name {
            $( $(#[doc = $help])* $variant, )*
        }

        impl $crate::Words for $name {
            const ALL: &'static [(Self, $crate::Word)] = &[
                $( ($name::$variant, $crate::Word {
                    name: $word,
                    help: $crate::joined!($($help),*),
                }), )*
            ];
        }

        impl $crate::Field for $name {
            fn allowed() -> $crate::Allowed {
                const WORDS: &[$crate::Word] = &[
                    $( $crate::Word { name: $word, help: $crate::joined!($($help),*) }, )*
                ];
                $crate::Allowed::Choice(WORDS)
            }
            fn from_value(value: &$crate::Value) -> ::std::result::Result<Self, $crate::Error> {
                let known = <Self as $crate::Words>::ALL.iter();
                let mut known = known.filter(|(_, word)| value.as_text() == Some(word.name));
                known.next().map(|(known, _)| *known).ok_or_else(|| {
                    $crate::Error::not_allowed("", value, <Self as $crate::Field>::allowed())
                })
            }
            fn to_value(&self) -> ::std::option::Option<$crate::Value> {
                Some($crate::Value::Text($crate::Words::word(*self).into()))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad($crate::Words::word(*self))
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> ::std::result::Result<Self, $crate::Error> {
                <Self as $crate::Field>::from_value(&$crate::Value::Text(text.into()))
            }
        }
    };
}

/// The lines of a doc comment as one literal.
#[doc(hidden)]
#[macro_export]
macro_rules! joined {
    ($($line:literal),*) => { concat!($($line),*) };
}
