//! From clusters to kernels.
//!
//! In: clusters and where everything lies. Out: bodies, equal ones once, and kernels. Deliberately not here: decisions.

use indexmap::IndexSet;

use crate::graph::{Gradient, NodeId, Op};

use super::cluster::{Cluster, Domain, Member, Target};
use super::store::is_row_reduce;
use super::tapes::{Builder, Operands, plain_reads};
use super::{
    Access, AttendKind, Body, BodyId, Column, Contract, Kernel, Region, Store, Tape, Tile,
};

/// Makes the kernel of a cluster.
pub(super) fn kernel(
    mut operands: Operands<'_>,
    cluster: &Cluster,
    bodies: &mut IndexSet<Body>,
) -> Kernel {
    let mut writes = Vec::new();
    let body = match cluster.domain {
        Domain::Map { rows, columns } => {
            Body::Map(tile(&mut operands, cluster, (rows, columns), &mut writes))
        }
        Domain::Row { rows, columns } => {
            Body::Row(tile(&mut operands, cluster, (rows, columns), &mut writes))
        }
        Domain::Column(first) => column(&mut operands, cluster, first, &mut writes),
        Domain::Contract(product) => contract(&mut operands, cluster, product, &mut writes),
        Domain::Attend => attend(&mut operands, cluster, &mut writes),
        Domain::LookupSum => lookup_sum(&mut operands, cluster, &mut writes),
    };
    let named = match cluster.domain {
        Domain::Column(node) | Domain::Contract(node) => node,
        // Statistics may be wanted by gradients alone.
        Domain::Attend => cluster.members[0].node,
        Domain::Map { .. } | Domain::Row { .. } | Domain::LookupSum => {
            cluster.members[cluster.members.len() - 1].node
        }
    };
    let origin = operands.graph.origin(named);
    let (at, _) = bodies.insert_full(body);
    Kernel {
        body: BodyId(u32::try_from(at).expect("few bodies")),
        reads: operands.reads,
        writes,
        arguments: operands.arguments,
        path: origin.path.clone(),
        phase: origin.phase,
    }
}

/// The members that are kept, with where they go and how they lie there.
fn kept(operands: &Operands<'_>, cluster: &Cluster) -> Vec<(Member, Region, Access)> {
    let (graph, stored, memory) = (operands.graph, operands.stored, operands.memory);
    let mut kept = Vec::new();
    for member in &cluster.members {
        let id = member.node;
        let plain = Access::of(&[graph.numbers(id)]);
        match member.target {
            Target::Inside if !stored.stored[id.index()] => {}
            Target::Own | Target::Inside | Target::Buffer(..) => {
                kept.push((*member, memory.region(graph, stored, id), plain));
            }
            Target::Part(whole, at) => {
                let Op::Concat(axis) = graph.node(whole).op else {
                    unreachable!("parts are of concatenations");
                };
                let inputs = &graph.node(whole).inputs;
                let start = inputs[..at].iter().map(|part| graph.shape(*part)[axis]).sum();
                let mut access = Access::of(graph.shape(whole));
                access.slice(axis, start, graph.shape(id)[axis]);
                let mut access = access.simplified();
                let region = memory.region(graph, stored, whole);
                let offset = region.offset + access.take_offset();
                let region = Region { offset, numbers: access.extent(), ..region };
                kept.push((*member, region, access));
            }
        }
    }
    kept
}

fn tile(
    operands: &mut Operands<'_>,
    cluster: &Cluster,
    (rows, columns): (usize, usize),
    writes: &mut Vec<Region>,
) -> Tile {
    let kept = kept(operands, cluster);
    let graph = operands.graph;
    let mut builder = Builder::new(operands, (rows, columns));
    let mut stores = Vec::new();
    for (member, region, access) in kept {
        let numbers = graph.numbers(member.node);
        let by_row = numbers == rows && columns > 1;
        let register =
            if by_row { builder.row_value(member.node) } else { builder.value(member.node) };
        stores.push(Store { register, write: writes.len(), access, by_row });
        writes.push(region);
    }
    Tile { rows, columns, tape: builder.finish(), stores }
}

fn stores_after(
    operands: &mut Operands<'_>,
    cluster: &Cluster,
    size: (usize, usize),
    writes: &mut Vec<Region>,
) -> (Tape, Vec<Store>) {
    let kept = kept(operands, cluster);
    let mut builder = Builder::new(operands, size);
    let mut stores = Vec::new();
    for (member, region, access) in kept {
        let register = builder.value(member.node);
        stores.push(Store { register, write: writes.len(), access, by_row: false });
        writes.push(region);
    }
    (builder.finish(), stores)
}

fn contract(
    operands: &mut Operands<'_>,
    cluster: &Cluster,
    product: NodeId,
    writes: &mut Vec<Region>,
) -> Body {
    let (graph, node) = (operands.graph, operands.graph.node(product));
    let (m, n) = (node.shape[0], node.shape[1]);
    let k = graph.shape(node.inputs[0])[1];
    let side = |operands: &mut Operands<'_>, id: NodeId, rows: usize| {
        let mut builder = Builder::new(operands, (rows, k));
        builder.value(id);
        builder.finish()
    };
    let a = side(operands, node.inputs[0], m);
    let b = side(operands, node.inputs[1], n);
    operands.reduced = vec![product];
    let (after, stores) = stores_after(operands, cluster, (m, n), writes);
    Body::Contract(Contract { m, n, k, a, b, after, stores })
}

fn column(
    operands: &mut Operands<'_>,
    cluster: &Cluster,
    first: NodeId,
    writes: &mut Vec<Region>,
) -> Body {
    let graph = operands.graph;
    let Op::Reduce(_, axis) = graph.node(first).op else {
        unreachable!("a column kernel begins with a reduction");
    };
    let shape = graph.shape(graph.node(first).inputs[0]);
    let outer: usize = shape[..axis].iter().product();
    let inner: usize = shape[axis + 1..].iter().product();
    let length = shape[axis];
    let mut nodes = vec![first];
    for member in &cluster.members {
        if let Op::Reduce(..) = graph.node(member.node).op
            && !nodes.contains(&member.node)
            && !is_row_reduce(graph, member.node)
        {
            nodes.push(member.node);
        }
    }
    let mut builder = Builder::new(operands, (outer * length, inner));
    let reductions = nodes
        .iter()
        .map(|id| {
            let register = builder.value(graph.node(*id).inputs[0]);
            let Op::Reduce(kind, _) = graph.node(*id).op else {
                unreachable!("a column kernel reduces");
            };
            (kind, register)
        })
        .collect();
    let before = builder.finish();
    operands.reduced = nodes;
    let (after, stores) = stores_after(operands, cluster, (outer, inner), writes);
    Body::Column(Column { outer, length, inner, before, reductions, after, stores })
}

fn attend(operands: &mut Operands<'_>, cluster: &Cluster, writes: &mut Vec<Region>) -> Body {
    let first = cluster.members[0].node;
    plain_reads(operands, first);
    let kept = kept(operands, cluster);
    writes.extend(kept.iter().map(|(_, region, _)| *region));
    let two = kept.len() == 2;
    let op = &operands.graph.node(first).op;
    if let Op::Attend(id) = op {
        return Body::Attend(AttendKind::Forward { result: true, statistics: two }, *id);
    }
    if let Op::AttendStatistics(id) = op {
        return Body::Attend(AttendKind::Forward { result: false, statistics: true }, *id);
    }
    let Op::AttendGradient(gradient, id) = op else {
        unreachable!("attention kernels are made of attention");
    };
    let kind = match gradient {
        Gradient::Queries => AttendKind::Queries,
        Gradient::Keys => AttendKind::KeysValues { keys: true, values: two },
        Gradient::Values => AttendKind::KeysValues { keys: false, values: true },
        Gradient::Scores => AttendKind::Scores,
    };
    Body::Attend(kind, *id)
}

fn lookup_sum(operands: &mut Operands<'_>, cluster: &Cluster, writes: &mut Vec<Region>) -> Body {
    let id = cluster.members[0].node;
    plain_reads(operands, id);
    let kept = kept(operands, cluster);
    writes.extend(kept.iter().map(|(_, region, _)| *region));
    let node = operands.graph.node(id);
    let rows = operands.graph.shape(node.inputs[0])[0];
    Body::LookupSum { rows, vocabulary: node.shape[0], width: node.shape[1] }
}
