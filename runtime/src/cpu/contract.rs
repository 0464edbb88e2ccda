//! Products of matrices with an expression before and behind.
//!
//! In: a [`Contract`]. Out: its stores. A task is a panel of rows and a range of columns of the result. An operand that
//! is a matrix as it lies is read where it is; another is evaluated piece by piece into the room of the task. The sums
//! of a panel go through the expression behind while they are warm. How rows and columns are cut changes no bit, by the
//! contract of [`super::gemm`], and so may look at the number of threads; sums over `k` are cut where that contract
//! says. Deliberately not here: the product itself.

use super::evaluate::{Job, Reduced, Strip};
use super::gemm::{DEPTH, MatrixMut, MatrixRef, multiply};
use super::map::Cut;
use super::store::{self, Stores};
use super::tape::{Program, Step};
use super::team::{Needs, Team, Worker};
use super::walk::{Domain, Spread};
use crate::compiler::plan::{Contract, Tape};

/// Rows of a panel, at most: a multiple of the six that the inner kernel takes, twice what [`super::gemm`] calls enough.
const PANEL_ROWS: usize = 2 * super::gemm::PANEL_ROWS;
/// Columns of the result that are made in one go: with a panel they fit the second cache.
const BLOCK_COLUMNS: usize = 768;
/// The same where each task turns its own part of the right operand, which is there, too: 128 to 512 took as long.
const TURNED_COLUMNS: usize = 192;
/// Rows that lie a multiple of 4 KiB apart share a place in the first cache: the product then reads them much slower than
/// they can be turned. With 192 rows of the left operand and `k` = 3072 turning took a fifth off; with `k` = 768 it added as
/// much.
const PAGE: usize = 1024;
/// A piece of the right operand beyond this many numbers is not laid out anew for all tasks, but by each for itself.
const SHARED_NUMBERS: usize = 1 << 24;
/// Longer sums than this are evaluated in pieces; a multiple of [`DEPTH`], so that no bit depends on it.
const PIECE_DEPTH: usize = 4 * DEPTH;
/// Tasks for each thread, so that one that is late does not keep the others waiting for long.
const TASKS_A_THREAD: usize = 4;
/// Fewer columns are not cut.
const LEAST_COLUMNS: usize = 64;
/// Columns of `k` that are laid out anew at a time.
const LAYOUT_DEPTH: usize = 64;

/// A product, cut.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Product {
    m: usize,
    n: usize,
    k: usize,
    a: Operand,
    b: Operand,
    after: Program,
    stores: Stores,
    /// Rows of a panel, columns of a range, and how many of each there are.
    panel: usize,
    range: usize,
    /// Whether the right operand is laid out once for all tasks.
    shares: bool,
    /// Whether each task lays out its own part of the right operand, which no other task reads.
    turns: bool,
}

/// How an operand is read.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    /// Where it lies: which read, the first number, strides of rows and of `k`.
    Matrix { read: usize, offset: usize, row_stride: usize, depth_stride: usize },
    /// Evaluated row by row.
    Rows(Program),
    /// Evaluated by `k`.
    Depths(Program),
}

impl Operand {
    fn new(tape: &Tape, rows: usize, depth: usize) -> Self {
        let wanted = [tape.last()];
        let by_rows = Domain { rows, columns: depth, transposed: false };
        let by_depth = Domain { rows: depth, columns: rows, transposed: true };
        let program = |domain| Program::new(tape, &wanted, domain, Spread::Full);
        let straight =
            program(by_rows).expect("a domain that is not transposed can be walked along");
        if let Some(Step::Load { read, reach }) = straight.only()
            && let Some((offset, row_stride, depth_stride)) = reach.matrix()
        {
            return Self::Matrix { read: *read, offset, row_stride, depth_stride };
        }
        let across = program(by_depth).filter(|across| across.is_smooth() && !straight.is_smooth());
        across.map_or(Self::Rows(straight), Self::Depths)
    }

    fn slots(&self) -> usize {
        match self {
            Self::Matrix { .. } => 0,
            Self::Rows(program) | Self::Depths(program) => program.slots,
        }
    }

    fn is_matrix(&self) -> bool {
        match self {
            Self::Matrix { .. } => true,
            Self::Rows(_) | Self::Depths(_) => false,
        }
    }

    /// Whether it is a matrix as it lies whose rows share places in the first cache.
    fn shares_lines(&self) -> bool {
        match self {
            Self::Matrix { row_stride, depth_stride, .. } => {
                *depth_stride == 1 && row_stride.is_multiple_of(PAGE)
            }
            Self::Rows(_) | Self::Depths(_) => false,
        }
    }

    /// A matrix as it lies, of `rows` rows and `depth` columns.
    fn matrix<'a>(&self, job: &Job<'a>, rows: usize, depth: usize) -> Option<MatrixRef<'a>> {
        match self {
            Self::Matrix { read, offset, row_stride, depth_stride } => {
                let numbers = &job.reads[*read].whole()[*offset..];
                Some(MatrixRef::strided(numbers, rows, depth, *row_stride, *depth_stride))
            }
            Self::Rows(_) | Self::Depths(_) => None,
        }
    }

    /// The rows and depths of `part`, in `room`.
    fn piece<'a>(
        &self,
        whole: Option<MatrixRef<'a>>,
        job: &Job<'_>,
        part: Strip,
        room: &'a mut [f32],
        slots: &mut [Vec<f32>],
    ) -> MatrixRef<'a> {
        if let Some(whole) = whole {
            return piece_of(whole, part);
        }
        let Strip { row, rows, column: depth, columns: depths } = part;
        let room = &mut room[..rows * depths];
        match self {
            Self::Matrix { .. } => unreachable!("a matrix as it lies is there"),
            Self::Rows(program) => {
                evaluate(program, job, part, room, slots);
                MatrixRef::new(room, rows, depths)
            }
            Self::Depths(program) => {
                let part = Strip { row: depth, rows: depths, column: row, columns: rows };
                evaluate(program, job, part, room, slots);
                MatrixRef::new(room, depths, rows).transposed()
            }
        }
    }
}

fn piece_of(matrix: MatrixRef<'_>, part: Strip) -> MatrixRef<'_> {
    let rows = matrix.row_range(part.row..part.row + part.rows);
    rows.transposed().row_range(part.column..part.column + part.columns).transposed()
}

/// Writes the result of a program to a dense matrix of the part's rows and columns.
fn evaluate(
    program: &Program,
    job: &Job<'_>,
    part: Strip,
    room: &mut [f32],
    slots: &mut [Vec<f32>],
) {
    program.begin(job, slots);
    for strip in Cut::of_elements(part.columns).strips(part) {
        let lent = program.run(job, strip, Reduced::None, slots);
        let numbers = program.full(0, strip, slots, &lent);
        let first = (strip.row - part.row) * part.columns + strip.column - part.column;
        for (row, line) in numbers.chunks(strip.columns).enumerate() {
            room[first + row * part.columns..][..line.len()].copy_from_slice(line);
        }
    }
}

impl Product {
    pub(super) fn new(contract: &Contract, threads: usize) -> Self {
        let Contract { m, n, k, .. } = *contract;
        let results = Domain { rows: m, columns: n, transposed: false };
        let after =
            Program::new(&contract.after, &store::wanted(&contract.stores), results, Spread::Full)
                .expect("a domain that is not transposed can be walked along");
        let b = Operand::new(&contract.b, n, k);
        // Panels of equal size, which the inner kernel takes six rows at a time.
        let panel = m.div_ceil(m.div_ceil(PANEL_ROWS).max(1)).next_multiple_of(6).min(m);
        let panels = m.div_ceil(panel.max(1));
        let ranges = (TASKS_A_THREAD * threads)
            .div_ceil(panels.max(1))
            .clamp(1, n.div_ceil(LEAST_COLUMNS).max(1));
        let range = n.div_ceil(ranges).next_multiple_of(16).min(n);
        let fast = match &b {
            Operand::Matrix { row_stride, .. } => *row_stride == 1,
            Operand::Rows(_) | Operand::Depths(_) => false,
        };
        let shares = !fast && panels > 1 && n * k <= SHARED_NUMBERS;
        let a = Operand::new(&contract.a, m, k);
        let turns = panels == 1 && a.is_matrix() && b.shares_lines();
        Self {
            m,
            n,
            k,
            a,
            b,
            after,
            stores: Stores::new(&contract.stores, results),
            panel,
            range,
            shares,
            turns,
        }
    }

    /// Columns of the result that are made in one go.
    fn block(&self) -> usize {
        self.range.min(if self.turns { TURNED_COLUMNS } else { BLOCK_COLUMNS })
    }

    /// How much of `k` is taken at a time.
    fn depth(&self) -> usize {
        if self.turns {
            return self.k.min(DEPTH);
        }
        if (self.a.is_matrix() && (self.b.is_matrix() || self.shares)) || self.k <= 2 * PIECE_DEPTH
        {
            self.k
        } else {
            PIECE_DEPTH
        }
    }

    pub(super) fn needs(&self) -> Needs {
        let block = self.block();
        let layout = if self.shares && !self.b.is_matrix() { self.n * LAYOUT_DEPTH } else { 0 };
        let lies = (self.b.is_matrix() && !self.turns) || self.shares;
        let right = if lies { 0 } else { block * self.depth() };
        Needs {
            slots: self.a.slots().max(self.b.slots()).max(self.after.slots) + 1,
            strip: super::map::STRIP,
            left: if self.a.is_matrix() { 0 } else { self.panel * self.depth() },
            right: layout.max(right),
            sums: self.panel * block,
            shared: if self.shares { self.n * self.k } else { 0 },
        }
    }

    pub(super) fn run(&self, job: &Job<'_>, team: &Team, shared: &mut [f32]) {
        if self.m == 0 || self.n == 0 {
            return;
        }
        if self.shares {
            self.lay_out(job, team, shared);
        }
        let a = self.a.matrix(job, self.m, self.k);
        let b = if self.shares {
            Some(MatrixRef::new(&shared[..self.n * self.k], self.k, self.n).transposed())
        } else {
            self.b.matrix(job, self.n, self.k)
        };
        let (panels, ranges) = (self.m.div_ceil(self.panel), self.n.div_ceil(self.range));
        team.each(panels * ranges, 1, |task, worker| {
            let (row, column) = (task % panels * self.panel, task / panels * self.range);
            let rows = self.panel.min(self.m - row);
            let part = Strip { row, rows, column, columns: self.range.min(self.n - column) };
            self.task(job, part, [a, b], worker);
        });
    }

    /// The right operand as `[k, n]`, which the product reads fastest.
    fn lay_out(&self, job: &Job<'_>, team: &Team, shared: &mut [f32]) {
        let whole = self.b.matrix(job, self.n, self.k);
        let lines = &mut shared[..self.n * self.k];
        team.each_part(lines, LAYOUT_DEPTH * self.n, |task, lines, worker| {
            let (column, columns) = (task * LAYOUT_DEPTH, lines.len() / self.n);
            let part = Strip { row: 0, rows: self.n, column, columns };
            if let Operand::Depths(program) = &self.b {
                let part = Strip { row: column, rows: columns, column: 0, columns: self.n };
                return evaluate(program, job, part, lines, &mut worker.slots);
            }
            let piece = self.b.piece(whole, job, part, &mut worker.right, &mut worker.slots);
            super::gemm::transpose(piece, lines);
        });
    }

    fn task(
        &self,
        job: &Job<'_>,
        part: Strip,
        [a, b]: [Option<MatrixRef<'_>>; 2],
        worker: &mut Worker,
    ) {
        let Worker { slots, left, right, sums } = worker;
        let blocks = Cut { rows: part.rows, columns: self.block() }.strips(part);
        let depth = self.depth();
        if depth == self.k {
            let along = Strip { column: 0, columns: depth, ..part };
            let a = self.a.piece(a, job, along, left, slots);
            for block in blocks {
                let sums = &mut sums[..block.rows * block.columns];
                self.add(job, a, (b, right), (block, along), sums, slots);
                self.finish(job, block, sums, slots);
            }
            return;
        }
        for block in blocks {
            let sums = &mut sums[..block.rows * block.columns];
            for along in (Cut { rows: part.rows, columns: depth }).strips(Strip {
                column: 0,
                columns: self.k,
                ..part
            }) {
                let a = self.a.piece(a, job, along, left, slots);
                self.add(job, a, (b, right), (block, along), sums, slots);
            }
            self.finish(job, block, sums, slots);
        }
    }

    /// Takes some of `k` into the sums of a block.
    fn add(
        &self,
        job: &Job<'_>,
        a: MatrixRef<'_>,
        (b, right): (Option<MatrixRef<'_>>, &mut [f32]),
        (block, along): (Strip, Strip),
        sums: &mut [f32],
        slots: &mut [Vec<f32>],
    ) {
        let piece = Strip { row: block.column, rows: block.columns, ..along };
        let b = match b {
            Some(whole) if self.turns => {
                let right = &mut right[..piece.rows * piece.columns];
                super::gemm::transpose(piece_of(whole, piece), right);
                MatrixRef::new(right, piece.columns, piece.rows).transposed()
            }
            Some(_) | None => self.b.piece(b, job, piece, right, slots),
        };
        multiply(a, b, MatrixMut::new(sums, block.rows, block.columns), along.column > 0);
    }

    fn finish(&self, job: &Job<'_>, part: Strip, sums: &[f32], slots: &mut [Vec<f32>]) {
        let Strip { row, column, columns, rows: _ } = part;
        let reduced = Reduced::Piece { numbers: sums, row, column, stride: columns, each: 0 };
        self.after.begin(job, slots);
        for strip in Cut::of_elements(columns).strips(part) {
            let lent = self.after.run(job, strip, reduced, slots);
            self.stores.put(&self.after, job, strip, slots, &lent);
        }
    }
}
