//! A graph for Graphviz.
//!
//! In: a graph. Out: DOT, a box for each node that some root needs. Deliberately not here: layout.

use std::fmt::Write;

use super::display::root_text;
use super::{Graph, Phase};

/// The graph in the language of Graphviz.
#[must_use]
pub fn dot(graph: &Graph) -> String {
    let mut text = format!("digraph {} {{\n  node [shape=box, fontsize=10];\n", graph.name);
    let live = graph.live();
    let mut put = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).expect("a string takes all");
        text.push('\n');
    };
    for id in graph.ids().filter(|id| live[id.index()]) {
        let (node, origin) = (graph.node(id), graph.origin(id));
        let color = match origin.phase {
            Phase::Forward => "black",
            Phase::Again => "orange",
            Phase::Backward => "blue",
            Phase::Update => "red",
        };
        let label = format!("{}\\n{:?}\\n{}", graph.op_text(id), node.shape, origin.path);
        let label = label.replace('"', "'");
        put(format_args!("  n{} [label=\"{label}\", color={color}];", id.0));
        for input in &node.inputs {
            put(format_args!("  n{} -> n{};", input.0, id.0));
        }
    }
    for (at, root) in graph.roots.iter().enumerate() {
        let label = root_text(root).replace('"', "'");
        put(format_args!("  r{at} [label=\"{label}\", shape=ellipse];"));
        put(format_args!("  n{} -> r{at};", root.node.0));
    }
    text.push_str("}\n");
    text
}
