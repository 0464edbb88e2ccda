//! Each invariant of the verifier, broken in a graph that has everything.

use crate::flow::Presence;
use crate::graph::{
    Attention, AttentionId, BufferId, Drawn, Gradient, Graph, Input, InputId, InputKind, Leaf,
    Node, NodeId, Op, OriginId, ParameterBuffer, Parameters, Place, PresenceId, Reduction,
    RootKind, Segment, Slot, Table, TableId, Unary, verify,
};
use crate::model::{ModalityId, WeightId};
use crate::routing::{Mask, Pair, Relation, Schedule, Side};

fn parameters() -> Parameters {
    let weights = vec![WeightId(0), WeightId(1)];
    let buffer = ParameterBuffer { decays: true, frozen: false, numbers: 12, weights };
    let place = |offset, numbers| Some(Place { buffer: BufferId(0), offset, numbers });
    Parameters {
        buffers: vec![buffer],
        places: vec![place(0, 8), None, place(8, 4)],
        names: Vec::new(),
        scale: None,
    }
}

/// Two tokens of width 4 in two heads, within a window of 2.
fn attention(graph: &mut Graph) -> AttentionId {
    let side = Side { name: "text".to_owned(), grid: vec![2] };
    let pair = Pair { receiver: 0, read: 0, relation: Relation::All };
    let mask = Mask::new(vec![side.clone()], vec![side], vec![pair]);
    let present = graph.present_if(&Presence::with(ModalityId(0)));
    graph.add_attention(Attention {
        heads: 2,
        width: 4,
        queries: vec![0],
        keys: vec![0],
        query_present: vec![present],
        key_present: vec![None],
        window: Some(vec![2]),
        forward: Schedule::of(&mask),
        backward: Schedule::transposed(&mask),
        mask,
    })
}

/// A node of each operation.
fn whole() -> Graph {
    let mut graph = Graph::new("whole", 2, parameters());
    let inputs = [(InputKind::Ids, 4), (InputKind::IdOrder, 4), (InputKind::IdStarts, 4)];
    let [ids, order, starts] = inputs
        .map(|(kind, n)| graph.input(Input { kind, name: "text".to_owned(), shape: vec![n] }));
    let weights = graph.push(Op::Leaf(Leaf::Parameters(BufferId(0))), vec![], vec![12]);
    let matrix = graph.reshape(weights, &[3, 4]);
    let rows = graph.push(Op::Lookup, vec![matrix, ids], vec![4, 4]);
    let bias = graph.table(vec![0.5; 6], &[2, 3]);
    let id = attention(&mut graph);
    let operands = [rows, rows, rows, bias];
    let result = graph.attend(id, &operands);
    let statistics = graph.attend_statistics(id, &operands);
    let all = [operands.as_slice(), &[statistics, statistics, result]].concat();
    let gradients = [Gradient::Queries, Gradient::Keys, Gradient::Values, Gradient::Scores];
    let gradients = gradients.map(|gradient| graph.attend_gradient(gradient, id, &all));
    let table = graph.push(Op::LookupSum, vec![gradients[1], order, starts], vec![3, 4]);
    let random =
        Op::Random { site: 1, by_sample: false, groups: vec![Drawn { group: 0, tokens: 2 }] };
    let random = graph.push(random, vec![], vec![4, 4]);
    let present = graph.attention(id).query_present[0];
    let present = graph.present(&[Segment { present, tokens: 2 }]).expect("may be absent");
    let present = graph.broadcast(present, &[4, 4]);
    let chosen = graph.select(present, random, gradients[0]);
    let exp = graph.unary(Unary::Exp, chosen);
    let sum = graph.add(exp, gradients[2]);
    let turned = graph.transpose(sum);
    let part = graph.slice(turned, 1, 1, 2);
    let padded = graph.pad(part, 1, 1, 4);
    let gathered = graph.gather(padded, vec![3, 0, 1]);
    let joined = graph.concat(&[gathered, table], 0);
    let product = graph.contract(joined, rows);
    let product = graph.detach(product);
    let loss = graph.reshape(product, &[24]);
    let loss = graph.sum(loss, 0);
    graph.root(RootKind::Loss, "loss", loss);
    graph.root(RootKind::Output, "scores", gradients[3]);
    let (first, second) = (graph.slice(weights, 0, 0, 8), graph.slice(weights, 0, 8, 4));
    graph.root(RootKind::Update(BufferId(0), Slot::Weight, 0), "a", first);
    graph.root(RootKind::Update(BufferId(0), Slot::Weight, 8), "b", second);
    graph.root(RootKind::Update(BufferId(0), Slot::First, 4), "c", first);
    graph.root(RootKind::ParameterGradient(BufferId(0), 4), "c", first);
    graph
}

#[test]
fn a_whole_graph_is_well_formed() {
    assert_eq!(verify(&whole()), Ok(()));
}

/// A mutation of the whole graph is found, for this reason.
#[track_caller]
fn check(reason: &str, mutate: impl FnOnce(&mut Graph)) {
    let mut graph = whole();
    mutate(&mut graph);
    let found = verify(&graph).expect_err(reason);
    assert!(found.contains(reason), "expected: {reason}\nfound: {found}");
}

/// The first node of an operation, to be changed.
fn first(graph: &Graph, is: impl Fn(&Op) -> bool) -> NodeId {
    graph.ids().find(|id| is(&graph.node(*id).op)).expect("the whole graph has every operation")
}

#[track_caller]
fn check_op(reason: &str, is: impl Fn(&Op) -> bool, mutate: impl FnOnce(&mut Node)) {
    check(reason, |graph| {
        let id = first(graph, is);
        mutate(&mut graph.nodes[id.index()]);
    });
}

#[test]
fn operands_and_roots_exist() {
    check_op("comes later", |op| *op == Op::Select, |node| node.inputs[1] = NodeId(999));
    check("comes later", |graph| {
        let id = first(graph, |op| *op == Op::Select);
        graph.nodes[id.index()].inputs[1] = id;
    });
    check("a root exists", |graph| graph.roots[0].node = NodeId(999));
}

#[test]
fn every_operation_has_its_number_of_operands() {
    let whole = whole();
    for id in whole.ids() {
        let mut graph = whole.clone();
        let integer = graph.ids().find(|id| graph.is_integer(*id)).expect("ids are integers");
        let spare = if integer == id { NodeId(0) } else { NodeId(3) };
        if id.0 <= spare.0 || matches!(graph.node(id).op, Op::Concat(_)) {
            continue;
        }
        graph.nodes[id.index()].inputs.push(spare);
        let text = verify(&graph).expect_err("one operand too many");
        assert!(text.contains(" operands, not "), "{text}");
    }
}

#[test]
fn every_result_has_its_shape() {
    let whole = whole();
    for id in whole.ids() {
        let op = &whole.node(id).op;
        // Parts, repetitions and random numbers can have several shapes; then who uses them notices.
        let free =
            matches!(op, Op::Slice { .. } | Op::Pad { .. } | Op::Broadcast | Op::Random { .. });
        for wrong in if free { [100, 101] } else { [0, 7] } {
            let mut graph = whole.clone();
            let size = graph.nodes[id.index()].shape.last_mut();
            *size.expect("no node of this graph is a single number") = wrong;
            let text = verify(&graph).expect_err(&format!("{op:?} has a shape"));
            assert!(text.starts_with(&format!("node {} ", id.0)) || free, "{op:?}: {text}");
        }
    }
}

#[test]
fn axes_and_rows_exist() {
    let is_permute = |op: &Op| matches!(op, Op::Permute(_));
    check_op("[0, 2] of", is_permute, |node| node.op = Op::Permute(vec![0, 2]));
    check_op("[0, 0] of", is_permute, |node| node.op = Op::Permute(vec![0, 0]));
    check_op("[0] of", is_permute, |node| node.op = Op::Permute(vec![0]));
    let is_slice = |op: &Op| matches!(op, Op::Slice { .. });
    check_op("[4, 4] to", is_slice, |node| node.op = Op::Slice { axis: 2, start: 0 });
    check_op("[4, 4] to", is_slice, |node| node.op = Op::Slice { axis: 1, start: 3 });
    let is_pad = |op: &Op| matches!(op, Op::Pad { .. });
    check_op("[4, 2] to", is_pad, |node| node.op = Op::Pad { axis: 1, before: 3 });
    let is_reduce = |op: &Op| matches!(op, Op::Reduce(..));
    check_op("[24] to", is_reduce, |node| node.op = Op::Reduce(Reduction::Max, 1));
    let is_concat = |op: &Op| matches!(op, Op::Concat(_));
    check_op("on axis 2", is_concat, |node| node.op = Op::Concat(2));
    check_op("on axis 1", is_concat, |node| node.op = Op::Concat(1));
    check_op("on axis 0", is_concat, |node| node.inputs.truncate(1));
    check("a row that 4 rows lack", |graph| {
        let rows = |table: &Table| matches!(table, Table::Rows(_));
        let at = graph.tables.iter().position(rows).expect("a gather has one");
        graph.tables[at] = Table::Rows(vec![0, 4, 1]);
    });
}

#[test]
fn ids_are_in_range() {
    let leaf = |leaf: Leaf| move |node: &mut Node| node.op = Op::Leaf(leaf);
    let is_input = |op: &Op| matches!(op, Op::Leaf(Leaf::Input(_)));
    let is_table = |op: &Op| matches!(op, Op::Leaf(Leaf::Table(_)));
    let is_buffer = |op: &Op| matches!(op, Op::Leaf(Leaf::Parameters(_)));
    check_op("no such input", is_input, leaf(Leaf::Input(InputId(9))));
    check_op("no such table", is_table, leaf(Leaf::Table(TableId(9))));
    check_op("no such buffer", is_buffer, leaf(Leaf::Parameters(BufferId(9))));
    check_op("no such buffer", is_buffer, leaf(Leaf::State(BufferId(9), Slot::First)));
    let weight = Leaf::State(BufferId(0), Slot::Weight);
    check_op("weights are parameters", is_buffer, leaf(weight));
    check_op("has no origin", is_table, |node| node.origin = OriginId(9));
    let gather = |op: &Op| matches!(op, Op::Gather(_));
    check_op("no table of rows", gather, |node| node.op = Op::Gather(TableId(9)));
    check_op("no table of rows", gather, |node| node.op = Op::Gather(TableId(0)));
    let segment = Segment { present: Some(PresenceId(9)), tokens: 2 };
    let is_present = |op: &Op| matches!(op, Op::Present(_));
    check_op("a condition", is_present, |node| node.op = Op::Present(vec![segment]));
    let is_attend = |op: &Op| matches!(op, Op::Attend(_));
    check_op("no such attention", is_attend, |node| node.op = Op::Attend(AttentionId(9)));
}

#[test]
fn weights_lie_apart_and_within_their_buffers() {
    let place = |offset, numbers, buffer| {
        move |graph: &mut Graph| {
            let place = Place { buffer: BufferId(buffer), offset, numbers };
            graph.parameters.places[2] = Some(place);
        }
    };
    check("two weights overlap", place(7, 4, 0));
    check("13 numbers of a buffer of 12", place(9, 4, 0));
    check("4 numbers of a buffer of 0", place(0, 4, 1));
}

#[test]
fn integers_are_for_lookups() {
    let float = NodeId(5);
    let is_lookup = |op: &Op| *op == Op::Lookup;
    let is_sum = |op: &Op| *op == Op::LookupSum;
    check_op("operand 1 holds", is_lookup, |node| node.inputs[1] = node.inputs[0]);
    check_op("operand 0 holds", is_lookup, |node| node.inputs.swap(0, 1));
    check_op("operand 2 holds", is_sum, |node| node.inputs[2] = float);
    check_op("operand 0 holds", |op| *op == Op::Reshape, |node| node.inputs[0] = NodeId(0));
    check("an order of 3", |graph| {
        graph.inputs[1].shape = vec![3];
        graph.nodes[1].shape = vec![3];
    });
}

#[test]
fn attention_fits_its_operands() {
    let attention =
        |change: fn(&mut Attention)| move |graph: &mut Graph| change(&mut graph.attentions[0]);
    check("3 heads of 4", attention(|a| a.heads = 3));
    check("0 heads of 4", attention(|a| a.heads = 0));
    check("a window of size 0", attention(|a| a.window = Some(vec![0])));
    check("sides without a place", attention(|a| a.keys.clear()));
    check("sides without a place", attention(|a| a.query_present.push(None)));
    check("a condition", attention(|a| a.key_present[0] = Some(PresenceId(9))));
    check("operand 0 lacks rows", attention(|a| a.queries[0] = 1));
    check("operand 1 lacks rows", attention(|a| a.keys[0] = 1));
    check("an operand is [2, 3], not [2, 5]", attention(|a| a.window = Some(vec![3])));
    check("7 operands, not 6", |graph| {
        graph.attentions[0].window = None;
        let id = first(graph, |op| matches!(op, Op::Attend(_)));
        graph.nodes[id.index()].inputs.truncate(3);
        let id = first(graph, |op| matches!(op, Op::AttendStatistics(_)));
        graph.nodes[id.index()].inputs.truncate(3);
    });
    let is_attend = |op: &Op| matches!(op, Op::Attend(_));
    check_op("of width 4", is_attend, |node| node.inputs[2] = node.inputs[3]);
    let is_gradient = |op: &Op| matches!(op, Op::AttendGradient(..));
    check_op("is [4, 4], not [4, 2]", is_gradient, |node| node.inputs[5] = node.inputs[6]);
    check_op("is [4, 2], not [4, 4]", is_gradient, |node| node.inputs[6] = node.inputs[5]);
}

#[test]
fn updates_are_parts_of_buffers() {
    let root = |at: usize, kind: RootKind| move |graph: &mut Graph| graph.roots[at].kind = kind;
    let update = |slot, start| RootKind::Update(BufferId(0), slot, start);
    check("two updates overlap", root(3, update(Slot::Weight, 7)));
    check("two updates overlap", root(4, update(Slot::Weight, 0)));
    check("13 numbers of a buffer of 12", root(3, update(Slot::Weight, 9)));
    check("13 numbers of a buffer of 12", root(5, RootKind::ParameterGradient(BufferId(0), 5)));
    check("8 numbers of a buffer of 0", root(5, RootKind::ParameterGradient(BufferId(1), 0)));
    check("is one number", root(1, RootKind::Loss));
    check("is one number", root(1, RootKind::GradientNorm));
}
