//! Imports between the modules of this crate point in one direction, and so do the crates.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The order of the modules, from the user interface down to networks; none may use one before it.
const ORDER: [&str; 6] = ["cli", "study", "figures", "run", "algorithm", "nn"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false if path.extension().is_some_and(|end| end == "rs") => found.push(path),
            false => {}
        }
    }
}

/// The names that follow `crate::` in `text`, including those in lists but not those in tests.
fn used(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.collect::<Vec<_>>().join(" ");
    let word = |text: &str| -> String {
        let is_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        text.trim_start().chars().take_while(is_word).collect()
    };
    let mut names = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(word(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    names.insert(word(&list[start..at]));
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(word(&list[start..at]));
                    start = at + 1;
                }
                _ => {}
            }
        }
    }
    names.remove("");
    names
}

/// The modules that each module of `src` uses.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&source, &mut found);
    let mut imports = BTreeMap::<String, BTreeSet<String>>::new();
    for path in found {
        let inner = path.strip_prefix(&source).unwrap();
        let first = inner.components().next().unwrap().as_os_str();
        let module = first.to_string_lossy().trim_end_matches(".rs").to_owned();
        if ["lib", "bin"].contains(&module.as_str()) {
            continue;
        }
        let names = used(&fs::read_to_string(&path).unwrap());
        imports.entry(module).or_default().extend(names);
    }
    let modules: BTreeSet<String> = imports.keys().cloned().collect();
    for (module, names) in &mut imports {
        names.retain(|name| modules.contains(name) && name != module);
    }
    imports
}

#[test]
fn no_module_uses_one_above_it() {
    let imports = imports();
    assert!(imports["run"].contains("algorithm"), "{imports:?}");
    for (place, below) in ORDER.iter().enumerate() {
        for above in &ORDER[..place] {
            assert!(!imports[*below].contains(*above), "{below} uses {above}");
        }
    }
}

#[test]
fn no_modules_use_each_other() {
    let mut left = imports();
    // A module that uses none of the remaining ones is below all of them.
    loop {
        let done: Vec<String> = left
            .iter()
            .filter(|(_, names)| names.iter().all(|name| !left.contains_key(name)))
            .map(|(module, _)| module.clone())
            .collect();
        if done.is_empty() {
            break;
        }
        done.iter().for_each(|module| drop(left.remove(module)));
    }
    assert!(left.is_empty(), "a cycle among {left:?}");
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
fn lists_of_imports_are_read() {
    let text = "use crate::{\n    Error, Result,\n    run::{self, rl::Config},\n    nn,\n};\nlet x = crate::cli::say();";
    let expected = ["Error", "Result", "cli", "nn", "run"].map(str::to_owned);
    assert_eq!(used(text), BTreeSet::from(expected));
}
