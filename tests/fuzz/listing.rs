//! What there is to mutate, as `rl --list` shows it.

use super::*;

/// A setting as `--list` shows it.
#[derive(Clone, Debug)]
pub struct Setting {
    pub name: String,
    pub default: String,
    pub allowed: String,
}

/// Environments, algorithms or optimisers with their settings, and what every environment takes under `""`.
pub type Named = BTreeMap<String, Vec<Setting>>;

pub struct Listing {
    pub environments: Named,
    /// The settings of each algorithm.
    pub agents: Named,
    pub optimisers: Named,
    pub published: Vec<String>,
}

impl Listing {
    pub fn read() -> Self {
        let out = Command::new(RL).arg("--list").output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let mut listing = Self {
            environments: Named::new(),
            agents: Named::new(),
            optimisers: Named::new(),
            published: Vec::new(),
        };
        let (mut part, mut name) = ("", String::new());
        for line in text.lines() {
            let first = line.split_whitespace().next().unwrap_or_default();
            if !line.starts_with(' ') && !line.is_empty() {
                part = first.to_owned().leak();
            } else if line.trim() == "Every environment also takes" {
                name = String::new();
            } else if line.starts_with("    ") && !line.starts_with("     ") {
                let rest: Vec<&str> = line.split_whitespace().collect();
                let allowed = line
                    .rfind(" (")
                    .map(|at| &line[at + 2..])
                    .unwrap_or_default();
                let allowed = allowed.split(')').next().unwrap_or_default();
                let setting = Setting {
                    name: first.to_owned(),
                    default: rest.get(1).copied().unwrap_or_default().to_owned(),
                    allowed: allowed.to_owned(),
                };
                match part {
                    "Environments" => {
                        let its = listing.environments.entry(name.clone());
                        its.or_default().push(setting);
                    }
                    "Algorithms" => {
                        let its = listing.agents.entry(name.clone());
                        its.or_default().push(setting);
                    }
                    "Optimisers" => {
                        let its = listing.optimisers.entry(name.clone());
                        its.or_default().push(setting);
                    }
                    _ => {}
                }
            } else if line.starts_with("  ") && !line.starts_with("   ") {
                name = first.to_owned();
                match part {
                    "Environments" if !line.contains("'") => {
                        listing.environments.entry(name.clone()).or_default();
                    }
                    "Published" => listing.published.push(name.clone()),
                    _ => {}
                }
            }
        }
        assert!(listing.environments.len() > 15 && listing.optimisers.len() > 10);
        assert!(listing.agents["dqn"].len() > 20 && listing.published.len() > 10);
        listing
    }
}
