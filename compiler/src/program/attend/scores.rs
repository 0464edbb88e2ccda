//! The gradient of the score bias.
//!
//! In: an attention with a window. Out: a shader of which each workgroup sums one head and relative position: for a query the
//! key that is so far away is known, and the constants say whether they meet. Simple rather than fast: sums are in a fixed
//! order, without atomics. Deliberately not here: the schedule's visits.

use super::geometry::{Geometry, Group, strides};
use super::visits::Words;
use super::{KEYS, Operands, QUERIES, VALUES};
use crate::graph::Attention;
use crate::program::kit::{Draft, Kit, function, grid};
use crate::program::text::{float, over, rest, sum, times};
use crate::routing::{Direction, Order, Visit};

/// Lanes of a workgroup, a power of two.
const THREADS: u32 = 64;

pub(super) fn draft(kit: &Kit<'_>, attention: &Attention) -> Draft {
    let geometry = Geometry::new(kit, attention, Direction::Forward);
    let window = geometry.window.expect("only a bias has a gradient");
    let mut words = Words::default();
    let (mut meetings, mut keys) = (Vec::new(), Vec::new());
    for pair in 0..geometry.schedule.pairs.len() {
        let [query, key] = sides(&geometry, pair);
        // Tokens of grids of other ranks have no bias.
        if query.grid.len() == window.len() && key.grid.len() == window.len() {
            let comment = format!("// {} reads {}", query.name, key.name);
            let meeting = meeting(&geometry, pair, &mut words);
            let number = meetings.len();
            meetings.push((comment.clone(), number, vec![format!("return {meeting};")]));
            keys.push((comment, number, key_lines(query.grid, key.grid, window)));
        }
    }
    let Attention { heads, .. } = attention;
    let n_positions = attention.n_positions();
    let mut functions = format!(
        "const HEADS: u32 = {heads}u;\nconst POSITIONS: u32 = {n_positions}u;\nconst BATCH: u32 = {}u;\n\
         const PAIRS: u32 = {}u;\n\n",
        kit.plan.batch,
        meetings.len()
    );
    let none = "Meeting(false, 0u, 0u, 0u, 0u, 0u, 0u)";
    functions += &cases("fn meeting_of(pair: u32, sample: u32) -> Meeting", &meetings, none);
    functions += &cases("fn key_at(pair: u32, query: u32, position: u32) -> u32", &keys, "NONE");
    functions += &numbers(kit, attention);
    Draft {
        functions,
        skeleton: include_str!("../skeletons/attend_scores.wgsl"),
        workgroup: [THREADS, 1, 1],
        workgroups: grid(kit, heads * n_positions),
        constants: words.into_words(),
        ..Draft::default()
    }
}

fn sides<'a, 'b>(geometry: &'b Geometry<'a>, pair: usize) -> [&'b Group<'a>; 2] {
    let order = &geometry.schedule.pairs[pair];
    [&geometry.owners[order.owner as usize], &geometry.others[order.other as usize]]
}

fn cases(head: &str, cases: &[(String, usize, Vec<String>)], otherwise: &str) -> String {
    let mut lines = Vec::new();
    for (comment, number, statements) in cases {
        lines.push(comment.clone());
        lines.push(format!("if pair == {number}u {{"));
        lines.extend(statements.iter().map(|statement| format!("  {statement}")));
        lines.push("}".to_owned());
    }
    lines.push(format!("return {otherwise};"));
    function(head, &lines) + "\n"
}

fn meeting(geometry: &Geometry<'_>, pair: usize, words: &mut Words) -> String {
    let [query, key] = sides(geometry, pair);
    let bits: Vec<String> = [query, key]
        .iter()
        .filter_map(|group| group.present)
        .map(|bit| format!("is_present({})", sum(&[format!("{bit}u"), "sample".to_owned()])))
        .collect();
    let is_there = if bits.is_empty() { "true".to_owned() } else { bits.join(" && ") };
    let row = |first: usize, tokens: usize| sum(&[format!("{first}u"), times("sample", tokens)]);
    let places: Vec<u32> = match geometry.schedule.pairs[pair].order.inverse() {
        Order::Natural => (0..u32::try_from(key.tokens).expect("tokens are 32 bits")).collect(),
        Order::Table(places) => places,
    };
    format!(
        "Meeting({is_there}, {}u, {}, {}, {}, {}u, {}u)",
        query.tokens,
        row(query.row, query.tokens),
        row(key.row, key.tokens),
        row(query.compact, query.tokens),
        words.list(&reaches(geometry, pair)),
        words.list(&places),
    )
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
fn key_lines(query: &[u64], key: &[u64], window: &[usize]) -> Vec<String> {
    let strides = strides(window);
    let below = |grid: &[u64], axis: usize| -> usize {
        grid[axis + 1..].iter().map(|size| usize::try_from(*size).expect("grids fit")).product()
    };
    let size = |grid: &[u64], axis: usize| usize::try_from(grid[axis]).expect("grids fit");
    let mut lines = Vec::new();
    for (axis, stride) in strides.iter().enumerate() {
        let coordinate = rest(&over("query", below(query, axis)), size(query, axis));
        let stride = usize::try_from(*stride).expect("tables of biases fit in memory");
        let away = rest(&over("position", stride), 2 * window[axis] - 1);
        lines.push(format!("let key_{axis} = {coordinate} + {}u - {away};", window[axis] - 1));
    }
    let axes = 0..window.len();
    let beyond = axes.clone().map(|axis| format!("key_{axis} >= {}u", size(key, axis)));
    lines.push("// Below 0 is beyond, too.".to_owned());
    lines.push(format!("if {} {{ return NONE; }}", beyond.collect::<Vec<_>>().join(" || ")));
    let terms = axes.map(|axis| times(&format!("key_{axis}"), below(key, axis)));
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
