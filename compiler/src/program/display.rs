//! The text forms of a program: a line for each shader, and all of them in full.
//!
//! In: a program. Out: text, the same on every machine. Deliberately not here: what kernels do, which the plan shows.

use std::fmt;

use super::{Program, Shader, ShaderId, Target};
use crate::cost::bytes;

/// What a program has beside its texts.
struct Count {
    dispatches: usize,
    /// Of all dispatches.
    workgroups: u64,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subgroup {
            Some(size) => write!(f, "subgroups of {size}")?,
            None => write!(f, "no subgroups")?,
        }
        let f16 = if self.f16 { ", f16" } else { "" };
        let memory = if self.shares { ", shared memory" } else { "" };
        let Self { invocations, workgroup_bytes, storage_buffers, .. } = self;
        write!(
            f,
            "{f16}{memory}, workgroups of {invocations} with {}, {storage_buffers} storage buffers",
            bytes((*workgroup_bytes).into())
        )
    }
}

/// A line for each shader.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "target  {}", self.target)?;
        let texts: usize = self.shaders.iter().map(|shader| shader.text.len()).sum();
        let (shaders, dispatches) = (self.shaders.len(), self.dispatches.len());
        writeln!(f, "shaders {shaders} of {}, {dispatches} dispatches", bytes(texts as u128))?;
        if self.scratch > 0 {
            writeln!(f, "scratch {}", bytes(4 * self.scratch as u128))?;
        }
        let head =
            ["shader", "workgroup", "binds", "arguments", "text", "dispatches", "workgroups"];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(
            (0..).map(ShaderId).zip(&self.shaders).map(|(id, shader)| self.row(id, shader)),
        );
        write_rows(f, &rows)
    }
}

fn write_rows(f: &mut fmt::Formatter<'_>, rows: &[[String; 7]]) -> fmt::Result {
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..7).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            let padding = " ".repeat(width - cell.chars().count());
            // Words begin together, numbers end together.
            if at < 3 { format!("{cell}{padding}") } else { format!("{padding}{cell}") }
        });
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

impl Program {
    fn row(&self, id: ShaderId, shader: &Shader) -> [String; 7] {
        let Count { dispatches, workgroups } = self.count(id);
        [
            shader.name.clone(),
            size(shader),
            binds(shader),
            shader.argument_words.to_string(),
            bytes(shader.text.len() as u128),
            dispatches.to_string(),
            workgroups.to_string(),
        ]
    }

    fn count(&self, id: ShaderId) -> Count {
        let own = || self.dispatches.iter().filter(move |dispatch| dispatch.shader == id);
        let workgroups =
            own().map(|dispatch| dispatch.workgroups.map(u64::from).iter().product::<u64>());
        Count { dispatches: own().count(), workgroups: workgroups.sum() }
    }

    /// The line of each shader, and then the text of each.
    #[must_use]
    pub fn full(&self) -> String {
        let texts = self
            .shaders
            .iter()
            .map(|Shader { name, text, .. }| format!("\n==== {name}\n\n{}\n", text.trim_end()));
        self.to_string() + &texts.collect::<String>()
    }
}

/// `64`, `8x8`
fn size(shader: &Shader) -> String {
    let used = shader.workgroup.iter().rposition(|size| *size > 1).map_or(1, |last| last + 1);
    let sizes = shader.workgroup[..used].iter().map(u32::to_string);
    sizes.collect::<Vec<_>>().join("x")
}

/// `3 read, 1 written, step`
fn binds(shader: &Shader) -> String {
    let written = shader.storage.iter().filter(|storage| storage.writable).count();
    let read = shader.storage.len() - written;
    let mut parts = Vec::new();
    if read > 0 {
        parts.push(format!("{read} read"));
    }
    if written > 0 {
        parts.push(format!("{written} written"));
    }
    if shader.reads_step {
        parts.push("step".to_owned());
    }
    parts.join(", ")
}
