//! A fused expression with reductions along each row.
//!
//! In: a tile. Out: a shader in which some lanes of a workgroup share a row: each reduces its columns, then the lanes reduce
//! what they have, as often as the expression reduces, and then they compute its elements. What is below a reduction is
//! computed again for it and not kept. Deliberately not here: reductions along other axes.

use super::access::Element;
use super::kit::{Draft, Kit, function, grid};
use super::tape::{Writer, variable};
use super::text::{indented, reduction_start, reduction_step};
use crate::graph::Reduction;
use crate::plan::{Instruction, Register, Tile};

/// Invocations of a workgroup.
const WORKGROUP: usize = 64;

/// Columns that a lane has at least, where it is not alone.
const COLUMNS_A_LANE: usize = 8;

/// Terms that a lane adds up before it adds them to the rest: long sums of single precision lose too much.
const PART: usize = 32;

pub(super) fn draft(kit: &Kit<'_>, tile: &Tile) -> Draft {
    let (rows, columns) = (tile.rows, tile.columns);
    let lanes = lanes(kit, rows, columns);
    let reductions: Vec<(Register, Reduction, Register)> = reductions(tile);
    let fields: String = reductions
        .iter()
        .map(|(register, ..)| format!("  {}: f32,\n", variable(*register)))
        .collect();
    let mut functions = format!(
        "const ROWS: u32 = {rows}u;\nconst COLUMNS: u32 = {columns}u;\n// Invocations that share a row.\nconst LANES: u32 = {lanes}u;\n\nstruct Reduced {{\n{fields}}}\n\n"
    );
    let element = Element::Pair { row: "row", column: "column", columns };
    let writer = Writer {
        kit,
        tape: &tile.tape,
        element,
        reduced: &|_| panic!("rows reduce along themselves"),
        along: &|register| format!("reduced.{}", variable(register)),
    };
    let parameters = "row: u32, column: u32, reduced: Reduced";
    let mut steps = vec!["var reduced: Reduced;".to_owned()];
    for (register, reduction, of) in &reductions {
        let mut lines = writer.registers(&[*of]);
        lines.push(format!("return {};", variable(*of)));
        let name = variable(*register);
        functions += &function(&format!("fn term_{name}({parameters}) -> f32"), &lines);
        functions.push('\n');
        steps.extend(reduce(&name, *reduction));
    }
    steps.push("return reduced;".to_owned());
    functions += &function("fn reductions(row: u32, lane: u32) -> Reduced", &steps);
    functions.push('\n');
    functions += &function(&format!("fn element({parameters})"), &writer.stores(&tile.stores));
    Draft {
        functions,
        skeleton: if lanes == 1 {
            include_str!("skeletons/row_alone.wgsl")
        } else {
            include_str!("skeletons/row_shared.wgsl")
        },
        workgroup: [u32::try_from(WORKGROUP.max(lanes)).expect("workgroups are small"), 1, 1],
        workgroups: grid(kit, (rows * lanes).div_ceil(WORKGROUP.max(lanes))),
        ..Draft::default()
    }
}

/// The reductions in order: the register of each, how, and of which.
fn reductions(tile: &Tile) -> Vec<(Register, Reduction, Register)> {
    let instructions = (0..).map(Register).zip(&tile.tape.instructions);
    let reductions = instructions.filter_map(|(register, instruction)| {
        let Instruction::Reduce(reduction, of) = instruction else { return None };
        Some((register, *reduction, *of))
    });
    reductions.collect()
}

/// How many invocations share a row: a power of two.
fn lanes(kit: &Kit<'_>, rows: usize, columns: usize) -> usize {
    let useful = (columns / COLUMNS_A_LANE).max(1).next_power_of_two();
    if kit.target.shares {
        let most = if rows < WORKGROUP { kit.target.invocations as usize } else { WORKGROUP };
        useful.min(most)
    } else if rows < WORKGROUP && columns >= WORKGROUP * COLUMNS_A_LANE {
        // Barriers cost more than they save but where most lanes would have no row.
        WORKGROUP
    } else {
        1
    }
}

/// Statements that reduce one term of a row.
fn reduce(name: &str, reduction: Reduction) -> Vec<String> {
    let (start, of_row) = match reduction {
        Reduction::Sum => (reduction_start(reduction), "sum_of_row"),
        Reduction::Max => (reduction_start(reduction), "max_of_row"),
    };
    let term = format!("term_{name}(row, column, reduced)");
    let mut lines = vec![
        format!("var all_{name} = {start};"),
        format!("for (var first = lane % LANES; first < COLUMNS; first += {PART}u * LANES) {{"),
    ];
    lines.extend(indented(&[
        format!("var some = {start};"),
        format!("let end = min(first + {PART}u * LANES, COLUMNS);"),
        "for (var column = first; column < end; column += LANES) {".to_owned(),
        format!("  some = {};", reduction_step(reduction, "some", &term)),
        "}".to_owned(),
        format!("all_{name} = {};", reduction_step(reduction, &format!("all_{name}"), "some")),
    ]));
    lines.push("}".to_owned());
    lines.push(format!("reduced.{name} = {of_row}(all_{name}, lane);"));
    lines
}
