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
            [(0, 0, -1.894_771), (1, 10, -0.460_449), (11, 20, 5.354_851), (22, 97, -1.827_020)],
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
