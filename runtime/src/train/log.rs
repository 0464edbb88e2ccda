//! The log of a run: a line of JSON for each thing that happened, and the same numbers for `TensorBoard`.
//!
//! In: numbers by step. Out: `log.jsonl`, and `tensorboard/`. When a run goes on, lines of steps after its checkpoint are dropped
//! first, since these steps are made again, and so is an evaluation that its checkpoint does not know of; so is a line that was half written when a run was killed. Deliberately not here: what
//! a person sees.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::events::Events;
use crate::files;

/// The name of the log in a run's folder.
pub const LOG: &str = "log.jsonl";

/// The log of a run that runs.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: Option<File>,
    events: Option<Events>,
}

impl Log {
    /// Opens the log of a folder for steps after this one, which was evaluated or is still to be.
    pub(super) fn open(
        folder: &Path,
        step: u64,
        is_evaluated: bool,
        tensorboard: bool,
    ) -> io::Result<Self> {
        let path = folder.join(LOG);
        let is_kept = |line: &Value| match line["step"].as_u64() {
            Some(found) if found == step => is_evaluated || !is_evaluation(line),
            Some(found) => found < step,
            None => false,
        };
        let kept: Vec<String> =
            read(&path)?.into_iter().filter(is_kept).map(|line| format!("{line}\n")).collect();
        let mut aside = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            aside.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut aside = aside.tempfile_in(folder)?;
        aside.write_all(kept.concat().as_bytes())?;
        aside.persist(&path).map_err(|error| error.error)?;
        let file = File::options().append(true).open(&path)?;
        let events = if tensorboard {
            let folder = folder.join("tensorboard");
            fs::create_dir_all(&folder)?;
            Some(Events::begin(&folder, step + 1)?)
        } else {
            None
        };
        Ok(Self { path, file: Some(file), events })
    }

    /// Adds numbers of a step. What cannot be written ends the log, not the run: the reason comes back, once.
    pub(super) fn write(&mut self, step: u64, numbers: &[(&str, f64)]) -> Option<String> {
        let mut line = json!({ "step": step });
        for (name, number) in numbers {
            line[*name] = json!(number);
        }
        let file = self.file.as_mut()?;
        let written = file.write_all(format!("{line}\n").as_bytes()).and_then(|()| {
            self.events.as_mut().map_or(Ok(()), |events| events.write(step, numbers))
        });
        let error = written.err()?;
        (self.file, self.events) = (None, None);
        Some(format!(
            "cannot write `{}`: {error}; the run goes on without a log",
            self.path.display()
        ))
    }
}

fn is_evaluation(line: &Value) -> bool {
    line.as_object().is_some_and(|line| line.keys().any(|name| name.starts_with("eval/")))
}

/// The lines of a log that are whole; none where there is no log.
///
/// # Errors
///
/// What the system says.
pub fn read(path: &Path) -> io::Result<Vec<Value>> {
    let text = match files::read(path, u64::MAX) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::{LOG, Log, read};

    #[test]
    fn what_is_made_again_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = Log::open(folder.path(), 0, true, true).expect("it opens");
        for step in 1..=5 {
            assert_eq!(log.write(step, &[("loss", 1.0 / step as f64)]), None);
        }
        let path = folder.path().join(LOG);
        let mut text = std::fs::read_to_string(&path).expect("it is there");
        text.push_str("{\"step\": 6, \"lo");
        std::fs::write(&path, text).expect("it is written");
        // As where a run is left between an evaluation and the word of it in the checkpoint.
        assert_eq!(log.write(3, &[("eval/loss", 0.5)]), None);
        let mut log = Log::open(folder.path(), 3, false, false).expect("it opens again");
        assert_eq!(log.write(4, &[("loss", 0.5)]), None);
        let steps: Vec<u64> =
            read(&path).expect("a log").iter().filter_map(|line| line["step"].as_u64()).collect();
        assert_eq!(steps, [1, 2, 3, 4]);
        let events = std::fs::read_dir(folder.path().join("tensorboard")).expect("events").count();
        assert_eq!(events, 1);
    }
}
