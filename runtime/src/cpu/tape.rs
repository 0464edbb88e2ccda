//! Tapes made ready to run over strips.
//!
//! In: a [`Tape`], the registers that are wanted, the domain. Out: a [`Program`]: what is needed for them, in order, each
//! register in a slot that is used again once its value is not needed any more, and as few numbers of it as differ.
//! Deliberately not here: running it (`evaluate`).

use super::walk::{Domain, Reach, Spread};
use crate::compiler::graph::{Binary, Drawn, Reduction, Segment, Unary};
use crate::compiler::plan::{Instruction, Register, Tape};

/// Where a register is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) slot: usize,
    pub(super) spread: Spread,
}

/// An instruction with its operands looked up.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Load { read: usize, reach: Reach },
    LoadRow { read: usize, index: usize, width: usize, reach: Reach },
    Number(f32),
    Argument(usize),
    Unary(Unary, Held),
    Binary(Binary, [Held; 2]),
    Select([Held; 3]),
    Random { site: usize, by_sample: bool, groups: Vec<Drawn>, width: usize, reach: Reach },
    Holds { condition: usize, tokens: usize, reach: Reach },
    Present { segments: Vec<Segment>, reach: Reach },
    Inside { reach: Reach },
    Reduce(Reduction, Held),
    Given(usize),
}

/// A step and where its result goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) step: Step,
    pub(super) to: Held,
}

/// What is to be done for a strip.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Program {
    /// What is the same for all strips.
    pub(super) once: Vec<Line>,
    /// The rest.
    pub(super) lines: Vec<Line>,
    /// Where the wanted registers are held.
    pub(super) results: Vec<Held>,
    /// How many slots it takes; one more is free.
    pub(super) slots: usize,
    /// Columns of the domain.
    pub(super) columns: usize,
}

struct Compiler<'a> {
    tape: &'a Tape,
    domain: Domain,
    given: Spread,
    last_use: Vec<usize>,
    held: Vec<Option<Held>>,
    free: Vec<usize>,
    program: Program,
}

impl Program {
    /// What makes these registers; none where an access cannot be walked along column by column.
    pub(super) fn new(
        tape: &Tape,
        wanted: &[Register],
        domain: Domain,
        given: Spread,
    ) -> Option<Self> {
        let n = tape.instructions.len();
        let mut last_use = vec![0; n];
        let mut needed = vec![false; n];
        for register in wanted {
            needed[register.0 as usize] = true;
            last_use[register.0 as usize] = n;
        }
        for i in (0..n).rev() {
            if !needed[i] {
                continue;
            }
            for operand in tape.instructions[i].operands() {
                let operand = operand.0 as usize;
                needed[operand] = true;
                last_use[operand] = last_use[operand].max(i);
            }
        }
        let held = vec![None; n];
        let program = Self { columns: domain.columns, ..Self::default() };
        let mut compiler = Compiler { tape, domain, given, last_use, held, free: vec![], program };
        for i in (0..n).filter(|i| needed[*i]) {
            compiler.instruction(i)?;
        }
        compiler.program.results = wanted.iter().map(|register| compiler.at(*register)).collect();
        Some(compiler.program)
    }
}

impl Compiler<'_> {
    fn at(&self, register: Register) -> Held {
        self.held[register.0 as usize].expect("operands come before what uses them")
    }

    fn reach(&self, access: &crate::compiler::plan::Access) -> Option<Reach> {
        Reach::new(access, self.domain)
    }

    fn instruction(&mut self, i: usize) -> Option<()> {
        let instruction = &self.tape.instructions[i];
        let step = self.step(instruction)?;
        let spread = self.spread(i, &step);
        let once = spread == Spread::Uniform;
        let reused = if once { None } else { self.free.pop() };
        let slot = reused.unwrap_or(self.program.slots);
        self.program.slots = self.program.slots.max(slot + 1);
        let to = Held { slot, spread };
        self.held[i] = Some(to);
        if once { &mut self.program.once } else { &mut self.program.lines }.push(Line { step, to });
        let mut operands = instruction.operands();
        operands.sort_unstable();
        operands.dedup();
        for operand in operands {
            let held = self.at(operand);
            // What is the same for all strips is made once, and stays.
            if self.last_use[operand.0 as usize] == i && held.spread != Spread::Uniform {
                self.free.push(held.slot);
            }
        }
        Some(())
    }

    fn step(&self, instruction: &Instruction) -> Option<Step> {
        Some(match instruction {
            Instruction::Load { read, access } => {
                Step::Load { read: *read, reach: self.reach(access)? }
            }
            Instruction::LoadRow { read, index, width, access } => Step::LoadRow {
                read: *read,
                index: *index,
                width: *width,
                reach: self.reach(access)?,
            },
            Instruction::Constant(scalar) => Step::Number(scalar.0 as f32),
            Instruction::Argument(argument) => Step::Argument(*argument),
            Instruction::Unary(unary, a) => Step::Unary(*unary, self.at(*a)),
            Instruction::Binary(binary, a, b) => {
                Step::Binary(*binary, [*a, *b].map(|a| self.at(a)))
            }
            Instruction::Select(a, b, c) => Step::Select([*a, *b, *c].map(|a| self.at(a))),
            Instruction::Random { site, by_sample, groups, width, access } => Step::Random {
                site: *site,
                by_sample: *by_sample,
                groups: groups.clone(),
                width: *width,
                reach: self.reach(access)?,
            },
            Instruction::Holds { condition, tokens, access } => {
                Step::Holds { condition: *condition, tokens: *tokens, reach: self.reach(access)? }
            }
            Instruction::Present { segments, access } => {
                Step::Present { segments: segments.clone(), reach: self.reach(access)? }
            }
            Instruction::Inside { access } => Step::Inside { reach: self.reach(access)? },
            Instruction::Reduce(reduction, a) => Step::Reduce(*reduction, self.at(*a)),
            Instruction::Reduced(number) => Step::Given(*number),
        })
    }

    fn spread(&self, i: usize, step: &Step) -> Spread {
        let by_row =
            !self.domain.transposed && self.tape.by_row.get(i).is_some_and(|by_row| *by_row);
        match step {
            Step::Load { reach, .. }
            | Step::LoadRow { reach, .. }
            | Step::Random { reach, .. }
            | Step::Holds { reach, .. }
            | Step::Present { reach, .. }
            | Step::Inside { reach } => {
                if by_row {
                    reach.spread.min(Spread::ByRow)
                } else {
                    reach.spread
                }
            }
            Step::Number(_) | Step::Argument(_) => Spread::Uniform,
            Step::Unary(_, a) => a.spread,
            Step::Binary(_, [a, b]) => a.spread.max(b.spread),
            Step::Select([a, b, c]) => a.spread.max(b.spread).max(c.spread),
            Step::Reduce(_, a) => a.spread.min(Spread::ByRow),
            Step::Given(_) => self.given,
        }
    }
}

impl Program {
    /// Its only step, if there is one.
    pub(super) fn only(&self) -> Option<&Step> {
        match (self.once.as_slice(), self.lines.as_slice()) {
            ([line], []) | ([], [line]) => Some(&line.step),
            (_, _) => None,
        }
    }

    /// Whether what it loads lies in the order of elements.
    pub(super) fn is_smooth(&self) -> bool {
        self.lines.iter().all(|line| match &line.step {
            Step::Load { reach, .. } => {
                reach.spread != Spread::Full || reach.all.last_stride() <= 1
            }
            Step::LoadRow { reach, .. } => reach.all.last_stride() <= 1,
            Step::Number(_)
            | Step::Argument(_)
            | Step::Unary(..)
            | Step::Binary(..)
            | Step::Select(_)
            | Step::Random { .. }
            | Step::Holds { .. }
            | Step::Present { .. }
            | Step::Inside { .. }
            | Step::Reduce(..)
            | Step::Given(_) => true,
        })
    }
}
