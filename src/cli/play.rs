//! `--play` and `--render`: shows a trained agent in action.

use std::{
    fmt::Write,
    io::{IsTerminal, stdout},
    path::Path,
    time::Duration,
};

use envs::TimeLimit;

use super::{RlArgs, keys::Keys, say};
use crate::{
    Error, Result,
    figures::Pictures,
    numbers::count,
    run::rl::{self, Actor, Episode, Picture, Trained},
};

/// Characters in a line of a picture.
const COLUMNS: usize = 72;

/// Plays episodes of the agent in `run`. The first is shown in a terminal, and drawn if asked for.
pub fn play(run: &Path, args: &RlArgs) -> Result<()> {
    args.check_played()?;
    let (trained, asked) = (super::under("--play", Trained::read(run))?, args.played()?);
    let first = asked.seed;
    let watched = !args.quiet && stdout().is_terminal();
    let (mut table, mut returns) = (String::from("  seed        return     steps\n"), Vec::new());
    for seed in first..first + u64::from(asked.episodes) {
        let pictures = seed == first && (watched || args.render.is_some());
        let episode = one(&trained, args, seed, pictures)?;
        returns.push(episode.episode_return);
        let (value, steps) = (episode.episode_return, episode.steps);
        let left = if episode.ended {
            ""
        } else {
            "  stopped: it did not end"
        };
        let _ = writeln!(table, "  {seed:<8}{value:>10.2}{steps:>10}{left}");
        if seed == first {
            let enough = watched && show_in_terminal(&episode)?;
            if let Some(pictures) = &args.render {
                let written = super::draw_episode(pictures, episode)?;
                let _ = writeln!(table, "  drawn: {written}");
            }
            if enough {
                break;
            }
        }
    }
    if !args.quiet {
        let mean = returns.iter().sum::<f64>() / returns.len() as f64;
        let _ = writeln!(table, "  {:<8}{mean:>10.2}", "mean");
        say(&format!(
            "{}, {}\n{table}",
            trained.path.display(),
            trained.env()
        ))?;
    }
    Ok(())
}

/// Draws an episode of the agent in `run`.
pub fn draw(run: &Path, pictures: &Pictures, args: &RlArgs) -> Result<()> {
    let seed = args.played()?.seed;
    let episode = one(&Trained::read(run)?, args, seed, true)?;
    let (value, steps) = (episode.episode_return, episode.steps);
    let written = super::draw_episode(pictures, episode)?;
    if !args.quiet {
        say(&format!(
            "  drawn                   {written}: return {value:.2} in {}\n",
            count(steps, "step")
        ))?;
    }
    Ok(())
}

fn one(trained: &Trained, args: &RlArgs, seed: u64, pictures: bool) -> Result<Episode> {
    let asked = args.played()?;
    let mut env = environment(trained, asked.env.as_deref())?;
    let actor = Actor::epsilon_greedy(trained.policy.as_ref(), asked.epsilon);
    rl::play(&mut env, actor, seed, pictures)
}

/// The environment that the agent was trained on, or the one asked for if it fits.
fn environment(trained: &Trained, asked: Option<&str>) -> Result<TimeLimit> {
    let mut env = envs::make(asked.unwrap_or(trained.env()))?;
    let spec = env.spec();
    let shape = (spec.observation.len(), spec.actions);
    if shape != trained.shape {
        let ((seen, actions), (theirs, known)) = (shape, trained.shape);
        return Err(Error::usage(format!(
            "{} has {seen} numbers in an observation and {actions} actions; the agent learned on {}, \
             with {theirs} and {known}",
            spec.name,
            trained.env()
        )));
    }
    if asked.is_none() && !trained.world.is_empty() {
        env.hold(&trained.world)?;
    }
    Ok(env)
}

/// The time for which a picture is shown.
const PICTURE: Duration = Duration::from_millis(33);

/// Shows an episode in the terminal. Returns whether the user has quit.
fn show_in_terminal(episode: &Episode) -> Result<bool> {
    let mut keys = Keys::new()?;
    if keys.are_read() {
        say("q quits\n")?;
    }
    for (i, picture) in episode.pictures.iter().enumerate() {
        let text = text(picture, COLUMNS);
        let lines = text.lines().count();
        // Overwrites the previous picture.
        let up = if i > 0 {
            format!("\x1b[{lines}A")
        } else {
            String::new()
        };
        say(&format!("{up}{text}"))?;
        if keys.pressed(b'q', PICTURE)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A picture in coloured characters, each of which is two pixels, one above the other.
fn text(Picture { size, pixels }: &Picture, columns: usize) -> String {
    let (width, height) = (size.0 as usize, size.1 as usize);
    let columns = columns.min(width);
    let rows = (height * columns / width).max(1).next_multiple_of(2);
    let colour = |x: usize, y: usize| -> [u8; 3] {
        // The mean of the pixels that half a character covers.
        let (xs, ys) = (cover(x, columns, width), cover(y, rows, height));
        let mut sums = [0; 3];
        let count = (xs.len() * ys.len()) as u32;
        for y in ys {
            for pixel in pixels[(y * width + xs.start) * 3..(y * width + xs.end) * 3]
                .as_chunks::<3>()
                .0
            {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += u32::from(*value);
                }
            }
        }
        sums.map(|sum| (sum / count) as u8)
    };
    let mut out = String::new();
    for row in (0..rows).step_by(2) {
        for column in 0..columns {
            let ([r, g, b], [x, y, z]) = (colour(column, row), colour(column, row + 1));
            let _ = write!(out, "\x1b[38;2;{r};{g};{b};48;2;{x};{y};{z}m▀");
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

/// The pixels of `of` that part `i` of `parts` covers: at least one.
fn cover(i: usize, parts: usize, of: usize) -> std::ops::Range<usize> {
    let start = (i * of / parts).min(of - 1);
    start..((i + 1) * of / parts).clamp(start + 1, of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_becomes_coloured_characters() {
        // Four by four: red above, blue below.
        let pixels = [[255, 0, 0].repeat(8), [0, 0, 255].repeat(8)].concat();
        let picture = Picture {
            size: (4, 4),
            pixels,
        };
        let red_above_blue = "\x1b[38;2;255;0;0;48;2;0;0;255m▀".repeat(2);
        assert_eq!(text(&picture, 2), format!("{red_above_blue}\x1b[0m\n"));
        for columns in 1..80 {
            assert!(text(&picture, columns).lines().count() >= 1);
        }
    }
}
