use settings::settings;

use super::bases::{descending, dot, ordered, orthonormal, rotated_apart};
use crate::{
    AnyRule, Element, Matrix, MomentumState, OptimiserSettings, Shape, TensorRule,
    erase_tensor_rule, multiply_add,
    parts::{EPS, LR, WEIGHT_DECAY, mix, power, shrink},
    scalars,
};

settings! {
    /// SOAP: Adam in the axes in which Shampoo's preconditioners are diagonal.
    ///
    /// ```text
    /// m <- beta1 m + (1 - beta1) g
    /// v <- beta2 v + (1 - beta2) (Ql^T g Qr)^2
    /// u = Ql (Ql^T m Qr / (sqrt(v) + eps)) Qr^T
    /// w <- (1 - lr weight_decay) (w - lr sqrt(1 - beta2^s) / (1 - beta1^s) u)
    /// L <- shampoo_beta L + (1 - shampoo_beta) g g^T, and R alike with g^T g
    /// ```
    ///
    /// The columns of Ql are L's eigenvectors, and those of Qr are R's. The first gradient gives the first ones and is not
    /// stepped along, so `s = t - 1`. Every `precondition_frequency` steps they are turned by one power iteration, the QR
    /// decomposition of `L Ql`, in the order of their eigenvalues; `v` is put into the same order. What is no matrix is
    /// stepped by Adam, along all gradients but the first.
    ///
    /// - `eps` is added to the root as it is, not corrected for the start.
    /// - `max_precond_dim`: a side of a matrix with more rows or columns stays in its own axes. A matrix of two such
    ///   sides is stepped by Adam. The work of a side grows with its size cubed, and its memory with its size squared.
    /// - `shampoo_beta` does not follow `beta2`, as it does in the authors' code unless it is set.
    /// - A convolution's weight is one matrix, as with the authors' `merge_dims`; theirs has axes of its own for height
    ///   and width otherwise.
    pub struct Soap {
        /// learning rate
        lr: f64 = 3e-3, in LR;
        /// decay of the average of gradients: the momentum
        beta1: f64 = 0.95, in 0.0..1.0;
        /// decay of the average of squares
        beta2: f64 = 0.95, in 0.0..1.0;
        /// decay of the preconditioners L and R
        shampoo_beta: f64 = 0.95, in 0.0..1.0;
        /// added to the root
        eps: f64 = 1e-8, in EPS;
        /// shrinks the weights by lr weight_decay a step
        weight_decay: f64 = 1e-2, in WEIGHT_DECAY;
        /// correct both averages for their start
        bias_correction: bool = true;
        /// steps between two turns of the axes
        precondition_frequency: u64 = 10, in 1..;
        /// the most rows or columns that get axes of their own
        max_precond_dim: usize = 10_000, in 1..;
        /// ascend instead of descend
        maximize: bool = false;
        /// restart all states and t at each update of the target network
        reset_moments: bool = false;
    }
}

impl OptimiserSettings for Soap {
    const NAME: &'static str = "soap";
    const SUMMARY: &'static str =
        "Adam in the axes in which Shampoo's preconditioners are diagonal";
    const FORMULA: &'static str =
        "v of Ql^T g Qr; w <- w - lr Ql (Ql^T m Qr / (sqrt(v) + eps)) Qr^T, corrected as Adam";
    const SOURCE: &'static str =
        "Vyas et al. 2024, alg. 3; the authors' code; pytorch_optimizer.SOAP";
    const VARIANTS: &'static [&'static str] = &[
        "soap",
        "soap:beta1=0.9,beta2=0.99,shampoo_beta=0.9,eps=1e-4,weight_decay=0.1,precondition_frequency=1,max_precond_dim=4,maximize=true",
        "soap:bias_correction=false,weight_decay=0,precondition_frequency=6,max_precond_dim=2,reset_moments=true",
    ];

    fn rule(&self) -> Result<Box<dyn AnyRule>, String> {
        Ok(erase_tensor_rule(SoapRule(self.clone())))
    }

    fn momentum(&self) -> Option<MomentumState> {
        MomentumState::new("m", self.beta1)
    }
}

struct SoapRule(Soap);

scalars! {
    /// A step's numbers; `first` and `turn` are 1 at the first step and where the axes turn, otherwise 0.
    pub(crate) struct Scalars {
        first, turn, sign, beta1, one_minus_beta1, beta2, one_minus_beta2, eps, step, shrink
    }
}

impl TensorRule<6> for SoapRule {
    type Scalars<T: Copy> = Scalars<T>;
    const STATES: [&'static str; 6] = ["m", "v", "left", "right", "left_axes", "right_axes"];

    fn scalars(&self, t: u64, lr: f64) -> Scalars<f64> {
        let soap = &self.0;
        let flag = |on: bool| f64::from(u8::from(on));
        let steps = t - 1;
        let correction = match soap.bias_correction {
            // The first gradient is not stepped along.
            _ if steps == 0 => 0.0,
            true => (1.0 - power(soap.beta2, steps)).sqrt() / (1.0 - power(soap.beta1, steps)),
            false => 1.0,
        };
        Scalars {
            first: flag(steps == 0),
            turn: flag(steps.is_multiple_of(soap.precondition_frequency)),
            sign: if soap.maximize { -1.0 } else { 1.0 },
            beta1: soap.beta1,
            one_minus_beta1: 1.0 - soap.beta1,
            beta2: soap.beta2,
            one_minus_beta2: 1.0 - soap.beta2,
            eps: soap.eps,
            step: lr * correction,
            shrink: shrink(lr, soap.weight_decay),
        }
    }

    fn lengths(&self, shape: Shape) -> [usize; 6] {
        let n = shape.count();
        let Shape::Matrix { rows, columns } = shape else {
            return [n, n, 0, 0, 0, 0];
        };
        let square = |size: usize| match size <= self.0.max_precond_dim {
            true => size * size,
            false => 0,
        };
        let (left, right) = (square(rows), square(columns));
        [n, n, left, right, left, right]
    }

    #[inline(always)]
    fn update<R: Element>(
        &self,
        k: Scalars<R>,
        shape: Shape,
        w: &mut [R],
        g: &[R],
        [m, v, left, right, left_axes, right_axes]: [&mut [R]; 6],
    ) {
        let (rows, columns) = match shape {
            Shape::Matrix { rows, columns } if !(left.is_empty() && right.is_empty()) => {
                (rows, columns)
            }
            _ => {
                if is_zero(k.first) {
                    adam(k, w, g, m, v);
                }
                return;
            }
        };
        let beta = self.0.shampoo_beta;
        let gradient = Matrix::new(g, rows, columns);
        let mut axes = SideAxes {
            rows,
            columns,
            left: left_axes,
            right: right_axes,
        };
        // A gradient may be missing at the first steps.
        let stepped = axes.are_known();
        if stepped {
            let turned = axes.along(g);
            for (m, g) in m.iter_mut().zip(g) {
                *m = mix(k.beta1, *m, k.one_minus_beta1, k.sign * *g);
            }
            let mut u = axes.along(m);
            for ((u, v), g) in u.iter_mut().zip(v.iter_mut()).zip(turned) {
                *v = mix(k.beta2, *v, k.one_minus_beta2, g * g);
                *u = *u / (v.sqrt() + k.eps);
            }
            for (w, u) in w.iter_mut().zip(axes.back(&u)) {
                *w = k.shrink * (*w - k.step * u);
            }
        }
        // After the step, whose axes are to know nothing of its gradient.
        if !left.is_empty() {
            multiply_add(left, beta, 1.0 - beta, gradient, gradient.transposed());
        }
        if !right.is_empty() {
            multiply_add(right, beta, 1.0 - beta, gradient.transposed(), gradient);
        }
        if !stepped {
            axes.begin(g);
        } else if !is_zero(k.turn) {
            axes.turn(left, right, v);
        }
    }
}

#[inline(always)]
fn is_zero<R: Element>(x: R) -> bool {
    x.as_f64() == 0.0
}

#[inline(always)]
fn adam<R: Element>(k: Scalars<R>, w: &mut [R], g: &[R], m: &mut [R], v: &mut [R]) {
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        *m = mix(k.beta1, *m, k.one_minus_beta1, k.sign * *g);
        *v = mix(k.beta2, *v, k.one_minus_beta2, *g * *g);
        *w = k.shrink * (*w - k.step * (*m / (v.sqrt() + k.eps)));
    }
}

/// The axes of a matrix's two sides, each an orthonormal basis, one vector after the other; an empty one stands for the
/// matrix's own axes.
struct SideAxes<'a, R> {
    rows: usize,
    columns: usize,
    left: &'a mut [R],
    right: &'a mut [R],
}

impl<R: Element> SideAxes<'_, R> {
    /// States begin as zeros, and no basis is all zeros.
    fn are_known(&self) -> bool {
        let mut all = self.left.iter().chain(self.right.iter());
        all.any(|x| !is_zero(*x))
    }

    /// `x` in these axes: `Ql^T x Qr`.
    fn along(&self, x: &[R]) -> Vec<R> {
        self.turned(x, |axes| axes)
    }

    /// What [`along`](Self::along) undoes: `Ql x Qr^T`.
    fn back(&self, x: &[R]) -> Vec<R> {
        self.turned(x, Matrix::transposed)
    }

    fn turned<'a>(&'a self, x: &[R], way: impl Fn(Matrix<'a, R>) -> Matrix<'a, R>) -> Vec<R> {
        let (rows, columns) = (self.rows, self.columns);
        let mut turned = x.to_vec();
        if !self.left.is_empty() {
            let axes = way(Matrix::new(self.left, rows, rows));
            multiply_add(&mut turned, 0.0, 1.0, axes, Matrix::new(x, rows, columns));
        }
        if !self.right.is_empty() {
            let axes = way(Matrix::new(self.right, columns, columns));
            let x = turned.clone();
            let x = Matrix::new(&x, rows, columns);
            multiply_add(&mut turned, 0.0, 1.0, x, axes.transposed());
        }
        turned
    }

    /// The axes of the first gradient alone: its singular vectors. They are the eigenvectors of both products with its
    /// transpose, but where these are of eigenvalue 0 they are chosen by a rule instead of by rounding.
    fn begin(&mut self, g: &[R]) {
        let (rows, columns) = (self.rows, self.columns);
        let wide = rows <= columns;
        let vectors = match wide {
            true => g.iter().map(|x| x.as_f64()).collect(),
            false => (0..g.len())
                .map(|i| g[i % rows * columns + i / rows].as_f64())
                .collect(),
        };
        let (n, longer, shorter) = match wide {
            true => (columns, &mut *self.right, &mut *self.left),
            false => (rows, &mut *self.left, &mut *self.right),
        };
        let (vectors, coefficients) = rotated_apart(vectors, n);
        write(&coefficients, shorter);
        if !longer.is_empty() {
            write(&orthonormal(vectors, n), longer);
        }
    }

    /// One power iteration for each side, and `v` in the order of the new axes.
    fn turn(&mut self, left: &[R], right: &[R], v: &mut [R]) {
        let (rows, columns) = (self.rows, self.columns);
        let by_row = iterated(left, self.left, rows);
        let by_column = iterated(right, self.right, columns);
        let before = v.to_vec();
        for (row, v) in by_row.iter().zip(v.chunks_exact_mut(columns)) {
            for (column, v) in by_column.iter().zip(v) {
                *v = before[row * columns + column];
            }
        }
    }
}

/// Turns the `n` axes of one side towards the eigenvectors of `product`, the largest eigenvalue first. Returns which of the
/// axes each of them was.
fn iterated<R: Element>(product: &[R], axes: &mut [R], n: usize) -> Vec<usize> {
    if axes.is_empty() {
        return (0..n).collect();
    }
    let exact = |list: &[R]| -> Vec<f64> { list.iter().map(|x| x.as_f64()).collect() };
    let (product, before) = (exact(product), exact(axes));
    let mut after = vec![0.0; n * n];
    // `product` is symmetric, so that its products with the axes are rows of `before` times it.
    let (left, right) = (Matrix::new(&before, n, n), Matrix::new(&product, n, n));
    multiply_add(&mut after, 0.0, 1.0, left, right);
    let pairs = before.chunks_exact(n).zip(after.chunks_exact(n));
    let eigenvalues: Vec<f64> = pairs.map(|(before, after)| dot(before, after)).collect();
    let order = descending(&eigenvalues);
    write(&orthonormal(ordered(&after, n, &order), n), axes);
    order
}

fn write<R: Element>(numbers: &[f64], to: &mut [R]) {
    for (to, x) in to.iter_mut().zip(numbers) {
        *to = R::constant(*x);
    }
}
