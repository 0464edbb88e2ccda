//! Products of matrices.
//!
//! In: a [`Contract`]. Out: a shader that computes tiles of the result, in the form that suits the device and the sizes:
//!
//! - `shared`: lanes put tiles of both operands into workgroup memory. For GPUs. Where few tiles sum long, parts of
//!   the sums go through scratch, and a second shader adds them up.
//! - `registers`: lanes load what they multiply; in a subgroup they pass one operand's numbers around. For processors
//!   that play the device, to which workgroup memory is no nearer than any other.
//! - `few`: lanes share sums instead of having some each. For results of few rows or columns.
//!
//! All write `sum`, the result of the sums, through the same function `store`, and load through `load_a` and `load_b`, so
//! that whatever is fused into a product is the same in all forms. Sums are in a fixed order that depends on sizes and the
//! device alone. Numbers beyond the last row, column or product are the last one's or are not used; none is a factor of
//! what is kept. Operands that are nothing but loads are declared and loaded four numbers at a time where they lie so: then
//! `load_a` gives four.
//!
//! A form for matrices that cooperate (16-bit factors, tiles that a subgroup multiplies at once) belongs here as
//! another skeleton beside `shared`: it differs in what tiles hold and in `multiply`, neither in loads nor in stores.
//!
//! Deliberately not here: what is multiplied, which is the plan's.

mod few;
mod fours;
mod registers;
mod shared;
mod sums;

use super::Target;
use super::access::Element;
use super::kit::{Draft, Kit, function};
use super::tape::{Writer, variable};
use crate::plan::{Access, Body, Contract, Instruction, Tape};
use fours::Along;

/// A product to be written.
#[derive(Clone, Copy)]
struct Product<'a> {
    kit: &'a Kit<'a>,
    contract: &'a Contract,
}

/// One operand: `a` has a row of numbers for each row of the result, `b` for each column.
#[derive(Clone, Copy)]
struct Side<'a> {
    name: &'static str,
    tape: &'a Tape,
    /// What counts its rows: `row` or `column`, of `M` or of `N`.
    index: &'static str,
    count: &'static str,
    /// How many rows it has.
    size: usize,
    /// Along what it is loaded four numbers at a time; none where it is one by one.
    fours: Option<Along>,
}

pub(super) fn draft(kit: &Kit<'_>, contract: &Contract) -> Vec<Draft> {
    let product = Product { kit, contract };
    if few::suits(contract, kit.target) {
        vec![few::draft(&product)]
    } else if kit.target.shares {
        shared::drafts(&product)
    } else {
        vec![registers::draft(&product)]
    }
}

/// Reads that are loaded four numbers at a time, if bindings let them.
pub(super) fn loads_fours(body: &Body, target: &Target) -> Vec<usize> {
    let Body::Contract(contract) = body else { return vec![] };
    if few::suits(contract, target) {
        return vec![];
    }
    let Contract { m, n, k, a, b, .. } = contract;
    let found = [fours::find(a, (*m, *k)), fours::find(b, (*n, *k))];
    found.into_iter().flatten().map(|found| found.read).collect()
}

impl<'a> Product<'a> {
    fn a(&self) -> Side<'a> {
        let Contract { m, a, .. } = self.contract;
        Side { name: "a", tape: a, index: "row", count: "M", size: *m, fours: self.fours(a, *m) }
    }

    fn b(&self) -> Side<'a> {
        let Contract { n, b, .. } = self.contract;
        let fours = self.fours(b, *n);
        Side { name: "b", tape: b, index: "column", count: "N", size: *n, fours }
    }

    fn fours(&self, tape: &Tape, rows: usize) -> Option<Along> {
        let found = fours::find(tape, (rows, self.contract.k))?;
        self.kit.has_fours(found.read).then_some(found.along)
    }

    /// The sizes.
    fn constants(&self) -> String {
        let Contract { m, n, k, .. } = self.contract;
        format!(
            "// A result of {m} x {n} sums over {k} products of a and b.\nconst M: u32 = {m}u;\nconst N: u32 = {n}u;\nconst K: u32 = {k}u;\n"
        )
    }

    /// The functions that load a number of either operand, or four.
    fn loads(&self) -> String {
        [self.a(), self.b()].map(|side| self.load(side)).concat()
    }

    fn load(&self, side: Side<'_>) -> String {
        let columns = self.contract.k;
        if side.fours.is_some() {
            return fours::load(self.kit, &side, columns) + "\n";
        }
        let writer = Writer {
            kit: self.kit,
            tape: side.tape,
            element: Element::Pair { row: side.index, column: "k", columns },
            reduced: &|_| panic!("nothing is summed yet"),
            along: &|_| panic!("operands of products reduce nothing"),
        };
        let last = side.tape.last();
        let mut lines = writer.registers(&[last]);
        lines.push(format!("return {};", variable(last)));
        let head = format!("fn load_{}({}: u32, k: u32) -> f32", side.name, side.index);
        function(&head, &lines) + "\n"
    }

    /// The function that keeps what belongs to a sum.
    fn store(&self) -> String {
        let contract = self.contract;
        let writer = Writer {
            kit: self.kit,
            tape: &contract.after,
            element: Element::Pair { row: "row", column: "column", columns: contract.n },
            reduced: &|_| "sum".to_owned(),
            along: &|_| panic!("products reduce along k alone"),
        };
        let head = "fn store(row: u32, column: u32, sum: f32)";
        function(head, &writer.stores(&contract.stores)) + "\n"
    }
}

impl Side<'_> {
    /// Whether numbers that follow each other along k lie nearer to each other than those of neighboring rows do.
    fn is_along_k(&self, k: usize) -> bool {
        let loads = self.tape.instructions.iter().filter_map(|instruction| match instruction {
            Instruction::Load { access, .. } | Instruction::LoadRow { access, .. } => Some(access),
            Instruction::Constant(_)
            | Instruction::Argument(_)
            | Instruction::Unary(..)
            | Instruction::Binary(..)
            | Instruction::Select(..)
            | Instruction::Random { .. }
            | Instruction::Holds { .. }
            | Instruction::Present { .. }
            | Instruction::Inside { .. }
            | Instruction::Reduce(..)
            | Instruction::Reduced(_) => None,
        });
        let largest = loads.max_by_key(|access| access.reach());
        largest.is_none_or(|access| {
            let (row, column) = ((self.size - 1) / 2, (k - 1) / 2);
            let first = row * k + column;
            let step = |next: usize| (next < self.size * k).then(|| distance(access, first, next));
            let along_rows = step(first + k);
            k > 1
                && along_rows
                    .is_none_or(|along_rows| distance(access, first, first + 1) <= along_rows)
        })
    }

    /// How many instructions compute a number that has been loaded.
    fn work(&self) -> usize {
        let is_work = |instruction: &&Instruction| {
            matches!(
                instruction,
                Instruction::Unary(..)
                    | Instruction::Binary(..)
                    | Instruction::Select(..)
                    | Instruction::Random { .. }
            )
        };
        self.tape.instructions.iter().filter(is_work).count()
    }
}

/// How far from each other the numbers of two elements lie; as far as can be where one has none.
fn distance(access: &Access, a: usize, b: usize) -> usize {
    match (access.at(a), access.at(b)) {
        (Some(a), Some(b)) => a.abs_diff(b),
        (None, _) | (_, None) => usize::MAX,
    }
}
