//! The model of `reference.zorro` in burn: two modalities and a fusion stream in one masked transformer, four output
//! queries, a classifier for each.
//!
//! In: sizes, and whatever hands out weights. Out: the logits of the four outputs. Deliberately not here: losses, data.
//! Patches are cut out by a permutation and multiplied as one matrix, which is what a convolution with steps as wide as
//! its kernel is: without autotuning burn computes that convolution itself much more slowly.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::activation::gelu;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Tensor, TensorData};

use crate::weights::Weights;

/// Frames, height and width of a patch of video.
const VIDEO_PATCH: [usize; 3] = [2, 16, 16];
/// Bins and times of a patch of audio.
const AUDIO_PATCH: [usize; 2] = [16, 16];
const OUTPUTS: [&str; 4] = ["video", "audio", "fusion", "global"];

/// The sizes of a model and its batch.
#[derive(Debug, Clone)]
pub struct Sizes {
    pub dim: usize,
    pub depth: usize,
    pub heads: usize,
    pub fusion_tokens: usize,
    pub video_size: [usize; 3],
    pub audio_size: [usize; 2],
    pub classes: usize,
    pub embed_dim: usize,
    pub batch: usize,
}

impl Sizes {
    /// As `compare.py` has them.
    pub fn preset(name: &str) -> Option<Self> {
        let tiny = Self {
            dim: 64,
            depth: 2,
            heads: 2,
            fusion_tokens: 8,
            video_size: [4, 32, 32],
            audio_size: [32, 48],
            classes: 527,
            embed_dim: 128,
            batch: 2,
        };
        match name {
            "tiny" => Some(tiny),
            "small" => Some(Self {
                dim: 192,
                depth: 4,
                heads: 3,
                video_size: [2, 224, 224],
                audio_size: [128, 192],
                batch: 4,
                ..tiny
            }),
            "vitb" => Some(Self {
                dim: 768,
                depth: 12,
                heads: 12,
                fusion_tokens: 16,
                video_size: [8, 224, 224],
                audio_size: [128, 384],
                batch: 1,
                ..tiny
            }),
            _ => None,
        }
    }

    fn video_grid(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.video_size[axis] / VIDEO_PATCH[axis])
    }

    fn audio_grid(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.audio_size[axis] / AUDIO_PATCH[axis])
    }

    /// Where the tokens of video, audio and fusion begin and end.
    fn streams(&self) -> [(usize, usize); 3] {
        let video = self.video_grid().iter().product::<usize>();
        let audio = video + self.audio_grid().iter().product::<usize>();
        [(0, video), (video, audio), (audio, audio + self.fusion_tokens)]
    }
}

/// How a layer keeps streams apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// One product of all queries and keys, and a mask.
    Dense,
    /// One attention for each stream, with the keys that it may read.
    Edges,
}

/// The model.
#[derive(Module, Debug)]
pub struct Reference {
    video: Linear,
    audio: Linear,
    video_positions: Param<Tensor<2>>,
    audio_positions: Param<Tensor<2>>,
    fusion: Param<Tensor<2>>,
    layers: Vec<Layer>,
    norm: LayerNorm,
    decoder: Decoder,
    classifiers: Vec<Linear>,
    // For contrastive objectives, which are not timed.
    projectors: Vec<Linear>,
    #[module(skip)]
    sizes: Sizes,
    #[module(skip)]
    reader: Reader,
    #[module(skip)]
    masks: Masks,
}

/// `true` where a query, the row, may not read a key.
#[derive(Debug, Clone)]
struct Masks {
    layers: Tensor<4, Bool>,
    decoder: Tensor<4, Bool>,
}

impl Reference {
    pub fn new(sizes: Sizes, reader: Reader, weights: &mut Weights<'_>) -> Result<Self, String> {
        let dim = sizes.dim;
        let [(_, video), (_, audio), (_, _)] = sizes.streams();
        let layers = (0..sizes.depth)
            .map(|at| Layer::new(&format!("blocks.{at}"), &sizes, weights))
            .collect::<Result<_, _>>()?;
        let mut heads = |kind: &str, outputs: &[&str], width| {
            outputs
                .iter()
                .map(|output| weights.linear(&format!("{kind}.{output}"), dim, width))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            classifiers: heads("heads", &OUTPUTS, sizes.classes)?,
            projectors: heads("proj", &OUTPUTS[..3], sizes.embed_dim)?,
            video: weights.linear("video_embed", 3 * VIDEO_PATCH.iter().product::<usize>(), dim)?,
            audio: weights.linear("audio_embed", AUDIO_PATCH.iter().product(), dim)?,
            video_positions: weights.rows("video_pos", video, dim)?,
            audio_positions: weights.rows("audio_pos", audio - video, dim)?,
            fusion: weights.rows("fusion_tokens", sizes.fusion_tokens, dim)?,
            layers,
            norm: weights.norm("norm", dim)?,
            decoder: Decoder::new(&sizes, weights)?,
            masks: Masks::new(&sizes, weights.device()),
            sizes,
            reader,
        })
    }

    /// Logits `[batch, classes]` of the outputs video, audio, fusion and global, of video `[batch, 3, frames, height,
    /// width]` and audio `[batch, 1, bins, times]`.
    pub fn logits(&self, video: Tensor<5>, audio: Tensor<4>) -> Vec<Tensor<2>> {
        let (batch, dim) = (self.sizes.batch, self.sizes.dim);
        let video =
            self.video.forward(self.video_patches(video)) + self.video_positions.val().unsqueeze();
        let audio =
            self.audio.forward(self.audio_patches(audio)) + self.audio_positions.val().unsqueeze();
        let fusion =
            self.fusion.val().unsqueeze::<3>().expand([batch, self.sizes.fusion_tokens, dim]);
        let mut x = Tensor::cat(vec![video, audio, fusion], 1);
        for layer in &self.layers {
            x = layer.forward(x, &self.sizes, self.reader, &self.masks);
        }
        let y = self.decoder.forward(self.norm.forward(x), &self.sizes, &self.masks);
        self.classifiers
            .iter()
            .enumerate()
            .map(|(at, classifier)| {
                classifier.forward(y.clone().narrow(1, at, 1).reshape([batch, dim]))
            })
            .collect()
    }

    fn video_patches(&self, video: Tensor<5>) -> Tensor<3> {
        let ([t, h, w], [pt, ph, pw]) = (self.sizes.video_grid(), VIDEO_PATCH);
        video
            .reshape([self.sizes.batch, 3, t, pt, h, ph, w, pw])
            .permute([0, 2, 4, 6, 1, 3, 5, 7])
            .reshape([self.sizes.batch, t * h * w, 3 * pt * ph * pw])
    }

    fn audio_patches(&self, audio: Tensor<4>) -> Tensor<3> {
        let ([f, t], [pf, pt]) = (self.sizes.audio_grid(), AUDIO_PATCH);
        audio.reshape([self.sizes.batch, f, pf, t, pt]).permute([0, 1, 3, 2, 4]).reshape([
            self.sizes.batch,
            f * t,
            pf * pt,
        ])
    }
}

impl Masks {
    fn new(sizes: &Sizes, device: &Device) -> Self {
        let streams = sizes.streams();
        let [.., (fusion, tokens)] = streams;
        let stream_of = |token: usize| streams.iter().position(|(_, end)| token < *end);
        let forbidden =
            |query: usize, key: usize| query < fusion && stream_of(query) != stream_of(key);
        let unread = |output: usize, key: usize| output < 3 && Some(output) != stream_of(key);
        let mask = |queries: usize, hidden: &dyn Fn(usize, usize) -> bool| {
            let all = (0..queries).flat_map(|query| (0..tokens).map(move |key| (query, key)));
            let bits: Vec<bool> = all.map(|(query, key)| hidden(query, key)).collect();
            Tensor::<4, Bool>::from_data(TensorData::new(bits, [1, 1, queries, tokens]), device)
                .expand([sizes.batch, sizes.heads, queries, tokens])
        };
        Self { layers: mask(tokens, &forbidden), decoder: mask(4, &unread) }
    }
}

#[derive(Module, Debug)]
struct Mlp {
    up: Linear,
    down: Linear,
}

impl Mlp {
    fn new(name: &str, dim: usize, weights: &mut Weights<'_>) -> Result<Self, String> {
        Ok(Self {
            up: weights.linear(&format!("{name}.fc1"), dim, 4 * dim)?,
            down: weights.linear(&format!("{name}.fc2"), 4 * dim, dim)?,
        })
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.down.forward(gelu(self.up.forward(x)))
    }
}

#[derive(Module, Debug)]
struct Layer {
    before_attention: LayerNorm,
    queries_keys_values: Linear,
    out: Linear,
    before_mlp: LayerNorm,
    mlp: Mlp,
}

impl Layer {
    fn new(name: &str, sizes: &Sizes, weights: &mut Weights<'_>) -> Result<Self, String> {
        let dim = sizes.dim;
        Ok(Self {
            before_attention: weights.norm(&format!("{name}.norm1"), dim)?,
            queries_keys_values: weights.linear(&format!("{name}.attn.qkv"), dim, 3 * dim)?,
            out: weights.linear(&format!("{name}.attn.proj"), dim, dim)?,
            before_mlp: weights.norm(&format!("{name}.norm2"), dim)?,
            mlp: Mlp::new(&format!("{name}.mlp"), dim, weights)?,
        })
    }

    fn forward(&self, x: Tensor<3>, sizes: &Sizes, reader: Reader, masks: &Masks) -> Tensor<3> {
        let all = self.queries_keys_values.forward(self.before_attention.forward(x.clone()));
        let [q, k, v] = parts(all, sizes);
        let read = match reader {
            Reader::Dense => attend(q, k, v, Some(&masks.layers)),
            Reader::Edges => {
                let [(_, video), (_, audio), (_, tokens)] = sizes.streams();
                let edges = [
                    (0, video, 0, video),
                    (video, audio, video, audio),
                    (audio, tokens, 0, tokens),
                ];
                let of = |x: &Tensor<4>, from, to| x.clone().narrow(2, from, to - from);
                let read = edges.map(|(a, b, from, to)| {
                    attend(of(&q, a, b), of(&k, from, to), of(&v, from, to), None)
                });
                Tensor::cat(read.to_vec(), 2)
            }
        };
        let x = x + self.out.forward(joined(read));
        x.clone() + self.mlp.forward(self.before_mlp.forward(x))
    }
}

#[derive(Module, Debug)]
struct Decoder {
    outputs: Param<Tensor<2>>,
    before_attention: LayerNorm,
    queries: Linear,
    keys_values: Linear,
    out: Linear,
    before_mlp: LayerNorm,
    mlp: Mlp,
}

impl Decoder {
    fn new(sizes: &Sizes, weights: &mut Weights<'_>) -> Result<Self, String> {
        let dim = sizes.dim;
        Ok(Self {
            outputs: weights.rows("decoder.queries", OUTPUTS.len(), dim)?,
            before_attention: weights.norm("decoder.norm_q", dim)?,
            queries: weights.linear("decoder.attn.q", dim, dim)?,
            keys_values: weights.linear("decoder.attn.kv", dim, 2 * dim)?,
            out: weights.linear("decoder.attn.proj", dim, dim)?,
            before_mlp: weights.norm("decoder.norm2", dim)?,
            mlp: Mlp::new("decoder.mlp", dim, weights)?,
        })
    }

    fn forward(&self, x: Tensor<3>, sizes: &Sizes, masks: &Masks) -> Tensor<3> {
        let outputs =
            self.outputs.val().unsqueeze::<3>().expand([sizes.batch, OUTPUTS.len(), sizes.dim]);
        let [q] =
            parts(self.queries.forward(self.before_attention.forward(outputs.clone())), sizes);
        let [k, v] = parts(self.keys_values.forward(x), sizes);
        let y = outputs + self.out.forward(joined(attend(q, k, v, Some(&masks.decoder))));
        y.clone() + self.mlp.forward(self.before_mlp.forward(y))
    }
}

/// `[batch, tokens, N * dim]` as N times `[batch, heads, tokens, dim of a head]`.
fn parts<const N: usize>(x: Tensor<3>, sizes: &Sizes) -> [Tensor<4>; N] {
    let [batch, tokens, _] = x.dims();
    std::array::from_fn(|part| {
        x.clone()
            .narrow(2, part * sizes.dim, sizes.dim)
            .reshape([batch, tokens, sizes.heads, sizes.dim / sizes.heads])
            .swap_dims(1, 2)
    })
}

/// `[batch, heads, tokens, dim of a head]` as `[batch, tokens, dim]`.
fn joined(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, tokens, width] = x.dims();
    x.swap_dims(1, 2).reshape([batch, tokens, heads * width])
}

fn attend(q: Tensor<4>, k: Tensor<4>, v: Tensor<4>, mask: Option<&Tensor<4, Bool>>) -> Tensor<4> {
    attention(q, k, v, mask.cloned(), None, AttentionModuleOptions::default())
}
