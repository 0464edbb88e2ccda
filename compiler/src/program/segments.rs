//! Which group of a pack a row is of.
//!
//! In: the segments of a pack. Out: statements that find for a row its sample, its token in the group, whether the sample has the
//! group, and what tells the group's random numbers from others. Few segments are literals; many are words of the constants,
//! in which the row's is found by halving, so that texts and times do not grow with the groups. Deliberately not here: loads.

use super::kit::Kit;
use super::text::{over, rest, sum};
use super::words::word;
use crate::graph::{Drawn, Segment};
use crate::plan::{Body, Instruction, Tape};

/// The most segments that are literals.
const MOST_LITERAL: usize = 8;

/// One segment, as shaders need it.
struct Group {
    tokens: usize,
    /// The number of the first sample's bit, if not all samples have it.
    present: Option<usize>,
    /// What tells its random numbers from others.
    hash: u32,
}

/// The segments of a pack.
pub(super) struct Segments {
    groups: Vec<Group>,
    batch: usize,
}

/// Whether the kernels of a body find segments in the program's constants.
pub(super) fn are_listed(body: &Body) -> bool {
    let tapes: Vec<&Tape> = match body {
        Body::Map(tile) | Body::Row(tile) => vec![&tile.tape],
        Body::Column(column) => vec![&column.before, &column.after],
        Body::Contract(contract) => vec![&contract.a, &contract.b, &contract.after],
        Body::Attend(..) | Body::LookupSum { .. } => vec![],
    };
    let mut instructions = tapes.into_iter().flat_map(|tape| &tape.instructions);
    instructions.any(|instruction| match instruction {
        Instruction::Random { groups, .. } => groups.len() > MOST_LITERAL,
        Instruction::Present { segments, .. } => segments.len() > MOST_LITERAL,
        Instruction::Load { .. }
        | Instruction::LoadRow { .. }
        | Instruction::Holds { .. }
        | Instruction::Inside { .. }
        | Instruction::Constant(_)
        | Instruction::Argument(_)
        | Instruction::Unary(..)
        | Instruction::Binary(..)
        | Instruction::Select(..)
        | Instruction::Reduce(..)
        | Instruction::Reduced(_) => false,
    })
}

impl Segments {
    pub(super) fn drawn(groups: &[Drawn], batch: usize) -> Self {
        let group =
            |group: &Drawn| Group { tokens: group.tokens, present: None, hash: group.group };
        Self { groups: groups.iter().map(group).collect(), batch }
    }

    pub(super) fn present(segments: &[Segment], batch: usize) -> Self {
        let group = |segment: &Segment| Group {
            tokens: segment.tokens,
            present: segment.present.map(|id| id.0 as usize * batch),
            hash: 0,
        };
        Self { groups: segments.iter().map(group).collect(), batch }
    }

    /// Statements that define `NAME_sample` and `NAME_token` of the row `NAME_row`.
    pub(super) fn place(&self, kit: &Kit<'_>, name: &str) -> Vec<String> {
        let row = format!("{name}_row");
        if let [group] = &*self.groups {
            return vec![
                format!("let {name}_sample = {};", over(&row, group.tokens)),
                format!("let {name}_token = {};", rest(&row, group.tokens)),
            ];
        }
        let (mut lines, first, tokens) = if self.groups.len() > MOST_LITERAL {
            let (first, count) = (kit.words(self.words()), self.groups.len());
            let find = format!("let {name}_segment = segment_of({row}, {first}u, {count}u);");
            let first = format!("constants[{name}_segment]");
            (vec![find], first, format!("constants[{name}_segment + 1u]"))
        } else {
            (self.literal_place(name), format!("{name}_first"), format!("{name}_tokens"))
        };
        lines.push(format!("let {name}_sample = ({row} - {first}) / {tokens};"));
        lines.push(format!("let {name}_token = ({row} - {first}) % {tokens};"));
        lines
    }

    fn literal_place(&self, name: &str) -> Vec<String> {
        let mut lines = vec![
            format!("var {name}_first = 0u;"),
            format!("var {name}_tokens = {}u;", self.groups[0].tokens.max(1)),
        ];
        for (start, group) in self.starts().zip(&self.groups).skip(1) {
            lines.push(format!(
                "if {name}_row >= {start}u {{ {name}_first = {start}u; {name}_tokens = {}u; }}",
                group.tokens.max(1)
            ));
        }
        lines
    }

    /// The site's hash as the group of a row has it, once its place is found; statements that find it are added.
    pub(super) fn site(&self, name: &str, site: &str, lines: &mut Vec<String>) -> String {
        match self.groups.len() {
            0 => panic!("numbers are drawn for some group"),
            1 => return site.to_owned(),
            2..=MOST_LITERAL => {}
            _ => return format!("({site} ^ constants[{name}_segment + 3u])"),
        }
        lines.push(format!("var {name}_site = {site};"));
        for (start, group) in self.starts().zip(&self.groups).skip(1) {
            lines.push(format!(
                "if {name}_row >= {start}u {{ {name}_site = {site} ^ {}u; }}",
                group.hash
            ));
        }
        format!("{name}_site")
    }

    /// Whether a row of a pack is one of a sample that has the value, and statements that find it.
    pub(super) fn is_there(&self, kit: &Kit<'_>, name: &str, row: &str) -> (Vec<String>, String) {
        if self.groups.iter().all(|group| group.present.is_none()) {
            return (vec![], "1.0".to_owned());
        }
        let mut lines = vec![format!("let {name}_row = {row};")];
        lines.extend(self.place(kit, name));
        let is_present = |bit: usize| {
            format!("is_present({})", sum(&[format!("{bit}u"), format!("{name}_sample")]))
        };
        if let [group] = &*self.groups {
            let bit = group.present.expect("some segment has a condition");
            return (lines, format!("select(0.0, 1.0, {})", is_present(bit)));
        }
        if self.groups.len() > MOST_LITERAL {
            lines.push(format!("let {name}_bit = constants[{name}_segment + 2u];"));
            let has = format!("{name}_bit == 0u || is_present({name}_bit - 1u + {name}_sample)");
            return (lines, format!("select(0.0, 1.0, {has})"));
        }
        lines.push(format!("var {name}_present = true;"));
        for (start, group) in self.starts().zip(&self.groups) {
            let end = start + group.tokens * self.batch;
            if let Some(bit) = group.present {
                lines.push(format!(
                    "if {name}_row >= {start}u && {name}_row < {end}u {{ {name}_present = {}; }}",
                    is_present(bit)
                ));
            }
        }
        (lines, format!("select(0.0, 1.0, {name}_present)"))
    }

    /// The first row of each segment.
    fn starts(&self) -> impl Iterator<Item = usize> {
        self.groups.iter().scan(0, |end, group| {
            *end += group.tokens * self.batch;
            Some(*end - group.tokens * self.batch)
        })
    }

    /// First row, tokens, bit and hash of each; none for segments without rows, in which no row is.
    fn words(&self) -> Vec<u32> {
        let groups = self.starts().zip(&self.groups);
        let words = groups.flat_map(|(start, group)| {
            let bit = group.present.map_or(0, |bit| word(bit + 1));
            [word(start), word(group.tokens.max(1)), bit, group.hash]
        });
        words.collect()
    }
}
