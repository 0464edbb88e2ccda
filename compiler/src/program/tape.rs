//! Tapes as statements.
//!
//! In: a tape, the registers that are wanted of it, and how its element is spelled. Out: statements that define one variable
//! for each instruction that they need. Deliberately not here: loops, stores, which are the bodies'.

use super::access::{Element, Spot, spot};
use super::kit::Kit;
use super::segments::Segments;
use super::text::{float, over, rest, sum, times};
use crate::graph::{Binary, Unary};
use crate::plan::{Instruction, Register, Store, Tape};

/// A tape to be written.
pub(super) struct Writer<'a> {
    pub(super) kit: &'a Kit<'a>,
    pub(super) tape: &'a Tape,
    pub(super) element: Element<'a>,
    /// How the result of `Reduced` of a number is spelled.
    pub(super) reduced: &'a dyn Fn(usize) -> String,
    /// How the result of a reduction along the row, the instruction of this number, is spelled.
    pub(super) along: &'a dyn Fn(Register) -> String,
}

/// The variable of a register.
pub(super) fn variable(register: Register) -> String {
    format!("v{}", register.0)
}

impl Writer<'_> {
    /// Statements for these registers.
    pub(super) fn registers(&self, wanted: &[Register]) -> Vec<String> {
        let mut needed = vec![false; self.tape.instructions.len()];
        for register in wanted {
            needed[register.0 as usize] = true;
        }
        // Operands come before what needs them, so one look from the last to the first sees each instruction once. Nothing
        // below a reduction is needed: its result is there.
        for (at, instruction) in self.tape.instructions.iter().enumerate().rev() {
            if needed[at] && !matches!(instruction, Instruction::Reduce(..)) {
                for operand in instruction.operands() {
                    needed[operand.0 as usize] = true;
                }
            }
        }
        let mut lines = Vec::new();
        for (at, instruction) in self.tape.instructions.iter().enumerate() {
            if needed[at] {
                let register = Register(u32::try_from(at).expect("tapes are short"));
                self.instruction(register, instruction, &mut lines);
            }
        }
        lines
    }

    /// Statements for what is kept, and these stores.
    pub(super) fn stores(&self, stores: &[Store]) -> Vec<String> {
        let wanted: Vec<Register> = stores.iter().map(|store| store.register).collect();
        let mut lines = self.registers(&wanted);
        for (at, store) in stores.iter().enumerate() {
            self.store(at, store, &mut lines);
        }
        lines
    }

    fn store(&self, at: usize, store: &Store, lines: &mut Vec<String>) {
        let prefix = format!("w{at}");
        let (element, column) = match (store.by_row, self.element) {
            (true, Element::Pair { row, column, columns }) => {
                (Element::Number(row), (columns > 1).then_some(column))
            }
            (true, Element::Number(_)) | (false, _) => (self.element, None),
        };
        let Spot { lines: first, offset, inside } = spot(&store.access, element, &prefix);
        let store = self.kit.store(store.write, &offset, &variable(store.register));
        let once = column.map(|column| format!("{column} == 0u"));
        let conditions: Vec<String> = once.into_iter().chain(inside).collect();
        lines.extend(first);
        if conditions.is_empty() {
            lines.push(store);
        } else {
            lines.push(format!("if {} {{ {store} }}", conditions.join(" && ")));
        }
    }

    fn instruction(&self, register: Register, instruction: &Instruction, lines: &mut Vec<String>) {
        let name = variable(register);
        let expression = match instruction {
            Instruction::Load { read, access } => {
                let found = spot(access, self.element, &name);
                let load = self.kit.load(*read, &found.offset);
                return guarded(&name, found, &[], &load, lines);
            }
            Instruction::LoadRow { read, index, width, access } => {
                let found = spot(access, self.element, &name);
                let at = format!("{name}_at");
                let first = format!("let {at} = {};", found.offset);
                let id = self.kit.load_integer(*index, &over(&at, *width));
                let offset = sum(&[times(&id, *width), rest(&at, *width)]);
                let load = self.kit.load(*read, &offset);
                return guarded(&name, found, &[first], &load, lines);
            }
            Instruction::Random { site, by_sample, groups, width, access } => {
                let found = spot(access, self.element, &name);
                let segments = Segments::drawn(groups, self.kit.plan.batch);
                let mut first = self.random_place(&name, &found.offset, &segments, *width);
                let site = segments.site(&name, &self.kit.argument(*site), &mut first);
                let (token, channel) = if *by_sample {
                    ("0u".to_owned(), "0u".to_owned())
                } else {
                    (format!("{name}_token"), format!("{name}_channel"))
                };
                let number = format!("uniform_of({site}, {name}_sample, {token}, {channel})");
                return guarded(&name, found, &first, &number, lines);
            }
            Instruction::Holds { condition, tokens, access } => {
                let found = spot(access, self.element, &name);
                let bit = self.kit.argument(*condition);
                let sample = over(&found.offset, *tokens);
                let holds = format!("select(0.0, 1.0, is_present({}))", sum(&[bit, sample]));
                return guarded(&name, found, &[], &holds, lines);
            }
            Instruction::Present { segments, access } => {
                let found = spot(access, self.element, &name);
                let segments = Segments::present(segments, self.kit.plan.batch);
                let (first, present) = segments.is_there(self.kit, &name, &found.offset);
                return guarded(&name, found, &first, &present, lines);
            }
            Instruction::Inside { access } => {
                let found = spot(access, self.element, &name);
                lines.extend(found.lines);
                match found.inside {
                    Some(inside) => format!("select(0.0, 1.0, {inside})"),
                    None => "1.0".to_owned(),
                }
            }
            Instruction::Constant(number) => float(number.0),
            Instruction::Argument(argument) => self.kit.argument(*argument),
            Instruction::Unary(function, a) => unary(*function, &variable(*a)),
            Instruction::Binary(function, a, b) => binary(*function, &variable(*a), &variable(*b)),
            Instruction::Select(condition, a, b) => {
                let [condition, a, b] = [condition, a, b].map(|register| variable(*register));
                format!("select({b}, {a}, {condition} != 0.0)")
            }
            Instruction::Reduce(..) => (self.along)(register),
            Instruction::Reduced(at) => (self.reduced)(*at),
        };
        lines.push(format!("let {name} = {expression};"));
    }

    /// Statements that find the sample, token and channel of a number of a pack.
    fn random_place(&self, name: &str, at: &str, segments: &Segments, width: usize) -> Vec<String> {
        let mut lines = vec![
            format!("let {name}_at = {at};"),
            format!("let {name}_row = {};", over(&format!("{name}_at"), width)),
            format!("let {name}_channel = {};", rest(&format!("{name}_at"), width)),
        ];
        lines.extend(segments.place(self.kit, name));
        lines
    }
}

/// Defines a variable as an expression where there is a number, else as 0.
fn guarded(name: &str, found: Spot, first: &[String], expression: &str, lines: &mut Vec<String>) {
    lines.extend(found.lines);
    match found.inside {
        None => {
            lines.extend(first.iter().cloned());
            lines.push(format!("let {name} = {expression};"));
        }
        Some(inside) => {
            lines.push(format!("var {name} = 0.0;"));
            lines.push(format!("if {inside} {{ {} {name} = {expression}; }}", first.join(" ")));
        }
    }
}

fn unary(function: Unary, a: &str) -> String {
    match function {
        Unary::Negate => format!("-{a}"),
        Unary::Reciprocal => format!("1.0 / {a}"),
        Unary::Exp => format!("exp({a})"),
        Unary::Log => format!("log({a})"),
        Unary::Sqrt => format!("sqrt({a})"),
        Unary::Rsqrt => format!("inverseSqrt({a})"),
        Unary::Tanh => format!("tanh_of({a})"),
        Unary::Erf => format!("erf_of({a})"),
        Unary::Sigmoid => format!("sigmoid_of({a})"),
    }
}

fn binary(function: Binary, a: &str, b: &str) -> String {
    match function {
        Binary::Add => format!("{a} + {b}"),
        Binary::Subtract => format!("{a} - {b}"),
        Binary::Multiply => format!("{a} * {b}"),
        Binary::Divide => format!("{a} / {b}"),
        Binary::Max => format!("larger_of({a}, {b})"),
        Binary::Min => format!("smaller_of({a}, {b})"),
        Binary::Less => format!("select(0.0, 1.0, {a} < {b})"),
    }
}
