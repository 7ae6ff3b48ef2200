//! Lines cut off at the edge of a chart. plotters would draw them over neighbouring parts of the
//! figure.

/// The parts of the line through `points` that lie in the rectangle `x` by `y`.
pub fn inside(
    points: impl IntoIterator<Item = (f64, f64)>,
    x: (f64, f64),
    y: (f64, f64),
) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut before = None;
    for point in points {
        if let Some(start) = before.replace(point)
            && let Some((from, to)) = segment(start, point, x, y)
        {
            match parts.last_mut() {
                Some(part) if part.last() == Some(&from) => part.push(to),
                _ => parts.push(vec![from, to]),
            }
        }
    }
    parts
}

/// The part of one segment that lies in the rectangle (Liang & Barsky 1984); `None` if it misses the rectangle.
fn segment(
    from: (f64, f64),
    to: (f64, f64),
    x: (f64, f64),
    y: (f64, f64),
) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enters, mut leaves) = (0.0f64, 1.0f64);
    for (moves, room) in [
        (-dx, from.0 - x.0),
        (dx, x.1 - from.0),
        (-dy, from.1 - y.0),
        (dy, y.1 - from.1),
    ] {
        if moves < 0.0 {
            enters = enters.max(room / moves);
        } else if moves > 0.0 {
            leaves = leaves.min(room / moves);
        } else if room < 0.0 {
            return None;
        }
    }
    let at = |share: f64| match share {
        0.0 => from,
        1.0 => to,
        _ => (from.0 + share * dx, from.1 + share * dy),
    };
    (enters <= leaves).then(|| (at(enters), at(leaves)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_the_edges() {
        let unit = (0.0, 1.0);
        let cut = |points: &[(f64, f64)]| inside(points.iter().copied(), unit, unit);
        assert_eq!(
            cut(&[(0.2, 0.2), (0.5, 0.5), (0.9, 0.1)]),
            [[(0.2, 0.2), (0.5, 0.5), (0.9, 0.1)]]
        );
        assert_eq!(cut(&[(-1.0, 0.5), (2.0, 0.5)]), [[(0.0, 0.5), (1.0, 0.5)]]);
        assert_eq!(
            cut(&[(0.5, 0.5), (0.5, 3.0), (0.75, 3.0), (0.75, 0.5)]),
            [[(0.5, 0.5), (0.5, 1.0)], [(0.75, 1.0), (0.75, 0.5)]]
        );
        assert!(cut(&[(2.0, 0.0), (0.0, 2.5)]).is_empty());
        assert!(cut(&[(2.0, 0.0), (2.0, 1.0)]).is_empty());
        assert!(cut(&[(0.5, 0.5)]).is_empty());
    }
}
