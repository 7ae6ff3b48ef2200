use crate::Error;

/// A number of an environment's state: its name, its least and its greatest value.
pub(crate) type Variable = (&'static str, f64, f64);

/// Reads a saved state, refusing what no episode can reach, so that the
/// dynamics need not guard against it.
pub(crate) fn read<const N: usize>(
    name: &str,
    variables: &[Variable; N],
    state: &[f64],
) -> Result<[f64; N], Error> {
    let refuse = |found: String| Error::State {
        name: name.to_owned(),
        expected: describe(variables),
        found,
    };
    let values: [f64; N] = state
        .try_into()
        .map_err(|_| refuse(format!("{} numbers", state.len())))?;
    for (value, (variable, low, high)) in values.iter().zip(variables) {
        if !value.is_finite() || value < low || value > high {
            return Err(refuse(format!("{variable} = {value}")));
        }
    }
    Ok(values)
}

fn describe(variables: &[Variable]) -> String {
    let each = variables.iter().map(|(variable, low, high)| {
        if low.is_finite() && high.is_finite() {
            format!("{variable} (from {low} to {high})")
        } else {
            (*variable).to_owned()
        }
    });
    let list = each.collect::<Vec<_>>().join(", ");
    format!("{} finite numbers, {list}", variables.len())
}
