//! The program: a plan as WGSL compute shaders, with everything that a host needs to run them.
//!
//! In: a plan, and what a device can do ([`Target`]). Out: a [`Program`]: few shaders, each parsed and validated by naga, and
//! dispatches in the plan's order that use them with other operands and arguments. A shader is a skeleton, which is a real
//! `.wgsl` file of `program/skeletons/`, behind the functions that it calls, which are written from the kernel. Masks stand in
//! the text as ranges.
//!
//! Deliberately not here: devices, buffers and queues, which are the runtime's; what is computed, which is the plan's.

mod access;
mod attend;
mod bindings;
mod column;
mod contract;
mod display;
mod kit;
mod lookup;
mod map;
mod names;
mod row;
mod segments;
mod step;
mod tape;
mod target;
#[cfg(test)]
mod tests;
mod text;
mod translate;
mod words;

use std::collections::BTreeMap;
use std::ops::Range;

use indexmap::IndexMap;

use crate::plan::{ALIGNMENT, Arena, Body, Kernel, Plan, Value};
use bindings::Bound;
use kit::{Draft, Kit};

pub use step::{STEP_HEAD, StepNumbers, step_words};
pub use target::Target;
pub use translate::{Checked, ENTRY, Features, HLSL_WORKGROUPS_SPACE, Hlsl, Msl, validate};

/// An element of [`Program::shaders`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShaderId(pub u32);

/// A plan as shaders.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// What it was written for.
    pub target: Target,
    /// The different shaders.
    pub shaders: Vec<Shader>,
    /// What is to be dispatched, in this order.
    pub dispatches: Vec<Dispatch>,
    /// Numbers of the buffer that kernels of several dispatches pass partial results through.
    pub scratch: usize,
    /// Words that do not change: what is [`Memory::Constants`].
    pub constants: Vec<u32>,
    /// Words of the uniform block of the step, see [`step_words`].
    pub step_words: usize,
}

/// A compute shader with one entry point, `main`.
#[derive(Debug, Clone, PartialEq)]
pub struct Shader {
    /// A name that no other shader of the program has: the place of the first kernel that uses it.
    pub name: String,
    /// WGSL.
    pub text: String,
    /// Invocations of a workgroup.
    pub workgroup: [u32; 3],
    /// The storage buffers of group 0, at bindings from 0 on.
    pub storage: Vec<Storage>,
    /// Words of the uniform block of arguments; where there are none, the block is not there. Else it has the binding behind
    /// the storage buffers.
    pub argument_words: usize,
    /// Whether the uniform block of the step is there, at the binding behind all others.
    pub reads_step: bool,
}

/// A storage buffer as a shader declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The variable.
    pub name: String,
    /// Whether it is declared `read_write`.
    pub writable: bool,
}

/// One dispatch.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    /// Which kernel of the plan it belongs to.
    pub kernel: usize,
    /// What is run.
    pub shader: ShaderId,
    /// What is bound to the shader's storage buffers, in their order.
    pub bindings: Vec<Binding>,
    /// The words of the uniform block of arguments.
    pub arguments: Vec<u32>,
    /// Workgroups in each dimension; none of them is 0.
    pub workgroups: [u32; 3],
}

/// A part of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binding {
    /// The buffer.
    pub memory: Memory,
    /// The first number, a multiple of [`ALIGNMENT`].
    pub offset: usize,
    /// How many numbers of four bytes.
    pub numbers: usize,
}

/// A buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Memory {
    /// An arena of the plan.
    Plan(Arena),
    /// What kernels of several dispatches pass partial results through.
    Scratch,
    /// The program's constants.
    Constants,
}

/// Kernels with equal keys share their shaders.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key<'a> {
    body: &'a Body,
    bound: bindings::Shape,
    arguments: Vec<kit::ArgumentKind>,
}

/// One dispatch of kernels that share a shader.
struct Pass {
    shader: ShaderId,
    /// What of a kernel's bindings the shader uses; the numbers behind the last stand for scratch and constants.
    slots: Vec<usize>,
    workgroups: [u32; 3],
    scratch: usize,
    constants: Range<usize>,
}

/// Writes the shaders of a plan.
///
/// # Panics
///
/// If naga refuses one, which is our mistake.
#[must_use]
pub fn program(plan: &Plan, target: &Target) -> Program {
    let names = names::Names::of(plan);
    let mut written: IndexMap<Key<'_>, Vec<Pass>> = IndexMap::new();
    let program = Program {
        target: *target,
        shaders: Vec::new(),
        dispatches: Vec::new(),
        scratch: 0,
        constants: Vec::new(),
        step_words: step::words(plan),
    };
    let mut writer = Writer { program, names: BTreeMap::new(), lists: BTreeMap::new() };
    for (at, kernel) in plan.kernels.iter().enumerate() {
        let body = plan.body(kernel);
        let listed = attend::reads_constants(plan, body) || segments::are_listed(body);
        let bound = Bound::of(kernel, target, usize::from(listed));
        let arguments = kernel.arguments.iter().map(kit::ArgumentKind::of).collect();
        let key = Key { body: plan.body(kernel), bound: bound.shape(), arguments };
        let passes = written.entry(key).or_insert_with(|| {
            writer.passes(|prefix| Kit::new(plan, target, &names, at, &bound, prefix))
        });
        let program = &mut writer.program;
        for pass in passes {
            program.scratch = program.scratch.max(pass.scratch);
            program.dispatches.push(Dispatch {
                kernel: at,
                shader: pass.shader,
                bindings: pass
                    .slots
                    .iter()
                    .map(|slot| bound.binding(*slot, pass.scratch, &pass.constants))
                    .collect(),
                arguments: argument_words(kernel, &bound, plan.batch),
                workgroups: pass.workgroups,
            });
        }
    }
    writer.program
}

/// What is to be dispatched for a kernel.
fn draft(kit: &Kit<'_>) -> Vec<Draft> {
    let mut drafts = match kit.body() {
        Body::Map(tile) => vec![map::draft(kit, tile)],
        Body::Row(tile) => vec![row::draft(kit, tile)],
        Body::Column(column) => column::draft(kit, column),
        Body::LookupSum { vocabulary, width, .. } => vec![lookup::draft(kit, *vocabulary, *width)],
        Body::Contract(contract) => contract::draft(kit, contract),
        Body::Attend(kind, id) => attend::draft(kit, *kind, *id),
    };
    for draft in drafts.iter_mut().filter(|draft| draft.constants.is_empty()) {
        draft.constants = kit.listed();
    }
    drafts
}

/// First where operands begin in bindings that do not begin there, then the kernel's own arguments.
fn argument_words(kernel: &Kernel, bound: &Bound, batch: usize) -> Vec<u32> {
    let own = kernel.arguments.iter().filter_map(|value| match value {
        Value::Number(crate::graph::Argument::Given(number)) => Some((number.0 as f32).to_bits()),
        Value::Site(site) => Some(*site),
        // The bit of the first sample.
        Value::Condition(id) => Some(words::word(id.0 as usize * batch)),
        Value::Number(
            crate::graph::Argument::LearningRate
            | crate::graph::Argument::FirstCorrection
            | crate::graph::Argument::SecondCorrection
            | crate::graph::Argument::Updates,
        ) => None,
    });
    bound.bases().chain(own).collect()
}

/// A program in the making.
struct Writer {
    program: Program,
    /// The names that shaders have, and the number that a further one of the same place has.
    names: BTreeMap<String, u32>,
    /// Where the constants have each list.
    lists: BTreeMap<Vec<u32>, Range<usize>>,
}

impl Writer {
    /// Writes the shaders of a kernel. If names of its place in the model are those of variables, buffers get a prefix.
    fn passes<'a>(&mut self, kit: impl Fn(&str) -> Kit<'a>) -> Vec<Pass> {
        let shaders = |prefix: &str| -> Vec<(Draft, (Shader, Vec<usize>))> {
            let kit = kit(prefix);
            let drafts = draft(&kit).into_iter();
            drafts.map(|draft| (draft.clone(), kit.shader(&draft))).collect()
        };
        let mut written = shaders("");
        if written.iter().any(|(_, (shader, _))| kit::hides_buffers(shader)) {
            written = shaders("buffer_");
        }
        written.into_iter().map(|(draft, (shader, slots))| self.add(draft, shader, slots)).collect()
    }

    fn add(&mut self, draft: Draft, shader: Shader, slots: Vec<usize>) -> Pass {
        if let Err(error) = validate(&shader.text) {
            panic!("the shader of {} is well-formed: {error}\n{}", shader.name, shader.text);
        }
        let name = self.free_name(&shader.name);
        let shaders = &mut self.program.shaders;
        shaders.push(Shader { name, ..shader });
        let shader = ShaderId(u32::try_from(shaders.len() - 1).expect("few shaders"));
        let constants = self.place(draft.constants);
        Pass { shader, slots, workgroups: draft.workgroups, scratch: draft.scratch, constants }
    }

    /// Where the constants have these words: each list has one place.
    fn place(&mut self, words: Vec<u32>) -> Range<usize> {
        let constants = &mut self.program.constants;
        let place = self.lists.entry(words).or_insert_with_key(|words| {
            let start = match words.as_slice() {
                [] => 0,
                _ => constants.len().next_multiple_of(ALIGNMENT),
            };
            constants.resize(constants.len().max(start), 0);
            constants.extend(words);
            start..start + words.len()
        });
        place.clone()
    }

    /// A name that no other shader has: the place, or the place and a number.
    fn free_name(&mut self, path: &str) -> String {
        let mut name = path.to_owned();
        while self.names.contains_key(&name) {
            let next = self.names.entry(path.to_owned()).or_insert(1);
            *next += 1;
            name = format!("{path}_{next}");
        }
        self.names.insert(name.clone(), 1);
        name
    }
}

impl Program {
    /// The shader of a dispatch.
    #[must_use]
    pub fn shader(&self, dispatch: &Dispatch) -> &Shader {
        &self.shaders[dispatch.shader.0 as usize]
    }
}
