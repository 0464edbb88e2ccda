//! A set as text.
//!
//! In: what is known of it. Out: lines for a terminal. Deliberately not here: JSON, pictures.

use std::collections::BTreeMap;
use std::fmt::Write;

use zorro_runtime::data::survey::{Files, Range, Spread, Survey, Tally, Values};

use super::{SetReport, grouped, line, n_samples, percent, short, some};

/// As long as the longest bar is.
const BAR: u64 = 32;
/// With more classes than this, only the most and the least frequent ones are shown.
const MANY: usize = 24;
/// How many of each are shown then.
const ENDS: usize = 8;

/// A set as text. Ends in a newline.
#[must_use]
pub fn text(report: &SetReport<'_>) -> String {
    let mut text = String::new();
    let mut say = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    if let Some(look) = report.look {
        look.sources.iter().for_each(|source| say(&line(report.set, source)));
        for values in look.values.iter().filter(|values| values.read > 0) {
            say("");
            classes(report, values, look.samples()).iter().for_each(|line| say(line));
        }
    }
    if let Some(survey) = report.survey {
        say("");
        survey_lines(report, survey).iter().for_each(|line| say(line));
    }
    remarks(report).iter().for_each(|line| say(line));
    text
}

/// A title, a line for each class, and what stands out.
fn classes(report: &SetReport<'_>, values: &Values, of: u64) -> Vec<String> {
    let Values { target, read, with, spread } = values;
    let missing = read - with;
    let read = match *read == of {
        true => n_samples(of),
        false => format!("{} of {}", grouped(*read), n_samples(of)),
    };
    let lacking = match missing {
        0 => String::new(),
        missing => format!(", {} without a value", grouped(missing)),
    };
    if *with == 0 {
        return vec![format!("{target}: no value in {read}")];
    }
    let class = |at: usize| report.class(target, at);
    let mut lines = Vec::new();
    match spread {
        Spread::Class { counts, mixed } => {
            lines.push(format!(
                "{target}: one of {} classes, read of {read}{lacking}",
                counts.len()
            ));
            lines.extend(bars(&class, counts));
            if *mixed > 0 {
                lines.push(format!("  {} samples are mixtures of classes", grouped(*mixed)));
            }
            lines.extend(balance(&class, counts));
        }
        Spread::Classes { counts, fewest, most } => {
            lines.push(format!(
                "{target}: any of {} classes, read of {read}{lacking}, {fewest} to {most} each",
                counts.len()
            ));
            lines.extend(bars(&class, counts));
            lines.extend(never(&class, counts));
        }
        Spread::Numbers { least, sum, most, n } => {
            let (least, most) = (short(*least), short(*most));
            let mean = short(sum / *n as f64);
            lines.push(format!(
                "{target}: numbers, read of {read}{lacking}: {least} to {most}, mean {mean}"
            ));
        }
    }
    lines
}

/// A bar for each class; of very many, for the most and the least frequent.
fn bars(class: &dyn Fn(usize) -> String, counts: &[u64]) -> Vec<String> {
    let most = counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..counts.len()).collect();
    if counts.len() > MANY {
        order.sort_by_key(|at| (std::cmp::Reverse(counts[*at]), *at));
        order.retain(|at| counts[*at] > 0);
    }
    let is_cut = order.len() > 2 * ENDS && counts.len() > MANY;
    let shown: Vec<usize> = match is_cut {
        true => order[..ENDS].iter().chain(&order[order.len() - ENDS..]).copied().collect(),
        false => order.clone(),
    };
    let names: Vec<String> = shown.iter().map(|at| class(*at)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(28);
    let digits = grouped(most).len();
    let mut lines = Vec::new();
    for (place, (at, name)) in shown.iter().zip(&names).enumerate() {
        if is_cut && place == ENDS {
            lines.push(format!("  .. {} classes between", order.len() - 2 * ENDS));
        }
        let n = counts[*at];
        let length = if n == 0 { 0 } else { (n * BAR).div_ceil(most) };
        let bar = "█".repeat(usize::try_from(length).unwrap_or(0));
        let name: String = name.chars().take(28).collect();
        lines.push(
            format!("  {name:<width$}  {:>digits$}  {bar}", grouped(n)).trim_end().to_owned(),
        );
    }
    lines
}

/// How even classes are, and how good it is to say the most frequent one always.
fn balance(class: &dyn Fn(usize) -> String, counts: &[u64]) -> Vec<String> {
    let total: u64 = counts.iter().sum();
    let mut seen: Vec<(u64, usize)> =
        counts.iter().copied().zip(0..).filter(|(n, _)| *n > 0).collect();
    seen.sort_unstable();
    let mut lines = never(class, counts);
    if let (Some((least, _)), Some((most, at))) = (seen.first(), seen.last())
        && seen.len() > 1
    {
        let (part, ratio) = (percent(*most, total), *most as f64 / *least as f64);
        lines.push(match ratio >= 1.5 {
            true => format!(
                "  the largest has {ratio:.1} times the smallest; always saying `{}` is right in {part:.1} %",
                class(*at)
            ),
            false => "  about as many of each".to_owned(),
        });
    } else if let [(_, at)] = seen.as_slice() {
        lines.push(format!("  every label is `{}`", class(*at)));
    }
    lines
}

fn never(class: &dyn Fn(usize) -> String, counts: &[u64]) -> Vec<String> {
    let never = (0..counts.len()).filter(|at| counts[*at] == 0).map(class);
    let never: Vec<String> = never.collect();
    let names: Vec<&str> = never.iter().map(String::as_str).collect();
    match names.len() {
        0 => Vec::new(),
        all if all == counts.len() => vec!["  no class was seen".to_owned()],
        n => vec![format!("  never seen ({n}): {}", some(&names))],
    }
}

fn survey_lines(report: &SetReport<'_>, survey: &Survey) -> Vec<String> {
    let Survey { of, read, modalities, together, tallies, speed, .. } = survey;
    let mut lines = Vec::new();
    let part = match read == of {
        true => format!("all {} samples were read", grouped(*of)),
        false => format!(
            "of {} samples {} were read, spread over all (`--all` reads every one)",
            grouped(*of),
            grouped(*read)
        ),
    };
    lines.push(part);
    for (has, n) in together {
        let names: Vec<&str> = modalities
            .iter()
            .zip(has)
            .filter(|(_, has)| **has)
            .map(|(name, _)| name.as_str())
            .collect();
        let only = if names.len() < modalities.len() { " alone" } else { "" };
        lines.push(format!(
            "  {:<24} {:>9}  {:5.1} %",
            format!("{}{only}", names.join(" + ")),
            grouped(*n),
            percent(*n, *read)
        ));
    }
    for ((name, tally), modality) in modalities.iter().zip(tallies).zip(&report.model.modalities) {
        lines.extend(modality_lines(name, tally, modality));
    }
    lines.extend(broken_lines(report, survey));
    let parts: Vec<String> = speed
        .parts
        .iter()
        .filter(|(_, part)| *part >= 0.01)
        .take(4)
        .map(|(name, part)| format!("{name} {:.0} %", 100.0 * part))
        .collect();
    let thread = if speed.threads == 1 { "thread" } else { "threads" };
    lines.push(String::new());
    lines.push(format!(
        "loading: about {} samples a second on {} {thread}; of the time: {}",
        short(speed.samples),
        speed.threads,
        parts.join(", ")
    ));
    lines
}

/// What files of a modality are, and what is fed.
fn modality_lines(
    name: &str,
    tally: &Tally,
    modality: &zorro_compiler::model::Modality,
) -> Vec<String> {
    let mut lines = vec![String::new(), name.to_owned()];
    let files = files_of(&tally.files);
    if !files.is_empty() {
        lines.push(format!("  files: {}", files.join("; ")));
    }
    let shape = shape_of(&modality.shape);
    let fed = match &tally.fed {
        Some(Range { least, most, mean, deviation, .. }) => format!(
            "  fed: {shape}, mean {}, deviation {}, {} to {}",
            short(*mean),
            short(*deviation),
            short(*least),
            short(*most)
        ),
        None => format!("  fed: {shape}"),
    };
    lines.push(fed);
    lines
}

/// `[28, 28, 1]`
pub(super) fn shape_of(shape: &zorro_compiler::model::Shape) -> String {
    let sizes = shape.grid.iter().chain([&shape.width]).map(u64::to_string);
    format!("[{}]", sizes.collect::<Vec<_>>().join(", "))
}

/// Sizes, lengths and rates, in words.
pub(super) fn files_of(files: &Files) -> Vec<String> {
    let Files { sizes, colors, fps, rates, channels, .. } = files;
    let mut lines = Vec::new();
    let mut add = |line: Option<String>| lines.extend(line);
    let size = |[height, width]: &[u64; 2]| format!("{width} x {height}");
    add(distinct(sizes, size, "pixels"));
    add(distinct(colors, u64::to_string, "channels"));
    add(distinct(fps, |hundredths| short(*hundredths as f64 / 100.0), "frames a second"));
    add(distinct(rates, |rate| grouped(*rate), "Hz"));
    add(distinct(channels, u64::to_string, "channels"));
    if let Some([first, middle, last]) = files.lengths() {
        let line = match first == last {
            true => format!("{} s", short(first)),
            false => {
                format!("{} s to {} s, median {} s", short(first), short(last), short(middle))
            }
        };
        add(Some(line));
    }
    lines
}

/// The most frequent values, with how often each where there are several; of very many, the range.
fn distinct<T: Ord>(
    counts: &BTreeMap<T, u64>,
    told: impl Fn(&T) -> String,
    unit: &str,
) -> Option<String> {
    let (first, last) = (counts.keys().next()?, counts.keys().next_back()?);
    if counts.len() == 1 {
        let told = told(first);
        let unit = if told == "1" { unit.trim_end_matches('s') } else { unit };
        return Some(format!("{told} {unit}"));
    }
    let mut order: Vec<(&T, u64)> = counts.iter().map(|(value, n)| (value, *n)).collect();
    order.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let shown: Vec<String> = order
        .iter()
        .take(4)
        .map(|(value, n)| format!("{} ({})", told(value), grouped(*n)))
        .collect();
    let mut line = format!("{} {unit}", shown.join(", "));
    if counts.len() > 4 {
        // Writing to a string does not fail.
        let _ = write!(line, "; {} kinds, {} to {}", counts.len(), told(first), told(last));
    }
    Some(line)
}

fn broken_lines(report: &SetReport<'_>, survey: &Survey) -> Vec<String> {
    let Survey { broken, read, reasons, .. } = survey;
    if *broken == 0 {
        return Vec::new();
    }
    let part = percent(*broken, *read);
    let judged = match report.is_too_broken() {
        true => format!("more than `broken: {}` allows, so that training stops", report.allowed),
        false => format!("`broken: {}` allows that", report.allowed),
    };
    let mut lines = vec![
        String::new(),
        format!("broken: {} of {} ({part:.1} %); {judged}", grouped(*broken), grouped(*read)),
    ];
    for reason in reasons.iter().take(8) {
        lines.push(format!("  {:>6}  {}", grouped(reason.samples), reason.why.replace('\n', " ")));
        lines.extend(reason.names.iter().map(|name| format!("          {name}")));
    }
    lines
}

/// What else stands out.
fn remarks(report: &SetReport<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let (repeated, n) = &report.repeated;
    if *n > 0 {
        let names: Vec<&str> = repeated.iter().map(String::as_str).collect();
        lines.push(format!("keys of other samples: {}, such as {}", n_samples(*n), some(&names)));
    }
    let (shared, n) = &report.shared;
    if *n > 0 {
        let names: Vec<&str> = shared.iter().map(String::as_str).collect();
        lines.push(format!(
            "in data.train, too: {}, such as {}; scores on them say nothing of new data",
            n_samples(*n),
            some(&names)
        ));
    }
    if let Some(first) = report.look.and_then(|look| look.broken.first()) {
        let n = report.look.map_or(0, |look| look.broken.len()) as u64;
        lines.push(format!(
            "labels or first samples that cannot be used: {}, such as {first}",
            grouped(n)
        ));
    }
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    if !lines.is_empty() {
        lines.insert(0, String::new());
    }
    lines
}
