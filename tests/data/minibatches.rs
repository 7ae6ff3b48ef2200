//! Minibatches, augmentations, the order of an epoch, and the synthetic data set.

use optimiser_paradigms::{
    data::{Dataset, DatasetName, Split, augmentations, order},
    nn::Augmentation,
};
use tempfile::tempdir;

#[cfg(feature = "parquet")]
use crate::files::fixture;
use crate::files::{Fixture, batches, cifar, fashion, idx_files, write_all};

/// A split of six images, and their bytes.
fn small() -> (Split, Vec<u8>) {
    let folder = tempdir().unwrap();
    write_all(folder.path(), &batches());
    let test = cifar(folder.path()).unwrap().test;
    let images = test.images().to_vec();
    (test, images)
}

#[test]
fn minibatches_are_as_torchvision_normalises_and_positions_come_first() {
    let normalised = Fixture::read().floats("normalised");
    let (split, images) = small();
    let rows = [4, 0, 4, 2];
    let mut positions_first = vec![f32::NAN; rows.len() * 3072];
    split.fill(&rows, None, &mut positions_first);
    let mut plain = positions_first.clone();
    split.fill(&rows, Some(&[Augmentation::NONE; 4]), &mut plain);
    assert_eq!(plain, positions_first);
    let mut in_rows = vec![f32::NAN; rows.len() * 3072];
    split.fill_rows(&rows, &mut in_rows);
    for (i, row) in rows.into_iter().enumerate() {
        for c in 0..3 {
            for at in 0..1024 {
                let brightness = images[row as usize * 3072 + c * 1024 + at];
                let needed = normalised[usize::from(brightness)];
                assert_eq!(positions_first[at * rows.len() * 3 + i * 3 + c], needed);
                assert_eq!(in_rows[i * 3072 + c * 1024 + at], needed);
            }
        }
    }
    split.fill(&[], None, &mut []);
    split.fill_rows(&[], &mut []);
}

#[cfg(feature = "parquet")]
#[test]
fn augmentations_are_as_torchvision_crops_and_flips() {
    let fixture_values = Fixture::read();
    let normalised = fixture_values.floats("normalised");
    let split = cifar(&fixture("")).unwrap().train;
    let looks = fixture_values.bytes("looks");
    let crops: Vec<Augmentation> = looks
        .chunks(3)
        .map(|it| Augmentation {
            down: it[0],
            right: it[1],
            flip: it[2] == 1,
        })
        .collect();
    let n = crops.len();
    let mut out = vec![f32::NAN; n * 3072];
    split.fill(&vec![0; n], Some(&crops), &mut out);
    let seen = fixture_values.bytes("seen");
    for (i, seen) in seen.chunks(3072).enumerate() {
        for (at, brightness) in seen.iter().enumerate() {
            let (c, position) = (at / 1024, at % 1024);
            let value = out[position * n * 3 + i * 3 + c];
            assert_eq!(
                value,
                normalised[usize::from(*brightness)],
                "augmentation {i}, {at}"
            );
        }
    }
}

#[test]
fn grey_images_are_padded_to_three_channels() {
    let folder = tempdir().unwrap();
    write_all(folder.path(), &idx_files(3, 2));
    let grey = fashion(folder.path()).unwrap().train;
    let padded = grey.clone().padded();
    assert_eq!(padded.shape(), [3, 32, 32]);
    assert_eq!(padded.labels(), grey.labels());
    for i in 0..3 {
        for (at, value) in padded.image(i).iter().enumerate() {
            let (y, x) = (at / 32 % 32, at % 32);
            let needed = match ((2..30).contains(&y), (2..30).contains(&x)) {
                (true, true) => grey.image(i)[(y - 2) * 28 + x - 2],
                _ => 0,
            };
            assert_eq!(*value, needed, "image {i}, {at}");
        }
    }
    let (coloured, _) = small();
    assert_eq!(coloured.clone().padded(), coloured);
}

#[test]
fn an_epoch_goes_through_every_image_once_in_its_own_order() {
    let n = 1000;
    let first = order(1, 0, n);
    let mut sorted = first.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..n as u32));
    assert_eq!(order(1, 0, n), first);
    let same = |other: &[u32]| first.iter().zip(other).filter(|(a, b)| a == b).count();
    for other in [order(1, 1, n), order(1, 2, n), order(2, 0, n)] {
        assert!(same(&other) < 10, "{}", same(&other));
    }
    // This must never change: results depend on it.
    assert_eq!(order(1, 0, 10), [1, 5, 7, 8, 9, 3, 0, 4, 6, 2]);
    assert!(order(1, 0, 0).is_empty());
}

#[test]
fn every_crop_occurs_and_half_of_the_images_are_flipped() {
    let n = 20_000;
    let all = augmentations(1, 3, 0..n);
    let flipped = all.iter().filter(|look| look.flip).count() as f64;
    // Four standard deviations of a fair coin.
    assert!(
        (flipped - n as f64 / 2.0).abs() < 4.0 * (n as f64 / 4.0).sqrt(),
        "{flipped}"
    );
    let mut crops = [[0_u32; 9]; 9];
    for look in &all {
        crops[usize::from(look.down)][usize::from(look.right)] += 1;
    }
    // Chi-squared with 80 degrees of freedom: 4 standard deviations above its mean are 131.
    let each = n as f64 / 81.0;
    let chi: f64 = crops
        .as_flattened()
        .iter()
        .map(|n| (f64::from(*n) - each).powi(2) / each)
        .sum();
    assert!(chi < 131.0, "{chi}");
    // A part of an epoch does not depend on whether the part before it was drawn.
    assert_eq!(augmentations(1, 3, 700..900), all[700..900]);
    assert_ne!(augmentations(1, 4, 0..50), all[..50]);
    assert_ne!(augmentations(2, 3, 0..50), all[..50]);
}

/// The mean training image of each class identifies the class of most test images.
#[test]
fn the_synthetic_set_can_be_learnt() {
    let data = Dataset::load(DatasetName::Synthetic, None).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (500, 200));
    let mut means = vec![vec![0.0; 3072]; 10];
    for (i, label) in data.train.labels().iter().enumerate() {
        let mean = means[usize::from(*label)].iter_mut();
        for (mean, value) in mean.zip(data.train.image(i as u32)) {
            *mean += f64::from(*value) / 50.0;
        }
    }
    let nearest = |image: &[u8]| {
        let distance = |mean: &[f64]| -> f64 {
            let pairs = mean.iter().zip(image);
            pairs
                .map(|(mean, value)| (mean - f64::from(*value)).powi(2))
                .sum()
        };
        (0..10).min_by(|a, b| distance(&means[*a]).total_cmp(&distance(&means[*b])))
    };
    let right =
        |i: &usize| nearest(data.test.image(*i as u32)) == Some(data.test.labels()[*i].into());
    let right = (0..200).filter(right).count();
    assert!(right > 190, "{right} of 200");
    // The set depends only on the seed.
    assert_eq!(Dataset::synthetic(1, 500, 200), data);
    assert_ne!(Dataset::synthetic(2, 500, 200), data);
    assert_eq!(
        Dataset::synthetic(1, 20, 0).train.images(),
        &data.train.images()[..20 * 3072]
    );
}
