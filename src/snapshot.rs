//! Snapshots in files, in the form that insta has: `cargo insta review` shows them and accepts them.
//!
//! In: the text that a stage has now, and the file that holds what it was. Out: whether they are the same, and
//! the file written. Deliberately not here: what a stage's text is, and which command writes when.

use std::path::{Path, PathBuf};

use zorro_compiler::program::Target;
use zorro_compiler::{Checked, CompileError, CompileOptions, Mode};

use crate::{Detail, files, masks_text, shaders};

/// Makes the text of a stage, with as much of shaders as asked for.
pub type StageText = fn(&Checked, Detail) -> String;

/// The stages that have snapshots, and how the text of each is made.
pub const STAGES: [(&str, StageText); 4] = [
    ("masks", |checked, _| masks_text(&checked.model)),
    ("flows", |checked, _| checked.flow.display(&checked.model).to_string()),
    ("model", |checked, _| checked.model.to_string()),
    ("shaders", shaders_text),
];

/// The shaders of all outputs on one sample, on any device; of the losses where there are no outputs. A model that cannot be
/// compiled has a line that says why, so that a snapshot shows the day on which that changes.
fn shaders_text(checked: &Checked, detail: Detail) -> String {
    let objectives = |names| Mode::Forward { objectives: names };
    let losses = checked.model.objectives.iter().map(|objective| objective.name.clone());
    let options = CompileOptions { mode: objectives(Vec::new()), ..CompileOptions::default() };
    let made = match shaders(checked, &options, &Target::PORTABLE) {
        Err(CompileError::NoOutputs) if !checked.model.objectives.is_empty() => {
            let mode = objectives(losses.collect());
            shaders(checked, &CompileOptions { mode, ..options }, &Target::PORTABLE)
        }
        other => other,
    };
    made.map_or_else(|error| format!("no shaders: {error}\n"), |made| made.text(detail))
}

/// The snapshot of one stage of one spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where what was accepted stands.
    pub path: PathBuf,
    /// The spec as the user wrote it.
    pub source: String,
    /// The stage.
    pub stage: &'static str,
}

impl Snapshot {
    /// The file of what has not been accepted yet.
    #[must_use]
    pub fn pending(&self) -> PathBuf {
        self.path.with_extension("snap.new")
    }

    /// What was accepted, if anything was.
    ///
    /// # Errors
    ///
    /// The reason in words why the file cannot be read, to follow its name.
    pub fn accepted(&self) -> Result<Option<String>, String> {
        if !self.path.exists() {
            return Ok(None);
        }
        files::read_output(&self.path).map(|text| Some(contents(&text)))
    }

    /// Writes a text to one of the two files.
    ///
    /// # Errors
    ///
    /// The reason in words, to follow the file's name.
    pub fn write(&self, to: &Path, text: &str) -> Result<(), String> {
        let Self { path: _, source, stage } = self;
        let header = format!("---\nsource: {}\nexpression: {stage}\n---\n", scalar(source));
        files::write(to, (header + normal(text).as_str() + "\n").as_bytes())
    }
}

/// A text as snapshots compare it: without blank ends, and with one kind of line end.
#[must_use]
pub fn normal(text: &str) -> String {
    text.trim_end().replace("\r\n", "\n")
}

/// What stands after the header of a snapshot.
fn contents(file: &str) -> String {
    let file = file.replace("\r\n", "\n");
    let body = file.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    normal(body.map_or(file.as_str(), |(_, body)| body))
}

/// A string of YAML; plain where that is beyond doubt.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if begins && text.contains('/') && text.chars().all(plain) {
        text.to_owned()
    } else {
        // Strings of JSON are strings of YAML.
        serde_json::Value::from(text).to_string()
    }
}
