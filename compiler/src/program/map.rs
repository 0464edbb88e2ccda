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
    let none = |_| panic!("nothing is reduced");
    let writer = Writer { kit, tape, element, reduced: &|at| none(at), along: &|_| none(0) };
    let lines = writer.stores(stores);
    let functions = format!(
        "const ROWS: u32 = {rows}u;\nconst COLUMNS: u32 = {columns}u;\n\n{}",
        function("fn element(row: u32, column: u32)", &lines)
    );
    Draft {
        functions,
        skeleton: include_str!("skeletons/map.wgsl"),
        workgroup: [WORKGROUP, 1, 1],
        workgroups: grid(kit, (rows * columns).div_ceil(WORKGROUP as usize)),
        scratch: 0,
    }
}
