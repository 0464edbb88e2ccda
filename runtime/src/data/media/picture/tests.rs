//! Files of every kind, upright and in their colors.

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder};
use image::{ExtendedColorType, GrayImage, ImageEncoder, RgbImage};

use super::*;

fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| image::Rgb(pixel(x, y)));
    written(&DynamicImage::ImageRgb8(picture), ImageFormat::Png)
}

fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn files_become_what_was_drawn() {
    let bytes = png(3, 2, |x, y| [10 * x as u8, 20 * y as u8, 7]);
    let picture = decode(&bytes, 3).unwrap();
    assert_eq!((picture.height, picture.width), (2, 3));
    assert_eq!(&picture.values[..6], [0, 0, 7, 10, 0, 7]);
    assert_eq!(decode(&bytes, 1).unwrap().values.len(), 6);
    let whole = picture.middle(2, 3);
    assert_eq!(picture.scaled(whole, 2, 3).unwrap(), picture);
}

#[test]
fn the_middle_keeps_proportions() {
    let picture = decode(&png(40, 20, |x, _| [(x * 6) as u8, 0, 0]), 3).unwrap();
    let part = picture.middle(10, 10);
    assert_eq!(part, Part { left: 10.0, top: 0.0, width: 20.0, height: 20.0 });
    let small = picture.scaled(part, 10, 10).unwrap();
    // Two source pixels each, 60, 66 | 72, 78 | .., whose means bilinear weights keep within a step.
    for (at, pixel) in small.values.chunks(3).take(10).enumerate() {
        assert!((f64::from(pixel[0]) - (63.0 + 12.0 * at as f64)).abs() <= 3.0, "{pixel:?}");
    }
}

#[test]
fn absurd_files_are_refused() {
    let mut huge = png(1, 1, |_, _| [0; 3]);
    // The width in the header becomes 2^31 - 1.
    huge[16..20].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
    let good = png(20, 20, |x, y| [x as u8, y as u8, 0]);
    let icon = b"\0\0\x01\0\x01\0\x01\x01\0\0\x01\0\x20\0\x30\0\0\0\x16\0\0\0";
    for bytes in [
        &huge[..],
        b"",
        b"not a picture",
        &good[..good.len() / 2],
        &good[..20],
        &icon[..],
        b"II*\0",
    ] {
        assert!(decode(bytes, 3).is_err());
    }
}

#[test]
fn every_kind_of_file_shows_the_same() {
    let color = RgbImage::from_fn(9, 5, |x, y| image::Rgb([28 * x as u8, 50 * y as u8, 77]));
    let wanted = color.as_raw().clone();
    let seen = DynamicImage::ImageRgb8(color);
    let veiled = DynamicImage::ImageRgba8(RgbaVeil::over(&seen));
    use ImageFormat::{Bmp, Gif, Png, Tiff, WebP};
    for (format, picture) in [
        (Png, &seen),
        (WebP, &seen),
        (Bmp, &seen),
        (Tiff, &seen),
        (Gif, &seen),
        (Png, &veiled),
        (WebP, &veiled),
        (Tiff, &veiled),
    ] {
        let found = decode(&written(picture, format), 3).unwrap();
        assert_eq!((found.height, found.width), (5, 9), "{format:?}");
        // The 45 colors of the picture fit into the palette of a GIF.
        assert_eq!(found.values, wanted, "{format:?}");
        let brightness = decode(&written(picture, format), 1).unwrap();
        assert_eq!(brightness.values, gray(&wanted), "{format:?}");
    }
    for format in [Png, WebP, Bmp, Tiff, Gif] {
        let whole = written(&seen, format);
        assert!(decode(&whole[..whole.len() / 2], 3).is_err(), "{format:?}");
    }
    let whole = written(&seen, WebP);
    assert!(decode(&whole[..whole.len() - 1], 3).unwrap_err().contains("cut short"));
}

/// A picture that lets others shine through: its colors stay.
struct RgbaVeil;

impl RgbaVeil {
    fn over(picture: &DynamicImage) -> image::RgbaImage {
        let mut veiled = picture.to_rgba8();
        veiled.pixels_mut().enumerate().for_each(|(at, pixel)| pixel[3] = 100 + at as u8);
        veiled
    }
}

#[test]
fn of_sixteen_bits_the_upper_eight_stay() {
    let deep = vec![0_u16, 255, 256, 0x7fff, 0x8000, 0xffff];
    let upper = [0, 0, 1, 0x7f, 0x80, 0xff];
    let gray = ImageBuffer::from_raw(6, 1, deep.clone()).unwrap();
    let file = written(&DynamicImage::ImageLuma16(gray), ImageFormat::Png);
    assert_eq!(decode(&file, 1).unwrap().values, upper);
    assert_eq!(decode(&file, 3).unwrap().values, upper.map(|value| [value; 3]).concat());
    let color = ImageBuffer::from_raw(2, 1, deep).unwrap();
    let file = written(&DynamicImage::ImageRgb16(color), ImageFormat::Tiff);
    assert_eq!(decode(&file, 3).unwrap().values, upper);
}

#[test]
fn brightness_is_that_of_pillow() {
    // Of Pillow 13.0.0: `Image.new("RGB", (1, 1), color).convert("L")`.
    for (color, wanted) in [
        ([255, 0, 0], 76),
        ([0, 255, 0], 150),
        ([0, 0, 255], 29),
        ([10, 200, 77], 129),
        ([1, 2, 3], 2),
        ([255, 255, 255], 255),
        ([128, 0, 127], 53),
        ([250, 3, 9], 78),
    ] {
        assert_eq!(gray(&color), [wanted]);
        let file = png(1, 1, |_, _| color);
        assert_eq!(decode(&file, 1).unwrap().values, [wanted]);
    }
}

/// An EXIF block that has an orientation, in either order of bytes, of two bytes or of four.
fn exif(orientation: u8, is_big: bool, is_long: bool) -> Vec<u8> {
    if is_big && is_long {
        let mut block = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0".to_vec();
        block.extend([orientation, 0, 0, 0, 0]);
        return block;
    }
    if is_big {
        let mut block = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        block.extend([orientation, 0, 0, 0, 0, 0, 0]);
        return block;
    }
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block[12] = if is_long { 4 } else { 3 };
    block.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    block
}

/// An uncompressed gray TIFF file.
fn tiff(picture: &GrayImage, orientation: u8) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let n = width * height;
    let mut bytes = b"II*\0".to_vec();
    bytes.extend((8 + n).to_le_bytes());
    bytes.extend(picture.as_raw());
    let fields = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (274, u32::from(orientation)),
        (277, 1),
        (278, height),
        (279, n),
    ];
    bytes.extend((fields.len() as u16).to_le_bytes());
    for (tag, value) in fields {
        let kind: u16 = if tag == 274 { 3 } else { 4 };
        bytes.extend((tag as u16).to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn pictures_are_turned_upright() {
    // Six blocks of 8 by 8 pixels, so that JPEG does not mix them: 0 1 2 over 3 4 5.
    let stored = GrayImage::from_fn(24, 16, |x, y| image::Luma([40 * (x / 8 + y / 8 * 3) as u8]));
    let gray = ExtendedColorType::L8;
    let encoded = |format: &str, orientation: u8| {
        let mut bytes = Vec::new();
        let is_long = format == "long jpeg";
        let (block, raw) =
            (exif(orientation, orientation.is_multiple_of(2), is_long), stored.as_raw());
        match format {
            "jpeg" | "long jpeg" => {
                let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 100);
                encoder.set_exif_metadata(block).unwrap();
                encoder.write_image(raw, 24, 16, gray).unwrap();
            }
            "png" | "late png" => {
                let mut encoder = PngEncoder::new(&mut bytes);
                if format == "png" {
                    encoder.set_exif_metadata(block.clone()).unwrap();
                }
                encoder.write_image(raw, 24, 16, gray).unwrap();
                if format == "late png" {
                    // Before the last chunk, which has 12 bytes.
                    let end = bytes.split_off(bytes.len() - 12);
                    let chunk = [b"eXIf", &block[..]].concat();
                    let mut crc = flate2::Crc::new();
                    crc.update(&chunk);
                    bytes.extend((block.len() as u32).to_be_bytes());
                    bytes.extend(chunk);
                    bytes.extend(crc.sum().to_be_bytes());
                    bytes.extend(end);
                }
            }
            "webp" | "prefixed webp" => {
                let mut encoder = WebPEncoder::new_lossless(&mut bytes);
                let prefix = if format == "webp" { &b""[..] } else { b"Exif\0\0" };
                encoder.set_exif_metadata([prefix, &block].concat()).unwrap();
                encoder.write_image(raw, 24, 16, gray).unwrap();
            }
            _ => bytes = tiff(&stored, orientation),
        }
        bytes
    };
    let mut damaged = encoded("late png", 6);
    // The first byte of its checksum, before the last chunk.
    let at = damaged.len() - 16;
    damaged[at] ^= 1;
    assert_eq!(decode(&damaged, 1).unwrap_err(), "its EXIF block is damaged");
    for (orientation, wanted) in [
        (0, [[0, 1, 2], [3, 4, 5]].concat()),
        (1, [[0, 1, 2], [3, 4, 5]].concat()),
        (2, [[2, 1, 0], [5, 4, 3]].concat()),
        (3, [[5, 4, 3], [2, 1, 0]].concat()),
        (4, [[3, 4, 5], [0, 1, 2]].concat()),
        (5, [[0, 3], [1, 4], [2, 5]].concat()),
        (6, [[3, 0], [4, 1], [5, 2]].concat()),
        (7, [[5, 2], [4, 1], [3, 0]].concat()),
        (8, [[2, 5], [1, 4], [0, 3]].concat()),
    ] {
        for format in ["jpeg", "long jpeg", "png", "late png", "webp", "prefixed webp", "tiff"] {
            let found = decode(&encoded(format, orientation), 1).unwrap();
            let size = if orientation < 5 { (16, 24) } else { (24, 16) };
            assert_eq!((found.height, found.width), size, "{format} {orientation}");
            let columns = found.width / 8;
            let middle = |block: usize| {
                let (x, y) = (block % columns * 8 + 4, block / columns * 8 + 4);
                (usize::from(found.values[y * found.width + x]) + 20) / 40
            };
            let blocks: Vec<usize> = (0..6).map(middle).collect();
            assert_eq!(blocks, wanted, "{format} {orientation}");
        }
    }
}
