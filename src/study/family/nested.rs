//! Values in tables within tables.

use settings::{Table, Value};

use crate::{Error, Result};

/// Sets `key`, whose parts are separated by dots: `run.steps` is `steps` in the table `run`.
pub fn set(table: &mut Table, key: &str, value: &Value) -> Result<()> {
    let Some((outer, rest)) = key.split_once('.') else {
        table.insert(key, value.clone());
        return Ok(());
    };
    let mut inner = match table.get(outer) {
        None => Table::new(),
        Some(Value::Table(inner)) => inner.clone(),
        Some(_) => return Err(Error::usage(format!("`{outer}` is not a table"))),
    };
    set(&mut inner, rest, value)?;
    table.insert(outer, Value::Table(inner));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_set_and_its_neighbours_stay() {
        let mut table = Table::new();
        for (key, value) in [("a", 1), ("b.c", 2), ("b.d.e", 3), ("b.c", 4)] {
            set(&mut table, key, &Value::Whole(value)).unwrap();
        }
        assert_eq!(table.to_string(), "{ a = 1, b = { c = 4, d = { e = 3 } } }");
        let error = set(&mut table, "a.x", &Value::Whole(1)).unwrap_err();
        assert_eq!(error.to_string(), "`a` is not a table");
    }
}
