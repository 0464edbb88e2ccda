//! Products through workgroup memory.
//!
//! In: a product. Out: a shader whose workgroups have tiles of the result. They put what they multiply into their own memory, four
//! rows a vector, where whatever is fused into an operand is computed once, and each lane has the sums of some of the
//! tile's rows and columns. Where tiles are few and sums long, workgroups share sums, and a second shader adds up what they have.
//! Deliberately not here: subgroups.

use super::super::kit::{Draft, function, grid};
use super::super::text::{indented, over, rest, sum, times};
use super::fours::Along;
use super::sums::{PARTS, Sums};
use super::{Product, Side};

/// Tiles from which on a large device has enough to do.
const ENOUGH: usize = 128;
/// Products that a part of a sum has at least.
const PART: usize = 256;
/// The second shader's invocations of a workgroup.
const WORKGROUP: usize = 64;

/// One side of a tile: lanes, and rows a lane.
#[derive(Clone, Copy)]
struct Edge {
    lanes: usize,
    rows: usize,
}

/// The sides that there are, the largest first.
const EDGES: [Edge; 4] = [
    Edge { lanes: 16, rows: 8 },
    Edge { lanes: 8, rows: 8 },
    Edge { lanes: 8, rows: 4 },
    Edge { lanes: 4, rows: 4 },
];

impl Edge {
    fn size(self) -> usize {
        self.lanes * self.rows
    }

    /// The largest that is not above `most`, and not twice what is needed.
    fn of(rows: usize, most: usize) -> Self {
        let fits = |edge: &&Self| edge.size() <= most && edge.size() < 2 * rows;
        *EDGES.iter().find(fits).unwrap_or(&EDGES[3])
    }
}

/// How a product is cut.
struct Cut {
    a: Edge,
    b: Edge,
    /// Products that a tile holds.
    depth: usize,
    /// Workgroups that share a sum, and products of each.
    parts: usize,
    part: usize,
}

impl Cut {
    fn of(product: &Product<'_>) -> Self {
        let (m, n, k) = (product.contract.m, product.contract.n, product.contract.k);
        let edges = |most: usize| (Edge::of(m, most), Edge::of(n, most));
        let tiles = |(a, b): (Edge, Edge)| m.div_ceil(a.size()) * n.div_ceil(b.size());
        let fits = |most: &usize| tiles(edges(*most)) >= ENOUGH;
        let most = [128, 64].into_iter().find(fits).unwrap_or(32);
        let (a, b) = edges(most);
        let depth = if most == 128 { 8 } else { 16 };
        let wanted = if product.kit.has_room_for_scratch() {
            ENOUGH.div_ceil(tiles((a, b))).min(k / PART).max(1)
        } else {
            1
        };
        let part = k.div_ceil(wanted).next_multiple_of(depth);
        Self { a, b, depth, parts: k.div_ceil(part), part }
    }

    fn sums(&self) -> Sums {
        Sums { lines: self.a.rows, vectors: self.b.rows / 4 }
    }

    fn tiles(&self, product: &Product<'_>) -> (usize, usize) {
        let of = |side: Side<'_>, edge: Edge| side.size.div_ceil(edge.size());
        (of(product.a(), self.a), of(product.b(), self.b))
    }
}

pub(super) fn drafts(product: &Product<'_>) -> Vec<Draft> {
    let cut = Cut::of(product);
    let first = first(product, &cut);
    if cut.parts == 1 { vec![first] } else { vec![first, second(product, &cut)] }
}

/// The sums, or parts of them.
fn first(product: &Product<'_>, cut: &Cut) -> Draft {
    let (tiles_a, tiles_b) = cut.tiles(product);
    let workgroups = tiles_a * tiles_b * cut.parts;
    let scratch = scratch(product, cut);
    let store = if cut.parts == 1 {
        product.store()
    } else {
        let place = sum(&["(part * M + row) * N".to_owned(), "column".to_owned()]);
        let head = "fn store_part(part: u32, row: u32, column: u32, sum: f32)";
        function(head, &[format!("scratch[{place}] = sum;")]) + "\n"
    };
    let functions = product.constants()
        + &constants(product, cut)
        + &product.loads()
        + &store
        + &tile(product, cut, product.a(), cut.a)
        + &tile(product, cut, product.b(), cut.b)
        + &cut.sums().declaration()
        + &multiply(cut)
        + &keep(cut);
    Draft {
        functions,
        skeleton: include_str!("../skeletons/contract_shared.wgsl"),
        workgroup: [u32::try_from(cut.a.lanes * cut.b.lanes).expect("workgroups are small"), 1, 1],
        workgroups: grid(product.kit, workgroups),
        scratch,
        ..Draft::default()
    }
}

fn scratch(product: &Product<'_>, cut: &Cut) -> usize {
    if cut.parts == 1 { 0 } else { cut.parts * product.contract.m * product.contract.n }
}

fn constants(product: &Product<'_>, cut: &Cut) -> String {
    let (tiles_a, tiles_b) = cut.tiles(product);
    let lines = [
        "// Tiles of the result along its rows and along its columns.".to_owned(),
        format!("const TILES_M: u32 = {tiles_a}u;"),
        format!("const TILES_N: u32 = {tiles_b}u;"),
        "// Rows, columns and products of a tile.".to_owned(),
        format!("const TILE_M: u32 = {}u;", cut.a.size()),
        format!("const TILE_N: u32 = {}u;", cut.b.size()),
        format!("const TILE_K: u32 = {}u;", cut.depth),
        "// Lanes along its columns.".to_owned(),
        format!("const LANES_N: u32 = {}u;", cut.b.lanes),
        "// Workgroups that share a sum, and products of each.".to_owned(),
        format!("const PARTS: u32 = {}u;", cut.parts),
        format!("const PART: u32 = {}u;", cut.part),
    ];
    lines.join("\n") + "\n\n"
}

/// Memory for a tile of an operand, and what fills it. Lanes that are neighbors load numbers that are. There is a vector more than
/// needed for each product, or else lanes would wait for each other where they write along these. Products beyond the last are of
/// zeros; loads beyond it are none.
fn tile(product: &Product<'_>, cut: &Cut, side: Side<'_>, edge: Edge) -> String {
    let Side { name, index, .. } = side;
    let (groups, depth) = (edge.size() / 4, cut.depth);
    let stride = groups + 1;
    // How many products a lane loads of its rows at once.
    let products = if side.fours == Some(Along::Products) { 4 } else { 1 };
    let depths = depth / products;
    let (group, k) = match side.is_along_k(product.contract.k) {
        true => (over("at", depths), rest("at", depths)),
        false => (rest("at", groups), over("at", groups)),
    };
    let mut lines = vec![
        format!("for (var at = lane; at < {}u; at += WORKGROUP) {{", groups * depths),
        format!("  let group = {group};"),
        format!("  let k = {};", times(&k, products)),
        format!("  let {index} = first_{index} + 4u * group;"),
        format!("  let at_k = min(first_k + k, K - {products}u);"),
    ];
    lines.extend(indented(&fill(side, stride)));
    lines.push("}".to_owned());
    let head = format!("fn fill_{name}(first_{index}: u32, first_k: u32, end: u32, lane: u32)");
    format!("var<workgroup> tile_{name}: array<vec4<f32>, {}>;\n\n", stride * depth)
        + &function(&head, &lines)
        + "\n"
}

/// Statements that load four rows, of one product or of four, and put them into the tile.
fn fill(side: Side<'_>, stride: usize) -> Vec<String> {
    let Side { name, index, count, .. } = side;
    let load = |at: usize| {
        let row = sum(&[index.to_owned(), format!("{at}u")]);
        format!("load_{name}(min({row}, {count} - 1u), at_k)")
    };
    let put = |at: usize, four: &str| {
        let place = sum(&[times("k", stride), format!("{}u", at * stride), "group".to_owned()]);
        format!("tile_{name}[{place}] = select(vec4<f32>(), {four}, first_k + k < end);")
    };
    match side.fours {
        Some(Along::Rows) => {
            vec![put(0, &format!("load_{name}(min({index}, {count} - 4u), at_k)"))]
        }
        Some(Along::Products) => {
            let loads = (0..4).map(|at| format!("let four_{at} = {};", load(at)));
            let four = |part: &str| {
                let rows: Vec<String> = (0..4).map(|at| format!("four_{at}.{part}")).collect();
                format!("vec4<f32>({})", rows.join(", "))
            };
            loads.chain(PARTS.iter().enumerate().map(|(at, part)| put(at, &four(part)))).collect()
        }
        None => {
            let mut lines = vec!["let four = vec4<f32>(".to_owned()];
            lines.extend((0..4).map(|at| format!("  {},", load(at))));
            lines.extend([");".to_owned(), put(0, "four")]);
            lines
        }
    }
}

/// Adds one product to each sum of a lane.
fn multiply(cut: &Cut) -> String {
    let load = |name: &str, lane: &str, edge: Edge, at: usize| {
        let terms =
            [times("k", edge.size() / 4 + 1), format!("{}u", at * edge.lanes), lane.to_owned()];
        let terms: Vec<String> = terms.into_iter().filter(|term| term != "0u").collect();
        format!("let {name}_{at} = tile_{name}[{}];", terms.join(" + "))
    };
    let mut lines: Vec<String> =
        (0..cut.a.rows / 4).map(|at| load("a", "lane_m", cut.a, at)).collect();
    lines.extend((0..cut.b.rows / 4).map(|at| load("b", "lane_n", cut.b, at)));
    let factor = |line: usize| format!("a_{}.{}", line / 4, PARTS[line % 4]);
    lines.extend(cut.sums().add(&factor, "b"));
    let head = "fn multiply(sums: ptr<function, Sums>, lane_m: u32, lane_n: u32, k: u32)";
    function(head, &lines) + "\n"
}

/// Keeps the sums of a lane.
fn keep(cut: &Cut) -> String {
    let index = |first: &str, lane: &str, at: &str, edge: Edge| {
        let group = if edge.rows > 4 {
            format!("{at} / 4u * {}u + ", 4 * edge.lanes)
        } else {
            String::new()
        };
        format!("{first} + {group}4u * {lane} + {at} % 4u")
    };
    let store = if cut.parts == 1 { "store(row" } else { "store_part(part, row" };
    let lines = cut.sums().each(&[
        format!("let row = {};", index("first_row", "lane_m", "line", cut.a)),
        format!("let column = {};", index("first_column", "lane_n", "at", cut.b)),
        format!("if row < M && column < N {{ {store}, column, sum); }}"),
    ]);
    let head = "fn keep(sums: Sums, part: u32, first_row: u32, first_column: u32, lane_m: u32, lane_n: u32)";
    function(head, &lines)
}

/// Adds up the parts.
fn second(product: &Product<'_>, cut: &Cut) -> Draft {
    let elements = product.contract.m * product.contract.n;
    let lines = [
        "var sum = 0.0;".to_owned(),
        format!("for (var part = 0u; part < {}u; part++) {{", cut.parts),
        format!("  sum += scratch[part * {elements}u + at];"),
        "}".to_owned(),
        "store(at / N, at % N, sum);".to_owned(),
    ];
    Draft {
        functions: format!("const ELEMENTS: u32 = {elements}u;\n")
            + &product.constants()
            + "\n"
            + &product.store()
            + &function("fn element(at: u32)", &lines),
        skeleton: include_str!("../skeletons/elements.wgsl"),
        workgroup: [u32::try_from(WORKGROUP).expect("workgroups are small"), 1, 1],
        workgroups: grid(product.kit, elements.div_ceil(WORKGROUP)),
        scratch: scratch(product, cut),
        ..Draft::default()
    }
}
