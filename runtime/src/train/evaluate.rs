//! How good a model is, with all modalities and with each alone.
//!
//! In: weights and a loader of evaluation. Out: for each target of classes a score of every output that names its classes and
//! of their mean, for each pair of outputs that the objective compares how well one finds the other, under each condition
//! (`evaluate/conditions.rs`), and the loss. Several clips of a sample are one answer (`evaluate/clips.rs`). Beside it, linear
//! probes (`evaluate/probe.rs`). Deliberately not here: tables.

mod clips;
mod conditions;
mod minimize;
mod probe;
mod reader;
mod regression;
mod retrieval;

use rayon::ThreadPool;

use crate::compiler::Checked;
use crate::data::{Loaded, Loader};
use crate::{RuntimeError, Tensors};

use super::TrainError;
use super::heads::{Heads, mean};
use super::scores::{Metric, Score, Tally};
use super::sessions::Machine;
use clips::{Clips, Reading};
pub use conditions::{Absence, Condition};
pub use probe::{Probe, ProbeOptions, ProbeScores, probe};
use reader::{Reader, Said, Target};
use retrieval::{Classes, Gallery, Pair};
pub use retrieval::{FIRST, Retrieval};

/// How good a model is.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// What is minimized.
    pub objective: String,
    /// How many samples there were.
    pub samples: u64,
    /// The mean of the objective over batches, with all modalities.
    pub loss: f64,
    /// What the model was given: first all modalities, then each alone.
    pub conditions: Vec<Condition>,
    /// Target by target.
    pub targets: Vec<TargetScores>,
    /// For each condition, pair and direction for which there is anything to be found.
    pub retrieval: Vec<Retrieval>,
}

/// Scores for one target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetScores {
    /// The target.
    pub target: String,
    /// How many classes.
    pub classes: usize,
    /// What is measured.
    pub metric: Metric,
    /// Output by output, last the mean of all: a score for each condition; none where it cannot be had.
    pub outputs: Vec<(String, Vec<Option<Score>>)>,
}

/// The mean of all outputs in tables.
pub const MEAN: &str = "mean";

/// Of how many samples vectors are compared with each other while a model is trained: the work grows with their square.
const FEW: u64 = 4096;

/// What is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluateOptions {
    /// Samples of a batch.
    pub batch: usize,
    /// How modalities are absent; each way is evaluated.
    pub absences: Vec<Absence>,
    /// The most samples that are compared with each other; with more, there is no retrieval.
    pub retrieval: u64,
}

impl EvaluateOptions {
    /// What is evaluated beside training: modalities are dropped, and samples compared where they are few.
    #[must_use]
    pub fn in_training(batch: usize) -> Self {
        Self { batch, absences: vec![Absence::Dropped], retrieval: FEW }
    }
}

impl Evaluation {
    /// What runs are compared by: the score of the first target's mean with all modalities; without targets of classes the
    /// loss, turned round. Larger is better.
    #[must_use]
    pub fn overall(&self) -> (&'static str, f64) {
        let score = self.targets.first().and_then(|target| {
            let (_, scores) = target.outputs.last()?;
            Some((target.metric.name(), (*scores.first()?)?.value))
        });
        score.unwrap_or(("-loss", -self.loss))
    }
}

/// What is read of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Probabilities of the classes of these heads.
    Head(usize),
    /// A vector that is compared with others.
    Vector,
}

/// A model made ready to be evaluated.
#[derive(Debug)]
pub struct Evaluator {
    reader: Reader,
    objective: String,
    conditions: Vec<Condition>,
    targets: Vec<Target>,
    heads: Vec<Heads>,
    pairs: Vec<Pair>,
    is_hidden: bool,
    /// What is read of each sample: an output, by its place among those of the reader, and how.
    readings: Vec<(usize, Kind)>,
    options: EvaluateOptions,
    threads: ThreadPool,
}

/// What has come together under one condition.
#[derive(Debug, Clone)]
struct Gathered {
    clips: Clips,
    /// For each head a tally of each output and of their mean.
    tallies: Vec<Vec<Tally>>,
    /// For each reading that is a vector.
    galleries: Vec<Gallery>,
    samples: u64,
}

impl Evaluator {
    /// Compiles what an objective has of outputs.
    ///
    /// # Errors
    ///
    /// What cannot be compiled, and a machine without the memory or threads.
    pub fn new(
        checked: &Checked,
        objective: &str,
        options: &EvaluateOptions,
        machine: &Machine,
    ) -> Result<Self, RuntimeError> {
        let heads = Heads::of(&checked.model, Some(objective));
        let (pairs, is_hidden) = retrieval::pairs(&checked.model, objective);
        let wanted = heads.iter().enumerate().flat_map(|(at, heads)| {
            heads.outputs.iter().map(move |output| (output.clone(), Kind::Head(at)))
        });
        let mut wanted: Vec<(String, Kind)> = wanted.collect();
        for side in pairs.iter().flat_map(|pair| [&pair.a, &pair.b]) {
            let vector = (side.clone(), Kind::Vector);
            if !wanted.contains(&vector) {
                wanted.push(vector);
            }
        }
        let mut outputs: Vec<String> = Vec::new();
        let mut readings = Vec::new();
        for (output, kind) in wanted {
            let known = outputs.iter().position(|known| *known == output);
            readings.push((known.unwrap_or(outputs.len()), kind));
            if known.is_none() {
                outputs.push(output);
            }
        }
        Ok(Self {
            reader: Reader::new(checked, outputs, Some(objective), options.batch, machine)?,
            objective: objective.to_owned(),
            conditions: Condition::of(&checked.model, &options.absences),
            targets: Target::all(&checked.model),
            heads,
            pairs,
            is_hidden,
            readings,
            options: options.clone(),
            threads: reader::threads(machine)?,
        })
    }

    /// Whether the objective compares values that are no outputs, which nobody can look at.
    #[must_use]
    pub fn compares_hidden(&self) -> bool {
        self.is_hidden
    }

    /// Evaluates weights on all that a loader gives.
    ///
    /// # Errors
    ///
    /// Data that cannot be read, and weights that do not fit.
    pub fn evaluate(
        &mut self,
        weights: &Tensors,
        loader: &mut Loader,
    ) -> Result<Evaluation, TrainError> {
        self.reader.set_weights(weights)?;
        let mut gathered = vec![self.nothing(); self.conditions.len()];
        let mut classes = vec![Classes::new(); self.targets.len()];
        let (mut rows, mut loss) = (0, 0.0);
        while let Some(loaded) = loader.next()? {
            let n = loaded.keys.len();
            rows += n;
            let truths: Vec<Vec<Option<Vec<f32>>>> =
                self.targets.iter().map(|target| target.truths(&loaded)).collect();
            for (at, gathered) in gathered.iter_mut().enumerate() {
                let said = self.reader.read(&loaded, &self.conditions[at])?;
                if at == 0 {
                    loss += said.loss * n as f64;
                }
                for sample in 0..n {
                    let reading = self.reading(&loaded, &said, &truths, sample);
                    if let Some(whole) = gathered.clips.add(reading) {
                        self.count(gathered, &whole, &mut classes);
                    }
                }
            }
        }
        for gathered in &mut gathered {
            if let Some(whole) = gathered.clips.take() {
                self.count(gathered, &whole, &mut classes);
            }
        }
        Ok(Evaluation {
            objective: self.objective.clone(),
            samples: gathered.first().map_or(0, |gathered| gathered.samples),
            loss: if rows > 0 { loss / rows as f64 } else { 0.0 },
            conditions: self.conditions.clone(),
            targets: self.scores(&gathered),
            retrieval: self.retrieval(&gathered, &classes),
        })
    }

    fn nothing(&self) -> Gathered {
        Gathered {
            clips: Clips::default(),
            tallies: self
                .heads
                .iter()
                .map(|heads| vec![Tally::default(); heads.outputs.len() + 1])
                .collect(),
            galleries: vec![Gallery::default(); self.readings.len()],
            samples: 0,
        }
    }

    /// What is read of one clip.
    fn reading(
        &self,
        loaded: &Loaded,
        said: &Said,
        truths: &[Vec<Option<Vec<f32>>>],
        sample: usize,
    ) -> Reading {
        let values = self.readings.iter().map(|(output, kind)| {
            let numbers = said.of(*output, sample)?;
            Some(match kind {
                Kind::Head(head) => self.heads[*head].probabilities(numbers),
                Kind::Vector => retrieval::unit(numbers),
            })
        });
        Reading {
            sample: loaded.places[sample],
            values: values.collect(),
            truths: truths.iter().map(|target| target[sample].clone()).collect(),
        }
    }

    /// Counts a sample.
    fn count(&self, gathered: &mut Gathered, sample: &Reading, classes: &mut [Classes]) {
        gathered.samples += 1;
        for ((target, truth), classes) in self.targets.iter().zip(&sample.truths).zip(classes) {
            if let (Metric::Accuracy, Some(truth)) = (target.metric, truth) {
                classes.insert(sample.sample, super::scores::largest(truth));
            }
        }
        for (at, (heads, tallies)) in self.heads.iter().zip(&mut gathered.tallies).enumerate() {
            let target = self.targets.iter().position(|target| target.name == heads.target);
            let truth = target.and_then(|target| sample.truths[target].as_ref());
            let Some(truth) = truth else { continue };
            let own = self.readings.iter().zip(&sample.values);
            let own = own.filter(|((_, kind), _)| *kind == Kind::Head(at));
            let mut all = Vec::new();
            for ((_, probabilities), tally) in own.zip(tallies.iter_mut()) {
                if let Some(probabilities) = probabilities {
                    tally.add(heads.metric, probabilities, truth);
                    all.push(probabilities.clone());
                }
            }
            if let (Some(mean), Some(tally)) = (mean(&all), tallies.last_mut()) {
                tally.add(heads.metric, &mean, truth);
            }
        }
        let too_many = gathered.samples > self.options.retrieval;
        let vectors = self.readings.iter().zip(&sample.values).zip(&mut gathered.galleries);
        for (((_, kind), value), gallery) in vectors {
            if let (Kind::Vector, Some(vector)) = (kind, value) {
                match too_many {
                    true => *gallery = Gallery::default(),
                    false => gallery.add(sample.sample, vector),
                }
            }
        }
    }

    fn scores(&self, gathered: &[Gathered]) -> Vec<TargetScores> {
        let scores = self.heads.iter().enumerate().map(|(at, heads)| {
            let names = heads.outputs.iter().map(String::as_str).chain([MEAN]).enumerate();
            let outputs = names.map(|(output, name)| {
                let tallies = gathered.iter().map(|gathered| &gathered.tallies[at][output]);
                (name.to_owned(), tallies.map(|tally| tally.score(heads.metric)).collect())
            });
            TargetScores {
                target: heads.target.clone(),
                classes: heads.classes,
                metric: heads.metric,
                outputs: outputs.collect(),
            }
        });
        scores.collect()
    }

    /// Both directions of all pairs.
    fn retrieval(&self, gathered: &[Gathered], classes: &[Classes]) -> Vec<Retrieval> {
        let mut found = Vec::new();
        let by = (0..classes.len()).find(|at| !classes[*at].is_empty());
        let name = |at: usize| self.targets[at].name.clone();
        for (condition, gathered) in gathered.iter().enumerate() {
            if gathered.samples > self.options.retrieval {
                continue;
            }
            let gallery = |name: &String| {
                let is_it = |(output, kind): &(usize, Kind)| {
                    *kind == Kind::Vector && self.reader.outputs[*output] == *name
                };
                let at = self.readings.iter().position(is_it);
                &gathered.galleries[at.expect("both sides of a pair are read")]
            };
            for Pair { a, b } in &self.pairs {
                for (from, to) in [(a, b), (b, a)] {
                    let (asked, answers) = (gallery(from), gallery(to));
                    let classes = by.map(|at| &classes[at]);
                    let recall =
                        self.threads.install(|| retrieval::recall(asked, answers, classes));
                    let Some((queries, recall)) = recall else { continue };
                    let (from, to, by) = (from.clone(), to.clone(), by.map(name));
                    found.push(Retrieval { from, to, by, condition, queries, recall });
                }
            }
        }
        found
    }
}
