//! Where weights lie: flat buffers, those that decay first, those that stay as they are last.
//!
//! In: the weights that are needed. Out: a place for each. Weights of one buffer follow one another without gaps, in the order
//! of the model, so that an update is one pass over a buffer. Deliberately not here: their values.

use crate::graph::{BufferId, Graph, Leaf, NodeId, Op, ParameterBuffer, Parameters, Place};
use crate::model::{Model, WeightId, WeightKind};

use super::needs::Needs;
use super::{Request, number};

/// To which weights decay applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decay {
    /// To linear maps alone, as is usual.
    #[default]
    Matrices,
    /// To all.
    All,
}

impl Decay {
    fn applies(self, kind: WeightKind) -> bool {
        match self {
            Self::All => true,
            Self::Matrices => match kind {
                WeightKind::Matrix => true,
                WeightKind::Bias
                | WeightKind::Scale
                | WeightKind::Position
                | WeightKind::Latents
                | WeightKind::Embedding
                | WeightKind::Scores
                | WeightKind::Learned => false,
            },
        }
    }
}

/// Lays out the weights that are needed.
pub(super) fn layout(model: &Model, needs: &Needs, request: &Request) -> Parameters {
    let mut used = vec![false; model.weights.len()];
    for step in &model.steps {
        for lane in step.lanes.iter().filter(|lane| needs.needed(lane.result)) {
            for weight in &lane.weights {
                used[weight.index()] = true;
            }
        }
    }
    let mut parameters = Parameters {
        buffers: Vec::new(),
        places: vec![None; model.weights.len()],
        names: model.weights.iter().map(|weight| weight.name.clone()).collect(),
        scale: None,
    };
    for (decays, frozen) in [(true, false), (false, false), (false, true)] {
        let mut open: Option<ParameterBuffer> = None;
        for (at, weight) in model.weights.iter().enumerate() {
            let is_frozen = request.frozen.contains(&WeightId::next(at));
            let class = (!is_frozen && request.decay.applies(weight.kind), is_frozen);
            if !used[at] || class != (decays, frozen) {
                continue;
            }
            let numbers = number(weight.numbers());
            let full = open
                .as_ref()
                .is_some_and(|buffer| buffer.numbers + numbers > request.buffer_numbers);
            if full {
                parameters.buffers.extend(open.take());
            }
            let buffer = open.get_or_insert_with(|| ParameterBuffer {
                decays,
                frozen,
                numbers: 0,
                weights: Vec::new(),
            });
            let id = BufferId(u32::try_from(parameters.buffers.len()).expect("few buffers"));
            parameters.places[at] = Some(Place { buffer: id, offset: buffer.numbers, numbers });
            buffer.numbers += numbers;
            buffer.weights.push(WeightId::next(at));
        }
        parameters.buffers.extend(open);
    }
    parameters
}

/// A weight as a part of its buffer, in a shape of its size.
pub(super) fn weight(graph: &mut Graph, id: WeightId, shape: &[usize]) -> NodeId {
    let place = graph.parameters.places[id.index()].expect("what is lowered has its weights");
    let size = graph.parameters.buffers[place.buffer.0 as usize].numbers;
    let buffer = graph.push(Op::Leaf(Leaf::Parameters(place.buffer)), vec![], vec![size]);
    let flat = graph.slice(buffer, 0, place.offset, place.numbers);
    graph.reshape(flat, shape)
}
