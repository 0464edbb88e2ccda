//! Purity, measured: what an output may not see is replaced, and nothing of the output may change.
//!
//! In: a checked model, and perhaps weights and promises beside its asserts. Out: an [`Audit`]: for each output and modality
//! whether bits stayed, and for what did not stay how much changed and by which way. Each modality in turn becomes other
//! noise, NaN, absent for all samples, and absent for some. Held to their bits are the outputs that may not see it, the
//! gradients of these with respect to weights and other modalities, and to zero those with respect to it; and the outputs
//! of samples that lose nothing while their neighbors do. A program compiled for some modalities alone gives the bits of
//! the whole. What an output may not see is replaced together, too: a leak may need two. [`files`] holds the way from files to
//! what is fed in the same manner. Deliberately not here: proofs, which `check` has made and this does not trust; objectives, which see what
//! they compare.

mod causality;
mod compare;
mod data;
mod files;
mod gradients;
mod json;
mod outputs;
mod policy;
mod text;

use std::fmt;

use zorro_compiler::Checked;
use zorro_compiler::flow::{ModalitySet, path};
use zorro_compiler::model::ModalityId;
use zorro_runtime::data::DataError;
use zorro_runtime::{Device, RuntimeError, Tensors};

pub use compare::Change;
pub use files::{FileAudit, FileCell, FileRow, SampleAudit, files};
pub use json::json;
pub use policy::Ground;
pub use text::text;

use data::Data;
use policy::Promise;

/// How to audit.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// Samples of a batch. With one alone, none can lack what another has.
    pub batch: usize,
    /// The seed of inputs, cotangents and, where none are given, weights.
    pub seed: u64,
    /// Where to run.
    pub device: Device,
    /// The weights; none for those of the start, with noise on what starts constant and wider where that is small, so that
    /// nothing hides behind a zero or below rounding.
    pub weights: Option<Tensors>,
    /// Outputs and the modalities that they may see, beside what the spec asserts.
    pub pure: Vec<(String, Vec<String>)>,
    /// Outputs and the modalities in which they are to be causal, beside what the compiler proves.
    pub causal: Vec<(String, String)>,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            batch: 4,
            seed: 0,
            device: Device::cpu(1),
            weights: None,
            pure: Vec::new(),
            causal: Vec::new(),
        }
    }
}

/// Why there is no audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditError {
    /// A promise about something that the model does not have.
    Unknown {
        /// Of what: `output` or `modality`.
        kind: &'static str,
        /// The name.
        name: String,
        /// The names that it has.
        known: Vec<String>,
    },
    /// The model has no outputs.
    NoOutputs,
    /// An output is not finite before anything is replaced: equal bits would say nothing.
    NotFinite(String),
    /// It cannot be run.
    Runtime(RuntimeError),
    /// A file cannot be read.
    Data(DataError),
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { kind, name, known } => {
                write!(f, "the model has no {kind} `{name}`; it has {}", known.join(", "))
            }
            Self::NoOutputs => f.write_str("the model has no outputs to be audited"),
            Self::NotFinite(name) => {
                write!(f, "`{name}` is not finite before anything is replaced: look at the weights")
            }
            Self::Runtime(error) => error.fmt(f),
            Self::Data(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AuditError {}

impl From<RuntimeError> for AuditError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error)
    }
}

impl From<DataError> for AuditError {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

/// What has been found.
#[derive(Debug, Clone)]
pub struct Audit {
    /// The model.
    pub model: String,
    /// Samples of the batch.
    pub batch: usize,
    /// The seed.
    pub seed: u64,
    /// The columns.
    pub modalities: Vec<String>,
    /// The rows.
    pub outputs: Vec<Row>,
    /// Outputs whose tokens see no later position, with their modality.
    pub causal: Vec<Causal>,
    /// What did not hold.
    pub failures: Vec<Failure>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// How much was compared.
    pub compared: Compared,
}

impl Audit {
    /// Whether all held.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// An output that is causal in a modality, as far as its bits say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Causal {
    /// The output.
    pub output: String,
    /// The modality.
    pub modality: ModalityId,
    /// How many positions it has.
    pub positions: u64,
}

/// An output.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// One for each modality.
    pub cells: Vec<Cell>,
    /// Why it may not see a modality; none where it may.
    pub grounds: Vec<Option<Ground>>,
}

/// What an output has to do with a modality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// It may not see it, and kept its bits under all replacements.
    Pure,
    /// It may see it, and changed with it.
    Sees,
    /// It may see it, and did not change.
    MaySee,
    /// It may not see it, and something changed; or it changed with what other samples have.
    Leaks,
}

/// How much was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Tensors, or their rows for some samples.
    pub tensors: u64,
    /// Numbers in these.
    pub numbers: u64,
    /// Runs of a program.
    pub runs: u64,
}

/// What becomes of a modality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// It stays.
    Nothing,
    /// Other noise; other ids.
    Noise,
    /// NaN everywhere.
    Nan,
    /// No sample has it.
    Absent,
    /// Every second sample lacks it.
    Mixed,
}

impl Replacement {
    /// Those that replace something.
    pub const ALL: [Self; 4] = [Self::Noise, Self::Nan, Self::Absent, Self::Mixed];

    /// In words: `other noise`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "as it is",
            Self::Noise => "other noise",
            Self::Nan => "NaN",
            Self::Absent => "absent",
            Self::Mixed => "absent for half of the samples",
        }
    }
}

/// Something that did not hold for an output.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The output.
    pub output: String,
    /// The modality; none where several were left out or replaced together.
    pub modality: Option<ModalityId>,
    /// What changed.
    pub evidence: Vec<Evidence>,
    /// The way by which the modality gets there as far as the compiler knows, in words.
    pub path: Vec<String>,
}

/// One tensor that is not what it was.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What became of the modality.
    pub replacement: Replacement,
    /// Which tensor.
    pub what: What,
    /// How much of it.
    pub change: Change,
}

/// A tensor that was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The output itself.
    Output,
    /// Whether the samples have the output.
    Presence,
    /// The output's rows of samples that have what they had.
    Neighbors,
    /// The output, of a program for these modalities alone.
    Only(Vec<String>),
    /// The output, where these modalities were replaced together.
    Together(Vec<String>),
    /// The tokens that see nothing from this position on, where all from there on is other noise.
    Earlier(u64),
    /// The gradient with respect to a weight.
    Weight(String),
    /// The gradient with respect to another modality.
    Input(String),
    /// The gradient with respect to the modality itself, which is not zero.
    Own,
}

impl What {
    /// Whether it is a gradient.
    #[must_use]
    pub fn is_gradient(&self) -> bool {
        match self {
            Self::Weight(_) | Self::Input(_) | Self::Own => true,
            Self::Output
            | Self::Presence
            | Self::Neighbors
            | Self::Only(_)
            | Self::Together(_)
            | Self::Earlier(_) => false,
        }
    }
}

/// Audits a model.
///
/// # Errors
///
/// Promises about what is not there, weights that do not fit, and a machine without the memory. What leaks is no error here
/// but a [`Failure`].
///
/// ```
/// use zorro::{AuditOptions, Cell, Options, audit, check_text};
///
/// let spec = "model m {
///   modality photo = image(size: 4)
///   modality sound = tensor([3, 5])
///   tokens photo = photo |> patches(2, 2) |> linear(8)
///   tokens sound = sound |> linear(8)
///   apply vit(heads: 2) over { photo <- photo; sound <- sound, photo }
///   output p = photo |> pool(mean)
///   output s = sound |> pool(mean)
///   assert p reads only photo
/// }";
/// let checked = check_text(spec, &Options::default()).checked.expect("nothing is wrong");
/// let found = audit(&checked, &AuditOptions { batch: 2, ..AuditOptions::default() })?;
/// assert!(found.passed());
/// assert_eq!(found.outputs[0].cells, [Cell::Sees, Cell::Pure]);
/// assert_eq!(found.outputs[1].cells, [Cell::Sees, Cell::Sees]);
/// # Ok::<(), zorro::AuditError>(())
/// ```
pub fn audit(checked: &Checked, options: &AuditOptions) -> Result<Audit, AuditError> {
    let (promises, notes) = policy::promises(checked, &options.pure)?;
    policy::known(&checked.model, &options.causal)?;
    let mut auditor = Auditor {
        checked,
        options,
        data: Data::draw(checked, options),
        seen: vec![ModalitySet::EMPTY; promises.len()],
        promises,
        causal: Vec::new(),
        failures: Vec::new(),
        notes,
        compared: Compared::default(),
    };
    outputs::hold(&mut auditor)?;
    gradients::hold(&mut auditor)?;
    Ok(auditor.finish())
}

/// An audit under way.
struct Auditor<'a> {
    checked: &'a Checked,
    options: &'a AuditOptions,
    data: Data,
    promises: Vec<Promise>,
    /// For each output the modalities with which it changed.
    seen: Vec<ModalitySet>,
    causal: Vec<Causal>,
    failures: Vec<Failure>,
    notes: Vec<String>,
    compared: Compared,
}

impl Auditor<'_> {
    fn modalities(&self) -> Vec<ModalityId> {
        (0..).map(ModalityId).take(self.checked.model.modalities.len()).collect()
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Compares; `None` where nothing changed.
    fn same(&mut self, before: &[f32], after: &[f32]) -> Option<Change> {
        self.compared.tensors += 1;
        self.compared.numbers += after.len() as u64;
        compare::changed(before, after)
    }

    /// Remembers that something changed.
    fn fail(&mut self, output: usize, modality: Option<ModalityId>, evidence: Evidence) {
        let name = self.promises[output].name.clone();
        let known = self.failures.iter_mut();
        if let Some(failure) = known
            .filter(|failure| failure.output == name)
            .find(|failure| failure.modality == modality)
        {
            failure.evidence.push(evidence);
            return;
        }
        let Checked { model, flow } = self.checked;
        let value = self.promises[output].value;
        let together = match &evidence.what {
            What::Together(names) => names.iter().filter_map(|name| model.modality(name)).collect(),
            What::Output
            | What::Presence
            | What::Neighbors
            | What::Only(_)
            | What::Earlier(_)
            | What::Weight(_)
            | What::Input(_)
            | What::Own => Vec::new(),
        };
        let ids = modality.into_iter().chain(together);
        let hops = ids.map(|id| path(model, flow, id, value)).find(|hops| !hops.is_empty());
        let hops = hops.unwrap_or_default();
        let path = hops.iter().map(|hop| format!("{} ({})", hop.text, hop.path)).collect();
        self.failures.push(Failure { output: name, modality, evidence: vec![evidence], path });
    }

    fn has_failed(&self, output: usize, modality: ModalityId) -> bool {
        let name = &self.promises[output].name;
        self.failures
            .iter()
            .any(|failure| failure.output == *name && failure.modality == Some(modality))
    }

    /// Whether an output changed where this modality was replaced with others.
    fn has_failed_together(&self, output: usize, modality: ModalityId) -> bool {
        let own = &self.checked.model.modalities[modality.index()].name;
        let is_of = |evidence: &Evidence| matches!(&evidence.what, What::Together(names) if names.contains(own));
        let name = &self.promises[output].name;
        let failures = self.failures.iter().filter(|failure| failure.output == *name);
        failures.flat_map(|failure| &failure.evidence).any(is_of)
    }

    fn finish(mut self) -> Audit {
        let names: Vec<String> = self.promises.iter().map(|promise| promise.name.clone()).collect();
        let row = |failure: &Failure| names.iter().position(|name| *name == failure.output);
        let failures = &self.failures;
        self.causal.retain(|causal| {
            let mut of = failures.iter().filter(|failure| failure.output == causal.output);
            !of.any(|failure| failure.modality == Some(causal.modality))
        });
        self.failures.sort_by_key(|failure| (row(failure), failure.modality));
        let rows = self.promises.iter().enumerate().map(|(at, promise)| {
            let failed = |id| self.has_failed(at, id) || self.has_failed_together(at, id);
            let cell = |id: &ModalityId| match (failed(*id), promise.ground(*id)) {
                (true, _) => Cell::Leaks,
                (false, Some(_)) => Cell::Pure,
                (false, None) if self.seen[at].contains(*id) => Cell::Sees,
                (false, None) => Cell::MaySee,
            };
            Row {
                name: promise.name.clone(),
                cells: self.modalities().iter().map(cell).collect(),
                grounds: promise.grounds.clone(),
            }
        });
        let rows = rows.collect();
        let modalities = self.checked.model.modalities.iter();
        Audit {
            model: self.checked.model.name.clone(),
            batch: self.options.batch,
            seed: self.options.seed,
            modalities: modalities.map(|modality| modality.name.clone()).collect(),
            outputs: rows,
            causal: self.causal,
            failures: self.failures,
            notes: self.notes,
            compared: self.compared,
        }
    }
}

#[cfg(test)]
mod tests;
