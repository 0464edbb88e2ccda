//! Steps as lines.
//!
//! In: a model. Out: for each step a line whose text does not depend on where the step stands, so
//! that equal layers have equal lines. Deliberately not here: folding, and columns.
//!
//! A line reads `op[attributes](operands)`, then in braces the groups of the lanes, then the shape
//! where it is not that of the first operand, then the weights. Where lanes differ, their parts stand
//! in brackets in the order of the lanes; `name@group` is another group's lane.

use crate::routing::Relation;

use super::super::fold::{Line, Piece, Refer, components, refer};
use super::super::{GroupId, Lane, Model, Op, Shape, Step, StepId, ValueId, WeightId};
use super::op_text::attributes;

/// The unique path of every step.
pub(in super::super) struct Paths(Vec<Vec<String>>);

impl Paths {
    /// Steps of one path are told apart by a number behind `#`.
    pub(in super::super) fn of(model: &Model) -> Self {
        let mut seen: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
        let mut paths = Vec::with_capacity(model.steps.len());
        for step in &model.steps {
            let n = seen.entry(&step.path).or_default();
            *n += 1;
            let mut path = components(&step.path);
            if *n > 1 {
                path.last_mut().expect("a split has a last part").push_str(&format!("#{n}"));
            }
            paths.push(path);
        }
        Self(paths)
    }

    fn step(&self, id: StepId) -> &[String] {
        &self.0[id.index()]
    }

    /// A value, seen from outside of all steps.
    pub(in super::super) fn value(&self, model: &Model, value: ValueId) -> String {
        let name = self.step(model.value(value).step).join(".");
        format!("{name}{}", lane_suffix(model, value, None))
    }
}

/// `@group` where a step has several lanes and this is not the one of `reader`.
fn lane_suffix(model: &Model, value: ValueId, reader: Option<GroupId>) -> String {
    let (step, lane) = model.made_by(value);
    let group = model.value(value).group;
    if step.lanes.len() == 1 || (group.is_some() && group == reader) {
        return String::new();
    }
    match group {
        Some(group) => format!("@{}", model.group_name(group)),
        None => {
            let at = step.lanes.iter().position(|other| other.result == lane.result);
            format!("@{}", at.unwrap_or(0))
        }
    }
}

/// All steps as lines.
pub(in super::super) fn lines(model: &Model, paths: &Paths) -> Vec<Line> {
    let steps = (0..).map(StepId).zip(&model.steps);
    steps
        .map(|(id, step)| {
            let path = paths.step(id).to_vec();
            let pieces = Writer { model, paths, step, path: &path, pieces: Vec::new() }.pieces();
            Line { path, pieces }
        })
        .collect()
}

struct Writer<'a> {
    model: &'a Model,
    paths: &'a Paths,
    step: &'a Step,
    path: &'a [String],
    pieces: Vec<Piece>,
}

impl Writer<'_> {
    fn pieces(mut self) -> Vec<Piece> {
        self.text(self.step.op.name());
        let modality =
            |id: super::super::ModalityId| self.model.modalities[id.index()].name.clone();
        let attributes = attributes(&self.step.op, modality);
        if !attributes.is_empty() {
            self.text("[");
            self.pieces.extend(attributes);
            self.text("]");
        }
        self.operands();
        self.lanes();
        self.shapes();
        self.weights();
        self.pieces
    }

    fn text(&mut self, text: impl Into<String>) {
        self.pieces.push(Piece::Text(text.into()));
    }

    fn operands(&mut self) {
        let lanes = &self.step.lanes;
        let n_operands = lanes.iter().map(|lane| lane.operands.len()).max().unwrap_or(0);
        if n_operands == 0 {
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
                self.operand(|lane| lane.operands.get(at).copied());
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
        match refer(self.path, self.paths.step(self.model.value(value).step)) {
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
        let text = if grids_stay && shapes.iter().all(|(_, after)| after.width == width) {
            format!("width {width}")
        } else {
            bracketed(shapes.iter().map(|(_, after)| after.to_string()))
        };
        self.text(format!("  {text}"));
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
        self.text(format!("  with {names}"));
    }

    /// A weight's name without the step's path, or without the layer's, or as it is.
    fn weight(&self, id: WeightId) -> String {
        let name = &self.model.weights[id.index()].name;
        let own = name.strip_prefix(&self.step.path).and_then(|name| name.strip_prefix('.'));
        if let Some(own) = own {
            return own.to_owned();
        }
        match refer(self.path, &components(name)) {
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
