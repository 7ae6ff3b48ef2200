use crate::Error;

/// Reads a saved state, one whole number after another.
pub struct StateReader<'a> {
    name: &'static str,
    all: &'a [f64],
    place: usize,
}

impl<'a> StateReader<'a> {
    pub(super) fn new(name: &'static str, all: &'a [f64]) -> Self {
        Self {
            name,
            all,
            place: 0,
        }
    }

    /// The next number, which must be whole and within its bounds.
    pub(super) fn whole(&mut self, what: &str, low: i32, high: i32) -> Result<i32, Error> {
        let next = self.all.get(self.place).copied();
        self.place += 1;
        let sound = |x: &f64| x.fract() == 0.0 && (f64::from(low)..=f64::from(high)).contains(x);
        match next.filter(sound) {
            Some(number) => Ok(number as i32),
            None => {
                let expected = format!("{what}, a whole number from {low} to {high}");
                Err(self.refuse(expected, next))
            }
        }
    }

    /// The next number, 0 or 1.
    pub(super) fn flag(&mut self, what: &str) -> Result<bool, Error> {
        Ok(self.whole(what, 0, 1)? == 1)
    }

    /// An error if more numbers follow.
    pub(super) fn end(mut self) -> Result<(), Error> {
        let next = self.all.get(self.place).copied();
        self.place += 1;
        match next {
            None => Ok(()),
            Some(_) => Err(self.refuse("its end".to_owned(), next)),
        }
    }

    /// The error about the number just read.
    fn refuse(&self, expected: String, found: Option<f64>) -> Error {
        Error::State {
            name: self.name.to_owned(),
            expected: format!("at place {} {expected}", self.place),
            found: found.map_or("its end".to_owned(), |number| number.to_string()),
        }
    }
}
