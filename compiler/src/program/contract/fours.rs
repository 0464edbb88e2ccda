//! Operands that are loaded four numbers at a time.
//!
//! In: an expression. Out: whether it is nothing but a load whose numbers come in fours, along what, and the function that loads
//! four. Deliberately not here: whether bindings let it be, which is the kit's.

use super::super::access::{Element, spot};
use super::super::kit::{Kit, function};
use super::Side;
use crate::plan::{Access, Instruction, Tape, View};

/// Along what four numbers lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Along {
    /// The products of a sum.
    Products,
    /// The rows of the operand.
    Rows,
}

/// A load of fours.
pub(super) struct Fours {
    pub(super) read: usize,
    pub(super) along: Along,
}

/// The load that an expression is, if its numbers lie in fours: groups that begin at a multiple of four in memory and on the axis
/// alike.
pub(super) fn find(tape: &Tape, (rows, k): (usize, usize)) -> Option<Fours> {
    let [Instruction::Load { read, access }] = tape.instructions.as_slice() else { return None };
    let [view] = access.views() else { return None };
    if !view.is_whole() || view.offset < 0 || view.offset % 4 != 0 {
        return None;
    }
    let along = if k.is_multiple_of(4) && lies_in_fours(view, view.shape.len()) {
        Along::Products
    } else if rows.is_multiple_of(4) && lies_in_fours(view, first_of_products(view, k)?) {
        Along::Rows
    } else {
        return None;
    };
    Some(Fours { read: *read, along })
}

/// Whether of the axes before one the last has stride 1 and whole fours, and no other axis breaks any.
fn lies_in_fours(view: &View, before: usize) -> bool {
    let is_long = |axis: &usize| view.shape[*axis] > 1;
    let Some(inner) = (0..before).rev().find(is_long) else { return false };
    let fits = |axis: usize| view.strides[axis].is_multiple_of(4);
    view.strides[inner] == 1
        && view.shape[inner].is_multiple_of(4)
        && (0..view.shape.len()).filter(is_long).all(|axis| axis == inner || fits(axis))
}

/// The first axis of those that are all of k.
fn first_of_products(view: &View, k: usize) -> Option<usize> {
    let mut product = 1;
    for axis in (0..view.shape.len()).rev() {
        product *= view.shape[axis];
        if product >= k {
            return (product == k).then_some(axis);
        }
    }
    None
}

/// The function that loads four numbers from a row and a product on.
pub(super) fn load(kit: &Kit<'_>, side: &Side<'_>, k: usize) -> String {
    let (read, access): (usize, &Access) = match side.tape.instructions.as_slice() {
        [Instruction::Load { read, access }] => (*read, access),
        others => panic!("fours are loads and nothing else: {others:?}"),
    };
    let found = spot(access, Element::Pair { row: side.index, column: "k", columns: k }, "at");
    let mut lines = found.lines;
    lines.push(format!("return {};", kit.load_four(read, &found.offset)));
    let head = format!("fn load_{}({}: u32, k: u32) -> vec4<f32>", side.name, side.index);
    function(&head, &lines)
}
