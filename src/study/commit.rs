//! The commits of an experiment's file and of this program, according to git. Without git or a repository there are
//! none.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::UNIX_EPOCH,
};

/// Used in place of a commit if a file is not as it was committed.
pub const UNCOMMITTED: &str = "uncommitted";

/// The last commit that changed the file at `path`, or [`UNCOMMITTED`].
pub fn of_file(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let (folder, name) = (path.parent()?, path.file_name()?.to_str()?);
    let changes = git(folder, &["status", "--porcelain", "--", name])?;
    let commit = git(folder, &["log", "-1", "--format=%H", "--", name]);
    // A file that git ignores has no changes, and no commit.
    let commit = commit.filter(|commit| changes.is_empty() && !commit.is_empty());
    Some(commit.unwrap_or_else(|| UNCOMMITTED.into()))
}

/// The folders and files that programs are built from.
const CODE: [&str; 7] = [
    "src",
    "optim",
    "stats",
    "envs",
    "settings",
    "Cargo.toml",
    "Cargo.lock",
];

/// The commit of the source that this program was built from, if the program is still in that source's folder.
///
/// Git knows what the source is now, not what it was when the program was built, so differences are noted.
pub fn of_program() -> Option<String> {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .canonicalize()
        .ok()?;
    let program = env::current_exe().ok()?.canonicalize().ok()?;
    if !program.starts_with(&source) {
        return None;
    }
    let about_code = |args: &[&str]| git(&source, &[args, &["--"], &CODE].concat());
    let commit = git(&source, &["rev-parse", "HEAD"])?;
    let changed = !about_code(&["status", "--porcelain"])?.is_empty();
    let committed = about_code(&["log", "-1", "--format=%ct"])?.parse().ok()?;
    let built = program.metadata().ok()?.modified().ok()?;
    let older = built.duration_since(UNIX_EPOCH).ok()?.as_secs() < committed;
    Some(match (changed, older) {
        (false, false) => commit,
        (true, _) => format!("{commit}, with changes"),
        (false, true) => format!("{commit}, built before its code was committed"),
    })
}

/// What git prints in `folder`.
fn git(folder: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(["--no-optional-locks", "-C"])
        .arg(folder)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
