//! Where everything lies that a host writes or reads.
//!
//! In: a plan with its model. Out: the inputs, results, weights and the block of the step, as the manifest has them.
//! Deliberately not here: buffers and dispatches.

use serde_json::{Value, json};
use zorro_compiler::flow::{ModalitySet, Presence};
use zorro_compiler::graph::{InputId, InputKind, Place, RootKind, Slot};
use zorro_compiler::model::{Init, Weight, WeightKind};
use zorro_compiler::plan::{Arena, PlanResult, Region};
use zorro_compiler::program::STEP_HEAD;

use super::Emitter;
use super::preprocess::{number, tagged};

impl Emitter<'_> {
    pub(super) fn inputs(&self) -> Value {
        let inputs = (0..).map(InputId).zip(&self.made.plan.inputs);
        let inputs = inputs.map(|(id, (input, _))| {
            let kind = match input.kind {
                InputKind::Modality => "modality",
                InputKind::Ids => "ids",
                InputKind::IdOrder => "id_order",
                InputKind::IdStarts => "id_starts",
                InputKind::Target => "target",
                InputKind::Cotangent => "cotangent",
            };
            let mut entry = json!({
                "name": input.name,
                "kind": kind,
                "type": if input.kind.is_integer() { "u32" } else { "f32" },
                "shape": input.shape,
            });
            self.at(&mut entry, &self.made.plan.input(id));
            entry
        });
        inputs.collect()
    }

    fn results(&self, kind: impl Fn(RootKind) -> bool) -> impl Iterator<Item = &PlanResult> {
        self.made.plan.results.iter().filter(move |result| kind(result.kind))
    }

    pub(super) fn outputs(&self) -> Value {
        let outputs = self.results(|kind| kind == RootKind::Output).map(|result| {
            let model = &self.checked.model;
            let found = model.outputs.iter().find(|output| output.name == result.name);
            let value = found.expect("a plan has outputs of its model").value;
            let flow = &self.checked.flow;
            self.seen(result, flow.sees(value), flow.presence(value))
        });
        outputs.collect()
    }

    pub(super) fn losses(&self) -> Value {
        let losses = self.results(|kind| kind == RootKind::Loss).map(|result| {
            let objectives = &self.checked.model.objectives;
            let found = objectives.iter().position(|objective| objective.name == result.name);
            let index = found.expect("a plan has losses of its model");
            let (sees, presence) = self.checked.flow.objective(index);
            self.seen(result, sees, presence)
        });
        losses.collect()
    }

    /// A result with who can reach it, and which samples have it.
    fn seen(&self, result: &PlanResult, sees: ModalitySet, presence: &Presence) -> Value {
        let mut entry = json!({ "name": result.name, "shape": result.shape });
        self.at(&mut entry, &result.region);
        entry["sees"] = self.names(sees);
        entry["any_of"] = self.any_of(presence);
        entry
    }

    pub(super) fn input_gradients(&self) -> Value {
        let found = self.results(|kind| kind == RootKind::InputGradient).map(|result| {
            let mut entry = json!({ "name": result.name, "shape": result.shape });
            self.at(&mut entry, &result.region);
            entry
        });
        found.collect()
    }

    pub(super) fn gradient_norm(&self) -> Value {
        let mut found = self.results(|kind| kind == RootKind::GradientNorm);
        found.next().map_or(Value::Null, |result| self.place(&result.region))
    }

    pub(super) fn weights(&self) -> Value {
        let weights = self.checked.model.weights.iter().zip(&self.made.plan.parameters.places);
        let weights = weights.filter_map(|(weight, place)| Some(self.weight(weight, (*place)?)));
        weights.collect()
    }

    fn weight(&self, weight: &Weight, place: Place) -> Value {
        let Place { buffer, offset, numbers } = place;
        let own =
            Region { arena: Arena::Parameters(buffer, Slot::Weight), offset, numbers, half: false };
        // Results are of parts of buffers; a weight lies within one of them.
        let within = |start: usize, result: &PlanResult| {
            start <= offset && offset + numbers <= start + result.region.numbers
        };
        let gradient = self.made.plan.results.iter().find_map(|result| match result.kind {
            RootKind::ParameterGradient(of, start) if of == buffer && within(start, result) => {
                let offset = result.region.offset + offset - start;
                Some(self.place(&Region { offset, numbers, ..result.region }))
            }
            RootKind::ParameterGradient(..)
            | RootKind::Output
            | RootKind::Loss
            | RootKind::Term(..)
            | RootKind::InputGradient
            | RootKind::Update(..)
            | RootKind::GradientNorm => None,
        });
        let is_updated = self.made.plan.results.iter().any(|result| {
            if let RootKind::Update(of, Slot::Weight, start) = result.kind {
                of == buffer && within(start, result)
            } else {
                false
            }
        });
        let mut entry = json!({ "name": weight.name, "shape": weight.shape });
        self.at(&mut entry, &own);
        entry["kind"] = json!(kind(weight.kind));
        entry["init"] = init(&weight.init);
        entry["decays"] = json!(self.made.plan.parameters.buffers[buffer.0 as usize].decays);
        entry["gradient"] = gradient.unwrap_or(Value::Null);
        entry["updated"] = json!(is_updated);
        entry
    }

    /// The uniform block of what differs from step to step.
    pub(super) fn step(&self) -> Value {
        let words = STEP_HEAD
            .iter()
            .enumerate()
            .map(|(word, (name, kind))| json!({ "word": word, "name": name, "type": kind }));
        let targets = &self.checked.model.targets;
        let conditions = self.made.plan.presences.iter().map(|condition| {
            let names = condition.targets.iter().map(|id| &*targets[id.index()].name);
            json!({
                "any_of": self.any_of(&condition.presence),
                "targets": names.collect::<Vec<_>>(),
                "counted": condition.counted,
            })
        });
        json!({
            "bytes": 4 * self.made.program.step_words,
            "words": words.collect::<Value>(),
            "present": { "first_word": STEP_HEAD.len(), "conditions": conditions.collect::<Value>() },
        })
    }

    /// Adds where something lies.
    fn at(&self, entry: &mut Value, region: &Region) {
        if let (Value::Object(entry), Value::Object(place)) = (entry, self.place(region)) {
            entry.extend(place);
        }
    }

    /// The names of modalities.
    fn names(&self, set: ModalitySet) -> Value {
        set.iter().map(|id| &*self.checked.model.modalities[id.index()].name).collect()
    }

    /// Sets of modalities, one of which a sample must have whole.
    fn any_of(&self, presence: &Presence) -> Value {
        presence.terms().iter().map(|term| self.names(*term)).collect()
    }
}

fn kind(kind: WeightKind) -> &'static str {
    match kind {
        WeightKind::Matrix => "matrix",
        WeightKind::Bias => "bias",
        WeightKind::Scale => "scale",
        WeightKind::Position => "position",
        WeightKind::Latents => "latents",
        WeightKind::Embedding => "embedding",
        WeightKind::Scores => "scores",
        WeightKind::Learned => "learned",
    }
}

fn init(init: &Init) -> Value {
    match init {
        Init::Constant(value) => tagged("draw", "constant", &[("value", number(*value))]),
        Init::Truncated(std) => tagged("draw", "truncated", &[("std", number(*std))]),
        Init::Normal(std) => tagged("draw", "normal", &[("std", number(*std))]),
        Init::Uniform(bound) => tagged("draw", "uniform", &[("bound", number(*bound))]),
        Init::Xavier => tagged("draw", "xavier", &[]),
    }
}
