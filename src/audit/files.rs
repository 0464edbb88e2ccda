//! The way from files to what is fed, held as models are: one track is taken away, and nothing else may change.
//!
//! In: a checked model with weights, and samples of files. Out: a [`FileAudit`]: for each sample and each track or file that
//! is taken away, whether what the other modalities are fed kept its bits, and so the outputs that may not see what went.
//! Deliberately not here: decoding, and taking tracks out, which are the data room's.

mod form;

use std::path::{Path, PathBuf};

use zorro_compiler::Checked;
use zorro_compiler::CompileOptions;
use zorro_compiler::model::{ModalityId, Source};
use zorro_runtime::data::media::{self, parts};
use zorro_runtime::{Batch, RunOptions, Session, Tensor, TensorData, Tensors};

use super::compare::changed;
use super::outputs::numbers;
use super::policy::{self, Promise};
use super::{AuditError, AuditOptions, Change};

/// What has been found.
#[derive(Debug, Clone)]
pub struct FileAudit {
    /// The model.
    pub model: String,
    /// Each with its own table.
    pub samples: Vec<SampleAudit>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// One sample.
#[derive(Debug, Clone)]
pub struct SampleAudit {
    /// Its files, with commas between them.
    pub name: String,
    /// What was taken away, in turn: the columns.
    pub taken: Vec<String>,
    /// What was held: each modality that is fed, and each output.
    pub rows: Vec<FileRow>,
}

/// What is held of a sample.
#[derive(Debug, Clone)]
pub struct FileRow {
    /// The modality or output.
    pub name: String,
    /// Whether it is what a modality is fed.
    pub is_fed: bool,
    /// One for each column.
    pub cells: Vec<FileCell>,
}

/// What became of something when a track was taken away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FileCell {
    /// It kept its bits.
    Pure,
    /// Its clip begins elsewhere, as the frames say where clips are; at one time it keeps its bits.
    Place,
    /// It went with the track, or was not there.
    Gone,
    /// It may see what went, and changed.
    Sees,
    /// It may see what went, and did not change.
    MaySee,
    /// It may not see what went, and changed: by so much, or it is lost.
    Leaks(Option<Change>),
}

impl FileAudit {
    /// Whether all held.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.leaks().next().is_none()
    }

    /// What leaks: sample, what was taken away, what changed, and by how much.
    pub fn leaks(&self) -> impl Iterator<Item = (&SampleAudit, &str, &FileRow, Option<Change>)> {
        self.samples.iter().flat_map(|sample| {
            sample.rows.iter().flat_map(move |row| {
                row.cells.iter().zip(&sample.taken).filter_map(move |(cell, taken)| match cell {
                    FileCell::Leaks(change) => Some((sample, taken.as_str(), row, *change)),
                    FileCell::Pure
                    | FileCell::Place
                    | FileCell::Gone
                    | FileCell::Sees
                    | FileCell::MaySee => None,
                })
            })
        })
    }
}

/// Audits the way from files to what is fed and said. Each sample is one or more files; tracks are taken out into `folder`.
///
/// # Errors
///
/// Files that cannot be read, promises about what is not there, weights that do not fit. What leaks is no error.
pub fn files(
    checked: &Checked,
    options: &AuditOptions,
    samples: &[Vec<PathBuf>],
    folder: &Path,
) -> Result<FileAudit, AuditError> {
    let (promises, mut notes) = policy::promises(checked, &options.pure)?;
    let mut session = Session::new(checked, &CompileOptions::default(), &options.device)?;
    let weights = options.weights.clone();
    session.set_weights(
        &weights.unwrap_or_else(|| super::data::weights(&checked.model, options.seed)),
    )?;
    let mut auditor = Files { checked, promises, session, folder, notes: Vec::new() };
    let samples = samples.iter().map(|files| auditor.sample(files)).collect::<Result<_, _>>()?;
    notes.append(&mut auditor.notes);
    Ok(FileAudit { model: checked.model.name.clone(), samples, notes })
}

struct Files<'a> {
    checked: &'a Checked,
    promises: Vec<Promise>,
    session: Session,
    folder: &'a Path,
    notes: Vec<String>,
}

/// Files without something.
struct Without {
    /// What was taken away.
    name: String,
    files: Vec<PathBuf>,
    /// The video of which a stream was taken: before and after.
    cut: Option<(PathBuf, PathBuf)>,
}

/// For each output its numbers, where the sample has it.
type Said = Vec<Option<Vec<f32>>>;

impl Files<'_> {
    fn sample(&mut self, files: &[PathBuf]) -> Result<SampleAudit, AuditError> {
        let name =
            files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(",");
        let whole = media::read(&self.checked.model, files)?;
        let said = self.run(&whole)?;
        let fed: Vec<ModalityId> =
            self.modalities().filter(|id| whole.get(self.name(*id)).is_some()).collect();
        let mut sample = SampleAudit { name, taken: Vec::new(), rows: Vec::new() };
        sample.rows.extend(fed.iter().map(|id| FileRow {
            name: self.name(*id).to_owned(),
            is_fed: true,
            cells: Vec::new(),
        }));
        sample.rows.extend(self.promises.iter().map(|promise| FileRow {
            name: promise.name.clone(),
            is_fed: false,
            cells: Vec::new(),
        }));
        for without in self.removals(files)? {
            let (cells, now) = self.fed(&whole, &fed, &without)?;
            let outputs = self.outputs(&fed, &cells, &said, &now)?;
            sample.taken.push(without.name);
            for (row, cell) in sample.rows.iter_mut().zip(cells.into_iter().chain(outputs)) {
                row.cells.push(cell);
            }
        }
        if sample.taken.is_empty() {
            self.notes.push(format!(
                "`{}` is of one track, so that nothing can be taken from it",
                sample.name
            ));
        }
        Ok(sample)
    }

    fn modalities(&self) -> impl Iterator<Item = ModalityId> + use<> {
        (0..).map(ModalityId).take(self.checked.model.modalities.len())
    }

    fn name(&self, id: ModalityId) -> &str {
        &self.checked.model.modalities[id.index()].name
    }

    /// All that can be taken from a sample: a file of several, and a stream of a video.
    fn removals(&self, files: &[PathBuf]) -> Result<Vec<Without>, AuditError> {
        let mut all = Vec::new();
        let of = |file: &Path| match files.len() {
            1 => String::new(),
            _ => format!("{}: ", file.display()),
        };
        for (at, file) in files.iter().enumerate() {
            let mut others = files.to_vec();
            others.remove(at);
            if !others.is_empty() {
                all.push(Without { name: file.display().to_string(), files: others, cut: None });
            }
            for stream in parts::Stream::ALL {
                let folder = self.folder.join(format!("{at}"));
                if let Some(cut) = parts::without(&self.checked.model, file, stream, &folder)? {
                    let mut files = files.to_vec();
                    files[at].clone_from(&cut);
                    let name = format!("{}{}", of(file), stream.name());
                    all.push(Without { name, files, cut: Some((file.clone(), cut)) });
                }
            }
        }
        Ok(all)
    }

    /// What became of what modalities are fed, and what the model is given without what went.
    fn fed(
        &mut self,
        whole: &Tensors,
        fed: &[ModalityId],
        without: &Without,
    ) -> Result<(Vec<FileCell>, Tensors), AuditError> {
        let model = &self.checked.model;
        // A file that has nothing else for the model leaves nothing behind.
        let left = media::read(model, &without.files).unwrap_or_default();
        let mut begins = None;
        if let Some((before, after)) = &without.cut
            && let Some(begin) = parts::begins(model, before)?
        {
            let held = parts::read_from(model, &without.files, begin).unwrap_or_default();
            begins = Some((begin, parts::begins(model, after).ok().flatten(), held));
        }
        let (mut cells, mut now) = (Vec::new(), Tensors::new());
        let mut moved = Vec::new();
        for id in fed {
            let name = self.name(*id).to_owned();
            let before = whole.get(&name).expect("it is fed");
            let Some(after) = left.get(&name) else {
                cells.push(FileCell::Gone);
                continue;
            };
            let change = changed(numbers(before), numbers(after));
            // Only sound follows frames; nothing may move these.
            let is_sound = matches!(model.modalities[id.index()].source, Source::Wave { .. });
            let at_one_time = begins.as_ref().and_then(|(.., held)| held.get(&name));
            let is_same = |held: &Tensor| changed(numbers(before), numbers(held)).is_none();
            let cell = match change {
                None => FileCell::Pure,
                Some(_) if is_sound && at_one_time.is_some_and(is_same) => FileCell::Place,
                Some(change) => FileCell::Leaks(Some(change)),
            };
            let is_leak = matches!(cell, FileCell::Leaks(_));
            if cell == FileCell::Place {
                moved.push(name.clone());
            }
            now.insert(name, if is_leak { after.clone() } else { before.clone() });
            cells.push(cell);
        }
        if let (false, Some((begin, Some(alone), _))) = (moved.is_empty(), &begins) {
            let names = moved.join("`, `");
            self.notes.push(format!(
                "the clip of `{names}` begins at {begin} s with the frames and at {alone} s without them, as these say \
                 where clips are; at one time it keeps its bits"
            ));
        }
        Ok((cells, now))
    }

    /// What became of the outputs.
    fn outputs(
        &mut self,
        fed: &[ModalityId],
        cells: &[FileCell],
        before: &Said,
        now: &Tensors,
    ) -> Result<Vec<FileCell>, AuditError> {
        let after = self.run(now)?;
        let of = |wanted: FileCell| {
            let all = fed.iter().zip(cells).filter(move |(_, cell)| **cell == wanted);
            all.map(|(id, _)| *id).collect::<Vec<_>>()
        };
        let (gone, placed) = (of(FileCell::Gone), of(FileCell::Place));
        let cell = |at: usize, promise: &Promise| {
            let may_see = |id: &ModalityId| promise.ground(*id).is_none();
            let change = match (&before[at], &after[at]) {
                (None, _) => return FileCell::Gone,
                (Some(_), None) => Some(None),
                (Some(before), Some(after)) => changed(before, after).map(Some),
            };
            match change {
                Some(_) if gone.iter().any(may_see) => FileCell::Sees,
                None if gone.iter().any(may_see) => FileCell::MaySee,
                Some(change) => FileCell::Leaks(change),
                None if placed.iter().any(may_see) => FileCell::Place,
                None => FileCell::Pure,
            }
        };
        Ok(self.promises.iter().enumerate().map(|(at, promise)| cell(at, promise)).collect())
    }

    /// What the model says where a sample has these modalities.
    fn run(&mut self, given: &Tensors) -> Result<Said, AuditError> {
        let mut tensors = Tensors::new();
        for modality in &self.checked.model.modalities {
            let present = if let Some(tensor) = given.get(&modality.name) {
                tensors.insert(&modality.name, tensor.clone());
                1.0
            } else {
                tensors.insert(&modality.name, nothing(modality));
                0.0
            };
            let present = TensorData::F32(vec![present]);
            let present = Tensor::new(vec![1], present).expect("one number");
            tensors.insert(format!("{}.present", modality.name), present);
        }
        let results = self.session.run(&Batch { tensors }, &RunOptions::default())?;
        let outputs = results.outputs()?;
        let said = self.promises.iter().map(|promise| {
            let has = results.has_output(&self.checked.flow, &promise.name);
            let tensor = outputs.get(&promise.name).filter(|_| has.first() == Some(&true));
            tensor.map(|tensor| numbers(tensor).to_vec())
        });
        Ok(said.collect())
    }
}

/// What a sample is fed of a modality that it lacks; nobody looks at it.
fn nothing(modality: &zorro_compiler::model::Modality) -> Tensor {
    let size = |size: &u64| usize::try_from(*size).expect("it is in memory");
    let mut shape = vec![1];
    shape.extend(modality.shape.grid.iter().map(size));
    let data = match modality.source {
        Source::Text { .. } => TensorData::I64(vec![0; shape.iter().product()]),
        Source::Frames { .. } | Source::Image { .. } | Source::Wave { .. } | Source::Tensor => {
            shape.push(size(&modality.shape.width));
            TensorData::F32(vec![f32::NAN; shape.iter().product()])
        }
    };
    Tensor::new(shape, data).expect("as many numbers as the shape")
}
