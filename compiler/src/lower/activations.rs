//! Activations from primitives.
//!
//! In: a tensor. Out: the function of each number. Where a formula would lose a NaN or overflow, the order of operands is
//! chosen so that it does not. Deliberately not here: derivatives, which follow from the primitives.

use crate::graph::{Binary, NodeId, Unary};
use crate::model::Elementwise;

use super::Lowering;

impl Lowering<'_> {
    /// A function of each number.
    pub(super) fn elementwise(&mut self, function: Elementwise, a: NodeId) -> NodeId {
        match function {
            Elementwise::Gelu => {
                let scaled = self.graph.times(a, std::f64::consts::FRAC_1_SQRT_2);
                let erf = self.graph.unary(Unary::Erf, scaled);
                self.half_of_one_plus(a, erf)
            }
            Elementwise::GeluTanh => self.gelu_tanh(a),
            Elementwise::QuickGelu => {
                let scaled = self.graph.times(a, 1.702);
                let sigmoid = self.graph.unary(Unary::Sigmoid, scaled);
                self.graph.multiply(a, sigmoid)
            }
            Elementwise::Relu => self.relu(a),
            Elementwise::SquaredRelu => {
                let positive = self.relu(a);
                self.graph.multiply(positive, positive)
            }
            Elementwise::Silu => {
                let sigmoid = self.graph.unary(Unary::Sigmoid, a);
                self.graph.multiply(a, sigmoid)
            }
            Elementwise::Sigmoid => self.graph.unary(Unary::Sigmoid, a),
            Elementwise::Tanh => self.graph.unary(Unary::Tanh, a),
            Elementwise::Exp => self.graph.unary(Unary::Exp, a),
            Elementwise::Log => self.graph.unary(Unary::Log, a),
        }
    }

    /// First half of the width times the function of the second half.
    pub(super) fn gated(&mut self, function: Elementwise, a: NodeId) -> NodeId {
        let half = self.graph.shape(a)[1] / 2;
        let first = self.graph.slice(a, 1, 0, half);
        let second = self.graph.slice(a, 1, half, half);
        let gate = self.elementwise(function, second);
        self.graph.multiply(first, gate)
    }

    /// max(0, a) in the order in which a NaN stays.
    fn relu(&mut self, a: NodeId) -> NodeId {
        let shape = self.graph.shape(a).to_vec();
        let zero = self.graph.constant(0.0, &shape);
        self.graph.binary(Binary::Max, zero, a)
    }

    /// a / 2 * (1 + b)
    fn half_of_one_plus(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let sum = self.graph.plus(b, 1.0);
        let half = self.graph.times(a, 0.5);
        self.graph.multiply(half, sum)
    }

    /// a / 2 * (1 + tanh(sqrt(2 / pi) * (a + 0.044715 a^3))), of Hendrycks and Gimpel 2016.
    fn gelu_tanh(&mut self, a: NodeId) -> NodeId {
        let square = self.graph.multiply(a, a);
        let inner = self.graph.times(square, 0.044_715);
        let inner = self.graph.plus(inner, 1.0);
        let inner = self.graph.multiply(a, inner);
        let inner = self.graph.times(inner, (2.0 * std::f64::consts::FRAC_1_PI).sqrt());
        let tanh = self.graph.unary(Unary::Tanh, inner);
        self.half_of_one_plus(a, tanh)
    }
}
