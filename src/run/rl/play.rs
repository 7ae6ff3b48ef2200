//! One episode, picture by picture.

use envs::{Canvas, TimeLimit};

use super::Actor;
use crate::{
    Error, Result,
    streams::{Stream, stream},
};

/// Pictures that are kept, so that the longest episode fits into memory.
const MOST_PICTURES: usize = 300;

/// An environment without an end is stopped after this many steps.
const MOST_STEPS: u64 = 100_000;

/// An episode that was watched.
pub struct Episode {
    /// Its pictures, the start first and the end last; all of one size.
    pub pictures: Vec<Picture>,
    /// Steps from picture to picture: 1, or a power of 2 where there would be too many.
    pub every: u64,
    /// Steps taken.
    pub steps: u64,
    /// The sum of its rewards.
    pub episode_return: f64,
    /// Whether it ended; otherwise it was stopped.
    pub ended: bool,
}

/// A picture of an environment.
pub struct Picture {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// RGB, row by row.
    pub pixels: Vec<u8>,
}

impl From<Canvas> for Picture {
    fn from(canvas: Canvas) -> Self {
        Self {
            size: canvas.size(),
            pixels: canvas.rgb(),
        }
    }
}

/// Plays the first episode of `env` with `seed`; with `pictures`, an error if `env` cannot be drawn.
pub fn play(env: &mut TimeLimit, actor: Actor, seed: u64, pictures: bool) -> Result<Episode> {
    let mut draws = stream(seed, Stream::Env);
    let mut explore = stream(seed, Stream::Explore);
    let actions = env.spec().actions;
    let mut obs = vec![0.0; env.spec().observation.len()];
    env.reset(&mut draws, &mut obs);
    let mut episode = Episode {
        pictures: match pictures {
            true => vec![picture(env)?],
            false => Vec::new(),
        },
        every: 1,
        steps: 0,
        episode_return: 0.0,
        ended: false,
    };
    while !episode.ended && episode.steps < MOST_STEPS {
        let action = actor.act(&obs, actions, &mut explore)?;
        let step = env.step(action, &mut draws, &mut obs)?;
        episode.steps += 1;
        episode.episode_return += f64::from(step.reward);
        episode.ended = step.terminated || step.truncated;
        if pictures && (episode.ended || episode.steps.is_multiple_of(episode.every)) {
            episode.keep(picture(env)?);
        }
    }
    Ok(episode)
}

impl Episode {
    fn keep(&mut self, picture: Picture) {
        if self.pictures.len() == MOST_PICTURES && !self.ended {
            let mut place = 0;
            self.pictures.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.every *= 2;
            if !self.steps.is_multiple_of(self.every) {
                return;
            }
        }
        self.pictures.push(picture);
    }
}

/// An error if `env` cannot be drawn.
pub fn drawable(env: &TimeLimit) -> Result<()> {
    picture(env).map(drop)
}

fn picture(env: &TimeLimit) -> Result<Picture> {
    env.render().map(Picture::from).ok_or_else(|| {
        Error::usage(format!(
            "{} cannot be drawn: the environment has no picture of its state",
            env.spec().name
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stay_few_and_evenly_apart() {
        let mut episode = Episode {
            pictures: Vec::new(),
            every: 1,
            steps: 0,
            episode_return: 0.0,
            ended: false,
        };
        for step in 0..=1000 {
            (episode.steps, episode.ended) = (step, step == 1000);
            if episode.ended || step % episode.every == 0 {
                let pixels = step.to_le_bytes().to_vec();
                episode.keep(Picture {
                    size: (1, 1),
                    pixels,
                });
            }
        }
        let at = |p: &Picture| u64::from_le_bytes(p.pixels[..].try_into().unwrap());
        let steps: Vec<u64> = episode.pictures.iter().map(at).collect();
        assert_eq!(episode.every, 4);
        let evenly: Vec<u64> = (0..250).map(|i| 4 * i).chain([1000]).collect();
        assert_eq!(steps, evenly);
    }

    #[test]
    #[cfg(feature = "gymnasium-rs")]
    fn what_cannot_be_drawn_is_an_error() {
        // gymnasium-rs's pictures are out of reach.
        let mut env = envs::make("gymnasium-rs/CartPole").unwrap();
        let error = play(&mut env, Actor::RANDOM, 1, true)
            .map(drop)
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("gymnasium-rs/CartPole cannot be drawn")
        );
    }
}
