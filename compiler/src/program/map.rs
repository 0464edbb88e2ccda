//! A fused expression of every element.
//!
//! In: a tile. Out: a shader of which each invocation computes one element. Deliberately not here: reductions.

use super::access::Element;
use super::kit::{Draft, Kit, function, grid};
use super::tape::Writer;
use crate::plan::Tile;

/// Invocations of a workgroup.
const WORKGROUP: u32 = 64;

pub(super) fn draft(kit: &Kit<'_>, tile: &Tile) -> Draft {
    let Tile { rows, columns, tape, stores } = tile;
    let element = Element::Pair { row: "row", column: "column", columns: *columns };
    let writer = Writer {
        kit,
        tape,
        element,
        reduced: &|_| panic!("maps reduce nothing"),
        along: &|_| panic!("maps reduce nothing"),
    };
    let mut lines =
        vec![format!("let row = at / {columns}u;"), format!("let column = at % {columns}u;")];
    lines.extend(writer.stores(stores));
    let elements = rows * columns;
    Draft {
        functions: format!(
            "const ELEMENTS: u32 = {elements}u;\n\n{}",
            function("fn element(at: u32)", &lines)
        ),
        skeleton: include_str!("skeletons/elements.wgsl"),
        workgroup: [WORKGROUP, 1, 1],
        workgroups: grid(kit, elements.div_ceil(WORKGROUP as usize)),
        ..Draft::default()
    }
}
