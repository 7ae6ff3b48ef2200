//! Numbers in flags, whose errors say what is allowed.

use std::fmt::Display;

use clap::builder::ValueParser;
use settings::whole_number;

/// A whole number that a flag can hold.
pub trait Whole: TryFrom<u64> + Clone + Send + Sync + 'static {
    /// The largest there is.
    const MOST: u64;
    /// An example for error messages.
    const EXAMPLE: &'static str;
}

macro_rules! wholes {
    ($($type:ty: $most:expr, $example:literal;)*) => {
        $(impl Whole for $type {
            const MOST: u64 = $most;
            const EXAMPLE: &'static str = $example;
        })*
    };
}

wholes! {
    u16: u16::MAX as u64, "8";
    u32: u32::MAX as u64, "10";
    u64: u64::MAX, "100000";
    usize: usize::MAX as u64, "100000";
}

/// The parser of a flag that holds a whole number from `least` on.
pub fn at_least<T: Whole>(least: u64) -> ValueParser {
    between::<T>(least, T::MOST)
}

/// The parser of a flag that holds a whole number from `least` to `most`.
pub fn between<T: Whole>(least: u64, most: u64) -> ValueParser {
    ValueParser::new(move |text: &str| read::<T>(text, least, most))
}

/// `n` and the noun `one` in its number: `1 seed`, `2 seeds`.
pub fn count<N: Display + PartialEq + From<u8>>(n: N, one: &str) -> String {
    let s = if n == N::from(1) { "" } else { "s" };
    format!("{n} {one}{s}")
}

/// Any number; the error says what is allowed.
pub fn number(text: &str) -> Result<f64, String> {
    let wrong = "allowed: a number, such as 0.001 or 1e-3";
    text.parse().map_err(|_| wrong.into())
}

/// A probability; the error says what is allowed.
pub fn probability(text: &str) -> Result<f64, String> {
    let number = number(text).ok().filter(|p| (0.0..=1.0).contains(p));
    number.ok_or_else(|| "allowed: 0 <= x <= 1".into())
}

fn read<T: Whole>(text: &str, least: u64, most: u64) -> Result<T, String> {
    let number = whole_number(text);
    let fitting = number
        .and_then(|number| u64::try_from(number).ok())
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| T::try_from(number).ok());
    fitting.ok_or_else(|| {
        let too_large = number.is_some_and(|number| number > i128::from(most));
        if too_large || most < T::MOST {
            format!("allowed: a whole number from {least} to {most}")
        } else {
            let example = T::EXAMPLE;
            format!("allowed: a whole number from {least} on, such as {example}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_as_people_write_them() {
        for (text, number) in [
            ("0", 0),
            ("007", 7),
            ("+5", 5),
            ("100000", 100_000),
            ("100_000", 100_000),
            ("1e5", 100_000),
            ("1E+5", 100_000),
            ("1.5e3", 1_500),
            ("2500e-2", 25),
            ("3.0", 3),
            ("0e-9", 0),
            ("0.0e999999", 0),
            ("9223372036854775807", i64::MAX as u64),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(read::<u64>(text, 0, u64::MAX), Ok(number), "{text}");
        }
        assert_eq!(read::<u16>("1e3", 1, 1024), Ok(1000));
    }

    #[test]
    fn what_is_no_whole_number_is_told_what_is_allowed() {
        let told = "allowed: a whole number from 0 on, such as 100000";
        for text in [
            "", "-5", "-1e5", "many", "1.5", "15e-1", "1e", "e5", "1e5.0", "1_", "_1", "1__0",
            ".5e1", "5.", "1,000", "0x10", "nan", "inf", "++1", "+", " 1", "1e-400", "٣",
        ] {
            assert_eq!(read::<u64>(text, 0, u64::MAX), Err(told.into()), "{text:?}");
        }
        for (text, least, most, told) in [
            ("0", 1, u64::MAX, "from 1 on, such as 100000"),
            ("1e400", 0, u64::MAX, "from 0 to 18446744073709551615"),
            (
                "18446744073709551616",
                0,
                u64::MAX,
                "from 0 to 18446744073709551615",
            ),
            ("0", 1, 10, "from 1 to 10"),
            ("11", 1, 10, "from 1 to 10"),
            ("many", 1, 10, "from 1 to 10"),
        ] {
            let told = format!("allowed: a whole number {told}");
            assert_eq!(read::<u64>(text, least, most), Err(told), "{text}");
        }
    }
}
