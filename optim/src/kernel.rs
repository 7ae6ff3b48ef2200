//! The kernel of a rule: CUDA C (or, with two macros, plain C) with exactly the arithmetic that the CPU
//! runs.
//!
//! One launch steps all tensors of all agents. It gets a row of blocks for each tensor, a table on the
//! device with the addresses of each tensor's weights, gradients and states, and each agent's scalars.

use crate::{Rule, Scalars, record::record_update};

/// The kernel's name.
pub const NAME: &str = "optimiser_step";

/// The text of rule `T`'s kernel. [`prelude`] goes before it.
pub(crate) fn text<T: Rule<S>, const S: usize>() -> String {
    let recording = record_update::<T, S>();
    let mut scalars = <T::Scalars<f64> as Scalars<f64>>::names();
    let count = scalars.len();
    let mut body = String::new();
    let mut line = |text: String| {
        body += "        ";
        body += &text;
        body += "\n";
    };
    for (i, expression) in recording.lines.iter().enumerate() {
        line(format!("const real x{i} = {};", input(expression, count)));
    }
    line(format!("t.w[i] = x{};", recording.weight));
    for (state, value) in recording.states.iter().enumerate() {
        line(format!("t.s[{state}][i] = x{value};"));
    }
    scalars.extend(["clip: scale", "clip: bound"]);
    let scalars = comment("k", &scalars);
    let states = comment("s", &T::STATES);
    let (columns, room) = (count + 2, S.max(1));
    format!(
        "\
{scalars}{states}struct Tensor {{
    real *w;
    const real *g;
    real *s[{room}];
    unsigned long long each; /* weights of one agent */
}};

extern \"C\" __global__ void {NAME}(const struct Tensor *tensors, const real *scalars, int agents) {{
    const struct Tensor t = tensors[blockIdx.y];
    const unsigned long long n = t.each * agents;
    const unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < n; i += stride) {{
        const real *k = scalars + i / t.each * {columns};
{body}    }}
}}
"
    )
}

/// The text that precedes a kernel in `f64`, or otherwise in `f32`.
pub fn prelude(f64: bool) -> &'static str {
    if f64 {
        "typedef double real;\n#define real_sqrt sqrt\n#define real_abs fabs\n#define REAL_SMALLEST 2.2250738585072014e-308\n"
    } else {
        "typedef float real;\n#define real_sqrt sqrtf\n#define real_abs fabsf\n#define REAL_SMALLEST 1.17549435e-38f\n"
    }
}

/// An input's name in the kernel; the clip's two numbers follow the `scalars`.
fn input(expression: &str, scalars: usize) -> String {
    match expression {
        "scale" => format!("k[{scalars}]"),
        "bound" => format!("k[{}]", scalars + 1),
        "w" => "t.w[i]".into(),
        "g" => "t.g[i]".into(),
        state if state.starts_with("s[") => format!("t.{state}[i]"),
        other => other.into(),
    }
}

fn comment(array: &str, names: &[&str]) -> String {
    let list = names.iter().enumerate();
    let list: Vec<String> = list
        .map(|(i, name)| format!("{array}[{i}] {name}"))
        .collect();
    match list.len() {
        0 => String::new(),
        _ => format!("/* {} */\n", list.join(", ")),
    }
}
