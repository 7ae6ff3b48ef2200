use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Rect, Stroke, Transform};

/// Red, green and blue.
pub type Colour = [u8; 3];

pub(crate) const WHITE: Colour = [255; 3];
pub(crate) const BLACK: Colour = [0; 3];

/// A picture in Gymnasium's coordinates: pixels, with the origin at the bottom left.
///
/// Shapes have soft edges, except rectangles that lie on whole pixels.
pub struct Canvas {
    pixels: Pixmap,
}

impl Canvas {
    /// A picture of one colour.
    pub(crate) fn new(width: u32, height: u32, colour: Colour) -> Self {
        let mut pixels = Pixmap::new(width, height).expect("pictures of at least a pixel");
        let [r, g, b] = colour;
        pixels.fill(Color::from_rgba8(r, g, b, 255));
        Self { pixels }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.pixels.width(), self.pixels.height())
    }

    /// Red, green and blue of each pixel, row by row from the top.
    pub fn rgb(&self) -> Vec<u8> {
        let pixels = self.pixels.pixels().iter();
        // Nothing is transparent, so no colour is premultiplied.
        pixels
            .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
            .collect()
    }

    /// A filled rectangle from its lower left corner.
    pub(crate) fn rectangle(&mut self, (x, y): (f64, f64), (w, h): (f64, f64), colour: Colour) {
        let top = f64::from(self.pixels.height()) - y - h;
        if let Some(area) = Rect::from_xywh(x as f32, top as f32, w as f32, h as f32) {
            let paint = paint(colour);
            self.pixels
                .fill_rect(area, &paint, Transform::identity(), None);
        }
    }

    /// A filled polygon.
    pub(crate) fn polygon(&mut self, corners: &[(f64, f64)], colour: Colour) {
        let mut path = self.path(corners);
        path.close();
        if let Some(path) = path.finish() {
            let (paint, rule) = (paint(colour), FillRule::Winding);
            self.pixels
                .fill_path(&path, &paint, rule, Transform::identity(), None);
        }
    }

    /// A filled circle.
    pub(crate) fn circle(&mut self, (x, y): (f64, f64), radius: f64, colour: Colour) {
        let (x, y) = self.place((x, y));
        if let Some(path) = PathBuilder::from_circle(x, y, radius as f32) {
            let (paint, rule) = (paint(colour), FillRule::Winding);
            self.pixels
                .fill_path(&path, &paint, rule, Transform::identity(), None);
        }
    }

    /// A line through `points`.
    pub(crate) fn line(&mut self, points: &[(f64, f64)], width: f64, colour: Colour) {
        if let Some(path) = self.path(points).finish() {
            let stroke = Stroke {
                width: width as f32,
                ..Stroke::default()
            };
            self.pixels
                .stroke_path(&path, &paint(colour), &stroke, Transform::identity(), None);
        }
    }

    /// Equal squares, each in the colour of its row (from the top) and column, as grid worlds and
    /// MinAtar look.
    pub(crate) fn grid(
        (rows, columns): (usize, usize),
        side: u32,
        colour: impl Fn(usize, usize) -> Colour,
    ) -> Self {
        let mut canvas = Self::new(columns as u32 * side, rows as u32 * side, [0; 3]);
        let side = f64::from(side);
        for row in 0..rows {
            for column in 0..columns {
                let corner = (column as f64 * side, (rows - 1 - row) as f64 * side);
                canvas.rectangle(corner, (side, side), colour(row, column));
            }
        }
        canvas
    }

    /// A point in the renderer's coordinates. Whole numbers are the middles of pixels in Gymnasium and
    /// their corners in the renderer.
    fn place(&self, (x, y): (f64, f64)) -> (f32, f32) {
        let y = f64::from(self.pixels.height()) - y;
        (x as f32 + 0.5, y as f32 - 0.5)
    }

    fn path(&self, points: &[(f64, f64)]) -> PathBuilder {
        let mut path = PathBuilder::new();
        for (i, &point) in points.iter().enumerate() {
            let (x, y) = self.place(point);
            if i == 0 {
                path.move_to(x, y);
            } else {
                path.line_to(x, y);
            }
        }
        path
    }
}

fn paint([r, g, b]: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, 255);
    paint
}
