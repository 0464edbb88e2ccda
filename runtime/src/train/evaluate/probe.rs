//! Linear probes: what a linear map can tell of a target from frozen outputs.
//!
//! In: weights, samples to fit on and samples to judge by. Out: scores of a logistic regression for each output under each
//! condition, fitted under that same condition, and of the mean of their probabilities. An output of several tokens is
//! probed by their mean. Where an output cannot see what a condition takes away, it is the same to the last bit, and so is
//! its probe. Deliberately not here: the fit itself (`regression.rs`).

use std::collections::BTreeMap;

use super::clips::{Clips, Reading};
use super::conditions::{Absence, Condition};
use super::reader::{self, Reader, Target};
use super::regression::{Fit, Samples};
use super::{MEAN, retrieval};
use crate::Tensors;
use crate::compiler::Checked;
use crate::compiler::flow::{ModalitySet, all_modalities};
use crate::compiler::grammar::diagnostic::nearest;
use crate::compiler::model::Model;
use crate::data::Loader;
use crate::train::TrainError;
use crate::train::heads::{Heads, mean};
use crate::train::scores::{Among, Counts, Metric, Score, Tally, Truths};
use crate::train::sessions::Machine;

/// What is probed.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeOptions {
    /// The target of classes.
    pub target: String,
    /// The outputs; without them those that the objective's `nce` terms compare, else all that no loss holds to the target.
    pub outputs: Option<Vec<String>>,
    /// The objective.
    pub objective: String,
    /// Half of it times the squared weights is added to the mean loss.
    pub decay: f64,
    /// Samples of a batch.
    pub batch: usize,
    /// How modalities are absent.
    pub absences: Vec<Absence>,
}

/// Scores of probes.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeScores {
    /// The target.
    pub target: String,
    /// How many classes.
    pub classes: usize,
    /// What is measured.
    pub metric: Metric,
    /// What decays weights.
    pub decay: f64,
    /// How many samples with a known target there were to fit, and to judge by.
    pub samples: [u64; 2],
    /// What the model was given.
    pub conditions: Vec<Condition>,
    /// On all samples of which a condition leaves something. Outputs may be those of fewer samples; scores say of how many.
    pub table: ProbeTable,
    /// On the samples that have all modalities alone; fitted to the same ones as those of `table`.
    pub complete: ProbeTable,
}

/// Scores of all probes.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeTable {
    /// Condition by condition, how many samples there were to fit, and to judge by.
    pub counts: Vec<[Counts; 2]>,
    /// Output by output, last the mean of all: a probe for each condition; none where no sample has the output.
    pub outputs: Vec<(String, Vec<Option<Probe>>)>,
}

/// One probe, or the mean of several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// On the samples that were fitted.
    pub train: Score,
    /// On the others; none where none of them has the output.
    pub eval: Option<Score>,
    /// Whether the fit reached its optimum; of a mean, whether all did.
    pub converged: bool,
}

/// Features of samples.
#[derive(Debug, Clone, Default)]
struct Features {
    /// The sample of each row; clips of one lie one after the other.
    samples: Vec<u64>,
    values: Vec<f32>,
}

/// What is known of a part of the data.
struct Part {
    /// Of each sample with a known target what is true of it, and which modalities it has.
    truths: BTreeMap<u64, (ModalitySet, Vec<f32>)>,
    /// By output and condition; empty where another condition has the same.
    features: Vec<Vec<Features>>,
}

/// Probabilities of samples by output, under one condition.
type Predicted = Vec<BTreeMap<u64, Vec<f32>>>;

/// Fits probes on what one loader gives, and judges them by what another one gives. Samples without the target are left out.
///
/// # Errors
///
/// Names that the model does not have, data without the target, data that cannot be read, weights that do not fit.
pub fn probe(
    checked: &Checked,
    weights: &Tensors,
    options: &ProbeOptions,
    machine: &Machine,
    [train, eval]: [&mut Loader; 2],
) -> Result<ProbeScores, TrainError> {
    let model = &checked.model;
    let target = target(model, &options.target)?;
    let outputs = outputs(model, options)?;
    let conditions = Condition::of(model, &options.absences);
    let mut reader = Reader::new(checked, outputs.clone(), None, options.batch, machine)?;
    reader.set_weights(weights)?;
    let same = same(checked, &outputs, &conditions);
    let train = Part::read(&mut reader, train, &target, &conditions, &same)?;
    let eval = Part::read(&mut reader, eval, &target, &conditions, &same)?;
    if train.truths.is_empty() {
        return Err(TrainError::Probe(format!(
            "no sample to fit has the target `{}`",
            target.name
        )));
    }
    let threads = reader::threads(machine)?;
    let fits: Vec<Vec<Option<Fit>>> = (0..outputs.len())
        .map(|output| {
            let fit = |at: usize| threads.install(|| train.fit(output, at, &target, options.decay));
            (0..conditions.len()).map(fit).collect()
        })
        .collect();
    let mut tables = [ProbeTable::of(&outputs), ProbeTable::of(&outputs)];
    for (condition, given) in conditions.iter().enumerate() {
        let fits: Vec<Option<&Fit>> =
            (0..outputs.len()).map(|at| fits[at][same[at][condition]].as_ref()).collect();
        let places: Vec<usize> = same.iter().map(|same| same[condition]).collect();
        let judged = [&train, &eval].map(|part| {
            let predicted = part.predicted(&fits, &places, &target);
            Judged::of(part, &predicted, &target, |has| given.leaves(has, model), model)
        });
        for (table, among) in tables.iter_mut().zip([Among::All, Among::Complete]) {
            table.add(&judged, &fits, target.metric, among);
        }
    }
    let [table, complete] = tables;
    Ok(ProbeScores {
        target: target.name,
        classes: target.classes,
        metric: target.metric,
        decay: options.decay,
        samples: [train.truths.len() as u64, eval.truths.len() as u64],
        conditions,
        table,
        complete,
    })
}

fn unknown(kind: &str, name: &str, known: &[&str]) -> TrainError {
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it has none".to_owned(),
        None => format!("it has {}", known.join(", ")),
    };
    TrainError::Probe(format!("the model has no {kind} `{name}`; {help}"))
}

fn target(model: &Model, name: &str) -> Result<Target, TrainError> {
    let all = Target::all(model);
    let found = all.iter().find(|target| target.name == name).cloned();
    let known: Vec<&str> = all.iter().map(|target| target.name.as_str()).collect();
    found.ok_or_else(|| unknown("target of classes", name, &known))
}

fn outputs(model: &Model, options: &ProbeOptions) -> Result<Vec<String>, TrainError> {
    let all: Vec<&str> = model.outputs.iter().map(|output| output.name.as_str()).collect();
    if let Some(asked) = &options.outputs {
        if let Some(name) = asked.iter().find(|name| !all.contains(&name.as_str())) {
            return Err(unknown("output", name, &all));
        }
        return Ok(asked.clone());
    }
    let mut found: Vec<String> = Vec::new();
    for pair in retrieval::pairs(model, &options.objective).0 {
        for side in [pair.a, pair.b] {
            if !found.contains(&side) {
                found.push(side);
            }
        }
    }
    if found.is_empty() {
        let heads = Heads::of(model, None);
        let is_head = |name: &&&str| {
            let own = heads.iter().filter(|heads| heads.target == options.target);
            own.flat_map(|heads| &heads.outputs).any(|head| head == **name)
        };
        found = all.iter().filter(|name| !is_head(name)).map(|name| (*name).to_owned()).collect();
    }
    if found.is_empty() {
        let message = format!(
            "all outputs name classes of `{}` already; say which are to be probed",
            options.target
        );
        return Err(TrainError::Probe(message));
    }
    Ok(found)
}

impl ProbeTable {
    fn of(outputs: &[String]) -> Self {
        let names = outputs.iter().map(String::as_str).chain([MEAN]);
        Self {
            counts: Vec::new(),
            outputs: names.map(|name| (name.to_owned(), Vec::new())).collect(),
        }
    }

    /// Adds a condition.
    fn add(&mut self, judged: &[Judged; 2], fits: &[Option<&Fit>], metric: Metric, among: Among) {
        self.counts.push([0, 1].map(|part: usize| judged[part].counted.counts(metric, among)));
        for (at, (_, probes)) in self.outputs.iter_mut().enumerate() {
            let own = if at < fits.len() { &fits[at..=at] } else { fits };
            let converged = own.iter().flatten().all(|fit| fit.converged);
            let [train, eval] =
                [0, 1].map(|part: usize| judged[part].tallies[at].score(metric, among));
            probes.push(train.map(|train| Probe { train, eval, converged }));
        }
    }
}

/// For each output and condition the first condition that is the same for what the output can see, and for the samples that
/// have it.
fn same(checked: &Checked, outputs: &[String], conditions: &[Condition]) -> Vec<Vec<usize>> {
    let model = &checked.model;
    let of = |name: &String| {
        let output = model.outputs.iter().find(|output| output.name == *name);
        let output = output.expect("outputs of the model were chosen");
        let sees = checked.flow.sees(output.value);
        let seen = |names: &[String]| -> Vec<bool> {
            let ids = names.iter().map(|name| model.modality(name).expect("it is the model's"));
            let ids: Vec<_> = ids.collect();
            sees.iter().map(|id| ids.contains(&id)).collect()
        };
        // Where it is there without anything that is given, it is that of other samples under every condition.
        let presence = checked.flow.presence(output.value);
        let alone = |condition: &Condition| {
            let ids = condition.zeroed.iter().map(|name| model.modality(name).expect("its own"));
            presence.holds(ModalitySet::of(ids)).then(|| condition.clone())
        };
        let key = |condition: &Condition| {
            (seen(&condition.given), seen(&condition.zeroed), alone(condition))
        };
        let keys: Vec<_> = conditions.iter().map(key).collect();
        let first = |key| keys.iter().position(|other| other == key).expect("it is one of them");
        keys.iter().map(first).collect()
    };
    outputs.iter().map(of).collect()
}

impl Part {
    /// Reads all features under all conditions.
    fn read(
        reader: &mut Reader,
        loader: &mut Loader,
        target: &Target,
        conditions: &[Condition],
        same: &[Vec<usize>],
    ) -> Result<Self, TrainError> {
        let widths: Vec<usize> =
            reader.outputs.iter().map(|name| width(&reader.checked.model, name)).collect();
        let mut part = Self {
            truths: BTreeMap::new(),
            features: vec![vec![Features::default(); conditions.len()]; widths.len()],
        };
        while let Some(loaded) = loader.next()? {
            let truths = target.truths(&loaded);
            let n = loaded.keys.len();
            let samples = loaded.batch.who_has_what(&reader.checked.model, n, n)?;
            for ((truth, own), place) in truths.iter().zip(&samples).zip(&loaded.places) {
                let Some(truth) = truth else { continue };
                let known = part.truths.entry(*place);
                let (has, _) = known.or_insert_with(|| (ModalitySet::EMPTY, truth.clone()));
                *has = has.union(own.modalities);
            }
            for (at, condition) in conditions.iter().enumerate() {
                let own: Vec<usize> =
                    (0..widths.len()).filter(|output| same[*output][at] == at).collect();
                if own.is_empty() {
                    continue;
                }
                let said = reader.read(&loaded, condition)?;
                for (row, own_sample) in samples.iter().enumerate() {
                    let is_left = condition.leaves(own_sample.modalities, &reader.checked.model);
                    if truths[row].is_none() || !is_left {
                        continue;
                    }
                    let sample = loaded.places[row];
                    for output in &own {
                        if let Some(numbers) = said.of(*output, row) {
                            let features = &mut part.features[*output][at];
                            features.samples.push(sample);
                            features.values.extend(mean_token(numbers, widths[*output]));
                        }
                    }
                }
            }
        }
        Ok(part)
    }

    /// The probe of an output under a condition that is its own; none where no sample has it.
    fn fit(&self, output: usize, condition: usize, target: &Target, decay: f64) -> Option<Fit> {
        let Features { samples, values } = &self.features[output][condition];
        let width = values.len().checked_div(samples.len()).filter(|width| *width > 0)?;
        let truths: Vec<f32> =
            samples.iter().flat_map(|sample| &self.truths[sample].1).copied().collect();
        Some(Fit::of(Samples {
            width,
            classes: target.classes,
            features: values,
            truths: &truths,
            metric: target.metric,
            decay,
        }))
    }

    /// What the probes of a condition say of all samples, the mean over their clips.
    fn predicted(&self, fits: &[Option<&Fit>], places: &[usize], target: &Target) -> Predicted {
        let all = fits.iter().zip(&self.features).zip(places);
        all.map(|((fit, features), place)| {
            let mut predicted = BTreeMap::new();
            let Some(fit) = fit else { return predicted };
            let Features { samples, values } = &features[*place];
            let width = values.len().checked_div(samples.len()).unwrap_or(0).max(1);
            let mut clips = Clips::default();
            let mut take = |whole: Option<Reading>| {
                if let Some(Reading { sample, mut values, .. }) = whole {
                    predicted.extend(values.pop().flatten().map(|value| (sample, value)));
                }
            };
            for (sample, row) in samples.iter().zip(values.chunks_exact(width)) {
                let probabilities = target.metric.probabilities(&fit.logits(row));
                let values = vec![Some(probabilities)];
                let sample = *sample;
                take(clips.add(Reading { sample, values, ..Reading::default() }));
            }
            take(clips.take());
            predicted
        })
        .collect()
    }
}

/// What probes say of a part of the data under one condition.
struct Judged {
    counted: Truths,
    /// Of each output, last of their mean.
    tallies: Vec<Tally>,
}

impl Judged {
    /// Judges the samples of which something is left.
    fn of(
        part: &Part,
        predicted: &Predicted,
        target: &Target,
        is_left: impl Fn(ModalitySet) -> bool,
        model: &Model,
    ) -> Self {
        let tallies = vec![Tally::default(); predicted.len() + 1];
        let mut judged = Self { counted: Truths::default(), tallies };
        for (sample, (has, truth)) in &part.truths {
            if !is_left(*has) {
                continue;
            }
            let is_complete = all_modalities(model).is_within(*has);
            judged.counted.add(truth, is_complete);
            let own = predicted.iter().map(|predicted| predicted.get(sample));
            let mut all = Vec::new();
            for (probabilities, tally) in own.zip(&mut judged.tallies) {
                if let Some(probabilities) = probabilities {
                    tally.add(target.metric, probabilities, truth, is_complete);
                    all.push(probabilities.clone());
                }
            }
            if let (Some(mean), Some(tally)) = (mean(&all), judged.tallies.last_mut()) {
                tally.add(target.metric, &mean, truth, is_complete);
            }
        }
        judged
    }
}

/// The numbers of one token of an output.
fn width(model: &Model, name: &str) -> usize {
    let output = model.outputs.iter().find(|output| output.name == name);
    let output = output.expect("outputs of the model were chosen");
    usize::try_from(model.value(output.value).shape.width).unwrap_or(usize::MAX)
}

fn mean_token(numbers: &[f32], width: usize) -> Vec<f32> {
    let tokens: Vec<Vec<f32>> = numbers.chunks_exact(width.max(1)).map(<[f32]>::to_vec).collect();
    mean(&tokens).unwrap_or_default()
}
