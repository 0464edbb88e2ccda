//! The closed vocabulary of the graph.
//!
//! Beside each operation: its operands and the shape of its result. Deliberately not here: norms, losses, activations,
//! optimizers, which are made of these.

use std::hash::{Hash, Hasher};

use super::{AttentionId, BufferId, InputId, PresenceId, TableId};

/// What a node does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// Something that is there before the computation.
    Leaf(Leaf),
    /// The same number everywhere.
    Constant(Scalar),
    /// A function of each number of `a`.
    Unary(Unary),
    /// A function of each pair of numbers of `a`, `b` of one shape.
    Binary(Binary),
    /// Of `c`, `a`, `b` of one shape: where `c` is not 0, `a`, else `b`; never a product.
    Select,
    /// `a`, through which no gradient flows.
    Detach,
    /// The numbers of `a` in another shape.
    Reshape,
    /// The axes of `a` in this order.
    Permute(Vec<usize>),
    /// `a` repeated along axes where its size is 1.
    Broadcast,
    /// A part of an axis of `a`.
    Slice {
        /// The axis.
        axis: usize,
        /// From this index on, as many as the result has.
        start: usize,
    },
    /// `a` with zeros before and after it on an axis.
    Pad {
        /// The axis.
        axis: usize,
        /// Zeros before; as many after as the result has room for.
        before: usize,
    },
    /// All operands after one another on an axis.
    Concat(usize),
    /// The numbers along an axis of `a` become one; the axis stays, of size 1.
    Reduce(Reduction, usize),
    /// Of `a` `[m, k]` and `b` `[n, k]`: `[m, n]`, sums over `k` of products. Both transposed are views.
    Contract,
    /// Rows of `a` `[rows, width]` by a table of row numbers.
    Gather(TableId),
    /// Rows of a table `[vocabulary, width]` by ids `[rows]`.
    Lookup,
    /// The transpose of `Lookup`: of `g` `[rows, width]`, the order of the ids and their starts, sums of rows for each
    /// id: `[vocabulary, width]`.
    LookupSum,
    /// Scaled dot-product attention of queries, keys, values `[rows, width]` and, with a window, the bias `[heads,
    /// positions]`: `[rows of receivers, width]`.
    Attend(AttentionId),
    /// Of the same operands: the logarithm of each row's sum of exponentials, `[rows of receivers, heads]`.
    AttendStatistics(AttentionId),
    /// A gradient of attention. Operands: those of `Attend`, then its statistics, the sums over each head of result
    /// times cotangent `[rows of receivers, heads]`, and the cotangent.
    AttendGradient(Gradient, AttentionId),
    /// Uniform numbers from 0 to below 1 for the rows of a pack; one a row if the width is 1.
    Random {
        /// The hash of the site's path and of the first group's name.
        site: u32,
        /// Whether all tokens of a sample have the same one.
        by_sample: bool,
        /// The groups of the pack.
        groups: Vec<Drawn>,
    },
    /// For each row of a pack 1 where the row's sample has the value, else 0: `[rows, 1]`.
    Present(Vec<Segment>),
}

/// The rows of one group that random numbers are for. Groups never share numbers: what two streams had dropped in common
/// would tell either something of the sample that is not in what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Drawn {
    /// Changes the site's hash to the group's own; 0 for the first group.
    pub group: u32,
    /// Tokens a sample.
    pub tokens: usize,
}

/// The rows of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Segment {
    /// For which samples it exists; none for all.
    pub present: Option<PresenceId>,
    /// Tokens a sample.
    pub tokens: usize,
}

/// Something that is there before the computation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Leaf {
    /// A tensor that the host feeds.
    Input(InputId),
    /// A flat buffer of weights.
    Parameters(BufferId),
    /// The state of the optimizer beside it.
    State(BufferId, Slot),
    /// One number, everywhere, that can change from step to step or from layer to layer without another kernel.
    Argument(Argument),
    /// A table of numbers.
    Table(TableId),
}

/// What is kept for each weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// The weight itself.
    Weight,
    /// The average of its gradient; for SGD the momentum.
    First,
    /// The average of its gradient's square.
    Second,
    /// The sum of its gradients since the last update, where several batches make one step.
    Gradient,
}

/// A number that is known before a step and not part of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Argument {
    /// This number, which differs between otherwise equal kernels.
    Given(Scalar),
    /// The learning rate of this step.
    LearningRate,
    /// `1 - beta^t` of the first moment, t counting from 1.
    FirstCorrection,
    /// `1 - beta^t` of the second moment.
    SecondCorrection,
    /// 1 where weights are updated, 0 where gradients are only added up.
    Updates,
}

/// A double that can be compared and hashed by its bits.
#[derive(Debug, Clone, Copy)]
pub struct Scalar(pub f64);

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// Functions of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unary {
    /// -a
    Negate,
    /// 1 / a
    Reciprocal,
    /// e^a
    Exp,
    /// The natural logarithm.
    Log,
    /// The square root.
    Sqrt,
    /// 1 / sqrt(a)
    Rsqrt,
    /// Hyperbolic tangent.
    Tanh,
    /// The error function.
    Erf,
    /// 1 / (1 + e^-a)
    Sigmoid,
}

/// Functions of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binary {
    /// a + b
    Add,
    /// a - b
    Subtract,
    /// a * b
    Multiply,
    /// a / b
    Divide,
    /// The larger one.
    Max,
    /// The smaller one.
    Min,
    /// 1 where a < b, else 0.
    Less,
}

/// How many numbers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reduction {
    /// Their sum.
    Sum,
    /// The largest.
    Max,
}

/// With respect to which operand of attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gradient {
    /// The queries: `[rows of receivers, width]`.
    Queries,
    /// The keys: `[rows of reads, width]`, the reads after one another.
    Keys,
    /// The values, likewise.
    Values,
    /// The score bias: `[heads, positions]`.
    Scores,
}

impl Unary {
    /// Every function.
    pub const ALL: &[Self] = &[
        Self::Negate,
        Self::Reciprocal,
        Self::Exp,
        Self::Log,
        Self::Sqrt,
        Self::Rsqrt,
        Self::Tanh,
        Self::Erf,
        Self::Sigmoid,
    ];

    /// In text forms.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Negate => "negate",
            Self::Reciprocal => "reciprocal",
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Sqrt => "sqrt",
            Self::Rsqrt => "rsqrt",
            Self::Tanh => "tanh",
            Self::Erf => "erf",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// Its value in doubles: the definition.
    #[must_use]
    pub fn apply(self, a: f64) -> f64 {
        match self {
            Self::Negate => -a,
            Self::Reciprocal => 1.0 / a,
            Self::Exp => libm::exp(a),
            Self::Log => libm::log(a),
            Self::Sqrt => a.sqrt(),
            Self::Rsqrt => 1.0 / a.sqrt(),
            Self::Tanh => libm::tanh(a),
            Self::Erf => libm::erf(a),
            Self::Sigmoid => 1.0 / (1.0 + libm::exp(-a)),
        }
    }
}

impl Binary {
    /// Every function.
    pub const ALL: &[Self] = &[
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Max,
        Self::Min,
        Self::Less,
    ];

    /// In text forms.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Max => "max",
            Self::Min => "min",
            Self::Less => "less",
        }
    }

    /// Its value in doubles: the definition. Comparisons with NaN are false, and so `Max` and `Min` give `b` then.
    #[must_use]
    pub fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Max => {
                if a > b {
                    a
                } else {
                    b
                }
            }
            Self::Min => {
                if a < b {
                    a
                } else {
                    b
                }
            }
            Self::Less => f64::from(u8::from(a < b)),
        }
    }
}

impl Op {
    /// Whether it only says where numbers lie.
    #[must_use]
    pub fn is_view(&self) -> bool {
        matches!(
            self,
            Self::Detach
                | Self::Reshape
                | Self::Permute(_)
                | Self::Broadcast
                | Self::Slice { .. }
                | Self::Pad { .. }
        )
    }

    /// Whether each number of the result is a function of the numbers at the same place of the operands.
    #[must_use]
    pub fn is_elementwise(&self) -> bool {
        matches!(self, Self::Unary(_) | Self::Binary(_) | Self::Select)
    }
}
