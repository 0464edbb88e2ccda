//! The text form of a plan: what it needs and does, and a line for each kernel.
//!
//! Kernels that repeat, as those of layers do, are shown once, with a line that says how often they come again and for which
//! places; neighbors
//! that do next to nothing share a line. Deliberately not here: expressions, which the text of a body shows; offsets.

mod body;

use std::fmt;
use std::ops::Range;

use super::{AttendKind, Body, Kernel, Plan, Work};
use crate::cost::{bytes, scaled};
use crate::graph::AttentionId;
use crate::routing::Tile;

/// Tiles by which blocks of attention are counted.
const TILE: Tile = Tile { queries: 64, keys: 64 };
/// A kernel that does less than this part of all operations is small.
const SMALL: u128 = 100_000;
/// The longest run of kernels that is recognized when it comes again.
const MAX_PERIOD: usize = 256;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (memory, work) = (self.memory(), self.total_work());
        let weights: usize = self.parameters.buffers.iter().map(|buffer| buffer.numbers).sum();
        writeln!(f, "plan {}, batch {}, {weights} parameters", self.name, self.batch)?;
        writeln!(f, "memory  {}: {memory}", bytes(memory.total().into()))?;
        let moved = [work.read, work.written].map(|size| bytes(size.into()));
        let flops = scaled(work.flops);
        writeln!(f, "work    {flops} FLOPs, reads {}, writes {}", moved[0], moved[1])?;
        let (kernels, bodies) = (self.kernels.len(), self.bodies.len());
        writeln!(f, "kernels {kernels} of {bodies} bodies")?;
        let mut rows = vec![Row::Kernel(
            ["", "phase", "place", "kernel", "body", "reads", "writes", "FLOPs"].map(str::to_owned),
        )];
        let shapes: Vec<Shape> = self.kernels.iter().map(Shape::of).collect();
        let mut at = 0;
        while at < shapes.len() {
            if let Some((period, n)) = repeated(&shapes[at..]) {
                self.rows(at..at + period, &mut rows);
                rows.push(Row::Again(self.again(at, period, n)));
                at += n;
            } else {
                let end = (at + 1..shapes.len()).find(|end| repeated(&shapes[*end..]).is_some());
                let end = end.unwrap_or(shapes.len());
                self.rows(at..end, &mut rows);
                at = end;
            }
        }
        write_rows(f, &rows)
    }
}

enum Row {
    Kernel([String; 8]),
    Again(String),
}

fn write_rows(f: &mut fmt::Formatter<'_>, rows: &[Row]) -> fmt::Result {
    let mut widths = [0; 8];
    for row in rows {
        if let Row::Kernel(cells) = row {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
    }
    for row in rows {
        match row {
            Row::Again(text) => writeln!(f, "{:w$}  {text}", "", w = widths[0])?,
            Row::Kernel(cells) => {
                let mut line = String::new();
                for (at, (width, cell)) in widths.iter().zip(cells).enumerate() {
                    let separator = if at == 0 { "" } else { "  " };
                    let padding = " ".repeat(width - cell.chars().count());
                    // Words begin together, numbers end together.
                    let is_text = (1..=4).contains(&at);
                    line += separator;
                    line += &if is_text { cell.clone() + &padding } else { padding + cell };
                }
                writeln!(f, "{}", line.trim_end())?;
            }
        }
    }
    Ok(())
}

/// What of a kernel is alike when it comes again for another layer.
#[derive(PartialEq, Eq)]
struct Shape {
    body: u32,
    /// Its path without numbers.
    path: Vec<String>,
    /// The numbers in its path.
    layer: Vec<u64>,
}

impl Shape {
    fn of(kernel: &Kernel) -> Self {
        let mut shape = Self { body: kernel.body.0, path: Vec::new(), layer: Vec::new() };
        for part in kernel.path.split('.') {
            match part.parse() {
                Ok(number) => {
                    shape.layer.push(number);
                    shape.path.push(String::new());
                }
                Err(_) => shape.path.push(part.to_owned()),
            }
        }
        shape
    }

    /// Whether it is the same in another layer, or in the same where nothing has a layer.
    fn is_again(&self, other: &Self) -> bool {
        self.body == other.body && self.path == other.path
    }
}

/// The length of the shortest run of kernels that comes again at once, and how many kernels it and its repetitions are, of
/// which the last may be cut short.
fn repeated(shapes: &[Shape]) -> Option<(usize, usize)> {
    for period in 1..=MAX_PERIOD.min(shapes.len() / 2) {
        let alike = |at: usize| shapes[at].is_again(&shapes[at + period]);
        // Only layers are folded: the numbers in the path move on.
        let moves = shapes[0].layer != shapes[period].layer;
        if moves && (0..period).all(alike) {
            let more = (0..shapes.len() - period).take_while(|at| alike(*at)).count();
            return Some((period, period + more));
        }
    }
    None
}

impl Plan {
    fn row(&self, at: usize) -> [String; 8] {
        let kernel = &self.kernels[at];
        let work = self.work(kernel);
        [
            at.to_string(),
            format!("{:?}", kernel.phase).to_lowercase(),
            kernel.path.clone(),
            self.kernel_text(self.body(kernel)),
            format!("b{}", kernel.body.0),
            bytes(work.read.into()),
            bytes(work.written.into()),
            scaled(work.flops),
        ]
    }

    /// Lines of kernels; neighbors of one place that do next to nothing share one.
    fn rows(&self, range: Range<usize>, rows: &mut Vec<Row>) {
        let total = self.total_work().flops;
        let is_small = |at: usize| self.work(&self.kernels[at]).flops < total / SMALL;
        let place = |at: usize| (&self.kernels[at].path, self.kernels[at].phase);
        let mut at = range.start;
        while at < range.end {
            let alike = |other: &usize| is_small(*other) && place(*other) == place(at);
            let n = (at..range.end).take_while(alike).count().max(1);
            let mut row = self.row(at);
            if n > 1 {
                let kernels = &self.kernels[at..at + n];
                let sum = |of: fn(&Work) -> u64| -> u64 {
                    kernels.iter().map(|kernel| of(&self.work(kernel))).sum()
                };
                row[3] = format!("{n} small kernels");
                row[4] = String::new();
                row[5] = bytes(sum(|work| work.read).into());
                row[6] = bytes(sum(|work| work.written).into());
                row[7] = scaled(kernels.iter().map(|kernel| self.work(kernel).flops).sum());
            }
            rows.push(Row::Kernel(row));
            at += n;
        }
    }

    /// What stands for kernels that come again.
    fn again(&self, at: usize, period: usize, n: usize) -> String {
        let place = |time: usize| {
            let path = &self.kernels[at + time * period].path;
            let parts: Vec<&str> = path.split('.').collect();
            let end = parts.iter().rposition(|part| part.parse::<u64>().is_ok());
            parts[..end.map_or(parts.len(), |end| end + 1)].join(".")
        };
        let (whole, rest) = (n / period, n % period);
        let places = match whole {
            2 => place(1),
            _ => format!("{} to {}", place(1), place(whole - 1)),
        };
        let rest = match rest {
            0 => String::new(),
            _ => format!(", and the first {rest} for {}", place(whole)),
        };
        format!("{} more: {places} as {}{rest}", n - period, place(0))
    }

    fn kernel_text(&self, body: &Body) -> String {
        match body {
            Body::Map(tile) => format!("map {}x{}", tile.rows, tile.columns),
            Body::Row(tile) => format!("row {}x{}", tile.rows, tile.columns),
            Body::Column(column) => {
                format!("column {}x{}x{}", column.outer, column.length, column.inner)
            }
            Body::Contract(contract) => {
                format!("contract {}x{}x{}", contract.m, contract.n, contract.k)
            }
            Body::Attend(kind, id) => self.attend_text(*kind, *id),
            Body::LookupSum { rows, vocabulary, width } => {
                format!("lookup sum {rows}x{width} to {vocabulary}")
            }
        }
    }

    fn attend_text(&self, kind: AttendKind, id: AttentionId) -> String {
        let attention = &self.attentions[id.0 as usize];
        let schedule = match kind {
            AttendKind::Forward { .. } | AttendKind::Queries | AttendKind::Scores => {
                &attention.forward
            }
            AttendKind::KeysValues { .. } => &attention.backward,
        };
        let counts = schedule.tiles(TILE);
        let (heads, width) = (attention.heads, attention.width / attention.heads.max(1));
        format!(
            "attend {}, {heads} heads of {width}: {} of {} blocks of 64x64 visited, {} skipped",
            body::attend_name(kind),
            counts.visited(),
            counts.total(),
            counts.skipped
        )
    }
}
