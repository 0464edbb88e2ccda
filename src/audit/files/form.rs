//! An audit of files for people and for programs.
//!
//! In: an audit. Out: tables with what leaks, or JSON with the same facts. Deliberately not here: notes of the text form, which
//! go elsewhere than results.

use serde_json::{Map, Value, json};

use super::{FileAudit, FileCell, FileRow, SampleAudit};

impl FileCell {
    /// As the table has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Place => "place",
            Self::Gone => "-",
            Self::Sees => "sees",
            Self::MaySee => "sees?",
            Self::Leaks(_) => "LEAKS",
        }
    }
}

impl FileRow {
    fn title(&self) -> String {
        if self.is_fed { format!("fed {}", self.name) } else { self.name.clone() }
    }
}

impl FileAudit {
    /// A table for each sample, and a line for each leak.
    #[must_use]
    pub fn text(&self) -> String {
        let tables: Vec<String> = self.samples.iter().map(table).collect();
        let mut text = tables.join("\n");
        for (sample, taken, row, change) in self.leaks() {
            let what = if row.is_fed { "what is fed of " } else { "" };
            let how = match change {
                None => "is lost".to_owned(),
                Some(change) => format!(
                    "changes in {} of {} numbers, by up to {:.3e}",
                    change.changed, change.numbers, change.largest
                ),
            };
            text += &format!("\n{}: without {taken}, {what}`{}` {how}\n", sample.name, row.name);
        }
        text
    }

    /// The same facts as an object.
    #[must_use]
    pub fn json(&self) -> Value {
        let samples = self.samples.iter().map(|sample| {
            let rows = sample.rows.iter().map(|row| {
                let cells = sample
                    .taken
                    .iter()
                    .cloned()
                    .zip(row.cells.iter().map(|cell| json!(cell.name())));
                json!({
                    "name": row.name,
                    "is_fed": row.is_fed,
                    "without": cells.collect::<Map<String, Value>>(),
                })
            });
            json!({ "files": sample.name, "taken": sample.taken, "rows": rows.collect::<Value>() })
        });
        json!({
            "model": self.model,
            "passed": self.passed(),
            "samples": samples.collect::<Value>(),
            "notes": self.notes,
        })
    }
}

fn table(sample: &SampleAudit) -> String {
    let mut rows: Vec<Vec<String>> = vec![
        std::iter::once(sample.name.clone())
            .chain(sample.taken.iter().map(|taken| format!("without {taken}")))
            .collect(),
    ];
    rows.extend(sample.rows.iter().map(|row| {
        let cells = row.cells.iter().map(|cell| cell.name().to_owned());
        std::iter::once(row.title()).chain(cells).collect()
    }));
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
