//! How owners meet a block of others, and where their rows come from.
//!
//! In: a kind of attention kernel and its form. Out: functions that load rows, stage them, write the block out other by other,
//! and keep results. Deliberately not here: what is done with a row (the kind's skeleton says it), ranges.

use std::fmt::Write;

use super::geometry::center;
use super::rows::{Form, Sharing, row};
use super::{KEYS, Operands, QUERIES, VALUES, direction};
use crate::graph::Attention;
use crate::plan::AttendKind;
use crate::program::kit::{Kit, function};
use crate::routing::Direction;

/// A tensor of rows that are met.
#[derive(Clone, Copy)]
struct Other {
    name: &'static str,
    read: usize,
    /// The field of a group with its first row.
    first: &'static str,
}

struct Writer<'a> {
    kit: &'a Kit<'a>,
    kind: AttendKind,
    attention: &'a Attention,
    operands: Operands,
    form: &'a Form,
}

/// The functions; some owner may meet a part of a block if `is_causal`.
pub(super) fn text(
    kit: &Kit<'_>,
    kind: AttendKind,
    attention: &Attention,
    form: &Form,
    is_causal: bool,
) -> String {
    let operands = Operands::of(attention);
    let writer = Writer { kit, kind, attention, operands, form };
    let mut text = writer.loads() + &writer.own() + &writer.keep() + &writer.bias();
    text += &writer.sharing();
    text + &writer.meet(is_causal)
}

impl Writer<'_> {
    /// What is met.
    fn others(&self) -> Vec<Other> {
        let key = Other { name: "key", read: KEYS, first: "row" };
        let value = Other { name: "value", read: VALUES, first: "row" };
        let query = Other { name: "query", read: QUERIES, first: "row" };
        let cotangent =
            Other { name: "cotangent", read: self.operands.cotangent, first: "compact" };
        match self.kind {
            AttendKind::Forward { result: false, .. } => vec![key],
            AttendKind::Forward { result: true, .. } | AttendKind::Queries => vec![key, value],
            AttendKind::KeysValues { .. } | AttendKind::Scores => vec![query, cotangent],
        }
    }

    /// The first number of a head of a row.
    fn offset(&self) -> String {
        format!("row * {}u + head * {}u", self.attention.width, self.form.width)
    }

    fn row_load(&self, name: &str, read: usize) -> String {
        let width = self.form.width;
        let number = |at: usize| {
            let offset = if at == 0 { "first".to_owned() } else { format!("first + {at}u") };
            if at < width { self.kit.load(read, &offset) } else { "0.0".to_owned() }
        };
        let vector = |at: usize| {
            let numbers: Vec<String> = (4 * at..4 * at + 4).map(number).collect();
            format!("vec4({})", numbers.join(", "))
        };
        let lines = [
            format!("let first = {};", self.offset()),
            format!("return {};", row(self.form, vector)),
        ];
        function(&format!("fn {name}_row(row: u32, head: u32) -> Row"), &lines) + "\n"
    }

    fn vector_load(&self, name: &str, read: usize) -> String {
        let number = |at: usize| {
            let offset = if at == 0 { "first".to_owned() } else { format!("first + {at}u") };
            let load = self.kit.load(read, &offset);
            if self.form.width.is_multiple_of(4) {
                load
            } else {
                format!("select(0.0, {load}, vector * 4u + {at}u < {}u)", self.form.width)
            }
        };
        let numbers: Vec<String> = (0..4).map(number).collect();
        let lines = [
            format!("let first = {} + vector * 4u;", self.offset()),
            format!("return vec4({});", numbers.join(", ")),
        ];
        function(
            &format!("fn {name}_vector(row: u32, head: u32, vector: u32) -> vec4<f32>"),
            &lines,
        ) + "\n"
    }

    fn number_load(&self, name: &str, read: usize) -> String {
        let load = self.kit.load(read, &format!("row * {}u + head", self.attention.heads));
        function(&format!("fn {name}_at(row: u32, head: u32) -> f32"), &[format!("return {load};")])
            + "\n"
    }

    /// Functions that load rows, those that are called.
    fn loads(&self) -> String {
        let mut text = String::new();
        let is_staged = matches!(self.form.sharing, Sharing::Workgroup { .. });
        for Other { name, read, .. } in self.others() {
            text +=
                &if is_staged { self.vector_load(name, read) } else { self.row_load(name, read) };
        }
        for (name, read, _) in self.owned() {
            text += &self.row_load(name, read);
        }
        if !matches!(self.kind, AttendKind::Forward { .. }) {
            text += &self.number_load("statistic", self.operands.statistics);
            text += &self.number_load("delta", self.operands.delta);
        }
        text
    }

    /// What owners have: name, operand, field of the first row.
    fn owned(&self) -> Vec<(&'static str, usize, &'static str)> {
        let cotangent = ("cotangent", self.operands.cotangent, "compact");
        match self.kind {
            AttendKind::Forward { .. } | AttendKind::Scores => vec![("query", QUERIES, "row")],
            AttendKind::Queries => vec![("query", QUERIES, "row"), cotangent],
            AttendKind::KeysValues { keys: true, .. } => {
                vec![("key", KEYS, "row"), ("value", VALUES, "row")]
            }
            AttendKind::KeysValues { keys: false, .. } => vec![("key", KEYS, "row")],
        }
    }

    fn own(&self) -> String {
        let mut text = String::new();
        for (name, _, first) in self.owned() {
            let rows = self.form.of_each("Rows", |number, _| {
                format!("{name}_row(group.{first} + own.token{number}, head)")
            });
            text += &function(
                &format!("fn own_{name}(group: Group, own: Own, head: u32) -> Rows"),
                &[format!("return {rows};")],
            );
            text.push('\n');
        }
        match self.kind {
            AttendKind::Queries => {
                for name in ["statistic", "delta"] {
                    let numbers = self.form.of_each("Each", |number, _| {
                        format!("{name}_at(group.compact + own.token{number}, head)")
                    });
                    text += &function(
                        &format!("fn own_{name}(group: Group, own: Own, head: u32) -> Each"),
                        &[format!("return {numbers};")],
                    );
                    text.push('\n');
                }
            }
            AttendKind::KeysValues { keys: false, .. } => {
                text += "// Only the gradient of keys needs the values.\n";
                text += &function(
                    "fn own_value(group: Group, own: Own, head: u32) -> Rows",
                    &["return zeros();".to_owned()],
                );
                text.push('\n');
            }
            AttendKind::Forward { .. }
            | AttendKind::KeysValues { keys: true, .. }
            | AttendKind::Scores => {}
        }
        text
    }

    /// Functions that keep results, or do not if they are not wanted.
    fn keep(&self) -> String {
        let rows = |name: &str, write: Option<usize>| self.keep_rows(name, write);
        match self.kind {
            AttendKind::Forward { result, statistics } => {
                rows("result", result.then_some(0))
                    + &self.keep_statistic(statistics.then_some(usize::from(result)))
            }
            AttendKind::Queries => rows("queries", Some(0)),
            AttendKind::KeysValues { keys, values } => {
                rows("keys", keys.then_some(0))
                    + &rows("values", values.then_some(usize::from(keys)))
            }
            AttendKind::Scores => unreachable!("they have no rows"),
        }
    }

    fn keep_rows(&self, name: &str, write: Option<usize>) -> String {
        let head = format!("fn keep_{name}(own: Own, group: Group, head: u32, rows: Rows)");
        let Some(write) = write else { return format!("{head} {{}}\n\n") };
        let mut lines = vec![format!("let first = {};", self.offset())];
        for at in 0..self.form.width {
            let offset = if at == 0 { "first".to_owned() } else { format!("first + {at}u") };
            let value = format!("values.v{}.{}", at / 4, ["x", "y", "z", "w"][at % 4]);
            lines.push(self.kit.store(write, &offset, &value));
        }
        let one =
            function(&format!("fn keep_{name}_row(row: u32, head: u32, values: Row)"), &lines);
        let each = self.form.own().iter().map(|(number, rows)| {
            format!(
                "if own.is_there{number} {{ keep_{name}_row(group.compact + own.token{number}, head, rows{rows}); }}"
            )
        });
        one + "\n" + &function(&head, &each.collect::<Vec<_>>()) + "\n"
    }

    fn keep_statistic(&self, write: Option<usize>) -> String {
        let head = "fn keep_statistic(own: Own, group: Group, head: u32, statistic: Each)";
        let Some(write) = write else { return format!("{head} {{}}\n\n") };
        let heads = self.attention.heads;
        let each = self.form.own().iter().map(|(number, _)| {
            let offset = format!("(group.compact + own.token{number}) * {heads}u + head");
            let store = self.kit.store(write, &offset, &format!("statistic{number}"));
            format!("if own.is_there{number} {{ {store} }}")
        });
        function(head, &each.collect::<Vec<_>>()) + "\n"
    }

    /// The score bias of the owners of a lane and an other.
    fn bias(&self) -> String {
        let head = "fn bias_of(own: Own, other: Group, position: u32, head: u32) -> Each";
        let (Some(read), Some(window)) = (self.operands.bias, &self.attention.window) else {
            return function(head, &["return Each(0.0);".to_owned()]) + "\n";
        };
        let (n_positions, center) = (self.attention.n_positions(), center(window));
        let at = match direction(self.kind) {
            Direction::Forward => format!("own.term + Index({center}u - term)"),
            Direction::Transposed => format!("Index(term + {center}u) - own.term"),
        };
        let numbers = self.form.of_each("Each", |number, _| {
            self.kit.load(read, &format!("head * {n_positions}u + at{number}"))
        });
        let lines = [
            "let term = constants[other.terms + position];".to_owned(),
            "// Those that do not meet may have no position.".to_owned(),
            format!("let at = min({at}, Index({}u));", n_positions - 1),
            format!("return {numbers};"),
        ];
        function(head, &lines) + "\n"
    }

    /// How lanes share rows.
    fn sharing(&self) -> String {
        let head = "fn stage(other: Group, staged: u32, end: u32, head: u32, lane: u32)";
        let vectors = self.form.vectors();
        match self.form.sharing {
            Sharing::Nothing => format!("{head} {{}}\n\n"),
            Sharing::Subgroup(_) => {
                let mut text = format!("{head} {{}}\n\n");
                for lane in 0..self.form.block {
                    let vectors =
                        row(self.form, |at| format!("subgroupBroadcast(row.v{at}, {lane}u)"));
                    text += &function(
                        &format!("fn of_lane_{lane}(row: Row) -> Row"),
                        &[format!("return {vectors};")],
                    );
                    text.push('\n');
                }
                text
            }
            Sharing::Workgroup { rows } => {
                let mut text = String::new();
                let size = rows as usize * vectors;
                let mut lines = vec![
                    "workgroupBarrier();".to_owned(),
                    format!("for (var at = lane; at < {size}u; at += WORKGROUP) {{"),
                    format!("  let position = min(staged + at / {vectors}u, end - 1u);"),
                    "  let token = token_of(other.order, position);".to_owned(),
                ];
                for Other { name, first, .. } in self.others() {
                    writeln!(text, "var<workgroup> staged_{name}: array<vec4<f32>, {size}>;\n")
                        .expect("texts take all");
                    lines.push(format!(
                        "  staged_{name}[at] = {name}_vector(other.{first} + token, head, at % {vectors}u);"
                    ));
                    let vector = |at: usize| {
                        let at = if at == 0 { String::new() } else { format!(" + {at}u") };
                        format!("staged_{name}[first{at}]")
                    };
                    text += &function(
                        &format!("fn staged_{name}_row(at: u32) -> Row"),
                        &[
                            format!("let first = at * {vectors}u;"),
                            format!("return {};", row(self.form, vector)),
                        ],
                    );
                    text.push('\n');
                }
                lines.extend(["}".to_owned(), "workgroupBarrier();".to_owned()]);
                text + &function(head, &lines) + "\n"
            }
        }
    }

    fn meet(&self, is_causal: bool) -> String {
        let head = |name: &str| {
            format!(
                "fn {name}(state: ptr<function, State>, own: Own, visit: Visit, other: Group, reach: Reach, block: Block, reader: u32)"
            )
        };
        if !is_causal {
            return function(&head("meet"), &self.block(Meeting::Ends)) + "\n";
        }
        let call =
            |name: &str| format!("  {name}(state, own, visit, other, reach, block, reader);");
        let lines = [
            "if visit.whole <= block.first && block.first + BLOCK <= visit.whole_end {".to_owned(),
            call("meet_all"),
            "} else {".to_owned(),
            call("meet_some"),
            "}".to_owned(),
        ];
        let all = function(&head("meet_all"), &self.block(Meeting::All));
        let some = function(&head("meet_some"), &self.block(Meeting::Some));
        format!("{all}\n{some}\n{}\n", function(&head("meet"), &lines))
    }

    /// The statements of a block.
    fn block(&self, meeting: Meeting) -> Vec<String> {
        let mut lines = Vec::new();
        let count = self.form.block;
        if matches!(self.form.sharing, Sharing::Subgroup(_)) {
            lines.push("let read = min(block.first + reader % BLOCK, block.end - 1u);".to_owned());
            lines.push("let token = token_of(other.order, read);".to_owned());
        }
        for at in 0..count {
            lines.push(format!("let position_{at} = min(block.first + {at}u, block.end - 1u);"));
            let allowed = match meeting {
                Meeting::All => "Flag(true)".to_owned(),
                Meeting::Some | Meeting::Ends => {
                    format!("is_allowed(block.first + {at}u, reach)")
                }
            };
            lines.push(format!("let is_allowed_{at} = {allowed};"));
        }
        lines.extend(match self.kind {
            AttendKind::Forward { result, .. } => self.forward(meeting, result),
            AttendKind::Queries => self.queries(meeting),
            AttendKind::KeysValues { keys, values } => self.keys_values(meeting, keys, values),
            AttendKind::Scores => unreachable!("they have no owners"),
        });
        lines
    }

    /// The row that a lane reads itself, where rows are broadcast.
    fn read(&self, name: &str) -> Option<String> {
        let other = self.others().into_iter().find(|other| other.name == name);
        let Other { first, .. } = other.expect("only what is met is read");
        matches!(self.form.sharing, Sharing::Subgroup(_))
            .then(|| format!("let own_{name}_row = {name}_row(other.{first} + token, block.head);"))
    }

    /// A row of the block.
    fn row(&self, name: &str, at: u32) -> String {
        let other = self.others().into_iter().find(|other| other.name == name);
        let Other { first, .. } = other.expect("only what is met is read");
        match self.form.sharing {
            Sharing::Nothing => format!(
                "{name}_row(other.{first} + token_of(other.order, position_{at}), block.head)"
            ),
            Sharing::Subgroup(_) => format!("of_lane_{at}(own_{name}_row)"),
            Sharing::Workgroup { .. } => {
                format!("staged_{name}_row(block.first - block.staged + {at}u)")
            }
        }
    }

    fn bias_at(&self, at: u32) -> String {
        format!("bias_of(own, other, position_{at}, block.head)")
    }

    fn forward(&self, meeting: Meeting, result: bool) -> Vec<String> {
        let mut lines: Vec<String> = self.read("key").into_iter().collect();
        let all = 0..self.form.block;
        for at in all.clone() {
            let (key, bias) = (self.row("key", at), self.bias_at(at));
            lines.push(format!("let score_{at} = score(state, {key}, {bias}, is_allowed_{at});"));
        }
        let largest = all.clone().map(|at| format!("score_{at}"));
        let largest = largest.reduce(|a, b| format!("max({a}, {b})")).expect("blocks have others");
        lines.push(format!("raise(state, {largest});"));
        if result {
            lines.extend(self.read("value"));
        }
        for at in all {
            let weight = format!("weight(state, score_{at}, is_allowed_{at})");
            lines.push(format!("let weight_{at} = {weight};"));
            if result {
                let value = self.row("value", at);
                lines.push(meeting.add("sum", &format!("weight_{at}"), &value, at));
            }
        }
        lines
    }

    fn queries(&self, meeting: Meeting) -> Vec<String> {
        let mut lines: Vec<String> = self.read("key").into_iter().collect();
        lines.extend(self.read("value"));
        for at in 0..self.form.block {
            let (key, value, bias) = (self.row("key", at), self.row("value", at), self.bias_at(at));
            lines.push(format!("let key_{at} = {key};"));
            lines.push(format!(
                "let of_score_{at} = of_score(state, key_{at}, {value}, {bias}, is_allowed_{at});"
            ));
            lines.push(meeting.add(
                "of_query",
                &format!("of_score_{at}"),
                &format!("key_{at}"),
                at,
            ));
        }
        lines
    }

    fn keys_values(&self, meeting: Meeting, keys: bool, values: bool) -> Vec<String> {
        let mut lines: Vec<String> = self.read("query").into_iter().collect();
        lines.extend(self.read("cotangent"));
        for at in 0..self.form.block {
            let (query, cotangent) = (self.row("query", at), self.row("cotangent", at));
            let bias = self.bias_at(at);
            lines.push(format!(
                "let row_{at} = other.compact + token_of(other.order, position_{at});"
            ));
            lines.push(format!("let query_{at} = {query};"));
            lines.push(format!("let cotangent_{at} = {cotangent};"));
            lines.push(format!(
                "let weight_{at} = weight(state, query_{at}, statistic_at(row_{at}, block.head), {bias}, is_allowed_{at});"
            ));
            if values {
                let (weight, row) = (format!("weight_{at}"), format!("cotangent_{at}"));
                lines.push(meeting.add("of_value", &weight, &row, at));
            }
            if keys {
                lines.push(format!(
                    "let of_score_{at} = of_score(state, weight_{at}, cotangent_{at}, delta_at(row_{at}, block.head), is_allowed_{at});"
                ));
                let (factor, row) = (format!("of_score_{at}"), format!("query_{at}"));
                lines.push(meeting.add("of_key", &factor, &row, at));
            }
        }
        lines
    }
}

/// Who meets whom in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meeting {
    /// All owners meet all others.
    All,
    /// All owners meet the same others, of which there may be less than a block has.
    Ends,
    /// Each owner meets its own.
    Some,
}

impl Meeting {
    /// A statement that adds a row times a factor. What an owner does not meet is left out, for it may be no number.
    fn add(self, sum: &str, factor: &str, row: &str, at: u32) -> String {
        match self {
            Self::All | Self::Ends => {
                format!("(*state).{sum} = added((*state).{sum}, {factor}, {row});")
            }
            Self::Some => format!(
                "(*state).{sum} = added_where((*state).{sum}, {factor}, {row}, is_allowed_{at});"
            ),
        }
    }
}
