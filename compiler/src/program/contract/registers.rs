//! Products in registers.
//!
//! In: a product. Out: a shader whose invocations share tiles of the result. One operand, the spread one, is spread over the
//! lanes, so that a lane's numbers are its own. Of the other all lanes need all; where there are subgroups, each loads a
//! share of it and the subgroup passes it around, at a tenth of the price of a load. Deliberately not here: workgroup memory.

use super::super::kit::{Draft, function, grid};
use super::super::text::{indented, over, rest, sum, times};
use super::fours::Along;
use super::sums::{PARTS, Sums};
use super::{Product, Side};

/// Most rows of the operand that all lanes need, in a tile.
const LINES: usize = 32;
/// The same where lanes load all of them or several products of each: more find no room.
const LINES_CLOSE: usize = 16;
/// Lanes of a workgroup where there are no subgroups.
const LANES_ALONE: usize = 8;
/// Vectors of four sums that a lane has of each of these rows.
const VECTORS: usize = 2;
/// Tiles from which on all threads of the processor have something to do.
const ENOUGH: usize = 8;
/// How many additions of a product to a sum take as long as a load of one number or of four does, for all lanes at once.
const LOAD: usize = 14;

/// A tile.
struct Tile<'a> {
    /// The operand that all lanes need.
    common: Side<'a>,
    /// The one that is spread over lanes.
    spread: Side<'a>,
    sums: Sums,
    lanes: usize,
    /// Whether lanes are a subgroup.
    passes: bool,
    /// Products of each sum at once.
    step: usize,
}

impl<'a> Tile<'a> {
    fn of(product: &Product<'_>, common: Side<'a>, spread: Side<'a>, lines: usize) -> Self {
        let subgroup = product.kit.target.subgroup;
        let lanes = subgroup.map_or(LANES_ALONE, |size| size as usize);
        let vectors = spread.size.div_ceil(4 * lanes).min(VECTORS);
        let by_four = [common, spread].iter().any(|side| side.fours == Some(Along::Products));
        Self {
            common,
            spread,
            sums: Sums { lines, vectors },
            lanes,
            passes: subgroup.is_some(),
            step: if by_four { 4 } else { 1 },
        }
    }

    /// Whether registers hold it, and fours of rows lie in one tile.
    fn fits(&self) -> bool {
        let most = if self.passes && self.step == 1 { LINES } else { LINES_CLOSE };
        let least = if self.common.fours == Some(Along::Rows) { 4 } else { 1 };
        (least..=most).contains(&self.sums.lines)
    }

    /// Rows of the spread operand.
    fn width(&self) -> usize {
        4 * self.lanes * self.sums.vectors
    }

    /// Tiles along either operand.
    fn tiles(&self) -> (usize, usize) {
        (self.common.size.div_ceil(self.sums.lines), self.spread.size.div_ceil(self.width()))
    }

    /// Places that a lane loads from, of either operand.
    fn places(&self) -> (usize, usize) {
        let fours = |side: &Side<'_>| if side.fours == Some(Along::Rows) { 4 } else { 1 };
        let lanes = if self.passes { self.lanes } else { 1 };
        let common = self.sums.lines.div_ceil(lanes * fours(&self.common));
        (common, 4 * self.sums.vectors / fours(&self.spread))
    }

    /// How much is done in all, and then how much of it is to compute what has been loaded.
    fn cost(&self) -> (usize, usize) {
        let (tiles, places) = (self.tiles(), self.places());
        let computes = self.step * (places.0 * self.common.work() + places.1 * self.spread.work());
        let times = |side: &Side<'_>| {
            if side.fours == Some(Along::Products) { 1 } else { self.step }
        };
        let loads = places.0 * times(&self.common) + places.1 * times(&self.spread);
        let sums = 4 * self.sums.lines * self.sums.vectors * self.step;
        let each = (sums + LOAD * (loads + computes)) * 4 / self.step;
        ((tiles.0 * tiles.1).max(ENOUGH) * each, computes)
    }
}

pub(super) fn draft(product: &Product<'_>) -> Draft {
    let (a, b) = (product.a(), product.b());
    let lines = std::iter::successors(Some(LINES), |lines| (*lines > 1).then_some(lines / 2));
    let tiles =
        lines.flat_map(|lines| [Tile::of(product, a, b, lines), Tile::of(product, b, a, lines)]);
    let tile = tiles.filter(Tile::fits).min_by_key(Tile::cost).expect("16 lines fit");
    let (along, across) = tile.tiles();
    let functions = product.constants()
        + &format!("const TILES: u32 = {}u;\n", along * across)
        + &format!("// Products of each sum at once.\nconst STEP: u32 = {}u;\n\n", tile.step)
        + &product.loads()
        + &product.store()
        + &tile.sums.declaration()
        + &places(&tile)
        + &multiply(&tile)
        + &keep(&tile);
    Draft {
        functions,
        skeleton: if tile.passes {
            include_str!("../skeletons/contract_broadcast.wgsl")
        } else {
            include_str!("../skeletons/contract_alone.wgsl")
        },
        workgroup: [u32::try_from(tile.lanes).expect("workgroups are small"), 1, 1],
        workgroups: grid(product.kit, along * across),
        ..Draft::default()
    }
}

/// Which rows of the operands a lane loads. Those beyond the last are the last; what comes of them is not kept.
fn places(tile: &Tile<'_>) -> String {
    let place = |side: &Side<'_>, at: usize, has_lanes: bool| {
        let fours = if side.fours == Some(Along::Rows) { 4 } else { 1 };
        let lanes = if has_lanes { tile.lanes } else { 1 };
        let lane = if has_lanes { times("lane", fours) } else { "0u".to_owned() };
        let first = format!("first_{}", side.index);
        let row = sum(&[first, format!("{}u", at * lanes * fours), lane]);
        (format!("{}_{at}", side.index), format!("min({row}, {} - {fours}u)", side.count))
    };
    let (n_common, n_spread) = tile.places();
    let commons = (0..n_common).map(|at| place(&tile.common, at, tile.passes));
    let spreads = (0..n_spread).map(|at| place(&tile.spread, at, true));
    let (names, values): (Vec<String>, Vec<String>) = commons.chain(spreads).unzip();
    let fields: String = names.iter().map(|name| format!("  {name}: u32,\n")).collect();
    let mut lines = firsts(tile);
    lines.push("return Places(".to_owned());
    lines.extend(values.iter().map(|value| format!("  {value},")));
    lines.push(");".to_owned());
    format!("// What a lane loads.\nstruct Places {{\n{fields}}}\n\n")
        + &function("fn places_of(tile: u32, lane: u32) -> Places", &lines)
        + "\n"
}

/// Statements that find the first row and the first column of a tile.
fn firsts(tile: &Tile<'_>) -> Vec<String> {
    let (along, _) = tile.tiles();
    let (common, spread) = (tile.common.index, tile.spread.index);
    vec![
        format!("let first_{common} = {};", times(&rest("tile", along), tile.sums.lines)),
        format!("let first_{spread} = {};", times(&over("tile", along), tile.width())),
    ]
}

/// Loads the factors of the next products of each sum, and adds them.
fn multiply(tile: &Tile<'_>) -> String {
    let (n_common, n_spread) = tile.places();
    let mut lines = Vec::new();
    for (side, n) in [(&tile.common, n_common), (&tile.spread, n_spread)] {
        if side.fours == Some(Along::Products) {
            lines.extend(
                (0..n).map(|at| format!("let {} = {};", four(side, at), load(side, at, 0))),
            );
        }
    }
    if tile.step == 1 {
        lines.extend(add(tile, 0));
    } else {
        for product in 0..tile.step {
            lines.push("{".to_owned());
            lines.extend(indented(&add(tile, product)));
            lines.push("}".to_owned());
        }
    }
    function("fn multiply(sums: ptr<function, Sums>, places: Places, k: u32)", &lines) + "\n"
}

/// What four products of a row are called.
fn four(side: &Side<'_>, at: usize) -> String {
    format!("four_{}_{at}", side.name)
}

/// What is loaded from a place.
fn load(side: &Side<'_>, at: usize, product: usize) -> String {
    let k = sum(&["k".to_owned(), format!("{product}u")]);
    format!("load_{}(places.{}_{at}, {k})", side.name, side.index)
}

/// Adds one product to each sum.
fn add(tile: &Tile<'_>, product: usize) -> Vec<String> {
    let Tile { common, spread, sums, lanes, passes, .. } = tile;
    let number = |side: &Side<'_>, at: usize| match side.fours {
        Some(Along::Products) => format!("{}.{}", four(side, at), PARTS[product]),
        Some(Along::Rows) | None => load(side, at, product),
    };
    let mut lines: Vec<String> = (0..tile.places().0)
        .map(|at| format!("let {}_{at} = {};", common.name, number(common, at)))
        .collect();
    for vector in 0..sums.vectors {
        if spread.fours == Some(Along::Rows) {
            lines.push(format!("let {}_{vector} = {};", spread.name, number(spread, vector)));
            continue;
        }
        lines.push(format!("let {}_{vector} = vec4<f32>(", spread.name));
        lines.extend((0..4).map(|at| format!("  {},", number(spread, 4 * vector + at))));
        lines.push(");".to_owned());
    }
    let factor = |line: usize| {
        let (row, part) = match common.fours {
            Some(Along::Rows) => (line / 4, format!(".{}", PARTS[line % 4])),
            Some(Along::Products) | None => (line, String::new()),
        };
        if *passes {
            let (at, lane) = (row / lanes, row % lanes);
            format!("subgroupBroadcast({}_{at}{part}, {lane}u)", common.name)
        } else {
            format!("{}_{row}{part}", common.name)
        }
    };
    lines.extend(sums.add(&factor, spread.name));
    lines
}

/// Keeps the sums of a lane.
fn keep(tile: &Tile<'_>) -> String {
    let mut lines = firsts(tile);
    let (common, spread, lanes) = (tile.common.index, tile.spread.index, tile.lanes);
    let place = match tile.spread.fours {
        Some(Along::Rows) => format!("(at / 4u * {lanes}u + lane) * 4u + at % 4u"),
        Some(Along::Products) | None => format!("at * {lanes}u + lane"),
    };
    lines.extend(tile.sums.each(&[
        format!("let {common} = first_{common} + line;"),
        format!("let {spread} = first_{spread} + {place};"),
        "if row < M && column < N { store(row, column, sum); }".to_owned(),
    ]));
    function("fn keep(sums: Sums, tile: u32, lane: u32)", &lines)
}
