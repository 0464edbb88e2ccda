//! Accesses as index arithmetic.
//!
//! In: an [`Access`], and expressions for the element of a domain. Out: statements, the offset, and where padding is the
//! condition under which there is one. Divisions and remainders by constants are all that is needed, and where axes of the
//! access end where rows do, not even these. Deliberately not here: loads.

use super::text::{over, rest, sum, times};
use crate::plan::{Access, View};

/// How an element of a domain is spelled: the variables `row` and `column`, of so many columns.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element<'a> {
    /// One number.
    Number(&'a str),
    /// A row and a column of so many.
    Pair {
        /// The row.
        row: &'a str,
        /// The column.
        column: &'a str,
        /// How many columns.
        columns: usize,
    },
}

/// Where a number lies.
#[derive(Debug, Clone, Default)]
pub(super) struct Spot {
    /// Statements that come first.
    pub(super) lines: Vec<String>,
    /// The offset.
    pub(super) offset: String,
    /// When there is a number at all; none for always.
    pub(super) inside: Option<String>,
}

impl Element<'_> {
    /// The element as one number.
    fn number(self) -> String {
        match self {
            Self::Number(number) => number.to_owned(),
            Self::Pair { row, column, columns } => {
                let row = times(row, columns);
                if columns == 1 { row } else { sum(&[row, column.to_owned()]) }
            }
        }
    }
}

/// Writes an access. Statements define variables whose names begin with the prefix.
pub(super) fn spot(access: &Access, element: Element<'_>, prefix: &str) -> Spot {
    let mut writer =
        Writer { prefix, spot: Spot::default(), conditions: Vec::new(), n_variables: 0 };
    let mut views = access.views().iter().rev();
    let first = views.next().expect("an access has a view");
    let mut offset = writer.first(first, element);
    for view in views {
        let number = writer.variable(&offset);
        offset = writer.view(view, 0..view.shape.len(), &number);
        offset = with_fixed(view, offset);
    }
    let Writer { mut spot, conditions, .. } = writer;
    spot.offset = offset;
    spot.inside = (!conditions.is_empty()).then(|| conditions.join(" && "));
    spot
}

struct Writer<'a> {
    prefix: &'a str,
    spot: Spot,
    conditions: Vec<String>,
    n_variables: usize,
}

impl Writer<'_> {
    fn first(&mut self, view: &View, element: Element<'_>) -> String {
        let offset = match element {
            Element::Pair { row, column, columns } if columns > 1 => match split(view, columns) {
                Some(at) if at > 0 => {
                    let rows = self.view(view, 0..at, row);
                    let columns = self.view(view, at..view.shape.len(), column);
                    sum(&[rows, columns])
                }
                Some(_) | None => self.whole(view, &element.number()),
            },
            Element::Pair { row, .. } => self.whole(view, row),
            Element::Number(number) => self.whole(view, number),
        };
        with_fixed(view, offset)
    }

    fn whole(&mut self, view: &View, number: &str) -> String {
        let simple = view.shape.len() <= 1;
        let number = if simple { number.to_owned() } else { self.variable(number) };
        self.view(view, 0..view.shape.len(), &number)
    }

    /// The part of the offset that some axes make, of a number that these take apart.
    fn view(&mut self, view: &View, axes: std::ops::Range<usize>, number: &str) -> String {
        let mut terms = Vec::new();
        let mut below = 1;
        for axis in axes.clone().rev() {
            let (size, stride, valid) = (view.shape[axis], view.strides[axis], view.valid[axis]);
            let is_whole = valid == (0, size);
            if stride != 0 || !is_whole {
                let mut index = over(number, below);
                if axis != axes.start {
                    index = rest(&index, size);
                }
                if !is_whole {
                    index = self.variable(&index);
                    self.within(&index, size, valid);
                }
                terms.push(times(&index, stride));
            }
            below *= size;
        }
        terms.reverse();
        sum(&terms)
    }

    fn within(&mut self, index: &str, size: usize, (start, end): (usize, usize)) {
        if start > 0 {
            self.conditions.push(format!("{index} >= {start}u"));
        }
        if end < size {
            self.conditions.push(format!("{index} < {end}u"));
        }
    }

    /// A variable for an expression, unless it is one.
    fn variable(&mut self, expression: &str) -> String {
        if expression.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return expression.to_owned();
        }
        let name = format!("{}_{}", self.prefix, self.n_variables);
        self.n_variables += 1;
        self.spot.lines.push(format!("let {name} = {expression};"));
        name
    }
}

/// The axis from which on axes are columns, where axes end where rows do.
fn split(view: &View, columns: usize) -> Option<usize> {
    let mut product = 1;
    for axis in (0..view.shape.len()).rev() {
        product *= view.shape[axis];
        if product == columns {
            return Some(axis);
        }
        if product > columns {
            return None;
        }
    }
    None
}

/// With the fixed part of a view's offset, which is below zero where padding comes first.
fn with_fixed(view: &View, offset: String) -> String {
    let fixed = view.offset.unsigned_abs();
    if view.offset < 0 {
        // Where there is a number, the sum is not below zero; elsewhere it is not used.
        format!("{offset} - {fixed}u")
    } else if fixed > 0 {
        sum(&[offset, format!("{fixed}u")])
    } else {
        offset
    }
}
