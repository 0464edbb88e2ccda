//! Products in registers.
//!
//! In: a product. Out: a shader whose invocations share tiles of the result. One operand, the spread one, is spread over the
//! lanes, so that a lane's numbers are its own. Of the other all lanes need all; where there are subgroups, each loads a
//! share of it and the subgroup passes it around, at a tenth of the price of a load. Deliberately not here: workgroup memory.

use super::super::kit::{Draft, function, grid};
use super::super::text::times;
use super::sums::Sums;
use super::{Product, Side};

/// Most rows of the operand that all lanes need, in a tile.
const LINES: usize = 32;
/// The same where each lane loads all of them.
const LINES_ALONE: usize = 16;
/// Lanes of a workgroup where there are no subgroups.
const LANES_ALONE: usize = 8;
/// Vectors of four sums that a lane has of each of these rows.
const VECTORS: usize = 2;
/// Tiles from which on all threads of the processor have something to do.
const ENOUGH: usize = 8;
/// How many additions of a product to a sum take as long as a load does, for all lanes at once.
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
}

impl<'a> Tile<'a> {
    fn of(product: &Product<'_>, common: Side<'a>, spread: Side<'a>, lines: usize) -> Self {
        let subgroup = product.kit.target.subgroup;
        let lanes = subgroup.map_or(LANES_ALONE, |size| size as usize);
        let vectors = spread.size.div_ceil(4 * lanes).min(VECTORS);
        Self { common, spread, sums: Sums { lines, vectors }, lanes, passes: subgroup.is_some() }
    }

    /// Rows of the spread operand.
    fn width(&self) -> usize {
        4 * self.lanes * self.sums.vectors
    }

    /// Tiles along either operand.
    fn tiles(&self) -> (usize, usize) {
        (self.common.size.div_ceil(self.sums.lines), self.spread.size.div_ceil(self.width()))
    }

    /// Loads of a lane for each product.
    fn loads(&self) -> (usize, usize) {
        let common =
            if self.passes { self.sums.lines.div_ceil(self.lanes) } else { self.sums.lines };
        (common, 4 * self.sums.vectors)
    }

    /// How much is done in all, and then how much of it is to compute what has been loaded.
    fn cost(&self) -> (usize, usize) {
        let (tiles, loads) = (self.tiles(), self.loads());
        let computes = loads.0 * self.common.work() + loads.1 * self.spread.work();
        let sums = 4 * self.sums.lines * self.sums.vectors;
        let each = sums + LOAD * (loads.0 + loads.1 + computes);
        ((tiles.0 * tiles.1).max(ENOUGH) * each, computes)
    }
}

pub(super) fn draft(product: &Product<'_>) -> Draft {
    let (a, b) = (product.a(), product.b());
    let most = if product.kit.target.subgroup.is_some() { LINES } else { LINES_ALONE };
    let lines = std::iter::successors(Some(most), |lines| (*lines > 1).then_some(lines / 2));
    let tiles =
        lines.flat_map(|lines| [Tile::of(product, a, b, lines), Tile::of(product, b, a, lines)]);
    let tile = tiles.min_by_key(Tile::cost).expect("there are some");
    let (along, across) = tile.tiles();
    let functions = product.constants()
        + &format!("const TILES: u32 = {}u;\n\n", along * across)
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
        scratch: 0,
    }
}

/// Which rows of the operands a lane loads. Those beyond the last are the last; what comes of them is not kept.
fn places(tile: &Tile<'_>) -> String {
    let Tile { common, spread, lanes, .. } = tile;
    let place = |side: &Side<'_>, at: usize| {
        let first = if at == 0 { String::new() } else { format!("{}u + ", at * lanes) };
        format!("min(first_{0} + {first}lane, {1} - 1u)", side.index, side.count)
    };
    let alone = |side: &Side<'_>, at: usize| {
        format!("min(first_{} + {at}u, {} - 1u)", side.index, side.count)
    };
    let (n_common, n_spread) = tile.loads();
    let commons =
        (0..n_common).map(|at| if tile.passes { place(common, at) } else { alone(common, at) });
    let spreads = (0..n_spread).map(|at| place(spread, at));
    let name = |side: &Side<'_>, at: usize| format!("{}_{at}", side.index);
    let names = (0..n_common).map(|at| name(common, at));
    let names = names.chain((0..n_spread).map(|at| name(spread, at)));
    let fields: String = names.map(|name| format!("  {name}: u32,\n")).collect();
    let values: Vec<String> = commons.chain(spreads).map(|value| format!("    {value},")).collect();
    let mut lines = firsts(tile);
    lines.push("return Places(".to_owned());
    lines.extend(values.into_iter().map(|value| value[2..].to_owned()));
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
        format!("let first_{common} = {};", times(&format!("tile % {along}u"), tile.sums.lines)),
        format!("let first_{spread} = {};", times(&format!("tile / {along}u"), tile.width())),
    ]
}

/// Loads the factors of one product of each sum, and adds them.
fn multiply(tile: &Tile<'_>) -> String {
    let Tile { common, spread, sums, lanes, .. } = tile;
    let load =
        |side: &Side<'_>, at: usize| format!("load_{}(places.{}_{at}, k)", side.name, side.index);
    let (n_common, _) = tile.loads();
    let mut lines: Vec<String> = (0..n_common)
        .map(|at| format!("let {}_{at} = {};", common.name, load(common, at)))
        .collect();
    for at in 0..sums.vectors {
        lines.push(format!("let {}_{at} = vec4<f32>(", spread.name));
        lines.extend((4 * at..4 * at + 4).map(|number| format!("  {},", load(spread, number))));
        lines.push(");".to_owned());
    }
    let factor = |line: usize| {
        if tile.passes {
            format!("subgroupBroadcast({}_{}, {}u)", common.name, line / lanes, line % lanes)
        } else {
            format!("{}_{line}", common.name)
        }
    };
    lines.extend(sums.add(&factor, spread.name));
    function("fn multiply(sums: ptr<function, Sums>, places: Places, k: u32)", &lines) + "\n"
}

/// Keeps the sums of a lane.
fn keep(tile: &Tile<'_>) -> String {
    let mut lines = firsts(tile);
    let (common, spread) = (tile.common.index, tile.spread.index);
    lines.extend(tile.sums.each(&[
        format!("let {common} = first_{common} + line;"),
        format!("let {spread} = first_{spread} + at * {}u + lane;", tile.lanes),
        "if row < M && column < N { store(row, column, sum); }".to_owned(),
    ]));
    function("fn keep(sums: Sums, tile: u32, lane: u32)", &lines)
}
