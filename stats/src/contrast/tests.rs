use super::*;
use crate::Scores;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const MEAN: Aggregate = Aggregate::Mean;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn scores(of: impl Fn(u64) -> f64) -> Scores {
    let rows = (0..40).map(|seed| ("a", seed, of(seed)));
    Scores::new(rows.chain((0..20).map(|seed| ("b", seed, of(seed + 100))))).unwrap()
}

fn noise(seed: u64) -> f64 {
    ChaCha8Rng::seed_from_u64(seed).random::<f64>()
}

#[test]
fn what_a_seed_does_to_both_arms_cancels() {
    let (with, without) = (
        scores(|s| 100.0 * noise(s) + 2.0),
        scores(|s| 100.0 * noise(s)),
    );
    let effect = Contrast::effect(&with, &without).unwrap();
    let Estimate { point, lo, hi, n } = effect.estimate(MEAN, &Bootstrap::default(), &mut rng());
    assert!((point - 2.0).abs() < 1e-12 && hi - lo < 1e-10);
    assert_eq!(n, 60);
    // If they were drawn independently, it would not cancel.
    let apart = Contrast::arm(&with).minus(Contrast::arm(&without));
    let apart = apart.estimate(MEAN, &Bootstrap::default(), &mut rng());
    assert!((apart.point - 2.0).abs() < 1e-9 && apart.hi - apart.lo > 10.0);
}

#[test]
fn the_same_task_twice_narrows_no_interval() {
    let pair = |names: &[&'static str]| {
        let rows = |of: fn(u64) -> f64| {
            let each = names
                .iter()
                .flat_map(|name| (0..40).map(move |s| (*name, s)));
            Scores::new(each.map(|(name, s)| (name, s, of(s)))).unwrap()
        };
        (rows(|s| noise(s) + noise(s + 1000)), rows(noise))
    };
    let interval = |(with, without): &(Scores, Scores)| {
        let effect = Contrast::effect(with, without).unwrap();
        effect.estimate(MEAN, &Bootstrap::default(), &mut rng())
    };
    let (once, twice) = (interval(&pair(&["a"])), interval(&pair(&["a", "b"])));
    assert!((once.lo - twice.lo).abs() < 1e-12 && (once.hi - twice.hi).abs() < 1e-12);
    assert_eq!((once.n, twice.n), (40, 80));
    // An effect minus itself is exactly 0.
    let (with, without) = pair(&["a"]);
    let effect = || Contrast::effect(&with, &without).unwrap();
    let none = effect()
        .minus(effect())
        .estimate(MEAN, &Bootstrap::default(), &mut rng());
    assert!(
        [none.point, none.lo, none.hi]
            .iter()
            .all(|x| x.abs() < 1e-12)
    );
    // What cancels to within rounding is 0 and not significant: 0.1 + 0.2 - 0.3 is 5.6e-17.
    let times = |factor| effect().times(factor).unwrap();
    let rest = times(0.1).plus(times(0.2)).plus(times(-0.3));
    let rest = rest
        .test(Measure::Sum(MEAN), &Bootstrap::default(), &mut rng())
        .unwrap();
    assert_eq!((rest.estimate.point, rest.p), (0.0, 1.0));
}

#[test]
fn the_mean_effect_is_the_mean_of_the_differences() {
    let (with, without) = (scores(|s| noise(s) + noise(s + 1000)), scores(noise));
    let effect = Contrast::effect(&with, &without).unwrap();
    let differences = with.minus(&without).unwrap();
    let a = effect.estimate(MEAN, &Bootstrap::default(), &mut rng());
    let b = differences.estimate(MEAN, &Bootstrap::default(), &mut rng());
    for (a, b) in [(a.point, b.point), (a.lo, b.lo), (a.hi, b.hi)] {
        assert!((a - b).abs() < 1e-12);
    }
}

#[test]
fn an_interaction_is_the_difference_of_two_effects() {
    let (rl, rl_without) = (scores(|s| noise(s) - 0.3 * noise(s + 500)), scores(noise));
    let other = |of: fn(u64) -> f64| {
        let rows = (0..40).map(|seed| ("a", seed + 300, of(seed)));
        Scores::new(rows.chain((0..20).map(|seed| ("b", seed + 300, of(seed + 100))))).unwrap()
    };
    let (control, control_without) = (other(|s| noise(s + 7)), other(|s| noise(s + 9)));
    let here = Contrast::effect(&rl, &rl_without).unwrap();
    let there = Contrast::effect(&control, &control_without).unwrap();
    let one = |contrast: &Contrast| contrast.estimate(MEAN, &Bootstrap::default(), &mut rng());
    let interaction = here.clone().minus(there.clone());
    let (both, here, there) = (one(&interaction), one(&here), one(&there));
    assert!((both.point - (here.point - there.point)).abs() < 1e-12);
    assert_eq!(both.n, 120);
    // The effects are independent, so their variances add; 5 % allows for resampling and tails.
    let half = |e: Estimate| (e.hi - e.lo) / 2.0;
    let expected = half(here).hypot(half(there));
    assert!((half(both) / expected - 1.0).abs() < 0.05, "{both:?}");
}

#[test]
fn a_p_value_is_small_for_an_effect_and_one_for_none() {
    let (with, without) = (scores(|s| noise(s) + 0.1 * noise(s + 900)), scores(noise));
    let effect = Contrast::effect(&with, &without).unwrap();
    let plain = Bootstrap::default();
    assert!(effect.p_value(MEAN, &plain, &mut rng()) < 1e-3);
    let same = Contrast::effect(&with, &with).unwrap();
    assert_eq!(same.p_value(MEAN, &plain, &mut rng()), 1.0);
}

#[test]
fn arms_that_do_not_fit_are_refused() {
    let (a, fewer) = (scores(noise), Scores::new([("a", 1, 1.0)]).unwrap());
    assert!(Contrast::effect(&a, &fewer).is_err());
    assert!(Contrast::paired::<Scores>(&[]).is_err());
    assert!(Contrast::paired(&[(f64::NAN, &a)]).is_err());
}

#[test]
fn an_advantage_counts_pairs_and_ignores_the_scale() {
    let arm = |of: [f64; 4]| {
        let rows = of.into_iter().zip(0..);
        Scores::new(rows.map(|(score, seed)| ("a", seed, score))).unwrap()
    };
    let advantage = |with: &Scores, without: &Scores| {
        let effect = Contrast::effect(with, without).unwrap();
        effect
            .test(Measure::Advantage, &Bootstrap::default(), &mut rng())
            .unwrap()
    };
    let (with, without) = (arm([1.0, 2.0, 3.0, 4.0]), arm([0.0, 2.0, 4.0, 1.0]));
    // Two better, one worse, one equal: 2.5 of 4.
    let found = advantage(&with, &without);
    assert_eq!((found.estimate.point, found.estimate.n), (0.125, 4));
    let cubed = |scores: &Scores| {
        let task = &scores.tasks()[0];
        let cubes = task.scores().iter().map(|score| score.powi(3));
        let rows = task.seeds().iter().zip(cubes);
        Scores::new(rows.map(|(seed, score)| ("a", *seed, score))).unwrap()
    };
    assert_eq!(advantage(&cubed(&with), &cubed(&without)), found);
    // An interaction is the difference of two advantages.
    let effect = |with, without| Contrast::effect(with, without).unwrap();
    let change = effect(&with, &without).minus(effect(&without, &with));
    let change = change.test(Measure::Advantage, &Bootstrap::default(), &mut rng());
    assert_eq!(change.unwrap().estimate.point, 0.25);
    let single = Contrast::arm(&with).test(Measure::Advantage, &Bootstrap::default(), &mut rng());
    assert!(single.unwrap_err().to_string().contains("only effects"));
}

#[test]
fn a_test_is_an_estimate_and_its_p_value() {
    let (with, without) = (scores(|s| noise(s) + 0.1 * noise(s + 900)), scores(noise));
    let effect = Contrast::effect(&with, &without).unwrap();
    let plain = Bootstrap::default();
    let tested = effect.test(Measure::Sum(MEAN), &plain, &mut rng()).unwrap();
    assert_eq!(tested.estimate, effect.estimate(MEAN, &plain, &mut rng()));
    assert_eq!(tested.p, effect.p_value(MEAN, &plain, &mut rng()));
    let half = effect.clone().times(0.5).unwrap();
    let both = half.clone().plus(half);
    let both = both.test(Measure::Sum(MEAN), &plain, &mut rng()).unwrap();
    assert!((both.estimate.point - tested.estimate.point).abs() < 1e-12);
    assert!(effect.times(f64::INFINITY).is_err());
}
