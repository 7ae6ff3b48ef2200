//! How much memory this process may use: the machine's, or less if a control group limits it.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// Bytes of memory that this process may use: the least of the machine's memory and the limits of the process's
/// control group and of every group above it, in version 1 and version 2 of control groups. `None` where neither can be
/// read, as on systems other than Linux.
///
/// All files are looked for below `root`, which is `/` except in tests.
pub fn memory_limit(root: &Path) -> Option<u64> {
    limits_of_groups(root)
        .into_iter()
        .chain(machine(root))
        .min()
}

fn machine(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// A hierarchy of control groups that can limit memory, as the process sees it.
struct Mount {
    /// The file that has a group's limit.
    file: &'static str,
    /// The group that is mounted.
    top: PathBuf,
    /// Where it is mounted.
    point: PathBuf,
}

/// The limits of the process's groups and of those above them.
fn limits_of_groups(root: &Path) -> Vec<u64> {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let (mounts, groups) = (read("proc/self/mountinfo"), read("proc/self/cgroup"));
    let mut limits = Vec::new();
    for mount in mounts.lines().filter_map(mount) {
        let group = groups.lines().find_map(|line| group(line, mount.file));
        // This process cannot see a path that leaves the mounted group.
        let below = group
            .as_deref()
            .and_then(|group| group.strip_prefix(&mount.top).ok())
            .filter(|below| {
                below
                    .components()
                    .all(|c| matches!(c, Component::Normal(_)))
            })
            .unwrap_or(Path::new(""));
        let point = mount.point.strip_prefix("/").unwrap_or(&mount.point);
        for folder in below.ancestors() {
            limits.extend(limit(&root.join(point).join(folder).join(mount.file)));
        }
    }
    limits
}

/// A group's limit; `None` if it has none, which version 2 calls `max`. Version 1 has a number beyond any machine's
/// memory instead.
fn limit(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

const VERSION_1: &str = "memory.limit_in_bytes";
const VERSION_2: &str = "memory.max";

/// The hierarchy that a line of `mountinfo` mounts, if it is one that can limit memory (proc(5)):
/// `36 35 0:30 TOP POINT OPTIONS ... - TYPE SOURCE OPTIONS`.
fn mount(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut after = after.split(' ');
    let (kind, options) = (after.next()?, after.nth(1).unwrap_or_default());
    let file = match kind {
        "cgroup2" => VERSION_2,
        "cgroup" if options.split(',').any(|option| option == "memory") => VERSION_1,
        _ => return None,
    };
    let mut before = before.split(' ').skip(3);
    Some(Mount {
        file,
        top: unescaped(before.next()?),
        point: unescaped(before.next()?),
    })
}

/// A path of `mountinfo`, which has blanks and backslashes as three octal digits behind a backslash.
fn unescaped(path: &str) -> PathBuf {
    let mut parts = path.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        match code {
            Some(code) => {
                plain.push(code.into());
                plain.push_str(&part[3..]);
            }
            None => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain.into()
}

/// The group that a line of `/proc/self/cgroup` names, if its hierarchy is the one with limits in `file`:
/// `0::/group` in version 2, `9:memory:/group` in version 1.
fn group(line: &str, file: &str) -> Option<PathBuf> {
    let mut fields = line.splitn(3, ':');
    let (number, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
    let is_its = match file {
        VERSION_2 => number == "0" && controllers.is_empty(),
        _ => controllers.split(',').any(|name| name == "memory"),
    };
    is_its.then(|| group.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "30 24 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";
    const V1: &str = "33 25 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
    const V1_CPU: &str = "34 25 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu";
    const NONE_V1: &str = "9223372036854771712";

    /// What a process in `groups` with `mounts` may use of a machine's 8,000 KiB, where files have these contents.
    fn found(groups: &str, mounts: &[&str], files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        write("proc/meminfo", "MemTotal:        8000 kB\nMemFree: 1 kB\n");
        write("proc/self/cgroup", groups);
        write("proc/self/mountinfo", &mounts.join("\n"));
        for (path, content) in files {
            write(&format!("sys/fs/cgroup/{path}"), content);
        }
        memory_limit(root.path())
    }

    #[test]
    fn the_least_limit_of_the_process_and_of_all_groups_above_it_counts() {
        const MACHINE: u64 = 8000 * 1024;
        let v2 = "0::/user.slice/job";
        let slurm = "5:memory:/slurm/uid_1/job_7/step_0\n4:cpu:/\n0::/";
        const DOCKER: &str =
            "33 25 0:30 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory";
        const BLANK: &str = r"33 25 0:30 / /sys/fs/cgroup/a\040b rw - cgroup cgroup rw,memory";
        type Case = (
            &'static str,
            &'static str,
            &'static [&'static str],
            &'static [(&'static str, &'static str)],
            u64,
        );
        let cases: [Case; 13] = [
            ("no groups", "", &[], &[], MACHINE),
            (
                "no limit",
                v2,
                &[V2],
                &[("user.slice/job/memory.max", "max\n")],
                MACHINE,
            ),
            (
                "own limit",
                v2,
                &[V2],
                &[("user.slice/job/memory.max", "5000\n")],
                5000,
            ),
            (
                "a parent's limit",
                v2,
                &[V2],
                &[
                    ("user.slice/job/memory.max", "5000\n"),
                    ("user.slice/memory.max", "4000\n"),
                ],
                4000,
            ),
            (
                "the top's limit",
                v2,
                &[V2],
                &[("memory.max", "3000\n")],
                3000,
            ),
            (
                "another group's limit",
                v2,
                &[V2],
                &[
                    ("user.slice/other/memory.max", "1\n"),
                    ("user.slice/job/below/memory.max", "1\n"),
                ],
                MACHINE,
            ),
            (
                "beyond the machine",
                v2,
                &[V2],
                &[("memory.max", "99999999999\n")],
                MACHINE,
            ),
            (
                "a namespace",
                "0::/../other",
                &[V2],
                &[("memory.max", "2000\n")],
                2000,
            ),
            (
                "version 1",
                slurm,
                &[V1_CPU, V1],
                &[
                    (
                        "memory/slurm/uid_1/job_7/step_0/memory.limit_in_bytes",
                        NONE_V1,
                    ),
                    ("memory/slurm/uid_1/job_7/memory.limit_in_bytes", "6000\n"),
                    ("memory/slurm/memory.limit_in_bytes", NONE_V1),
                ],
                6000,
            ),
            (
                "version 1 without a limit",
                slurm,
                &[V1],
                &[("memory/memory.limit_in_bytes", NONE_V1)],
                MACHINE,
            ),
            (
                "version 1 in a container",
                "5:memory:/docker/ab/inner",
                &[DOCKER],
                &[("memory/inner/memory.limit_in_bytes", "700\n")],
                700,
            ),
            (
                "both versions",
                "5:memory:/job\n0::/job",
                &[V2, V1],
                &[
                    ("job/memory.max", "900\n"),
                    ("memory/job/memory.limit_in_bytes", "800\n"),
                ],
                800,
            ),
            (
                "a mount with a blank",
                "5:memory:/job",
                &[BLANK],
                &[("a b/job/memory.limit_in_bytes", "600\n")],
                600,
            ),
        ];
        for (what, groups, mounts, files, bytes) in cases {
            assert_eq!(found(groups, mounts, files), Some(bytes), "{what}");
        }
        assert_eq!(memory_limit(Path::new("/nowhere")), None);
    }
}
