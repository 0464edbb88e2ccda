//! Reductions along an axis that is not the last, then an expression of the results.
//!
//! In: a [`Column`]. Out: one shader, or two where the axis is long: the first reduces parts of it into scratch, the second
//! the parts. An invocation has one element of the result, or of a part. Deliberately not here: reductions along rows.

use super::access::Element;
use super::kit::{Draft, Kit, function, grid};
use super::tape::{Writer, variable};
use super::text::{indented, reduction_start, reduction_step, sum, times};
use crate::graph::Reduction;
use crate::plan::{Column, Register};

/// Invocations of a workgroup.
const WORKGROUP: usize = 64;

/// The longest part of an axis that one invocation reduces, where the parts can be reduced in another pass.
const PART: usize = 256;

/// Terms that are added up before they are added to the rest: long sums of single precision lose too much.
const SOME: usize = 32;

pub(super) fn draft(kit: &Kit<'_>, column: &Column) -> Vec<Draft> {
    let parts = column.length.div_ceil(PART);
    if parts == 1 || !kit.has_room_for_scratch() {
        return vec![whole(kit, column)];
    }
    vec![first(kit, column, parts), second(kit, column, parts)]
}

/// Numbers of the result.
fn results(column: &Column) -> usize {
    column.outer * column.inner
}

/// Reduces the whole axis.
fn whole(kit: &Kit<'_>, column: &Column) -> Draft {
    let mut functions = constants(column) + &terms(kit, column);
    let mut lines = Vec::new();
    for at in 0..column.reductions.len() {
        lines.extend(reduce(column, at, "0u", "LENGTH"));
    }
    functions += &finish(kit, column, lines);
    pass(kit, functions, results(column), 0)
}

/// Reduces parts of the axis.
fn first(kit: &Kit<'_>, column: &Column, parts: usize) -> Draft {
    let results = results(column);
    let mut functions = constants(column) + &terms(kit, column);
    let mut lines = vec![
        format!("let part = at / {results}u;"),
        format!("let row = at % {results}u / INNER;"),
        format!("let column = at % {results}u % INNER;"),
        format!("let start = part * {PART}u;"),
        format!("let end = min(start + {PART}u, LENGTH);"),
    ];
    for at in 0..column.reductions.len() {
        lines.extend(reduce(column, at, "start", "end"));
        let first = sum(&[format!("{}u", at * parts * results), "at".to_owned()]);
        lines.push(format!("scratch[{first}] = all_{at};"));
    }
    functions += &function("fn element(at: u32)", &lines);
    let scratch = parts * results * column.reductions.len();
    Draft { scratch, ..pass(kit, functions, parts * results, scratch) }
}

/// Reduces the parts.
fn second(kit: &Kit<'_>, column: &Column, parts: usize) -> Draft {
    let results = results(column);
    let mut lines = Vec::new();
    for (at, (reduction, _)) in column.reductions.iter().enumerate() {
        let place = sum(&[
            format!("{}u", at * parts * results),
            times("part", results),
            times("row", column.inner),
            "column".to_owned(),
        ]);
        let all = format!("all_{at}");
        lines.push(format!("var {all} = {};", reduction_start(*reduction)));
        lines.push(format!("for (var part = 0u; part < {parts}u; part++) {{"));
        let step = reduction_step(*reduction, &all, &format!("scratch[{place}]"));
        lines.push(format!("  {all} = {step};"));
        lines.push("}".to_owned());
    }
    let functions = constants(column) + &finish(kit, column, lines);
    let scratch = parts * results * column.reductions.len();
    pass(kit, functions, results, scratch)
}

fn constants(column: &Column) -> String {
    let Column { outer, length, inner, .. } = column;
    format!(
        "const OUTER: u32 = {outer}u;\nconst LENGTH: u32 = {length}u;\nconst INNER: u32 = {inner}u;\n\n"
    )
}

/// A function for each term: of a row of the axis, in all, and a column.
fn terms(kit: &Kit<'_>, column: &Column) -> String {
    let element = Element::Pair { row: "row", column: "column", columns: column.inner };
    let writer = Writer {
        kit,
        tape: &column.before,
        element,
        reduced: &|_| panic!("nothing is reduced yet"),
        along: &|_| panic!("columns do not reduce along rows"),
    };
    let term = |(at, (_, of)): (usize, &(Reduction, Register))| {
        let mut lines = writer.registers(&[*of]);
        lines.push(format!("return {};", variable(*of)));
        function(&format!("fn term_{at}(row: u32, column: u32) -> f32"), &lines) + "\n"
    };
    column.reductions.iter().enumerate().map(term).collect()
}

/// Statements that reduce a term over a part of the axis, for `row` and `column` of the result.
fn reduce(column: &Column, at: usize, start: &str, end: &str) -> Vec<String> {
    let (reduction, _) = column.reductions[at];
    let (begin, all) = (reduction_start(reduction), format!("all_{at}"));
    let term = format!("term_{at}(row * LENGTH + along, column)");
    let mut lines = vec![
        format!("var {all} = {begin};"),
        format!("for (var first = {start}; first < {end}; first += {SOME}u) {{"),
    ];
    lines.extend(indented(&[
        format!("var some = {begin};"),
        format!("for (var along = first; along < min(first + {SOME}u, {end}); along++) {{"),
        format!("  some = {};", reduction_step(reduction, "some", &term)),
        "}".to_owned(),
        format!("{all} = {};", reduction_step(reduction, &all, "some")),
    ]));
    lines.push("}".to_owned());
    lines
}

/// The function of an element of the result, of which these statements make the reductions.
fn finish(kit: &Kit<'_>, column: &Column, reductions: Vec<String>) -> String {
    let element = Element::Pair { row: "row", column: "column", columns: column.inner };
    let writer = Writer {
        kit,
        tape: &column.after,
        element,
        reduced: &|at| format!("all_{at}"),
        along: &|_| panic!("columns do not reduce along rows"),
    };
    let mut lines = vec!["let row = at / INNER;".to_owned(), "let column = at % INNER;".to_owned()];
    lines.extend(reductions);
    lines.extend(writer.stores(&column.stores));
    function("fn element(at: u32)", &lines)
}

fn pass(kit: &Kit<'_>, functions: String, elements: usize, scratch: usize) -> Draft {
    Draft {
        functions: format!("const ELEMENTS: u32 = {elements}u;\n") + &functions,
        skeleton: include_str!("skeletons/elements.wgsl"),
        workgroup: [u32::try_from(WORKGROUP).expect("workgroups are small"), 1, 1],
        workgroups: grid(kit, elements.div_ceil(WORKGROUP)),
        scratch,
        ..Draft::default()
    }
}
