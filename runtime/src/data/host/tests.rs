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
