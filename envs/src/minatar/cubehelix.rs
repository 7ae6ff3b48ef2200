//! Green's cubehelix: colours that become steadily brighter while their hue goes around.

use std::f64::consts::TAU;

use crate::canvas::Colour;

const START: f64 = 0.5;
const ROTATIONS: f64 = -1.5;
/// Steps of matplotlib's map, from which seaborn selects.
const STEPS: usize = 256;

/// The colour of one of `n` channels, as in seaborn's `color_palette("cubehelix", n)` and as matplotlib
/// shows it.
///
/// Source: Green, "A colour scheme for the display of astronomical intensity
/// images" (2011), with the paper's start, rotations and hue.
pub(super) fn colour(channel: usize, n: usize) -> Colour {
    // Black and white, the ends of the map, are left out.
    let step = (channel + 1) * STEPS / (n + 1);
    let light = step as f64 / (STEPS - 1) as f64;
    let (sin, cos) = (TAU * (START / 3.0 + ROTATIONS * light)).sin_cos();
    let reach = light * (1.0 - light) / 2.0;
    let rgb = [
        -0.14861 * cos + 1.78277 * sin,
        -0.29227 * cos - 0.90649 * sin,
        1.97294 * cos,
    ];
    // Truncated rather than rounded, as in matplotlib.
    rgb.map(|turn| ((light + reach * turn).clamp(0.0, 1.0) * 255.0) as u8)
}

#[cfg(test)]
mod tests {
    use super::colour;

    /// What matplotlib 3.11.2 shows of seaborn 0.13.2's palette.
    #[test]
    fn the_colours_are_seaborns() {
        let palette = |n| (0..n).map(|i| colour(i, n)).collect::<Vec<_>>();
        let four = [
            [21, 60, 77],
            [83, 121, 46],
            [207, 126, 146],
            [193, 202, 243],
        ];
        let six = [
            [26, 35, 65],
            [27, 97, 68],
            [104, 122, 48],
            [199, 122, 124],
            [205, 162, 224],
            [198, 225, 241],
        ];
        let seven = [
            [26, 29, 59],
            [21, 83, 75],
            [67, 119, 48],
            [161, 121, 74],
            [211, 131, 169],
            [198, 180, 237],
            [203, 231, 239],
        ];
        let ten = [
            [25, 18, 43],
            [23, 52, 75],
            [23, 91, 72],
            [60, 117, 50],
            [126, 122, 53],
            [187, 121, 102],
            [212, 133, 175],
            [202, 169, 230],
            [193, 210, 243],
            [213, 240, 238],
        ];
        assert_eq!(palette(4), four);
        assert_eq!(palette(6), six);
        assert_eq!(palette(7), seven);
        assert_eq!(palette(10), ten);
    }
}
