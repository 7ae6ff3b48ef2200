/// A whole number as people write it: `100000`, `100_000` or `1e5`. No digit is lost, as it could be if
/// it were read as a float. A number beyond 38 digits is `i128::MAX` or `-i128::MAX`.
pub fn whole_number(text: &str) -> Option<i128> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (before, behind) = match digits.split_once('.') {
        Some((before, behind)) => (before, Some(behind)),
        None => (digits, None),
    };
    // As in TOML, an underscore must be between two digits.
    let group = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    let plain = |part: &str| part.split('_').all(group);
    if !plain(before) || !behind.is_none_or(plain) {
        return None;
    }
    let behind = behind.unwrap_or_default().replace('_', "");
    let digits = format!("{}{behind}", before.replace('_', ""));
    let number = digits.trim_end_matches('0');
    // How often the remaining digits are to be multiplied by ten.
    let tens = i64::from(exponent) - behind.len() as i64 + (digits.len() - number.len()) as i64;
    let number = number.trim_start_matches('0');
    if number.is_empty() {
        return Some(0);
    }
    if number.len() as i64 + tens > 38 {
        return Some(sign * i128::MAX);
    }
    let tens = u32::try_from(tens).ok()?;
    Some(sign * number.parse::<i128>().ok()? * 10_i128.pow(tens))
}

#[cfg(test)]
mod tests {
    use super::whole_number;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, number) in [
            ("0", 0),
            ("007", 7),
            ("+5", 5),
            ("-5", -5),
            ("-1e5", -100_000),
            ("100000", 100_000),
            ("100_000", 100_000),
            ("1e5", 100_000),
            ("1E+5", 100_000),
            ("1.5e3", 1_500),
            ("2500e-2", 25),
            ("3.0", 3),
            ("0e-9", 0),
            ("0.0e999999", 0),
            ("9223372036854775807", i64::MAX.into()),
            ("18446744073709551615", u64::MAX.into()),
            (
                "-99999999999999999999999999999999999999e0",
                1 - 10_i128.pow(38),
            ),
            ("1e38", i128::MAX),
            ("-1e400", -i128::MAX),
        ] {
            assert_eq!(whole_number(text), Some(number), "{text}");
        }
    }

    #[test]
    fn what_is_no_whole_number_is_refused() {
        for text in [
            "", "many", "1.5", "15e-1", "1e", "e5", "1e5.0", "1_", "_1", "1__0", ".5e1", "5.",
            "1,000", "0x10", "nan", "inf", "++1", "+", "-", " 1", "1e-400", "٣",
        ] {
            assert_eq!(whole_number(text), None, "{text:?}");
        }
    }
}
