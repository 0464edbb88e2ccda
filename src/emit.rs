//! A compiled model as files that a foreign host runs: shaders, tables, and a manifest that says all about them.
//!
//! In: a checked model, what is wanted of it, what a device can do, and in which languages shaders are wanted. Out: files by
//! name, the same bytes on every machine. `docs/compile.md` tells hosts what to do with them, and
//! `docs/manifest.schema.json` what a manifest can hold. Weights are not among them: they are checkpoints.
//! Deliberately not here: writing the files.

mod buffers;
mod layout;
mod manifest;
mod preprocess;
mod text;
mod translated;

use std::fmt;

use zorro_compiler::program::Target;
use zorro_compiler::{Checked, CompileError, CompileOptions};

use crate::{Shaders, shaders};

/// The version of the manifest. Names and meanings stay as they are within a version; new ones may come.
pub const MANIFEST_VERSION: u32 = 1;

/// The JSON schema of manifests.
pub const MANIFEST_SCHEMA: &str = include_str!("../docs/manifest.schema.json");

/// The name of the file that says what the others are.
pub const MANIFEST: &str = "manifest.json";

/// What is made beside the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// `.wgsl`, for WebGPU.
    Wgsl,
    /// `.spv`, for Vulkan.
    Spirv,
    /// `.metal`.
    Msl,
    /// `.hlsl`, for Direct3D 12.
    Hlsl,
    /// `plan.txt`, for people.
    Plan,
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmittedFile {
    /// Its name, which is no path.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Why there are no files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmitError {
    /// The model cannot be compiled as asked.
    Compile(CompileError),
    /// Mixed precision for a target that has no 16-bit floats.
    Half,
    /// A shader cannot be had in a language; the reason names both.
    Language(String),
}

/// What manifests are made of.
struct Emitter<'a> {
    checked: &'a Checked,
    options: &'a CompileOptions,
    made: &'a Shaders,
}

/// Compiles a model to files. The manifest is the last of them.
///
/// # Errors
///
/// What cannot be compiled as asked, and what a language cannot say.
///
/// ```
/// use zorro::emit::{Form, emit};
/// use zorro::{CompileOptions, Options, Target, check_text};
///
/// let spec = "model m {
///   modality photo = image(size: 4)
///   tokens photo = photo |> patches(2, 2) |> norm() |> gelu
///   output all = photo
/// }";
/// let checked = check_text(spec, &Options::default()).checked.expect("nothing is wrong");
/// let files = emit(&checked, &CompileOptions::default(), &Target::PORTABLE, &[Form::Wgsl])?;
/// assert_eq!(files.last().expect("there are files").name, "manifest.json");
/// # Ok::<(), zorro::emit::EmitError>(())
/// ```
pub fn emit(
    checked: &Checked,
    options: &CompileOptions,
    target: &Target,
    forms: &[Form],
) -> Result<Vec<EmittedFile>, EmitError> {
    let made = shaders(checked, options, target).map_err(EmitError::Compile)?;
    if made.plan.has_halves() && !target.f16 {
        return Err(EmitError::Half);
    }
    let emitter = Emitter { checked, options, made: &made };
    let mut files = Vec::new();
    let shaders = emitter.translated(forms, &mut files).map_err(EmitError::Language)?;
    let buffers = emitter.buffers(&mut files);
    if forms.contains(&Form::Plan) {
        let text = made.plan.to_string();
        files.push(EmittedFile { name: "plan.txt".to_owned(), bytes: text.into_bytes() });
    }
    let schema = MANIFEST_SCHEMA.as_bytes().to_vec();
    files.push(EmittedFile { name: "manifest.schema.json".to_owned(), bytes: schema });
    let manifest = text::text(&emitter.manifest(shaders, buffers));
    files.push(EmittedFile { name: MANIFEST.to_owned(), bytes: manifest.into_bytes() });
    Ok(files)
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compile(error) => error.fmt(f),
            Self::Half => f.write_str("mixed precision needs a device with 16-bit floats (--f16)"),
            Self::Language(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for EmitError {}
