//! What is done to every sample of a model, and what a sample is then.
//!
//! In: a model and settings. Out: its modalities and targets, ready to be applied. Deliberately not here: files.

use zorro_compiler::model::{Model, TargetKind};

use super::DataError;
use super::config::{AugmentConfig, DataConfig, Labels, NoiseConfig};
use super::host::{Feed, Host};
use super::media::video::Programs;
use super::targets::{Names, Target};

/// All that must be known to turn files into samples.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    /// In the order of the model's modalities.
    pub(super) hosts: Vec<Host>,
    /// In the order of the model's targets.
    pub(super) targets: Vec<Target>,
    /// How many seconds of a file are wanted: what the longest of its modalities takes.
    pub(super) span: f64,
    /// When clips of videos begin, seconds on the clock of the file, whatever the moment says.
    pub(super) begin: Option<f64>,
    pub(super) programs: Programs,
}

/// What one sample has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    /// In the order of the model's modalities.
    pub(super) modalities: Vec<Option<Fed>>,
    /// In the order of the model's targets.
    pub(super) targets: Vec<Option<Vec<f32>>>,
}

/// What is fed of one modality.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fed {
    Numbers(Vec<f32>),
    Ids(Vec<i64>),
}

impl Sample {
    /// A sample that has nothing yet.
    pub(super) fn of_nothing(recipe: &Recipe) -> Self {
        Self {
            modalities: vec![None; recipe.hosts.len()],
            targets: vec![None; recipe.targets.len()],
        }
    }

    /// Whether the model is fed nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        self.modalities.iter().all(Option::is_none)
    }
}

impl Recipe {
    /// The recipe of a model, without anything random.
    pub(super) fn new(model: &Model, programs: Programs) -> Self {
        let hosts: Vec<Host> = model.modalities.iter().map(Host::new).collect();
        let targets = model.targets.iter().map(Target::new).collect();
        let span = hosts.iter().map(Host::span).fold(0.0, f64::max);
        Self { hosts, targets, span, begin: None, programs }
    }

    /// Adds what the settings say.
    pub(super) fn set(&mut self, config: &DataConfig) -> Result<(), DataError> {
        for (name, noise) in &config.noise {
            let place = format!("noise.{name}");
            let host = self.host(name, &place)?;
            check_noise(host, noise).map_err(|message| setting(&place, message))?;
            host.noise = *noise;
        }
        for (name, augment) in &config.augment {
            let place = format!("augment.{name}");
            let host = self.host(name, &place)?;
            check_augment(host, augment).map_err(|message| setting(&place, message))?;
            host.augment = augment.clone();
        }
        for (name, classes) in &config.classes {
            let place = format!("classes.{name}");
            let target = self.target(name, &place)?;
            let n = match target.kind {
                TargetKind::Class(n) | TargetKind::Classes(n) => n,
                TargetKind::Tensor(_) => 0,
            };
            if classes.len() as u64 != n {
                let message = format!("{} names for {n} classes", classes.len());
                return Err(setting(&place, message));
            }
            target.names = Names::new(classes).map_err(|message| setting(&place, message))?;
        }
        for (name, labels) in &config.labels {
            let place = format!("labels.{name}");
            let is_named = config.classes.contains_key(name);
            let target = self.target(name, &place)?;
            match (&target.kind, labels) {
                (TargetKind::Tensor(_), _) => {
                    let message = format!("`{name}` is a tensor; only classes have labels");
                    return Err(setting(&place, message));
                }
                (TargetKind::Class(_) | TargetKind::Classes(_), Labels::Names) if !is_named => {
                    let message =
                        format!("say the names in their order: `classes: {{ {name}: [..] }}`");
                    return Err(setting(&place, message));
                }
                (TargetKind::Class(_) | TargetKind::Classes(_), _) => target.labels = Some(*labels),
            }
        }
        Ok(())
    }

    fn target(&mut self, name: &str, place: &str) -> Result<&mut Target, DataError> {
        let known: Vec<String> = self.targets.iter().map(|target| target.name.clone()).collect();
        let target = self.targets.iter_mut().find(|target| target.name == name);
        target.ok_or_else(|| unknown(place, "target", name, &known))
    }

    fn host(&mut self, name: &str, place: &str) -> Result<&mut Host, DataError> {
        let known: Vec<String> = self.hosts.iter().map(|host| host.name.clone()).collect();
        let host = self.hosts.iter_mut().find(|host| host.name == name);
        host.ok_or_else(|| unknown(place, "modality", name, &known))
    }

    /// Names of modalities and targets.
    pub(super) fn names(&self) -> Vec<String> {
        let hosts = self.hosts.iter().map(|host| host.name.clone());
        hosts.chain(self.targets.iter().map(|target| target.name.clone())).collect()
    }
}

pub(super) fn setting(place: &str, message: impl Into<String>) -> DataError {
    DataError::Setting { place: place.to_owned(), message: message.into() }
}

fn unknown(place: &str, what: &str, name: &str, known: &[String]) -> DataError {
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    setting(place, format!("the model has no {what} `{name}`; it has {known}"))
}

fn check_noise(host: &Host, noise: &NoiseConfig) -> Result<(), String> {
    let is_sound = matches!(host.feed, Feed::Wave { .. });
    let is_picture = matches!(host.feed, Feed::Pictures { .. });
    if noise.snr.is_some() && !is_sound {
        return Err("`snr` is for sound; pictures have `sigma`".to_owned());
    }
    if noise.sigma.is_some() && !is_picture {
        return Err("`sigma` is for pictures; sound has `snr`".to_owned());
    }
    if noise.snr.is_some_and(|snr| !(-200.0..=200.0).contains(&snr)) {
        return Err("`snr` is -200 to 200 decibels".to_owned());
    }
    if noise.sigma.is_some_and(|sigma| !(0.0..=1000.0).contains(&sigma)) {
        return Err("`sigma` is 0 to 1000".to_owned());
    }
    Ok(())
}

fn check_augment(host: &Host, augment: &AugmentConfig) -> Result<(), String> {
    let AugmentConfig { crop, flip, color, shift, gain, masks, jitter } = augment;
    let is_sound = matches!(host.feed, Feed::Wave { .. });
    let is_picture = matches!(host.feed, Feed::Pictures { .. });
    if (crop.is_some() || flip.is_some() || color.is_some()) && !is_picture {
        return Err("`crop`, `flip` and `color` are for pictures".to_owned());
    }
    if (shift.is_some() || gain.is_some()) && !is_sound {
        return Err("`shift` and `gain` are for sound".to_owned());
    }
    if (masks.is_some() || jitter.is_some()) && !host.has_spectrum() {
        return Err("`masks` and `jitter` are for `logmel` and `spectrogram`".to_owned());
    }
    let is_part = |value: f64| (0.0..=1.0).contains(&value);
    let is_range =
        |[low, high]: [f64; 2], least: f64, most: f64| least <= low && low <= high && high <= most;
    if let Some(crop) = crop {
        if !is_range(crop.area, 1e-4, 1.0) {
            return Err("`area` is a range between 0.0001 and 1".to_owned());
        }
        if !is_range(crop.aspect, 0.01, 100.0) {
            return Err("`aspect` is a range between 0.01 and 100".to_owned());
        }
    }
    if flip.is_some_and(|flip| !is_part(flip)) {
        return Err("`flip` is a probability, 0 to 1".to_owned());
    }
    if let Some(color) = color {
        let is_good = is_part(color.probability)
            && is_part(color.brightness)
            && is_range(color.contrast, 0.0, 100.0)
            && is_range(color.saturation, 0.0, 100.0)
            && is_part(color.hue);
        if !is_good {
            let message = "`probability`, `brightness` and `hue` are 0 to 1, `contrast` and `saturation` ranges from 0 on";
            return Err(message.to_owned());
        }
    }
    if shift.is_some_and(|shift| !(0.0..=3600.0).contains(&shift)) {
        return Err("`shift` is 0 to 3600 seconds".to_owned());
    }
    if gain.is_some_and(|gain| !(0.0..=100.0).contains(&gain)) {
        return Err("`gain` is 0 to 100 decibels".to_owned());
    }
    let large = 1_000_000;
    let many = masks.is_some_and(|masks| masks.bands > 1000 || masks.times > 1000);
    if many || jitter.is_some_and(|jitter| jitter > large) {
        return Err("at most 1000 masks, and bins that move by at most 1000000".to_owned());
    }
    Ok(())
}
