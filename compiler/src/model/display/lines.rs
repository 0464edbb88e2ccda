//! Steps as lines.
//!
//! In: a model. Out: for each step a line whose text does not depend on where the step stands, so
//! that equal layers have equal lines. Deliberately not here: folding, and columns.
//!
//! A line reads `op[attributes](operands)`, then the shape where it is not that of the first operand,
//! then the weights, and in braces the groups of the lanes. Steps that are read by the next one alone
//! stand before it on its line, with their names, as a pipe; `_` is what comes through the pipe.
//! Where lanes differ, their parts stand in brackets in the order of the lanes; `name@group` is
//! another group's lane.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::number::Number;
use crate::routing::Relation;

use super::super::fold::{Line, Piece, Refer, components, number, refer};
use super::super::{GroupId, Lane, ModalityId, Model, Op, Shape, Step, StepId, ValueId, WeightId};
use super::op_text::attributes;
use super::paths::{Paths, lane_suffix};

/// All steps as lines.
pub(in super::super) fn lines(model: &Model, paths: &Paths) -> Vec<Line> {
    let goes_on = chains(model, paths);
    let mut lines = Vec::new();
    let mut first = 0;
    for (at, goes_on) in goes_on.iter().enumerate() {
        if !goes_on {
            let (step, path) = (&model.steps[at], &paths.steps[at]);
            let mut writer = Writer { model, paths, step, path, pieces: Vec::new() };
            writer.chain(first..=at);
            push(&mut lines, Line { path: path.clone(), pieces: writer.pieces });
            first = at + 1;
        }
    }
    lines
}

/// Neighbors that do the same to the same, such as keys, values and queries, are one line.
fn push(lines: &mut Vec<Line>, line: Line) {
    if let (Some(before), Some((name, place))) = (lines.last_mut(), line.path.split_last())
        && before.pieces == line.pieces
        && let Some((last, before_place)) = before.path.split_last_mut()
        && before_place == place
    {
        let names = last.trim_start_matches('{').trim_end_matches('}').to_owned();
        *last = format!("{{{names}, {name}}}");
        return;
    }
    lines.push(line);
}

/// For every step, whether it is told on the line of the next one: that one is its only reader, lane by lane.
fn chains(model: &Model, paths: &Paths) -> Vec<bool> {
    let mut readers: Vec<Vec<StepId>> = vec![Vec::new(); model.values.len()];
    for (id, step) in (0..).map(StepId).zip(&model.steps) {
        for operand in step.lanes.iter().flat_map(|lane| &lane.operands) {
            readers[operand.index()].push(id);
        }
    }
    let outputs = model.outputs.iter().map(|output| output.value);
    let asserts = model.asserts.iter().map(|assert| assert.value);
    let losses = model.objectives.iter().flat_map(|objective| objective.loss.operands());
    let named: BTreeSet<ValueId> = outputs.chain(asserts).chain(losses).collect();
    let is_link = |at: usize| {
        let (step, Some(next)) = (&model.steps[at], model.steps.get(at + 1)) else { return false };
        let same_loop = enclosing(&paths.steps[at]) == enclosing(&paths.steps[at + 1]);
        let pairs = || step.lanes.iter().zip(&next.lanes);
        // Attention says what it reads by name, and a line is one pipe.
        let is_pipe = !matches!(next.op, Op::Attend { .. }) && step.lanes.len() == next.lanes.len();
        let only_reader = |lane: &Lane| {
            let readers = &readers[lane.result.index()];
            !named.contains(&lane.result) && *readers == [StepId::next(at + 1)]
        };
        is_pipe
            && same_loop
            && pairs().all(|(lane, next)| only_reader(lane) && next.operands.contains(&lane.result))
            && pairs().all(|(lane, next)| {
                model.value(lane.result).group == model.value(next.result).group
            })
    };
    (0..model.steps.len()).map(is_link).collect()
}

/// The loop that a step is in, with its repetition.
fn enclosing(path: &[String]) -> &[String] {
    let last = path.iter().rposition(|part| number(part).is_some());
    &path[..last.map_or(0, |last| last + 1)]
}

struct Writer<'a> {
    model: &'a Model,
    paths: &'a Paths,
    step: &'a Step,
    /// The path of the line.
    path: &'a [String],
    pieces: Vec<Piece>,
}

impl<'a> Writer<'a> {
    fn chain(&mut self, steps: RangeInclusive<usize>) {
        let (first, last) = (*steps.start(), *steps.end());
        for at in steps {
            self.step = &self.model.steps[at];
            if at > first {
                self.text(" |> ");
            }
            let op = self.step.op.name();
            if at == last {
                self.text(op);
            } else {
                let name = self.paths.steps[at][enclosing(self.path).len()..].join(".");
                let is_said = name.rsplit('.').next().is_some_and(|name| name.starts_with(op));
                self.text(if is_said { name } else { format!("{name}={op}") });
            }
            let model: &'a Model = self.model;
            let modality = |id: ModalityId| model.modalities[id.index()].name.clone();
            let attributes = attributes(&self.step.op, modality);
            if !attributes.is_empty() {
                self.text("[");
                self.pieces.extend(attributes);
                self.text("]");
            }
            self.operands((at > first).then(|| &self.model.steps[at - 1]));
            self.shapes();
            self.weights();
        }
        self.step = &self.model.steps[first];
        self.lanes();
    }

    fn text(&mut self, text: impl Into<String>) {
        self.pieces.push(Piece::Text(text.into()));
    }

    /// The operands; what comes from the link before is `_`, and not said where it is the only one.
    fn operands(&mut self, before: Option<&Step>) {
        let lanes = &self.step.lanes;
        let n_operands = lanes.iter().map(|lane| lane.operands.len()).max().unwrap_or(0);
        if n_operands == 0 || (n_operands == 1 && before.is_some()) {
            return;
        }
        self.text("(");
        if let Op::Attend { .. } = self.step.op {
            self.operand(|lane| lane.operands.first().copied());
            for part in 1..=2 {
                self.text(if part == 1 { "; " } else { ", " });
                self.read(part);
            }
        } else {
            for at in 0..n_operands {
                if at > 0 {
                    self.text(", ");
                }
                let linked =
                    |(lane, before): (&Lane, &Lane)| lane.operands.get(at) == Some(&before.result);
                match before {
                    Some(before) if lanes.iter().zip(&before.lanes).all(linked) => self.text("_"),
                    Some(_) | None => self.operand(|lane| lane.operands.get(at).copied()),
                }
            }
        }
        self.text(")");
    }

    /// One operand over all lanes: once if all lanes say the same.
    fn operand(&mut self, of: impl Fn(&Lane) -> Option<ValueId>) {
        let refers = self.step.lanes.iter().map(|lane| match of(lane) {
            Some(value) => self.refer(value, self.model.value(lane.result).group),
            None => Refer::Here("-".to_owned()),
        });
        let refers = refers.collect();
        self.joined(refers);
    }

    /// Keys or values: what they are made by, without the groups, which stand in the braces.
    fn read(&mut self, part: usize) {
        let mut refers: Vec<Refer> = Vec::new();
        for lane in &self.step.lanes {
            for (at, read) in lane.reads.iter().enumerate() {
                let value = lane.operands[2 * at + part];
                let own = self.model.value(lane.result).group;
                let group = self.model.value(value).group;
                let refer =
                    self.refer(value, read.group.or(own).filter(|read| Some(*read) == group));
                if !refers.contains(&refer) {
                    refers.push(refer);
                }
            }
        }
        self.joined(refers);
    }

    fn refer(&self, value: ValueId, reader: Option<GroupId>) -> Refer {
        let suffix = lane_suffix(self.model, value, reader);
        match self.paths.refer(self.path, self.model.value(value).step) {
            Refer::Here(name) => Refer::Here(name + &suffix),
            Refer::Before { depth, then } => Refer::Before { depth, then: then + &suffix },
            Refer::Carried { depth, first, then } => Refer::Carried { depth, first, then },
        }
    }

    fn joined(&mut self, mut refers: Vec<Refer>) {
        if refers.iter().all(|refer| *refer == refers[0]) {
            refers.truncate(1);
            self.pieces.extend(refers.pop().map(Piece::Refer));
            return;
        }
        if let Some(refer) = join(&refers) {
            self.pieces.push(Piece::Refer(refer));
            return;
        }
        self.text("[");
        for (at, refer) in refers.into_iter().enumerate() {
            self.text(if at == 0 { "" } else { ", " });
            self.pieces.push(Piece::Refer(refer));
        }
        self.text("]");
    }

    fn lanes(&mut self) {
        let group = |group: Option<GroupId>| group.map_or("self", |id| self.model.group_name(id));
        if self
            .step
            .lanes
            .iter()
            .all(|lane| self.model.value(lane.result).group.is_none() && lane.reads.is_empty())
        {
            return;
        }
        let mut pieces = vec![Piece::Text("  {".to_owned())];
        for (at, lane) in self.step.lanes.iter().enumerate() {
            let separator = match (at, &self.step.op) {
                (0, _) => "",
                (1.., Op::Attend { .. }) => "; ",
                (1.., _) => ", ",
            };
            let receiver = group(self.model.value(lane.result).group);
            pieces.push(Piece::Text(format!("{separator}{receiver}")));
            for (at, read) in lane.reads.iter().enumerate() {
                let arrow = if at == 0 { " <- " } else { ", " };
                pieces.push(Piece::Text(format!("{arrow}{}", group(read.group))));
                if read.relation != Relation::All {
                    pieces.push(Piece::Text(" within ".to_owned()));
                    pieces.push(Piece::Word(vec![(String::new(), read.relation.to_string())]));
                }
            }
        }
        pieces.push(Piece::Text("}".to_owned()));
        self.pieces.append(&mut pieces);
    }

    fn shapes(&mut self) {
        let lanes = &self.step.lanes;
        let first = |lane: &Lane| lane.operands.first().map(|id| self.model.shape(*id));
        let shapes: Vec<(Option<&Shape>, &Shape)> =
            lanes.iter().map(|lane| (first(lane), self.model.shape(lane.result))).collect();
        if shapes.iter().all(|(before, after)| *before == Some(*after)) {
            return;
        }
        let width = shapes.first().map_or(0, |(_, after)| after.width);
        let grids_stay = shapes
            .iter()
            .all(|(before, after)| before.is_some_and(|before| before.grid == after.grid));
        if grids_stay && shapes.iter().all(|(_, after)| after.width == width) {
            self.pieces.push(Piece::Text(" -> width ".to_owned()));
            self.pieces.push(Piece::Number(vec![(String::new(), Number::from(width))]));
        } else {
            let text = bracketed(shapes.iter().map(|(_, after)| after.to_string()));
            self.pieces.push(Piece::Text(" -> ".to_owned()));
            self.pieces.push(Piece::Word(vec![(String::new(), text)]));
        }
    }

    fn weights(&mut self) {
        let lanes = &self.step.lanes;
        if lanes.iter().all(|lane| lane.weights.is_empty()) {
            return;
        }
        let names = lanes.iter().map(|lane| {
            let names = lane.weights.iter().map(|id| self.weight(*id));
            names.collect::<Vec<_>>().join(", ")
        });
        let names = bracketed(names);
        self.text(format!(" with {names}"));
    }

    /// A weight's name without the step's path, or without the layer's, or as it is.
    fn weight(&self, id: WeightId) -> String {
        let name = &self.model.weights[id.index()].name;
        let own = name.strip_prefix(&self.step.path).and_then(|name| name.strip_prefix('.'));
        if let Some(own) = own {
            return own.to_owned();
        }
        let path = components(name);
        match refer(self.path, &path, &path) {
            Refer::Here(name) => name,
            Refer::Before { .. } | Refer::Carried { .. } => name.clone(),
        }
    }
}

/// One text if all are equal, else all of them in brackets.
fn bracketed(texts: impl Iterator<Item = String>) -> String {
    let mut texts: Vec<String> = texts.collect();
    if texts.iter().all(|text| *text == texts[0]) {
        return texts.swap_remove(0);
    }
    format!("[{}]", texts.join("; "))
}

/// References of one kind as one reference.
fn join(refers: &[Refer]) -> Option<Refer> {
    let here = refers.iter().map(|refer| match refer {
        Refer::Here(name) => Some(name.as_str()),
        Refer::Before { .. } | Refer::Carried { .. } => None,
    });
    let before = |loop_depth: usize| {
        refers.iter().map(move |refer| match refer {
            Refer::Before { depth, then } => (*depth == loop_depth).then_some(then.as_str()),
            Refer::Here(_) | Refer::Carried { .. } => None,
        })
    };
    match refers.first()? {
        Refer::Here(_) => {
            let names: Option<Vec<&str>> = here.collect();
            Some(Refer::Here(format!("[{}]", names?.join(", "))))
        }
        Refer::Before { depth, .. } => {
            let names: Option<Vec<&str>> = before(*depth).collect();
            Some(Refer::Before { depth: *depth, then: format!("[{}]", names?.join(", ")) })
        }
        Refer::Carried { .. } => None,
    }
}
