//! `study schema`: every key of an experiment, from the declarations that read them.

use super::tables::{Budget, Contrast, EnvironmentTable, Factor, Optimiser, SeedsTable, Top};
use crate::{
    energy::Energy,
    keys::{Key, Keys},
    study::kind,
};

/// Every table with its keys, as Markdown.
pub fn schema() -> String {
    let mut out = String::from("# An experiment\n\nOne TOML file. Its keys, table by table:\n");
    table(&mut out, "At the top", &Top::keys());
    table(&mut out, "`[seeds]`", &SeedsTable::keys());
    table(&mut out, "`[budget]`", &Budget::keys());
    table(&mut out, "`[energy]`", &Energy::keys());
    table(&mut out, "`[[environments]]`", &EnvironmentTable::keys());
    for kind in kind::registry() {
        let name = kind.name();
        let keys = kind.keys();
        let own: Vec<Key> = keys.iter().map(|(key, _)| key.clone()).collect();
        let title =
            format!("`[{name}]` for all of that kind, and in `[[environments]]` of kind {name}");
        table(&mut out, &title, &own);
        for (key, inner) in keys.iter().filter(|(_, inner)| !inner.is_empty()) {
            let title = format!("`[{name}.{0}]`, and `{0}` in `[[environments]]`", key.name);
            table(&mut out, &title, inner);
        }
    }
    table(&mut out, "`[[optimisers]]`", &Optimiser::keys());
    table(&mut out, "`[[factors]]`", &Factor::keys());
    table(&mut out, "`[[contrasts]]`", &Contrast::keys());
    out
}

fn table(out: &mut String, title: &str, keys: &[Key]) {
    *out += &format!("\n## {title}\n\n| key | what | default | |\n|---|---|---|---|\n");
    for key in keys {
        let Key {
            name, holds, doc, ..
        } = key;
        let default = match &key.default {
            Some(default) => format!("`{default}`"),
            None => "required".into(),
        };
        let cells = [format!("`{name}`"), holds.clone(), default, doc.clone()];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        *out += &format!("| {} |\n", cells.join(" | "));
    }
}
