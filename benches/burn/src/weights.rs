//! Where the numbers of the model come from.
//!
//! In: a name and a shape as PyTorch would have it, `[out, in, ..]` for what multiplies. Out: burn's parameter of it,
//! drawn or read from a file, and a list of what was handed out. Deliberately not here: which names there are.

use burn::module::{Param, ParamId};
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};

/// What is read or drawn.
pub enum Source<'a> {
    /// Numbers drawn around 0 from this state of a generator.
    Drawn(u64),
    /// A file's tensors, by name.
    File(SafeTensors<'a>),
}

impl Source<'_> {
    pub fn drawn(seed: u64) -> Self {
        Self::Drawn(seed)
    }
}

/// A parameter that was handed out.
pub struct Named {
    pub name: String,
    pub id: ParamId,
    /// `Some([in, out])` of a matrix that burn holds the other way round than the file does.
    pub turned: Option<[usize; 2]>,
    pub rank: usize,
}

/// Hands out parameters by name.
pub struct Weights<'a> {
    source: Source<'a>,
    device: Device,
    pub named: Vec<Named>,
}

impl<'a> Weights<'a> {
    pub fn new(source: Source<'a>, device: &Device) -> Self {
        Self { source, device: device.clone(), named: Vec::new() }
    }

    /// The numbers of `name`, row by row; drawn ones have the standard deviation `spread`.
    pub fn data(&mut self, name: &str, shape: &[usize], spread: f32) -> Result<TensorData, String> {
        let count = shape.iter().product();
        let numbers = match &mut self.source {
            Source::Drawn(state) => (0..count).map(|_| spread * normal(state)).collect(),
            Source::File(file) => floats(file, name)?,
        };
        if numbers.len() != count {
            return Err(format!("`{name}` holds {} numbers and not {shape:?}", numbers.len()));
        }
        Ok(TensorData::new(numbers, shape.to_vec()))
    }

    /// A parameter of one dimension; drawn, it is 0 everywhere.
    pub fn vector(&mut self, name: &str, width: usize) -> Result<Param<Tensor<1>>, String> {
        let data = self.data(name, &[width], 0.0)?;
        let parameter = Param::from_data(data, &self.device);
        self.note(name, parameter.id, None, 1);
        Ok(parameter)
    }

    /// A parameter of rows, such as positions or latents.
    pub fn rows(
        &mut self,
        name: &str,
        rows: usize,
        width: usize,
    ) -> Result<Param<Tensor<2>>, String> {
        let data = self.data(name, &[rows, width], 0.02)?;
        let parameter = Param::from_data(data, &self.device);
        self.note(name, parameter.id, None, 2);
        Ok(parameter)
    }

    /// `NAME.weight` and `NAME.bias`; in the file `[out, in]`, or any shape with as many numbers in that order.
    pub fn linear(&mut self, name: &str, from: usize, to: usize) -> Result<Linear, String> {
        let weight = format!("{name}.weight");
        let data = self.data(&weight, &[to, from], 0.02)?;
        let numbers = data.into_vec::<f32>().map_err(|error| format!("{error:?}"))?;
        let data = TensorData::new(turned(&numbers, to, from), [from, to]);
        let parameter = Param::from_data(data, &self.device);
        self.note(&weight, parameter.id, Some([from, to]), 2);
        Ok(Linear { weight: parameter, bias: Some(self.vector(&format!("{name}.bias"), to)?) })
    }

    /// `NAME.weight` and `NAME.bias` of a layer norm with the epsilon 1e-6.
    pub fn norm(&mut self, name: &str, width: usize) -> Result<LayerNorm, String> {
        let mut norm = LayerNormConfig::new(width).with_epsilon(1e-6).init(&self.device);
        if matches!(self.source, Source::File(_)) {
            norm.gamma = self.vector(&format!("{name}.weight"), width)?;
            norm.beta = Some(self.vector(&format!("{name}.bias"), width)?);
        }
        Ok(norm)
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    fn note(&mut self, name: &str, id: ParamId, turned: Option<[usize; 2]>, rank: usize) {
        self.named.push(Named { name: name.to_owned(), id, turned, rank });
    }
}

/// The float numbers of a tensor of the file.
pub fn floats(file: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, String> {
    let tensor = file.tensor(name).map_err(|error| format!("`{name}`: {error}"))?;
    if tensor.dtype() != Dtype::F32 {
        return Err(format!("`{name}` is {:?} and not F32", tensor.dtype()));
    }
    let (quads, _) = tensor.data().as_chunks::<4>();
    Ok(quads.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// The matrix `[rows, columns]` as `[columns, rows]`.
pub fn turned(numbers: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|at| numbers[at % rows * columns + at / rows]).collect()
}

/// About a normal number: the sum of twelve uniform ones, which is near enough for a clock.
fn normal(state: &mut u64) -> f32 {
    let mut sum = 0.0;
    for _ in 0..12 {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sum += (*state >> 40) as f32 / (1 << 24) as f32;
    }
    sum - 6.0
}
