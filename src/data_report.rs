//! What is in a data set, as people and programs read it.
//!
//! In: what was found by looking at a set and by reading some of its samples. Out: a line a source, a text, JSON, a page of HTML
//! without scripts, and contact sheets. Deliberately not here: reading samples, files.

mod html;
mod json;
mod sheet;
mod text;

use std::collections::BTreeMap;

use zorro_compiler::model::Model;
use zorro_runtime::data::survey::{Count, Look, SourceLook, Survey};

pub use html::html;
pub use json::json;
pub use sheet::sheet;
pub use text::text;

/// What is known of one set.
#[derive(Debug, Clone)]
pub struct SetReport<'a> {
    /// `train` or `eval`.
    pub set: &'a str,
    /// The model that is fed.
    pub model: &'a Model,
    /// Names of classes by target, where the configuration lists them.
    pub classes: &'a BTreeMap<String, Vec<String>>,
    /// What was found by looking, where that was possible.
    pub look: Option<&'a Look>,
    /// What the user should know.
    pub notes: &'a [String],
    /// Why nothing can be learned from it, or nothing be evaluated.
    pub wrong: Option<&'a str>,
    /// What was found by reading.
    pub survey: Option<&'a Survey>,
    /// The part of samples that may be broken.
    pub allowed: f64,
    /// Some keys that several samples of a source have, and how many samples that are.
    pub repeated: (Vec<String>, u64),
    /// Some samples that are in `data.train`, too, and how many.
    pub shared: (Vec<String>, u64),
}

impl SetReport<'_> {
    /// Whether more of the samples that were read are broken than training forgives.
    #[must_use]
    pub fn is_too_broken(&self) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
        let is_over =
            |survey: &Survey| survey.broken as f64 > (self.allowed * survey.read as f64).ceil();
        self.survey.is_some_and(is_over)
    }

    /// What a class of a target is called.
    fn class(&self, target: &str, at: usize) -> String {
        let name = self.classes.get(target).and_then(|names| names.get(at));
        name.cloned().unwrap_or_else(|| at.to_string())
    }
}

/// How many names a line has.
const NAMED: usize = 6;

/// One line about a source: what it has, and what nothing uses.
#[must_use]
pub fn line(set: &str, source: &SourceLook) -> String {
    let SourceLook { told, samples, modalities, targets, unused, keys, .. } = source;
    let all = || modalities.iter().chain(targets);
    let mut text = match told.strip_suffix(" samples") {
        Some(made_up) => format!("data.{set}: {} {made_up} samples", grouped(*samples)),
        None => format!("data.{set}: {} of {told}", n_samples(*samples)),
    };
    if all().all(|count| count.least == *samples) {
        let names: Vec<&str> = all().map(|count| count.name.as_str()).collect();
        text.push_str(&format!(", all with {}", and(&names)));
    } else {
        let counts: Vec<String> =
            all().map(|count| format!("{} {}", count.name, told_count(count, *samples))).collect();
        text.push_str(&format!(": {}", counts.join(", ")));
    }
    let names: Vec<&str> = unused.iter().chain(keys).map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        text.push_str(&format!("; not used: {}", some(&names)));
    }
    text
}

/// `all`, `none`, a number, or what is known of it.
fn told_count(count: &Count, of: u64) -> String {
    match (count.least, count.most) {
        (0, 0) => "none".to_owned(),
        (least, most) if least == most && most == of => "all".to_owned(),
        (least, most) if least == most => grouped(most),
        (0, _) => "unknown".to_owned(),
        (least, _) => format!("at least {}", grouped(least)),
    }
}

/// The first of some names, and how many more.
fn some(names: &[&str]) -> String {
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `a, b and c`
fn and(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn n_samples(n: u64) -> String {
    format!("{} {}", grouped(n), if n == 1 { "sample" } else { "samples" })
}

/// A whole number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with three digits that count.
fn short(number: f64) -> String {
    let size = number.abs();
    if number.fract() == 0.0 && size < 1e6 {
        // Without the sign of -0.
        format!("{:.0}", number + 0.0)
    } else if !(1e-3..1e6).contains(&size) {
        format!("{number:.2e}")
    } else if size >= 100.0 {
        format!("{number:.0}")
    } else if size >= 10.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    }
}

fn percent(part: u64, of: u64) -> f64 {
    100.0 * part as f64 / of.max(1) as f64
}

#[cfg(test)]
mod tests;
