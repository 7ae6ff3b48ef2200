//! An episode as an animation, or as pictures one by one.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::{
    film::{self, Shot},
    style::write_png,
};
use crate::{Error, Result};

/// How long each picture, and the last picture, is shown, in hundredths of a second.
const DELAY: u16 = 4;
const LAST_DELAY: u16 = 100;

/// A picture of an environment.
pub struct Picture {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// RGB, row by row.
    pub pixels: Vec<u8>,
}

/// Where an episode is drawn to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pictures {
    /// `name.gif`: an animation.
    Gif(PathBuf),
    /// `name.png`: `name-0001.png`, `name-0002.png`, ...
    Png(PathBuf),
}

impl FromStr for Pictures {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let path = PathBuf::from(text);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gif") => Ok(Self::Gif(path)),
            Some("png") => Ok(Self::Png(path)),
            _ => Err("allowed: NAME.gif for an animation, NAME.png for NAME-0001.png, ...".into()),
        }
    }
}

/// Creates the folder for `pictures` if it does not exist.
pub fn make_folder(pictures: &Pictures) -> Result<()> {
    let (Pictures::Gif(path) | Pictures::Png(path)) = pictures;
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    fs::create_dir_all(folder)
        .map_err(|error| Error::usage(format!("cannot write to {}: {error}", folder.display())))
}

/// Draws the pictures of an episode to `files`, and creates their folder if it does not exist. Returns
/// the names of the files.
pub fn episode(files: &Pictures, pictures: Vec<Picture>) -> Result<String> {
    make_folder(files)?;
    match files {
        Pictures::Gif(path) => {
            animation(path, pictures)?;
            Ok(path.display().to_string())
        }
        Pictures::Png(path) => {
            let numbered = |i: usize| {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                path.with_file_name(format!("{stem}-{i:04}.png"))
            };
            let last = pictures.len();
            for (i, picture) in (1..).zip(pictures) {
                still(&numbered(i), picture)?;
            }
            Ok(format!(
                "{} to {}",
                numbered(1).display(),
                numbered(last).display()
            ))
        }
    }
}

fn animation(path: &Path, pictures: Vec<Picture>) -> Result<()> {
    let unusable = |why: String| Error::Figure {
        path: path.to_path_buf(),
        why,
    };
    let (width, height) = pictures.first().map_or((0, 0), |picture| picture.size);
    let side = |pixels: u32| {
        let fits = u16::try_from(pixels).ok();
        fits.ok_or_else(|| {
            unusable(format!(
                "a GIF is at most 65535 pixels wide and high, not {pixels}"
            ))
        })
    };
    let size = (side(width)?, side(height)?);
    if pictures
        .iter()
        .any(|picture| picture.size != (width, height))
    {
        return Err(unusable(
            "its pictures differ in size; NAME.png draws each alone".into(),
        ));
    }
    let last = pictures.len().saturating_sub(1);
    let shots = pictures.into_iter().enumerate().map(|(i, picture)| Shot {
        pixels: picture.pixels,
        delay: if i == last { LAST_DELAY } else { DELAY },
    });
    film::write(path, size, &shots.collect::<Vec<_>>())
}

fn still(path: &Path, Picture { size, pixels }: Picture) -> Result<()> {
    write_png(path, size, &pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square that goes from black to red.
    fn reddening() -> Vec<Picture> {
        let picture = |x: u8| Picture {
            size: (3, 2),
            pixels: [x, 0, 0].repeat(6),
        };
        [0, 100, 200].map(picture).into()
    }

    #[test]
    fn becomes_an_animation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("red.gif");
        episode(&Pictures::Gif(path.clone()), reddening()).unwrap();
        let bytes = fs::read(path).unwrap();
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(&bytes[..]).unwrap();
        let mut reds = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            reds.push((frame.buffer[0], frame.delay));
        }
        assert_eq!(reds, [(0, DELAY), (100, DELAY), (200, LAST_DELAY)]);
    }

    #[test]
    fn becomes_numbered_pictures() {
        let dir = tempfile::tempdir().unwrap();
        let said = episode(&Pictures::Png(dir.path().join("red.png")), reddening()).unwrap();
        assert!(said.ends_with("red-0003.png"), "{said}");
        for i in 1..=3 {
            let bytes = fs::read(dir.path().join(format!("red-000{i}.png"))).unwrap();
            assert!(bytes.starts_with(b"\x89PNG"));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn the_name_says_how() {
        assert_eq!("a/b.gif".parse(), Ok(Pictures::Gif("a/b.gif".into())));
        assert!(
            "a.mp4"
                .parse::<Pictures>()
                .unwrap_err()
                .contains("NAME.gif")
        );
        assert!("gif".parse::<Pictures>().is_err());
    }
}
