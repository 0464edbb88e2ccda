//! From a configuration on disk to a run that can begin.
//!
//! In: the path of a configuration, and what the command line sets in its place. Out: a [`Setup`]; what is wrong is on standard
//! error by then. Deliberately not here: data and devices, which are looked at when the run begins.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};
use zorro::{Options, check_file_and_texts, files, report};
use zorro_runtime::DeviceChoice;
use zorro_runtime::checkpoint::CheckpointError;
use zorro_runtime::train::config::{ConfigError, Places, Problem, RunConfig, parse};
use zorro_runtime::train::{Setup, TrainError};

use super::params::in_their_file;
use crate::cli::options::Settings;
use crate::cli::{Failure, show};

/// What the command line sets in place of the configuration.
pub(in crate::cli) struct Overrides<'a> {
    pub(in crate::cli) resume: bool,
    pub(in crate::cli) steps: Option<u64>,
    pub(in crate::cli) folder: Option<&'a Path>,
    pub(in crate::cli) device: Option<&'a DeviceChoice>,
    pub(in crate::cli) threads: Option<u16>,
    pub(in crate::cli) settings: &'a Settings,
}

/// A configuration and its text.
pub(in crate::cli) fn read_config(path: &Path) -> Result<(RunConfig, String), Failure> {
    let file = path.display().to_string();
    let text = files::read(path)
        .map_err(|reason| Failure::Work(format!("cannot read `{file}`: {reason}")))?;
    let config = parse(&file, &text).map_err(|error| show_config(&error))?;
    Ok((config, text))
}

/// Reads a configuration, and checks its spec.
pub(in crate::cli) fn setup(path: &Path, overrides: &Overrides<'_>) -> Result<Setup, Failure> {
    let file = path.display().to_string();
    let (mut config, text) = read_config(path)?;
    if let Some(steps) = overrides.steps {
        (config.steps, config.epochs) = (Some(steps), None);
    }
    if let Some(device) = overrides.device {
        config.device = device.to_string();
    }
    config.threads = overrides.threads.or(config.threads);
    let folder = match overrides.folder {
        Some(folder) => folder.to_owned(),
        None => Setup::folder_of(&config, path),
    };
    let base = path.parent().unwrap_or(Path::new("")).to_owned();
    // Later ones win: those of the command line.
    let mut set: Vec<(String, String)> =
        config.set.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    for setting in &overrides.settings.settings {
        set.retain(|(name, _)| *name != setting.name);
        set.push((setting.name.clone(), setting.value.clone()));
    }
    let spec = base.join(&config.spec);
    let (outcome, spec) = check_file_and_texts(&spec, &Options { set }).map_err(|reason| {
        let message = format!("cannot read `{}`: {reason}", spec.display());
        let place = Places::of(&text).of_path("spec");
        let problems = vec![Problem { place, message, help: None }];
        show_config(&ConfigError { file: file.clone(), text: text.clone(), problems })
    })?;
    let overridden = |name: &str| overrides.settings.settings.iter().any(|set| set.name == name);
    let set_here = |name: &str| config.set.contains_key(name) && !overridden(name);
    let (sources, diagnostics) =
        in_their_file(&outcome.sources, &outcome.diagnostics, path, &text, set_here);
    show(&sources, &diagnostics);
    let checked = outcome.checked.ok_or(Failure::Diagnosed)?;
    Ok(Setup { config, file, text, base, spec, checked, folder, resume: overrides.resume })
}

/// Prints what is wrong with a configuration.
fn show_config(error: &ConfigError) -> Failure {
    let color = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    // Nobody is left to tell when standard error is closed.
    let _ = anstream::stderr().write_all(report::render_config(error, color).as_bytes());
    Failure::Diagnosed
}

/// Why a run failed; a configuration is drawn.
pub(in crate::cli) fn show_error(error: TrainError) -> Failure {
    if let TrainError::Config(error) = &error {
        return show_config(error);
    }
    Failure::Work(error.to_string())
}

/// Whether a path means a checkpoint or a run's folder, and no configuration.
pub(in crate::cli) fn is_checkpoint(path: &Path) -> bool {
    path.is_dir()
}

/// The folder that a path means: itself, or that of the run that a configuration describes.
pub(in crate::cli) fn run_folder(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_file() {
        return Ok(path.to_owned());
    }
    let (config, _) = read_config(path)?;
    Ok(Setup::folder_of(&config, path))
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        Self::Work(error.to_string())
    }
}
