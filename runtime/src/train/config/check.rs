//! From a text to a configuration, or to all that is wrong with it.
//!
//! In: YAML with its name. Out: a [`RunConfig`] whose numbers make sense by themselves. Deliberately not here: files, and what
//! only the model knows.

use std::collections::BTreeMap;

use crate::compiler::grammar::diagnostic::nearest;

use super::super::schedule::Schedule;
use super::foreign;
use super::{
    ConfigError, DataSets, Length, OptimizerConfig, OptimizerKind, Places, Problem, RunConfig,
    ScheduleKind,
};

/// Reads a run's configuration.
///
/// # Errors
///
/// What is no YAML, keys that do not exist, values of a wrong kind (the first of these), and numbers that make no sense (all of
/// them).
pub fn parse(file: &str, text: &str) -> Result<RunConfig, ConfigError> {
    let wrong = |problems| ConfigError { file: file.to_owned(), text: text.to_owned(), problems };
    let mut config: RunConfig =
        serde_yaml::from_str(text).map_err(|error| wrong(vec![problem(&error)]))?;
    let mut check = Check { places: Places::of(text), problems: Vec::new() };
    check.run(&config);
    let DataSets { train, eval, threads: _ } = &mut config.data;
    if let Some(Err((target, message))) =
        eval.as_mut().map(|eval| eval.take_classes(&train.classes))
    {
        check.add(&format!("data.eval.classes.{target}"), &message, None);
    }
    if check.problems.is_empty() { Ok(config) } else { Err(wrong(check.problems)) }
}

/// What the parser complains of.
fn problem(error: &serde_yaml::Error) -> Problem {
    let error = error.without_snippet();
    let place = error.location().map(|place| {
        (usize::try_from(place.line()).unwrap_or(1), usize::try_from(place.column()).unwrap_or(1))
    });
    if let serde_yaml::Error::SerdeUnknownField { field, expected, .. } = error {
        let help = match (foreign::key(field), nearest(field, expected.iter().copied())) {
            (Some(ours), _) => format!("here that is {ours}, with a value of yours"),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("known here: {}", expected.join(", ")),
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
        "expected sequence start" => "expected a list, as in `[a, b]`",
        other => other,
    }
}

/// Numbers of a run are computed in single precision. There, what is below this moves no weight by anything that a weight can
/// hold, and its square is 0.
const LEAST: f64 = 1e-30;
/// And what is above this is no number any more as soon as it is multiplied by one like it.
const MOST: f64 = 1e30;
/// The largest `eps`: gradients are divided by it, and above it they vanish beside any rate.
const MOST_EPS: f64 = 1e3;
/// The smallest norm that gradients may be cut down to, and the smallest rate: a weight of 0.02, as weights are drawn, is 1e-9 away
/// from the next number that there is.
const LEAST_STEP: f64 = 1e-12;
/// The most threads of a kind: each has its stack and its room.
const MOST_THREADS: u16 = 1024;

/// Whether a number is 0, or one that is allowed.
fn is_zero_or(number: f64, allowed: impl Fn(f64) -> bool) -> bool {
    number == 0.0 || allowed(number)
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
        let moves = |rate: f64| (LEAST_STEP..=MOST).contains(&rate);
        self.within("rate.peak", rate.peak, moves, "1e-12 to 1e30: below, no weight moves");
        self.at_least_one("rate.per_batch", rate.per_batch);
        let samples = config.batch.saturating_mul(u64::from(config.accumulate));
        let peak = Schedule::new(rate, samples, 1, 1.0).peak;
        if moves(rate.peak) && rate.per_batch != Some(0) && !moves(peak) {
            let message = format!("`rate.per_batch` makes a rate of {peak}; it is 1e-12 to 1e30");
            self.add("rate.per_batch", message, None);
        }
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
        let is_drawn = |mixup: f64| mixup > 0.0 && (1e-6..=1e6).contains(&mixup);
        self.within("mixup", config.mixup, is_drawn, "more than 0: 1e-6 to 1e6");
        self.parts("modality_dropout", &config.modality_dropout);
        if config.threads == Some(0) {
            self.add("threads", "`threads` is 0; it is at least 1", None);
        }
        let threads = [("threads", config.threads), ("data.threads", Some(config.data.threads))];
        for (path, threads) in threads {
            if threads.is_some_and(|threads| threads > MOST_THREADS) {
                let message = format!("`{path}` is at most {MOST_THREADS}");
                self.add(path, message, Some("more threads than processors make nothing faster"));
            }
        }
        self.device(&config.device);
        self.length("checkpoints.every", config.checkpoints.every);
        self.at_least_one("checkpoints.keep", u64::from(config.checkpoints.keep));
        self.length("eval.every", config.eval.every);
        self.at_least_one("eval.batch", config.eval.batch);
        if config.eval.group.is_some_and(|group| !(2..=1 << 20).contains(&group)) {
            self.add("eval.group", "`eval.group` is 2 to 1048576", None);
        }
        if config.eval.batch.is_some_and(|batch| batch > 1 << 20) {
            self.add("eval.batch", "`eval.batch` is at most 1048576", None);
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
        if let Some(ours) = foreign::device(device) {
            self.add(
                "device",
                format!("there is no device `{device}` here"),
                Some(&format!("write {ours}")),
            );
        }
    }

    fn optimizer(&mut self, optimizer: &OptimizerConfig) {
        // What is 1 in single precision never forgets.
        #[expect(clippy::cast_possible_truncation, reason = "this is what is asked")]
        let below_one =
            |beta: f64| is_zero_or(beta, |beta| (LEAST..1.0).contains(&f64::from(beta as f32)));
        let words = "0 or more, and less than 1 in single precision: at most 0.9999999";
        self.within("optimizer.beta1", optimizer.beta1, below_one, words);
        self.within("optimizer.beta2", optimizer.beta2, below_one, words);
        self.within("optimizer.momentum", optimizer.momentum, below_one, words);
        self.within(
            "optimizer.eps",
            optimizer.eps,
            |eps| (LEAST..=MOST_EPS).contains(&eps),
            "more than 0: 1e-30, which is still a number in single precision, to 1000, above which steps vanish",
        );
        self.within(
            "optimizer.clip",
            optimizer.clip,
            |clip| (LEAST_STEP..=MOST).contains(&clip),
            "more than 0: 1e-12, below which no weight moves, to 1e30; leave it out for no limit",
        );
        self.within(
            "optimizer.weight_decay",
            optimizer.weight_decay,
            |decay| is_zero_or(decay, |decay| (LEAST..=MOST).contains(&decay)),
            "0 or more: 1e-30 to 1e30 where it is not 0",
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
