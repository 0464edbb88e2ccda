//! A built-in audio-visual set: pictures of digits, and the two tones that a telephone's key of that digit makes.
//!
//! In: settings and a number. Out: a sample, always the same for the same seed and number. Pictures and sounds are
//! independent given their digit: position, size, slant, color, pitch, loudness, beginning and noise are their own. Each is
//! blank now and then, so that neither is enough and both are better. Deliberately not here: anything read from files.

use std::f64::consts::TAU;

use zorro_compiler::model::TargetKind;

use crate::data::DataError;
use crate::data::config::SyntheticConfig;
use crate::data::draw::Draw;
use crate::data::error::Why;
use crate::data::host::{Feed, Host, Moment};
use crate::data::media::picture::Picture;
use crate::data::recipe::{Fed, Recipe, Sample, setting};

const N_CLASSES: usize = 10;

/// The ten digits, five by seven, a row a number whose bits are its pixels.
const DIGITS: [[u8; 7]; N_CLASSES] = [
    [0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e],
    [0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e],
    [0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f],
    [0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e],
    [0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02],
    [0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e],
    [0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e],
    [0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08],
    [0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e],
    [0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c],
];

/// The two tones of each key, hertz (ITU-T Q.23).
const TONES: [[f64; 2]; N_CLASSES] = [
    [941.0, 1336.0],
    [697.0, 1209.0],
    [697.0, 1336.0],
    [697.0, 1477.0],
    [770.0, 1209.0],
    [770.0, 1336.0],
    [770.0, 1477.0],
    [852.0, 1209.0],
    [852.0, 1336.0],
    [852.0, 1477.0],
];

/// Below this rate the tones are lowered, so that they can be heard.
const LOWEST_RATE: f64 = 4000.0;

/// What makes samples.
#[derive(Debug)]
pub(super) struct Maker {
    config: SyntheticConfig,
    /// The modalities that it makes.
    hosts: Vec<usize>,
}

impl Maker {
    pub(super) fn new(
        config: &SyntheticConfig,
        place: &str,
        recipe: &Recipe,
    ) -> Result<Self, DataError> {
        for target in &recipe.targets {
            if let TargetKind::Class(n) | TargetKind::Classes(n) = target.kind
                && n < N_CLASSES as u64
            {
                let message = format!("it has {N_CLASSES} classes, `{}` only {n}", target.name);
                return Err(setting(place, message));
            }
        }
        let can = |host: &Host| matches!(host.feed, Feed::Pictures { .. } | Feed::Wave { .. });
        let all = (0..recipe.hosts.len()).filter(|at| can(&recipe.hosts[*at]));
        let hosts: Vec<usize> = match &config.modalities {
            None => all.collect(),
            Some(names) => {
                for name in names {
                    if !recipe.hosts.iter().any(|host| host.name == *name && can(host)) {
                        let message = format!("no pictures or sound of the model are `{name}`");
                        return Err(setting(&format!("{place}.synthetic.modalities"), message));
                    }
                }
                all.filter(|at| names.contains(&recipe.hosts[*at].name)).collect()
            }
        };
        if hosts.is_empty() {
            return Err(setting(place, "the model is fed neither pictures nor sound"));
        }
        Ok(Self { config: config.clone(), hosts })
    }

    pub(super) fn len(&self) -> usize {
        usize::try_from(self.config.samples).expect("checked when the source was opened")
    }

    fn number(&self, entry: usize) -> u64 {
        self.config.first + entry as u64
    }

    pub(super) fn key(&self, entry: usize) -> String {
        format!("synthetic-{:06}", self.number(entry))
    }

    /// What tells a sample from those of other seeds, too.
    pub(super) fn identity(&self, entry: usize) -> String {
        format!("{} of seed {}", self.key(entry), self.config.seed)
    }

    pub(super) fn class(&self, entry: usize) -> usize {
        usize::try_from(self.number(entry) % N_CLASSES as u64).expect("below ten")
    }

    pub(super) fn make(
        &self,
        entry: usize,
        recipe: &Recipe,
        moment: &Moment,
        sample: &mut Sample,
    ) -> Result<(), Why> {
        let class = self.class(entry);
        for at in &self.hosts {
            let host = &recipe.hosts[*at];
            // Models that call their modalities otherwise see the same pictures.
            let values = match host.feed {
                Feed::Pictures { count, fps, channels, .. } => {
                    let draw = Draw::new(self.config.seed, "data.picture", self.number(entry));
                    let step = 1.0 / fps.unwrap_or(1.0);
                    host.of_pictures(&self.pictures(class, count, step, channels, draw), moment)
                }
                Feed::Wave { rate, length, channels, .. } => {
                    let draw = Draw::new(self.config.seed, "data.sound", self.number(entry));
                    let sound = self.sound(class, f64::from(rate), length, draw);
                    host.of_sound(vec![sound; channels], moment)
                }
                Feed::Text { .. } | Feed::Tensor => continue,
            };
            sample.modalities[*at] = Some(Fed::Numbers(values?));
        }
        self.label(entry, recipe, sample);
        Ok(())
    }

    /// Adds the targets of a sample.
    pub(super) fn label(&self, entry: usize, recipe: &Recipe, sample: &mut Sample) {
        for (target, value) in recipe.targets.iter().zip(&mut sample.targets) {
            if !matches!(target.kind, TargetKind::Tensor(_)) {
                let mut hot = vec![0.0; target.shape[0]];
                hot[self.class(entry)] = 1.0;
                *value = Some(hot);
            }
        }
    }

    /// Frames so many seconds apart, in which the digit drifts.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped bytes")]
    fn pictures(
        &self,
        class: usize,
        count: usize,
        step: f64,
        channels: usize,
        mut draw: Draw,
    ) -> Vec<Picture> {
        let side = usize::try_from(self.config.size).expect("checked when the source was opened");
        let is_blank = draw.chance(self.config.blank);
        let tall = draw.between(0.5, 0.8);
        let wide = tall * draw.between(0.55, 0.85);
        let (x, y) = (draw.between(-0.1, 0.1), draw.between(-0.1, 0.1));
        let (reach_x, reach_y) = (draw.between(-0.1, 0.1), draw.between(-0.1, 0.1));
        let (sine, cosine) = libm::sincos(draw.between(-0.3, 0.3));
        let slant = draw.between(-0.3, 0.3);
        let ground = draw.between(0.1, 0.4);
        let ink: Vec<f64> = (0..channels).map(|_| draw.between(0.6, 0.9)).collect();
        let digit = &DIGITS[class];
        let mut pictures = Vec::with_capacity(count);
        for frame in 0..count {
            let time = frame as f64 * step;
            // A drift that turns back before the digit leaves the picture.
            let drift = libm::sin(time);
            let (x, y) = (x + reach_x * drift, y + reach_y * drift);
            let mut values = Vec::with_capacity(side * side * channels);
            let mut spare = None;
            for row in 0..side {
                for column in 0..side {
                    let across = (column as f64 + 0.5) / side as f64 - 0.5 - x;
                    let down = (row as f64 + 0.5) / side as f64 - 0.5 - y;
                    let (u, v) = (cosine * across + sine * down, cosine * down - sine * across);
                    let (u, v) = ((u + slant * v) / wide + 0.5, v / tall + 0.5);
                    let inked = if is_blank { 0.0 } else { ink_at(digit, 5.0 * u, 7.0 * v) };
                    for ink in &ink {
                        let noise = spare.take().unwrap_or_else(|| {
                            let [now, later] = draw.normals();
                            spare = Some(later);
                            now
                        });
                        let value = ground + inked * (ink - ground) + self.config.noise * noise;
                        values.push((value * 255.0).round().clamp(0.0, 255.0) as u8);
                    }
                }
            }
            pictures.push(Picture { height: side, width: side, channels, values });
        }
        pictures
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
    fn sound(&self, class: usize, rate: f64, length: usize, mut draw: Draw) -> Vec<f32> {
        let is_blank = draw.chance(self.config.blank);
        let pitch = draw.between(0.98, 1.02) * (rate / LOWEST_RATE).min(1.0);
        let loudness = libm::exp(draw.between(libm::log(0.05), libm::log(0.25)));
        let lasts = draw.between(0.3, 0.7) * length as f64;
        let begins = draw.between(0.0, length as f64 - lasts);
        let phases = [draw.between(0.0, TAU), draw.between(0.0, TAU)];
        let mut samples = Vec::with_capacity(length + 1);
        for at in (0..length).step_by(2) {
            for (offset, noise) in draw.normals().iter().enumerate() {
                let time = (at + offset) as f64;
                let is_on = !is_blank && (begins..begins + lasts).contains(&time);
                let tone = |(hertz, phase): (&f64, &f64)| {
                    libm::sin(TAU * hertz * pitch * time / rate + phase)
                };
                let tones: f64 = match is_on {
                    true => TONES[class].iter().zip(&phases).map(tone).sum(),
                    false => 0.0,
                };
                samples.push((loudness * tones + 0.4 * self.config.noise * noise) as f32);
            }
        }
        samples.truncate(length);
        samples
    }
}

/// How much ink there is at a place of a digit; pixels have soft edges.
fn ink_at(digit: &[u8; 7], x: f64, y: f64) -> f64 {
    let pixel = |row: i64, column: i64| match (usize::try_from(row), u32::try_from(column)) {
        (Ok(row), Ok(column)) if row < 7 && column < 5 => f64::from(digit[row] >> (4 - column) & 1),
        _ => 0.0,
    };
    let (left, top) = ((x - 0.5).floor(), (y - 0.5).floor());
    let (right, below) = (x - 0.5 - left, y - 0.5 - top);
    if !(-2.0..9.0).contains(&left) || !(-2.0..9.0).contains(&top) {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
    let (column, row) = (left as i64, top as i64);
    let upper = pixel(row, column) * (1.0 - right) + pixel(row, column + 1) * right;
    let lower = pixel(row + 1, column) * (1.0 - right) + pixel(row + 1, column + 1) * right;
    let ink = upper * (1.0 - below) + lower * below;
    // Steeper edges than those of the interpolation.
    ((ink - 0.5) * 2.5 + 0.5).clamp(0.0, 1.0)
}
