//! A builder of small models for tests: groups by name, operations appended at a path.

use std::collections::BTreeMap;

use zorro_grammar::{FileId, Span};

use crate::model::*;
use crate::number::Number;
use crate::routing::{Relation, Windows};

/// A lane to be: group, operands, weights, shape of the result.
pub(crate) type BuiltLane<'a> = (Option<&'a str>, Vec<ValueId>, Vec<WeightId>, Shape);

pub(crate) struct Builder {
    pub(crate) model: Model,
    /// In front of the names of operations.
    pub(crate) path: String,
    /// What each group is now.
    pub(crate) values: BTreeMap<String, ValueId>,
    apply_start: usize,
    in_apply: bool,
}

pub(crate) fn drop_path(i: u64) -> Op {
    let rate = Number::from(i).checked_div(Number::from(100u64)).expect("not zero");
    Op::DropPath { rate, rescale: true }
}

pub(crate) fn windows(size: u64, shift: u64) -> Relation {
    Relation::Windows(Windows::shifted(vec![size, size], vec![shift, shift]))
}

impl Builder {
    pub(crate) fn new(modalities: &[&str]) -> Self {
        let modality = |name: &&str| Modality {
            name: (*name).to_owned(),
            source: Source::Tensor,
            steps: Vec::new(),
            shape: Shape::new([], 1),
            span: span(),
        };
        let mut model = Model::empty();
        model.name.push_str("test");
        model.modalities = modalities.iter().map(modality).collect();
        Self {
            model,
            path: String::new(),
            values: BTreeMap::new(),
            apply_start: 0,
            in_apply: false,
        }
    }

    pub(crate) fn group(&mut self, name: &str) -> GroupId {
        let known = self.model.groups.iter().position(|group| group.name == name);
        GroupId::next(known.unwrap_or_else(|| {
            let start = ValueId::next(self.model.values.len());
            self.model.groups.push(Group { name: name.to_owned(), start, span: span() });
            self.model.groups.len() - 1
        }))
    }

    pub(crate) fn weight(&mut self, name: &str, shape: &[u64], kind: WeightKind) -> WeightId {
        let known = self.model.weights.iter().position(|weight| weight.name == name);
        WeightId::next(known.unwrap_or_else(|| {
            let (shape, init) = (shape.to_vec(), Init::Constant(Number::ZERO));
            self.model.weights.push(Weight {
                former: None,
                name: name.to_owned(),
                shape,
                init,
                kind,
                span: span(),
            });
            self.model.weights.len() - 1
        }))
    }

    /// A step with its lanes.
    pub(crate) fn step(&mut self, name: &str, op: Op, lanes: Vec<BuiltLane<'_>>) -> Vec<ValueId> {
        let step = StepId::next(self.model.steps.len());
        let mut made = Vec::new();
        for (group, operands, weights, shape) in lanes {
            let group = group.map(|group| self.group(group));
            let result = ValueId::next(self.model.values.len());
            self.model.values.push(Value { step, group, shape });
            // As in a spec, a group begins with the last of what is computed when it is declared.
            if let Some(group) = group.filter(|_| !self.in_apply) {
                self.model.groups[group.index()].start = result;
            }
            made.push(Lane { operands, weights, reads: Vec::new(), result });
        }
        let results = made.iter().map(|lane| lane.result).collect();
        self.model.steps.push(Step { op, lanes: made, path: self.full(name), span: span() });
        results
    }

    fn full(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A group that is fed with the modality of its name.
    pub(crate) fn input(&mut self, name: &str, grid: impl Into<Vec<u64>>, width: u64) -> ValueId {
        let shape = Shape::new(grid, width);
        let id = self.model.modality(name).expect("a modality of the test");
        self.model.modalities[id.index()].shape = shape.clone();
        let path = format!("{name}.input");
        let value = self.step(&path, Op::Input(id), vec![(Some(name), vec![], vec![], shape)])[0];
        self.values.insert(name.to_owned(), value);
        value
    }

    pub(crate) fn latents(&mut self, name: &str, tokens: u64, width: u64) -> ValueId {
        let path = format!("{name}.latents");
        let weight = self.weight(&path, &[tokens, width], WeightKind::Latents);
        let lane = (Some(name), vec![], vec![weight], Shape::new([tokens], width));
        let value = self.step(&path, Op::Latents, vec![lane])[0];
        self.values.insert(name.to_owned(), value);
        value
    }

    /// An operation without weights that keeps the shape, on these groups.
    pub(crate) fn unary(&mut self, name: &str, op: Op, groups: &[&str]) -> Vec<ValueId> {
        let operands: Vec<ValueId> = groups.iter().map(|group| self.values[*group]).collect();
        let lanes = groups.iter().zip(&operands);
        let lanes = lanes.map(|(group, value)| {
            (Some(*group), vec![*value], vec![], self.model.shape(*value).clone())
        });
        let lanes = lanes.collect();
        let values = self.step(name, op, lanes);
        for (group, value) in groups.iter().zip(&values) {
            self.values.insert((*group).to_owned(), *value);
        }
        values
    }

    pub(crate) fn norm(&mut self, name: &str, of: &[(&str, ValueId)]) -> Vec<ValueId> {
        let width = self.model.shape(of[0].1).width;
        let weights = [("scale", WeightKind::Scale), ("bias", WeightKind::Bias)];
        let path = self.full(name);
        let weights: Vec<WeightId> = weights
            .iter()
            .map(|(part, kind)| self.weight(&format!("{path}.{part}"), &[width], *kind))
            .collect();
        let op =
            Op::Norm { eps: Number::parse("1e-6").expect("a number"), scale: true, bias: true };
        self.lanes(name, op, of, &weights, width)
    }

    pub(crate) fn linear(
        &mut self,
        name: &str,
        of: &[(&str, ValueId)],
        width: u64,
    ) -> Vec<ValueId> {
        let path = self.full(name);
        let before = self.model.shape(of[0].1).width;
        let shape = [width, before];
        let matrix = self.weight(&format!("{path}.weight"), &shape, WeightKind::Matrix);
        let bias = self.weight(&format!("{path}.bias"), &[width], WeightKind::Bias);
        self.lanes(name, Op::Linear, of, &[matrix, bias], width)
    }

    fn lanes(
        &mut self,
        name: &str,
        op: Op,
        of: &[(&str, ValueId)],
        weights: &[WeightId],
        width: u64,
    ) -> Vec<ValueId> {
        let lanes = of.iter().map(|(group, value)| {
            let grid = self.model.shape(*value).grid.clone();
            (Some(*group), vec![*value], weights.to_vec(), Shape::new(grid, width))
        });
        let lanes = lanes.collect();
        self.step(name, op, lanes)
    }

    /// Attention over a route, without projections: groups become what they read.
    pub(crate) fn attend_within(
        &mut self,
        route: &[(&str, &[&str])],
        heads: u64,
        relation: Relation,
    ) {
        let projected = [self.values.clone(), self.values.clone(), self.values.clone()];
        let made = self.attend(route, heads, relation, projected);
        for ((group, _), value) in route.iter().zip(made) {
            self.values.insert((*group).to_owned(), value);
        }
    }

    pub(crate) fn attend(
        &mut self,
        route: &[(&str, &[&str])],
        heads: u64,
        relation: Relation,
        [q, k, v]: [BTreeMap<String, ValueId>; 3],
    ) -> Vec<ValueId> {
        let lanes = route.iter().map(|(receiver, reads)| {
            let mut operands = vec![q[*receiver]];
            operands.extend(reads.iter().flat_map(|read| [k[*read], v[*read]]));
            (Some(*receiver), operands, vec![], self.model.shape(q[*receiver]).clone())
        });
        let lanes = lanes.collect();
        let made =
            self.step("attend", Op::Attend { heads, window: None, missing: Missing::Zero }, lanes);
        for (lane, (_, reads)) in route.iter().enumerate() {
            for read in *reads {
                let group = Some(self.group(read));
                let read = Read { group, relation: relation.clone(), span: span() };
                let step = self.model.steps.last_mut().expect("just made");
                step.lanes[lane].reads.push(read);
            }
        }
        made
    }

    /// Begins an apply.
    pub(crate) fn begin(&mut self) {
        self.apply_start = self.model.steps.len();
        self.in_apply = true;
    }

    /// Ends the apply that was begun last.
    pub(crate) fn end(&mut self, block: &str) {
        let values = self.values.clone();
        let mut after: Vec<(GroupId, ValueId)> =
            values.iter().map(|(name, value)| (self.group(name), *value)).collect();
        after.sort_unstable();
        let steps = self.apply_start..self.model.steps.len();
        self.in_apply = false;
        let (path, block) = (self.path.clone(), block.to_owned());
        self.model.applies.push(Apply { path, block, route: None, steps, after, span: span() });
        self.path.clear();
    }

    /// A layer of attention and MLP over a route.
    pub(crate) fn vit(&mut self, i: u64, route: &[(&str, &[&str])]) {
        self.path = format!("layers.{i}");
        self.begin();
        let groups: Vec<&str> = route.iter().map(|(group, _)| *group).collect();
        let named = |values: &[ValueId]| -> Vec<(&str, ValueId)> {
            groups.iter().copied().zip(values.iter().copied()).collect()
        };
        let x: Vec<ValueId> = groups.iter().map(|group| self.values[*group]).collect();
        let normed = self.norm("norm", &named(&x));
        let projected = ["q", "k", "v"].map(|part| {
            let made = self.linear(&format!("attend.{part}"), &named(&normed), 8);
            groups.iter().map(|group| (*group).to_owned()).zip(made).collect()
        });
        let read = self.attend(route, 2, Relation::All, projected);
        let out = self.linear("attend.out", &named(&read), 8);
        groups.iter().zip(&out).for_each(|(group, value)| {
            self.values.insert((*group).to_owned(), *value);
        });
        let out = self.unary("drop_path", drop_path(i), &groups);
        let lanes = groups.iter().zip(x.iter().zip(&out));
        let lanes = lanes.map(|(group, (x, y))| {
            (Some(*group), vec![*x, *y], vec![], self.model.shape(*x).clone())
        });
        let lanes = lanes.collect();
        let sums = self.step("add", Op::Add, lanes);
        for (group, value) in groups.iter().zip(sums) {
            self.values.insert((*group).to_owned(), value);
        }
        self.end("vit");
    }
}

pub(crate) fn span() -> Span {
    Span { file: FileId(0), start: 0, end: 0 }
}

/// The route of Zorro for two modalities.
pub(crate) const ZORRO: &[(&str, &[&str])] =
    &[("video", &["video"]), ("audio", &["audio"]), ("fusion", &["video", "audio", "fusion"])];

/// Two modalities and a fusion stream, with an output and a loss each.
pub(crate) fn pair(depth: u64) -> Model {
    over(depth, ZORRO)
}

/// The same over another route.
pub(crate) fn over(depth: u64, route: &[(&str, &[&str])]) -> Model {
    let mut builder = Builder::new(&["video", "audio"]);
    let video = builder.input("video", [4], 12);
    let video = builder.linear("video.linear", &[("video", video)], 8)[0];
    builder.values.insert("video".to_owned(), video);
    builder.input("audio", [3], 8);
    builder.latents("fusion", 2, 8);
    (0..depth).for_each(|i| builder.vit(i, route));
    let target = TargetId(0);
    let kind = TargetKind::Classes(5);
    builder.model.targets.push(Target { name: "label".to_owned(), kind, span: span() });
    let mut terms = Vec::new();
    for group in ["video", "fusion"] {
        let value = builder.values[group];
        let lane = (None, vec![value], vec![], Shape::new([1], 8));
        let name = format!("{group}_logits");
        builder.path.clone_from(&name);
        let pooled = builder.step("pool", Op::Pool(Pooling::Mean), vec![lane])[0];
        let weight = builder.weight(&format!("{name}.linear.weight"), &[5, 8], WeightKind::Matrix);
        let lane = (None, vec![pooled], vec![weight], Shape::new([1], 5));
        let logits = builder.step("linear", Op::Linear, vec![lane])[0];
        builder.model.outputs.push(Output { name, value: logits, span: span() });
        terms.push(Loss::SigmoidCrossEntropy { logits, target });
    }
    let loss = Loss::Mean(terms);
    builder.model.objectives.push(Objective { name: "supervised".to_owned(), loss, span: span() });
    let only = vec![ModalityId(0)];
    let (name, value) = ("video".to_owned(), builder.values["video"]);
    builder.model.asserts.push(Assert { name, value, claim: Claim::ReadsOnly(only), span: span() });
    builder.model
}
