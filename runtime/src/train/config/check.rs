//! From a text to a configuration, or to all that is wrong with it.
//!
//! In: YAML with its name. Out: a [`RunConfig`] whose numbers make sense by themselves. Deliberately not here: files, and what
//! only the model knows.

use std::collections::BTreeMap;

use crate::compiler::grammar::diagnostic::nearest;

use super::{
    ConfigError, Length, OptimizerConfig, OptimizerKind, Places, Problem, RunConfig, ScheduleKind,
};

/// Reads a run's configuration.
///
/// # Errors
///
/// What is no YAML, keys that do not exist, values of a wrong kind (the first of these), and numbers that make no sense (all of
/// them).
pub fn parse(file: &str, text: &str) -> Result<RunConfig, ConfigError> {
    let wrong = |problems| ConfigError { file: file.to_owned(), text: text.to_owned(), problems };
    let config: RunConfig =
        serde_yaml::from_str(text).map_err(|error| wrong(vec![problem(&error)]))?;
    let mut check = Check { places: Places::of(text), problems: Vec::new() };
    check.run(&config);
    if check.problems.is_empty() { Ok(config) } else { Err(wrong(check.problems)) }
}

/// What the parser complains of.
fn problem(error: &serde_yaml::Error) -> Problem {
    let error = error.without_snippet();
    let place = error.location().map(|place| {
        (usize::try_from(place.line()).unwrap_or(1), usize::try_from(place.column()).unwrap_or(1))
    });
    if let serde_yaml::Error::SerdeUnknownField { field, expected, .. } = error {
        let help = match nearest(field, expected.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", expected.join(", ")),
        };
        return Problem { place, message: format!("there is no `{field}` here"), help: Some(help) };
    }
    if let serde_yaml::Error::SerdeUnknownVariant { variant, expected, .. } = error {
        let help = match nearest(variant, expected.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {}", expected.join(" or ")),
        };
        return Problem {
            place,
            message: format!("`{variant}` is none of the choices"),
            help: Some(help),
        };
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let own = first.split(" at line ").next().unwrap_or(first);
    // What a program could set is of no use to who writes a file.
    let message = in_plain_words(own.split(", set ").next().unwrap_or(own)).to_owned();
    Problem { place, message, help: None }
}

/// What was expected, where the parser speaks of types of programs.
fn in_plain_words(message: &str) -> &str {
    match message {
        "invalid u16" | "invalid u32" | "invalid u64" => "expected a whole number, 0 or more",
        "invalid floating point" | "invalid f64" => "expected a number",
        "expected mapping start" => "expected settings, as in `key: value`",
        other => other,
    }
}

struct Check {
    places: Places,
    problems: Vec<Problem>,
}

impl Check {
    fn add(&mut self, path: &str, message: impl Into<String>, help: Option<&str>) {
        let place = self.places.of_path(path);
        let help = help.map(str::to_owned);
        self.problems.push(Problem { place, message: message.into(), help });
    }

    /// A number within bounds, where there is one.
    fn within(
        &mut self,
        path: &str,
        number: impl Into<Option<f64>>,
        allowed: impl Fn(f64) -> bool,
        what: &str,
    ) {
        if let Some(number) = number.into()
            && !(number.is_finite() && allowed(number))
        {
            self.add(path, format!("`{path}` is {number}; it is {what}"), None);
        }
    }

    fn at_least_one(&mut self, path: &str, number: impl Into<Option<u64>>) {
        if number.into() == Some(0) {
            self.add(path, format!("`{path}` is 0; it is at least 1"), None);
        }
    }

    fn run(&mut self, config: &RunConfig) {
        self.at_least_one("batch", config.batch);
        if config.data.train.clips.is_some() {
            let message = "`clips` is for `data.eval`: in training every sample gives one clip, another one each time";
            self.add("data.train.clips", message, Some("take it out, or move it to `data.eval`"));
        }
        if config.batch > 1 << 20 {
            self.add("batch", "`batch` is at most 1048576", None);
        }
        self.at_least_one("accumulate", u64::from(config.accumulate));
        match (config.epochs, config.steps) {
            (None, None) => self.add(
                "batch",
                "neither `epochs` nor `steps` is there",
                Some("write how long to train, such as `epochs: 20`"),
            ),
            (Some(_), Some(_)) => self.add(
                "steps",
                "`epochs` and `steps` exclude each other",
                Some("take one of them out"),
            ),
            (Some(_), None) | (None, Some(_)) => {}
        }
        self.within("epochs", config.epochs, |epochs| epochs > 0.0, "more than 0");
        self.at_least_one("steps", config.steps);
        self.optimizer(&config.optimizer);
        let rate = &config.rate;
        self.within("rate.peak", rate.peak, |peak| peak > 0.0, "more than 0");
        self.at_least_one("rate.per_batch", rate.per_batch);
        self.within(
            "rate.end",
            rate.end,
            |end| (0.0..=1.0).contains(&end),
            "a part of the peak: 0 to 1",
        );
        if rate.schedule == ScheduleKind::Constant && rate.end != 0.0 {
            self.add(
                "rate.end",
                "a constant rate has no `end`",
                Some("take it out, or write `schedule: cosine`"),
            );
        }
        self.within("mixup", config.mixup, |mixup| mixup > 0.0, "more than 0");
        self.parts("modality_dropout", &config.modality_dropout);
        if config.threads == Some(0) {
            self.add("threads", "`threads` is 0; it is at least 1", None);
        }
        self.device(&config.device);
        self.length("checkpoints.every", config.checkpoints.every);
        self.at_least_one("checkpoints.keep", u64::from(config.checkpoints.keep));
        self.length("eval.every", config.eval.every);
        self.at_least_one("eval.batch", config.eval.batch);
        if config.eval.group.is_some_and(|group| !(2..=1 << 20).contains(&group)) {
            self.add("eval.group", "`eval.group` is 2 to 1048576", None);
        }
        self.at_least_one("log.every", config.log.every);
    }

    fn length(&mut self, path: &str, length: Length) {
        if matches!(length, Length::Steps(0) | Length::Epochs(0.0) | Length::Part(0.0)) {
            self.add(path, format!("`{path}` is 0; it is at least 1 step"), None);
        }
    }

    fn parts(&mut self, path: &str, parts: &BTreeMap<String, f64>) {
        for (name, part) in parts {
            self.within(
                &format!("{path}.{name}"),
                *part,
                |part| (0.0..=1.0).contains(&part),
                "how often: 0 to 1",
            );
        }
    }

    fn device(&mut self, device: &str) {
        if device.trim().is_empty() {
            self.add(
                "device",
                "`device` is empty",
                Some("write `auto`, `cpu`, `gpu`, or the number or name of a device"),
            );
        }
    }

    fn optimizer(&mut self, optimizer: &OptimizerConfig) {
        let below_one = |beta: f64| (0.0..1.0).contains(&beta);
        let words = "0 or more, and less than 1";
        self.within("optimizer.beta1", optimizer.beta1, below_one, words);
        self.within("optimizer.beta2", optimizer.beta2, below_one, words);
        self.within("optimizer.momentum", optimizer.momentum, below_one, words);
        self.within("optimizer.eps", optimizer.eps, |eps| eps > 0.0, "more than 0");
        self.within("optimizer.clip", optimizer.clip, |clip| clip > 0.0, "more than 0");
        self.within(
            "optimizer.weight_decay",
            optimizer.weight_decay,
            |decay| decay >= 0.0,
            "0 or more",
        );
        let adam = ["beta1", "beta2", "eps"];
        let adam = adam.into_iter().zip([optimizer.beta1, optimizer.beta2, optimizer.eps]);
        let adam = adam.filter(|(_, number)| number.is_some()).map(|(name, _)| name);
        let sgd = [
            ("momentum", optimizer.momentum.is_some()),
            ("nesterov", optimizer.nesterov.is_some()),
        ];
        let sgd = sgd.into_iter().filter(|(_, given)| *given).map(|(name, _)| name);
        let (strange, kinds): (Vec<&str>, &str) = match optimizer.kind {
            OptimizerKind::Sgd => (adam.collect(), "`adam` and `adamw`"),
            OptimizerKind::Adam | OptimizerKind::Adamw => (sgd.collect(), "`sgd`"),
        };
        for name in strange {
            self.add(
                &format!("optimizer.{name}"),
                format!("`{name}` is a number of {kinds}"),
                Some("take it out, or change `kind`"),
            );
        }
        if optimizer.nesterov == Some(true) && optimizer.momentum == Some(0.0) {
            self.add("optimizer.nesterov", "`nesterov` needs momentum", None);
        }
    }
}
