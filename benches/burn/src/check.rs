//! Whether this is the model that it says it is.
//!
//! In: a folder of weights, data, outputs and gradients that PyTorch found (`tests/goldens/b1_zorro_vit`). Out: how far
//! burn's loss and gradients are from them, an error where that is further than float32 explains. Deliberately not here:
//! speed.

use std::path::Path;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::GradientsParams;
use burn::tensor::{Int, Tensor, TensorData};
use safetensors::SafeTensors;

use crate::model::{Reference, Sizes};
use crate::weights::{Named, Source, Weights, floats, turned};
use crate::{Mode, Wanted};

/// Of a gradient's largest number. PyTorch's own float32 gradients are within 8e-6 of its float64 ones.
const TOLERANCE: f32 = 2e-4;

pub fn check(folder: &Path, wanted: &Wanted) -> Result<(), String> {
    if wanted.mode == Mode::Forward {
        return Err("gradients are checked, too: `--check` knows no `forward`".to_owned());
    }
    let read = |name: &str| {
        std::fs::read(folder.join(name))
            .map_err(|error| format!("{}: {error}", folder.join(name).display()))
    };
    let [weights, inputs, outputs, gradients] =
        ["weights", "inputs", "outputs", "grads"].map(|name| read(&format!("{name}.safetensors")));
    let (weights, inputs, outputs, gradients) = (weights?, inputs?, outputs?, gradients?);
    let open = |bytes| SafeTensors::deserialize(bytes).map_err(|error| error.to_string());
    let (outputs, gradients, inputs) = (open(&outputs)?, open(&gradients)?, open(&inputs)?);
    let sizes = sizes(&read("config.json")?)?;
    let device = wanted.device.clone();

    let mut weights = Weights::new(Source::File(open(&weights)?), &device);
    let model = Reference::new(sizes.clone(), wanted.reader, &mut weights)?;
    let [frames, height, width] = sizes.video_size;
    let [bins, times] = sizes.audio_size;
    let video = TensorData::new(floats(&inputs, "video")?, [sizes.batch, 3, frames, height, width]);
    let audio = TensorData::new(floats(&inputs, "audio")?, [sizes.batch, 1, bins, times]);
    let labels = inputs.tensor("labels").map_err(|error| error.to_string())?;
    let (labels, _) = labels.data().as_chunks::<8>();
    let labels: Vec<i32> = labels.iter().map(|bytes| i64::from_le_bytes(*bytes) as i32).collect();
    let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [sizes.batch]), &device);

    let cross_entropy = CrossEntropyLossConfig::new().init(&device);
    let losses: Vec<_> = model
        .logits(Tensor::from_data(video, &device), Tensor::from_data(audio, &device))
        .into_iter()
        .map(|logits| cross_entropy.forward(logits, labels.clone()))
        .collect();
    let loss = Tensor::cat(losses, 0).mean();
    let ours = loss.clone().into_scalar::<f32>();
    let theirs = floats(&outputs, "loss.ce")?[0];
    println!("loss: {ours} here, {theirs} in PyTorch");
    if (ours - theirs).abs() > 1e-5 * theirs.abs() {
        return Err("that is not the same loss".to_owned());
    }
    let found = GradientsParams::from_grads(loss.backward(), &model);
    let mut worst = (0.0, String::new());
    for named in &weights.named {
        let theirs = floats(&gradients, &format!("ce/{}", named.name))?;
        let ours = gradient(&found, named)?.unwrap_or_else(|| vec![0.0; theirs.len()]);
        // The bias of keys has no gradient: what is found is rounding, so it counts against 1e-3 at least.
        let largest = theirs.iter().fold(1e-3_f32, |most, number| most.max(number.abs()));
        let apart = ours.iter().zip(&theirs).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        if !ours.iter().all(|number| number.is_finite()) {
            return Err(format!("the gradient of `{}` is not finite", named.name));
        }
        if apart / largest > worst.0 {
            worst = (apart / largest, named.name.clone());
        }
    }
    let (apart, name) = worst;
    println!(
        "{} gradients: at most {apart:e} of a gradient's largest number apart, in {name}",
        weights.named.len()
    );
    if apart < TOLERANCE { Ok(()) } else { Err("those are not the same gradients".to_owned()) }
}

/// A parameter's gradient in the order of the file; `None` where the loss does not depend on it.
fn gradient(found: &GradientsParams, named: &Named) -> Result<Option<Vec<f32>>, String> {
    let data = match named.rank {
        1 => found.get::<1>(named.id).map(Tensor::into_data),
        _ => found.get::<2>(named.id).map(Tensor::into_data),
    };
    let Some(data) = data else { return Ok(None) };
    let numbers = data.into_vec::<f32>().map_err(|error| format!("{error:?}"))?;
    Ok(Some(match named.turned {
        Some([rows, columns]) => turned(&numbers, rows, columns),
        None => numbers,
    }))
}

fn sizes(config: &[u8]) -> Result<Sizes, String> {
    let config: serde_json::Value =
        serde_json::from_slice(config).map_err(|error| error.to_string())?;
    let model = &config["model"];
    let number = |value: &serde_json::Value, what: &str| {
        value
            .as_u64()
            .map(|number| number as usize)
            .ok_or_else(|| format!("no number `{what}` in config.json"))
    };
    let one = |name: &str| number(&model[name], name);
    let at = |name: &str, axis: usize| number(&model[name][axis], name);
    Ok(Sizes {
        dim: one("dim")?,
        depth: one("depth")?,
        heads: one("heads")?,
        fusion_tokens: one("fusion_tokens")?,
        video_size: [at("video_size", 0)?, at("video_size", 1)?, at("video_size", 2)?],
        audio_size: [at("audio_size", 0)?, at("audio_size", 1)?],
        classes: one("classes")?,
        embed_dim: one("embed_dim")?,
        batch: one("batch")?,
    })
}
