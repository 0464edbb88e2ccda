//! What a host does to data before it feeds it.
//!
//! In: a modality. Out: its steps as data with all their numbers, and in words. Deliberately not here: doing it, which is the
//! runtime's, and where the tensor lies.

use serde_json::{Map, Value, json};
use zorro_compiler::mel::{WHISPER_HOP, WHISPER_RATE, WHISPER_WINDOW};
use zorro_compiler::model::{Filter, Fit, HostStep, Modality, Scaling, Short, Source, TargetKind};
use zorro_compiler::number::Number;

/// A modality: the tensor of one sample, and how a host comes to it.
pub(super) fn modality(modality: &Modality) -> Value {
    let Modality { name, source, steps, shape, span: _ } = modality;
    let mut sizes = shape.grid.clone();
    if !matches!(source, Source::Text { .. }) {
        sizes.push(shape.width);
    }
    let steps = std::iter::once(self::source(source)).chain(steps.iter().map(step));
    let (steps, words): (Vec<Value>, Vec<String>) = steps.unzip();
    json!({ "name": name, "shape": sizes, "steps": steps, "in_words": words.join("; then ") })
}

/// A target: the tensor of one sample.
pub(super) fn target(name: &str, kind: &TargetKind) -> Value {
    let (kind, shape, words) = match kind {
        TargetKind::Class(n) => (
            "class",
            vec![*n],
            "the probability of each class: 1 for the sample's class and 0 for the others, or a mixture of such".to_owned(),
        ),
        TargetKind::Classes(n) => {
            ("classes", vec![*n], "for each class a number from 0 to 1: whether the sample has it".to_owned())
        }
        TargetKind::Tensor(shape) => {
            let mut sizes = shape.grid.clone();
            sizes.push(shape.width);
            ("tensor", sizes, "what the result shall become".to_owned())
        }
    };
    json!({ "name": name, "kind": kind, "shape": shape, "in_words": words })
}

fn source(source: &Source) -> (Value, String) {
    match source {
        Source::Frames { count, fps, size, channels, scaling } => (
            tagged(
                "do",
                "decode_video",
                &[
                    vec![("count", json!(count)), ("fps", number(*fps))],
                    pixels(*size, *channels, *scaling),
                ]
                .concat(),
            ),
            format!(
                "{count} frames of a video, {fps} a second, {}; {} from 0 to 1, frame by frame, row by row, pixel by pixel, \
                 channel by channel",
                resized(*size, *scaling),
                colors(*channels)
            ),
        ),
        Source::Image { size, channels, scaling } => (
            tagged("do", "decode_image", &pixels(*size, *channels, *scaling)),
            format!(
                "a picture {}; {} from 0 to 1, row by row, pixel by pixel, channel by channel",
                resized(*size, *scaling),
                colors(*channels)
            ),
        ),
        Source::Wave { rate, seconds, short, channels } => {
            let (short, words) = match short {
                Short::Pad => ("pad", "zeros follow"),
                Short::Loop => ("loop", "it is repeated"),
            };
            (
                json!({
                    "do": "decode_sound",
                    "rate": rate,
                    "seconds": number(*seconds),
                    "short": short,
                    "channels": channels,
                    "range": [-1, 1],
                }),
                format!(
                    "{seconds} s of sound resampled to {rate} samples a second, {channels} channel{}, from -1 to 1, sample by \
                     sample, channel by channel; where the sound is shorter, {words}",
                    if *channels == 1 { "" } else { "s" }
                ),
            )
        }
        Source::Text { length, vocabulary } => (
            json!({ "do": "tokenize", "length": length, "vocabulary": vocabulary }),
            format!("{length} token ids below {vocabulary}"),
        ),
        Source::Tensor => (json!({ "do": "take" }), "numbers as they are".to_owned()),
    }
}

/// What a decoder of pictures makes.
fn pixels(size: [u64; 2], channels: u64, scaling: Option<Scaling>) -> Vec<(&'static str, Value)> {
    let [height, width] = size;
    let (filter, fit) =
        scaling.map_or((Filter::Bilinear, "cover"), |scaling| (scaling.filter, scaling.fit.name()));
    let mut fields = vec![
        ("height", json!(height)),
        ("width", json!(width)),
        ("channels", json!(channels)),
        ("filter", json!(filter.name())),
        ("fit", json!(fit)),
    ];
    if let Some(Fit::Crop(scaled) | Fit::Squash(scaled)) = scaling.map(|scaling| scaling.fit) {
        fields.push(("scaled", json!(scaled)));
    }
    fields.push(("range", json!([0, 1])));
    fields
}

fn resized([height, width]: [u64; 2], scaling: Option<Scaling>) -> String {
    let size = format!("{height} rows of {width} pixels");
    let Some(Scaling { filter, fit }) = scaling else {
        return format!(
            "of which the largest part in the middle that has these proportions is resized to {size} with the antialiased \
             bilinear filter and rounded to 256 levels"
        );
    };
    let how = match fit {
        Fit::Crop([high, wide]) => format!(
            "resized in proportion until it just covers {high} rows of {wide} pixels, of which the middle {size} are taken"
        ),
        Fit::Squash(scaled) if scaled == [height, width] => format!("resized to {size}"),
        Fit::Squash([high, wide]) => {
            format!("resized to {high} rows of {wide} pixels, of which the middle {size} are taken")
        }
        Fit::Pad => format!(
            "resized in proportion until it just fits into {size}, the rest on both sides black"
        ),
    };
    let antialiased = if filter == Filter::Nearest { "" } else { "antialiased " };
    format!("{how}, with the {antialiased}{} filter", filter.name())
}

fn colors(channels: u64) -> &'static str {
    if channels == 1 { "brightness" } else { "red, green and blue" }
}

fn step(step: &HostStep) -> (Value, String) {
    match step {
        HostStep::Normalize { mean, std } => (
            json!({ "do": "normalize", "mean": numbers(mean), "std": numbers(std) }),
            format!(
                "(value - mean) / std with mean {} and std {}{}",
                list(mean),
                list(std),
                if mean.len().max(std.len()) > 1 { ", a number for each channel" } else { "" }
            ),
        ),
        HostStep::LogMel { .. } => log_mel(step),
        HostStep::Fbank { .. } => fbank(step),
        HostStep::WhisperMel { bins } => whisper_mel(*bins),
        HostStep::Spectrogram { window, hop, fft, power } => (
            json!({
                "do": "spectrogram",
                "window": window,
                "hop": hop,
                "fft": fft,
                "power": number(*power),
            }),
            format!(
                "magnitudes to the power of {power} of Fourier transforms of {fft} samples of periodic Hann windows of {window} \
                 samples, centered on every {hop}th sample; frequency by frequency, window by window"
            ),
        ),
        HostStep::Crop(sizes) => (
            json!({ "do": "crop", "grid": sizes }),
            format!("the leading {} of the grid", grid(sizes)),
        ),
        HostStep::Pad(sizes) => (
            json!({ "do": "pad", "grid": sizes }),
            format!("zeros behind the grid up to {}", grid(sizes)),
        ),
    }
}

fn log_mel(step: &HostStep) -> (Value, String) {
    let HostStep::LogMel {
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
    } = step
    else {
        unreachable!("only called for it")
    };
    let scale = if *slaney_scale { "slaney" } else { "htk" };
    let norm = if *slaney_norm { "slaney" } else { "none" };
    let data = json!({
        "do": "log_mel",
        "rate": rate,
        "bins": bins,
        "window": window,
        "hop": hop,
        "fft": fft,
        "low": number(*low),
        "high": number(*high),
        "scale": scale,
        "norm": norm,
        "floor": number(*floor),
    });
    let words = format!(
        "the natural logarithm of {floor} and the power, in {bins} triangular filters from {low} to {high} Hz ({scale} scale, \
         norm {norm}), of Fourier transforms of {fft} samples of periodic Hann windows of {window} samples, centered on every \
         {hop}th sample; filter by filter, window by window"
    );
    (data, words)
}

fn fbank(step: &HostStep) -> (Value, String) {
    let HostStep::Fbank { rate, bins, window, hop, fft, low, high, window_type, preemphasis } =
        step
    else {
        unreachable!("only called for it")
    };
    let data = json!({
        "do": "fbank",
        "rate": rate,
        "bins": bins,
        "window": window,
        "hop": hop,
        "fft": fft,
        "low": number(*low),
        "high": number(*high),
        "window_type": window_type.name(),
        "preemphasis": number(*preemphasis),
    });
    let words = format!(
        "Kaldi's filterbank of whole windows of {window} samples, {hop} apart: without their mean, less {preemphasis} of the \
         sample before, under a symmetric {} window; the natural logarithm of the power, at least 2^-23, of Fourier transforms \
         of {fft} samples in {bins} filters from {low} to {high} Hz, triangles on the HTK mel scale; filter by filter, window by \
         window; where the sound is shorter, 0 for windows that do not lie within it",
        window_type.name()
    );
    (data, words)
}

fn whisper_mel(bins: u64) -> (Value, String) {
    let data = json!({
        "do": "whisper_mel",
        "rate": WHISPER_RATE,
        "bins": bins,
        "window": WHISPER_WINDOW,
        "hop": WHISPER_HOP,
        "fft": WHISPER_WINDOW,
        "low": 0,
        "high": WHISPER_RATE / 2,
        "scale": "slaney",
        "norm": "slaney",
    });
    let words = format!(
        "Whisper's features: the logarithm to base 10 of the power, at least 1e-10, in {bins} triangular filters from 0 to {} Hz \
         (slaney scale, norm slaney), of periodic Hann windows of {WHISPER_WINDOW} samples, centered on every {WHISPER_HOP}th \
         sample of the sound with reflected edges; at least the largest minus 8; then (value + 4) / 4; filter by filter, window \
         by window",
        WHISPER_RATE / 2
    );
    (data, words)
}

fn grid(sizes: &[u64]) -> String {
    sizes.iter().map(u64::to_string).collect::<Vec<_>>().join("x")
}

fn list(numbers: &[Number]) -> String {
    numbers.iter().map(Number::to_string).collect::<Vec<_>>().join(", ")
}

fn numbers(numbers: &[Number]) -> Value {
    numbers.iter().copied().map(number).collect()
}

/// An integer where it is one, else the nearest double.
pub(super) fn number(number: Number) -> Value {
    let integer = number.to_integer().and_then(|integer| i64::try_from(integer).ok());
    integer.map_or_else(|| json!(number.to_f64()), |integer| json!(integer))
}

/// Fields behind one that says what kind of thing it is.
pub(super) fn tagged(key: &str, tag: &str, fields: &[(&str, Value)]) -> Value {
    let mut all = Map::new();
    all.insert(key.to_owned(), json!(tag));
    all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Value::Object(all)
}
