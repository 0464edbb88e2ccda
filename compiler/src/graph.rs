//! The graph: a model as typed tensor arithmetic over few primitives, and attention.
//!
//! In: made by `lower`, extended by `autodiff` and `optimizer`; append-only. Out: for `plan`, the interpreter and the
//! text form. Nodes are in SSA form: a node makes one tensor of `f32` (or of integers, where it says so), insertion order is
//! topological, and equal nodes are one node. Shapes are row-major sizes; batches are part of them.
//!
//! A *pack* is a node of two axes, `[rows, width]`, whose rows are group after group, in each sample after sample, in each
//! token after token. What is shared by all groups is then one operation on one tensor.
//!
//! Deliberately not here: kernels, memory, devices; anything that could be said by several primitives.

mod attention;
mod build;
mod display;
mod dot;
pub mod interpret;
mod op;
mod sample;
#[cfg(test)]
mod tests;
mod verify;

use indexmap::IndexMap;

use crate::flow::Presence;
use crate::model::{TargetId, WeightId};
use crate::routing::{Mask, Schedule};

pub(crate) use attention::tokens;
pub use dot::dot;
pub use op::{
    Argument, Binary, Drawn, Gradient, Leaf, Op, Reduction, Scalar, Segment, Slot, Unary,
};
pub use sample::Sample;
pub use verify::verify;

/// An element of [`Graph::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// An element of [`Graph::origins`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginId(pub u32);

/// An element of [`Graph::presences`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PresenceId(pub u32);

/// An element of [`Graph::attentions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttentionId(pub u32);

/// An element of [`Graph::tables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub u32);

/// An element of [`Graph::inputs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputId(pub u32);

/// An element of [`Parameters::buffers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub u32);

/// A computation on a fixed batch.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The name of the model.
    pub name: String,
    /// Samples of a batch.
    pub batch: usize,
    /// The nodes; operands come before what uses them.
    pub nodes: Vec<Node>,
    /// What nodes were made for.
    pub origins: Vec<Origin>,
    /// What the host feeds.
    pub inputs: Vec<Input>,
    /// Where the weights lie.
    pub parameters: Parameters,
    /// How precisely what is computed is stored.
    pub precision: Precision,
    /// The different conditions under which samples have values.
    pub presences: Vec<Condition>,
    /// The attentions.
    pub attentions: Vec<Attention>,
    /// Numbers that are known at compile time.
    pub tables: Vec<Table>,
    /// What is to be computed.
    pub roots: Vec<Root>,
    /// Equal nodes are one node.
    known: IndexMap<(Op, Vec<NodeId>, Vec<usize>, bool), NodeId>,
    /// What new nodes are made for.
    origin: OriginId,
    origin_ids: IndexMap<Origin, OriginId>,
}

/// How precisely what is computed is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// All of it as 32-bit floats.
    #[default]
    Single,
    /// What products and attention read as 16-bit floats, the rest as 32-bit floats. Weights, their state and all
    /// arithmetic are single.
    Mixed,
}

/// One operation and the tensor that it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What is done.
    pub op: Op,
    /// To what.
    pub inputs: Vec<NodeId>,
    /// The sizes of the result, row-major; empty for a single number.
    pub shape: Vec<usize>,
    /// What it was made for.
    pub origin: OriginId,
}

/// What a node was made for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The place in the model: `layers.3.attend.q`.
    pub path: String,
    /// The part of the work.
    pub phase: Phase,
}

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Outputs and losses.
    Forward,
    /// A part of the forward pass that is computed again for the backward pass.
    Again,
    /// Gradients.
    Backward,
    /// Optimizers.
    Update,
}

/// A tensor that the host feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What it holds.
    pub kind: InputKind,
    /// The name of the modality or target; for a cotangent, of the output.
    pub name: String,
    /// Its sizes; the first is the batch, but for what is sorted.
    pub shape: Vec<usize>,
}

/// What a fed tensor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InputKind {
    /// A modality; zeros for samples that lack it.
    Modality,
    /// The token ids of a text modality, as integers.
    Ids,
    /// The positions of these ids in the order of the ids; equal ones in their own order.
    IdOrder,
    /// For each id of the vocabulary and one behind it: where in that order it begins.
    IdStarts,
    /// A target; zeros for samples that lack it.
    Target,
    /// A gradient with respect to an output.
    Cotangent,
}

impl InputKind {
    /// Whether the tensor holds integers.
    #[must_use]
    pub fn is_integer(self) -> bool {
        match self {
            Self::Ids | Self::IdOrder | Self::IdStarts => true,
            Self::Modality | Self::Target | Self::Cotangent => false,
        }
    }
}

/// Where the weights lie: in few flat buffers, and in each weight after weight.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The buffers.
    pub buffers: Vec<ParameterBuffer>,
    /// For each weight of the model its buffer and first number there; none for weights that the computation
    /// does not need.
    pub places: Vec<Option<Place>>,
    /// The name of each weight of the model.
    pub names: Vec<String>,
    /// The buffer of one number by which the loss is scaled, if it is: it has no weights of the model.
    pub scale: Option<BufferId>,
}

/// One flat buffer of weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterBuffer {
    /// Whether weight decay applies to its weights.
    pub decays: bool,
    /// Whether its weights stay as they are: no gradient is made of them.
    pub frozen: bool,
    /// How many numbers.
    pub numbers: usize,
    /// Its weights in order.
    pub weights: Vec<WeightId>,
}

/// Where a weight lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The buffer.
    pub buffer: BufferId,
    /// Its first number there.
    pub offset: usize,
    /// How many numbers.
    pub numbers: usize,
}

/// For which samples of a batch something exists: those that are there at all, have the modalities and have the
/// targets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Of the modalities.
    pub presence: Presence,
    /// The targets that the sample must have.
    pub targets: Vec<TargetId>,
    /// Whether the sample must be one of the batch's own and not there to fill it.
    pub counted: bool,
}

/// Numbers that are known at compile time.
#[derive(Debug, Clone, PartialEq)]
pub enum Table {
    /// A tensor, row-major.
    Numbers(Vec<f64>),
    /// Rows of another tensor.
    Rows(Vec<u32>),
}

/// What attention is done: who reads whom, and where they lie.
#[derive(Debug, Clone)]
pub struct Attention {
    /// How many heads; they divide the width.
    pub heads: usize,
    /// Numbers a row of queries, keys, values and results.
    pub width: usize,
    /// Who reads whom, token by token.
    pub mask: Mask,
    /// The first row of each receiver in the queries.
    pub queries: Vec<usize>,
    /// The first row of each read in the keys and values.
    pub keys: Vec<usize>,
    /// For which samples each receiver exists; none for all.
    pub query_present: Vec<Option<PresenceId>>,
    /// For which samples each read exists.
    pub key_present: Vec<Option<PresenceId>>,
    /// The window of the relative score bias, if there is one.
    pub window: Option<Vec<usize>>,
    /// In which order receivers visit what they read.
    pub forward: Schedule,
    /// In which order what is read visits its readers.
    pub backward: Schedule,
}

impl PartialEq for Attention {
    /// Schedules follow from the rest.
    fn eq(&self, other: &Self) -> bool {
        self.heads == other.heads
            && self.width == other.width
            && self.mask == other.mask
            && self.queries == other.queries
            && self.keys == other.keys
            && self.query_present == other.query_present
            && self.key_present == other.key_present
            && self.window == other.window
    }
}

/// Something to be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// What it is.
    pub kind: RootKind,
    /// Its name: of an output, objective, weight or modality.
    pub name: String,
    /// The node that makes it.
    pub node: NodeId,
}

/// Kinds of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RootKind {
    /// An output of the model, for each sample.
    Output,
    /// A loss: one number.
    Loss,
    /// What the mean of a term of an objective over more samples than a batch has is made of; the number is the term's place
    /// in [`Loss::terms`](crate::model::Loss::terms).
    Term(usize, TermPart),
    /// The gradient of a fed tensor.
    InputGradient,
    /// The gradient of a part of a parameter buffer: from this number on.
    ParameterGradient(BufferId, usize),
    /// The new value of a part of a parameter buffer or of the optimizer's state beside it: from this number on.
    Update(BufferId, Slot, usize),
    /// The norm of all gradients before clipping: one number.
    GradientNorm,
}

/// What a term of an objective is made of, sample by sample. For samples that do not have the term it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TermPart {
    /// The loss of each sample, `[batch, 1]`; for all but `nce`, whose losses depend on who is compared.
    Losses,
    /// What `nce` compares with the other side, `[batch, width]`.
    Left,
    /// The other side, `[batch, width]`.
    Right,
    /// The temperature of `nce` where it is learned: one number.
    Temperature,
}

impl NodeId {
    /// As an index into [`Graph::nodes`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Graph {
    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The sizes of a node's result.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> &[usize] {
        &self.node(id).shape
    }

    /// How many numbers a node makes.
    #[must_use]
    pub fn numbers(&self, id: NodeId) -> usize {
        self.shape(id).iter().product()
    }

    /// All ids in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        let end = u32::try_from(self.nodes.len()).expect("limits keep graphs below 2^32 nodes");
        (0..end).map(NodeId)
    }

    /// What a node was made for.
    #[must_use]
    pub fn origin(&self, id: NodeId) -> &Origin {
        &self.origins[self.node(id).origin.0 as usize]
    }

    /// Whether a node holds integers.
    #[must_use]
    pub fn is_integer(&self, id: NodeId) -> bool {
        if let Op::Leaf(Leaf::Input(input)) = &self.node(id).op {
            self.inputs[input.0 as usize].kind.is_integer()
        } else {
            false
        }
    }

    /// The attention of an id.
    #[must_use]
    pub fn attention(&self, id: AttentionId) -> &Attention {
        &self.attentions[id.0 as usize]
    }

    /// Which nodes some root needs.
    #[must_use]
    pub fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        for root in &self.roots {
            live[root.node.index()] = true;
        }
        for id in self.ids().rev() {
            if live[id.index()] {
                for input in &self.node(id).inputs {
                    live[input.index()] = true;
                }
            }
        }
        live
    }
}

impl Condition {
    /// Whether it holds for every sample, also for one that fills a batch.
    #[must_use]
    pub fn is_always(&self) -> bool {
        !self.counted && self.targets.is_empty() && self.presence == Presence::always()
    }
}
