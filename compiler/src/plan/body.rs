//! What kernels do: the closed list of bodies, and the expressions in them.
//!
//! An expression is a [`Tape`]: instructions in order, each of which makes a register out of earlier ones, evaluated for
//! every element of a domain of rows and columns. Elements are numbered row by row, and an [`Access`] says which number of
//! an operand belongs to an element. Bodies name operands, results and arguments by their place in the kernel's lists, so
//! that kernels which differ in nothing else share one body.
//!
//! Deliberately not here: where operands lie (`Region`), how a domain is cut into tiles.

use crate::graph::{AttentionId, Binary, Drawn, Reduction, Scalar, Segment, Unary};

use super::Access;

/// What a kernel does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Body {
    /// For every element an expression, and where its values are stored.
    Map(Tile),
    /// The same, with reductions along each row in the expression.
    Row(Tile),
    /// Reductions along an axis that is not the last.
    Column(Column),
    /// A product of matrices.
    Contract(Contract),
    /// Attention or a gradient of it. Reads: queries, keys, values, then the bias if there is one; for gradients then
    /// statistics, delta, cotangent. All are matrices as wide as the attention, row after row.
    Attend(AttendKind, AttentionId),
    /// Sums of rows for each id. Reads: rows `[rows, width]`, the order of ids, the starts of ids. Writes `[vocabulary,
    /// width]`.
    LookupSum {
        /// Rows of the operand.
        rows: usize,
        /// How many ids.
        vocabulary: usize,
        /// Numbers a row.
        width: usize,
    },
}

/// What an attention kernel writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttendKind {
    /// The result and the statistics, those that are wanted.
    Forward {
        /// Whether the result is written.
        result: bool,
        /// Whether statistics are written, behind it.
        statistics: bool,
    },
    /// The gradient of the queries.
    Queries,
    /// The gradients of keys and of values, those that are wanted.
    KeysValues {
        /// Whether that of the keys is written.
        keys: bool,
        /// Whether that of the values is written, behind it.
        values: bool,
    },
    /// The gradient of the score bias.
    Scores,
}

/// An expression over rows and columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Rows of the domain.
    pub rows: usize,
    /// Columns of the domain.
    pub columns: usize,
    /// The expression.
    pub tape: Tape,
    /// What of it is kept.
    pub stores: Vec<Store>,
}

/// A reduction of an expression along an axis, then an expression of the results.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Column {
    /// Sizes before the axis.
    pub outer: usize,
    /// Size of the axis.
    pub length: usize,
    /// Sizes behind the axis.
    pub inner: usize,
    /// What is reduced, on `outer * length` rows and `inner` columns.
    pub before: Tape,
    /// The reductions along the axis, and the register of `before` that each is of.
    pub reductions: Vec<(Reduction, Register)>,
    /// An expression on `outer` rows and `inner` columns, in which `Reduced` is the result of a reduction.
    pub after: Tape,
    /// What of it is kept.
    pub stores: Vec<Store>,
}

/// Sums over `k` of `a` `[m, k]` times `b` `[n, k]`, then an expression of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Contract {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// How many products are summed.
    pub k: usize,
    /// The left operand, on `m` rows and `k` columns: its last register.
    pub a: Tape,
    /// The right operand, on `n` rows and `k` columns: its last register.
    pub b: Tape,
    /// An expression on `m` rows and `n` columns, in which `Reduced(0)` is the sum.
    pub after: Tape,
    /// What of it is kept.
    pub stores: Vec<Store>,
}

/// A register of a tape that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Store {
    /// The register. One that is the same for a whole row is kept once a row.
    pub register: Register,
    /// Which of the kernel's writes.
    pub write: usize,
    /// Which number of it belongs to an element; of the domain's rows alone if `by_row`.
    pub access: Access,
    /// Whether there is one number a row.
    pub by_row: bool,
}

/// The result of the instruction of this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Register(pub u32);

/// Instructions in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Tape {
    /// The instructions.
    pub instructions: Vec<Instruction>,
    /// For each instruction whether its value is the same for all columns of a row by construction.
    pub by_row: Vec<bool>,
}

/// One step of an expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Instruction {
    /// A number of an operand; 0 where the access has none.
    Load {
        /// Which of the kernel's reads.
        read: usize,
        /// Which number belongs to an element.
        access: Access,
    },
    /// A number of a row of an operand `[.., width]`, the row being an integer of another operand.
    LoadRow {
        /// Which of the kernel's reads holds the rows.
        read: usize,
        /// Which of them holds the row numbers.
        index: usize,
        /// Numbers a row.
        width: usize,
        /// Which number of the tensor of gathered rows belongs to an element.
        access: Access,
    },
    /// A fixed number.
    Constant(Scalar),
    /// An argument of the kernel.
    Argument(usize),
    /// A function of a register.
    Unary(Unary, Register),
    /// A function of two.
    Binary(Binary, Register, Register),
    /// Where the first is not 0, the second, else the third.
    Select(Register, Register, Register),
    /// A uniform random number.
    Random {
        /// The argument with the hash of the site.
        site: usize,
        /// Whether all tokens of a sample have the same one.
        by_sample: bool,
        /// The groups of the pack.
        groups: Vec<Drawn>,
        /// Numbers a row of the pack.
        width: usize,
        /// Which number of the pack belongs to an element.
        access: Access,
    },
    /// 1 where a condition holds for the row's sample, else 0. A condition is no part of the body: equal terms of a loss have
    /// others.
    Holds {
        /// The argument with the condition.
        condition: usize,
        /// Rows of a sample.
        tokens: usize,
        /// Which row belongs to an element.
        access: Access,
    },
    /// 1 where the row's sample has the value, else 0.
    Present {
        /// The groups of the pack.
        segments: Vec<Segment>,
        /// Which row of the pack belongs to an element.
        access: Access,
    },
    /// 1 where the access has a number, 0 in a padding.
    Inside {
        /// Which number belongs to an element.
        access: Access,
    },
    /// A reduction along the row, of a register: the same for all columns.
    Reduce(Reduction, Register),
    /// The result of the reduction of this number that the body does outside of the tape.
    Reduced(usize),
}

impl Instruction {
    /// The registers that it uses.
    #[must_use]
    pub fn operands(&self) -> Vec<Register> {
        match self {
            Self::Unary(_, a) | Self::Reduce(_, a) => vec![*a],
            Self::Binary(_, a, b) => vec![*a, *b],
            Self::Select(a, b, c) => vec![*a, *b, *c],
            Self::Load { .. }
            | Self::LoadRow { .. }
            | Self::Constant(_)
            | Self::Argument(_)
            | Self::Random { .. }
            | Self::Holds { .. }
            | Self::Present { .. }
            | Self::Inside { .. }
            | Self::Reduced(_) => vec![],
        }
    }
}

impl Tape {
    /// The instruction that makes a register.
    #[must_use]
    pub fn instruction(&self, register: Register) -> &Instruction {
        &self.instructions[register.0 as usize]
    }

    /// The register of the last instruction.
    #[must_use]
    pub fn last(&self) -> Register {
        let n = self.instructions.len().checked_sub(1).expect("a tape has instructions");
        Register(u32::try_from(n).expect("tapes are short"))
    }
}
