//! The text form of bodies: instructions, one a line.
//!
//! Operands are `r0`, `r1` as the kernel lists them, results `w0`, arguments `a0`. An access is the polynomial that says
//! which number belongs to an element: `[4x6: 6a + b]` takes the number of an element apart by the shape 4x6 into `a` and
//! `b`; `[i]` is the number itself, and what is outside of ranges like `b in 1..5` is padding.

use std::fmt;

use crate::graph::Reduction;
use crate::plan::access::View;
use crate::plan::{Access, AttendKind, Body, Column, Contract, Instruction, Register, Store, Tape};

/// Of an attention kernel.
pub(super) fn attend_name(kind: AttendKind) -> &'static str {
    match kind {
        AttendKind::Forward { result: true, statistics: true } => "forward with statistics",
        AttendKind::Forward { result: true, statistics: false } => "forward",
        AttendKind::Forward { result: false, .. } => "statistics",
        AttendKind::Queries => "gradient of queries",
        AttendKind::KeysValues { keys: true, values: true } => "gradient of keys and values",
        AttendKind::KeysValues { keys: true, values: false } => "gradient of keys",
        AttendKind::KeysValues { keys: false, .. } => "gradient of values",
        AttendKind::Scores => "gradient of the score bias",
    }
}

fn reduction_name(reduction: Reduction) -> &'static str {
    match reduction {
        Reduction::Sum => "sum",
        Reduction::Max => "max",
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(tile) | Self::Row(tile) => {
                let name = if let Self::Map(_) = self { "map" } else { "row" };
                writeln!(f, "{name} {}x{}", tile.rows, tile.columns)?;
                write_tape(f, &tile.tape)?;
                write_stores(f, &tile.stores)
            }
            Self::Column(column) => write_column(f, column),
            Self::Contract(contract) => write_contract(f, contract),
            Self::Attend(kind, id) => writeln!(f, "attend {} a{}", attend_name(*kind), id.0),
            Self::LookupSum { rows, vocabulary, width } => {
                writeln!(f, "lookup sum {rows}x{width} to {vocabulary}")
            }
        }
    }
}

fn write_column(f: &mut fmt::Formatter<'_>, column: &Column) -> fmt::Result {
    let Column { outer, length, inner, before, reductions, after, stores } = column;
    writeln!(f, "column {outer}x{length}x{inner}")?;
    write_tape(f, before)?;
    for (at, (reduction, register)) in reductions.iter().enumerate() {
        writeln!(f, "  reduced {at} = {} {register} along {length}", reduction_name(*reduction))?;
    }
    write_tape(f, after)?;
    write_stores(f, stores)
}

fn write_contract(f: &mut fmt::Formatter<'_>, contract: &Contract) -> fmt::Result {
    let Contract { m, n, k, a, b, after, stores } = contract;
    writeln!(f, "contract {m}x{n}x{k}")?;
    writeln!(f, "  a {m}x{k}")?;
    write_tape(f, a)?;
    writeln!(f, "  b {n}x{k}")?;
    write_tape(f, b)?;
    writeln!(f, "  after {m}x{n}")?;
    write_tape(f, after)?;
    write_stores(f, stores)
}

fn write_tape(f: &mut fmt::Formatter<'_>, tape: &Tape) -> fmt::Result {
    for (at, (instruction, by_row)) in tape.instructions.iter().zip(&tape.by_row).enumerate() {
        let by_row = if *by_row { "  once a row" } else { "" };
        writeln!(f, "    %{at} = {instruction}{by_row}")?;
    }
    Ok(())
}

fn write_stores(f: &mut fmt::Formatter<'_>, stores: &[Store]) -> fmt::Result {
    for store in stores {
        let by_row = if store.by_row { "  once a row" } else { "" };
        writeln!(f, "  w{}{} = {}{by_row}", store.write, store.access, store.register)?;
    }
    Ok(())
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load { read, access } => write!(f, "load r{read}{access}"),
            Self::LoadRow { read, index, width, access } => {
                write!(f, "load r{read}, rows of {width} by r{index}, {access}")
            }
            Self::Constant(value) => write!(f, "{}", value.0),
            Self::Argument(at) => write!(f, "a{at}"),
            Self::Unary(function, a) => write!(f, "{} {a}", function.name()),
            Self::Binary(function, a, b) => write!(f, "{} {a}, {b}", function.name()),
            Self::Select(condition, a, b) => write!(f, "select {condition}, {a}, {b}"),
            Self::Random { site, by_sample, groups, width, access } => {
                let tokens: Vec<usize> = groups.iter().map(|group| group.tokens).collect();
                let by = if *by_sample { " by sample" } else { "" };
                write!(f, "random a{site}{by}, groups {tokens:?} of {width}, {access}")
            }
            Self::Holds { condition, tokens, access } => {
                write!(f, "holds a{condition}, {tokens} a sample, {access}")
            }
            Self::Present { segments, access } => {
                let segments: Vec<String> = segments
                    .iter()
                    .map(|segment| {
                        let present = segment.present.map(|id| format!(" if p{}", id.0));
                        format!("{}{}", segment.tokens, present.unwrap_or_default())
                    })
                    .collect();
                write!(f, "present ({}) {access}", segments.join(", "))
            }
            Self::Inside { access } => write!(f, "inside {access}"),
            Self::Reduce(reduction, a) => {
                write!(f, "{} of the row {a}", reduction_name(*reduction))
            }
            Self::Reduced(at) => write!(f, "reduced {at}"),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let views: Vec<String> = self.views().iter().rev().map(view_text).collect();
        write!(f, "[{}]", views.join(" then "))
    }
}

fn view_text(view: &View) -> String {
    let letter = |axis: usize| -> String {
        let axis = u8::try_from(axis).expect("a view has few axes");
        char::from(b'a' + axis).to_string()
    };
    let mut terms: Vec<String> = Vec::new();
    for (axis, stride) in view.strides.iter().enumerate() {
        match stride {
            0 => {}
            1 => terms.push(letter(axis)),
            _ => terms.push(format!("{stride}{}", letter(axis))),
        }
    }
    let mut text = terms.join(" + ");
    match (view.offset, text.is_empty()) {
        (offset, true) => text = offset.to_string(),
        (0, false) => {}
        (offset, false) if offset < 0 => text += &format!(" - {}", -offset),
        (offset, false) => text += &format!(" + {offset}"),
    }
    for (axis, (valid, size)) in view.valid.iter().zip(&view.shape).enumerate() {
        if *valid != (0, *size) {
            text += &format!(", {} in {}..{}", letter(axis), valid.0, valid.1);
        }
    }
    if view.shape.len() == 1 && view.is_whole() && view.strides == [1] && view.offset == 0 {
        return "i".to_owned();
    }
    let shape: Vec<String> = view.shape.iter().map(usize::to_string).collect();
    if shape.is_empty() { text } else { format!("{}: {text}", shape.join("x")) }
}
