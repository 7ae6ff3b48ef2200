//! What the environments look like when drawn.

use envs::{EnvKind, make, registry};
use safetensors::SafeTensors;

/// Scales down by ten: each pixel is the mean of ten by ten.
fn tenth(rgb: &[u8], (width, height): (usize, usize)) -> Vec<f64> {
    let mut small = vec![0.0; width / 10 * (height / 10) * 3];
    for (i, &value) in rgb.iter().enumerate() {
        let (x, y, channel) = (i / 3 % width, i / 3 / width, i % 3);
        small[(y / 10 * (width / 10) + x / 10) * 3 + channel] += f64::from(value) / 100.0;
    }
    small
}

#[test]
fn classic_control_looks_as_in_gymnasium() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/frames.safetensors"
    );
    let bytes = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for entry in registry()
        .iter()
        .filter(|entry| entry.kind == EnvKind::Classic)
    {
        let states = tensors.tensor(&format!("{}.state", entry.name)).unwrap();
        let frames = tensors.tensor(&format!("{}.frame", entry.name)).unwrap();
        let numbers = states.data().as_chunks::<8>().0;
        let states: Vec<f64> = numbers.iter().map(|&b| f64::from_le_bytes(b)).collect();
        let (count, size) = (frames.shape()[0], frames.shape()[1..].iter().product());
        let mut env = make(entry.name).unwrap();
        let pairs = states.chunks_exact(states.len() / count);
        for (state, theirs) in pairs.zip(frames.data().chunks_exact(size)) {
            env.load(&[state, &[0.0, 1.0]].concat()).unwrap();
            let canvas = env.render().unwrap();
            let (width, height) = canvas.size();
            assert_eq!(
                frames.shape()[1..3],
                [height as usize / 10, width as usize / 10]
            );
            let ours = tenth(&canvas.rgb(), (width as usize, height as usize));
            let off = |(a, b): (&f64, &u8)| (a - f64::from(*b)).abs();
            let mean = ours.iter().zip(theirs).map(off).sum::<f64>() / size as f64;
            // Moving the car or the cart by five pixels changes the mean by more than this.
            assert!(mean < 0.6, "{} at {state:?}: off by {mean}", entry.name);
        }
    }
}

#[test]
fn every_environment_of_ours_can_be_drawn() {
    for entry in registry().iter().filter(|entry| entry.native) {
        let mut env = make(entry.name).unwrap();
        let mut observation = vec![0.0; env.spec().observation.len()];
        let mut draws: rand_chacha::ChaCha8Rng = rand::SeedableRng::seed_from_u64(3);
        env.reset(&mut draws, &mut observation);
        let canvas = env.render().expect(entry.name);
        let (width, height) = canvas.size();
        let rgb = canvas.rgb();
        assert_eq!(rgb.len(), width as usize * height as usize * 3);
        let first = &rgb[..3];
        // A probe may have only one state, in one colour.
        let varied = rgb.chunks_exact(3).any(|pixel| pixel != first);
        assert!(varied || entry.kind == EnvKind::Probe, "{}", entry.name);
    }
}
