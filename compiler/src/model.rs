//! The resolved model: everything that later stages need, and nothing that can still be wrong.
//!
//! In: made by `resolve` alone. Out: plain data, dense ids, append-only vectors. Blocks are expanded, names and
//! numbers gone; what is left is a list of [`Step`]s in the order in which they are computed.
//!
//! A step does one operation on several token groups at once: one [`Lane`] a group. A block applied over a
//! route of three groups so becomes steps of three lanes, and lanes of one step whose weights are the same ids share
//! them; that is all that a kernel needs to know to pack them. Every lane makes one [`Value`].
//!
//! Deliberately not here: gradients, kernels, batches; and anything that can be derived: flows are in
//! [`crate::flow`], costs in [`crate::cost`].

mod display;
mod dot;
mod fold;
mod op;
mod scaling;
mod table;
mod verify;

use zorro_grammar::Span;

use crate::number::Number;
use crate::routing::{Mask, Relation};

pub(crate) use display::columns;
pub use dot::dot;
pub use op::{
    Elementwise, HostStep, Init, Missing, Negatives, Op, Pooling, PositionKind, Short, Source,
    WeightKind, WindowType,
};
pub use scaling::{Filter, Fit, Scaling};
pub use table::weights_table;
pub use verify::verify;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index into the vector of the model that holds these.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The id of the element that will be pushed next onto a vector of this length.
            #[must_use]
            pub(crate) fn next(length: usize) -> Self {
                Self(u32::try_from(length).expect("limits keep every list below 2^32"))
            }
        }
    )*};
}

ids! {
    /// An element of [`Model::modalities`].
    ModalityId
    /// An element of [`Model::groups`].
    GroupId
    /// An element of [`Model::weights`].
    WeightId
    /// An element of [`Model::values`].
    ValueId
    /// An element of [`Model::steps`].
    StepId
    /// An element of [`Model::targets`].
    TargetId
}

/// A model after `resolve`.
#[derive(Debug, Clone)]
pub struct Model {
    /// The name in the spec.
    pub name: String,
    /// The documentation above it.
    pub docs: Vec<String>,
    /// Its params with the values in force.
    pub params: Vec<Param>,
    /// What it is fed.
    pub modalities: Vec<Modality>,
    /// Its token groups, in the order of their declaration.
    pub groups: Vec<Group>,
    /// Its weights, in the order in which they are first used.
    pub weights: Vec<Weight>,
    /// What the steps compute.
    pub values: Vec<Value>,
    /// The computation; operands come from earlier steps.
    pub steps: Vec<Step>,
    /// Its layers: one for each application of a block over a route.
    pub applies: Vec<Apply>,
    /// What losses compare with.
    pub targets: Vec<Target>,
    /// Its results.
    pub outputs: Vec<Output>,
    /// What training may minimize.
    pub objectives: Vec<Objective>,
    /// What was asserted, and holds.
    pub asserts: Vec<Assert>,
}

/// A `param` with its value.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// The value in force, as text.
    pub value: String,
    /// Whether `--set` or the caller changed it.
    pub set: bool,
}

/// What is fed under one name: host code that ends in a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modality {
    /// Its name.
    pub name: String,
    /// Where the data comes from.
    pub source: Source,
    /// What the host does to it, in order.
    pub steps: Vec<HostStep>,
    /// The tensor that results, for one sample.
    pub shape: Shape,
    /// Where it is declared.
    pub span: Span,
}

/// A named token group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name; two groups can have the same one in different scopes.
    pub name: String,
    /// The value that it begins with; another group's, where it begins as another name for that.
    pub start: ValueId,
    /// Where it is declared.
    pub span: Span,
}

/// The shape of a value for one sample: a row-major grid of tokens, and the numbers of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The sizes of the grid; empty for something that counts for every token.
    pub grid: Vec<u64>,
    /// Numbers a token.
    pub width: u64,
}

/// A weight: one tensor that training changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weight {
    /// The name by which checkpoints, shaders and errors know it.
    pub name: String,
    /// The name by which old checkpoints know it, where that is another.
    pub former: Option<String>,
    /// Row-major sizes. A linear map from `i` to `o` is `[o, i]`.
    pub shape: Vec<u64>,
    /// How it starts.
    pub init: Init,
    /// What it is for.
    pub kind: WeightKind,
    /// The operation that made it.
    pub span: Span,
}

/// One computed tensor.
#[derive(Debug, Clone)]
pub struct Value {
    /// What computes it.
    pub step: StepId,
    /// The group on whose behalf, where there is one.
    pub group: Option<GroupId>,
    /// Its shape for one sample.
    pub shape: Shape,
}

/// One operation on one or more token groups.
#[derive(Debug, Clone)]
pub struct Step {
    /// What is done.
    pub op: Op,
    /// To what, one lane a group.
    pub lanes: Vec<Lane>,
    /// Labels and loop numbers around it, then the operation: `layers.3.attend`.
    pub path: String,
    /// Where it stands in the spec.
    pub span: Span,
}

/// One group's part of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// What it reads. For [`Op::Attend`]: the query, then key and value of each group read.
    pub operands: Vec<ValueId>,
    /// Its weights, in the order that [`Op`] documents.
    pub weights: Vec<WeightId>,
    /// For [`Op::Attend`], one for each group read; else empty.
    pub reads: Vec<Read>,
    /// What it makes.
    pub result: ValueId,
}

/// One group that an attention lane reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The group whose tokens are read, where it has a name.
    pub group: Option<GroupId>,
    /// Which of its tokens: the relation of the edge and that of the attention.
    pub relation: Relation,
    /// The edge that allows it; the attention itself where there is no route.
    pub span: Span,
}

/// One application of a block over a route.
#[derive(Debug, Clone)]
pub struct Apply {
    /// Its place: `layers.3`, `decoder`.
    pub path: String,
    /// The block.
    pub block: String,
    /// The route's name, if it has one.
    pub route: Option<String>,
    /// Its steps, as a range of [`Model::steps`].
    pub steps: std::ops::Range<usize>,
    /// The values of all groups in scope afterwards.
    pub after: Vec<(GroupId, ValueId)>,
    /// Where it stands.
    pub span: Span,
}

/// What a loss compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: TargetKind,
    /// Where it is declared.
    pub span: Span,
}

/// The kinds of target. All are fed as numbers, so that mixtures of samples can be targets, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetKind {
    /// One of so many classes, as a distribution.
    Class(u64),
    /// Any of so many classes, each a number from 0 to 1.
    Classes(u64),
    /// A tensor to be approximated.
    Tensor(Shape),
}

/// A result.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: ValueId,
    /// Where it is declared.
    pub span: Span,
}

/// What training may minimize.
#[derive(Debug, Clone)]
pub struct Objective {
    /// Its name.
    pub name: String,
    /// The loss.
    pub loss: Loss,
    /// Where it is declared.
    pub span: Span,
}

/// A loss; each is the mean over the samples that have its operands and its target.
#[derive(Debug, Clone)]
pub enum Loss {
    /// Softmax cross-entropy.
    CrossEntropy {
        /// One token of width n.
        logits: ValueId,
        /// A `class(n)`.
        target: TargetId,
        /// Label smoothing, 0..1.
        smoothing: Number,
    },
    /// Binary cross-entropy of each class, averaged over classes.
    SigmoidCrossEntropy {
        /// One token of width n.
        logits: ValueId,
        /// A `classes(n)`.
        target: TargetId,
    },
    /// Noise-contrastive estimation over the batch (equation 2 of the paper).
    Nce {
        /// One token.
        a: ValueId,
        /// One token of the same width.
        b: ValueId,
        /// What the cosine similarities are divided by.
        temperature: Scalar,
        /// Who the negatives are.
        negatives: Negatives,
        /// Where it stands.
        span: Span,
    },
    /// Mean squared error.
    Mse {
        /// The approximation.
        a: ValueId,
        /// What it shall become.
        b: MseTarget,
    },
    /// The mean over the terms that at least one sample of the batch has.
    Mean(Vec<Self>),
    /// The weighted sum; a term that no sample has counts 0.
    Sum(Vec<(Number, Self)>),
}

/// The second operand of a mean squared error.
#[derive(Debug, Clone)]
pub enum MseTarget {
    /// A target.
    Target(TargetId),
    /// Another value.
    Value(ValueId),
}

/// A number that is fixed or learned.
#[derive(Debug, Clone)]
pub enum Scalar {
    /// Fixed.
    Fixed(Number),
    /// Computed from learned scalars: grid `[]`, width 1.
    Computed(ValueId),
}

/// What was asserted, and holds.
#[derive(Debug, Clone)]
pub struct Assert {
    /// The name as asserted about.
    pub name: String,
    /// The value that the name had at that place.
    pub value: ValueId,
    /// What is asserted of it.
    pub claim: Claim,
    /// The assert.
    pub span: Span,
}

/// What an assert says of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// These modalities alone may reach it.
    ReadsOnly(Vec<ModalityId>),
    /// Its position t depends on no later position of this modality.
    Causal(ModalityId),
}

impl Shape {
    /// A shape.
    #[must_use]
    pub fn new(grid: impl Into<Vec<u64>>, width: u64) -> Self {
        Self { grid: grid.into(), width }
    }

    /// How many tokens.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.grid.iter().product()
    }

    /// How many numbers.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        self.tokens() * self.width
    }
}

impl Weight {
    /// How many numbers.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        self.shape.iter().product()
    }
}

impl Assert {
    /// The modalities that may reach the value, where the assert speaks of them.
    #[must_use]
    pub fn only(&self) -> Option<&[ModalityId]> {
        match &self.claim {
            Claim::ReadsOnly(only) => Some(only),
            Claim::Causal(_) => None,
        }
    }
}

impl Lane {
    /// For [`Op::Attend`]: the keys of each group read.
    pub fn keys(&self) -> impl Iterator<Item = ValueId> {
        self.operands.iter().skip(1).step_by(2).copied()
    }
}

impl Loss {
    /// The values that the loss reads, in order.
    #[must_use]
    pub fn operands(&self) -> Vec<ValueId> {
        match self {
            Self::CrossEntropy { logits, .. } | Self::SigmoidCrossEntropy { logits, .. } => {
                vec![*logits]
            }
            Self::Nce { a, b, temperature, .. } => match temperature {
                Scalar::Fixed(_) => vec![*a, *b],
                Scalar::Computed(value) => vec![*a, *b, *value],
            },
            Self::Mse { a, b } => match b {
                MseTarget::Target(_) => vec![*a],
                MseTarget::Value(b) => vec![*a, *b],
            },
            Self::Mean(terms) => terms.iter().flat_map(Self::operands).collect(),
            Self::Sum(terms) => terms.iter().flat_map(|(_, term)| term.operands()).collect(),
        }
    }

    /// The targets that the loss is held to, in order.
    #[must_use]
    pub fn targets(&self) -> Vec<TargetId> {
        match self {
            Self::CrossEntropy { target, .. }
            | Self::SigmoidCrossEntropy { target, .. }
            | Self::Mse { b: MseTarget::Target(target), .. } => vec![*target],
            Self::Nce { .. } | Self::Mse { b: MseTarget::Value(_), .. } => Vec::new(),
            Self::Mean(terms) => terms.iter().flat_map(Self::targets).collect(),
            Self::Sum(terms) => terms.iter().flat_map(|(_, term)| term.targets()).collect(),
        }
    }

    /// The losses that it is a mean or a sum of, in order: those that have no terms themselves.
    #[must_use]
    pub fn terms(&self) -> Vec<&Self> {
        match self {
            Self::CrossEntropy { .. }
            | Self::SigmoidCrossEntropy { .. }
            | Self::Nce { .. }
            | Self::Mse { .. } => vec![self],
            Self::Mean(terms) => terms.iter().flat_map(Self::terms).collect(),
            Self::Sum(terms) => terms.iter().flat_map(|(_, term)| term.terms()).collect(),
        }
    }
}

impl Model {
    /// A model without anything, to be filled by `resolve`.
    pub(crate) fn empty() -> Self {
        Self {
            name: String::new(),
            docs: Vec::new(),
            params: Vec::new(),
            modalities: Vec::new(),
            groups: Vec::new(),
            weights: Vec::new(),
            values: Vec::new(),
            steps: Vec::new(),
            applies: Vec::new(),
            targets: Vec::new(),
            outputs: Vec::new(),
            objectives: Vec::new(),
            asserts: Vec::new(),
        }
    }

    /// A value.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    /// The shape of a value.
    #[must_use]
    pub fn shape(&self, id: ValueId) -> &Shape {
        &self.value(id).shape
    }

    /// The name of a group.
    #[must_use]
    pub fn group_name(&self, id: GroupId) -> &str {
        &self.groups[id.index()].name
    }

    /// The step and the lane that make a value.
    #[must_use]
    pub fn made_by(&self, id: ValueId) -> (&Step, &Lane) {
        let step = &self.steps[self.value(id).step.index()];
        // `resolve` makes lanes in the order of their results; a model made by hand may not be so.
        let lane = match step.lanes.binary_search_by_key(&id, |lane| lane.result) {
            Ok(at) => step.lanes.get(at),
            Err(_) => step.lanes.iter().find(|lane| lane.result == id),
        };
        (step, lane.expect("verified: every value is the result of a lane of its step"))
    }

    /// The modality of a name.
    #[must_use]
    pub fn modality(&self, name: &str) -> Option<ModalityId> {
        self.modalities.iter().position(|modality| modality.name == name).map(ModalityId::next)
    }

    /// The mask of an attention step: receivers are its lanes, reads the groups that they read.
    /// `None` for any other step.
    #[must_use]
    pub fn mask(&self, step: &Step) -> Option<Mask> {
        crate::routing::mask_of(self, step)
    }
}

#[cfg(test)]
pub(crate) mod tests;
