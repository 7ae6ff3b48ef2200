//! Which modules of a crate use which, as their files say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A module's place in its crate: `["run", "rl"]` for `run::rl`, empty for the crate itself.
type Place = Vec<String>;

/// A name that a module uses: where the search for it starts, and its parts.
type Used = (Place, Vec<String>);

/// The modules of a crate and the names that they use.
pub struct Modules {
    used: BTreeMap<Place, Vec<Used>>,
    /// For each module, the names that `use` brings into it, and what they are.
    imported: BTreeMap<Place, BTreeMap<String, Used>>,
}

impl Modules {
    /// The modules in `folder`, without tests and programs.
    pub fn read(folder: &Path) -> Self {
        let mut found = Vec::new();
        files(folder, &mut found);
        let name = |path: &Path| {
            let inner = path.strip_prefix(folder).unwrap().with_extension("");
            inner.to_string_lossy().into_owned()
        };
        let texts: Vec<(String, String)> = found
            .iter()
            .map(|path| (name(path), fs::read_to_string(path).unwrap()))
            .filter(|(name, _)| !name.starts_with("bin/"))
            .collect();
        Self::of(
            texts
                .iter()
                .map(|(name, text)| (name.as_str(), text.clone())),
        )
    }

    /// The modules of files with these names, without `.rs`, and texts.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut texts = BTreeMap::new();
        let mut tests = BTreeSet::new();
        for (name, text) in files {
            let mut place: Place = name.split('/').map(str::to_owned).collect();
            if ["lib", "mod"].contains(&place[place.len() - 1].as_str()) {
                place.pop();
            }
            for rest in text.split("#[cfg(test)]").skip(1) {
                if let Some(rest) = rest.trim_start().strip_prefix("mod ")
                    && let Some((name, _)) = rest.split_once(';')
                {
                    tests.insert([&place[..], &[name.to_owned()]].concat());
                }
            }
            texts.insert(place, code(&text));
        }
        texts.retain(|place, _| !tests.iter().any(|test| place.starts_with(test)));
        let places: BTreeSet<Place> = texts.keys().cloned().collect();
        let (mut used, mut imported) = (BTreeMap::new(), BTreeMap::new());
        for (place, text) in &texts {
            let is_child = |name: &str| places.contains(&child(place, name));
            let (imports, rest) = imports(text);
            let mut names = BTreeMap::new();
            let mut all = Vec::new();
            for (path, name) in imports {
                if let Some(found) = start(place, &path, &is_child) {
                    names.insert(name, found.clone());
                    all.push(found);
                }
            }
            let paths = paths(&rest);
            all.extend(
                paths
                    .iter()
                    .filter_map(|path| start(place, path, &is_child)),
            );
            used.insert(place.clone(), all);
            imported.insert(place.clone(), names);
        }
        Self { used, imported }
    }

    /// How many modules there are.
    pub fn count(&self) -> usize {
        self.used.len()
    }

    /// For each module with modules in it, named by its path, which of these use which.
    pub fn siblings(&self) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
        let mut siblings = BTreeMap::<String, BTreeMap<String, BTreeSet<String>>>::new();
        for (place, used) in &self.used {
            for name in used {
                let target = self.find(name, 0);
                let common = place
                    .iter()
                    .zip(&target)
                    .take_while(|(a, b)| a == b)
                    .count();
                if common < place.len() && common < target.len() {
                    let among = siblings.entry(place[..common].join("/")).or_default();
                    let uses = among.entry(place[common].clone()).or_default();
                    uses.insert(target[common].clone());
                }
            }
        }
        siblings
    }

    /// The module that a name is from, through what other modules re-export.
    fn find(&self, (from, parts): &Used, depth: usize) -> Place {
        let mut place = from.clone();
        for part in parts {
            let inner = child(&place, part);
            if self.used.contains_key(&inner) {
                place = inner;
                continue;
            }
            return match self.imported[&place].get(part) {
                Some(import) if depth < 8 => self.find(import, depth + 1),
                _ => place,
            };
        }
        place
    }
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false if path.extension().is_some_and(|end| end == "rs") => found.push(path),
            false => {}
        }
    }
}

fn child(place: &[String], name: &str) -> Place {
    [place, &[name.to_owned()]].concat()
}

/// `text` without comments and without what is only in tests.
fn code(text: &str) -> String {
    let lines = text.lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut parts = text.split("#[cfg(test)]");
    let mut code = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        code += &part[end_of_item(part)..];
    }
    code
}

/// Where the item at the start of `text` ends: at its semicolon, or at the end of its block.
fn end_of_item(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// The paths that the `use` of `text` bring in with the names that they get, and what else is in `text`.
fn imports(text: &str) -> (Vec<(Vec<String>, String)>, String) {
    let (mut found, mut rest) = (Vec::new(), String::new());
    let mut left = text;
    while let Some(at) = left.find("use ") {
        let starts = left[..at].chars().next_back().is_none_or(|c| !is_word(c));
        let end = left[at..].find(';').map(|end| at + end);
        let (true, Some(end)) = (starts, end) else {
            rest += &left[..at + 4];
            left = &left[at + 4..];
            continue;
        };
        rest += &left[..at];
        leaves(&[], &left[at + 4..end], &mut found);
        left = &left[end..];
    }
    (found, rest + left)
}

/// Adds the paths of a tree such as `a::{b, c::{self, d as e}}` that is within `prefix`.
fn leaves(prefix: &[String], tree: &str, found: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
        let parts = path.split("::").map(|part| part.trim().to_owned());
        let mut path: Vec<String> = prefix.iter().cloned().chain(parts).collect();
        if path.len() > 1 && path[path.len() - 1] == "self" {
            path.pop();
        }
        let last = path[path.len() - 1].clone();
        let name = if name.is_empty() {
            last
        } else {
            name.trim().to_owned()
        };
        return if !name.is_empty() {
            found.push((path, name))
        };
    };
    let before = tree[..open].split("::").map(str::trim);
    let before = before.filter(|part| !part.is_empty()).map(str::to_owned);
    let prefix: Vec<String> = prefix.iter().cloned().chain(before).collect();
    let inner = tree[open + 1..]
        .trim_end()
        .strip_suffix('}')
        .unwrap_or_default();
    let (mut depth, mut from) = (0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                leaves(&prefix, &inner[from..at], found);
                from = at + 1;
            }
            _ => {}
        }
    }
    leaves(&prefix, &inner[from..], found);
}

/// Every `a::b` in `text`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let words = text.split(|c: char| !is_word(c) && c != ':');
    let parts = words.filter(|word| word.contains("::"));
    parts
        .map(|path| path.split("::").map(str::to_owned).collect())
        .filter(|path: &Vec<String>| !path[0].is_empty())
        .collect()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Where the search for `path` starts from the module at `place`; none if it is of another crate.
fn start(place: &[String], path: &[String], is_child: &dyn Fn(&str) -> bool) -> Option<Used> {
    match path[0].as_str() {
        "crate" => Some((Vec::new(), path[1..].to_vec())),
        "self" => Some((place.to_vec(), path[1..].to_vec())),
        "super" => {
            let up = path.iter().take_while(|part| *part == "super").count();
            let from = &place[..place.len().checked_sub(up)?];
            Some((from.to_vec(), path[up..].to_vec()))
        }
        name if is_child(name) => Some((place.to_vec(), path.to_vec())),
        _ => None,
    }
}
