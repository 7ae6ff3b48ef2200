//! The page of a report card, and the leaderboard of all of them.

mod leaderboard;
mod page;
mod standing;

use std::path::{Path, PathBuf};

use settings::unknown;
use sha2::{Digest, Sha256};

use super::{html, load::Results, markdown, overview_forest as forest, write_pictures};
use crate::{
    Error, Result,
    files::{hex, write_whole},
    study::{
        card::{BASELINES, LR_STEPS},
        folder::results_folder,
    },
};
pub use leaderboard::{check, table};
use standing::standings;

/// A card that was written.
pub struct Card {
    /// Its folder.
    pub folder: PathBuf,
    /// How it does against each baseline, on one line.
    pub says: String,
}

/// Writes the cards of the optimisers `names`, of which there are results in `folder`: `NAME/card.html`, `card.md`, `card.png`
/// and the figures. Everybody's row goes into `leaderboard.csv`, which `leaderboard.png` draws. `suite` is the text of the
/// suite with its seeds; rows of another suite are removed from the leaderboard.
pub fn cards(folder: &Path, names: &[String], suite: &str) -> Result<Vec<Card>> {
    // What is said about an optimiser does not depend on who else is in the experiment.
    let results = Results::read(folder)?.seeded_by(suite);
    let standings = standings(&results)?;
    let suite = &hex(&Sha256::digest(suite))[..12];
    let leaders = folder.join("leaderboard.csv");
    leaderboard::update(&leaders, &standings, suite)?;
    leaderboard::picture(&leaders, &leaders.with_extension("png"))?;
    let mut cards = Vec::new();
    for name in names {
        let standing = standings.iter().find(|one| one.name == *name);
        let standing = standing.ok_or_else(|| {
            let known = standings.iter().map(|one| one.name.as_str());
            Error::usage(format!(
                "{}: {}",
                folder.display(),
                unknown("optimiser", name, known)
            ))
        })?;
        let own = folder.join(file_name(name));
        results_folder(&own)?;
        let document = page::page(&results, standing)?;
        write_whole(&own.join("card.md"), markdown::markdown(&document))?;
        write_whole(&own.join("card.html"), html::html(&document))?;
        write_pictures(&document, &own)?;
        let seeds = results.experiment.top.seeds.report.0.len();
        let mut lines = page::overall(standing);
        let says = lines.join("; ");
        lines.push(format!(
            "{seeds} seeds; {LR_STEPS} learning rates, tuned on {} others",
            results.experiment.top.seeds.tuning.0.len()
        ));
        let bytes = standing.bytes;
        lines.push(format!(
            "{bytes:.1} bytes of state a weight; {}",
            standing.diverged()
        ));
        let groups = page::groups(standing);
        forest(&groups).png(
            &own.join("card.png"),
            &format!("{name}: report card"),
            &lines,
        )?;
        cards.push(Card { folder: own, says });
    }
    Ok(cards)
}

/// A folder's name for an optimiser: `adam:beta1=0.5` is `adam-beta1=0.5`.
fn file_name(optimiser: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=.".contains(c);
    let letters = optimiser.chars();
    letters.map(|c| if plain(c) { c } else { '-' }).collect()
}

/// The baselines that an optimiser is compared with: all but itself.
fn opponents(name: &str) -> impl Iterator<Item = &'static str> {
    BASELINES.into_iter().filter(move |one| *one != name)
}
