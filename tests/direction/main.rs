//! Imports between modules point in one direction, in every crate and at every level, and so do the crates.

mod modules;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use modules::Modules;

/// The order of the modules of the main crate, from the user interface down to networks; none may use one before it.
const ORDER: [&str; 6] = ["cli", "study", "figures", "run", "algorithm", "nn"];

/// Siblings that use each other: the folder, and why they cannot do otherwise.
const CYCLES: [(&str, &str); 1] = [(
    "src/run/rl",
    "a run may start from a trained one, whose configuration is read in the same way",
)];

/// The modules of the crate in `folder`.
fn modules(folder: &str) -> Modules {
    Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
}

#[test]
fn no_module_uses_one_above_it() {
    let imports = modules("src").siblings().remove("").unwrap();
    assert!(imports["run"].contains("algorithm"), "{imports:?}");
    for (place, below) in ORDER.iter().enumerate() {
        for above in &ORDER[..place] {
            let used = imports
                .get(*below)
                .is_some_and(|used| used.contains(*above));
            assert!(!used, "{below} uses {above}");
        }
    }
}

#[test]
fn no_modules_use_each_other() {
    let mut cycles = BTreeSet::new();
    for folder in ["src", "envs/src", "optim/src", "stats/src", "settings/src"] {
        let modules = modules(folder);
        assert!(modules.count() > 5, "{folder}");
        for (parent, imports) in modules.siblings() {
            let left = in_cycles(imports);
            let place = Path::new(folder).join(parent).display().to_string();
            if left.is_empty() {
                continue;
            }
            let known = CYCLES.iter().any(|(known, _)| *known == place);
            assert!(known, "in {place}, these use each other: {left:?}");
            cycles.insert(place);
        }
    }
    let known = CYCLES.map(|(place, _)| place.to_owned());
    assert_eq!(cycles, BTreeSet::from(known), "a cycle that is no more");
}

/// What is left of `imports` when modules that use none of the remaining ones are taken away again and again.
fn in_cycles(
    mut imports: BTreeMap<String, BTreeSet<String>>,
) -> BTreeMap<String, BTreeSet<String>> {
    loop {
        let uses_one = |used: &BTreeSet<String>| used.iter().any(|name| imports.contains_key(name));
        let done: Vec<String> = imports
            .iter()
            .filter(|(_, used)| !uses_one(used))
            .map(|(module, _)| module.clone())
            .collect();
        if done.is_empty() {
            return imports;
        }
        done.iter().for_each(|module| drop(imports.remove(module)));
    }
}

/// The packages that are built with the package `name`.
fn packages(name: &str) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or("cargo".into());
    let tree = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--package", name, "--edges", "normal"])
        .args([
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--locked",
            "--offline",
        ])
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "{why}");
    let text = String::from_utf8(tree.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn crates_that_can_be_used_alone_bring_little() {
    let application = [
        "clap", "plotters", "gif", "csv", "parquet", "toml", "rlimit",
    ];
    let learning = ["candle-core", "candle-nn"];
    for (name, uses, more) in [
        ("settings", vec![], learning),
        ("stats", vec![], learning),
        ("envs", vec!["settings"], learning),
        ("optim", vec!["settings"], ["indicatif", "ureq"]),
    ] {
        let whole = |name: &str| format!("optimiser-paradigms-{name}");
        let found = packages(&whole(name));
        for package in application.iter().chain(&more) {
            assert!(!found.contains(*package), "{name} brings {package}");
        }
        let ours = found.iter().filter(|one| one.starts_with("optimiser"));
        let mut expected: Vec<String> = uses.iter().chain(&[name]).map(|one| whole(one)).collect();
        expected.sort();
        assert!(ours.eq(&expected), "{name} uses {found:?}");
    }
}

#[test]
fn cycles_are_found() {
    let of = |texts: &[(&str, &str)]| {
        let texts = texts.iter().map(|(path, text)| (*path, (*text).to_owned()));
        Modules::of(texts).siblings()
    };
    let cycle = of(&[
        (
            "lib",
            "mod a; mod b; pub use a::{One, Other as Else}; pub use b::Two;",
        ),
        (
            "a/mod",
            "mod deep; use crate::{Error, b::{self, inner::Three}}; fn f() { deep::g() }",
        ),
        ("a/deep", "pub fn g() {}"),
        (
            "b",
            "#[cfg(test)] mod t; // b\n// use crate::c;\n#[cfg(test)] mod tests { use crate::c; fn f() {} }\nuse crate::Else;",
        ),
        ("c", "use super::Two;"),
    ]);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let used: BTreeMap<String, BTreeSet<String>> = cycle[""].clone();
    assert_eq!(used["a"], names(&["b"]));
    assert_eq!(used["b"], names(&["a"]));
    assert_eq!(used["c"], names(&["b"]));
    let left: BTreeSet<String> = in_cycles(used).into_keys().collect();
    assert_eq!(left, names(&["a", "b", "c"]));
    let below = of(&[
        ("lib", "mod a;"),
        ("a/mod", "mod x; mod y;"),
        ("a/x", "use super::y::Y;"),
        ("a/y", "fn f() { super::x::g() }"),
    ]);
    assert_eq!(in_cycles(below["a"].clone()).len(), 2);
}
