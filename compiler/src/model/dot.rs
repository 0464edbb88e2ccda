//! A model as a picture of its layers, for Graphviz.
//!
//! In: a model. Out: a node for each modality, for each group as it begins and after every apply that
//! changes it, for outputs and objectives, and an edge for each pair of which one is computed from
//! the other without a third node between them. Layers that read the same are drawn once, with the
//! edges of the first. Deliberately not here: operations, relations, shapes.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::ops::Range;

use super::display::loop_range;
use super::fold::{Ends, Item, Line, Piece, components, fold};
use super::{GroupId, Model, Op, ValueId};

/// A node before folding.
struct Node {
    label: String,
    shape: &'static str,
    /// The nodes that it is computed from.
    from: BTreeSet<usize>,
}

/// The nodes, and which of them a value is.
struct Nodes<'a> {
    model: &'a Model,
    nodes: Vec<Node>,
    of_value: Vec<Option<usize>>,
}

/// The layers of a model in Graphviz's language.
#[must_use]
pub fn dot(model: &Model) -> String {
    let mut nodes = Nodes { model, nodes: Vec::new(), of_value: vec![None; model.values.len()] };
    nodes.add_starts();
    // The nodes of each apply, and the line by which equal ones are known.
    let mut layers: Vec<Range<usize>> = Vec::new();
    let mut lines: Vec<Line> = Vec::new();
    for apply in &model.applies {
        let first = nodes.nodes.len();
        for (group, value) in &apply.after {
            if apply.steps.contains(&model.value(*value).step.index()) {
                nodes.add_value(model.group_name(*group), "box", *value);
            }
        }
        let layer = first..nodes.nodes.len();
        let text = format!("{} {}", apply.block, nodes.reads(layer.clone()));
        lines.push(Line { path: components(&apply.path), pieces: vec![Piece::Text(text)] });
        layers.push(layer);
    }
    let n_inner = nodes.nodes.len();
    nodes.add_results();
    let mut text = String::from("digraph model {\n  rankdir=LR\n  node [shape=box]\n");
    let items = fold(&lines, Ends::Equal);
    let mut shown: Vec<usize> = (0..nodes.nodes.len()).collect();
    for (layer, like) in layers.iter().zip(representatives(&items)) {
        layer.clone().zip(layers[like].clone()).for_each(|(node, like)| shown[node] = like);
    }
    let in_layers = layers.first().map_or(n_inner, |layer| layer.start);
    for node in (0..in_layers).chain(n_inner..nodes.nodes.len()) {
        nodes.write_node(&mut text, "  ", node);
    }
    nodes.write_layers(&mut text, &items, "", &layers);
    let edges: BTreeSet<(usize, usize)> = (0..nodes.nodes.len())
        .filter(|to| shown[*to] == *to)
        .flat_map(|to| nodes.nodes[to].from.iter().map(move |from| (*from, to)))
        .map(|(from, to)| (shown[from], to))
        .collect();
    for (from, to) in edges {
        line(&mut text, format_args!("  n{from} -> n{to}"));
    }
    text.push_str("}\n");
    text
}

/// For every line the one that stands for it.
fn representatives(items: &[Item]) -> Vec<usize> {
    let mut found = Vec::new();
    for item in items {
        match item {
            Item::Line { index, .. } => found.push(*index),
            Item::Loop { first, lasts, body, .. } => {
                let body = representatives(body);
                (*first..=lasts[0].1).for_each(|_| found.extend_from_slice(&body));
            }
        }
    }
    found
}

impl Nodes<'_> {
    fn add(&mut self, label: &str, shape: &'static str, roots: &[ValueId]) -> usize {
        let from = self.sources(roots);
        self.nodes.push(Node { label: label.to_owned(), shape, from });
        self.nodes.len() - 1
    }

    fn add_value(&mut self, label: &str, shape: &'static str, value: ValueId) {
        if self.of_value[value.index()].is_none() {
            let (_, lane) = self.model.made_by(value);
            let node = self.add(label, shape, &lane.operands);
            self.of_value[value.index()] = Some(node);
        }
    }

    fn add_starts(&mut self) {
        let model = self.model;
        for step in &model.steps {
            if let Op::Input(id) = step.op {
                let name = &model.modalities[id.index()].name;
                step.lanes
                    .iter()
                    .for_each(|lane| self.add_value(name, "parallelogram", lane.result));
            }
        }
        let in_scope: BTreeSet<GroupId> =
            model.applies.iter().flat_map(|apply| &apply.after).map(|(group, _)| *group).collect();
        for (id, group) in (0..).map(GroupId).zip(&model.groups) {
            if in_scope.contains(&id) {
                self.add_value(&group.name, "box", group.start);
            }
        }
    }

    fn add_results(&mut self) {
        let model = self.model;
        for output in &model.outputs {
            self.add(&output.name, "oval", &[output.value]);
        }
        for objective in &model.objectives {
            self.add(&objective.name, "diamond", &objective.loss.operands());
        }
    }

    /// The nodes that these values are computed from, or are.
    fn sources(&self, roots: &[ValueId]) -> BTreeSet<usize> {
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut open: Vec<ValueId> = roots.to_vec();
        while let Some(value) = open.pop() {
            if let Some(node) = self.of_value[value.index()] {
                found.insert(node);
            } else if seen.insert(value) {
                open.extend(&self.model.made_by(value).1.operands);
            }
        }
        found
    }

    /// Who reads whom in a layer, by name.
    fn reads(&self, layer: Range<usize>) -> String {
        let names = |node: &Node| {
            let names = node.from.iter().map(|from| self.nodes[*from].label.as_str());
            names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
        };
        let nodes = self.nodes[layer].iter();
        let texts = nodes.map(|node| format!("{} <- {}", node.label, names(node)));
        texts.collect::<Vec<_>>().join("; ")
    }

    fn write_node(&self, text: &mut String, indent: &str, at: usize) {
        let Node { label, shape, from: _ } = &self.nodes[at];
        let shape = if *shape == "box" { String::new() } else { format!(", shape={shape}") };
        line(text, format_args!("{indent}n{at} [label=\"{label}\"{shape}]"));
    }

    fn write_layers(
        &self,
        text: &mut String,
        items: &[Item],
        prefix: &str,
        layers: &[Range<usize>],
    ) {
        let full = |name: &str| match (prefix.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => prefix.to_owned(),
            (false, false) => format!("{prefix}.{name}"),
        };
        for item in items {
            match item {
                Item::Loop { name, first, lasts, body, depth: _ } => {
                    let prefix = full(&loop_range(name, *first, lasts));
                    self.write_layers(text, body, &prefix, layers);
                }
                Item::Line { index, name, pieces: _ } => {
                    line(text, format_args!("  subgraph cluster_{index} {{"));
                    line(text, format_args!("    label=\"{}\"", full(name)));
                    layers[*index].clone().for_each(|node| self.write_node(text, "    ", node));
                    line(text, format_args!("  }}"));
                }
            }
        }
    }
}

fn line(text: &mut String, arguments: fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("writing to a string does not fail");
}
