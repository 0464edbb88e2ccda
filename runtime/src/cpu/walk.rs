//! Accesses made ready to walk along.
//!
//! In: an [`Access`] and the domain that it is of. Out: for a range of elements the runs of numbers that belong to them,
//! each with a stride, or none where padding is. An element's number is taken apart once for a range; from there on
//! indices count up. Deliberately not here: what is done with a run.

use crate::compiler::plan::{Access, View};

/// The elements of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Domain {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Whether accesses number elements column by column.
    pub(super) transposed: bool,
}

/// In how many numbers of a strip a value differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spread {
    /// The same everywhere.
    Uniform,
    /// One for each row.
    ByRow,
    /// One for each element.
    Full,
}

/// Numbers of an operand that belong to neighboring elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The first element, counted from the beginning of the range.
    pub(super) at: usize,
    /// How many elements.
    pub(super) length: usize,
    /// The first number; none in padding.
    pub(super) from: Option<usize>,
    /// How far apart the numbers are.
    pub(super) stride: usize,
}

/// An access that can be walked along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walk {
    /// That of the tensor first.
    levels: Vec<Level>,
}

/// An access of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    /// Along all elements.
    pub(super) all: Walk,
    /// Along the first elements of rows.
    first: Option<Walk>,
    pub(super) spread: Spread,
    columns: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Level {
    axes: Vec<Axis>,
    offset: isize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis {
    size: usize,
    stride: usize,
    /// The indices that are no padding.
    start: usize,
    end: usize,
}

/// More axes than any view that strides can say has.
const MAX_AXES: usize = 16;

fn signed(number: usize) -> isize {
    isize::try_from(number).expect("tensors fit memory")
}

impl Axis {
    fn is_whole(self) -> bool {
        self.start == 0 && self.end == self.size
    }

    fn holds(self, index: usize) -> bool {
        self.start <= index && index < self.end
    }

    fn is_fixed(self) -> bool {
        self.is_whole() && (self.stride == 0 || self.size == 1)
    }

    /// In two, the second of `inner` indices.
    fn split(self, inner: usize) -> Option<[Self; 2]> {
        if !self.is_whole() || !self.size.is_multiple_of(inner) {
            return None;
        }
        let whole = |size, stride| Self { size, stride, start: 0, end: size };
        Some([whole(self.size / inner, self.stride * inner), whole(inner, self.stride)])
    }
}

impl Level {
    fn new(view: &View) -> Self {
        let mut axes = Vec::new();
        for axis in 0..view.shape.len() {
            let (start, end) = view.valid[axis];
            axes.push(Axis {
                size: view.shape[axis],
                stride: view.strides[axis],
                start,
                end: end.max(start),
            });
        }
        Self { axes, offset: view.offset }.joined()
    }

    /// Neighboring axes that one stride serves made one, none of size 1, but at least one axis.
    fn joined(self) -> Self {
        let mut axes: Vec<Axis> = Vec::new();
        for axis in self.axes {
            if axis.size == 1 && axis.is_whole() {
                continue;
            }
            match axes.last_mut() {
                Some(last)
                    if last.is_whole()
                        && axis.is_whole()
                        && last.stride == axis.stride * axis.size =>
                {
                    let size = last.size * axis.size;
                    *last = Axis { size, stride: axis.stride, start: 0, end: size };
                }
                Some(_) | None => axes.push(axis),
            }
        }
        if axes.is_empty() {
            axes.push(Axis { size: 1, stride: 0, start: 0, end: 1 });
        }
        assert!(axes.len() <= MAX_AXES, "a view of {} axes", axes.len());
        Self { axes, offset: self.offset }
    }

    /// How many elements there are.
    fn numbers(&self) -> usize {
        self.axes.iter().map(|axis| axis.size).product()
    }

    /// Whether it is all of the elements of another level, in order.
    fn is_all_of(&self, below: &Self) -> bool {
        let [axis] = self.axes.as_slice() else { return false };
        let straight = self.offset == 0 && axis.is_whole() && (axis.stride == 1 || axis.size == 1);
        straight && axis.size == below.numbers()
    }

    /// The axes of rows and those of columns.
    fn parts(&self, columns: usize) -> Option<(Vec<Axis>, Vec<Axis>)> {
        let (mut left, mut inner) = (columns, Vec::new());
        let mut outer = self.axes.clone();
        while left > 1 {
            let axis = outer.pop()?;
            if left.is_multiple_of(axis.size) {
                left /= axis.size;
                inner.insert(0, axis);
            } else {
                let [above, below] = axis.split(left)?;
                outer.push(above);
                inner.insert(0, below);
                left = 1;
            }
        }
        Some((outer, inner))
    }
}

impl Walk {
    fn new(access: &Access) -> Self {
        let mut levels: Vec<_> = access.views().iter().map(Level::new).collect();
        while let [.., below, top] = levels.as_slice()
            && top.is_all_of(below)
        {
            levels.pop();
        }
        Self { levels }
    }

    fn top(&self) -> &Level {
        self.levels.last().expect("an access has a view")
    }

    fn with_axes(&self, axes: Vec<Axis>) -> Self {
        let mut made = self.clone();
        let top = made.levels.last_mut().expect("an access has a view");
        *top = Level { axes, offset: top.offset }.joined();
        made
    }

    /// How far apart the numbers of neighboring elements are, mostly.
    pub(super) fn last_stride(&self) -> usize {
        self.top().axes.last().map_or(0, |axis| axis.stride)
    }

    /// The offset, and the strides of rows and columns, if the domain is a matrix as it lies.
    fn matrix(&self, columns: usize) -> Option<(usize, usize, usize)> {
        let [level] = self.levels.as_slice() else { return None };
        let (outer, inner) = level.parts(columns)?;
        let one = |axes: Vec<Axis>| match (Level { axes, offset: 0 }).joined().axes.as_slice() {
            [axis] if axis.is_whole() => Some(axis.stride),
            _ => None,
        };
        Some((usize::try_from(level.offset).ok()?, one(outer)?, one(inner)?))
    }

    /// The numbers of `length` elements from `element` on, in order.
    pub(super) fn runs(&self, element: usize, length: usize, visit: &mut impl FnMut(Run)) {
        if length > 0 {
            self.walk(self.levels.len() - 1, element, length, 0, visit);
        }
    }

    fn walk(
        &self,
        level: usize,
        element: usize,
        length: usize,
        at: usize,
        visit: &mut impl FnMut(Run),
    ) {
        let Level { axes, offset } = &self.levels[level];
        let last = axes.len() - 1;
        let (mut indices, mut rest, mut offset, mut outside) = ([0; MAX_AXES], element, *offset, 0);
        for (i, axis) in axes.iter().enumerate().rev() {
            let index = if rest < axis.size { rest } else { rest % axis.size };
            rest = if rest < axis.size { 0 } else { rest / axis.size };
            indices[i] = index;
            if i < last {
                offset += signed(index * axis.stride);
                outside += usize::from(!axis.holds(index));
            }
        }
        let (mut first, mut done) = (indices[last], 0);
        loop {
            let count = (axes[last].size - first).min(length - done);
            self.line(level, outside == 0, offset, first..first + count, at + done, visit);
            done += count;
            if done == length {
                return;
            }
            first = 0;
            for (index, axis) in indices[..last].iter_mut().zip(&axes[..last]).rev() {
                outside -= usize::from(!axis.holds(*index));
                *index += 1;
                offset += signed(axis.stride);
                if *index == axis.size {
                    offset -= signed(axis.stride * axis.size);
                    *index = 0;
                }
                outside += usize::from(!axis.holds(*index));
                if *index != 0 {
                    break;
                }
            }
        }
    }

    /// A part of the last axis; `offset` is that of its index 0.
    fn line(
        &self,
        level: usize,
        inside: bool,
        offset: isize,
        indices: std::ops::Range<usize>,
        at: usize,
        visit: &mut impl FnMut(Run),
    ) {
        let axis = self.levels[level].axes.last().expect("a level has an axis");
        let clip = |bound: usize| {
            if inside { bound.clamp(indices.start, indices.end) } else { indices.end }
        };
        let (start, end) = (clip(axis.start), clip(axis.end));
        let mut padding = |from: usize, to: usize| {
            if from < to {
                visit(Run {
                    at: at + from - indices.start,
                    length: to - from,
                    from: None,
                    stride: 0,
                });
            }
        };
        padding(indices.start, start);
        padding(end.max(start), indices.end);
        if start >= end {
            return;
        }
        let from = usize::try_from(offset + signed(start * axis.stride))
            .expect("valid indices lie in the tensor");
        let (at, length) = (at + start - indices.start, end - start);
        if level == 0 {
            visit(Run { at, length, from: Some(from), stride: axis.stride });
        } else if axis.stride == 1 {
            self.walk(level - 1, from, length, at, visit);
        } else {
            for i in 0..length {
                self.walk(level - 1, from + i * axis.stride, 1, at + i, visit);
            }
        }
    }

    /// Whether no two elements have one number.
    pub(super) fn is_injective(&self) -> bool {
        self.levels.iter().all(|level| {
            let mut axes: Vec<_> =
                level.axes.iter().filter(|axis| axis.end > axis.start + 1).collect();
            axes.sort_by_key(|axis| axis.stride);
            let mut reach = 0;
            axes.iter().all(|axis| {
                let steps_over = axis.stride > reach;
                reach += axis.stride * (axis.end - axis.start - 1);
                steps_over
            })
        })
    }
}

impl Reach {
    /// An access of a domain; none where it cannot be walked along column by column.
    pub(super) fn new(access: &Access, domain: Domain) -> Option<Self> {
        let all = Walk::new(access);
        let columns = if domain.transposed { domain.rows } else { domain.columns };
        let parts = all.top().parts(columns);
        if !domain.transposed {
            return Some(Self::of(all, parts, domain));
        }
        let (outer, inner) = parts?;
        let swapped = [inner.clone(), outer.clone()].concat();
        Some(Self::of(all.with_axes(swapped), Some((inner, outer)), domain))
    }

    fn of(all: Walk, parts: Option<(Vec<Axis>, Vec<Axis>)>, domain: Domain) -> Self {
        let fixed = |axes: &[Axis]| axes.iter().all(|axis| axis.is_fixed());
        let spread = match &parts {
            Some((outer, inner)) if fixed(outer) && fixed(inner) => Spread::Uniform,
            Some((_, inner)) if fixed(inner) => Spread::ByRow,
            Some(_) | None => Spread::Full,
        };
        let first = parts.filter(|(_, inner)| fixed(inner)).map(|(outer, _)| all.with_axes(outer));
        Self { all, first, spread, columns: domain.columns }
    }

    /// The numbers of the first elements of `rows` rows from `row` on.
    pub(super) fn first_of_rows(&self, row: usize, rows: usize, visit: &mut impl FnMut(Run)) {
        match &self.first {
            Some(first) => first.runs(row, rows, visit),
            None => {
                for i in 0..rows {
                    self.all
                        .runs((row + i) * self.columns, 1, &mut |run| visit(Run { at: i, ..run }));
                }
            }
        }
    }

    /// The offset, and the strides of rows and columns, if the domain is a matrix as it lies.
    pub(super) fn matrix(&self) -> Option<(usize, usize, usize)> {
        self.all.matrix(self.columns)
    }
}
