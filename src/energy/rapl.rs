//! The energy of the processors' packages, as RAPL counts it.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The counters of all packages.
pub struct Rapl {
    packages: Vec<Package>,
    /// The energy from the start to the last look.
    pub joules: f64,
}

struct Package {
    counter: PathBuf,
    /// Where the counter wraps around, in microjoules.
    range: f64,
    last: f64,
}

impl Rapl {
    /// The packages below `folder`, if all their counters can be read.
    pub fn open(folder: &Path) -> Option<Self> {
        let entries = fs::read_dir(folder).ok()?.flatten();
        // `intel-rapl:0` is a package, `intel-rapl:0:0` a part of it. AMD's have the same names.
        let package = |name: &str| {
            let number = name.strip_prefix("intel-rapl:");
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        let paths = entries.filter(|entry| package(&entry.file_name().to_string_lossy()));
        let open = |path: PathBuf| {
            let counter = path.join("energy_uj");
            Some(Package {
                last: number(&counter)?,
                range: number(&path.join("max_energy_range_uj"))?,
                counter,
            })
        };
        let packages: Option<Vec<Package>> = paths.map(|entry| open(entry.path())).collect();
        let packages = packages.filter(|packages| !packages.is_empty())?;
        Some(Self {
            packages,
            joules: 0.0,
        })
    }

    /// Adds the energy since the last look.
    pub fn look(&mut self) {
        for package in &mut self.packages {
            if let Some(now) = number(&package.counter) {
                let wrapped = if now < package.last {
                    package.range
                } else {
                    0.0
                };
                self.joules += (now + wrapped - package.last) * 1e-6;
                package.last = now;
            }
        }
    }
}

fn number(path: &Path) -> Option<f64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_added_and_may_wrap_around() {
        let dir = tempfile::tempdir().unwrap();
        let set = |package: &str, file: &str, value: u64| {
            let folder = dir.path().join(package);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(file), format!("{value}\n")).unwrap();
        };
        assert!(Rapl::open(dir.path()).is_none(), "there is no counter");
        for package in ["intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"] {
            set(package, "energy_uj", 9_000_000);
            set(package, "max_energy_range_uj", 10_000_000);
        }
        let mut rapl = Rapl::open(dir.path()).unwrap();
        set("intel-rapl:0", "energy_uj", 9_500_000);
        rapl.look();
        set("intel-rapl:0", "energy_uj", 1_000_000);
        set("intel-rapl:1", "energy_uj", 9_250_000);
        set("intel-rapl:0:0", "energy_uj", 9_999_999);
        rapl.look();
        assert!((rapl.joules - (0.5 + 1.5 + 0.25)).abs() < 1e-9);
        fs::remove_file(dir.path().join("intel-rapl:1/energy_uj")).unwrap();
        assert!(Rapl::open(dir.path()).is_none(), "half is not all");
    }
}
