//! Making nodes.
//!
//! In: an operation and its operands. Out: the node, which is an older one where an equal one is there, and a simpler one where
//! the operation changes nothing. Operands of wrong shapes are our mistake and panic. Deliberately not here: rewriting; what
//! was made stays.

use indexmap::IndexMap;

use crate::flow::Presence;

use super::{
    Argument, Attention, AttentionId, Binary, Condition, Gradient, Graph, Input, InputId, Leaf,
    Node, NodeId, Op, Origin, OriginId, Parameters, Phase, Precision, PresenceId, Reduction, Root,
    RootKind, Scalar, Segment, Table, TableId, Unary,
};

/// The next id of a list.
fn next(length: usize) -> u32 {
    u32::try_from(length).expect("limits keep every list below 2^32")
}

impl Graph {
    /// A graph without nodes.
    #[must_use]
    pub fn new(name: &str, batch: usize, parameters: Parameters) -> Self {
        let origin = Origin { path: String::new(), phase: Phase::Forward };
        Self {
            name: name.to_owned(),
            batch,
            nodes: Vec::new(),
            origins: vec![origin.clone()],
            inputs: Vec::new(),
            parameters,
            precision: Precision::default(),
            presences: Vec::new(),
            attentions: Vec::new(),
            tables: Vec::new(),
            roots: Vec::new(),
            known: IndexMap::new(),
            origin: OriginId(0),
            origin_ids: IndexMap::from([(origin, OriginId(0))]),
        }
    }

    /// The same inputs, weights, conditions and attentions, and no nodes.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self {
            inputs: self.inputs.clone(),
            presences: self.presences.clone(),
            attentions: self.attentions.clone(),
            tables: self.tables.clone(),
            precision: self.precision,
            ..Self::new(&self.name, self.batch, self.parameters.clone())
        }
    }

    /// Says what the next nodes are made for.
    pub fn at(&mut self, path: &str, phase: Phase) {
        let origin = Origin { path: path.to_owned(), phase };
        self.origin = match self.origin_ids.get(&origin) {
            Some(id) => *id,
            None => {
                let id = OriginId(next(self.origins.len()));
                self.origins.push(origin.clone());
                self.origin_ids.insert(origin, id);
                id
            }
        };
    }

    /// Adds a node of a shape that is already known to be right. Nodes that are computed again are new ones, though
    /// equal ones are there.
    pub fn push(&mut self, op: Op, inputs: Vec<NodeId>, shape: Vec<usize>) -> NodeId {
        let again = self.origins[self.origin.0 as usize].phase == Phase::Again;
        let key = (op, inputs, shape, again);
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = NodeId(next(self.nodes.len()));
        let (op, inputs, shape, _) = key.clone();
        self.nodes.push(Node { op, inputs, shape, origin: self.origin });
        self.known.insert(key, id);
        id
    }

    /// Says that a node is to be computed.
    pub fn root(&mut self, kind: RootKind, name: &str, node: NodeId) {
        self.roots.push(Root { kind, name: name.to_owned(), node });
    }

    /// A tensor that the host feeds; the same one where it was asked for before.
    pub fn input(&mut self, input: Input) -> NodeId {
        let at = self.inputs.iter().position(|known| {
            known.kind == input.kind && known.name == input.name && known.shape == input.shape
        });
        let at = at.unwrap_or_else(|| {
            self.inputs.push(input);
            self.inputs.len() - 1
        });
        let shape = self.inputs[at].shape.clone();
        self.push(Op::Leaf(Leaf::Input(InputId(next(at)))), vec![], shape)
    }

    /// The id of a condition; none where it always holds.
    pub fn condition(&mut self, condition: Condition) -> Option<PresenceId> {
        if condition.is_always() {
            return None;
        }
        let at = self.presences.iter().position(|known| *known == condition);
        let at = at.unwrap_or_else(|| {
            self.presences.push(condition);
            self.presences.len() - 1
        });
        Some(PresenceId(next(at)))
    }

    /// The condition that a value exists.
    pub fn present_if(&mut self, presence: &Presence) -> Option<PresenceId> {
        let presence = presence.clone();
        self.condition(Condition { presence, targets: Vec::new(), counted: false })
    }

    /// Stores an attention.
    pub fn add_attention(&mut self, attention: Attention) -> AttentionId {
        let at = self.attentions.iter().position(|known| *known == attention);
        let at = at.unwrap_or_else(|| {
            self.attentions.push(attention);
            self.attentions.len() - 1
        });
        AttentionId(next(at))
    }

    /// Stores a table.
    pub fn add_table(&mut self, table: Table) -> TableId {
        let at = self.tables.iter().position(|known| *known == table);
        let at = at.unwrap_or_else(|| {
            self.tables.push(table);
            self.tables.len() - 1
        });
        TableId(next(at))
    }

    /// A table of numbers as a tensor.
    pub fn table(&mut self, numbers: Vec<f64>, shape: &[usize]) -> NodeId {
        assert_eq!(numbers.len(), shape.iter().product::<usize>(), "a table fills its shape");
        let id = self.add_table(Table::Numbers(numbers));
        self.push(Op::Leaf(Leaf::Table(id)), vec![], shape.to_vec())
    }

    /// The same number everywhere.
    pub fn constant(&mut self, value: f64, shape: &[usize]) -> NodeId {
        self.push(Op::Constant(Scalar(value)), vec![], shape.to_vec())
    }

    /// A number that is no part of kernels, everywhere.
    pub fn argument(&mut self, argument: Argument, shape: &[usize]) -> NodeId {
        self.push(Op::Leaf(Leaf::Argument(argument)), vec![], shape.to_vec())
    }

    /// The number that a node has everywhere, where that is known.
    #[must_use]
    pub fn constant_value(&self, id: NodeId) -> Option<f64> {
        if let Op::Constant(Scalar(value)) = self.node(id).op { Some(value) } else { None }
    }

    /// A function of each number.
    pub fn unary(&mut self, function: Unary, a: NodeId) -> NodeId {
        let shape = self.shape(a).to_vec();
        if let Some(value) = self.constant_value(a) {
            return self.constant(function.apply(value), &shape);
        }
        self.push(Op::Unary(function), vec![a], shape)
    }

    /// A function of each pair of numbers.
    pub fn binary(&mut self, function: Binary, a: NodeId, b: NodeId) -> NodeId {
        let shape = self.shape(a).to_vec();
        assert_eq!(shape, self.shape(b), "{} of two shapes", function.name());
        let (left, right) = (self.constant_value(a), self.constant_value(b));
        if let (Some(left), Some(right)) = (left, right) {
            return self.constant(function.apply(left, right), &shape);
        }
        let is = |side: Option<f64>, value: f64| side.is_some_and(|found| found == value);
        match function {
            Binary::Add if is(left, 0.0) => b,
            Binary::Add | Binary::Subtract if is(right, 0.0) => a,
            Binary::Multiply if is(left, 1.0) => b,
            Binary::Multiply | Binary::Divide if is(right, 1.0) => a,
            Binary::Add
            | Binary::Subtract
            | Binary::Multiply
            | Binary::Divide
            | Binary::Max
            | Binary::Min
            | Binary::Less => self.push(Op::Binary(function), vec![a, b], shape),
        }
    }

    /// a + b
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Add, a, b)
    }

    /// a - b
    pub fn subtract(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Subtract, a, b)
    }

    /// a * b
    pub fn multiply(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Multiply, a, b)
    }

    /// a / b
    pub fn divide(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.binary(Binary::Divide, a, b)
    }

    /// a times a number.
    pub fn times(&mut self, a: NodeId, factor: f64) -> NodeId {
        let shape = self.shape(a).to_vec();
        let factor = self.constant(factor, &shape);
        self.multiply(a, factor)
    }

    /// a plus a number.
    pub fn plus(&mut self, a: NodeId, term: f64) -> NodeId {
        let shape = self.shape(a).to_vec();
        let term = self.constant(term, &shape);
        self.add(a, term)
    }

    /// Where `condition` is not 0, `a`, else `b`.
    pub fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> NodeId {
        let shape = self.shape(a).to_vec();
        assert!(shape == self.shape(b) && shape == self.shape(condition), "a choice of shapes");
        match self.constant_value(condition) {
            Some(0.0) => b,
            Some(_) => a,
            None => self.push(Op::Select, vec![condition, a, b], shape),
        }
    }

    /// Where `condition` is not 0, `a`, else 0.
    pub fn only_where(&mut self, condition: NodeId, a: NodeId) -> NodeId {
        let shape = self.shape(a).to_vec();
        let zero = self.constant(0.0, &shape);
        self.select(condition, a, zero)
    }

    /// `a`, through which no gradient flows.
    pub fn detach(&mut self, a: NodeId) -> NodeId {
        let shape = self.shape(a).to_vec();
        self.push(Op::Detach, vec![a], shape)
    }

    /// The numbers of `a` in another shape.
    pub fn reshape(&mut self, a: NodeId, shape: &[usize]) -> NodeId {
        let (numbers, found) = (shape.iter().product::<usize>(), self.numbers(a));
        assert_eq!(numbers, found, "{:?} becomes {shape:?}", self.shape(a));
        if self.shape(a) == shape {
            return a;
        }
        if let Some(value) = self.constant_value(a) {
            return self.constant(value, shape);
        }
        if self.node(a).op == Op::Reshape {
            let inner = self.node(a).inputs[0];
            return self.reshape(inner, shape);
        }
        self.push(Op::Reshape, vec![a], shape.to_vec())
    }

    /// The axes of `a` in this order.
    pub fn permute(&mut self, a: NodeId, axes: &[usize]) -> NodeId {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(0..self.shape(a).len()), "{axes:?} is a permutation");
        if axes.iter().copied().eq(0..axes.len()) {
            return a;
        }
        if let Op::Permute(inner_axes) = &self.node(a).op {
            let axes: Vec<usize> = axes.iter().map(|axis| inner_axes[*axis]).collect();
            let inner = self.node(a).inputs[0];
            return self.permute(inner, &axes);
        }
        let shape = axes.iter().map(|axis| self.shape(a)[*axis]).collect();
        self.push(Op::Permute(axes.to_vec()), vec![a], shape)
    }

    /// The transpose of a matrix.
    pub fn transpose(&mut self, a: NodeId) -> NodeId {
        self.permute(a, &[1, 0])
    }

    /// `a` repeated along axes where its size is 1.
    pub fn broadcast(&mut self, a: NodeId, shape: &[usize]) -> NodeId {
        let found = self.shape(a);
        let fits = found.len() == shape.len()
            && found.iter().zip(shape).all(|(from, to)| from == to || *from == 1);
        assert!(fits, "{found:?} repeated to {shape:?}");
        if found == shape {
            return a;
        }
        if let Some(value) = self.constant_value(a) {
            return self.constant(value, shape);
        }
        self.push(Op::Broadcast, vec![a], shape.to_vec())
    }

    /// `length` indices of an axis from `start` on.
    pub fn slice(&mut self, a: NodeId, axis: usize, start: usize, length: usize) -> NodeId {
        let mut shape = self.shape(a).to_vec();
        assert!(start + length <= shape[axis], "{start} and {length} of {shape:?} on axis {axis}");
        if length == shape[axis] {
            return a;
        }
        shape[axis] = length;
        if let Some(value) = self.constant_value(a) {
            return self.constant(value, &shape);
        }
        let node = self.node(a);
        if let Op::Slice { axis: inner_axis, start: inner_start } = node.op
            && inner_axis == axis
        {
            let inner = node.inputs[0];
            return self.slice(inner, axis, inner_start + start, length);
        }
        if node.op == Op::Concat(axis) {
            let mut offset = 0;
            for part in node.inputs.clone() {
                let size = self.shape(part)[axis];
                if offset <= start && start + length <= offset + size {
                    return self.slice(part, axis, start - offset, length);
                }
                offset += size;
            }
        }
        self.push(Op::Slice { axis, start }, vec![a], shape)
    }

    /// `a` with zeros before it on an axis and behind it up to a length.
    pub fn pad(&mut self, a: NodeId, axis: usize, before: usize, length: usize) -> NodeId {
        let mut shape = self.shape(a).to_vec();
        assert!(before + shape[axis] <= length, "{shape:?} in {length} on axis {axis}");
        if shape[axis] == length {
            return a;
        }
        shape[axis] = length;
        if self.constant_value(a) == Some(0.0) {
            return self.constant(0.0, &shape);
        }
        self.push(Op::Pad { axis, before }, vec![a], shape)
    }

    /// All parts after one another.
    pub fn concat(&mut self, parts: &[NodeId], axis: usize) -> NodeId {
        assert!(!parts.is_empty(), "a concat of something");
        if let [part] = parts {
            return *part;
        }
        let mut shape = self.shape(parts[0]).to_vec();
        shape[axis] = 0;
        for part in parts {
            let part = self.shape(*part);
            let fits = part.len() == shape.len()
                && (0..shape.len()).all(|at| at == axis || part[at] == shape[at]);
            assert!(fits, "{part:?} joins {shape:?} on axis {axis}");
            shape[axis] += part[axis];
        }
        self.push(Op::Concat(axis), parts.to_vec(), shape)
    }

    /// The numbers along an axis become one.
    pub fn reduce(&mut self, reduction: Reduction, a: NodeId, axis: usize) -> NodeId {
        let mut shape = self.shape(a).to_vec();
        if shape[axis] == 1 {
            return a;
        }
        shape[axis] = 1;
        self.push(Op::Reduce(reduction, axis), vec![a], shape)
    }

    /// Sums along an axis.
    pub fn sum(&mut self, a: NodeId, axis: usize) -> NodeId {
        self.reduce(Reduction::Sum, a, axis)
    }

    /// Sums over `k` of `a` `[m, k]` times `b` `[n, k]`.
    pub fn contract(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let (left, right) = (self.shape(a), self.shape(b));
        let fits = left.len() == 2 && right.len() == 2 && left[1] == right[1];
        assert!(fits, "{left:?} times {right:?}");
        let shape = vec![left[0], right[0]];
        self.push(Op::Contract, vec![a, b], shape)
    }

    /// Rows of a matrix by a table.
    pub fn gather(&mut self, a: NodeId, rows: Vec<u32>) -> NodeId {
        let (n_rows, width) = (self.shape(a)[0], self.shape(a)[1]);
        assert!(rows.iter().all(|row| (*row as usize) < n_rows), "gathered rows exist");
        let shape = vec![rows.len(), width];
        let table = self.add_table(Table::Rows(rows));
        self.push(Op::Gather(table), vec![a], shape)
    }

    /// Attention; `operands` are queries, keys, values and perhaps the score bias.
    pub fn attend(&mut self, attention: AttentionId, operands: &[NodeId]) -> NodeId {
        let found = self.attention(attention);
        let shape = vec![found.n_queries(self.batch), found.width];
        self.push(Op::Attend(attention), operands.to_vec(), shape)
    }

    /// The logarithms of attention's sums.
    pub fn attend_statistics(&mut self, attention: AttentionId, operands: &[NodeId]) -> NodeId {
        let found = self.attention(attention);
        let shape = vec![found.n_queries(self.batch), found.heads];
        self.push(Op::AttendStatistics(attention), operands.to_vec(), shape)
    }

    /// A gradient of attention.
    pub fn attend_gradient(
        &mut self,
        gradient: Gradient,
        attention: AttentionId,
        operands: &[NodeId],
    ) -> NodeId {
        let found = self.attention(attention);
        let shape = match gradient {
            Gradient::Queries => vec![found.n_queries(self.batch), found.width],
            Gradient::Keys | Gradient::Values => vec![found.n_keys(self.batch), found.width],
            Gradient::Scores => vec![found.heads, found.n_positions()],
        };
        self.push(Op::AttendGradient(gradient, attention), operands.to_vec(), shape)
    }

    /// For each row of a pack whether its sample has the value, `[rows, 1]`; none where all have.
    pub fn present(&mut self, segments: &[Segment]) -> Option<NodeId> {
        if segments.iter().all(|segment| segment.present.is_none()) {
            return None;
        }
        let rows = self.batch * segments.iter().map(|segment| segment.tokens).sum::<usize>();
        Some(self.push(Op::Present(segments.to_vec()), vec![], vec![rows, 1]))
    }
}
