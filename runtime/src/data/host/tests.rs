//! Steps of modalities on small grids.

use super::*;
use crate::data::tests::model;

fn host(modality: &str) -> Host {
    let spec = format!("model m {{\n modality a = {modality}\n output o = a |> linear(1)\n}}");
    Host::new(&model(&spec).modalities[0])
}

#[test]
fn grids_are_cut_and_filled_up() {
    let numbers = |n: u8| (0..n).map(f32::from).collect::<Vec<f32>>();
    for (modality, given, wanted) in [
        ("tensor([4]) |> crop(1)", 4, vec![0.0, 1.0, 2.0, 3.0]),
        ("tensor([2, 3, 1]) |> normalize(1, 2)", 6, vec![-0.5, 0.0, 0.5, 1.0, 1.5, 2.0]),
    ] {
        let found = host(modality).of_numbers(numbers(given), &Moment::still()).unwrap();
        assert_eq!(found, wanted, "{modality}");
    }
    let grid = Grid { sizes: vec![2, 3], width: 2 };
    assert_eq!(resized(&numbers(12), &grid, &[1, 2]), [0.0, 1.0, 2.0, 3.0]);
    let filled = resized(&numbers(12), &grid, &[3, 4]);
    let zeros = [0.0; 2];
    assert_eq!(filled[..8], [numbers(6), zeros.to_vec()].concat());
    assert_eq!(filled[8..14], numbers(12)[6..]);
    assert_eq!(filled[14..], [0.0; 10]);
}

#[test]
fn sounds_are_filled_up_or_repeated() {
    let sound = || vec![vec![1.0, 2.0, 3.0]];
    for (short, wanted) in [
        ("pad", [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
        ("loop", [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0]),
    ] {
        let host = host(&format!("wave(rate: 8, seconds: 1, short: {short})"));
        assert_eq!(host.of_sound(sound(), &Moment::still()).unwrap(), wanted);
        assert!(host.of_sound(vec![vec![]], &Moment::still()).is_err());
        assert!(host.of_sound(vec![vec![f32::NAN]], &Moment::still()).is_err());
    }
    let host = host("wave(rate: 4, seconds: 1, channels: 2)");
    let found = host.of_sound(vec![vec![1.0, 2.0], vec![3.0, 4.0]], &Moment::still()).unwrap();
    assert_eq!(found, [1.0, 3.0, 2.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
}

/// A picture in color without smooth places.
fn picture(height: usize, width: usize) -> Picture {
    let value = |at: usize| {
        let (x, y, color) = (at / 3 % width, at / 3 / width, at % 3);
        u8::try_from((x * 37 + y * 91 + color * 53 + (x * y) % 23 * 7) % 256).unwrap()
    };
    let values = (0..height * width * 3).map(value).collect();
    Picture { height, width, channels: 3, values }
}

/// A source, the size of the picture, how far numbers may be off, and the first of them. Of transformers 5.24.0
/// (`CLIPImageProcessorPil`; `VideoMAEImageProcessorPil` with the numbers of the published checkpoints), which rounds to 256
/// levels on the way, and of torchvision 0.29.2 (`ImageClassification`, on floats).
type Preset = (&'static str, [usize; 2], f32, [f32; 27]);

const PRESETS: &[Preset] = &[
    (
        "image(size: 3, preprocess: clip)",
        [8, 11],
        0.016,
        [
            -0.216, 0.184, 0.525, 0.033, 0.289, 0.582, -0.04, 0.139, 0.411, 0.018, 0.364, 0.283,
            0.368, 0.334, 0.312, 0.047, 0.304, 0.539, -0.113, 0.274, 0.411, -0.099, 0.364, 0.297,
            0.193, 0.154, 0.582,
        ],
    ),
    (
        "frames(count: 1, fps: 1, size: 3, preprocess: videomae)",
        [8, 11],
        0.019,
        [
            -0.2, 0.275, 0.653, 0.006, 0.31, 0.653, -0.046, 0.223, 0.566, -0.012, 0.415, 0.357,
            0.331, 0.398, 0.461, 0.074, 0.345, 0.636, -0.149, 0.328, 0.514, -0.08, 0.433, 0.392,
            0.194, 0.205, 0.653,
        ],
    ),
    (
        "image(size: 7, preprocess: imagenet)",
        [14, 20],
        0.001,
        [
            -0.159, 0.459, 0.957, 0.217, -0.019, 0.394, -0.412, 0.236, 0.504, -0.218, 0.04, 0.687,
            0.03, 0.892, 0.03, 0.545, 0.364, -0.599, -0.355, -0.358, 0.305, 0.183, 0.388, 0.662,
            0.269, 0.151, 0.372,
        ],
    ),
];

#[test]
fn presets_are_what_models_were_trained_with() {
    for (source, [height, width], off, wanted) in PRESETS {
        let found = host(source).of_pictures(&[picture(*height, *width)], &Moment::still());
        for (found, wanted) in found.unwrap().iter().zip(wanted) {
            assert!((found - wanted).abs() <= *off, "{source}: {found} {wanted}");
        }
    }
}

#[test]
fn a_preset_is_what_is_written_in_its_place() {
    for (preset, written) in [
        (
            "image(size: 7, preprocess: imagenet)",
            "image(size: 7, resize: bilinear, fit: crop, crop_pct: 0.875) |> normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])",
        ),
        (
            "image(size: 7, resize: lanczos, fit: pad, preprocess: clip)",
            "image(size: 7, resize: lanczos, fit: pad) |> normalize([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])",
        ),
        (
            "image(size: 7, crop_pct: 0.5)",
            "image(size: 7, resize: bilinear, fit: crop, crop_pct: 0.5)",
        ),
    ] {
        let of = |source| host(source).of_pictures(&[picture(14, 20)], &Moment::still()).unwrap();
        assert_eq!(of(preset), of(written), "{preset}");
    }
}
/// A tone that rises from 200 Hz, and noise: the same numbers in any language.
fn rising(n: usize) -> Vec<f32> {
    let mut state = 1_u32;
    (0..n)
        .map(|at| {
            let time = at as f64 / 16_000.0;
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state) / 4_294_967_296.0 - 0.5;
            let angle = std::f64::consts::TAU * (200.0 * time + 150.0 * time * time);
            (0.4 * angle.sin() + 0.1 * noise) as f32
        })
        .collect()
}

/// What steps make of so many samples, held to `(bin, frame, value)`.
fn check_spectrum(modality: &str, n: usize, frames: usize, wanted: &[(usize, usize, f32)]) {
    let found = host(modality).of_sound(vec![rising(n)], &Moment::still()).unwrap();
    for (bin, frame, wanted) in wanted {
        let found = found[bin * frames + frame];
        // The other side computes in single precision.
        assert!(
            (found - wanted).abs() < 1e-4,
            "{modality}, {n} samples: {found} {wanted}, bin {bin}, frame {frame}"
        );
    }
}

#[test]
fn fbank_is_kaldis() {
    // Values of torchaudio 2.11's `compliance.kaldi.fbank`, dither 0.
    for (arguments, frames, wanted) in [
        (
            "bins: 23",
            98,
            [(0, 0, -0.820_403), (1, 10, 2.697_057), (11, 20, 0.144_763), (22, 97, 2.654_969)],
        ),
        (
            "bins: 80, window_type: hamming, low: 0, high: 7600, preemphasis: 0",
            98,
            [(0, 0, -1.894_771), (1, 10, -0.460_449), (11, 20, 5.354_851), (22, 97, -1.827_02)],
        ),
        (
            "bins: 40, window: 512, hop: 320, window_type: rectangular",
            49,
            [(0, 0, -1.269_048), (1, 10, -0.810_910), (11, 20, -0.881_038), (22, 48, 0.534_561)],
        ),
    ] {
        let modality = format!("wave(rate: 16000, seconds: 1) |> fbank({arguments})");
        check_spectrum(&modality, 16_000, frames, &wanted);
    }
}

/// Values of `ASTFeatureExtractor` of transformers 5.24.
#[test]
fn fbank_is_what_audio_spectrogram_transformers_were_trained_on() {
    let ast = "wave(rate: 16000, seconds: 10.24, preprocess: ast)";
    let begin =
        [(0, 0, -0.518_092), (1, 0, -0.683_430), (5, 100, -0.788_532), (77, 399, 0.235_802)];
    check_spectrum(ast, 163_840, 1024, &begin);
    check_spectrum(ast, 80_000, 1024, &begin);
    let end = [(127, 498, 0.565_007), (64, 900, 0.053_283), (3, 1021, -1.277_594)];
    check_spectrum(ast, 163_840, 1024, &end);
    // Of a shorter sound the features are filled up, not the sound.
    let end = [(127, 497, 0.571_111), (127, 498, 0.467_032), (0, 1023, 0.467_032)];
    check_spectrum(ast, 80_000, 1024, &end);
    let said = host(ast).of_sound(vec![rising(399)], &Moment::still()).unwrap_err();
    assert!(said.contains("399 samples, fewer than a window of 400"), "{said}");
}

/// Values of `WhisperFeatureExtractor` of transformers 5.24.
#[test]
fn whisper_mel_is_whispers() {
    for (bins, n, wanted) in [
        (80, 480_000, [(0, 0, 1.121_183), (50, 199, 0.259_637), (40, 1500, 0.387_508)]),
        (80, 32_000, [(3, 1, 1.200_912), (79, 200, 0.176_514), (79, 2999, -0.595_421)]),
        (128, 480_000, [(20, 100, 1.354_065), (10, 202, 0.250_634), (79, 2999, 0.192_687)]),
    ] {
        let modality = format!("wave(rate: 16000, seconds: 30) |> whisper_mel(bins: {bins})");
        check_spectrum(&modality, n, 3000, &wanted);
        if bins == 80 {
            let preset = "wave(rate: 16000, seconds: 30, preprocess: whisper)";
            check_spectrum(preset, n, 3000, &wanted);
        }
    }
}
