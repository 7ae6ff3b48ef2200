//! A number that records the operations on it, which turns a rule into the text of a kernel.

use std::{
    cell::RefCell,
    ops::{Add, Div, Mul, Neg, Sub},
};

use crate::{Real, Rule, Scalars, clip::clipped};

thread_local! {
    /// The expressions recorded so far, each in terms of names and of earlier lines `x0`, `x1`, ...
    static TAPE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The value of one line on the tape.
#[derive(Clone, Copy)]
struct Recorded(usize);

fn record(expression: String) -> Recorded {
    TAPE.with_borrow_mut(|tape| {
        // The same expression of the same values is recorded once.
        let line = tape.iter().position(|known| *known == expression);
        Recorded(line.unwrap_or_else(|| {
            tape.push(expression);
            tape.len() - 1
        }))
    })
}

macro_rules! binary {
    ($trait:ident, $method:ident, $symbol:literal) => {
        impl $trait for Recorded {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                record(format!("x{} {} x{}", self.0, $symbol, other.0))
            }
        }
    };
}
binary!(Add, add, "+");
binary!(Sub, sub, "-");
binary!(Mul, mul, "*");
binary!(Div, div, "/");

impl Neg for Recorded {
    type Output = Self;
    fn neg(self) -> Self {
        record(format!("-x{}", self.0))
    }
}

impl Real for Recorded {
    fn constant(value: f64) -> Self {
        record(format!("(real){value:?}"))
    }
    fn sqrt(self) -> Self {
        record(format!("real_sqrt(x{})", self.0))
    }
    fn max(self, other: Self) -> Self {
        let (a, b) = (self.0, other.0);
        record(format!("x{a} < x{b} ? x{b} : x{a}"))
    }
    fn signum(self) -> Self {
        let a = self.0;
        record(format!("x{a} > 0 ? (real)1 : x{a} < 0 ? (real)-1 : x{a}"))
    }
    fn flush(self) -> Self {
        let a = self.0;
        record(format!("real_abs(x{a}) < REAL_SMALLEST ? (real)0 : x{a}"))
    }
}

/// A rule's arithmetic: one expression per line, and the lines that are the results.
pub(crate) struct RecordedRule {
    /// `x0`, `x1`, ...: inputs first, under their given names.
    pub lines: Vec<String>,
    /// The line of the new weight.
    pub weight: usize,
    /// The lines of the new states.
    pub states: Vec<usize>,
}

/// Records one update of rule `T` as the CPU's driver makes it, from the clipped gradient to the
/// flushed states.
///
/// The inputs are called `k[0]`, ... for the scalars, `scale` and `bound`, `w`, `g`, and `s[0]`, ... for the states.
pub(crate) fn record_update<T: Rule<S>, const S: usize>() -> RecordedRule {
    TAPE.take();
    let input = |name: String| record(name);
    let mut scalars = 0..;
    let k = <T::Scalars<Recorded> as Scalars<Recorded>>::from_next(&mut || {
        input(format!("k[{}]", scalars.next().unwrap_or_default()))
    });
    let clip = ["scale", "bound"].map(|name| input(name.into()));
    let (w, g) = (input("w".into()), input("g".into()));
    let s = std::array::from_fn(|i| input(format!("s[{i}]")));
    let (weight, states) = T::update(k, w, clipped(clip, g), s);
    let states = states.map(|state| state.flush().0).to_vec();
    RecordedRule {
        lines: TAPE.take(),
        weight: weight.0,
        states,
    }
}
