use crate::Error;

/// A number of an environment's state: its name and its least and greatest value.
pub(crate) type Variable = (&'static str, f64, f64);

/// Reads a saved state and refuses what no episode can reach, so that the dynamics need no guards.
pub(crate) fn read<const N: usize>(
    name: &str,
    variables: &[Variable; N],
    state: &[f64],
) -> Result<[f64; N], Error> {
    let refuse = |found| refuse(name, variables, found);
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

/// The same for whole numbers from 0; the bounds must be whole numbers from 0 too.
pub(crate) fn whole<const N: usize>(
    name: &str,
    variables: &[Variable; N],
    state: &[f64],
) -> Result<[usize; N], Error> {
    let values = read(name, variables, state)?;
    let not_whole = |(value, _): &(&f64, &Variable)| value.fract() != 0.0;
    match values.iter().zip(variables).find(not_whole) {
        Some((value, (variable, ..))) => {
            let found = format!("{variable} = {value}, which is not whole");
            Err(refuse(name, variables, found))
        }
        None => Ok(values.map(|value| value as usize)),
    }
}

/// The error about numbers that are not a state.
pub(crate) fn refuse(name: &str, variables: &[Variable], found: String) -> Error {
    Error::State {
        name: name.to_owned(),
        expected: describe(variables),
        found,
    }
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
