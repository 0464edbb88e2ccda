//! How good a model is, with all modalities and with each alone.
//!
//! In: weights and a loader of evaluation. Out: for each target of classes a score of every output that names its classes and
//! of their mean, for each pair of outputs that the objective compares how well one finds the other, under each condition
//! (`evaluate/conditions.rs`), and the loss (`evaluate/losses.rs`). Several clips of a sample are one answer
//! (`evaluate/clips.rs`), and a sample of which a condition leaves nothing has none. Beside it, linear probes
//! (`evaluate/probe.rs`). Deliberately not here: tables.

mod clips;
mod conditions;
mod losses;
mod minimize;
mod probe;
mod reader;
mod regression;
mod retrieval;

use rayon::ThreadPool;

use crate::checkpoint::Best;
use crate::compiler::Checked;
use crate::compiler::flow::all_modalities;
use crate::data::{Loaded, Loader};
use crate::{RuntimeError, Tensors};

use super::TrainError;
use super::heads::{Heads, mean};
use super::scores::{Among, Counts, Metric, Score, Tally, Truths};
use super::sessions::Machine;
use clips::{Clips, Reading};
pub use conditions::{Absence, Condition};
use losses::Losses;
pub use losses::TermLoss;
pub use probe::{Probe, ProbeOptions, ProbeScores, ProbeTable, probe};
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
    /// The objective with all modalities: the mean over samples of each of its terms, and of these what the objective says.
    /// None where no sample has any of it.
    pub loss: Option<f64>,
    /// How many samples have any of it.
    pub loss_samples: u64,
    /// Its terms in order.
    pub terms: Vec<TermLoss>,
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
    /// On all samples of which a condition leaves something. Outputs may be those of fewer samples; scores say of how many.
    pub scores: Scores,
    /// On the samples that have all modalities alone, so that all scores are of the same ones.
    pub complete: Scores,
}

/// Scores of all outputs under all conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// Condition by condition, how many samples there were to be scored.
    pub counts: Vec<Counts>,
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
    /// Samples of a batch; nothing that is measured depends on it.
    pub batch: usize,
    /// Of how many samples one after the other a group is in which `nce` compares them.
    pub group: usize,
    /// How modalities are absent; each way is evaluated.
    pub absences: Vec<Absence>,
    /// The most samples that are compared with each other; with more, there is no retrieval.
    pub retrieval: u64,
}

impl EvaluateOptions {
    /// What is evaluated beside training: modalities are dropped, and samples compared where they are few.
    #[must_use]
    pub fn in_training(batch: usize, group: usize) -> Self {
        Self { batch, group, absences: vec![Absence::Dropped], retrieval: FEW }
    }
}

impl Evaluation {
    /// What runs are compared by: the score of the first target's mean with all modalities; where there is none, the loss,
    /// turned round. Larger is better. None where there is no number at all.
    #[must_use]
    pub fn overall(&self) -> Option<(&'static str, f64)> {
        let score = self.targets.first().and_then(|target| {
            let (_, scores) = target.scores.outputs.last()?;
            Some((target.metric.name(), (*scores.first()?)?.value))
        });
        let found = score.or(self.loss.map(|loss| ("-loss", -loss)));
        found.filter(|(_, value)| value.is_finite())
    }

    /// The best of a run after this evaluation, where that is this one. What was measured otherwise before, such as without
    /// labels, cannot be compared with it.
    #[must_use]
    pub fn is_best(&self, step: u64, before: Option<&Best>) -> Option<Best> {
        let (metric, value) = self.overall()?;
        let is_better = before.is_none_or(|best| best.metric != metric || value > best.value);
        is_better.then(|| Best { step, metric: metric.to_owned(), value })
    }

    /// Whether it has any number: a loss, a score, a recall.
    #[must_use]
    pub fn says_something(&self) -> bool {
        let scores = self.targets.iter().flat_map(|target| &target.scores.outputs);
        self.loss.is_some()
            || !self.retrieval.is_empty()
            || scores.flat_map(|(_, scores)| scores).any(Option::is_some)
    }

    /// Of how many samples a group is in which `nce` compares them; none without `nce`.
    #[must_use]
    pub fn group(&self) -> Option<usize> {
        self.terms.iter().find_map(|term| term.group)
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
    /// For each head what there is to be scored, and a tally of each output and of their mean.
    tallies: Vec<(Truths, Vec<Tally>)>,
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
        let mut losses = self.losses();
        while let Some(loaded) = loader.next()? {
            let clips = self.clips(&loaded)?;
            for (at, gathered) in gathered.iter_mut().enumerate() {
                let said = self.reader.read(&loaded, &self.conditions[at])?;
                if self.conditions[at].is_all {
                    self.threads.install(|| losses.add(&loaded.places, &said.terms));
                }
                for (row, clip) in clips.iter().enumerate() {
                    let reading = self.reading(clip, &said, at, row);
                    if let Some(whole) = gathered.clips.add(reading) {
                        self.count(gathered, at, &whole, &mut classes);
                    }
                }
            }
        }
        for (at, gathered) in gathered.iter_mut().enumerate() {
            if let Some(whole) = gathered.clips.take() {
                self.count(gathered, at, &whole, &mut classes);
            }
        }
        let (loss, loss_samples, terms) = self.threads.install(|| losses.finish());
        Ok(Evaluation {
            objective: self.objective.clone(),
            samples: gathered.first().map_or(0, |gathered| gathered.samples),
            loss,
            loss_samples,
            terms,
            conditions: self.conditions.clone(),
            targets: self.scores(&gathered),
            retrieval: self.retrieval(&gathered, &classes),
        })
    }

    fn losses(&self) -> Losses {
        let model = &self.reader.checked.model;
        let found = model.objectives.iter().find(|found| found.name == self.objective);
        let found = found.expect("it was compiled");
        Losses::new(model, &found.loss, self.options.group)
    }

    fn nothing(&self) -> Gathered {
        Gathered {
            clips: Clips::default(),
            tallies: self
                .heads
                .iter()
                .map(|heads| (Truths::default(), vec![Tally::default(); heads.outputs.len() + 1]))
                .collect(),
            galleries: vec![Gallery::default(); self.readings.len()],
            samples: 0,
        }
    }

    /// What is known of the clips of a batch, before the model says anything.
    fn clips(&self, loaded: &Loaded) -> Result<Vec<Reading>, TrainError> {
        let n = loaded.keys.len();
        let samples = loaded.batch.who_has_what(&self.reader.checked.model, n, n)?;
        let truths: Vec<Vec<Option<Vec<f32>>>> =
            self.targets.iter().map(|target| target.truths(loaded)).collect();
        let clips = samples.iter().zip(&loaded.places).enumerate().map(|(row, (own, place))| {
            let truths = truths.iter().map(|target| target[row].clone()).collect();
            Reading { sample: *place, has: own.modalities, values: Vec::new(), truths }
        });
        Ok(clips.collect())
    }

    /// What is read of one clip; nothing where the condition leaves nothing of it.
    fn reading(&self, clip: &Reading, said: &Said, condition: usize, row: usize) -> Reading {
        let is_left = self.conditions[condition].leaves(clip.has, &self.reader.checked.model);
        let values = self.readings.iter().map(|(output, kind)| {
            let numbers = said.of(*output, row).filter(|_| is_left)?;
            Some(match kind {
                Kind::Head(head) => self.heads[*head].probabilities(numbers),
                Kind::Vector => retrieval::unit(numbers),
            })
        });
        Reading { values: values.collect(), ..clip.clone() }
    }

    /// Counts a sample.
    fn count(
        &self,
        gathered: &mut Gathered,
        condition: usize,
        sample: &Reading,
        classes: &mut [Classes],
    ) {
        let model = &self.reader.checked.model;
        gathered.samples += 1;
        for ((target, truth), classes) in self.targets.iter().zip(&sample.truths).zip(classes) {
            if let (Metric::Accuracy, Some(truth)) = (target.metric, truth) {
                classes.insert(sample.sample, super::scores::largest(truth));
            }
        }
        if self.conditions[condition].leaves(sample.has, model) {
            self.score(gathered, sample, all_modalities(model).is_within(sample.has));
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

    /// Compares what the outputs say of a sample with what is true.
    fn score(&self, gathered: &mut Gathered, sample: &Reading, is_complete: bool) {
        for (at, (heads, own)) in self.heads.iter().zip(&mut gathered.tallies).enumerate() {
            let (counted, tallies) = own;
            let target = self.targets.iter().position(|target| target.name == heads.target);
            let truth = target.and_then(|target| sample.truths[target].as_ref());
            let Some(truth) = truth else { continue };
            counted.add(truth, is_complete);
            let own = self.readings.iter().zip(&sample.values);
            let own = own.filter(|((_, kind), _)| *kind == Kind::Head(at));
            let mut all = Vec::new();
            for ((_, probabilities), tally) in own.zip(tallies.iter_mut()) {
                if let Some(probabilities) = probabilities {
                    tally.add(heads.metric, probabilities, truth, is_complete);
                    all.push(probabilities.clone());
                }
            }
            if let (Some(mean), Some(tally)) = (mean(&all), tallies.last_mut()) {
                tally.add(heads.metric, &mean, truth, is_complete);
            }
        }
    }

    fn scores(&self, gathered: &[Gathered]) -> Vec<TargetScores> {
        let of = |at: usize, heads: &Heads, among: Among| {
            let own = || gathered.iter().map(|gathered| &gathered.tallies[at]);
            let names = heads.outputs.iter().map(String::as_str).chain([MEAN]).enumerate();
            let outputs = names.map(|(output, name)| {
                let scores = own().map(|(_, tallies)| tallies[output].score(heads.metric, among));
                (name.to_owned(), scores.collect())
            });
            let counts = own().map(|(counted, _)| counted.counts(heads.metric, among));
            Scores { counts: counts.collect(), outputs: outputs.collect() }
        };
        let scores = self.heads.iter().enumerate().map(|(at, heads)| TargetScores {
            target: heads.target.clone(),
            classes: heads.classes,
            metric: heads.metric,
            scores: of(at, heads, Among::All),
            complete: of(at, heads, Among::Complete),
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
                    let answers = answers.known(classes);
                    let (from, to, by) = (from.clone(), to.clone(), by.map(name));
                    found.push(Retrieval { from, to, by, condition, queries, answers, recall });
                }
            }
        }
        found
    }
}
