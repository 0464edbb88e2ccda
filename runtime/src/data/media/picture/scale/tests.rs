//! Scaled pictures held to what Pillow and torchvision make of them.

use super::*;

/// A gray picture without smooth places.
fn picture(height: usize, width: usize) -> Picture {
    let value = |at: usize| {
        let (x, y) = (at % width, at / width);
        u8::try_from((x * 37 + y * 91 + (x * y) % 23 * 7) % 256).unwrap()
    };
    Picture { height, width, channels: 1, values: (0..height * width).map(value).collect() }
}

fn scaling(filter: &str, fit: &str, crop_pct: f64, size: [usize; 2]) -> Scaling {
    let filter = Filter::ALL.iter().find(|known| known.name() == filter);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
    let scaled = size.map(|side| (side as f64 / crop_pct).floor() as u64);
    let fit = match fit {
        "crop" => Fit::Crop(scaled),
        "squash" => Fit::Squash(scaled),
        _ => Fit::Pad,
    };
    Scaling { filter: *filter.unwrap(), fit }
}

fn fed(filter: &str, fit: &str, crop_pct: f64, from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    picture(from[0], from[1]).fed(Some(scaling(filter, fit, crop_pct, to)), None, to).unwrap()
}

/// Filter, fit, `crop_pct`, sizes before and after, and what comes of it.
type Row<T> = (&'static str, &'static str, f64, [usize; 2], [usize; 2], &'static [T]);

/// Of Pillow 13.0.0: torchvision 0.29.2's `Resize` and `CenterCrop` on Pillow's pictures, timm 1.0.31's `ResizeKeepRatio` where the sides
/// differ, and `ImageOps.pad`.
const PILLOW: &[Row<u8>] = &[
    (
        "bilinear",
        "crop",
        1.0,
        [9, 13],
        [4, 4],
        &[106, 120, 126, 115, 123, 140, 129, 121, 115, 133, 132, 129, 127, 100, 134, 136],
    ),
    (
        "bicubic",
        "crop",
        1.0,
        [9, 13],
        [4, 4],
        &[101, 122, 124, 113, 126, 144, 129, 120, 112, 136, 129, 128, 129, 97, 131, 138],
    ),
    (
        "lanczos",
        "crop",
        1.0,
        [9, 13],
        [4, 4],
        &[100, 124, 122, 112, 130, 146, 127, 122, 108, 138, 131, 127, 129, 93, 130, 140],
    ),
    (
        "box",
        "crop",
        1.0,
        [9, 13],
        [4, 4],
        &[86, 124, 118, 134, 132, 135, 130, 104, 107, 149, 110, 133, 132, 108, 125, 121],
    ),
    (
        "nearest",
        "crop",
        1.0,
        [9, 13],
        [4, 4],
        &[135, 223, 99, 231, 75, 191, 109, 122, 15, 159, 214, 174, 211, 127, 224, 65],
    ),
    (
        "bilinear",
        "crop",
        0.875,
        [17, 10],
        [7, 7],
        &[
            119, 155, 132, 139, 144, 117, 151, 111, 88, 112, 177, 113, 131, 93, 112, 142, 90, 98,
            110, 167, 170, 155, 116, 121, 118, 86, 136, 113, 111, 191, 159, 96, 118, 141, 110, 186,
            160, 131, 90, 155, 114, 86, 122, 159, 106, 141, 126, 100, 128,
        ],
    ),
    (
        "bicubic",
        "crop",
        0.9,
        [3, 4],
        [9, 6],
        &[
            22, 33, 45, 56, 68, 81, 30, 42, 54, 65, 77, 90, 48, 61, 76, 89, 103, 117, 77, 93, 111,
            130, 146, 161, 112, 128, 147, 165, 182, 198, 147, 155, 159, 163, 172, 188, 186, 179,
            151, 123, 116, 131, 219, 196, 138, 79, 56, 70, 241, 207, 130, 52, 19, 32,
        ],
    ),
    (
        "lanczos",
        "crop",
        0.8,
        [12, 20],
        [4, 9],
        &[
            148, 161, 127, 122, 103, 134, 110, 173, 124, 111, 140, 128, 121, 151, 152, 149, 134,
            142, 106, 85, 141, 144, 154, 171, 149, 85, 106, 170, 96, 121, 115, 114, 172, 79, 144,
            126,
        ],
    ),
    (
        "bilinear",
        "squash",
        1.0,
        [11, 5],
        [3, 6],
        &[85, 122, 124, 127, 137, 118, 118, 111, 125, 122, 119, 172, 123, 145, 153, 134, 108, 109],
    ),
    (
        "bicubic",
        "squash",
        0.75,
        [11, 5],
        [3, 6],
        &[99, 128, 108, 117, 153, 121, 111, 122, 144, 140, 116, 156, 118, 113, 123, 112, 86, 121],
    ),
    (
        "bicubic",
        "pad",
        1.0,
        [6, 13],
        [5, 7],
        &[
            0, 0, 0, 0, 0, 0, 0, 81, 129, 111, 134, 104, 111, 129, 128, 129, 142, 131, 105, 157,
            140, 116, 134, 162, 132, 122, 106, 144, 0, 0, 0, 0, 0, 0, 0,
        ],
    ),
    (
        "bilinear",
        "pad",
        1.0,
        [13, 6],
        [5, 8],
        &[
            0, 0, 0, 113, 119, 0, 0, 0, 0, 0, 0, 124, 146, 0, 0, 0, 0, 0, 0, 115, 118, 0, 0, 0, 0,
            0, 0, 143, 110, 0, 0, 0, 0, 0, 0, 151, 123, 0, 0, 0,
        ],
    ),
    (
        "lanczos",
        "squash",
        1.0,
        [3, 3],
        [4, 7],
        &[
            0, 0, 10, 32, 52, 62, 66, 39, 42, 51, 81, 122, 150, 166, 131, 148, 174, 189, 168, 138,
            122, 170, 199, 243, 238, 138, 39, 0,
        ],
    ),
];

/// The filter, `crop_pct`, the size of the picture and of what it becomes, and that.
type Scaled = (&'static str, f64, [usize; 2], usize, &'static [f32]);

/// Of torchvision 0.29.2 on floats: `Resize(antialias=True)` and `CenterCrop`.
const TORCHVISION: &[Scaled] = &[
    (
        "bilinear",
        1.0,
        [9, 13],
        4,
        &[
            0.4145, 0.47, 0.4914, 0.4493, 0.4829, 0.5507, 0.5057, 0.474, 0.4492, 0.52, 0.5181,
            0.5035, 0.497, 0.3925, 0.526, 0.5364,
        ],
    ),
    (
        "bilinear",
        0.875,
        [17, 10],
        7,
        &[
            0.4653, 0.6085, 0.5181, 0.5443, 0.566, 0.46, 0.5921, 0.4332, 0.3461, 0.4382, 0.6924,
            0.4445, 0.516, 0.3667, 0.4359, 0.5583, 0.3539, 0.3863, 0.4326, 0.6531, 0.666, 0.6069,
            0.4535, 0.4759, 0.4617, 0.3358, 0.5344, 0.4439, 0.4366, 0.747, 0.6253, 0.3741, 0.4634,
            0.5525, 0.4308, 0.7262, 0.6245, 0.5131, 0.354, 0.6096, 0.4505, 0.3391, 0.4805, 0.6244,
            0.4167, 0.551, 0.4951, 0.3934, 0.5028,
        ],
    ),
    (
        "bilinear",
        1.0,
        [3, 4],
        5,
        &[
            0.0, 0.0725, 0.1693, 0.266, 0.3627, 0.1427, 0.2208, 0.3248, 0.4289, 0.5329, 0.3569,
            0.4431, 0.5582, 0.6732, 0.7882, 0.571, 0.6655, 0.6911, 0.4156, 0.4412, 0.7137, 0.8137,
            0.7797, 0.2438, 0.2098,
        ],
    ),
    (
        "bicubic",
        1.0,
        [9, 13],
        4,
        &[
            0.3965, 0.478, 0.484, 0.4441, 0.4949, 0.5633, 0.5078, 0.4708, 0.4399, 0.5332, 0.5056,
            0.5036, 0.5047, 0.3794, 0.5141, 0.5421,
        ],
    ),
];

#[test]
fn every_filter_and_fit_is_that_of_pillow() {
    for (filter, fit, crop_pct, from, to, wanted) in PILLOW {
        let found = fed(filter, fit, *crop_pct, *from, *to);
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(*wanted) {
            // Pillow rounds to 256 levels after each axis.
            let off = (found * 255.0 - f32::from(*wanted)).abs();
            assert!(off <= 1.0, "{filter} {fit} {from:?}: {found} {wanted}");
        }
    }
}

#[test]
fn floats_are_those_of_torchvision() {
    for (filter, crop_pct, from, side, wanted) in TORCHVISION {
        let found = fed(filter, "crop", *crop_pct, *from, [*side; 2]);
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(*wanted) {
            assert!((found - wanted).abs() < 1e-3, "{filter} {from:?}: {found} {wanted}");
        }
    }
}

#[test]
fn channels_are_scaled_alike() {
    let gray = picture(9, 13);
    let values = gray.values.iter().flat_map(|value| [*value, 255 - *value, 7]).collect();
    let color = Picture { channels: 3, values, ..gray.clone() };
    for (filter, fit) in [("bicubic", "crop"), ("lanczos", "pad"), ("nearest", "squash")] {
        let scaling = Some(scaling(filter, fit, 1.0, [4, 6]));
        let alone = gray.fed(scaling, None, [4, 6]).unwrap();
        let all = color.fed(scaling, None, [4, 6]).unwrap();
        for (gray, color) in alone.iter().zip(all.chunks_exact(3)) {
            let is_border = color == [0.0; 3];
            let off = (gray + color[1] - 1.0).abs().max((color[2] - 7.0 / 255.0).abs());
            // Overshoots are cut at both ends, and rounded to 65,536 levels.
            assert!(*gray == color[0] && (is_border || off < 1e-4), "{filter}: {gray} {color:?}");
        }
    }
}

#[test]
fn sizes_are_rounded_as_elsewhere() {
    let covering = |from: [usize; 2], to: [usize; 2]| picture(from[0], from[1]).covering(to);
    // int(224 * 640 / 480) is 298, not 299; the middle of an odd rest is rounded to the even side.
    assert_eq!(covering([480, 640], [224, 224]), [224, 298]);
    assert_eq!(covering([640, 480], [224, 224]), [298, 224]);
    assert_eq!(covering([3, 5], [2, 7]), [4, 7]);
    assert_eq!([1, 2, 3, 5, 7].map(halved), [0, 1, 2, 2, 4]);
    let thin = picture(1, 300).fed(Some(scaling("bilinear", "pad", 1.0, [8, 8])), None, [8, 8]);
    assert_eq!(thin.unwrap().iter().filter(|value| **value > 0.0).count(), 8);
}

#[test]
fn a_part_that_was_drawn_is_scaled_by_the_same_filter() {
    let whole = picture(12, 12);
    let part = Part { left: 2.0, top: 3.0, width: 8.0, height: 8.0 };
    let squash = |filter| Some(scaling(filter, "squash", 1.0, [4, 4]));
    let bicubic = whole.fed(squash("bicubic"), Some(part), [4, 4]).unwrap();
    let nearest = whole.fed(squash("nearest"), Some(part), [4, 4]).unwrap();
    assert_ne!(bicubic, nearest);
    for (at, value) in nearest.iter().enumerate() {
        let (x, y) = (2 + 2 * (at % 4) + 1, 3 + 2 * (at / 4) + 1);
        assert_eq!(*value, f32::from(whole.values[y * 12 + x]) / 255.0);
    }
}

#[test]
fn what_says_nothing_is_scaled_as_ever() {
    let whole = picture(20, 40);
    let plain = whole.fed(None, None, [10, 10]).unwrap();
    let part = whole.middle(10, 10);
    assert_eq!(part, Part { left: 10.0, top: 0.0, width: 20.0, height: 20.0 });
    let bytes = whole.scaled(part, 10, 10).unwrap().values;
    assert_eq!(plain, bytes.iter().map(|value| f32::from(*value) / 255.0).collect::<Vec<f32>>());
}
