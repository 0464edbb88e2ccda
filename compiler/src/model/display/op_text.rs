//! Operations in words.
//!
//! In: an operation. Out: its name and its attributes as pieces of a line. Deliberately not here:
//! what the shapes of operands, results and weights say already.

use std::fmt;

use crate::number::Number;

use super::super::fold::Piece;
use super::super::{HostStep, Missing, Op, Pooling, PositionKind, Scaling, Short, Source};

impl Op {
    /// As written in a spec, where it can be written.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Latents => "latents",
            Self::Learned => "learned",
            Self::Patches(_) => "patches",
            Self::Linear => "linear",
            Self::Embed => "embed",
            Self::Position { .. } => "position",
            Self::Absent => "absent",
            Self::Norm { .. } => "norm",
            Self::RmsNorm { .. } => "rms_norm",
            Self::Scale => "scale",
            Self::Elementwise(function) => function.name(),
            Self::Softmax => "softmax",
            Self::Gated(_) => "gated",
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Affine { .. } => "affine",
            Self::Reciprocal(_) => "reciprocal",
            Self::Mean => "mean",
            Self::Dropout(_) => "dropout",
            Self::DropPath { .. } => "drop_path",
            Self::Attend { .. } => "attend",
            Self::Concat => "concat",
            Self::Join => "join",
            Self::Slice(..) => "slice",
            Self::Gather(_) => "gather",
            Self::Pool(_) => "pool",
            Self::Pad => "pad",
            Self::Crop => "crop",
        }
    }
}

fn text(text: impl fmt::Display) -> Piece {
    Piece::Text(text.to_string())
}

fn number(number: Number) -> Piece {
    Piece::Number(vec![(String::new(), number)])
}

/// The attributes of an operation, to stand in brackets behind its name; empty where it has none.
pub(in super::super) fn attributes(
    op: &Op,
    modality: impl Fn(super::super::ModalityId) -> String,
) -> Vec<Piece> {
    match op {
        Op::Input(id) => vec![text(modality(*id))],
        Op::Patches(sizes) => vec![text(list(sizes))],
        Op::Position { kind, join } => {
            vec![text(format_args!("{kind}{}", if *join { ", join" } else { "" }))]
        }
        Op::Norm { eps, scale: _, bias: _ } | Op::RmsNorm { eps, scale: _, bias: _ } => {
            vec![text("eps: "), number(*eps)]
        }
        Op::Gated(function) => vec![text(function.name())],
        Op::Affine { factor, term } => {
            vec![text("factor: "), number(*factor), text(", term: "), number(*term)]
        }
        Op::Reciprocal(value) => vec![text("of: "), number(*value)],
        Op::Dropout(rate) => vec![text("rate: "), number(*rate)],
        Op::DropPath { rate, rescale } => {
            let rescale = if *rescale { "" } else { ", rescale: false" };
            vec![text("rate: "), number(*rate), text(rescale)]
        }
        Op::Attend { heads, window, missing } => {
            let window =
                window.as_ref().map(|window| format!(", scores: relative({})", list(window)));
            let heads = number(Number::from(*heads));
            let missing = match missing {
                Missing::Zero => "",
                Missing::Absent => ", missing: absent",
            };
            vec![text("heads: "), heads, text(window.unwrap_or_default()), text(missing)]
        }
        Op::Slice(from, to) => vec![text(format_args!("{from}..{to}"))],
        Op::Gather(ids) => vec![text(gathered(ids))],
        Op::Pool(pooling) => vec![text(pooling)],
        Op::Latents
        | Op::Learned
        | Op::Linear
        | Op::Embed
        | Op::Absent
        | Op::Scale
        | Op::Elementwise(_)
        | Op::Softmax
        | Op::Add
        | Op::Sub
        | Op::Mul
        | Op::Div
        | Op::Mean
        | Op::Concat
        | Op::Join
        | Op::Pad
        | Op::Crop => Vec::new(),
    }
}

/// Many ids are told by their ends: the text form is for readers.
fn gathered(ids: &[u64]) -> String {
    match ids {
        [first, second, .., last] if ids.len() > 16 => {
            format!("{} ids: {first}, {second}, .. {last}", ids.len())
        }
        ids => list(ids),
    }
}

pub(in super::super) fn list<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for PositionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Learned => f.write_str("learned"),
            Self::Sinusoidal => f.write_str("sinusoidal"),
            Self::Fourier { bands, max } => write!(f, "fourier, bands: {bands}, max: {max}"),
        }
    }
}

impl fmt::Display for Pooling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mean => "mean",
            Self::First => "first",
            Self::Last => "last",
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frames { count, fps, size: [height, width], channels, scaling } => {
                write!(f, "frames(count: {count}, fps: {fps}, size: [{height}, {width}], ")?;
                write!(f, "channels: {channels}{})", scaling_text(scaling.as_ref()))
            }
            Self::Image { size: [height, width], channels, scaling } => {
                let scaling = scaling_text(scaling.as_ref());
                write!(f, "image(size: [{height}, {width}], channels: {channels}{scaling})")
            }
            Self::Wave { rate, seconds, short, channels } => {
                let short = match short {
                    Short::Pad => "pad",
                    Short::Loop => "loop",
                };
                write!(f, "wave(rate: {rate}, seconds: {seconds}, short: {short}, ")?;
                write!(f, "channels: {channels})")
            }
            Self::Text { length, vocabulary } => {
                write!(f, "text(length: {length}, vocabulary: {vocabulary})")
            }
            Self::Tensor => f.write_str("tensor"),
        }
    }
}

/// The last arguments of a source of pictures.
fn scaling_text(scaling: Option<&Scaling>) -> String {
    scaling.map(|scaling| format!(", {scaling}")).unwrap_or_default()
}

impl fmt::Display for HostStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normalize { mean, std } => {
                write!(f, "normalize([{}], [{}])", list(mean), list(std))
            }
            Self::LogMel {
                rate,
                bins,
                window,
                hop,
                fft,
                low,
                high,
                slaney_scale,
                slaney_norm,
                floor,
            } => {
                let scale = if *slaney_scale { "slaney" } else { "htk" };
                let norm = if *slaney_norm { "slaney" } else { "none" };
                write!(f, "logmel(rate: {rate}, bins: {bins}, window: {window}, hop: {hop}, ")?;
                write!(f, "fft: {fft}, low: {low}, high: {high}, scale: {scale}, norm: {norm}, ")?;
                write!(f, "floor: {floor})")
            }
            Self::Spectrogram { window, hop, fft, power } => {
                write!(f, "spectrogram(window: {window}, hop: {hop}, fft: {fft}, power: {power})")
            }
            Self::Fbank { rate, bins, window, hop, fft, low, high, window_type, preemphasis } => {
                let window_type = window_type.name();
                write!(f, "fbank(rate: {rate}, bins: {bins}, window: {window}, hop: {hop}, ")?;
                write!(f, "fft: {fft}, low: {low}, high: {high}, window_type: {window_type}, ")?;
                write!(f, "preemphasis: {preemphasis})")
            }
            Self::WhisperMel { bins } => write!(f, "whisper_mel(bins: {bins})"),
            Self::Crop(sizes) => write!(f, "crop({})", list(sizes)),
            Self::Pad(sizes) => write!(f, "pad({})", list(sizes)),
        }
    }
}
