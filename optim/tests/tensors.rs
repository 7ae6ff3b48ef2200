//! Every variant of the optimisers that step whole tensors against traces from other libraries
//! (tests/fixtures/tensors.py).

use std::{collections::BTreeMap, fs, path::PathBuf};

use candle_core::{DType, Device, Tensor, Var};
use optim::{Layer, Layout, Optimiser, Parameter, Spec, registry};

const DIMS: [&[usize]; 4] = [&[4, 3], &[2, 5], &[3, 2, 2, 2], &[4]];
/// The update of the target network happens before this step.
const RESTART: usize = 10;

/// A file's comments and its rows.
struct Table {
    comments: Vec<String>,
    rows: Vec<Vec<f64>>,
}

fn read(name: &str) -> Table {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tensors");
    let text = fs::read_to_string(folder.join(name)).unwrap();
    let comments = text.lines().filter_map(|line| line.strip_prefix("# "));
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    Table {
        comments: comments.map(String::from).collect(),
        rows: rows.deserialize().collect::<Result<_, _>>().unwrap(),
    }
}

/// The trace of each variant, by its file.
fn traces() -> BTreeMap<String, Table> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tensors");
    let files = fs::read_dir(&folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let traces = names.map(|name| read(&name)).filter_map(|table| {
        let variant = table.comments[0].strip_prefix("variant ")?.to_string();
        Some((variant, table))
    });
    traces.collect()
}

fn setting(table: &Table) -> Spec {
    let setting = table.comments[1].strip_prefix("setting ").unwrap();
    setting.parse().unwrap()
}

/// Four tensors at their start. `agents` puts an axis of one agent before each.
fn model(start: &[f64], dtype: DType, agents: bool) -> Vec<Parameter> {
    let mut start = start;
    let parameter = |dims: &&[usize]| {
        let (own, rest) = start.split_at(dims.iter().product());
        start = rest;
        let dims = if agents {
            [&[1], *dims].concat()
        } else {
            dims.to_vec()
        };
        let tensor = Tensor::from_slice(own, dims, &Device::Cpu).unwrap();
        Parameter::new(
            format!("{} left", rest.len()),
            Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap(),
        )
    };
    DIMS.iter().map(parameter).collect()
}

fn numbers(model: &[Parameter]) -> Vec<f64> {
    let flat = |p: &Parameter| {
        let flat = p.var.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
        flat.to_vec1::<f64>().unwrap()
    };
    model.iter().flat_map(flat).collect()
}

/// One step along the gradient `g`.
fn step(optimiser: &mut Optimiser, model: &[Parameter], g: &[f64]) {
    let mut g = g;
    let losses = model.iter().map(|p| {
        let (own, rest) = g.split_at(p.var.elem_count());
        g = rest;
        let own = Tensor::from_slice(own, p.var.shape(), &Device::Cpu).unwrap();
        let own = own.to_dtype(p.var.dtype()).unwrap();
        (p.var.as_tensor() * own).unwrap().sum_all().unwrap()
    });
    let loss = losses.reduce(|a, b| (a + b).unwrap()).unwrap();
    optimiser.step(&loss.backward().unwrap()).unwrap();
}

/// The largest difference at each step from the trace, relative to the weight or 1e-3.
fn worst(spec: &Spec, trace: &Table, dtype: DType, agents: bool) -> f64 {
    let mut gradients = read("gradients.csv").rows;
    let model = model(&gradients.remove(0), dtype, agents);
    let specs = std::slice::from_ref(spec);
    let mut optimiser = match agents {
        true => Optimiser::cohort(specs, model.clone()),
        false => Optimiser::new(specs, model.clone()),
    }
    .unwrap();
    assert_eq!(gradients.len(), trace.rows.len());
    let mut worst = 0.0f64;
    for (t, (g, expected)) in gradients.iter().zip(&trace.rows).enumerate() {
        if t == RESTART {
            optimiser.target_updated().unwrap();
        }
        step(&mut optimiser, &model, g);
        for (w, expected) in numbers(&model).into_iter().zip(expected) {
            assert!(w.is_finite());
            worst = worst.max((w - expected).abs() / expected.abs().max(1e-3));
        }
    }
    worst
}

#[test]
fn every_variant_follows_its_reference() {
    let mut traces = traces();
    for variant in registry().into_iter().flat_map(|entry| entry.variants) {
        if variant
            .parse::<Spec>()
            .unwrap()
            .rule()
            .unwrap()
            .elementwise()
        {
            continue;
        }
        let trace = traces
            .remove(*variant)
            .unwrap_or_else(|| panic!("{variant} has no golden trace"));
        let (spec, source) = (setting(&trace), &trace.comments[2]);
        for agents in [false, true] {
            let exact = worst(&spec, &trace, DType::F64, agents);
            assert!(exact < 1e-12, "{variant} leaves {source} by {exact:e}");
            let single = worst(&spec, &trace, DType::F32, agents);
            assert!(single < 1e-4, "{variant} in f32 is off by {single:e}");
            println!("{variant}: {exact:.1e}, in f32 {single:.1e}");
        }
    }
    let unused: Vec<&String> = traces.keys().collect();
    assert!(unused.is_empty(), "traces of no variant: {unused:?}");
}

#[test]
fn muon_is_torchs_within_the_rounding_of_bfloat16() {
    let theirs = read("bfloat16.csv");
    let exact = traces().remove("muon").unwrap();
    let start = &read("gradients.csv").rows[0];
    let matrices: usize = DIMS[..3]
        .iter()
        .map(|dims| dims.iter().product::<usize>())
        .sum();
    let norm = |numbers: Vec<f64>| numbers.iter().map(|x| x * x).sum::<f64>().sqrt();
    // `every_variant_follows_its_reference` has our weights at the exact trace.
    for (theirs, ours) in theirs.rows.iter().zip(&exact.rows) {
        let off = (0..matrices).map(|i| theirs[i] - ours[i]).collect();
        let way = (0..matrices).map(|i| ours[i] - start[i]).collect();
        let share = norm(off) / norm(way);
        assert!(share < 0.05, "{share} of the way");
        assert!(share > 1e-5, "theirs is not in bfloat16");
    }
}

/// The weights after three steps of `spec`, where the tensors are laid out as `layouts` says.
fn laid_out(spec: &str, layouts: [Layout; 4]) -> Vec<f64> {
    let mut gradients = read("gradients.csv").rows;
    let model = model(&gradients.remove(0), DType::F64, false);
    let mut optimiser = Optimiser::new(&[spec.parse().unwrap()], model.clone()).unwrap();
    for (parameter, layout) in model.iter().zip(layouts) {
        optimiser = optimiser.lay_out(&parameter.name, layout).unwrap();
    }
    gradients[..3]
        .iter()
        .for_each(|g| step(&mut optimiser, &model, g));
    numbers(&model)
}

#[test]
fn layouts_say_what_is_a_matrix() {
    let plain = || [const { Layout::FirstAxis }; 4];
    let with = |i: usize, layout: Layout| {
        let mut layouts = plain();
        layouts[i] = layout;
        layouts
    };
    let muon = laid_out("muon", plain());
    let first = DIMS[0].iter().product::<usize>();
    // As a vector the first matrix is stepped by AdamW, and the others as before.
    let vector = laid_out("muon", with(0, Layout::Vector));
    assert_eq!(vector[first..], muon[first..]);
    assert_ne!(vector[..first], muon[..first]);
    assert_eq!(vector[..first], laid_out("adamw", plain())[..first]);
    // The transpose has the transposed step, but for the factor of its shape.
    let turned = laid_out(
        "muon:adjust_lr=match_rms_adamw",
        with(0, Layout::Rows(vec![1])),
    );
    let plain_step = laid_out("muon:adjust_lr=match_rms_adamw", plain());
    for (a, b) in turned[..first].iter().zip(&plain_step) {
        assert!((a - b).abs() < 1e-13);
    }
    // Rows in another order are the same matrix.
    let same = laid_out("muon", with(2, Layout::Rows(vec![0])));
    assert_eq!(same, muon);
    let wrong = "muon".parse::<Spec>().unwrap();
    let start = &read("gradients.csv").rows[0];
    let optimiser = Optimiser::new(&[wrong], model(start, DType::F64, false)).unwrap();
    let error = optimiser
        .lay_out("0 left", Layout::Rows(vec![1]))
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("allowed: different ones of 0 to 0"),
        "{error}"
    );
}

#[test]
fn a_matrix_stored_by_columns_is_stepped_and_saved_as_the_same_matrix() {
    const ROWS: usize = 4;
    const COLUMNS: usize = 3;
    let by_columns = |x: &[f64]| -> Vec<f64> {
        let place = |i: usize| x[i % ROWS * COLUMNS + i / ROWS];
        (0..x.len()).map(place).collect()
    };
    let gradients = read("gradients.csv").rows;
    let rows = gradients.iter().map(|g| g[..ROWS * COLUMNS].to_vec());
    let rows: Vec<Vec<f64>> = rows.collect();
    let one = |dims: [usize; 2], start: &[f64]| {
        let tensor = Tensor::from_slice(start, &dims, &Device::Cpu).unwrap();
        vec![Parameter::new("weight", Var::from_tensor(&tensor).unwrap())]
    };
    for name in ["muon", "lamb", "adafactor", "prodigy", "soap"] {
        let specs = [name.parse::<Spec>().unwrap()];
        let plain = one([ROWS, COLUMNS], &rows[0]);
        let turned = one([COLUMNS, ROWS], &by_columns(&rows[0]));
        let mut a = Optimiser::new(&specs, plain.clone()).unwrap();
        let made = || {
            let made = Optimiser::new(&specs, turned.clone()).unwrap();
            made.lay_out("weight", Layout::Rows(vec![1])).unwrap()
        };
        let mut b = made();
        for (t, g) in rows[1..12].iter().enumerate() {
            step(&mut a, &plain, g);
            step(&mut b, &turned, &by_columns(g));
            if t == 5 {
                let state = b.to_safetensors().unwrap();
                b = made();
                b.restore(&state).unwrap();
            }
        }
        for (x, y) in by_columns(&numbers(&plain)).iter().zip(numbers(&turned)) {
            assert!((x - y).abs() < 1e-13, "{name}: {x} {y}");
        }
        if name != "adafactor" {
            let m = |o: &Optimiser| -> Vec<f64> {
                let m = o.flat_state("m", 0).unwrap();
                m.into_iter().map(f64::from).collect()
            };
            for (x, y) in by_columns(&m(&a)).iter().zip(m(&b)) {
                assert!((x - y).abs() <= 1e-6 * x.abs(), "{name}: {x} {y}");
            }
        }
    }
}

#[test]
fn a_state_of_another_layout_is_refused() {
    let start = &read("gradients.csv").rows[0];
    let made = || {
        let model = model(start, DType::F32, false);
        Optimiser::new(&["muon".parse().unwrap()], model).unwrap()
    };
    let name = made().parameter_names()[0].to_string();
    let vector = || made().lay_out(&name, Layout::Vector).unwrap();
    let state = vector().to_safetensors().unwrap();
    vector().restore(&state).unwrap();
    let error = made().restore(&state).unwrap_err().to_string();
    assert!(error.contains("layout Vector of"), "{error}");
}

/// The weights after three steps of `spec`, whose first matrix is of the layer `first`.
fn of_layer(spec: &str, first: Layer) -> Vec<f64> {
    let mut gradients = read("gradients.csv").rows;
    let mut model = model(&gradients.remove(0), DType::F64, true);
    model[0].layer = first;
    let mut optimiser = Optimiser::cohort(&[spec.parse().unwrap()], model.clone()).unwrap();
    // As for a layout that is named, which says nothing of the layer.
    let name = &model[0].name;
    optimiser = optimiser.lay_out(name, Layout::Rows(vec![0])).unwrap();
    gradients[..3]
        .iter()
        .for_each(|g| step(&mut optimiser, &model, g));
    numbers(&model)
}

#[test]
fn muon_is_for_hidden_layers_alone() {
    let first = DIMS[0].iter().product::<usize>();
    let hidden = of_layer("muon", Layer::Hidden);
    for outer in [Layer::Input, Layer::Output] {
        let muon = of_layer("muon", outer);
        assert_eq!(muon[..first], of_layer("adamw", outer)[..first]);
        assert_ne!(muon[..first], hidden[..first]);
        assert_eq!(muon[first..], hidden[first..]);
        assert_eq!(of_layer("muon:hidden_only=false", outer), hidden);
        // No other rule asks for the layer.
        for name in ["lamb", "adafactor", "prodigy", "soap", "adam"] {
            let same = of_layer(name, Layer::Hidden) == of_layer(name, outer);
            assert!(same, "{name}");
        }
    }
    let layers = |depth| (0..depth).map(|i| Layer::at(i, depth)).collect::<Vec<_>>();
    assert_eq!(layers(3), [Layer::Input, Layer::Hidden, Layer::Output]);
    assert_eq!(layers(1), [Layer::Output]);
}

#[test]
fn a_side_that_is_too_large_keeps_its_own_axes() {
    let [full, left, none] = ["", ":max_precond_dim=4", ":max_precond_dim=1"]
        .map(|setting| laid_out(&format!("soap{setting}"), [const { Layout::FirstAxis }; 4]));
    let first = DIMS[0].iter().product::<usize>();
    assert_eq!(full[..first], left[..first]);
    assert_ne!(full[first..], left[first..]);
    // Without any axes it is Adam, one step late.
    let vectors = laid_out("soap", [const { Layout::Vector }; 4]);
    assert_eq!(none, vectors);
    let mut gradients = read("gradients.csv").rows;
    let model = model(&gradients.remove(0), DType::F64, false);
    let adamw = "adam:lr=3e-3,beta1=0.95,beta2=0.95,eps=1e-37"
        .parse()
        .unwrap();
    let mut adam = Optimiser::new(&[adamw], model.clone()).unwrap();
    gradients[1..3]
        .iter()
        .for_each(|g| step(&mut adam, &model, g));
    let late = laid_out(
        "soap:max_precond_dim=1,eps=1e-37,weight_decay=0",
        [const { Layout::FirstAxis }; 4],
    );
    for (late, adam) in late.iter().zip(numbers(&model)) {
        assert!((late - adam).abs() < 1e-14, "{late} {adam}");
    }
}

#[test]
fn axes_begin_with_the_first_gradient_that_comes() {
    let mut gradients = read("gradients.csv").rows;
    let model = model(&gradients.remove(0), DType::F64, false);
    let spec = ["soap".parse().unwrap()];
    let optimiser = Optimiser::new(&spec, model.clone()).unwrap();
    let mut optimiser = optimiser.allow_missing_gradients();
    let first = DIMS[0].iter().product::<usize>();
    step(&mut optimiser, &model[..1], &gradients[0][..first]);
    let start = numbers(&model);
    step(&mut optimiser, &model, &gradients[1]);
    let second = numbers(&model);
    step(&mut optimiser, &model, &gradients[2]);
    let third = numbers(&model);
    let matrices = first + DIMS[1].iter().product::<usize>();
    assert_ne!(start[..first], second[..first]);
    assert_eq!(start[first..matrices], second[first..matrices]);
    assert_ne!(second[first..matrices], third[first..matrices]);
}

#[test]
fn agents_of_a_cohort_have_states_of_the_same_sizes() {
    let start = [0.5; 12];
    let pair = |dims: &[usize]| {
        let tensor = Tensor::from_slice(&start, dims, &Device::Cpu).unwrap();
        vec![Parameter::new("weight", Var::from_tensor(&tensor).unwrap())]
    };
    let specs = ["soap", "soap:max_precond_dim=2"].map(|spec| spec.parse().unwrap());
    let error = Optimiser::cohort(&specs, pair(&[2, 3, 2])).err().unwrap();
    assert!(error.to_string().contains("`weight`"), "{error}");
    let fits = Optimiser::cohort(&specs, pair(&[2, 2, 3])).err().unwrap();
    assert!(fits.to_string().contains("different sizes"), "{fits}");
    Optimiser::cohort(&specs, pair(&[2, 6])).unwrap();
}
