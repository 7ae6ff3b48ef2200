//! What figures of pixels are drawn on. Everything is drawn several times as large and then made smaller, for plotters'
//! own lines and circles have jagged edges.

use plotters::{
    prelude::{BitMapBackend, DrawingBackend},
    style::{FontDesc, FontTransform, TextStyle},
};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind,
};

/// How many times as large figures are drawn.
const FINE: u32 = 3;

/// Pixels that are drawn on at `scale` times their size.
pub struct Paper<'a> {
    pixels: BitMapBackend<'a>,
    size: (u32, u32),
    scale: u32,
}

/// RGB rows that a [`Paper`] draws over.
pub struct Sheet {
    pixels: Vec<u8>,
    size: (u32, u32),
}

impl Sheet {
    /// A white one.
    pub fn new(size: (u32, u32)) -> Self {
        let pixels = vec![255; (size.0 * size.1 * FINE * FINE * 3) as usize];
        Self { pixels, size }
    }

    /// To draw on.
    pub fn paper(&mut self) -> Paper<'_> {
        let large = (self.size.0 * FINE, self.size.1 * FINE);
        Paper {
            pixels: BitMapBackend::with_buffer(&mut self.pixels, large),
            size: self.size,
            scale: FINE,
        }
    }

    /// What was drawn, at its own size: each pixel is the mean of those that it was drawn with.
    pub fn pixels(&self) -> Vec<u8> {
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        let fine = FINE as usize;
        let row = width * fine * 3;
        let mut out = Vec::with_capacity(width * height * 3);
        let mut sums = vec![0_u32; width * 3];
        for rows in self.pixels.chunks_exact(row * fine) {
            sums.fill(0);
            for row in rows.chunks_exact(row) {
                for (sums, block) in sums.chunks_exact_mut(3).zip(row.chunks_exact(3 * fine)) {
                    for (i, part) in block.iter().enumerate() {
                        sums[i % 3] += u32::from(*part);
                    }
                }
            }
            let parts = FINE * FINE;
            out.extend(sums.iter().map(|sum| ((sum + parts / 2) / parts) as u8));
        }
        out
    }
}

impl<'a> Paper<'a> {
    /// Draws over `pixels`, RGB rows of a picture of `size`, at their own size.
    pub fn over(pixels: &'a mut [u8], size: (u32, u32)) -> Self {
        Self {
            pixels: BitMapBackend::with_buffer(pixels, size),
            size,
            scale: 1,
        }
    }

    /// The middle of the pixel at `at`.
    fn middle(&self, (x, y): BackendCoord) -> BackendCoord {
        let (scale, half) = (self.scale as i32, (self.scale as i32 - 1) / 2);
        (x * scale + half, y * scale + half)
    }

    /// The upper left corner of the pixel at `at`.
    fn corner(&self, (x, y): BackendCoord) -> BackendCoord {
        (x * self.scale as i32, y * self.scale as i32)
    }

    fn scaled<S: BackendStyle>(&self, style: &S) -> ScaledStyle {
        ScaledStyle {
            colour: style.color(),
            width: style.stroke_width() * self.scale,
        }
    }
}

/// A style with a line of its own width.
struct ScaledStyle {
    colour: BackendColor,
    width: u32,
}

impl BackendStyle for ScaledStyle {
    fn color(&self) -> BackendColor {
        self.colour
    }
    fn stroke_width(&self) -> u32 {
        self.width
    }
}

type Failure = <BitMapBackend<'static> as DrawingBackend>::ErrorType;
type PaperResult = Result<(), DrawingErrorKind<Failure>>;

impl DrawingBackend for Paper<'_> {
    type ErrorType = Failure;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> PaperResult {
        self.pixels.ensure_prepared()
    }

    fn present(&mut self) -> PaperResult {
        self.pixels.present()
    }

    fn draw_pixel(&mut self, point: BackendCoord, colour: BackendColor) -> PaperResult {
        let (start, end) = (self.corner(point), self.corner((point.0 + 1, point.1 + 1)));
        for x in start.0..end.0 {
            for y in start.1..end.1 {
                self.pixels.draw_pixel((x, y), colour)?;
            }
        }
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> PaperResult {
        let style = self.scaled(style);
        let (from, to) = (self.middle(from), self.middle(to));
        self.pixels.draw_line(from, to, &style)
    }

    /// Piece by piece with round joints: plotters gives a line that is drawn as one a spike wherever it turns back.
    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> PaperResult {
        let mut before: Option<BackendCoord> = None;
        let scaled = self.scaled(style);
        for at in path {
            if let Some(before) = before.replace(at).filter(|before| *before != at) {
                self.draw_line(before, at, style)?;
                // A joint would show where it is drawn twice.
                if scaled.width > 2 && scaled.colour.alpha >= 1.0 {
                    let at = self.middle(at);
                    self.pixels
                        .draw_circle(at, scaled.width / 2, &scaled.colour, true)?;
                }
            }
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> PaperResult {
        if fill {
            let corners = (self.corner(upper_left), self.corner(bottom_right));
            return self.pixels.draw_rect(corners.0, corners.1, style, true);
        }
        let ((left, top), (right, bottom)) = (upper_left, bottom_right);
        let round = [(left, top), (right, top), (right, bottom), (left, bottom)];
        self.draw_path(round.into_iter().chain([(left, top)]), style)
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> PaperResult {
        let (style, centre) = (self.scaled(style), self.middle(centre));
        self.pixels
            .draw_circle(centre, radius * self.scale, &style, fill)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> PaperResult {
        let corners: Vec<_> = corners.into_iter().map(|at| self.middle(at)).collect();
        self.pixels.fill_polygon(corners, style)
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        at: BackendCoord,
    ) -> PaperResult {
        let size = style.size() * f64::from(self.scale);
        let font = FontDesc::new(style.family(), size, style.style());
        let style = TextStyle {
            font: match style.transform() {
                FontTransform::None => font,
                turned => font.transform(turned),
            },
            color: style.color(),
            pos: style.anchor(),
        };
        let at = self.corner(at);
        self.pixels.draw_text(text, &style, at)
    }
}

#[cfg(test)]
mod tests {
    use plotters::prelude::*;

    use super::*;

    /// A slanted line has pixels between its colour and the ground; a picture of pixels stays as it is.
    #[test]
    fn lines_are_smooth_and_pixels_exact() {
        let mut sheet = Sheet::new((40, 20));
        let root = sheet.paper().into_drawing_area();
        let line = vec![(2, 2), (37, 17)];
        root.draw(&PathElement::new(line, Color::stroke_width(&BLACK, 1)))
            .unwrap();
        drop(root);
        let pixels = sheet.pixels();
        let greys = pixels.iter().filter(|part| (30..225).contains(*part));
        assert!(greys.count() > 60);

        let mut sheet = Sheet::new((3, 2));
        let root = sheet.paper().into_drawing_area();
        for x in 0..3 {
            root.draw_pixel((x, 1), &RGBColor(10, 100, x as u8))
                .unwrap();
        }
        drop(root);
        let row = [10, 100, 0, 10, 100, 1, 10, 100, 2];
        assert_eq!(sheet.pixels(), [[255; 9], row].concat());
    }
}
