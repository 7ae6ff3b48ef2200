//! The text of the kernels, and a check that their arithmetic is the CPU driver's to the last bit.
//!
//! No GPU is needed, because with two macros the text is C. It is compiled here without fused
//! multiply-add, as for a GPU, and stepped next to the CPU driver.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use optim::{AnyRule, Clip, Spec, kernel, registry};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One variant of each kernel, by the kernel's file name.
fn kernels() -> BTreeMap<String, (String, Box<dyn AnyRule>)> {
    let mut kernels: BTreeMap<String, (String, Box<dyn AnyRule>)> = BTreeMap::new();
    for entry in registry() {
        for variant in entry.variants {
            let rule = variant.parse::<Spec>().unwrap().rule().unwrap();
            if rule.kernel().is_none() {
                assert!(!rule.elementwise());
                continue;
            }
            if kernels
                .values()
                .any(|(_, known)| known.arithmetic() == rule.arithmetic())
            {
                continue;
            }
            let flags: Vec<&str> = variant
                .split([':', ','])
                .filter(|s| {
                    s.ends_with("=true") || s.starts_with("momentum=") || *s == "clip=false"
                })
                .filter_map(|s| s.split('=').next())
                .collect();
            let name = [&[entry.name], &flags[..]].concat().join("-");
            assert!(kernels.insert(name, (variant.to_string(), rule)).is_none());
        }
    }
    kernels
}

#[test]
fn text_is_as_recorded() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kernels");
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    if update {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
    }
    let kernels = kernels();
    for (name, (_, rule)) in &kernels {
        let path = folder.join(format!("{name}.cu"));
        if update {
            fs::write(&path, rule.kernel().unwrap()).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            rule.kernel().unwrap(),
            expected,
            "{name}.cu has changed; if it should have: UPDATE_SNAPSHOTS=1 cargo test -p optimiser-paradigms-optim --test kernels"
        );
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), kernels.len());
}

/// What CUDA C needs to compile as C, with a loop over the tensors in place of a launch.
const SHIM: &str = "\
#include <math.h>
struct Dim { unsigned int x, y, z; };
static struct Dim blockIdx = {0, 0, 0}, blockDim = {1, 1, 1}, threadIdx = {0, 0, 0}, gridDim = {1, 1, 1};
";

const LAUNCH: &str = "
void launch(const struct Tensor *tensors, int count, const real *scalars, int agents) {
    for (blockIdx.y = 0; blockIdx.y < (unsigned int)count; blockIdx.y++) optimiser_step(tensors, scalars, agents);
}
";

/// A row of the kernel's table for one tensor, with room for its states.
#[repr(C)]
struct KernelRow<T, const S: usize> {
    w: *mut T,
    g: *const T,
    s: [*mut T; S],
    each: u64,
}

/// The kernels' C text, compiled into a library.
fn compile(folder: &std::path::Path, name: &str, text: &str) -> libloading::Library {
    let source = folder.join(format!("{name}.c"));
    let library = folder.join(format!("{name}.so"));
    let c = text.replace("extern \"C\" __global__", "static");
    fs::write(
        &source,
        format!("{}{SHIM}{c}{LAUNCH}", kernel::prelude(false)),
    )
    .unwrap();
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let flags = [
        "-std=c99",
        "-O2",
        "-ffp-contract=off",
        "-shared",
        "-fPIC",
        "-lm",
        "-o",
    ];
    let output = Command::new(cc)
        .arg(&source)
        .args(&flags[..])
        .arg(&library)
        .output()
        .expect("a C compiler");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");
    // SAFETY: the library was compiled just now from the text above and runs nothing when loaded.
    unsafe { libloading::Library::new(&library).unwrap() }
}

/// Two tensors of two agents, stepped 1,000 times by the driver and by the kernel.
fn compare<const S: usize>(folder: &std::path::Path, name: &str, rule: &dyn AnyRule) {
    type Launch<const S: usize> =
        unsafe extern "C" fn(*const KernelRow<f32, S>, i32, *const f32, i32);
    let library = compile(folder, name, &rule.kernel().unwrap());
    // SAFETY: `launch` has this signature; `S` is the room the kernel declares.
    let launch = unsafe { library.get::<Launch<S>>(b"launch").unwrap() };

    const AGENTS: usize = 2;
    let states = rule.state_names().len();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let sizes = [75, 130];
    let mut random =
        |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let mut ours: Vec<(Vec<f32>, Vec<Vec<f32>>)> = sizes
        .iter()
        .map(|&each| {
            let initial = rule.initial();
            let s = initial
                .iter()
                .map(|&x| vec![x as f32; each * AGENTS])
                .collect();
            (random(each * AGENTS), s)
        })
        .collect();
    let mut theirs = ours.clone();
    for t in 1..=1000 {
        let turn = |agent: usize| {
            // The agents differ in lr and in how their gradient is clipped.
            let clip = if agent == 0 {
                Clip::NONE
            } else {
                Clip {
                    scale: 0.7,
                    bound: 0.5,
                }
            };
            (rule.scalars(t, 1e-3 * (agent + 1) as f64), clip)
        };
        let turns: Vec<_> = (0..AGENTS).map(turn).collect();
        let table: Vec<f32> = turns
            .iter()
            .flat_map(|(k, clip)| k.iter().copied().chain([clip.scale, clip.bound]))
            .map(|x| x as f32)
            .collect();
        let grads: Vec<Vec<f32>> = sizes
            .iter()
            .map(|&each| {
                let mut g = random(each * AGENTS);
                // Magnitudes from tiny to large, and gradients that stop, so that states decay into
                // the subnormal range.
                g.iter_mut()
                    .enumerate()
                    .for_each(|(i, g)| *g *= 10f32.powi(i as i32 % 9 - 6));
                g.iter_mut()
                    .step_by(5)
                    .for_each(|g| *g *= (t < 20) as u8 as f32);
                g
            })
            .collect();
        for ((w, s), (g, each)) in ours.iter_mut().zip(grads.iter().zip(sizes)) {
            for (agent, (k, clip)) in turns.iter().enumerate() {
                let range = agent * each..(agent + 1) * each;
                let (w, g) = (&mut w[range.clone()], &g[range.clone()]);
                rule.update_f32(k, *clip, w, g, s, range);
            }
        }
        let rows: Vec<KernelRow<f32, S>> = theirs
            .iter_mut()
            .zip(grads.iter().zip(sizes))
            .map(|((w, s), (g, each))| KernelRow {
                w: w.as_mut_ptr(),
                g: g.as_ptr(),
                s: std::array::from_fn(|i| {
                    s.get_mut(i)
                        .map_or(std::ptr::null_mut(), |s| s.as_mut_ptr())
                }),
                each: each as u64,
            })
            .collect();
        // SAFETY: each row's vectors outlive the call and have `each * AGENTS` elements; the
        // table has a row of scalars and two clips for each agent.
        unsafe {
            launch(
                rows.as_ptr(),
                rows.len() as i32,
                table.as_ptr(),
                AGENTS as i32,
            )
        };
        if t % 100 == 0 {
            let bits = |all: &Vec<(Vec<f32>, Vec<Vec<f32>>)>| -> Vec<u32> {
                let flat = all
                    .iter()
                    .flat_map(|(w, s)| w.iter().chain(s.iter().flatten()));
                flat.map(|x| x.to_bits()).collect()
            };
            assert_eq!(bits(&ours), bits(&theirs), "{name} at step {t}");
            assert!(
                ours.iter().all(|(w, _)| w.iter().all(|w| w.is_finite())),
                "{name}"
            );
        }
    }
    assert!(states <= S);
}

#[test]
fn arithmetic_is_the_cpu_drivers_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let kernels = kernels();
    assert!(kernels.len() >= 15);
    for (name, (_, rule)) in &kernels {
        match rule.state_names().len() {
            0 | 1 => compare::<1>(folder.path(), name, &**rule),
            2 => compare::<2>(folder.path(), name, &**rule),
            3 => compare::<3>(folder.path(), name, &**rule),
            _ => compare::<4>(folder.path(), name, &**rule),
        }
    }
}
