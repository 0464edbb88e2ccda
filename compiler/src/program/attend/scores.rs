//! The gradient of the score bias.
//!
//! In: an attention with a window. Out: a shader of which each workgroup sums one head and relative position: for a query the
//! key that is so far away is known, and the constants say whether they meet. Pairs of groups are words, too. Simple rather than
//! fast: sums are in a fixed order, without atomics. Deliberately not here: the schedule's visits.

use super::geometry::{Geometry, Group, strides};
use super::{KEYS, Operands, QUERIES, VALUES};
use crate::graph::Attention;
use crate::program::kit::{Draft, Kit, function, grid};
use crate::program::text::{float, over, rest, sum, times};
use crate::program::words::{Words, word};
use crate::routing::{Direction, Order, Visit};

/// Lanes of a workgroup, a power of two.
const THREADS: u32 = 64;

pub(super) fn draft(kit: &Kit<'_>, attention: &Attention) -> Draft {
    let geometry = Geometry::new(kit, attention, Direction::Forward);
    let window = geometry.window.expect("only a bias has a gradient");
    let mut words = Words::default();
    let (mut meetings, mut shapes) = (Vec::new(), Vec::new());
    for pair in 0..geometry.schedule.pairs.len() {
        let [query, key] = sides(&geometry, pair);
        // Tokens of grids of other ranks have no bias.
        if query.grid.len() == window.len() && key.grid.len() == window.len() {
            meetings.push(meeting(&geometry, pair, &mut words));
            shapes.push([query.grid, key.grid]);
        }
    }
    let n_meetings = meetings.len();
    let key = key_at(&shapes, &mut meetings, window, &mut words);
    let Attention { heads, .. } = attention;
    let n_positions = attention.n_positions();
    let mut functions = format!(
        "const HEADS: u32 = {heads}u;\nconst POSITIONS: u32 = {n_positions}u;\nconst BATCH: u32 = {}u;\n\
         const PAIRS: u32 = {}u;\n\n",
        kit.plan.batch, n_meetings
    );
    functions += &meetings_text(words.list(meetings.concat()));
    functions += &key;
    functions += &numbers(kit, attention);
    Draft {
        functions,
        skeleton: include_str!("../skeletons/attend_scores.wgsl"),
        workgroup: [THREADS, 1, 1],
        workgroups: grid(kit, heads * n_positions),
        // A binding has at least one number.
        constants: if n_meetings == 0 { vec![0] } else { words.all().to_vec() },
        ..Draft::default()
    }
}

fn sides<'a, 'b>(geometry: &'b Geometry<'a>, pair: usize) -> [&'b Group<'a>; 2] {
    let order = &geometry.schedule.pairs[pair];
    [&geometry.owners[order.owner as usize], &geometry.others[order.other as usize]]
}

/// Words of a meeting, the last of which says where its shape is.
const OF_MEETING: usize = 10;

/// The words of a meeting but for its shape.
fn meeting(geometry: &Geometry<'_>, pair: usize, words: &mut Words) -> Vec<u32> {
    let [query, key] = sides(geometry, pair);
    let present = |group: &Group<'_>| group.present.map_or(0, |bit| word(bit + 1));
    let places: Vec<u32> = match geometry.schedule.pairs[pair].order.inverse() {
        Order::Natural => (0..word(key.tokens)).collect(),
        Order::Table(places) => places,
    };
    let sizes = [query.tokens, query.row, key.row, key.tokens, query.compact].map(word);
    let mut meeting = vec![present(query), present(key)];
    meeting.extend(sizes);
    meeting.extend([words.list(reaches(geometry, pair)), words.list(places)]);
    meeting
}

/// The function that reads a meeting.
fn meetings_text(at: u32) -> String {
    let has = |field: usize| {
        format!(
            "(constants[i + {field}u] == 0u || is_present(constants[i + {field}u] - 1u + sample))"
        )
    };
    let lines = [
        format!("let i = {at}u + pair * {OF_MEETING}u;"),
        format!("let is_there = {} && {};", has(0), has(1)),
        "let first = sample * constants[i + 2u];".to_owned(),
        "let first_key = constants[i + 4u] + sample * constants[i + 5u];".to_owned(),
        "return Meeting(is_there, constants[i + 2u], constants[i + 3u] + first, first_key, constants[i + 6u] + first, \
         constants[i + 7u], constants[i + 8u], constants[i + 9u]);"
            .to_owned(),
    ];
    function("fn meeting_of(pair: u32, sample: u32) -> Meeting", &lines) + "\n"
}

/// The function that finds keys. Sizes are literals where all pairs have the same, else words.
fn key_at(
    shapes: &[[&[u64]; 2]],
    meetings: &mut [Vec<u32>],
    window: &[usize],
    words: &mut Words,
) -> String {
    let is_one = shapes.windows(2).all(|two| two[0] == two[1]);
    for (shape, meeting) in shapes.iter().zip(meetings) {
        let sizes = (0..window.len()).flat_map(|axis| sizes(*shape, axis).map(word));
        meeting.push(if is_one { 0 } else { words.list(sizes.collect()) });
    }
    let lines = match shapes.first() {
        None => vec!["return NONE;".to_owned()],
        Some(shape) if is_one => {
            key_lines(window, &|axis, size| Size::Literal(sizes(*shape, axis)[size as usize]))
        }
        Some(_) => key_lines(window, &|axis, size| {
            Size::Word(format!("constants[shape + {}u]", 4 * axis + size as usize))
        }),
    };
    function("fn key_at(shape: u32, query: u32, position: u32) -> u32", &lines) + "\n"
}

/// Of an axis of queries and keys its size, and how many tokens lie between neighbors.
#[derive(Debug, Clone, Copy)]
enum Sizes {
    Queries,
    BelowQueries,
    Keys,
    BelowKeys,
}

fn sizes([query, key]: [&[u64]; 2], axis: usize) -> [usize; 4] {
    let size = |grid: &[u64]| usize::try_from(grid[axis]).expect("grids fit");
    let below = |grid: &[u64]| -> usize {
        grid[axis + 1..].iter().map(|size| usize::try_from(*size).expect("grids fit")).product()
    };
    [size(query), below(query), size(key), below(key)]
}

/// A size as shaders have it.
enum Size {
    Literal(usize),
    Word(String),
}

impl Size {
    fn over(&self, expression: &str) -> String {
        match self {
            Self::Literal(size) => over(expression, *size),
            Self::Word(size) => format!("{expression} / {size}"),
        }
    }

    fn rest(&self, expression: &str) -> String {
        match self {
            Self::Literal(size) => rest(expression, *size),
            Self::Word(size) => format!("({expression}) % {size}"),
        }
    }

    fn times(&self, expression: &str) -> String {
        match self {
            Self::Literal(size) => times(expression, *size),
            Self::Word(size) => format!("{expression} * {size}"),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Literal(size) => format!("{size}u"),
            Self::Word(size) => size.clone(),
        }
    }
}

/// The positions that each query reaches: the first, and behind the last.
fn reaches(geometry: &Geometry<'_>, pair: usize) -> Vec<u32> {
    let schedule = geometry.schedule;
    let owner = schedule.pairs[pair].owner as usize;
    let side = &schedule.owners[owner];
    let mut reaches = vec![0; 2 * geometry.owners[owner].tokens];
    for band in &side.bands {
        let is_pair = |visit: &&Visit| visit.pair as usize == pair;
        let Some(visit) = band.visits.iter().find(is_pair) else { continue };
        for position in band.owners.clone() {
            let reach = schedule.reach(owner, position, visit);
            let at = 2 * side.order.token(position) as usize;
            (reaches[at], reaches[at + 1]) = (reach.start, reach.end);
        }
    }
    reaches
}

/// The key that has a relative position to a query: on each axis query minus key is as much as the position says.
fn key_lines(window: &[usize], size: &dyn Fn(usize, Sizes) -> Size) -> Vec<String> {
    let mut lines = Vec::new();
    for (axis, stride) in strides(window).iter().enumerate() {
        let of_axis = size(axis, Sizes::BelowQueries).over("query");
        let coordinate = size(axis, Sizes::Queries).rest(&of_axis);
        let stride = usize::try_from(*stride).expect("tables of biases fit in memory");
        let away = rest(&over("position", stride), 2 * window[axis] - 1);
        lines.push(format!("let key_{axis} = {coordinate} + {}u - {away};", window[axis] - 1));
    }
    let axes = 0..window.len();
    let beyond =
        axes.clone().map(|axis| format!("key_{axis} >= {}", size(axis, Sizes::Keys).text()));
    lines.push("// Below 0 is beyond, too.".to_owned());
    lines.push(format!("if {} {{ return NONE; }}", beyond.collect::<Vec<_>>().join(" || ")));
    let terms = axes.map(|axis| size(axis, Sizes::BelowKeys).times(&format!("key_{axis}")));
    lines.push(format!("return {};", sum(&terms.collect::<Vec<_>>())));
    lines
}

/// Functions that load numbers.
fn numbers(kit: &Kit<'_>, attention: &Attention) -> String {
    let Operands { bias, statistics, delta, cotangent } = Operands::of(attention);
    let bias = bias.expect("only a bias has a gradient");
    let (heads, width) = (attention.heads, attention.head_width());
    let of_row = format!("row * {heads}u + head");
    let one = |head: &str, read: usize, at: &str| {
        function(head, &[format!("return {};", kit.load(read, at))]) + "\n"
    };
    let product =
        |head: &str, (a, a_row): (usize, &str), (b, b_row): (usize, &str), scale: &str| {
            let offset = |row: &str| format!("{row} * {}u + head * {width}u", attention.width);
            let (a, b) = (kit.load(a, "first_a + at"), kit.load(b, "first_b + at"));
            let lines = [
                format!("let first_a = {};", offset(a_row)),
                format!("let first_b = {};", offset(b_row)),
                "var product = 0.0;".to_owned(),
                format!("for (var at = 0u; at < {width}u; at++) {{"),
                format!("  product += {a} * {b};"),
                "}".to_owned(),
                format!("return product{scale};"),
            ];
            function(head, &lines) + "\n"
        };
    let scale = format!(" * {}", float(1.0 / (width as f64).sqrt()));
    one("fn bias_at(at: u32) -> f32", bias, "at")
        + &one("fn statistic_at(row: u32, head: u32) -> f32", statistics, &of_row)
        + &one("fn delta_at(row: u32, head: u32) -> f32", delta, &of_row)
        + &product(
            "fn score_of(query: u32, key: u32, head: u32) -> f32",
            (QUERIES, "query"),
            (KEYS, "key"),
            &scale,
        )
        + &product(
            "fn of_weight_of(cotangent: u32, value: u32, head: u32) -> f32",
            (cotangent, "cotangent"),
            (VALUES, "value"),
            "",
        )
        + &function("fn keep(at: u32, sum: f32)", &[kit.store(0, "at", "sum")])
}
