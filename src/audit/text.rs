//! An audit for people.
//!
//! In: an audit. Out: its table, what was compared, and the story of each failure. Deliberately not here: notes, which go
//! elsewhere than results, and time, which the audit does not know.

use super::{Audit, Cell, Change, Evidence, Failure, Replacement, Row, What};

/// The most steps of a leak that are told; the ends of a longer path tell the story.
const MAX_HOPS: usize = 8;

/// The table, a line on what was compared, and the failures; it ends in a newline.
#[must_use]
pub fn text(audit: &Audit) -> String {
    let mut text = table(audit);
    let compared = &audit.compared;
    text += &format!(
        "compared {} numbers in {} tensors, bit for bit; {} runs of a batch of {}\n",
        thousands(compared.numbers),
        thousands(compared.tensors),
        compared.runs,
        audit.batch
    );
    for causal in &audit.causal {
        let modality = &audit.modalities[causal.modality.index()];
        text += &format!(
            "`{}` is causal in `{modality}`: later ones of {} positions replaced, earlier tokens kept every bit\n",
            causal.output, causal.positions
        );
    }
    for failure in &audit.failures {
        text.push('\n');
        text += &story(audit, failure);
    }
    text
}

fn table(audit: &Audit) -> String {
    let mut rows = vec![
        std::iter::once("output").chain(audit.modalities.iter().map(String::as_str)).collect(),
    ];
    rows.extend(audit.outputs.iter().map(|row| {
        std::iter::once(row.name.as_str()).chain(row.cells.iter().map(|cell| cell.name())).collect()
    }));
    let rows: Vec<Vec<&str>> = rows;
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

impl Cell {
    /// As the table has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Sees => "sees",
            Self::MaySee => "sees?",
            Self::Leaks => "LEAKS",
        }
    }
}

/// What is wrong, what changed by how much, and by which way.
fn story(audit: &Audit, failure: &Failure) -> String {
    let mut text = headline(audit, failure);
    let name = failure.modality.map_or("", |id| audit.modalities[id.index()].as_str());
    for evidence in failure.evidence.iter().filter(|evidence| !evidence.what.is_gradient()) {
        text += &line(failure, evidence, name);
    }
    let all = [Replacement::Nothing].into_iter().chain(Replacement::ALL);
    for replacement in all {
        text += &gradients(failure, replacement, name);
    }
    let told = |at: usize| at < MAX_HOPS / 2 || at + MAX_HOPS / 2 >= failure.path.len();
    for (at, hop) in failure.path.iter().enumerate().filter(|(at, _)| told(*at)) {
        text += &format!("  {}. {hop}\n", at + 1);
    }
    if failure.path.len() > MAX_HOPS {
        text += &format!("  {} steps between these are left out\n", failure.path.len() - MAX_HOPS);
    }
    if failure.path.is_empty() {
        text += "  the compiler knows no way: this is a mistake in zorro; please report it\n";
    }
    text
}

fn headline(audit: &Audit, failure: &Failure) -> String {
    let output = &failure.output;
    let Some(id) = failure.modality else {
        let together = failure.evidence.iter().find_map(|evidence| match &evidence.what {
            What::Together(names) => Some(names.join("` and `")),
            What::Output
            | What::Presence
            | What::Neighbors
            | What::Only(_)
            | What::Earlier(_)
            | What::Weight(_)
            | What::Input(_)
            | What::Own => None,
        });
        return match together {
            Some(names) => {
                format!("`{output}` changes with `{names}` together, and may see none of them\n")
            }
            None => format!("`{output}` is another without the modalities that it does not see\n"),
        };
    };
    let modality = &audit.modalities[id.index()];
    if failure.evidence.iter().any(|evidence| matches!(evidence.what, What::Earlier(_))) {
        return format!("`{output}` looks ahead in `{modality}`\n");
    }
    let row = audit.outputs.iter().find(|row| row.name == *output);
    match row.and_then(|row: &Row| row.grounds[id.index()]) {
        Some(ground) => {
            format!("`{output}` reads `{modality}`, which {} it\n", ground.keeps())
        }
        None => format!("`{output}` of a sample changes with the `{modality}` of others\n"),
    }
}

impl super::Ground {
    fn keeps(self) -> &'static str {
        match self {
            Self::Assert => "an assert forbids",
            Self::Promise => "--pure forbids",
            Self::Name => "its name forbids",
            Self::Flow => "no route allows",
        }
    }
}

fn line(failure: &Failure, evidence: &Evidence, modality: &str) -> String {
    let Evidence { replacement, what, change } = evidence;
    let (output, when) = (&failure.output, when(*replacement, modality));
    match what {
        What::Presence => {
            format!("  {when}: {} of {} samples lose `{output}`\n", change.changed, change.numbers)
        }
        What::Neighbors => {
            format!("  {when}: `{output}` of the samples that have it: {}\n", amount(change))
        }
        What::Only(names) => {
            format!("  compiled with --only {}: {}\n", names.join(","), amount(change))
        }
        What::Together(names) => {
            let when = self::when(*replacement, &names.join("` and `"));
            format!("  {when}: {}\n", amount(change))
        }
        What::Earlier(cut) => format!(
            "  `{modality}` replaced from position {cut} on, earlier tokens of `{output}`: {}\n",
            amount(change)
        ),
        What::Output | What::Weight(_) | What::Input(_) | What::Own => {
            format!("  {when}: {}\n", amount(change))
        }
    }
}

/// The gradients that changed under one replacement, in one line; that of the modality itself is told once.
fn gradients(failure: &Failure, replacement: Replacement, modality: &str) -> String {
    let others = || {
        failure.evidence.iter().filter(|evidence| {
            evidence.replacement == replacement
                && evidence.what.is_gradient()
                && evidence.what != What::Own
        })
    };
    let when = when(replacement, modality);
    let mut text = String::new();
    let first = failure.evidence.iter().find(|evidence| evidence.what == What::Own);
    if let Some(evidence) = first.filter(|evidence| evidence.replacement == replacement) {
        let Change { changed, numbers, .. } = evidence.change;
        text += &format!(
            "  {when}: its gradient with respect to `{modality}` is not zero: {changed} of {numbers} numbers, {}\n",
            largest(&evidence.change)
        );
    }
    let most = others().max_by(|a, b| a.change.largest.total_cmp(&b.change.largest));
    if let Some(Evidence { what: What::Weight(name) | What::Input(name), change, .. }) = most {
        let n = others().count();
        let tensors =
            if n == 1 { "gradient".to_owned() } else { format!("{n} gradients, such as that") };
        text += &format!("  {when}: {tensors} of `{name}`: {}\n", amount(change));
    }
    text
}

fn when(replacement: Replacement, modality: &str) -> String {
    match replacement {
        Replacement::Nothing => "nothing replaced".to_owned(),
        Replacement::Noise | Replacement::Nan => {
            format!("`{modality}` replaced by {}", replacement.name())
        }
        Replacement::Absent | Replacement::Mixed => format!("`{modality}` {}", replacement.name()),
    }
}

/// `12 of 20 numbers changed, by up to 0.25`
fn amount(change: &Change) -> String {
    let Change { changed, numbers, .. } = change;
    format!("{changed} of {numbers} numbers changed, {}", largest(change))
}

fn largest(change: &Change) -> String {
    match (change.not_finite, change.not_finite == change.changed) {
        (0, _) => format!("by up to {:.3e}", change.largest),
        (_, true) => "to what is not finite".to_owned(),
        (n, false) => format!("by up to {:.3e}, {n} to what is not finite", change.largest),
    }
}

/// `1,234,567`
fn thousands(number: u64) -> String {
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
