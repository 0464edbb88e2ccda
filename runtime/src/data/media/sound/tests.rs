//! Waves, rates, and what is refused.

use std::f64::consts::TAU;

use super::*;
use crate::data::tests::wav;

fn tone(rate: u32, hertz: f64, n: usize) -> Vec<f32> {
    (0..n).map(|at| (0.5 * (TAU * hertz * at as f64 / f64::from(rate)).sin()) as f32).collect()
}

/// What is decoded here, without `ffmpeg`.
fn heard(bytes: &[u8], extension: &str, channels: usize) -> Result<Sound, Why> {
    decode(bytes, extension, channels)?.ok_or_else(|| "left to ffmpeg".to_owned())
}

#[test]
fn waves_become_their_samples() {
    let samples = tone(8000, 440.0, 1234);
    let sound = heard(&wav(8000, std::slice::from_ref(&samples)), "wav", 1).unwrap();
    assert_eq!((sound.rate, sound.channels[0].len()), (8000, 1234));
    for (found, wanted) in sound.channels[0].iter().zip(&samples) {
        // 16 bits a sample.
        assert!((found - wanted).abs() < 1.0 / 32_000.0);
    }
    let two = [samples.clone(), vec![0.0; 1234]];
    let mixed = heard(&wav(8000, &two), "wav", 1).unwrap();
    assert!((mixed.channels[0][5] - samples[5] / 2.0).abs() < 1.0 / 32_000.0);
    assert_eq!(heard(&wav(8000, &two), "wav", 3).unwrap().channels.len(), 3);
}

#[test]
fn a_tone_is_the_same_tone_at_every_rate() {
    for (from, to) in [(8000, 16000), (44_100, 16_000), (16_000, 44_100), (48_000, 16_000)] {
        let sound = Sound { rate: from, channels: vec![tone(from, 300.0, from as usize)] };
        for start in [0.0, 0.25] {
            let part = sound.part(start, to, to as usize / 2).unwrap();
            assert_eq!(part[0].len(), to as usize / 2);
            let skip = (start * f64::from(to)) as usize;
            let wanted = tone(to, 300.0, to as usize);
            // A start from nothing rings for some samples; the filter's ripple is below a thousandth.
            for at in 400..part[0].len() - 400 {
                let error = (part[0][at] - wanted[skip + at]).abs();
                assert!(error < 1e-3, "{from} {to} {start} {at}: {error}");
            }
        }
        let all = sound.part(0.0, to, usize::MAX >> 8).unwrap();
        assert_eq!(all[0].len(), to as usize);
    }
}

#[test]
fn broken_sounds_are_refused() {
    let good = wav(8000, &[tone(8000, 440.0, 1000)]);
    let mut endless = good.clone();
    endless[40..44].copy_from_slice(&0x1fff_ffff_u32.to_le_bytes());
    let mut still = good.clone();
    still[24..28].copy_from_slice(&0_u32.to_le_bytes());
    let mut wide = good.clone();
    wide[22..24].copy_from_slice(&0xff02_u16.to_le_bytes());
    let half = &good[..good.len() / 2];
    for bytes in [half, &good[..30], b"", b"RIFFxxxxWAVE", &still, &endless, &wide] {
        assert!(heard(bytes, "wav", 1).is_err());
    }
}

/// A wave file of chunks: names, the sizes that they say, and what is in them.
fn riff(name: &[u8; 4], size: Option<u32>, chunks: &[(&[u8; 4], Option<u32>, &[u8])]) -> Vec<u8> {
    let mut all = b"WAVE".to_vec();
    for (name, size, body) in chunks {
        all.extend(*name);
        all.extend(size.unwrap_or(body.len() as u32).to_le_bytes());
        all.extend(*body);
    }
    let size = size.unwrap_or(all.len() as u32);
    [&name[..], &size.to_le_bytes(), &all].concat()
}

/// A format of one channel of 8,000 samples a second.
fn format(tag: u16, bits: u16) -> Vec<u8> {
    let block = bits.div_ceil(8);
    let mut format = [tag.to_le_bytes(), 1_u16.to_le_bytes()].concat();
    format.extend(8000_u32.to_le_bytes());
    format.extend((8000 * u32::from(block)).to_le_bytes());
    format.extend(block.to_le_bytes());
    format.extend(bits.to_le_bytes());
    format
}

/// A format that says what it is further behind.
fn extensible(tag: u16, bits: u16, valid: u16) -> Vec<u8> {
    let mut format = format(0xfffe, bits);
    format.extend([22, 0]);
    format.extend(valid.to_le_bytes());
    format.extend([0; 4]);
    format.extend(tag.to_le_bytes());
    format.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    format
}

/// 100 samples of 16 bits, none of which begins like the name of a chunk.
fn hundred() -> Vec<u8> {
    (0..100_i16).flat_map(|at| (at * 200 - 9000).to_le_bytes()).collect()
}

#[test]
fn sizes_that_were_not_known_are_read_to_the_end() {
    let (pcm, data) = (format(1, 16), hundred());
    let file = |riff_size: Option<u32>, size: u32| {
        riff(b"RIFF", riff_size, &[(b"fmt ", None, &pcm), (b"data", Some(size), &data)])
    };
    let cases = [
        // What `ffmpeg`, `sox`, `arecord` (two versions), GStreamer and Python's `wave` leave in a pipe, and recorders that
        // were stopped.
        (Some(u32::MAX), u32::MAX, Ok(100)),
        (None, u32::MAX, Ok(100)),
        (Some(0x7fff_f024), 0x7fff_f000, Ok(100)),
        (Some(0x8000_0024), 0x8000_0000, Ok(100)),
        (Some(0x7fff_ffff), 0x7fff_ffdb, Ok(100)),
        (Some(u32::MAX), 0xffff_ffdb, Ok(100)),
        (Some(0), 0, Ok(100)),
        (Some(36), 0, Ok(100)),
        (None, 0, Ok(100)),
        // The samples alone are what is asked for.
        (Some(0), 200, Ok(100)),
        (Some(1 << 20), 200, Ok(100)),
        (Some(136), 100, Ok(50)),
        // What cannot be told apart from damage is damage.
        (None, 202, Err("by its header 202 bytes of samples, of which 200 are there")),
        (Some(1000), 1 << 20, Err("cut short")),
        (Some(1000), 0x7000_0000, Err("cut short")),
        (None, 100, Err("contradicts itself")),
    ];
    for (riff_size, size, wanted) in cases {
        let found = heard(&file(riff_size, size), "wav", 1);
        match (&found, wanted) {
            (Ok(sound), Ok(n)) => {
                assert_eq!(sound.channels[0].len(), n, "{riff_size:x?} {size:x}");
                assert_eq!(sound.channels[0][1], -8800.0 / 32_768.0);
            }
            (Err(why), Err(words)) => assert!(why.contains(words), "{why}"),
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => panic!("{riff_size:x?} {size:x}: {found:?}"),
        }
    }
}

#[test]
fn other_chunks_may_stand_anywhere() {
    let (pcm, data) = (format(1, 16), hundred());
    let fmt = (b"fmt ", None, &pcm[..]);
    let samples = (b"data", None, &data[..]);
    let wide: Vec<u8> = [0_u64, 200, 100].iter().flat_map(|n| n.to_le_bytes()).collect();
    for (name, chunks) in [
        (b"RIFF", vec![(b"JUNK", None, &[0; 28][..]), fmt, samples]),
        (b"RIFF", vec![fmt, (b"LIST", Some(5), b"INFOx\0"), samples]),
        // Without the byte that fills up an odd size.
        (b"RIFF", vec![fmt, (b"LIST", Some(5), b"INFOx"), samples]),
        (b"RIFF", vec![fmt, (b"bext", Some(603), &[0; 604]), samples, (b"id3 ", None, b"ID3\x04")]),
        (b"RIFF", vec![fmt, samples, (b"LIST", Some(17), b"INFOISFT\x05\0\0\0abcde\0")]),
        (b"RF64", vec![(b"ds64", None, &wide), fmt, (b"data", Some(u32::MAX), &data)]),
        (b"BW64", vec![(b"ds64", None, &wide), fmt, (b"data", Some(u32::MAX), &data)]),
        (b"RF64", vec![fmt, (b"data", Some(u32::MAX), &data)]),
    ] {
        let sound = heard(&riff(name, None, &chunks), "wav", 1).unwrap();
        assert_eq!(sound.channels[0].len(), 100, "{chunks:?}");
    }
    // A sound of nothing, and a chunk behind it.
    let empty = riff(b"RIFF", None, &[fmt, (b"data", None, b""), (b"LIST", None, b"INFO")]);
    assert_eq!(heard(&empty, "wav", 1), Err("there is no sound in it".to_owned()));
    let no_format = riff(b"RIFF", None, &[samples, fmt]);
    assert!(heard(&no_format, "wav", 1).unwrap_err().contains("no format"));
    let no_samples = riff(b"RIFF", None, &[fmt]);
    assert!(heard(&no_samples, "wav", 1).unwrap_err().contains("before any sample"));
}

#[test]
fn samples_of_every_kind_are_read() {
    let ima = [&format(0x11, 4)[..12], &[36, 0, 4, 0, 2, 0, 65, 0]].concat();
    let block = [[232, 3, 0, 0], [0; 4]].concat();
    let blocks = [&block[..], &[0; 28]].concat();
    for (format, bytes, wanted) in [
        (format(1, 8), vec![128, 192, 0], vec![0.0, 0.5, -1.0]),
        (format(1, 24), vec![0, 0, 0x40, 0, 0, 0x80], vec![0.5, -1.0]),
        (format(1, 32), vec![0, 0, 0, 0x40, 0, 0, 0, 0xc0], vec![0.5, -0.5]),
        // 12 bits, the upper ones of two bytes.
        (format(1, 12), vec![0, 0x40, 0, 0x80], vec![0.5, -1.0]),
        (extensible(1, 24, 20), vec![0, 0, 0x40, 0, 0, 0x80], vec![0.5, -1.0]),
        (extensible(1, 16, 16), vec![0, 0x40, 0, 0x80], vec![0.5, -1.0]),
        (format(3, 32), 0.25_f32.to_le_bytes().to_vec(), vec![0.25]),
        (format(3, 64), 0.25_f64.to_le_bytes().to_vec(), vec![0.25]),
        (extensible(3, 32, 32), 0.25_f32.to_le_bytes().to_vec(), vec![0.25]),
        // libsndfile's values of the two laws: 0x80 and 0x00 are the outermost steps of the one, 0xd5 the least of the other.
        (
            format(7, 8),
            vec![0xff, 0x80, 0x00],
            vec![0.0, 32_124.0 / 32_768.0, -32_124.0 / 32_768.0],
        ),
        (format(6, 8), vec![0xd5, 0xaa], vec![8.0 / 32_768.0, 32_256.0 / 32_768.0]),
        (extensible(7, 8, 8), vec![0xff, 0x80], vec![0.0, 32_124.0 / 32_768.0]),
    ] {
        let bytes = riff(b"RIFF", None, &[(b"fmt ", None, &format), (b"data", None, &bytes)]);
        assert_eq!(heard(&bytes, "wav", 1).unwrap().channels, [wanted], "{format:?}");
    }
    // A block of ADPCM begins with a sample.
    let bytes = riff(b"RIFF", None, &[(b"fmt ", None, &ima), (b"data", None, &blocks)]);
    let sound = heard(&bytes, "wav", 1).unwrap();
    assert_eq!((sound.channels[0].len(), sound.channels[0][0]), (65, 1000.0 / 32_768.0));
    // Of what is not decoded here, `ffmpeg` may know more.
    let other =
        riff(b"RIFF", None, &[(b"fmt ", None, &format(0x31, 16)), (b"data", None, &[0; 65])]);
    assert_eq!(decode(&other, "wav", 1), Ok(None));
}

#[test]
fn samples_that_no_sound_has_are_named() {
    let format = format(3, 32);
    for (value, words) in [
        (f32::NAN, "its sample 1, at 0.000 s, is NaN"),
        (f32::INFINITY, "is inf"),
        (1e38, "is 1e38; 1 is loudest"),
        (-3e9, "is -3e9"),
    ] {
        let bytes: Vec<u8> =
            [0.5, value, 0.25].iter().flat_map(|x: &f32| x.to_le_bytes()).collect();
        let bytes = riff(b"RIFF", None, &[(b"fmt ", None, &format), (b"data", None, &bytes)]);
        let said = heard(&bytes, "wav", 1).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_part_is_a_part_of_the_whole() {
    for (from, to) in [(44_100, 16_000), (8000, 11_025), (96_000, 8000), (8000, 48_000)] {
        let n = from as usize;
        let sound = Sound { rate: from, channels: vec![tone(from, 700.0, n)] };
        let whole = sound.part(0.0, to, usize::MAX >> 8).unwrap();
        // Times that both rates have a sample at.
        for start in [0.0, 0.12, 0.4] {
            let part = sound.part(start, to, to as usize / 4).unwrap();
            let first = (start * f64::from(to)).round() as usize;
            assert_eq!(part[0].len(), to as usize / 4);
            for (at, (found, wanted)) in part[0].iter().zip(&whole[0][first..]).enumerate() {
                // Transforms that begin elsewhere round otherwise.
                assert!(
                    (found - wanted).abs() < 2e-6,
                    "{from} {to} {start} {at}: {found} {wanted}"
                );
            }
        }
    }
}
