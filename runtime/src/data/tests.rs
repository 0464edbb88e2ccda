//! Data sets made in temporary folders, through the whole of loading.

mod broken;
mod loading;
mod mutated;
mod real;
mod roles;
mod settings;
mod shards;
mod sources;
mod tables;

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;
use zorro_compiler::model::Model;

use super::config::DataConfig;
use super::{Collection, DataError, Fingerprint, LoadOptions, Loaded, SourceFingerprint};

/// A picture, a sound, one of ten classes.
const BOTH: &str = "model m {
  modality photo = image(size: 6, channels: 1)
  modality sound = wave(rate: 8000, seconds: 0.02)
  tokens photo = photo |> patches(3, 3) |> linear(4)
  tokens sound = sound |> patches(40) |> linear(4)
  target label = class(10)
  output seen  = photo |> pool(mean) |> linear(10)
  output heard = sound |> pool(mean) |> linear(10)
  objective loss = cross_entropy(seen, label) + cross_entropy(heard, label)
}";

pub(super) fn model(spec: &str) -> Model {
    let outcome = zorro_compiler::check_text(spec, &zorro_compiler::Options::default());
    outcome.checked.unwrap_or_else(|| panic!("{:?}\n{spec}", outcome.diagnostics)).model
}

/// A file of 16-bit samples.
pub(super) fn wav(rate: u32, channels: &[Vec<f32>]) -> Vec<u8> {
    let n = channels.len() as u32;
    let size = channels[0].len() as u32 * n * 2;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + size).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1, 0, n as u8, 0]);
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * n * 2).to_le_bytes());
    bytes.extend([n as u8 * 2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    for at in 0..channels[0].len() {
        for channel in channels {
            bytes.extend(((channel[at] * 32767.0).round() as i16).to_le_bytes());
        }
    }
    bytes
}

/// A gray picture of one value.
pub(super) fn png(side: u32, value: u8) -> Vec<u8> {
    let picture = image::GrayImage::from_pixel(side, side, image::Luma([value]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// The bytes of a tar file.
pub(super) fn tar(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // Names that lead out of their folder are wanted, too.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, &bytes[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Sample `number`: its class is the number's last digit, its picture that times 20, its sound a hundredth.
fn members(number: usize) -> Vec<(String, Vec<u8>)> {
    let class = number % 10;
    vec![
        (format!("s{number:03}.cls"), class.to_string().into_bytes()),
        (format!("s{number:03}.png"), png(6, class as u8 * 20)),
        (format!("s{number:03}.wav"), wav(8000, &[vec![class as f32 / 100.0; 160]])),
    ]
}

/// So many shards of ten samples each: `a-0.tar` and on.
fn shards(n: usize) -> TempDir {
    let folder = TempDir::new().unwrap();
    for shard in 0..n {
        let all: Vec<(String, Vec<u8>)> = (shard * 10..shard * 10 + 10).flat_map(members).collect();
        fs::write(folder.path().join(format!("a-{shard}.tar")), tar(&all)).unwrap();
    }
    folder
}

fn config(yaml: &str) -> DataConfig {
    serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn open(yaml: &str, base: &Path, spec: &str) -> Result<Collection, DataError> {
    Collection::open(&config(yaml), base, &model(spec), &AtomicBool::new(false))
}

fn options(batch: usize, threads: usize) -> LoadOptions {
    LoadOptions { batch, threads, seed: 7, ..LoadOptions::default() }
}

fn training(collection: &Collection, options: &LoadOptions, n: usize) -> Vec<Loaded> {
    let mut loader = collection.training(options).unwrap();
    (0..n).map(|_| loader.next().unwrap().unwrap()).collect()
}

fn evaluation(collection: &Collection, batch: usize, threads: usize) -> Vec<Loaded> {
    let mut loader = collection.evaluation(batch, threads).unwrap();
    std::iter::from_fn(|| loader.next().unwrap()).collect()
}

fn keys(all: &[Loaded]) -> Vec<&str> {
    all.iter().flat_map(|one| &one.keys).map(String::as_str).collect()
}

fn numbers(loaded: &Loaded, name: &str) -> Vec<f32> {
    loaded.batch.tensors.get(name).map(|tensor| tensor.data().to_f32()).unwrap_or_default()
}
