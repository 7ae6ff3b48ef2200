//! What all figures share: font, colours, axes.

use std::{path::Path, sync::Once};

use plotters::{coord::Shift, prelude::*, style::register_font};

use super::paper::{Paper, Sheet};
use crate::{Error, Result};

/// Figures carry their own font, so that they look the same everywhere and need no font library.
const FONT: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans.ttf");

pub const INK: RGBColor = RGBColor(38, 43, 51);
pub const FAINT: RGBColor = RGBColor(150, 157, 168);
pub const GRID: RGBColor = RGBColor(232, 235, 240);
pub const BLUE: RGBColor = RGBColor(31, 101, 181);
pub const ORANGE: RGBColor = RGBColor(217, 95, 2);
pub const GREEN: RGBColor = RGBColor(27, 138, 90);

/// The colours of lines.
pub const SERIES: [RGBColor; 10] = [
    INK,
    ORANGE,
    RGBColor(201, 158, 0),
    BLUE,
    GREEN,
    RGBColor(140, 86, 60),
    RGBColor(196, 30, 110),
    RGBColor(0, 158, 176),
    RGBColor(116, 80, 190),
    RGBColor(110, 116, 126),
];

/// The colours that a panel's curves can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveColour {
    /// For curves that the others are compared with.
    Faint,
    /// Blue.
    Blue,
    /// Orange.
    Orange,
    /// Green.
    Green,
}

impl CurveColour {
    pub(super) fn rgb(self) -> RGBColor {
        match self {
            CurveColour::Faint => FAINT,
            CurveColour::Blue => BLUE,
            CurveColour::Orange => ORANGE,
            CurveColour::Green => GREEN,
        }
    }
}

/// Text of `size` pixels.
pub fn text(size: u32, colour: RGBColor) -> TextStyle<'static> {
    ("figure", size).into_font().color(&colour)
}

/// Makes the font known to plotters.
fn register() {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        // The font is compiled in, so it cannot be unreadable.
        let _ = register_font("figure", FontStyle::Normal, FONT);
    });
}

/// Draws over `pixels`, RGB rows of a picture of `size`.
pub fn over(
    pixels: &mut [u8],
    size: (u32, u32),
    draw: impl FnOnce(&DrawingArea<Paper, Shift>) -> Drawn,
) -> Drawn {
    register();
    let root = Paper::over(pixels, size).into_drawing_area();
    draw(&root)?;
    root.present()?;
    Ok(())
}

/// Draws a PNG of `size` pixels. The file is written whole or not at all.
pub fn png(
    path: &Path,
    size: (u32, u32),
    draw: impl FnOnce(&DrawingArea<Paper, Shift>) -> Drawn,
) -> Result<()> {
    register();
    let mut sheet = Sheet::new(size);
    let root = sheet.paper().into_drawing_area();
    let drawn = draw(&root).and_then(|()| Ok(root.present()?));
    drop(root);
    drawn.map_err(|error| not_drawn(path, error.as_ref()))?;
    write_png(path, size, &sheet.pixels())
}

/// Writes `pixels`, RGB rows of a picture of `size`, as PNG. It is written whole or not at all.
pub fn write_png(path: &Path, size: (u32, u32), pixels: &[u8]) -> Result<()> {
    // plotters chooses the format by the end of the name.
    let part = path.with_extension("part.png");
    let written = (|| -> Drawn {
        let mut file = BitMapBackend::new(&part, size);
        file.blit_bitmap((0, 0), size, pixels)?;
        file.present()?;
        drop(file);
        Ok(std::fs::rename(&part, path)?)
    })();
    written.map_err(|error| {
        let _ = std::fs::remove_file(&part);
        not_drawn(path, error.as_ref())
    })
}

fn not_drawn(path: &Path, error: &dyn std::error::Error) -> Error {
    Error::Figure {
        path: path.to_path_buf(),
        why: error.to_string(),
    }
}

/// An SVG element of what is drawn on `size` units. It takes its width and its colours from its page.
/// The page has a variable for each colour: `--s0` to `--s9`, `--faint`, `--grid` and `--page`.
pub fn svg(
    size: (u32, u32),
    draw: impl FnOnce(&DrawingArea<SVGBackend, Shift>) -> Drawn,
) -> Result<String> {
    register();
    let mut drawn = String::new();
    let result = (|| {
        let root = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        draw(&root)?;
        root.present()?;
        Ok(())
    })();
    result.map_err(|error: Box<dyn std::error::Error>| Error::Figure {
        path: "a figure of the report".into(),
        why: error.to_string(),
    })?;
    let series = SERIES.iter().enumerate();
    let series = series.map(|(i, colour)| (*colour, format!("s{i}")));
    let others = [
        (FAINT, "faint".into()),
        (GRID, "grid".into()),
        (WHITE, "page".into()),
    ];
    for (RGBColor(r, g, b), name) in series.chain(others) {
        let hex = format!("\"#{r:02X}{g:02X}{b:02X}\"");
        drawn = drawn.replace(&hex, &format!("\"var(--{name})\""));
    }
    let (width, height) = size;
    let own = format!(
        "width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\""
    );
    Ok(drawn.replacen(&own, &format!("viewBox=\"0 0 {width} {height}\""), 1))
}

/// What drawing returns.
pub type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// 500000 as 500k.
pub fn steps_label(steps: &f64) -> String {
    match *steps {
        s if s >= 1e6 => format!("{}M", s / 1e6),
        s if s >= 1e3 => format!("{}k", s / 1e3),
        s => format!("{s}"),
    }
}

/// The range that `values` span, with a margin; never empty, and never of NaN or infinity.
pub fn span(values: impl IntoIterator<Item = f64>) -> std::ops::Range<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.into_iter().filter(|v| v.is_finite()) {
        low = low.min(value);
        high = high.max(value);
    }
    if low > high {
        return 0.0..1.0;
    }
    let margin = ((high - low) * 0.05).max(high.abs() * 1e-3).max(1e-6);
    low - margin..high + margin
}

/// A number in as few characters as possible.
pub fn short(x: &f64) -> String {
    let size = x.abs();
    if size < 1e-12 {
        // What rounding leaves of 0.
        "0".into()
    } else if !(1e-3..1e5).contains(&size) {
        format!("{x:.0e}")
    } else {
        // Six significant digits hide the rounding of the axis' own arithmetic.
        let digits = (5 - size.max(1e-3).log10().floor() as i32).max(0);
        let scale = 10f64.powi(digits);
        format!("{}", (x * scale).round() / scale)
    }
}

/// `text` and the size of its letters, for a line that has room for `most` letters of `size`. The letters of a longer text
/// are smaller, down to two thirds of `size`; a text that is still too long is shortened.
pub fn fitted(text: String, most: usize, size: u32) -> (String, u32) {
    let letters = text.chars().count().max(most);
    let smaller = (size as usize * most / letters) as u32;
    (shortened(text, most * 3 / 2), smaller.max(size * 2 / 3))
}

/// `text`, shortened to `most` letters if necessary.
pub fn shortened(text: String, most: usize) -> String {
    if text.chars().count() <= most {
        return text;
    }
    let start: String = text.chars().take(most - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_written_in_smaller_letters_before_it_is_shortened() {
        let of = |letters: usize| fitted("x".repeat(letters), 40, 30);
        assert_eq!(of(40), ("x".repeat(40), 30));
        assert_eq!(of(50), ("x".repeat(50), 24));
        assert_eq!(of(60), ("x".repeat(60), 20));
        assert_eq!(of(61), ("x".repeat(59) + "…", 20));
    }
}
