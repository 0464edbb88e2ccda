//! Matrices as views of slices. In: a slice, a shape, strides. Out: a view of which every element is in the slice.
//!
//! Deliberately not here: owned matrices, negative strides, more than two axes.

use std::ops::Range;

/// A matrix to read: element `(row, column)` is `data[row * row_stride + column * column_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct MatrixRef<'a> {
    data: &'a [f32],
    layout: Layout,
}

/// A matrix to write; no two of its elements share a place.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    data: &'a mut [f32],
    layout: Layout,
}

#[derive(Clone, Copy, Debug)]
struct Layout {
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl Layout {
    /// Checked against a slice of `length` numbers. A stride that is never taken becomes 1, whatever it was.
    fn new(
        length: usize,
        rows: usize,
        columns: usize,
        row_stride: usize,
        column_stride: usize,
    ) -> Self {
        let row_stride = if rows > 1 { row_stride } else { 1 };
        let column_stride = if columns > 1 { column_stride } else { 1 };
        let layout = Self { rows, columns, row_stride, column_stride };
        if rows > 0 && columns > 0 {
            let last = ((rows - 1).checked_mul(row_stride))
                .zip((columns - 1).checked_mul(column_stride))
                .and_then(|(down, along)| down.checked_add(along));
            assert!(
                last.is_some_and(|last| last < length),
                "{rows} x {columns} with strides {row_stride} and {column_stride} reach beyond {length} numbers"
            );
        }
        layout
    }

    fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// Whether no two elements share a place: one axis steps over all of the other.
    fn is_injective(self) -> bool {
        let steps_over = |outer: usize, stride: usize, inner: usize, inner_stride: usize| {
            outer <= 1 || inner == 0 || stride > (inner - 1) * inner_stride
        };
        let distinct = |count: usize, stride: usize| count <= 1 || stride > 0;
        distinct(self.rows, self.row_stride)
            && distinct(self.columns, self.column_stride)
            && (steps_over(self.rows, self.row_stride, self.columns, self.column_stride)
                || steps_over(self.columns, self.column_stride, self.rows, self.row_stride))
    }

    fn is_empty(self) -> bool {
        self.rows == 0 || self.columns == 0
    }

    fn offset(self, row: usize, column: usize) -> usize {
        row * self.row_stride + column * self.column_stride
    }

    /// Where the rows begin, and the shape of what is left. Empty views begin at 0, for their strides are unchecked.
    fn row_range(self, rows: &Range<usize>) -> (usize, Self) {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows {rows:?} of {}", self.rows);
        let part = Self { rows: rows.end - rows.start, ..self };
        (if part.is_empty() { 0 } else { self.offset(rows.start, 0) }, part)
    }
}

impl<'a> MatrixRef<'a> {
    /// A dense matrix, rows contiguous one after another.
    ///
    /// # Panics
    ///
    /// If `data` is too short.
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns, 1)
    }

    /// Any matrix; strides of 0 repeat an element.
    ///
    /// # Panics
    ///
    /// If an element lies outside of `data`.
    pub fn strided(
        data: &'a [f32],
        rows: usize,
        columns: usize,
        row_stride: usize,
        column_stride: usize,
    ) -> Self {
        Self { data, layout: Layout::new(data.len(), rows, columns, row_stride, column_stride) }
    }

    /// The same numbers with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self { layout: self.layout.transposed(), ..self }
    }

    /// Some of the rows.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn row_range(self, rows: Range<usize>) -> Self {
        let (start, layout) = self.layout.row_range(&rows);
        Self { data: &self.data[start..], layout }
    }

    /// Columns from `start` to before `end`.
    pub(super) fn column_range(self, start: usize, end: usize) -> Self {
        let part = self.transposed().row_range(start..end).transposed();
        // Through the checks again: a single column has no stride any more.
        let Layout { rows, columns, row_stride, column_stride } = part.layout;
        Self::strided(part.data, rows, columns, row_stride, column_stride)
    }

    /// How many rows.
    pub fn rows(self) -> usize {
        self.layout.rows
    }

    /// How many columns.
    pub fn columns(self) -> usize {
        self.layout.columns
    }

    pub(super) fn row_stride(self) -> usize {
        self.layout.row_stride
    }

    pub(super) fn column_stride(self) -> usize {
        self.layout.column_stride
    }

    pub(super) fn at(self, row: usize, column: usize) -> f32 {
        self.data[self.layout.offset(row, column)]
    }

    /// Gives `take` the numbers of a row from column `start` on, with their places from there.
    #[inline]
    pub(super) fn read(
        self,
        row: usize,
        start: usize,
        count: usize,
        mut take: impl FnMut(usize, f32),
    ) {
        let first = self.layout.offset(row, start);
        if self.layout.column_stride == 1 {
            let line = &self.data[first..first + count];
            line.iter().enumerate().for_each(|(i, &value)| take(i, value));
        } else {
            (0..count).for_each(|i| take(i, self.data[first + i * self.layout.column_stride]));
        }
    }

    pub(super) fn as_ptr(self) -> *const f32 {
        self.data.as_ptr()
    }
}

impl<'a> MatrixMut<'a> {
    /// A dense matrix, rows contiguous one after another.
    ///
    /// # Panics
    ///
    /// If `data` is too short.
    pub fn new(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns, 1)
    }

    /// Any matrix whose elements have a place each.
    ///
    /// # Panics
    ///
    /// If an element lies outside of `data`, or two share a place.
    pub fn strided(
        data: &'a mut [f32],
        rows: usize,
        columns: usize,
        row_stride: usize,
        column_stride: usize,
    ) -> Self {
        let layout = Layout::new(data.len(), rows, columns, row_stride, column_stride);
        assert!(
            layout.is_empty() || layout.is_injective(),
            "two elements of a matrix to write share a place"
        );
        Self { data, layout }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.layout.rows
    }

    /// How many columns.
    pub fn columns(&self) -> usize {
        self.layout.columns
    }

    pub(super) fn row_stride(&self) -> usize {
        self.layout.row_stride
    }

    pub(super) fn column_stride(&self) -> usize {
        self.layout.column_stride
    }

    pub(super) fn is_empty(&self) -> bool {
        self.layout.is_empty()
    }

    pub(super) fn at(&mut self, row: usize, column: usize) -> &mut f32 {
        &mut self.data[self.layout.offset(row, column)]
    }

    pub(super) fn fill(&mut self, value: f32) {
        for row in 0..self.rows() {
            for column in 0..self.columns() {
                *self.at(row, column) = value;
            }
        }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.data.as_mut_ptr()
    }
}
