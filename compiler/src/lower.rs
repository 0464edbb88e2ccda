//! From a model to a graph: `Model` -> `Graph`.
//!
//! In: a checked model, and what of it is wanted: outputs and objectives, a batch, perhaps only some of the
//! modalities. Out: the forward graph with these as its roots. Norms, activations and losses become primitives here; token
//! groups that are worked on together become packs, made where an operation with shared weights first needs them and kept
//! while the groups stay together. Nothing is lowered that the roots do not need.
//!
//! Deliberately not here: gradients (`autodiff`), updates (`optimizer`), kernels (`plan`).

mod activations;
mod apart;
mod attend;
mod loss;
mod needs;
mod pack;
mod parameters;
mod positions;
mod steps;
mod tokens;

use crate::Checked;
use crate::flow::{ModalitySet, Presence};
use crate::graph::{Graph, NodeId, Phase, PresenceId, RootKind, verify};
use crate::model::{GroupId, Model, Shape, ValueId, WeightId};

pub use parameters::Decay;

/// What of a model is wanted.
#[derive(Debug, Clone)]
pub struct Request {
    /// Samples of a batch, at least 1.
    pub batch: usize,
    /// Outputs by their index in the model.
    pub outputs: Vec<usize>,
    /// Objectives by their index in the model.
    pub objectives: Vec<usize>,
    /// The objective, by its index in the model, whose terms are wanted sample by sample.
    pub terms: Option<usize>,
    /// The modalities that there are; none for all. What needs another one is not computed.
    pub only: Option<ModalitySet>,
    /// Whether dropout and drop path happen, as in training.
    pub random: bool,
    /// To which weights decay applies.
    pub decay: Decay,
    /// Weights that stay as they are.
    pub frozen: Vec<WeightId>,
    /// The most numbers that a buffer of weights may hold.
    pub buffer_numbers: usize,
}

/// Something wanted that needs modalities which are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// The output or objective.
    pub name: String,
    /// When it exists.
    pub presence: Presence,
}

/// Lowers what is wanted of a model.
///
/// # Errors
///
/// Every wanted output and objective that needs modalities which are not there.
pub fn lower(checked: &Checked, request: &Request) -> Result<Graph, Vec<Unavailable>> {
    let apart = apart::apart(checked);
    let portions = apart.as_ref().map_or(&[][..], |apart| &apart.portions);
    let original = &checked.model;
    let checked = apart.as_ref().map_or(checked, |apart| &apart.checked);
    let needs = needs::Needs::of(checked, request)?;
    let parameters = parameters::layout(&checked.model, &needs, request);
    let mut lowering = Lowering {
        model: &checked.model,
        original,
        portions,
        checked,
        request,
        graph: Graph::new(&checked.model.name, request.batch, parameters),
        places: vec![None; checked.model.values.len()],
        needs,
    };
    for step in &checked.model.steps {
        lowering.step(step);
    }
    lowering.roots();
    let graph = lowering.graph;
    debug_assert_eq!(verify(&graph), Ok(()), "lower makes well-formed graphs");
    Ok(graph)
}

/// Where a value lies.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In a pack: from this row on, for all samples.
    Rows { pack: NodeId, start: usize },
    /// One row, `[1, width]`, that is the same for all samples.
    Free(NodeId),
}

/// A model on its way.
struct Lowering<'a> {
    /// Each part a value of its own.
    model: &'a Model,
    /// Before parts were set apart.
    original: &'a Model,
    /// For every value of which it is a part; nothing where none is.
    portions: &'a [apart::Portion],
    checked: &'a Checked,
    request: &'a Request,
    graph: Graph,
    /// For every value, where it lies once it is made.
    places: Vec<Option<Place>>,
    needs: needs::Needs,
}

impl Lowering<'_> {
    fn batch(&self) -> usize {
        self.request.batch
    }

    /// Tokens and width of a value.
    fn size(&self, value: ValueId) -> (usize, usize) {
        let shape = self.model.shape(value);
        (number(shape.tokens()), number(shape.width))
    }

    fn grid(&self, value: ValueId) -> Vec<usize> {
        self.model.shape(value).grid.iter().copied().map(number).collect()
    }

    /// The first token of a value in what it is a part of, and the shape of that; none if it is whole.
    fn portion(&self, value: ValueId) -> Option<(u64, &Shape)> {
        let (whole, tokens) = self.portions.get(value.index())?;
        let shape = self.original.shape(*whole);
        (*tokens != (0..shape.tokens())).then_some((tokens.start, shape))
    }

    /// The name of a group, with the tokens of it that a part has.
    fn part_name(&self, group: Option<GroupId>, value: ValueId) -> String {
        let name = group.map_or("self", |group| self.model.group_name(group));
        match self.portion(value) {
            Some((first, _)) => {
                format!("{name}[{first}..{}]", first + self.model.shape(value).tokens())
            }
            None => name.to_owned(),
        }
    }

    /// A weight in its shape.
    fn weight(&mut self, id: WeightId) -> NodeId {
        let shape: Vec<usize> =
            self.model.weights[id.index()].shape.iter().copied().map(number).collect();
        self.weight_as(id, &shape)
    }

    /// A weight in another shape of the same size.
    fn weight_as(&mut self, id: WeightId, shape: &[usize]) -> NodeId {
        parameters::weight(&mut self.graph, id, shape)
    }

    /// When a value exists, given which modalities there are; none for always.
    fn present(&mut self, value: ValueId) -> Option<PresenceId> {
        let presence = self.needs.presence(self.checked, value);
        self.graph.present_if(&presence)
    }

    fn roots(&mut self) {
        for &at in &self.request.outputs {
            let output = &self.model.outputs[at];
            self.graph.at(&output.name, Phase::Forward);
            let node = self.tensor(output.value);
            self.graph.root(RootKind::Output, &output.name, node);
        }
        for &at in &self.request.objectives {
            let objective = &self.model.objectives[at];
            self.graph.at(&objective.name, Phase::Forward);
            let node = self.loss(&objective.loss);
            self.graph.root(RootKind::Loss, &objective.name, node);
        }
        if let Some(at) = self.request.terms {
            let objective = &self.model.objectives[at];
            self.graph.at(&objective.name, Phase::Forward);
            for (at, term) in objective.loss.terms().into_iter().enumerate() {
                for (part, node) in self.parts(term) {
                    self.graph.root(RootKind::Term(at, part), &objective.name, node);
                }
            }
        }
    }
}

/// A size of the model as a size in memory.
fn number(size: u64) -> usize {
    usize::try_from(size).expect("limits of the language keep sizes below 2^40")
}

#[cfg(test)]
mod tests;
