//! Spaces, and the draws of random numbers.

use super::*;

#[test]
fn a_space_contains_what_is_between_its_bounds() {
    let space = Space::symmetric(&[1.0, f32::INFINITY]);
    assert_eq!((space.len(), space.is_empty()), (2, false));
    assert!(space.contains(&[-1.0, f32::INFINITY]));
    for outside in [&[1.5, 0.0][..], &[f32::NAN, 0.0], &[0.0], &[0.0, 0.0, 0.0]] {
        assert!(!space.contains(outside), "{outside:?}");
    }
}

#[test]
fn any_generator_draws_within_bounds_and_evenly() {
    let mut rng = stream(2);
    let draws: &mut dyn Draws = &mut rng;
    let (mut hits, mut counts) = (0, [0; 3]);
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..3_000 {
        let normal = draws.normal("n");
        assert!(normal.abs() < 8.58);
        (sum, squares) = (sum + normal, squares + normal * normal);
        assert!((-2.0..5.0).contains(&draws.uniform("u", -2.0, 5.0)));
        counts[draws.index("i", 3)] += 1;
        hits += u32::from(draws.chance("c", 0.25));
        assert!(draws.chance("always", 1.0) && !draws.chance("never", 0.0));
    }
    assert!(
        counts.iter().all(|count| (900..1_100).contains(count)),
        "{counts:?}"
    );
    assert!((650..850).contains(&hits), "{hits}");
    // Five standard deviations: sqrt(3000) and sqrt(6000).
    assert!(sum.abs() < 275.0, "{sum}");
    assert!((squares - 3_000.0).abs() < 390.0, "{squares}");
}
