//! `study schema`: every key of an experiment, from the declarations that read them.

use settings::{Setting, Settings, Value};

use super::tables::{
    AssaySettings, Budget, ContrastTable, EnvironmentTable, Factor, OptimiserTable, SeedsTable, Top,
};
use crate::{energy::Energy, study::family};

/// Every table with its keys, as Markdown.
pub fn schema() -> String {
    let mut out = String::from("# An experiment\n\nOne TOML file. Its keys, table by table:\n");
    table(&mut out, "At the top", Top::declared());
    table(&mut out, "`[seeds]`", SeedsTable::declared());
    table(&mut out, "`[assay]`", AssaySettings::declared());
    table(&mut out, "`[budget]`", Budget::declared());
    table(&mut out, "`[energy]`", Energy::declared());
    table(&mut out, "`[[environments]]`", EnvironmentTable::declared());
    for family in family::registry() {
        let name = family.name();
        let title = format!(
            "`[{name}]` for all environments of that kind, and in `[[environments]]` for one of kind {name}"
        );
        table(&mut out, &title, family.settings());
        for inner in family.tables() {
            let key = inner.key;
            let condition = inner.condition.map(|when| format!(" with `{when}`"));
            let title = format!(
                "`[{name}.{key}]`, and `{key}` in `[[environments]]`{}",
                condition.unwrap_or_default()
            );
            table(&mut out, &title, &inner.settings);
        }
    }
    table(&mut out, "`[[optimisers]]`", OptimiserTable::declared());
    table(&mut out, "`[[factors]]`", Factor::declared());
    table(&mut out, "`[[contrasts]]`", ContrastTable::declared());
    out
}

fn table(out: &mut String, title: &str, settings: &[Setting]) {
    *out += &format!("\n## {title}\n\n| key | what | default | |\n|---|---|---|---|\n");
    for setting in settings {
        let cells = [
            format!("`{}`", setting.name),
            setting.allowed.kind(),
            default(setting),
            setting.help.clone(),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        *out += &format!("| {} |\n", cells.join(" | "));
    }
}

/// A setting's default as TOML; empty lists and tables count as no default.
fn default(setting: &Setting) -> String {
    match &setting.default {
        _ if setting.required => "required".into(),
        Some(Value::List(items)) if items.is_empty() => "none".into(),
        Some(Value::Table(table)) if table.is_empty() => "none".into(),
        Some(value) => format!("`{value}`"),
        None => "none".into(),
    }
}
