//! How near numbers are to golden ones.
//!
//! In: tensors by name and their golden counterparts. Out: the largest relative error, and complaints beyond a tolerance.

use zorro_runtime::{Tensor, Tensors};

/// Of the norm of a sum's terms, what single precision may leave of it where it should be zero.
const ROUNDING: f64 = 1e-6;

fn norm(tensor: &Tensor) -> f64 {
    tensor.data().to_f32().into_iter().map(|n| f64::from(n).powi(2)).sum::<f64>().sqrt()
}

/// What was compared so far.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// The largest norm of a difference over the norm of the golden tensor, and where.
    pub(crate) worst: (f64, String),
    /// What is too far away.
    pub(crate) complaints: Vec<String>,
    /// How many tensors were compared.
    pub(crate) n_tensors: usize,
}

impl Comparison {
    /// Compares every golden tensor. Where its norm is below `absolute`, the difference must be, too; the bias of keys,
    /// whose gradient is zero because a softmax does not see what is added to all its scores, is a sum of terms as large as
    /// those of the matrix beside it, and is held to the rounding of these.
    pub(crate) fn tensors(
        &mut self,
        what: &str,
        ours: &Tensors,
        all: &Tensors,
        limits: (f64, f64),
    ) {
        for (name, golden) in all.iter() {
            let what = format!("{what} `{name}`");
            let beside = name.strip_suffix("k.bias").map(|place| format!("{place}k.weight"));
            let beside = beside.and_then(|name| all.get(&name)).map(norm).unwrap_or(0.0);
            let limits = (limits.0, limits.1.max(ROUNDING * beside));
            match ours.get(name) {
                Some(ours) => self.tensor(&what, ours, golden, limits),
                None => self.complaints.push(format!("{what} is not there")),
            }
        }
    }

    fn tensor(&mut self, what: &str, ours: &Tensor, golden: &Tensor, limits: (f64, f64)) {
        if ours.shape() != golden.shape() {
            let text = format!("{what} is {:?}, not {:?}", ours.shape(), golden.shape());
            self.complaints.push(text);
            return;
        }
        let (ours, golden) = (ours.data().to_f32(), golden.data().to_f32());
        let ours: Vec<f64> = ours.into_iter().map(f64::from).collect();
        let golden: Vec<f64> = golden.into_iter().map(f64::from).collect();
        self.numbers(what, &ours, &golden, limits);
    }

    /// Compares numbers.
    pub(crate) fn numbers(
        &mut self,
        what: &str,
        ours: &[f64],
        golden: &[f64],
        (relative, absolute): (f64, f64),
    ) {
        self.n_tensors += 1;
        let norm =
            |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|n| n * n).sum::<f64>().sqrt();
        let size = norm(&mut golden.iter().copied());
        let off = norm(&mut ours.iter().zip(golden).map(|(a, b)| a - b));
        if size < absolute {
            if off.is_nan() || off > absolute {
                self.complaints.push(format!("{what}: off by {off:e}, where the norm is {size:e}"));
            }
            return;
        }
        let error = off / size;
        if error.is_nan() || error > relative {
            self.complaints.push(format!("{what}: {error:e} of its norm"));
        }
        if error.is_nan() || error > self.worst.0 {
            self.worst = (error, what.to_owned());
        }
    }
}
