//! The text form of a graph: a line for each node that some root needs, and the roots.
//!
//! Nodes are numbered as they are printed, so that what nobody needs leaves no gaps. Deliberately not here: the
//! interiors of tables and schedules.

use std::fmt;

use super::{
    Argument, Attention, Gradient, Graph, Leaf, NodeId, Op, PresenceId, Reduction, Root, RootKind,
    Segment, Slot, TermPart,
};

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {}, batch {}", self.name, self.batch)?;
        for (at, condition) in self.presences.iter().enumerate() {
            let targets: Vec<String> = condition
                .targets
                .iter()
                .map(|target| format!(" and target {}", target.0))
                .collect();
            let counted = if condition.counted { " and counted" } else { "" };
            let terms: Vec<String> = condition
                .presence
                .terms()
                .iter()
                .map(|term| {
                    let bits: Vec<String> = term.iter().map(|id| format!("m{}", id.0)).collect();
                    if bits.is_empty() { "always".to_owned() } else { bits.join(" & ") }
                })
                .collect();
            writeln!(f, "  p{at} = {}{}{counted}", terms.join(" | "), targets.concat())?;
        }
        for (at, attention) in self.attentions.iter().enumerate() {
            writeln!(f, "  a{at} = {}", self.attention_text(attention))?;
        }
        let live = self.live();
        let mut numbers = vec![usize::MAX; self.nodes.len()];
        let mut path = String::new();
        for (number, id) in self.ids().filter(|id| live[id.index()]).enumerate() {
            numbers[id.index()] = number;
            let origin = self.origin(id);
            let place = format!("{} ({:?})", origin.path, origin.phase).to_lowercase();
            if place != path {
                writeln!(f, "{place}")?;
                path = place;
            }
            let inputs: Vec<String> = self
                .node(id)
                .inputs
                .iter()
                .map(|input| format!("%{}", numbers[input.index()]))
                .collect();
            let inputs =
                if inputs.is_empty() { String::new() } else { format!("({})", inputs.join(", ")) };
            let shape = self.shape(id);
            writeln!(f, "  %{} = {}{inputs} {shape:?}", numbers[id.index()], self.op_text(id))?;
        }
        for root in &self.roots {
            writeln!(f, "{} = %{}", root_text(root), numbers[root.node.index()])?;
        }
        Ok(())
    }
}

/// What a root is, in words.
#[must_use]
pub(crate) fn root_text(root: &Root) -> String {
    let name = &root.name;
    match root.kind {
        RootKind::Output => format!("output {name}"),
        RootKind::Loss => format!("loss {name}"),
        RootKind::Term(at, part) => {
            let part = match part {
                TermPart::Losses => "losses",
                TermPart::Left => "left side",
                TermPart::Right => "right side",
                TermPart::Temperature => "temperature",
            };
            format!("{part} of term {at} of {name}")
        }
        RootKind::InputGradient => format!("gradient of input {name}"),
        RootKind::ParameterGradient(buffer, start) => {
            format!("gradient of parameters {} from {start}", buffer.0)
        }
        RootKind::Update(buffer, slot, start) => {
            format!("new {} {} from {start}", slot_text(slot), buffer.0)
        }
        RootKind::GradientNorm => "gradient norm".to_owned(),
    }
}

fn slot_text(slot: Slot) -> &'static str {
    match slot {
        Slot::Weight => "parameters",
        Slot::First => "first moments",
        Slot::Second => "second moments",
        Slot::Gradient => "added gradients",
    }
}

impl Graph {
    /// An operation without its operands.
    #[must_use]
    pub(crate) fn op_text(&self, id: NodeId) -> String {
        match &self.node(id).op {
            Op::Leaf(leaf) => self.leaf_text(leaf),
            Op::Constant(value) => format!("{:?}", value.0),
            Op::Unary(function) => function.name().to_owned(),
            Op::Binary(function) => function.name().to_owned(),
            Op::Select => "select".to_owned(),
            Op::Detach => "detach".to_owned(),
            Op::Reshape => "reshape".to_owned(),
            Op::Permute(axes) => format!("permute{axes:?}"),
            Op::Broadcast => "broadcast".to_owned(),
            Op::Slice { axis, start } => format!("slice[axis {axis} from {start}]"),
            Op::Pad { axis, before } => format!("pad[axis {axis} after {before}]"),
            Op::Concat(axis) => format!("concat[axis {axis}]"),
            Op::Reduce(Reduction::Sum, axis) => format!("sum[axis {axis}]"),
            Op::Reduce(Reduction::Max, axis) => format!("max[axis {axis}]"),
            Op::Contract => "contract".to_owned(),
            Op::Gather(_) => "gather".to_owned(),
            Op::Lookup => "lookup".to_owned(),
            Op::LookupSum => "lookup_sum".to_owned(),
            Op::Attend(attention) => format!("attend[a{}]", attention.0),
            Op::AttendStatistics(attention) => format!("attend_statistics[a{}]", attention.0),
            Op::AttendGradient(gradient, attention) => {
                let of = match gradient {
                    Gradient::Queries => "queries",
                    Gradient::Keys => "keys",
                    Gradient::Values => "values",
                    Gradient::Scores => "scores",
                };
                format!("attend_gradient[a{} of {of}]", attention.0)
            }
            Op::Random { site: _, by_sample, groups } => {
                let tokens: Vec<usize> = groups.iter().map(|group| group.tokens).collect();
                format!("random[{} {tokens:?}]", if *by_sample { "sample" } else { "number" })
            }
            Op::Present(segments) => format!("present[{}]", segments_text(segments)),
        }
    }

    fn leaf_text(&self, leaf: &Leaf) -> String {
        match leaf {
            Leaf::Input(id) => {
                let Some(input) = self.inputs.get(id.0 as usize) else {
                    return format!("input {}", id.0);
                };
                format!("{:?} {}", input.kind, input.name).to_lowercase()
            }
            Leaf::Parameters(buffer) => format!("parameters {}", buffer.0),
            Leaf::State(buffer, slot) => format!("{} {}", slot_text(*slot), buffer.0),
            Leaf::Argument(Argument::Given(value)) => format!("argument {:?}", value.0),
            Leaf::Argument(Argument::LearningRate) => "learning rate".to_owned(),
            Leaf::Argument(Argument::FirstCorrection) => "first correction".to_owned(),
            Leaf::Argument(Argument::SecondCorrection) => "second correction".to_owned(),
            Leaf::Argument(Argument::Updates) => "updates".to_owned(),
            Leaf::Table(_) => "table".to_owned(),
        }
    }

    fn attention_text(&self, attention: &Attention) -> String {
        let Attention { heads, width, mask, .. } = attention;
        let receivers = mask.receivers.iter().enumerate().map(|(at, receiver)| {
            let reads = mask.pairs.iter().filter(|pair| pair.receiver == at).map(|pair| {
                let name = &mask.reads[pair.read].name;
                let present = present_text(attention.key_present[pair.read]);
                if pair.relation == crate::routing::Relation::All {
                    format!("{name}{present}")
                } else {
                    format!("{name}{present} within {}", pair.relation)
                }
            });
            let reads: Vec<String> = reads.collect();
            let present = present_text(attention.query_present[at]);
            format!("{}{present} <- {}", receiver.name, reads.join(", "))
        });
        let receivers: Vec<String> = receivers.collect();
        format!("{heads} heads of {}: {}", width / heads, receivers.join("; "))
    }
}

fn present_text(present: Option<PresenceId>) -> String {
    present.map_or_else(String::new, |id| format!(" if p{}", id.0))
}

fn segments_text(segments: &[Segment]) -> String {
    let segments = segments.iter().map(|segment| {
        let present = segment.present.map_or("1".to_owned(), |id| format!("p{}", id.0));
        format!("{present} x {}", segment.tokens)
    });
    segments.collect::<Vec<_>>().join(", ")
}
