//! Which number of a tensor belongs to which element of a domain.
//!
//! In: a tensor as it lies, row-major, and the views between it and an expression: reshapes, permutations,
//! broadcasts, slices, zero padding. Out: an [`Access`], from the number of an element to an offset in the tensor, or to
//! nothing where padding is. Deliberately not here: what is done with the number.
//!
//! A view is a shape with strides; most chains of views are one view. A reshape that strides cannot say adds a view: the
//! offset in one is the element number of the one before it.

/// Steps from the number of an element to an offset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Access {
    /// The last one is applied first. There is at least one.
    views: Vec<View>,
}

/// A shape with strides.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    /// The sizes by which an element's number is taken apart, row-major.
    pub shape: Vec<usize>,
    /// How far an index of each axis moves the offset.
    pub strides: Vec<usize>,
    /// What is added to the offset; negative where there is padding before the tensor.
    pub offset: isize,
    /// For each axis the indices that are no padding.
    pub valid: Vec<(usize, usize)>,
}

impl View {
    /// Numbers as they lie.
    #[must_use]
    pub fn contiguous(shape: &[usize]) -> Self {
        let mut strides = vec![1; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        Self {
            shape: shape.to_vec(),
            strides,
            offset: 0,
            valid: shape.iter().map(|size| (0, *size)).collect(),
        }
    }

    /// Whether no index is padding.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.valid.iter().zip(&self.shape).all(|(valid, size)| *valid == (0, *size))
    }

    /// The offset of an element; none where padding is.
    #[must_use]
    pub fn at(&self, element: usize) -> Option<usize> {
        let (mut rest, mut offset) = (element, self.offset);
        for axis in (0..self.shape.len()).rev() {
            let index = rest % self.shape[axis];
            rest /= self.shape[axis];
            let (start, end) = self.valid[axis];
            if index < start || index >= end {
                return None;
            }
            offset += isize::try_from(index * self.strides[axis]).expect("tensors fit memory");
        }
        Some(usize::try_from(offset).expect("offsets of valid indices lie in the tensor"))
    }

    /// The same with neighboring axes that one stride serves made one, and without axes of size 1.
    fn simplified(&self) -> Self {
        let mut made = Self { shape: vec![], strides: vec![], offset: self.offset, valid: vec![] };
        for axis in 0..self.shape.len() {
            let (size, stride, valid) = (self.shape[axis], self.strides[axis], self.valid[axis]);
            if size == 1 && valid == (0, 1) {
                continue;
            }
            let whole = |valid: (usize, usize), size: usize| valid == (0, size);
            let last = made.shape.len().checked_sub(1);
            let joins = last.is_some_and(|last| {
                made.strides[last] == stride * size
                    && whole(valid, size)
                    && whole(made.valid[last], made.shape[last])
            });
            match last.filter(|_| joins) {
                Some(last) => {
                    made.shape[last] *= size;
                    made.strides[last] = stride;
                    made.valid[last] = (0, made.shape[last]);
                }
                None => {
                    made.shape.push(size);
                    made.strides.push(stride);
                    made.valid.push(valid);
                }
            }
        }
        made
    }

    /// The same numbers in another shape, where strides can say it.
    fn reshaped(&self, shape: &[usize]) -> Option<Self> {
        if !self.is_whole() {
            return None;
        }
        let simple = self.simplified();
        let (mut axis, mut left) = (simple.shape.len(), 1);
        let mut strides = vec![0; shape.len()];
        let mut stride = 0;
        for to in (0..shape.len()).rev() {
            if shape[to] == 1 {
                continue;
            }
            if left == 1 {
                axis = axis.checked_sub(1)?;
                left = simple.shape[axis];
                stride = simple.strides[axis];
            }
            if !left.is_multiple_of(shape[to]) {
                return None;
            }
            strides[to] = stride;
            stride *= shape[to];
            left /= shape[to];
        }
        let valid = shape.iter().map(|size| (0, *size)).collect();
        (left == 1 && axis == 0).then(|| Self {
            shape: shape.to_vec(),
            strides,
            offset: self.offset,
            valid,
        })
    }
}

impl Access {
    /// A tensor as it lies.
    #[must_use]
    pub fn of(shape: &[usize]) -> Self {
        Self { views: vec![View::contiguous(shape)] }
    }

    /// The views, that of the tensor first.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.views
    }

    fn last(&mut self) -> &mut View {
        self.views.last_mut().expect("an access has a view")
    }

    /// The sizes by which elements are numbered.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.views[self.views.len() - 1].shape
    }

    /// In another shape.
    pub fn reshape(&mut self, shape: &[usize]) {
        if self.shape() == shape {
            return;
        }
        match self.last().reshaped(shape) {
            Some(view) => *self.last() = view,
            None => self.views.push(View::contiguous(shape)),
        }
    }

    /// Axes in this order.
    pub fn permute(&mut self, axes: &[usize]) {
        let view = self.last();
        view.shape = axes.iter().map(|axis| view.shape[*axis]).collect();
        view.strides = axes.iter().map(|axis| view.strides[*axis]).collect();
        view.valid = axes.iter().map(|axis| view.valid[*axis]).collect();
    }

    /// Repeated along axes of size 1.
    pub fn broadcast(&mut self, shape: &[usize]) {
        let view = self.last();
        for (axis, size) in shape.iter().enumerate() {
            if view.shape[axis] != *size {
                view.strides[axis] = 0;
                view.valid[axis] = if view.valid[axis] == (0, 1) { (0, *size) } else { (0, 0) };
                view.shape[axis] = *size;
            }
        }
    }

    /// A part of an axis.
    pub fn slice(&mut self, axis: usize, start: usize, length: usize) {
        let view = self.last();
        view.offset += isize::try_from(start * view.strides[axis]).expect("tensors fit memory");
        let (from, to) = view.valid[axis];
        let clip = |end: usize| end.saturating_sub(start).min(length);
        view.valid[axis] = (clip(from), clip(to));
        view.shape[axis] = length;
    }

    /// Zeros before an axis and behind it, up to a length.
    pub fn pad(&mut self, axis: usize, before: usize, length: usize) {
        let view = self.last();
        view.offset -= isize::try_from(before * view.strides[axis]).expect("tensors fit memory");
        let (from, to) = view.valid[axis];
        view.valid[axis] = (from + before, to + before);
        view.shape[axis] = length;
    }

    /// The offset that belongs to an element; none where padding is.
    #[must_use]
    pub fn at(&self, element: usize) -> Option<usize> {
        self.views.iter().rev().try_fold(element, |element, view| view.at(element))
    }

    /// Takes the fixed part of the offset out, so that equal accesses of other parts of a tensor are equal.
    pub fn take_offset(&mut self) -> usize {
        let view = &mut self.views[0];
        match usize::try_from(view.offset) {
            Ok(offset) if view.is_whole() => {
                view.offset = 0;
                offset
            }
            Ok(_) | Err(_) => 0,
        }
    }

    /// One behind the largest offset.
    #[must_use]
    pub fn extent(&self) -> usize {
        let view = &self.views[0];
        let mut last = view.offset;
        for (stride, (start, end)) in view.strides.iter().zip(&view.valid) {
            if start >= end {
                return 0;
            }
            last += isize::try_from(stride * (end - 1)).expect("tensors fit memory");
        }
        usize::try_from(last).map_or(0, |last| last + 1)
    }

    /// How many different numbers it gives at most.
    #[must_use]
    pub fn reach(&self) -> usize {
        let of = |view: &View| -> usize {
            let axes = view.strides.iter().zip(&view.valid).filter(|(stride, _)| **stride != 0);
            axes.map(|(_, (start, end))| end.saturating_sub(*start)).product()
        };
        self.views.iter().map(of).min().expect("an access has a view")
    }

    /// The same in its simplest form: equal accesses become equal values.
    #[must_use]
    pub fn simplified(&self) -> Self {
        Self { views: self.views.iter().map(View::simplified).collect() }
    }

    /// Whether all elements of a row of so many columns have the same number.
    #[must_use]
    pub fn is_by_row(&self, columns: usize) -> bool {
        let view = &self.views[self.views.len() - 1];
        let mut left = columns;
        for axis in (0..view.shape.len()).rev() {
            if left == 1 {
                break;
            }
            let size = view.shape[axis];
            if view.strides[axis] != 0 || view.valid[axis] != (0, size) {
                return false;
            }
            if left.is_multiple_of(size) {
                left /= size;
            } else {
                // Where the axis reaches beyond the row, the rest of it is rows; else rows lie across axes.
                return size.is_multiple_of(left);
            }
        }
        true
    }

    /// Whether element `i` is number `i`, from an offset on.
    #[must_use]
    pub fn is_contiguous(&self) -> bool {
        let [view] = self.views.as_slice() else { return false };
        let simple = view.simplified();
        simple.is_whole()
            && simple.strides.iter().all(|stride| *stride == 1)
            && simple.strides.len() <= 1
    }
}
