//! What a person sees of a run.
//!
//! In: what happens. Out: on a terminal a bar with loss, rate, speed and time left; elsewhere some lines. All of it on standard
//! error. Deliberately not here: results.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use zorro::{data_report, evaluation};
use zorro_runtime::train::{Begins, Evaluation, Event, Loaded, Step};

use crate::cli::note;

/// Where nobody watches, a line about progress comes at least this far apart.
const PAUSE: Duration = Duration::from_secs(10);

/// Shows a run.
pub(super) struct Progress {
    quiet: bool,
    bar: ProgressBar,
    is_terminal: bool,
    told: Option<Instant>,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        Self {
            quiet,
            bar: ProgressBar::hidden(),
            is_terminal: io::stderr().is_terminal(),
            told: None,
        }
    }

    pub(super) fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Looked(set, look) => {
                look.sources.iter().for_each(|source| self.say(&data_report::line(set, source)));
            }
            Event::Note(text) => self.warn(text),
            Event::Skipped(problems) => self.warn(&problems.to_string()),
            Event::Begins(begins) => self.begin(begins),
            Event::Loaded(loaded) => self.loaded(loaded),
            Event::Step(step) => self.step(step),
            Event::Evaluating(_) => self.bar.set_message("evaluating"),
            Event::Evaluated(step, evaluation) => self.say(&evaluated(*step, evaluation)),
            // The run says at its end where the last one is; on the way they are no news.
            Event::Saved(..) => {}
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, line: &str) {
        if !self.quiet {
            self.bar.suspend(|| note(line));
        }
    }

    fn warn(&self, text: &str) {
        let text = text.replace('\n', "\n  ");
        self.bar.suspend(|| note(&format!("note: {text}")));
    }

    fn begin(&mut self, begins: &Begins) {
        let (learned, frozen) = begins.parameters;
        let all = learned + frozen + begins.unused;
        let parts = [(frozen, "frozen"), (begins.unused, "not used by it")];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
        let parameters = match parts.is_empty() {
            true => format!("{all} parameters"),
            false => format!("trains {learned} of {all} parameters ({})", parts.join(", ")),
        };
        let eval = match begins.eval_samples {
            0 => String::new(),
            samples => format!(", {samples} to evaluate"),
        };
        self.say(&format!(
            "{} steps of {} samples for `{}`: {parameters}, {} samples{eval}, {} MiB, in {}",
            begins.steps,
            begins.step_samples,
            begins.objective,
            begins.samples,
            begins.memory >> 20,
            begins.folder.display()
        ));
        if begins.from >= begins.steps {
            self.warn(&format!("all steps were made: the run is after step {}", begins.from));
        } else if begins.from > 0 {
            self.say(&format!("going on after step {}", begins.from));
        }
        if self.is_terminal && !self.quiet {
            let style = ProgressStyle::with_template(
                "{bar:24} {pos}/{len} {msg} {elapsed} of {duration}, {eta} left",
            );
            self.bar =
                ProgressBar::with_draw_target(Some(begins.steps), ProgressDrawTarget::stderr())
                    .with_style(style.expect("the template is well-formed"));
            self.bar.set_position(begins.from);
            self.bar.reset_eta();
        }
    }

    fn loaded(&self, loaded: &Loaded) {
        self.say(&format!("weights from {}", loaded.from.display()));
        loaded.report.to_string().lines().for_each(|line| self.say(line));
        loaded.report.warnings().iter().for_each(|warning| self.warn(&format!("init: {warning}")));
    }

    fn step(&mut self, step: &Step) {
        let waiting = match (100.0 * step.waiting).round() {
            percent if percent >= 5.0 => format!(", {percent:.0} % waiting for data"),
            _ => String::new(),
        };
        let loss = step.loss.map_or("-".to_owned(), |loss| format!("{loss:.4}"));
        let line =
            format!("loss {loss} rate {:.2e} {:.1} samples/s{waiting}", step.rate, step.speed);
        if self.is_terminal {
            self.bar.set_message(line);
            self.bar.set_position(step.step);
            return;
        }
        if self.told.is_none_or(|told| told.elapsed() >= PAUSE) || step.step == step.of {
            self.told = Some(Instant::now());
            self.say(&format!("step {}/{} {line}", step.step, step.of));
        }
    }
}

/// One line about an evaluation.
fn evaluated(step: u64, evaluation: &Evaluation) -> String {
    let loss = evaluation::number(evaluation.loss);
    let mut line = format!("step {step}: evaluation loss {loss}");
    for target in &evaluation.targets {
        let Some((_, scores)) = target.scores.outputs.last() else { continue };
        let scores = evaluation.conditions.iter().zip(scores).filter_map(|(condition, score)| {
            Some(format!("{} {:.1} %", condition.given.join("+"), 100.0 * (*score)?.value))
        });
        let scores: Vec<String> = scores.collect();
        if scores.is_empty() {
            continue;
        }
        line.push_str(&format!(", {} {}", target.metric.name(), scores.join(", ")));
    }
    for one in evaluation.retrieval.iter().filter(|one| one.condition == 0) {
        let recall = 100.0 * one.recall[0];
        line.push_str(&format!(", recall at 1 {} to {} {recall:.1} %", one.from, one.to));
    }
    line
}
