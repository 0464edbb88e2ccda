//! How many samples a second are loaded: made-up ones, and those of `ZORRO_DATA/av-digits` where the environment names that
//! folder. Both modalities, two threads.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use divan::Bencher;
use divan::counter::ItemsCount;
use zorro_runtime::compiler::{Options, check_text};
use zorro_runtime::data::config::{DataConfig, SourceConfig};
use zorro_runtime::data::{Collection, LoadOptions};

const SPEC: &str = "model m {
  modality image = image(size: 28, channels: 1) |> normalize(0.5, 0.5)
  modality sound = wave(rate: 8000, seconds: 1) |> logmel(bins: 40, window: 256, hop: 80)
  tokens i = image |> patches(7, 7) |> linear(4)
  tokens s = sound |> patches(8, 10) |> linear(4)
  target label = class(10)
  output o = concat(i, s) |> pool(mean) |> linear(10)
  objective loss = cross_entropy(o, label)
}";

const BATCH: usize = 64;

fn main() {
    divan::main();
}

fn load(bencher: Bencher<'_, '_>, source: SourceConfig, base: &Path) {
    let config = DataConfig { sources: vec![source], ..DataConfig::default() };
    let model = check_text(SPEC, &Options::default()).checked.expect("it checks").model;
    let collection =
        Collection::open(&config, base, &model, &AtomicBool::new(false)).expect("it opens");
    let options = LoadOptions { batch: BATCH, threads: 2, ..LoadOptions::default() };
    let mut loader = collection.training(&options).expect("it loads");
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        black_box(loader.next().expect("nothing is broken"));
    });
}

#[divan::bench(sample_count = 100)]
fn made_up(bencher: Bencher<'_, '_>) {
    let synthetic = Some(Default::default());
    load(bencher, SourceConfig { synthetic, ..SourceConfig::default() }, Path::new("."));
}

#[divan::bench(sample_count = 300)]
fn digits(bencher: Bencher<'_, '_>) {
    let Some(folder) = std::env::var_os("ZORRO_DATA") else { return };
    let shards = "av-digits-train-{000000..000007}.tar".to_owned();
    let shards = Some(zorro_runtime::data::config::OneOrMany::One(shards));
    let folder = PathBuf::from(folder).join("av-digits");
    load(bencher, SourceConfig { shards, ..SourceConfig::default() }, &folder);
}
