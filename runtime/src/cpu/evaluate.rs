//! Programs run over strips.
//!
//! In: a program, a strip of its domain, the operands of a kernel. Out: its registers, in the slots of a worker.
//! Deliberately not here: which strips, and in which order; arithmetic (`strip`, `math`).

use super::arena::{Source, Target};
use super::lent::Lent;
use super::present::Present;
use super::random::Draw;
use super::strip::{self, Operand};
use super::tape::{Held, Line, Program, Step};
use super::walk::{Reach, Run, Spread};
use crate::compiler::graph::{Drawn, PresenceId, Reduction, Segment};

/// A part of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strip {
    pub(super) row: usize,
    pub(super) rows: usize,
    pub(super) column: usize,
    pub(super) columns: usize,
}

/// A number that is no part of a body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Given {
    Number(f32),
    Site(u32),
    Condition(PresenceId),
}

/// A kernel's operands and what it is done for.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) reads: Vec<Source<'a>>,
    /// Of each read whether the kernel writes none of it.
    pub(super) lends: &'a [bool],
    pub(super) writes: Vec<Target<'a>>,
    pub(super) arguments: Vec<Given>,
    pub(super) seed: u64,
    pub(super) first_sample: u32,
    pub(super) batch: usize,
    pub(super) present: &'a Present,
}

/// What a body has reduced outside of the tape.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reduced<'a> {
    /// Nothing.
    None,
    /// For each reduction one number a row, `each` rows.
    ByRow { numbers: &'a [f32], each: usize },
    /// For each reduction a piece of the domain that begins at a row and a column, `each` numbers with rows `stride`
    /// apart.
    Piece { numbers: &'a [f32], row: usize, column: usize, stride: usize, each: usize },
}

impl Strip {
    fn numbers(self, spread: Spread) -> usize {
        match spread {
            Spread::Uniform => 1,
            Spread::ByRow => self.rows,
            Spread::Full => self.rows * self.columns,
        }
    }
}

impl Program {
    /// What is the same for all strips.
    pub(super) fn begin(&self, job: &Job<'_>, slots: &mut [Vec<f32>]) {
        let strip = Strip { row: 0, rows: 1, column: 0, columns: 1 };
        for line in &self.once {
            self.line(line, job, strip, Reduced::None, slots, &Lent::NOTHING);
        }
    }

    /// The rest, for a strip. What comes back is held elsewhere than in the slots.
    pub(super) fn run<'a>(
        &self,
        job: &Job<'a>,
        strip: Strip,
        reduced: Reduced<'a>,
        slots: &mut [Vec<f32>],
    ) -> Lent<'a> {
        let mut lent = Lent::NOTHING;
        for line in &self.lines {
            match self.lend(line, job, strip, reduced) {
                Some(numbers) => lent.lend(line.to.slot, numbers),
                None => {
                    self.line(line, job, strip, reduced, slots, &lent);
                    lent.take_back(line.to.slot);
                }
            }
        }
        lent
    }

    /// What a line makes, if that already lies somewhere in one piece.
    fn lend<'a>(
        &self,
        Line { step, to }: &Line,
        job: &Job<'a>,
        strip: Strip,
        reduced: Reduced<'a>,
    ) -> Option<&'a [f32]> {
        let count = strip.numbers(to.spread);
        if !Lent::takes(to.slot) {
            return None;
        }
        match step {
            Step::Load { read, reach } if job.lends[*read] && reach.all.last_stride() == 1 => {
                let walk = Along { spread: to.spread, strip, columns: self.columns };
                let from = walk.one_piece(reach, count)?;
                Some(&job.reads[*read].whole()[from..from + count])
            }
            Step::Given(number) => given(*number, reduced, strip),
            Step::Load { .. }
            | Step::LoadRow { .. }
            | Step::Number(_)
            | Step::Argument(_)
            | Step::Unary(..)
            | Step::Binary(..)
            | Step::Select(_)
            | Step::Random { .. }
            | Step::Holds { .. }
            | Step::Present { .. }
            | Step::Inside { .. }
            | Step::Reduce(..) => None,
        }
    }

    /// The number of a result for each element of the strip; `spare` is for those that have fewer.
    pub(super) fn full<'a>(
        &self,
        result: usize,
        strip: Strip,
        slots: &'a mut [Vec<f32>],
        lent: &'a Lent<'_>,
    ) -> &'a [f32] {
        let held = self.results[result];
        let (spare, slots) = slots.split_last_mut().expect("a worker has a free slot");
        let n = strip.numbers(Spread::Full);
        if held.spread == Spread::Full {
            return lent.numbers(slots, held.slot, n);
        }
        view(held, Spread::Full, strip, slots, lent).spread(strip.columns, &mut spare[..n]);
        &spare[..n]
    }

    /// The number of a result for each row of the strip, that of its first column.
    pub(super) fn by_row<'a>(
        &self,
        result: usize,
        strip: Strip,
        slots: &'a mut [Vec<f32>],
        lent: &'a Lent<'_>,
    ) -> &'a [f32] {
        let held = self.results[result];
        let (spare, slots) = slots.split_last_mut().expect("a worker has a free slot");
        let numbers = lent.numbers(slots, held.slot, strip.numbers(held.spread));
        match held.spread {
            Spread::ByRow => return numbers,
            Spread::Uniform => spare[..strip.rows].fill(numbers[0]),
            Spread::Full => {
                let firsts = numbers.iter().step_by(strip.columns);
                spare[..strip.rows].iter_mut().zip(firsts).for_each(|(out, first)| *out = *first);
            }
        }
        &spare[..strip.rows]
    }

    fn line(
        &self,
        line: &Line,
        job: &Job<'_>,
        strip: Strip,
        reduced: Reduced<'_>,
        slots: &mut [Vec<f32>],
        lent: &Lent<'_>,
    ) {
        let Line { step, to } = line;
        let mut taken = std::mem::take(&mut slots[to.slot]);
        let output = &mut taken[..strip.numbers(to.spread)];
        let walk = Along { spread: to.spread, strip, columns: self.columns };
        let width = if to.spread == Spread::Full { strip.columns } else { output.len() };
        let operand = |held: &Held| view(*held, to.spread, strip, slots, lent);
        match step {
            Step::Load { read, reach } => load(walk, &job.reads[*read], reach, output),
            Step::LoadRow { read, index, width, reach } => {
                load_rows(walk, [&job.reads[*read], &job.reads[*index]], *width, reach, output);
            }
            Step::Number(number) => output.fill(*number),
            Step::Argument(argument) => output.fill(job.number(*argument)),
            Step::Unary(unary, a) => {
                strip::unary(*unary, lent.numbers(slots, a.slot, output.len()), output);
            }
            Step::Binary(binary, operands) => {
                strip::binary(*binary, operands.each_ref().map(operand), width, output);
            }
            Step::Select(operands) => {
                strip::select(operands.each_ref().map(operand), width, output);
            }
            Step::Random { site, by_sample, groups, width, reach } => {
                let pack = Pack { groups, width: *width, by_sample: *by_sample };
                pack.fill(walk, job, job.site(*site), reach, output);
            }
            Step::Holds { condition, tokens, reach } => {
                let present = Some(job.condition(*condition));
                present_rows(walk, job, &[Segment { present, tokens: *tokens }], reach, output);
            }
            Step::Present { segments, reach } => present_rows(walk, job, segments, reach, output),
            Step::Inside { reach } => walk.pieces(reach, output, |_, output| output.fill(1.0)),
            Step::Reduce(reduction, a) => {
                let numbers = lent.numbers(slots, a.slot, strip.numbers(a.spread));
                self.reduce(*reduction, *a, numbers, output);
            }
            Step::Given(number) => give(*number, reduced, strip, output),
        }
        slots[to.slot] = taken;
    }

    fn reduce(&self, reduction: Reduction, a: Held, numbers: &[f32], output: &mut [f32]) {
        if a.spread == Spread::Full {
            for (out, row) in output.iter_mut().zip(numbers.chunks(self.columns)) {
                *out = strip::reduce(reduction, row);
            }
            return;
        }
        let times = match reduction {
            Reduction::Sum => self.columns as f32,
            Reduction::Max => 1.0,
        };
        output.iter_mut().zip(numbers).for_each(|(out, number)| *out = number * times);
    }
}

impl Job<'_> {
    fn number(&self, argument: usize) -> f32 {
        match self.arguments[argument] {
            Given::Number(number) => number,
            other @ (Given::Site(_) | Given::Condition(_)) => {
                panic!("argument {argument} is {other:?} and no number")
            }
        }
    }

    fn condition(&self, argument: usize) -> PresenceId {
        match self.arguments[argument] {
            Given::Condition(condition) => condition,
            other @ (Given::Number(_) | Given::Site(_)) => {
                panic!("argument {argument} is {other:?} and no condition")
            }
        }
    }

    fn site(&self, argument: usize) -> u32 {
        match self.arguments[argument] {
            Given::Site(site) => site,
            other @ (Given::Number(_) | Given::Condition(_)) => {
                panic!("argument {argument} is {other:?} and no site")
            }
        }
    }
}

/// A register as an operand of one that is spread wider, or as wide.
fn view<'a>(
    held: Held,
    to: Spread,
    strip: Strip,
    slots: &'a [Vec<f32>],
    lent: &'a Lent<'_>,
) -> Operand<'a> {
    let numbers = lent.numbers(slots, held.slot, strip.numbers(held.spread));
    match held.spread {
        spread if spread == to => Operand::Full(numbers),
        Spread::Uniform => Operand::One(numbers[0]),
        Spread::ByRow | Spread::Full if strip.columns == 1 => Operand::Full(numbers),
        Spread::ByRow | Spread::Full if strip.rows == 1 => Operand::One(numbers[0]),
        Spread::ByRow | Spread::Full => Operand::ByRow(numbers),
    }
}

/// Which elements of an access are asked for.
#[derive(Debug, Clone, Copy)]
struct Along {
    spread: Spread,
    strip: Strip,
    columns: usize,
}

impl Along {
    fn runs(self, reach: &Reach, visit: &mut impl FnMut(Run)) {
        let Self { spread, strip, columns } = self;
        match spread {
            Spread::Uniform => reach.all.runs(0, 1, visit),
            Spread::ByRow => reach.first_of_rows(strip.row, strip.rows, visit),
            Spread::Full if strip.columns == columns => {
                reach.all.runs(strip.row * columns, strip.rows * columns, visit);
            }
            Spread::Full => {
                for row in 0..strip.rows {
                    let element = (strip.row + row) * columns + strip.column;
                    reach.all.runs(element, strip.columns, &mut |run| {
                        visit(Run { at: run.at + row * strip.columns, ..run });
                    });
                }
            }
        }
    }

    /// Where `count` numbers begin, if they are one run in which they follow one another.
    fn one_piece(self, reach: &Reach, count: usize) -> Option<usize> {
        let mut found = None;
        self.runs(reach, &mut |run| {
            if run.length == count && run.stride == 1 {
                found = run.from;
            }
        });
        found
    }

    /// For each run a function of the first numbers and how many follow one another; padding is 0.
    fn pieces(self, reach: &Reach, output: &mut [f32], mut fill: impl FnMut(usize, &mut [f32])) {
        self.runs(reach, &mut |run| {
            let output = &mut output[run.at..run.at + run.length];
            let Some(from) = run.from else { return output.fill(0.0) };
            match run.stride {
                0 => {
                    fill(from, &mut output[..1]);
                    let first = output[0];
                    output.fill(first);
                }
                1 => fill(from, output),
                stride => {
                    let places = (from..).step_by(stride);
                    output.iter_mut().zip(places).for_each(|(out, at)| {
                        fill(at, std::slice::from_mut(out));
                    });
                }
            }
        });
    }
}

fn load(walk: Along, source: &Source<'_>, reach: &Reach, output: &mut [f32]) {
    walk.runs(reach, &mut |run| {
        let output = &mut output[run.at..run.at + run.length];
        match run.from {
            Some(from) => source.copy(from, run.stride, output),
            None => output.fill(0.0),
        }
    });
}

/// Takes neighboring numbers of a matrix apart into rows: for each the row, the first column, the numbers.
fn by_rows(
    width: usize,
    from: usize,
    output: &mut [f32],
    mut fill: impl FnMut(usize, usize, &mut [f32]),
) {
    let (mut at, mut rest) = (from, output);
    while !rest.is_empty() {
        let (row, column) = (at / width, at % width);
        let (line, behind) = rest.split_at_mut(rest.len().min(width - column));
        at += line.len();
        fill(row, column, line);
        rest = behind;
    }
}

fn load_rows(
    walk: Along,
    [rows, index]: [&Source<'_>; 2],
    width: usize,
    reach: &Reach,
    output: &mut [f32],
) {
    walk.pieces(reach, output, |from, output| {
        by_rows(width, from, output, |row, column, line| {
            let id = index.number(row).to_bits() as usize;
            rows.copy(id * width + column, 1, line);
        });
    });
}

/// The group, the sample and the token of a row of a pack.
fn locate(tokens: impl Iterator<Item = usize>, batch: usize, row: usize) -> (usize, usize, usize) {
    let mut rest = row;
    for (group, tokens) in tokens.enumerate() {
        if rest < batch * tokens {
            return (group, rest / tokens, rest % tokens);
        }
        rest -= batch * tokens;
    }
    panic!("row {row} is behind the pack")
}

fn present_rows(
    walk: Along,
    job: &Job<'_>,
    segments: &[Segment],
    reach: &Reach,
    output: &mut [f32],
) {
    let tokens = || segments.iter().map(|segment| segment.tokens);
    walk.pieces(reach, output, |from, output| {
        for (row, out) in (from..).zip(output) {
            let (group, sample, _) = locate(tokens(), job.batch, row);
            *out = f32::from(job.present.holds(segments[group].present, sample));
        }
    });
}

/// The pack that random numbers are for.
#[derive(Debug, Clone, Copy)]
struct Pack<'a> {
    groups: &'a [Drawn],
    width: usize,
    by_sample: bool,
}

impl Pack<'_> {
    fn fill(self, walk: Along, job: &Job<'_>, site: u32, reach: &Reach, output: &mut [f32]) {
        let word = |number: usize| {
            u32::try_from(number).expect("packs have at most 2^32 rows and columns")
        };
        let tokens = || self.groups.iter().map(|group| group.tokens);
        walk.pieces(reach, output, |from, output| {
            by_rows(self.width, from, output, |row, channel, line| {
                let (group, sample, token) = locate(tokens(), job.batch, row);
                let site = site ^ self.groups[group].group;
                let sample = job.first_sample.wrapping_add(word(sample));
                let token = if self.by_sample { 0 } else { word(token) };
                Draw { seed: job.seed, sample, site, token }.fill(word(channel), line);
            });
        });
    }
}

/// Numbers of a reduction, if they lie in one piece.
fn given(number: usize, reduced: Reduced<'_>, strip: Strip) -> Option<&[f32]> {
    match reduced {
        Reduced::None => None,
        Reduced::ByRow { numbers, each } => {
            let first = number * each + strip.row;
            Some(&numbers[first..first + strip.rows])
        }
        Reduced::Piece { numbers, row, column, stride, each } => {
            let first = number * each + (strip.row - row) * stride + strip.column - column;
            let whole = strip.rows == 1 || strip.columns == stride;
            whole.then(|| &numbers[first..first + strip.rows * strip.columns])
        }
    }
}

fn give(number: usize, reduced: Reduced<'_>, strip: Strip, output: &mut [f32]) {
    match reduced {
        Reduced::None => panic!("reduction {number} is not there"),
        Reduced::ByRow { numbers, each } => {
            let first = number * each + strip.row;
            output.copy_from_slice(&numbers[first..first + strip.rows]);
        }
        Reduced::Piece { numbers, row, column, stride, each } => {
            let first = number * each + (strip.row - row) * stride + strip.column - column;
            for (i, line) in output.chunks_mut(strip.columns).enumerate() {
                let from = first + i * stride;
                line.copy_from_slice(&numbers[from..from + line.len()]);
            }
        }
    }
}
