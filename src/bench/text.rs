//! A measurement for people.
//!
//! In: what was measured. Out: a text that ends in a newline. Deliberately not here: measuring.

use zorro_compiler::cost::bytes;

use super::{Group, Measured};

/// Groups that take less of the time are one line.
const LEAST_SHARE: f64 = 0.005;

/// The measurement as text.
#[must_use]
pub fn text(measured: &Measured) -> String {
    let ms = |part: f64| 1e3 * measured.quantile(part);
    let giga = |number: f64| number / 1e9;
    let reached = measured.operations_a_second();
    let mut text = format!(
        "{}, batch {}, {}, {} parameters, {} runs\n",
        measured.work.name(),
        measured.batch,
        place(measured),
        measured.parameters,
        measured.seconds.len()
    );
    let cpu = measured.cpu_seconds.map(|cpu| format!("{:.2} ms of all processors; ", 1e3 * cpu));
    let cpu = cpu.unwrap_or_default();
    text += &format!(
        "time    median {:.2} ms, shortest {:.2} ms, nine of ten within {:.2} ms; {cpu}{:.2} samples/s\n",
        ms(0.5),
        ms(0.0),
        ms(0.9),
        measured.samples_a_second()
    );
    text += &format!(
        "work    {:.3} GFLOP in products and attention: {:.1} GFLOP/s{}\n",
        giga(measured.operations as f64),
        giga(reached),
        measured.peak.map_or_else(String::new, |peak| format!(
            ", {:.0} % of a large product's {:.1}",
            100.0 * reached / peak,
            giga(peak)
        ))
    );
    text += &memory(measured);
    text += &groups(measured);
    text
}

fn place(measured: &Measured) -> String {
    match measured.peak {
        Some(_) => format!("{} threads", measured.threads),
        None => measured.device.clone(),
    }
}

fn memory(measured: &Measured) -> String {
    let memory = &measured.memory;
    let size = |number: u64| bytes(number.into());
    let process = memory.process.map_or_else(|| "unknown".to_owned(), size);
    let (plan, total, scratch) = (&memory.plan, size(memory.plan.total()), size(memory.scratch));
    format!("memory  plan {total} ({plan}), scratch {scratch}; process {process}\n")
}

fn groups(measured: &Measured) -> String {
    let all: f64 = measured.groups.iter().map(|group| group.seconds).sum();
    let is_short = |group: &&Group| group.seconds < LEAST_SHARE * all;
    let mut rows =
        vec![["ms", "share", "GFLOP/s", "kernels", "phase", "kind", "place"].map(str::to_owned)];
    rows.extend(
        measured.groups.iter().filter(|group| !is_short(group)).map(|group| row(group, all)),
    );
    let (mut rest, mut n_kinds) = (
        Group { path: String::new(), phase: "", kind: "", kernels: 0, seconds: 0.0, operations: 0 },
        0,
    );
    for group in measured.groups.iter().filter(is_short) {
        rest.kernels += group.kernels;
        rest.seconds += group.seconds;
        rest.operations += group.operations;
        n_kinds += 1;
    }
    if n_kinds > 0 {
        rest.path = format!("{n_kinds} others");
        rows.push(row(&rest, all));
    }
    let widths: [usize; 7] =
        std::array::from_fn(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let cell = if at < 4 { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
            text += if at == 0 { "" } else { "  " };
            text += &cell;
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn row(group: &Group, all: f64) -> [String; 7] {
    let speed = group.operations as f64 / group.seconds / 1e9;
    [
        format!("{:.2}", 1e3 * group.seconds),
        format!("{:.1} %", 100.0 * group.seconds / all),
        if group.operations > 0 { format!("{speed:.1}") } else { String::new() },
        group.kernels.to_string(),
        group.phase.to_owned(),
        group.kind.to_owned(),
        group.path.clone(),
    ]
}
