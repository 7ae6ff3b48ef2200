//! Why a statistic cannot be computed.

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why a statistic cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is outside its range.
    #[error("{name} = {value} is not allowed; allowed: {allowed}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The value that was given.
        value: f64,
        /// The values that are allowed, in words.
        allowed: &'static str,
    },
    /// The data are too few, not finite, or not the same in arms that are compared.
    #[error("{0}")]
    Data(String),
}

impl Error {
    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::Data(message.into())
    }
}

/// Returns an error unless `value` lies strictly between 0 and 1.
pub(crate) fn between_0_and_1(name: &'static str, value: f64) -> Result<()> {
    allow(
        value > 0.0 && value < 1.0,
        name,
        value,
        "a number between 0 and 1",
    )
}

/// Returns an error unless `alpha` lies strictly between 0 and 0.5.
pub(crate) fn check_alpha(alpha: f64) -> Result<()> {
    allow(
        alpha > 0.0 && alpha < 0.5,
        "alpha",
        alpha,
        "a number between 0 and 0.5",
    )
}

/// Returns an error unless `margin` is a finite number above 0.
pub(crate) fn check_margin(margin: f64) -> Result<()> {
    allow(
        margin > 0.0 && margin.is_finite(),
        "margin",
        margin,
        "a number above 0",
    )
}

/// Returns an error that names the setting unless its value `is_allowed`.
pub(crate) fn allow(
    is_allowed: bool,
    name: &'static str,
    value: f64,
    allowed: &'static str,
) -> Result<()> {
    match is_allowed {
        true => Ok(()),
        false => Err(Error::Setting {
            name,
            value,
            allowed,
        }),
    }
}
