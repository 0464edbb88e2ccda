//! What the writers of bodies write with.
//!
//! In: a kernel with its bindings and names. Out: the spelling of loads, stores and arguments, and whole shaders from what a
//! writer has drafted. Deliberately not here: any body.

use std::cell::RefCell;
use std::fmt::Write;

use super::bindings::Bound;
use super::names::Names;
use super::step::declaration;
use super::text::{over, rest, sum};
use super::words::Words;
use super::{Shader, Storage, Target, attend, contract, segments};
use crate::graph::Argument;
use crate::plan::{Body, Instruction, Kernel, Plan, Tape, Value};

/// One kernel, to be written.
pub(super) struct Kit<'a> {
    pub(super) plan: &'a Plan,
    pub(super) target: &'a Target,
    pub(super) kernel: &'a Kernel,
    bound: &'a Bound,
    slots: Vec<Variable>,
    /// What each read and then each write is, for comments.
    operands: Vec<String>,
    /// What tapes have listed.
    words: RefCell<Words>,
}

/// A storage buffer of the shader.
struct Variable {
    name: String,
    element: Element,
}

/// What a storage buffer is declared to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Float,
    /// Numbers, four by four.
    Fours,
    Half,
    Integer,
    /// Integers, among which some are the bits of numbers.
    Mixed,
}

/// How an argument is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ArgumentKind {
    Number,
    Site,
    Condition,
    LearningRate,
    FirstCorrection,
    SecondCorrection,
    Updates,
}

/// What a writer makes of a kernel: one dispatch.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    /// Functions and constants, in any order.
    pub(super) functions: String,
    /// The skeleton, which has the entry point and reads the constant `WORKGROUP`: its first size.
    pub(super) skeleton: &'static str,
    /// Invocations of a workgroup.
    pub(super) workgroup: [u32; 3],
    /// Workgroups.
    pub(super) workgroups: [u32; 3],
    /// Numbers of scratch, which the shader sees as `scratch`; 0 for none.
    pub(super) scratch: usize,
    /// Words that the shader sees as `constants`; empty for none.
    pub(super) constants: Vec<u32>,
}

/// Functions that are there where they are called: the name, and the text. What calls another one comes after it.
const LIBRARY: &[(&str, &str)] = &[
    ("sigmoid_of", include_str!("skeletons/sigmoid.wgsl")),
    ("erf_of", include_str!("skeletons/erf.wgsl")),
    ("tanh_of", include_str!("skeletons/tanh.wgsl")),
    ("larger_of", include_str!("skeletons/larger.wgsl")),
    ("smaller_of", include_str!("skeletons/smaller.wgsl")),
    ("uniform_of", include_str!("skeletons/uniform.wgsl")),
    ("segment_of", include_str!("skeletons/segment.wgsl")),
    ("is_present", include_str!("skeletons/present.wgsl")),
    ("bits", include_str!("skeletons/bits.wgsl")),
];

impl ArgumentKind {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Number(Argument::Given(_)) => Self::Number,
            Value::Number(Argument::LearningRate) => Self::LearningRate,
            Value::Number(Argument::FirstCorrection) => Self::FirstCorrection,
            Value::Number(Argument::SecondCorrection) => Self::SecondCorrection,
            Value::Number(Argument::Updates) => Self::Updates,
            Value::Site(_) => Self::Site,
            Value::Condition(_) => Self::Condition,
        }
    }
}

impl<'a> Kit<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        target: &'a Target,
        names: &Names<'_>,
        at: usize,
        bound: &'a Bound,
        prefix: &str,
    ) -> Self {
        let kernel = &plan.kernels[at];
        let operands: Vec<String> = names.operands(at);
        let integers = integer_reads(plan.body(kernel));
        let mut fours = contract::loads_fours(plan.body(kernel), target);
        fours.extend(attend::loads_fours(plan, plan.body(kernel)));
        let is_whole = |operand: &usize| *operand < kernel.reads.len() && !bound.has_base(*operand);
        let mut slots: Vec<Variable> = Vec::new();
        for slot in 0..bound.n_slots() {
            let own: Vec<usize> = bound.operands_of(slot).collect();
            let is_integer = |operand: &usize| integers.contains(operand);
            let element = match (own.iter().any(is_integer), own.iter().all(is_integer)) {
                (false, _) if bound.is_half(slot) => Element::Half,
                (false, _)
                    if bound.has_fours(slot)
                        && own.iter().any(|operand| fours.contains(operand))
                        && own.iter().all(is_whole) =>
                {
                    Element::Fours
                }
                (false, _) => Element::Float,
                (true, true) => Element::Integer,
                (true, false) => Element::Mixed,
            };
            let name = format!("{prefix}{}", names.variable(at, own[0]));
            let taken = |name: &str| slots.iter().any(|other: &Variable| other.name == name);
            let numbered = (2..).map(|number| format!("{name}_{number}"));
            let mut free = std::iter::once(name.clone()).chain(numbered);
            let name = free.find(|name| !taken(name)).expect("numbers do not end");
            slots.push(Variable { name, element });
        }
        Self { plan, target, kernel, bound, slots, operands, words: RefCell::default() }
    }

    pub(super) fn body(&self) -> &'a Body {
        self.plan.body(self.kernel)
    }

    /// The variable of an operand: of a read, or, behind them, of a write.
    fn variable(&self, operand: usize) -> &Variable {
        &self.slots[self.bound.slot_of(operand)]
    }

    fn index(&self, operand: usize, offset: &str) -> String {
        if self.bound.has_base(operand) {
            sum(&[format!("arguments.base_{operand}"), offset.to_owned()])
        } else {
            offset.to_owned()
        }
    }

    /// A number of a read.
    pub(super) fn load(&self, read: usize, offset: &str) -> String {
        let (Variable { name, element }, index) = (self.variable(read), self.index(read, offset));
        match element {
            Element::Float => format!("{name}[{index}]"),
            Element::Fours => format!("{name}[{}][{}]", over(&index, 4), rest(&index, 4)),
            Element::Half => format!("f32({name}[{index}])"),
            Element::Integer => panic!("what holds integers is read as such"),
            Element::Mixed => format!("bitcast<f32>({name}[{index}])"),
        }
    }

    /// Whether a read is declared as groups of four numbers.
    pub(super) fn has_fours(&self, read: usize) -> bool {
        self.variable(read).element == Element::Fours
    }

    /// Four numbers of such a read, from an offset on that is a multiple of four.
    pub(super) fn load_four(&self, read: usize, offset: &str) -> String {
        format!("{}[{}]", self.variable(read).name, over(&self.index(read, offset), 4))
    }

    /// An integer of a read.
    pub(super) fn load_integer(&self, read: usize, offset: &str) -> String {
        format!("{}[{}]", self.variable(read).name, self.index(read, offset))
    }

    /// A statement that writes a number.
    pub(super) fn store(&self, write: usize, offset: &str, value: &str) -> String {
        let operand = self.kernel.reads.len() + write;
        let (Variable { name, element }, index) =
            (self.variable(operand), self.index(operand, offset));
        if *element == Element::Half {
            format!("{name}[{index}] = f16({value});")
        } else {
            format!("{name}[{index}] = {value};")
        }
    }

    /// An argument of the kernel: a number, or the hash of a site.
    pub(super) fn argument(&self, argument: usize) -> String {
        match ArgumentKind::of(&self.kernel.arguments[argument]) {
            ArgumentKind::Number => format!("arguments.number_{argument}"),
            ArgumentKind::Site => format!("arguments.site_{argument}"),
            ArgumentKind::Condition => format!("arguments.condition_{argument}"),
            ArgumentKind::LearningRate => "step.learning_rate".to_owned(),
            ArgumentKind::FirstCorrection => "step.first_correction".to_owned(),
            ArgumentKind::SecondCorrection => "step.second_correction".to_owned(),
            ArgumentKind::Updates => "step.updates".to_owned(),
        }
    }

    /// Whether a shader can have another storage buffer beside the kernel's and the constants.
    pub(super) fn has_room_for_scratch(&self) -> bool {
        let constants = usize::from(segments::are_listed(self.body()));
        self.slots.len() + constants < self.target.storage_buffers as usize
    }

    /// Where the constants have a list of words.
    pub(super) fn words(&self, list: Vec<u32>) -> u32 {
        self.words.borrow_mut().list(list)
    }

    /// The words that have been listed.
    pub(super) fn listed(&self) -> Vec<u32> {
        self.words.borrow().all().to_vec()
    }

    /// The whole shader, and which slots it uses.
    pub(super) fn shader(&self, draft: &Draft) -> (Shader, Vec<usize>) {
        let arguments = self.arguments();
        let mut body = String::new();
        let used = |name: &str, text: &str| text.contains(&format!("{name}("));
        for (name, text) in LIBRARY {
            if used(name, &draft.functions) || used(name, draft.skeleton) {
                body += text;
                body.push('\n');
            }
        }
        body += &draft.functions;
        body.push('\n');
        body += draft.skeleton;
        let reads_step = body.contains("step.");
        let half = self.slots.iter().any(|slot| slot.element == Element::Half);
        let enable = if half { "enable f16;\n\n" } else { "" };
        let mut text = format!("// {}\n\n{enable}", self.head());
        let (slots, storage): (Vec<usize>, Vec<Storage>) = self
            .storage()
            .enumerate()
            .filter(|(_, Storage { name, .. })| mentions(&body, name))
            .unzip();
        for (binding, Storage { name, writable }) in storage.iter().enumerate() {
            let access = if *writable { "read_write" } else { "read" };
            let element = self.element(name);
            if let Some(what) = self.comment(slots[binding]) {
                writeln!(text, "// {what}").expect("texts take all");
            }
            writeln!(
                text,
                "@group(0) @binding({binding}) var<storage, {access}> {name}: array<{element}>;"
            )
            .expect("texts take all");
        }
        let mut binding = storage.len();
        if !arguments.is_empty() {
            let fields: String = arguments.iter().map(|field| format!("  {field},\n")).collect();
            write!(text, "\nstruct Arguments {{\n{fields}}}\n@group(0) @binding({binding}) var<uniform> arguments: Arguments;\n")
                .expect("texts take all");
            binding += 1;
        }
        if reads_step {
            write!(
                text,
                "\n{}@group(0) @binding({binding}) var<uniform> step: Step;\n",
                declaration(self.plan)
            )
            .expect("texts take all");
        }
        let [x, y, z] = draft.workgroup;
        debug_assert!(x * y * z <= self.target.invocations, "a workgroup of {x}x{y}x{z}");
        text += &format!("\nconst WORKGROUP: u32 = {x}u;\n\n");
        text += &body;
        let shader = Shader {
            name: self.kernel.path.clone(),
            text,
            workgroup: draft.workgroup,
            storage,
            argument_words: arguments.len(),
            reads_step,
        };
        (shader, slots)
    }

    fn head(&self) -> String {
        let lines = format!("{} of {}", self.kernel.path, self.plan.name);
        lines.replace('\n', " ")
    }

    /// A storage buffer for each slot, for scratch and for constants.
    fn storage(&self) -> impl Iterator<Item = Storage> {
        let own = self.slots.iter().enumerate().map(|(slot, variable)| Storage {
            name: variable.name.clone(),
            writable: self.bound.writable(slot),
        });
        let scratch = Storage { name: "scratch".to_owned(), writable: true };
        let constants = Storage { name: "constants".to_owned(), writable: false };
        own.chain([scratch, constants])
    }

    fn element(&self, name: &str) -> &'static str {
        let found = self.slots.iter().find(|variable| variable.name == name);
        if name == "constants" {
            return "u32";
        }
        match found.map(|variable| variable.element) {
            Some(Element::Float) | None => "f32",
            Some(Element::Fours) => "vec4<f32>",
            Some(Element::Half) => "f16",
            Some(Element::Integer | Element::Mixed) => "u32",
        }
    }

    fn comment(&self, slot: usize) -> Option<String> {
        let operands = (slot < self.slots.len()).then(|| self.bound.operands_of(slot))?;
        let mut all: Vec<&str> = operands.map(|operand| &*self.operands[operand]).collect();
        all.dedup();
        Some(all.join("; "))
    }

    /// Fields of the block of arguments, a word each, in the order of [`super::argument_words`].
    fn arguments(&self) -> Vec<String> {
        let operands = self.kernel.reads.len() + self.kernel.writes.len();
        let bases = (0..operands).filter(|operand| self.bound.has_base(*operand));
        let bases = bases.map(|operand| format!("base_{operand}: u32"));
        let own =
            self.kernel.arguments.iter().enumerate().filter_map(
                |(at, value)| match ArgumentKind::of(value) {
                    ArgumentKind::Number => Some(format!("number_{at}: f32")),
                    ArgumentKind::Site => Some(format!("site_{at}: u32")),
                    ArgumentKind::Condition => Some(format!("condition_{at}: u32")),
                    ArgumentKind::LearningRate
                    | ArgumentKind::FirstCorrection
                    | ArgumentKind::SecondCorrection
                    | ArgumentKind::Updates => None,
                },
            );
        bases.chain(own).collect()
    }
}

/// Whether a shader has a function, or some function of it a variable, that is called as one of its buffers.
pub(super) fn hides_buffers(shader: &Shader) -> bool {
    let hides = |name: &str| {
        let declared = ["let ", "var ", "(", ", ", "fn ", "const ", "var<workgroup> "];
        declared.map(|before| format!("{before}{name}")).iter().any(|text| {
            shader.text.match_indices(&**text).any(|(at, _)| {
                let behind = &shader.text[at + text.len()..];
                let is_function = text.starts_with("fn ") && behind.starts_with('(');
                behind.starts_with(" =") || behind.starts_with(": ") || is_function
            })
        })
    };
    let is_function = |name: &str| shader.text.contains(&format!("fn {name}("));
    shader.storage.iter().any(|storage| hides(&storage.name) || is_function(&storage.name))
}

/// Whether a text uses a storage buffer.
fn mentions(text: &str, name: &str) -> bool {
    let starts_word = |at: usize| {
        !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.')
    };
    text.match_indices(&format!("{name}[")).any(|(at, _)| starts_word(at))
}

/// Reads that hold integers.
fn integer_reads(body: &Body) -> Vec<usize> {
    let tapes: Vec<&Tape> = match body {
        Body::Map(tile) | Body::Row(tile) => vec![&tile.tape],
        Body::Column(column) => vec![&column.before, &column.after],
        Body::Contract(contract) => vec![&contract.a, &contract.b, &contract.after],
        Body::Attend(..) => vec![],
        Body::LookupSum { .. } => return vec![1, 2],
    };
    let instructions = tapes.into_iter().flat_map(|tape| &tape.instructions);
    let index = instructions.filter_map(|instruction| {
        if let Instruction::LoadRow { index, .. } = instruction { Some(*index) } else { None }
    });
    index.collect()
}

/// A function of some statements.
pub(super) fn function(head: &str, lines: &[String]) -> String {
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    format!("{head} {{\n{lines}}}\n")
}

/// At least so many workgroups, in two dimensions where one has not as many. Skeletons number them `x` first, and leave
/// those beyond the last alone.
pub(super) fn grid(kit: &Kit<'_>, workgroups: usize) -> [u32; 3] {
    let most = kit.target.workgroups as usize;
    let y = workgroups.div_ceil(most).max(1);
    let x = workgroups.div_ceil(y).max(1);
    [x, y, 1].map(|size| u32::try_from(size).expect("plans are below 2^32 workgroups"))
}
