//! Reading samples as they are fed, to say what is in them.
//!
//! In: how many, how many threads. Out: a [`Survey`]: what is broken and why, which modalities come together, sizes, lengths and
//! rates of files, numbers that are fed, some samples to be shown, and how fast all of it went. Which samples are read depends
//! on the seed alone. Deliberately not here: random changes and noise, which are training's; showing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::Tally;
use crate::data::config::Clip;
use crate::data::draw::Draw;
use crate::data::host::{Feed, Moment};
use crate::data::media::Trouble;
use crate::data::recipe::{Fed, Sample};
use crate::data::source::look::Times;
use crate::data::{Collection, DataError, Found};
use crate::{Tensor, TensorData};

/// How samples are chosen and read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// So many, or all.
    pub samples: Option<u64>,
    /// So many of them are kept to be shown.
    pub shown: u64,
    /// Another one, other samples.
    pub seed: u64,
    /// Threads that read.
    pub threads: usize,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Samples that there are.
    pub of: u64,
    /// Samples that were read, broken ones among them.
    pub read: u64,
    /// The names of the model's modalities.
    pub modalities: Vec<String>,
    /// Which of them come together, and in how many samples; most of all first.
    pub together: Vec<(Vec<bool>, u64)>,
    /// Samples that are broken.
    pub broken: u64,
    /// Why, the most frequent first.
    pub reasons: Vec<Reason>,
    /// What files are and what is fed, by modality.
    pub tallies: Vec<Tally>,
    /// Some samples.
    pub shown: Vec<Shown>,
    /// How fast they were read.
    pub speed: Speed,
}

/// One reason for which samples are broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// In words, of the first of them.
    pub why: String,
    /// How many samples; reasons that differ in their numbers alone are one.
    pub samples: u64,
    /// The first of them.
    pub names: Vec<String>,
}

/// A sample as the model is fed it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its number among all.
    pub number: u64,
    /// Its key.
    pub key: String,
    /// What is fed of each modality, `[grid.., width]`; `None` for what it lacks.
    pub modalities: Vec<Option<Tensor>>,
    /// What is fed of each target.
    pub targets: Vec<Option<Vec<f32>>>,
    /// Why it is broken, if it is.
    pub broken: Option<String>,
}

/// How numbers are spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// How many.
    pub n: u64,
}

impl Range {
    pub(super) const EMPTY: Self =
        Self { least: f64::INFINITY, most: f64::NEG_INFINITY, mean: 0.0, deviation: 0.0, n: 0 };
}

/// How fast samples were read.
#[derive(Debug, Clone, PartialEq)]
pub struct Speed {
    /// On so many threads.
    pub threads: usize,
    /// Samples a second.
    pub samples: f64,
    /// What took which part of the time, the longest first.
    pub parts: Vec<(String, f64)>,
}

/// What one thread found.
#[derive(Default)]
struct Part {
    together: BTreeMap<Vec<bool>, u64>,
    broken: BTreeMap<String, (u64, BTreeMap<u64, String>)>,
    tallies: Vec<Tally>,
    shown: Vec<Shown>,
    times: Times,
    read: u64,
    fatal: Option<(u64, DataError)>,
}

/// So many samples are named for a reason.
const NAMED: usize = 3;

impl Collection {
    /// Reads samples as they are fed in evaluation. Broken ones are counted, however many. Ends early, with what was read by then,
    /// when told to stop.
    ///
    /// # Errors
    ///
    /// Values that are not what the settings say, a program that is missing, a machine that does not read.
    pub fn survey(&self, options: &Options, stop: &AtomicBool) -> Result<Survey, DataError> {
        let found = &*self.found;
        let of = self.len();
        let wanted = options.samples.unwrap_or(of).min(of);
        let spread = |part: u64| spread(part, wanted, of, options.seed);
        // One anywhere in each of as many equal parts: what stands at equal distances may be of one kind.
        let n_shown = options.shown.min(wanted);
        let begin = |part: u64| part * wanted / n_shown;
        let shown: Vec<u64> = (0..n_shown)
            .map(|part| {
                let draw = &mut Draw::new(options.seed, "data.shown", part);
                begin(part) + draw.below(begin(part + 1) - begin(part))
            })
            .collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut part = Part {
                tallies: vec![Tally::default(); found.recipe.hosts.len()],
                ..Part::default()
            };
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed) as u64;
                if at >= wanted || stop.load(Ordering::Relaxed) {
                    return part;
                }
                if !part.read(found, spread(at), shown.binary_search(&at).is_ok()) {
                    stop_all(&next);
                    return part;
                }
            }
        };
        let threads = options.threads.max(1);
        let parts = std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Part>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            all.into_iter().map(join).collect::<Vec<Part>>()
        });
        self.joined(parts, threads, of)
    }

    fn joined(&self, parts: Vec<Part>, threads: usize, of: u64) -> Result<Survey, DataError> {
        let mut all = Part {
            tallies: vec![Tally::default(); self.found.recipe.hosts.len()],
            ..Part::default()
        };
        parts.into_iter().for_each(|part| all.join(part));
        if let Some((_, error)) = all.fatal {
            return Err(error);
        }
        all.tallies.iter_mut().for_each(Tally::finish);
        all.shown.sort_by_key(|shown| shown.number);
        let mut together: Vec<(Vec<bool>, u64)> = all.together.into_iter().collect();
        together.sort_by(|(one, n), (other, m)| m.cmp(n).then_with(|| other.cmp(one)));
        let reason = |(n, first): (u64, BTreeMap<u64, String>)| Reason {
            why: first.values().next().cloned().unwrap_or_default(),
            samples: n,
            names: first.keys().map(|number| self.named(*number)).collect(),
        };
        let mut reasons: Vec<Reason> = all.broken.into_values().map(reason).collect();
        reasons.sort_by(|one, other| {
            other.samples.cmp(&one.samples).then_with(|| one.why.cmp(&other.why))
        });
        let busy: f64 = all.times.values().map(|time| time.as_secs_f64()).sum();
        let part = |(name, time): (String, std::time::Duration)| {
            (name, time.as_secs_f64() / busy.max(1e-9))
        };
        let mut parts: Vec<(String, f64)> = all.times.into_iter().map(part).collect();
        parts.sort_by(|one, other| other.1.total_cmp(&one.1));
        let samples = all.read as f64 * threads as f64 / busy.max(1e-9);
        Ok(Survey {
            of,
            read: all.read,
            modalities: self.modalities(),
            together,
            broken: reasons.iter().map(|reason| reason.samples).sum(),
            reasons,
            tallies: all.tallies,
            shown: all.shown,
            speed: Speed { threads, samples, parts },
        })
    }

    /// Where a sample lies.
    fn named(&self, number: u64) -> String {
        let pick = self.found.sample(number).expect("a number below the length");
        self.found.sources[pick.source].name(pick.number)
    }
}

/// One sample of each of as many equal parts as are wanted.
fn spread(part: u64, wanted: u64, of: u64, seed: u64) -> u64 {
    let begin = |part: u64| u128::from(part) * u128::from(of) / u128::from(wanted);
    let begin = |part: u64| u64::try_from(begin(part)).expect("at most the length");
    let width = begin(part + 1) - begin(part);
    begin(part) + Draw::new(seed, "data.survey", part).below(width)
}

/// Nobody begins with another sample.
fn stop_all(next: &AtomicUsize) {
    next.store(usize::MAX / 2, Ordering::Relaxed);
}

impl Part {
    /// Reads one sample; false where nothing else can be read either.
    fn read(&mut self, found: &Found, number: u64, is_shown: bool) -> bool {
        let pick = found.sample(number).expect("a number below the length");
        let source = &found.sources[pick.source];
        let clip = if found.clip == Clip::Start { Clip::Start } else { Clip::Middle };
        let moment = Moment { clip, at: number, ..Moment::still() };
        let read = source.read_timed(pick.number, &found.recipe, &moment, &mut self.times);
        self.read += 1;
        let sample = match read {
            Ok(sample) => sample,
            Err(Trouble::Why(why)) => {
                if is_shown {
                    let (modalities, targets) = (Vec::new(), Vec::new());
                    let key = source.key(pick.number);
                    let broken = Some(why.clone());
                    self.shown.push(Shown { number, key, modalities, targets, broken });
                }
                self.break_at(number, why);
                return true;
            }
            Err(trouble @ (Trouble::Declared(_) | Trouble::Machine(_) | Trouble::NoDecoder(_))) => {
                self.fatal = Some((number, trouble.error(source.name(pick.number))));
                return false;
            }
        };
        let has: Vec<bool> = sample.modalities.iter().map(Option::is_some).collect();
        *self.together.entry(has).or_default() += 1;
        for (tally, fed) in self.tallies.iter_mut().zip(&sample.modalities) {
            if let Some(fed) = fed {
                tally.add_fed(fed);
            }
        }
        for (modalities, facts) in source.facts(pick.number, &found.recipe) {
            for at in modalities {
                let is_sound = matches!(found.recipe.hosts[at].feed, Feed::Wave { .. });
                self.tallies[at].add_file(&facts, is_sound);
            }
        }
        if is_shown {
            self.shown.push(shown(found, number, source.key(pick.number), sample));
        }
        true
    }

    fn break_at(&mut self, number: u64, why: String) {
        let (n, first) = self.broken.entry(without_numbers(&why)).or_default();
        *n += 1;
        first.insert(number, why);
        while first.len() > NAMED {
            first.pop_last();
        }
    }

    fn join(&mut self, other: Self) {
        for (has, n) in other.together {
            *self.together.entry(has).or_default() += n;
        }
        for (key, (n, first)) in other.broken {
            let (own, known) = self.broken.entry(key).or_default();
            *own += n;
            known.extend(first);
            while known.len() > NAMED {
                known.pop_last();
            }
        }
        for (own, other) in self.tallies.iter_mut().zip(other.tallies) {
            own.join(other);
        }
        self.shown.extend(other.shown);
        for (name, time) in other.times {
            *self.times.entry(name).or_default() += time;
        }
        self.read += other.read;
        let fatal = [self.fatal.take(), other.fatal].into_iter().flatten();
        self.fatal = fatal.min_by_key(|(number, _)| *number);
    }
}

/// Reasons that differ in their numbers alone are one.
fn without_numbers(why: &str) -> String {
    let mut text = String::with_capacity(why.len());
    for character in why.chars() {
        let is_digit = character.is_ascii_digit();
        if !(is_digit && text.ends_with('0')) {
            text.push(if is_digit { '0' } else { character });
        }
    }
    text
}

fn shown(found: &Found, number: u64, key: String, sample: Sample) -> Shown {
    let tensor = |(at, fed): (usize, Option<Fed>)| {
        let shape = found.recipe.hosts[at].shape.clone();
        let (shape, data) = match fed? {
            Fed::Numbers(numbers) => (shape, TensorData::F32(numbers)),
            Fed::Ids(ids) => (vec![ids.len()], TensorData::I64(ids)),
        };
        Some(Tensor::new(shape, data).expect("the host makes as many numbers as the shape has"))
    };
    let modalities = sample.modalities.into_iter().enumerate().map(tensor).collect();
    Shown { number, key, modalities, targets: sample.targets, broken: None }
}
