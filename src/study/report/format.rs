//! Numbers as a report shows them.

use stats::{Estimate, three_digits};

use super::verdict::FEWEST_FOR_INFERENCE;

/// A difference with its sign.
pub fn signed(x: f64) -> String {
    let size = match x.abs() < 0.0005 {
        true => "0.000".into(),
        false if x.abs() < 1.0 => format!("{:.3}", x.abs()),
        false => three_digits(x.abs()),
    };
    match x {
        _ if size == "0.000" => size,
        x if x < 0.0 => format!("-{size}"),
        _ => format!("+{size}"),
    }
}

/// The interval of a difference, `(-0.010 to +0.020)`; a dash where there are too few seeds for one.
pub fn interval(known: bool, e: Estimate) -> String {
    match known {
        true => format!("({} to {})", signed(e.lo), signed(e.hi)),
        false => "-".into(),
    }
}

/// An estimate over the seeds of one cell, `0.52 (0.48 to 0.57)`; only the number where there are too few seeds for an interval.
pub fn cell(e: Estimate) -> String {
    match e.n < FEWEST_FOR_INFERENCE {
        true => three_digits(e.point),
        false => e.to_string(),
    }
}

/// The estimate to draw: without its interval if that is not `known`.
pub fn drawn(known: bool, e: Estimate) -> Estimate {
    let Estimate { point, .. } = e;
    match known {
        true => e,
        false => Estimate {
            lo: point,
            hi: point,
            ..e
        },
    }
}

/// `0.013`, or `< 0.001`.
pub fn p_value(p: f64) -> String {
    match p < 0.001 {
        true => "< 0.001".into(),
        false => format!("{p:.3}"),
    }
}

/// A number of seeds; `None` is a number too large to compute.
pub fn seeds(n: Option<usize>) -> String {
    n.map_or("over a million".into(), |n| n.to_string())
}

/// `x` in percent: 1 is 100 %.
pub fn percent(x: f64) -> String {
    format!("{:.0} %", 100.0 * x)
}

/// Whole numbers, with consecutive ones as ranges: `1..30, 41`.
pub fn ranges(numbers: &[u64]) -> String {
    let runs = numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let range = |run: &[u64]| match run {
        [first, .., last] => format!("{first}..{last}"),
        [one] => one.to_string(),
        [] => String::new(),
    };
    runs.map(range).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0004, -0.25, 0.05, 12.345].map(signed),
            ["0.000", "-0.250", "+0.050", "+12.3"]
        );
        assert_eq!(
            [0.0001, 0.0134, 1.0].map(p_value),
            ["< 0.001", "0.013", "1.000"]
        );
        let of = |n| Estimate {
            point: 0.5,
            lo: 0.25,
            hi: 0.75,
            n,
        };
        assert_eq!(
            [of(4), of(5)].map(cell),
            ["0.500", "0.500 (0.250 to 0.750)"]
        );
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1..3, 7, 9..10");
        assert_eq!(ranges(&[u64::MAX]), u64::MAX.to_string());
    }
}
