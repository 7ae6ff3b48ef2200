//! Animated GIFs that do not flicker: all frames share a palette, and only the changes are written.
//!
//! plotters' own GIF backend chooses 256 colours for each frame, so that a still background changes from frame to
//! frame. It also writes each frame whole, which takes ten times the bytes.

use std::{borrow::Cow, collections::HashMap, fs, iter, path::Path};

use gif::{Encoder, EncodingError, Frame, Repeat};

use crate::{Error, Result};

/// The palette's last entry, which leaves a pixel as it was.
const UNCHANGED: u8 = 255;

type Pixel = [u8; 3];

/// A picture and how long it is shown.
pub struct Shot {
    /// RGB, row by row.
    pub pixels: Vec<u8>,
    /// Hundredths of a second.
    pub delay: u16,
}

/// Writes `shots`, each of `size` pixels, to `path` as a GIF that repeats forever.
pub fn write(path: &Path, size: (u16, u16), shots: &[Shot]) -> Result<()> {
    let bytes = encode(size, shots).map_err(|error| Error::Figure {
        path: path.to_path_buf(),
        why: error.to_string(),
    })?;
    fs::write(path, bytes).map_err(|error| Error::io("cannot write", path, error))
}

fn encode(
    (width, height): (u16, u16),
    shots: &[Shot],
) -> std::result::Result<Vec<u8>, EncodingError> {
    let mut palette = Palette::of(shots);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height, &palette.bytes())?;
    encoder.set_repeat(Repeat::Infinite)?;
    let mut before = Vec::new();
    for shot in shots {
        let picture = palette.indices(&shot.pixels);
        let mut frame = changes(&before, &picture, width.into());
        frame.delay = shot.delay;
        encoder.write_frame(&frame)?;
        before = picture;
    }
    drop(encoder);
    Ok(bytes)
}

/// The smallest rectangle that holds every change from `before` to `after`. Its other pixels are left unchanged.
fn changes(before: &[u8], after: &[u8], width: usize) -> Frame<'static> {
    let height = after.len() / width;
    let differs = |x: usize, y: usize| before.get(y * width + x) != Some(&after[y * width + x]);
    let row = |y: &usize| (0..width).any(|x| differs(x, *y));
    let column = |x: &usize| (0..height).any(|y| differs(*x, y));
    // A frame must have at least one pixel, even if nothing changes.
    let top = (0..height).find(row).unwrap_or(0);
    let bottom = (top..height).rev().find(row).unwrap_or(top);
    let left = (0..width).find(column).unwrap_or(0);
    let right = (left..width).rev().find(column).unwrap_or(left);
    let pixel = |x, y| match differs(x, y) {
        true => after[y * width + x],
        false => UNCHANGED,
    };
    let pixels = (top..=bottom).flat_map(|y| (left..=right).map(move |x| pixel(x, y)));
    Frame {
        left: left as u16,
        top: top as u16,
        width: (right - left + 1) as u16,
        height: (bottom - top + 1) as u16,
        transparent: Some(UNCHANGED),
        buffer: Cow::Owned(pixels.collect()),
        ..Frame::default()
    }
}

/// Up to 255 colours, and the entry by which each colour is shown.
struct Palette {
    colours: Vec<Pixel>,
    nearest: HashMap<Pixel, u8>,
}

impl Palette {
    /// The colours that occur most.
    fn of(shots: &[Shot]) -> Self {
        let mut counts = HashMap::<Pixel, usize>::new();
        for shot in shots {
            // Run by run, because most pixels equal the one before.
            for run in shot.pixels.as_chunks::<3>().0.chunk_by(|a, b| a == b) {
                *counts.entry(run[0]).or_default() += run.len();
            }
        }
        let mut counts: Vec<(Pixel, usize)> = counts.into_iter().collect();
        counts.sort_unstable_by_key(|&(colour, count)| (usize::MAX - count, colour));
        let colours = counts.iter().map(|(colour, _)| *colour);
        Self {
            colours: colours.take(UNCHANGED.into()).collect(),
            nearest: HashMap::new(),
        }
    }

    /// All 256 entries; unused ones are black.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.colours.concat();
        bytes.resize(256 * 3, 0);
        bytes
    }

    fn indices(&mut self, pixels: &[u8]) -> Vec<u8> {
        let runs = pixels.as_chunks::<3>().0.chunk_by(|a, b| a == b);
        let run = |run: &[Pixel]| iter::repeat_n(self.index(run[0]), run.len());
        runs.flat_map(run).collect()
    }

    fn index(&mut self, colour: Pixel) -> u8 {
        let Self { colours, nearest } = self;
        *nearest.entry(colour).or_insert_with(|| {
            let distance = |other: &Pixel| -> u32 {
                let squares = colour.iter().zip(other);
                squares.map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
            };
            let entries = colours.iter().enumerate();
            let best = entries.min_by_key(|(_, entry)| distance(entry));
            best.map_or(0, |(i, _)| i as u8)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_written() {
        let before = vec![0; 12];
        let mut after = before.clone();
        after[5] = 1;
        after[10] = 2;
        let frame = changes(&before, &after, 4);
        assert_eq!((frame.left, frame.top), (1, 1));
        assert_eq!((frame.width, frame.height), (2, 2));
        assert_eq!(*frame.buffer, [1, UNCHANGED, UNCHANGED, 2]);
        let nothing = changes(&after, &after, 4);
        assert_eq!((nothing.width, nothing.height), (1, 1));
        assert_eq!(*nothing.buffer, [UNCHANGED]);
    }

    #[test]
    fn frequent_colours_are_exact_and_others_near() {
        let mut pixels = vec![7, 7, 7, 7, 7, 7];
        pixels.extend((0..=255u8).flat_map(|x| [x, 0, 0, x, 0, 0]));
        pixels.extend([200, 1, 0]);
        let shots = [Shot { pixels, delay: 1 }];
        let mut palette = Palette::of(&shots);
        assert_eq!(palette.colours.len(), 255);
        let index = palette.index([7, 7, 7]);
        assert_eq!(palette.colours[usize::from(index)], [7, 7, 7]);
        let index = palette.index([200, 1, 0]);
        assert_eq!(palette.colours[usize::from(index)], [200, 0, 0]);
    }

    #[test]
    fn encodes_what_a_decoder_reads() {
        let shot = |x| Shot {
            pixels: [x, 0, 0].repeat(6),
            delay: 5,
        };
        let bytes = encode((3, 2), &[shot(9), shot(9), shot(200)]).unwrap();
        let mut decoder = gif::DecodeOptions::new().read_info(&bytes[..]).unwrap();
        let mut frames = 0;
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            assert_eq!(frame.delay, 5);
            frames += 1;
        }
        assert_eq!(frames, 3);
    }
}
