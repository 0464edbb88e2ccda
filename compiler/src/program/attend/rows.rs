//! The rows of a head, and how many of them a lane works on.
//!
//! In: what a device can do, the width of a head, the sizes of bands. Out: the form of a kernel, and the arithmetic of rows
//! in it, as WGSL: a row is named vectors, the last one filled with zeros. Deliberately not here: operands.

use std::fmt::Write;

use crate::graph::Attention;
use crate::program::Target;

/// How lanes come to the rows of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Every lane loads them all.
    Nothing,
    /// Each lane loads one and they are broadcast; a workgroup is one subgroup of this size.
    Subgroup(u32),
    /// The workgroup stages this many.
    Workgroup { rows: u32 },
}

/// How work is divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) sharing: Sharing,
    /// Lanes of a workgroup.
    pub(super) threads: u32,
    /// Owners of a lane: 1 or 2.
    pub(super) each: usize,
    /// Others that are written out, one after another.
    pub(super) block: u32,
    /// Numbers of a row.
    pub(super) width: usize,
}

/// The most others that are written out: more make texts long and save little.
const MOST_OF_BLOCK: u32 = 8;

/// Vectors that a block's text has at most of each operand, so that wide heads compile in reasonable time.
const MOST_VECTORS: usize = 128;

/// The widest rows of which a lane has two owners, for both are kept in registers.
const WIDEST_OF_TWO: usize = 64;

/// The owners of a lane: of what has a number for each, and of what has a row.
const OWN: [(&str, &str); 2] = [(".x", ".first"), (".y", ".second")];

/// Lanes of a workgroup that is no subgroup.
const THREADS: u32 = 64;

impl Form {
    /// For at most so many owners that visit the same, and so many others of a visit.
    pub(super) fn of(target: &Target, attention: &Attention, (owners, others): (u32, u32)) -> Self {
        let width = attention.head_width();
        let vectors = width.div_ceil(4);
        let fit = u32::try_from(MOST_VECTORS / vectors).expect("few").clamp(1, MOST_OF_BLOCK);
        let of_two_rows = u32::try_from(2 * 16 * vectors).expect("rows are below 2^32 bytes");
        let can_share = target.workgroup_bytes / of_two_rows;
        let (sharing, threads, block) = match (target.shares && can_share > 0, target.subgroup) {
            (true, _) => {
                let block = fit.min(can_share);
                // Whole blocks, and no more than the largest visit needs.
                let most = can_share.min(THREADS).min(others.max(1));
                let rows = (most / block).max(1) * block;
                let threads = if owners <= THREADS / 2 { THREADS / 2 } else { THREADS };
                (Sharing::Workgroup { rows }, threads, block)
            }
            (false, Some(size)) => (Sharing::Subgroup(size), size, fit.min(size)),
            (false, None) => (Sharing::Nothing, THREADS.min(owners.max(1)), fit.min(2)),
        };
        // Four took as long and compile for twice as long.
        let has_two =
            matches!(sharing, Sharing::Subgroup(_)) && owners > threads && width <= WIDEST_OF_TWO;
        let each = 1 + usize::from(has_two);
        Self { sharing, threads, each, block, width }
    }

    /// Vectors of a row.
    pub(super) fn vectors(&self) -> usize {
        self.width.div_ceil(4)
    }

    /// The owners of a lane, as they are told apart; nothing where there is one.
    pub(super) fn own(&self) -> &'static [(&'static str, &'static str)] {
        if self.each == 1 { &[("", "")] } else { &OWN[..self.each] }
    }

    /// An expression for each owner of a lane, as a vector.
    pub(super) fn of_each(&self, name: &str, expression: impl Fn(&str, &str) -> String) -> String {
        let all: Vec<String> =
            self.own().iter().map(|(number, rows)| expression(number, rows)).collect();
        if self.each == 1 { all.join("") } else { format!("{name}({})", all.join(", ")) }
    }
}

/// A row of an expression for each of its vectors.
pub(super) fn row(form: &Form, vector: impl Fn(usize) -> String) -> String {
    let vectors: Vec<String> = (0..form.vectors()).map(vector).collect();
    format!("Row({})", vectors.join(", "))
}

/// Types, and the arithmetic of rows; some owner may meet a part of a block if `is_causal`.
pub(super) fn text(form: &Form, is_causal: bool) -> String {
    let mut text = String::new();
    let fields: String = (0..form.vectors()).map(|at| format!("  v{at}: vec4<f32>,\n")).collect();
    write!(text, "// The numbers of a head in one row.\nstruct Row {{\n{fields}}}\n\n")
        .expect("texts take all");
    text += &if form.each == 1 {
        "// What each lane has of its owner.\nalias Each = f32;\nalias Index = u32;\nalias Flag = bool;\nalias Rows = Row;\n\n".to_owned()
    } else {
        let n = form.each;
        let rows: String =
            form.own().iter().map(|(_, rows)| format!("  {}: Row,\n", &rows[1..])).collect();
        format!(
            "// What each lane has of its {n} owners.\nalias Each = vec{n}<f32>;\nalias Index = vec{n}<u32>;\n\
             alias Flag = vec{n}<bool>;\n\nstruct Rows {{\n{rows}}}\n\n"
        )
    };
    let products: Vec<String> =
        (0..form.vectors()).map(|at| format!("a.v{at} * b.v{at}")).collect();
    let functions = [
        ("product(a: Row, b: Row) -> f32", format!("dot({}, vec4(1.0))", products.join(" + "))),
        ("times(a: Row, factor: f32) -> Row", row(form, |at| format!("a.v{at} * factor"))),
        (
            "plus(a: Row, factor: f32, b: Row) -> Row",
            row(form, |at| format!("a.v{at} + factor * b.v{at}")),
        ),
        (
            "plus_where(a: Row, factor: f32, b: Row, is_allowed: bool) -> Row",
            row(form, |at| format!("select(a.v{at}, a.v{at} + factor * b.v{at}, is_allowed)")),
        ),
        (
            "products(a: Rows, b: Row) -> Each",
            form.of_each("Each", |_, rows| format!("product(a{rows}, b)")),
        ),
        (
            "scaled(a: Rows, factor: Each) -> Rows",
            form.of_each("Rows", |number, rows| format!("times(a{rows}, factor{number})")),
        ),
        (
            "added(a: Rows, factor: Each, b: Row) -> Rows",
            form.of_each("Rows", |number, rows| format!("plus(a{rows}, factor{number}, b)")),
        ),
        (
            "added_where(a: Rows, factor: Each, b: Row, is_allowed: Flag) -> Rows",
            form.of_each("Rows", |number, rows| {
                format!("plus_where(a{rows}, factor{number}, b, is_allowed{number})")
            }),
        ),
        ("zeros() -> Rows", form.of_each("Rows", |_, _| row(form, |_| "vec4(0.0)".to_owned()))),
    ];
    for (head, expression) in functions {
        if head.contains("_where(") && !is_causal {
            continue;
        }
        write!(text, "fn {head} {{\n  return {expression};\n}}\n\n").expect("texts take all");
    }
    text
}
