//! Products with few rows or few columns.
//!
//! In: a product. Out: a shader in which the lanes of a workgroup share sums: each adds some of the products, then what they have
//! is added up in the order of lanes. Each number of the long operand is loaded once. Deliberately not here: tiles.

use super::super::Target;
use super::super::kit::{Draft, function, grid};
use super::super::text::{over, rest, sum, times};
use super::{Product, Side};
use crate::plan::Contract;

/// Invocations of a workgroup.
const WORKGROUP: usize = 64;
/// The same for long sums.
const WORKGROUP_LONG: usize = 256;
/// Products of a lane from which on more lanes share a sum.
const LONG: usize = 32;
/// Rows of the long operand that a workgroup has where those are neighbors in memory, and not what is summed.
const MANY: usize = 16;
/// Most rows of the short operand that a workgroup has.
const FEW: usize = 8;
/// Most numbers of a result that a processor's lanes share: they are better off with sums of their own.
const SHARED: usize = 64;

/// Whether the form suits a product.
pub(super) fn suits(contract: &Contract, target: &Target) -> bool {
    let (m, n) = (contract.m, contract.n);
    if target.shares { m.min(n) <= FEW } else { m * n <= SHARED }
}

pub(super) fn draft(product: &Product<'_>) -> Draft {
    let (a, b) = (product.a(), product.b());
    let (few, many) = if a.size <= b.size { (a, b) } else { (b, a) };
    let n_few = few.size.min(FEW);
    let (n_many, lanes) = cut(product, many);
    let workgroup = n_many * lanes;
    let (tiles_few, tiles_many) = (few.size.div_ceil(n_few), many.size.div_ceil(n_many));
    let tiles = tiles_few * tiles_many;
    let constants = [
        format!("const TILES: u32 = {tiles}u;"),
        format!("// A workgroup has so many {}s,", few.index),
        format!("const FEW: u32 = {n_few}u;"),
        format!("// of each so many {}s,", many.index),
        format!("const MANY: u32 = {n_many}u;"),
        "// and so many lanes share a sum.".to_owned(),
        format!("const LANES: u32 = {lanes}u;"),
    ];
    let firsts = firsts((few, n_few), (many, n_many), tiles_few);
    let functions = product.constants()
        + &constants.join("\n")
        + "\n\n"
        + &product.loads()
        + &product.store()
        + &sums(n_few)
        + &multiply((few, n_few), many, &firsts)
        + &put(n_few)
        + &keep(few, many, &firsts);
    Draft {
        functions,
        skeleton: include_str!("../skeletons/contract_few.wgsl"),
        workgroup: [u32::try_from(workgroup).expect("workgroups are small"), 1, 1],
        workgroups: grid(product.kit, tiles),
        ..Draft::default()
    }
}

/// Rows of the long operand that a workgroup has, and lanes that share a sum: all are powers of two.
fn cut(product: &Product<'_>, many: Side<'_>) -> (usize, usize) {
    let k = product.contract.k;
    let neighbors = if many.is_along_k(k) { 1 } else { MANY };
    let workgroup = if k * neighbors > WORKGROUP * LONG { WORKGROUP_LONG } else { WORKGROUP };
    let workgroup = workgroup.min(product.kit.target.invocations as usize);
    let lanes = (workgroup / neighbors).min(k.next_power_of_two());
    ((workgroup / lanes).min(many.size.next_power_of_two()), lanes)
}

/// Statements that find the first row and the first column of a tile.
fn firsts(
    (few, n_few): (Side<'_>, usize),
    (many, n_many): (Side<'_>, usize),
    tiles_few: usize,
) -> [String; 2] {
    [
        format!("let first_{} = {};", few.index, times(&rest("tile", tiles_few), n_few)),
        format!("let first_{} = {};", many.index, times(&over("tile", tiles_few), n_many)),
    ]
}

fn sums(n_few: usize) -> String {
    let fields: String = (0..n_few).map(|at| format!("  sum_{at}: f32,\n")).collect();
    format!("struct Sums {{\n{fields}}}\n\n")
}

/// Adds one product to each sum of a lane.
fn multiply((few, n_few): (Side<'_>, usize), many: Side<'_>, firsts: &[String]) -> String {
    let mut lines = firsts.to_vec();
    lines.push(format!(
        "let factor = load_{}(min(first_{} + at, {} - 1u), k);",
        many.name, many.index, many.count
    ));
    lines.extend((0..n_few).map(|at| {
        format!(
            "(*sums).sum_{at} += load_{}(min({}, {} - 1u), k) * factor;",
            few.name,
            sum(&[format!("first_{}", few.index), format!("{at}u")]),
            few.count
        )
    }));
    let head = "fn multiply(sums: ptr<function, Sums>, tile: u32, at: u32, k: u32)";
    function(head, &lines) + "\n"
}

/// Puts the sums of a lane where others see them.
fn put(n_few: usize) -> String {
    let put = |at: usize| {
        let place = sum(&["lane * FEW".to_owned(), format!("{at}u")]);
        format!("terms[{place}] = sums.sum_{at};")
    };
    let lines: Vec<String> = (0..n_few).map(put).collect();
    function("fn put(sums: Sums, lane: u32)", &lines) + "\n"
}

/// Keeps a whole sum.
fn keep(few: Side<'_>, many: Side<'_>, firsts: &[String]) -> String {
    let mut lines = firsts.to_vec();
    lines.extend([
        format!("let {0} = first_{0} + one;", few.index),
        format!("let {0} = first_{0} + at;", many.index),
        "if row < M && column < N { store(row, column, sum); }".to_owned(),
    ]);
    function("fn keep(tile: u32, one: u32, at: u32, sum: f32)", &lines)
}
