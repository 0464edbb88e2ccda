//! A plan with its memory and its threads.
//!
//! In: a plan, once; data and a [`Step`], each time. Out: results, and moved weights. Bodies are compiled once, however
//! many kernels use them. Deliberately not here: what bodies do (a file for each).

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::arena::{Memory, Open, Place};
use super::attend::{self, Setting, Visits};
use super::check;
use super::column::Columns;
use super::contract::Product;
use super::evaluate::{Given, Job};
use super::lookup::Lookup;
use super::map::Sheet;
use super::present::Present;
use super::row::Row;
use super::team::{Needs, Team};
use crate::RuntimeError;
use crate::compiler::graph::{Argument, AttentionId, BufferId, InputId, Sample, Slot, Table};
use crate::compiler::plan::{Arena, AttendKind, Body, Kernel, Plan, Region, Value};
use crate::feed;
use crate::memory::zeros;

/// What differs from run to run beside the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What each sample of the batch has.
    pub samples: Vec<Sample>,
    /// Of all random numbers.
    pub seed: u64,
    /// The number of the batch's first sample, as random numbers count them.
    pub first_sample: u32,
    /// The learning rate.
    pub learning_rate: f32,
    /// `1 - beta^t` of the first moment, t counting from 1.
    pub first_correction: f32,
    /// `1 - beta^t` of the second moment.
    pub second_correction: f32,
    /// Whether weights are updated, or gradients only added up.
    pub updates: bool,
}

/// Runs a plan on the threads of this machine.
#[derive(Debug)]
pub struct CpuExecutor {
    plan: Arc<Plan>,
    bodies: Vec<Ready>,
    kernels: Vec<Operands>,
    memory: Memory,
    shared: Vec<f32>,
    room: usize,
    largest_ids: Vec<Option<u32>>,
    team: Team,
    pool: ThreadPool,
    visits: Visits,
    seconds: Option<Vec<f64>>,
}

/// A body made ready.
#[derive(Debug)]
enum Ready {
    Map(Sheet),
    Row(Row),
    Column(Columns),
    Contract(Product),
    Attend(AttendKind, AttentionId),
    LookupSum(Lookup),
}

/// Where a kernel's operands lie.
#[derive(Debug)]
struct Operands {
    reads: Vec<Place>,
    /// Of each read whether the kernel writes none of it.
    lends: Vec<bool>,
    writes: Vec<Place>,
}

impl Ready {
    fn new(body: &Body, threads: usize) -> Self {
        match body {
            Body::Map(tile) => Self::Map(Sheet::map(tile)),
            Body::Row(tile) => Self::Row(Row::new(tile)),
            Body::Column(column) => Self::Column(Columns::new(column)),
            Body::Contract(contract) => Self::Contract(Product::new(contract, threads)),
            Body::Attend(kind, id) => Self::Attend(*kind, *id),
            Body::LookupSum { rows, vocabulary, width } => {
                Self::LookupSum(Lookup { rows: *rows, vocabulary: *vocabulary, width: *width })
            }
        }
    }

    fn needs(&self) -> Needs {
        match self {
            Self::Map(sheet) => sheet.needs(),
            Self::Row(row) => row.needs(),
            Self::Column(columns) => columns.needs(),
            Self::Contract(product) => product.needs(),
            Self::Attend(..) => Needs::default(),
            Self::LookupSum(lookup) => lookup.needs(),
        }
    }
}

/// The number of an arena in an executor's memory: activations, inputs, weights, states, tables.
fn arena_number(plan: &Plan, arena: Arena) -> Option<usize> {
    let (weights, states) = (plan.parameters.buffers.len(), plan.states.len());
    match arena {
        Arena::Activations => Some(0),
        Arena::Inputs => Some(1),
        Arena::Parameters(buffer, Slot::Weight) => {
            let number = buffer.0 as usize;
            (number < weights).then_some(2 + number)
        }
        Arena::Parameters(buffer, slot @ (Slot::First | Slot::Second | Slot::Gradient)) => {
            let state = plan.states.iter().position(|state| *state == (buffer, slot));
            state.map(|state| 2 + weights + state)
        }
        Arena::Table(table) => Some(2 + weights + states + table.0 as usize),
    }
}

fn memory(plan: &Plan) -> Result<Memory, RuntimeError> {
    let mut memory = Memory::default();
    memory.add(zeros(plan.activations, "activations")?);
    memory.add(zeros(plan.input_numbers, "inputs")?);
    for buffer in &plan.parameters.buffers {
        memory.add(zeros(buffer.numbers, "weights")?);
    }
    for (buffer, _) in &plan.states {
        let numbers = plan.parameters.buffers[buffer.0 as usize].numbers;
        memory.add(zeros(numbers, "the optimizer's state")?);
    }
    for table in &plan.tables {
        match table {
            Table::Numbers(numbers) => {
                let mut made = zeros(numbers.len(), "tables")?;
                made.iter_mut().zip(numbers).for_each(|(out, number)| *out = *number as f32);
                memory.add(made);
            }
            Table::Rows(rows) => {
                let mut made = zeros(rows.len(), "tables")?;
                made.iter_mut().zip(rows).for_each(|(out, row)| *out = f32::from_bits(*row));
                memory.add(made);
            }
        }
    }
    Ok(memory)
}

impl CpuExecutor {
    /// Makes a plan ready: all memory is taken here, and none in a run but for lists of operands. Weights and state are
    /// zeros.
    ///
    /// # Errors
    ///
    /// If there is not enough memory, or the system gives no threads.
    ///
    /// # Panics
    ///
    /// If the plan breaks what plans promise: a kernel writes what it or another thread of it reads.
    pub fn new(plan: Arc<Plan>, threads: usize) -> Result<Self, RuntimeError> {
        if plan.has_halves() {
            return Err(RuntimeError::Half { device: "the processor".to_owned() });
        }
        check::check(&plan);
        let threads = threads.max(1);
        let bodies: Vec<_> = plan.bodies.iter().map(|body| Ready::new(body, threads)).collect();
        let needs = bodies.iter().fold(Needs::default(), |needs, body| needs.and(body.needs()));
        let place = |region: &Region| {
            let arena = arena_number(&plan, region.arena).expect("a plan names its own arenas");
            Place { arena, offset: region.offset, numbers: region.numbers }
        };
        let kernels = plan.kernels.iter().map(|kernel| Operands {
            reads: kernel.reads.iter().map(place).collect(),
            lends: kernel.reads.iter().map(|read| is_only_read(kernel, read)).collect(),
            writes: kernel.writes.iter().map(place).collect(),
        });
        let kernels = kernels.collect();
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        Ok(Self {
            kernels,
            memory: memory(&plan)?,
            shared: zeros(needs.shared, "the room that kernels share")?,
            room: needs.of_worker() * threads,
            team: Team::new(threads, needs)?,
            pool: pool.map_err(|error| RuntimeError::Threads(error.to_string()))?,
            largest_ids: feed::largest_ids(&plan),
            bodies,
            plan,
            visits: Visits::default(),
            seconds: None,
        })
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bytes of the plan's arenas, exactly.
    #[must_use]
    pub fn arena_bytes(&self) -> usize {
        self.memory.numbers() * size_of::<f32>()
    }

    /// Bytes of the room that threads work in, beside the arenas. Attention takes some more while it runs.
    #[must_use]
    pub fn scratch_bytes(&self) -> usize {
        (self.shared.len() + self.room) * size_of::<f32>()
    }

    /// A buffer of weights, or of the optimizer's state beside it.
    ///
    /// # Panics
    ///
    /// If the plan has none such.
    #[must_use]
    pub fn parameters(&self, buffer: BufferId, slot: Slot) -> &[f32] {
        let arena = arena_number(&self.plan, Arena::Parameters(buffer, slot));
        self.memory.numbers_of(arena.expect("the plan has this buffer"))
    }

    /// The same, to be filled.
    ///
    /// # Panics
    ///
    /// If the plan has none such.
    pub fn parameters_mut(&mut self, buffer: BufferId, slot: Slot) -> &mut [f32] {
        let arena = arena_number(&self.plan, Arena::Parameters(buffer, slot));
        self.memory.numbers_of_mut(arena.expect("the plan has this buffer"))
    }

    /// Feeds numbers: a modality, a target, a cotangent. They stay until they are fed again.
    ///
    /// # Errors
    ///
    /// If there are not as many as its shape says, or it takes integers.
    pub fn feed(&mut self, input: InputId, numbers: &[f32]) -> Result<(), RuntimeError> {
        feed::fits(&self.plan, input, false, numbers.len())?;
        self.input_mut(input).copy_from_slice(numbers);
        Ok(())
    }

    /// Feeds integers: ids, their order, their starts.
    ///
    /// # Errors
    ///
    /// If there are not as many as its shape says, it takes numbers, or one points beyond the table that it is for.
    pub fn feed_ids(&mut self, input: InputId, ids: &[u32]) -> Result<(), RuntimeError> {
        feed::fits(&self.plan, input, true, ids.len())?;
        feed::ids_exist(&self.plan, input, self.largest_ids[input.0 as usize], ids)?;
        let places = self.input_mut(input).iter_mut();
        places.zip(ids).for_each(|(place, id)| *place = f32::from_bits(*id));
        Ok(())
    }

    fn input_mut(&mut self, input: InputId) -> &mut [f32] {
        let Region { offset, numbers, .. } = self.plan.input(input);
        &mut self.memory.numbers_of_mut(1)[offset..offset + numbers]
    }

    /// Runs all kernels in their order.
    ///
    /// # Errors
    ///
    /// If the step has another number of samples than the batch.
    pub fn run(&mut self, step: &Step) -> Result<(), RuntimeError> {
        self.run_kernels(step, 0..self.plan.kernels.len())
    }

    /// Runs some kernels in their order.
    pub(crate) fn run_kernels(
        &mut self,
        step: &Step,
        wanted: Range<usize>,
    ) -> Result<(), RuntimeError> {
        let (expected, found) = (self.plan.batch, step.samples.len());
        if expected != found {
            return Err(RuntimeError::Samples { expected, found });
        }
        let present = Present::new(&self.plan.presences, &step.samples);
        let Self { plan, bodies, kernels, memory, shared, team, pool, visits, seconds, .. } = self;
        let crew = Crew { team, pool, visits };
        let memory = memory.open();
        pool.install(|| {
            for i in wanted {
                let (kernel, operands) = (&plan.kernels[i], &kernels[i]);
                let start = seconds.is_some().then(Instant::now);
                let job = job(plan, kernel, operands, &memory, step, &present);
                crew.run(plan, &bodies[kernel.body.0 as usize], &job, shared);
                if let Some((seconds, start)) = seconds.as_mut().zip(start) {
                    seconds[i] += start.elapsed().as_secs_f64();
                }
            }
        });
        Ok(())
    }

    /// A result of the last run, by its place among the plan's.
    ///
    /// # Panics
    ///
    /// If the plan has not as many.
    #[must_use]
    pub fn result(&self, index: usize) -> &[f32] {
        self.region(self.plan.results[index].region)
    }

    /// Numbers as they lie in memory.
    pub(crate) fn region(&self, region: Region) -> &[f32] {
        let Region { arena, offset, numbers, .. } = region;
        let arena = arena_number(&self.plan, arena).expect("a plan names its own arenas");
        self.memory.at(Place { arena, offset, numbers })
    }

    /// From now on measures how long kernels take, from zero; or measures no more.
    pub fn profile(&mut self, on: bool) {
        self.seconds = on.then(|| vec![0.0; self.plan.kernels.len()]);
        self.visits = Visits::default();
    }

    /// Seconds that each kernel took, in the plan's order, in all runs since [`Self::profile`]; none if that is off.
    #[must_use]
    pub fn seconds(&self) -> Option<&[f64]> {
        self.seconds.as_deref()
    }

    /// What attention kernels visited since the beginning, or since [`Self::profile`].
    #[must_use]
    pub fn visits(&self) -> &Visits {
        &self.visits
    }
}

/// Whether a kernel writes no number of what it reads there.
fn is_only_read(kernel: &Kernel, read: &Region) -> bool {
    !kernel.writes.iter().any(|write| write.overlaps(read))
}

/// A kernel's operands and arguments.
fn job<'a>(
    plan: &Plan,
    kernel: &Kernel,
    operands: &'a Operands,
    memory: &Open<'a>,
    step: &Step,
    present: &'a Present,
) -> Job<'a> {
    let argument = |value: &Value| match value {
        Value::Number(Argument::Given(number)) => Given::Number(number.0 as f32),
        Value::Number(Argument::LearningRate) => Given::Number(step.learning_rate),
        Value::Number(Argument::FirstCorrection) => Given::Number(step.first_correction),
        Value::Number(Argument::SecondCorrection) => Given::Number(step.second_correction),
        Value::Number(Argument::Updates) => Given::Number(f32::from(u8::from(step.updates))),
        Value::Site(site) => Given::Site(*site),
        Value::Condition(condition) => Given::Condition(*condition),
    };
    Job {
        reads: operands.reads.iter().map(|place| memory.source(*place)).collect(),
        lends: &operands.lends,
        writes: operands.writes.iter().map(|place| memory.target(*place)).collect(),
        arguments: kernel.arguments.iter().map(argument).collect(),
        seed: step.seed,
        first_sample: step.first_sample,
        batch: plan.batch,
        present,
    }
}

/// Who runs kernels.
struct Crew<'a> {
    team: &'a Team,
    pool: &'a ThreadPool,
    visits: &'a Visits,
}

impl Crew<'_> {
    fn run(&self, plan: &Plan, body: &Ready, job: &Job<'_>, shared: &mut [f32]) {
        match body {
            Ready::Map(sheet) => sheet.run(job, self.team),
            Ready::Row(row) => row.run(job, self.team, shared),
            Ready::Column(columns) => columns.run(job, self.team, shared),
            Ready::Contract(product) => product.run(job, self.team, shared),
            Ready::LookupSum(lookup) => lookup.run(job, self.team),
            Ready::Attend(kind, id) => {
                let setting = Setting {
                    attention: &plan.attentions[id.0 as usize],
                    batch: plan.batch,
                    present: job.present,
                    pool: self.pool,
                    visits: self.visits,
                };
                let reads: Vec<_> = job.reads.iter().map(|read| read.whole()).collect();
                let writes = job.writes.iter().map(|write| write.part(0, write.len()));
                attend::run(*kind, setting, &reads, &mut writes.collect::<Vec<_>>());
            }
        }
    }
}
