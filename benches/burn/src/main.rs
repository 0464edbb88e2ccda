//! Times the model of `reference.zorro` in burn.
//!
//! In: a preset by name; then, line by line on standard input, how many runs to time. Out: a line of JSON for each of
//! those, with the median time of a run. With `--check FOLDER`: the loss and all gradients for weights and data from
//! files, against those that PyTorch found. Deliberately not here: the model (`model.rs`), where its weights come from
//! (`weights.rs`), and anything of Zorro, which `compare.py` runs in turn with this.

mod check;
mod model;
mod weights;

use std::io::BufRead;
use std::time::Instant;

use burn::module::Module;
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, DeviceKind, Int, Tensor, TensorData};

use model::{Reader, Reference, Sizes};
use weights::{Source, Weights};

const USAGE: &str =
    "usage: zorro-bench-burn PRESET [forward|backward|step] [dense|edges] [software|best|flex]
       zorro-bench-burn --check FOLDER [dense|edges] [software|best|flex]
Then, for each line of standard input that holds a number, so many runs are timed.";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--check", folder, rest @ ..] => {
            choices(rest).and_then(|wanted| check::check(folder.as_ref(), &wanted))
        }
        [preset, rest @ ..] if !preset.starts_with('-') => {
            choices(rest).and_then(|wanted| time(preset, &wanted))
        }
        _ => Err(USAGE.to_owned()),
    };
    if let Err(message) = done {
        eprintln!("{message}");
        std::process::exit(1);
    }
}

/// What a run is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forward,
    Backward,
    Step,
}

/// Everything that the words of the command line choose, each with a default.
struct Wanted {
    mode: Mode,
    reader: Reader,
    device: Device,
    device_name: String,
}

fn choices(words: &[&str]) -> Result<Wanted, String> {
    let (mut mode, mut reader, mut device) = (Mode::Step, Reader::Dense, "software");
    for word in words {
        match *word {
            "forward" => mode = Mode::Forward,
            "backward" => mode = Mode::Backward,
            "step" => mode = Mode::Step,
            "dense" => reader = Reader::Dense,
            "edges" => reader = Reader::Edges,
            "software" | "best" | "flex" => device = word,
            other => return Err(format!("no choice is called `{other}`\n{USAGE}")),
        }
    }
    let made = match device {
        "software" => Device::wgpu(DeviceKind::Cpu),
        "best" => Device::wgpu(DeviceKind::DefaultDevice),
        _ => flex()?,
    };
    let made = if mode == Mode::Forward { made } else { made.autodiff() };
    Ok(Wanted { mode, reader, device: made, device_name: device.to_owned() })
}

#[cfg(feature = "flex")]
fn flex() -> Result<Device, String> {
    Ok(Device::flex())
}

#[cfg(not(feature = "flex"))]
fn flex() -> Result<Device, String> {
    Err("this was built without burn's CPU backend: build with `--features flex`".to_owned())
}

/// A model, what it is fed, and its optimizer.
struct Bench {
    mode: Mode,
    device: Device,
    /// Taken out while a step makes the next one of it.
    model: Option<Reference>,
    optimizer: ModuleOptimizer,
    loss: CrossEntropyLoss,
    video: Tensor<5>,
    audio: Tensor<4>,
    labels: Tensor<1, Int>,
}

impl Bench {
    fn new(sizes: Sizes, wanted: &Wanted) -> Result<Self, String> {
        let device = wanted.device.clone();
        let mut weights = Weights::new(Source::drawn(0), &device);
        let [frames, height, width] = sizes.video_size;
        let [bins, times] = sizes.audio_size;
        let video = [sizes.batch, 3, frames, height, width];
        let audio = [sizes.batch, 1, bins, times];
        let labels: Vec<i32> =
            (0..sizes.batch).map(|sample| (97 * (sample + 1) % sizes.classes) as i32).collect();
        Ok(Self {
            mode: wanted.mode,
            loss: CrossEntropyLossConfig::new().init(&device),
            optimizer: AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.05).init(),
            video: Tensor::from_data(weights.data("video", &video, 1.0)?, &device),
            audio: Tensor::from_data(weights.data("audio", &audio, 1.0)?, &device),
            labels: Tensor::from_data(TensorData::new(labels, [sizes.batch]), &device),
            model: Some(Reference::new(sizes, wanted.reader, &mut weights)?),
            device,
        })
    }

    fn model(&self) -> &Reference {
        self.model.as_ref().expect("a step puts back what it takes")
    }

    /// The mean cross entropy of the four outputs, as a tensor of one number.
    fn objective(&self) -> Tensor<1> {
        let losses: Vec<_> = self
            .model()
            .logits(self.video.clone(), self.audio.clone())
            .into_iter()
            .map(|logits| self.loss.forward(logits, self.labels.clone()))
            .collect();
        Tensor::cat(losses, 0).mean()
    }

    /// One run, until the device has done it all; the objective where there is one.
    fn run(&mut self) -> Result<Option<Tensor<1>>, String> {
        let objective = match self.mode {
            Mode::Forward => {
                let logits = self.model().logits(self.video.clone(), self.audio.clone());
                self.device.sync().map_err(|error| format!("{error:?}"))?;
                drop(logits);
                return Ok(None);
            }
            Mode::Backward | Mode::Step => self.objective(),
        };
        let gradients = GradientsParams::from_grads(objective.backward(), self.model());
        if self.mode == Mode::Step {
            let model = self.model.take().expect("a step puts back what it takes");
            self.model = Some(self.optimizer.step(1e-4, model, gradients));
        }
        self.device.sync().map_err(|error| format!("{error:?}"))?;
        Ok(Some(objective))
    }
}

fn time(preset: &str, wanted: &Wanted) -> Result<(), String> {
    let sizes = Sizes::preset(preset)
        .ok_or_else(|| format!("no preset is called `{preset}`: there are tiny, small and vitb"))?;
    let mut bench = Bench::new(sizes, wanted)?;
    let parameters = bench.model().num_params();
    // The first run compiles kernels; the second finds its memory laid out.
    let start = Instant::now();
    bench.run()?;
    let first = milliseconds(start);
    bench.run()?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let runs: usize =
            line.trim().parse().map_err(|_| format!("`{line}` is no number of runs"))?;
        let (mut times, mut last) = (Vec::new(), None);
        let before = process_ms()?;
        for _ in 0..runs.max(1) {
            let start = Instant::now();
            last = bench.run()?;
            times.push(milliseconds(start));
        }
        let cpu = (process_ms()? - before) / times.len() as f64;
        times.sort_by(f64::total_cmp);
        let loss = last.map(|loss| loss.into_scalar::<f32>());
        println!(
            "{}",
            serde_json::json!({
                "preset": preset,
                "mode": format!("{:?}", wanted.mode).to_lowercase(),
                "attention": format!("{:?}", wanted.reader).to_lowercase(),
                "device": wanted.device_name,
                "parameters": parameters,
                "first_ms": first,
                "ms": { "median": times[times.len() / 2], "least": times[0], "cpu": cpu },
                "runs": times.len(),
                "loss": loss,
                "most_memory_bytes": most_memory()?,
            })
        );
    }
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    1e3 * since.elapsed().as_secs_f64()
}

/// How long all threads of this process have been running, in milliseconds.
fn process_ms() -> Result<f64, String> {
    let text = std::fs::read_to_string("/proc/self/stat").map_err(|error| error.to_string())?;
    // The program's name, which may hold anything, ends at the last parenthesis; user and system time are the 12th and
    // 13th words after it, in hundredths of a second.
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks: f64 =
        after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
    Ok(10.0 * ticks)
}

/// The most memory that this process has held, in bytes.
fn most_memory() -> Result<u64, String> {
    let text = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    text.lines()
        .find_map(|line| {
            line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok()
        })
        .map(|kib: u64| 1024 * kib)
        .ok_or_else(|| "no VmHWM in /proc/self/status".to_owned())
}
