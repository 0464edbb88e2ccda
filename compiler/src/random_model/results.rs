//! Random outputs and objectives.
//!
//! In: the groups after all layers. Out: outputs of one and of many tokens, targets, and the objective `loss`, sometimes a
//! second one. Deliberately not here: proofs; a loss may collapse.

use super::{Group, Writer, list};

impl Writer {
    pub(super) fn results(&mut self) {
        if self.random.chance(50) {
            let names: Vec<&str> = self.groups.iter().map(|group| group.name.as_str()).collect();
            let route = names.join(", ");
            self.line(&format!("apply final() over {{ {route} }} weights per group"));
        }
        let many = self.any_group();
        let name = self.groups[many].name.clone();
        self.line(&format!("output tokens_out = {name}"));
        self.objective("loss");
        if self.random.chance(30) {
            self.objective("other");
        }
    }

    fn objective(&mut self, name: &str) {
        let n = self.random.within(1, 4);
        let losses: Vec<String> = (0..n).map(|_| self.loss()).collect();
        let text = match self.random.below(3) {
            0 => format!("mean({})", losses.join(", ")),
            1 => losses.join(" + 0.5 * "),
            _ => {
                let rest: String =
                    losses[1..].iter().map(|loss| format!(" + 2 * {loss}")).collect();
                format!("mean({}, 0.25 * {}){rest} / 4", losses[0], losses[n - 1])
            }
        };
        self.line(&format!("objective {name} = {text}"));
    }

    /// One token of a random group.
    fn token(&mut self) -> Group {
        let at = self.any_group();
        let group = self.groups[at].clone();
        let text = match self.random.below(4) {
            0 => format!("{}[0]", group.name),
            1 => format!("{} |> pool(last)", group.name),
            _ => format!("{} |> pool(mean)", group.name),
        };
        Group { name: text, grid: vec![1], width: group.width }
    }

    fn loss(&mut self) -> String {
        let (output, target) = (self.fresh("o"), self.fresh("t"));
        match self.random.below(5) {
            0 => {
                let (token, n) = (self.token(), self.random.within(2, 5));
                let width = token.width;
                let tie = if self.random.chance(30) {
                    format!(", weights: head{width}to{n}")
                } else {
                    String::new()
                };
                self.line(&format!("output {output} = {} |> linear({n}{tie})", token.name));
                self.line(&format!("target {target} = class({n})"));
                let smoothing = self.random.one_of(&["", ", smoothing: 0.1"]);
                format!("cross_entropy({output}, {target}{smoothing})")
            }
            1 => {
                let (token, n) = (self.token(), self.random.within(1, 4));
                self.line(&format!("output {output} = {} |> linear({n})", token.name));
                self.line(&format!("target {target} = classes({n})"));
                format!("sigmoid_cross_entropy({output}, {target})")
            }
            2 => self.mse(&output, &target),
            _ => self.nce(&output),
        }
    }

    fn mse(&mut self, output: &str, target: &str) -> String {
        if self.random.chance(50) {
            let at = self.any_group();
            let Group { name, grid, .. } = self.groups[at].clone();
            let width = self.random.within(1, 3);
            self.line(&format!("output {output} = {name} |> linear({width})"));
            self.line(&format!("target {target} = tensor([{}, {width}])", list(&grid)));
            format!("mse({output}, {target})")
        } else {
            let (a, b) = (self.token(), self.token());
            self.line(&format!("output {output} = {} |> linear(3)", a.name));
            self.line(&format!("output {output}b = {} |> linear(3) |> tanh", b.name));
            format!("mse({output}, {output}b, collapse: allow)")
        }
    }

    fn nce(&mut self, output: &str) -> String {
        let (a, b) = (self.token(), self.token());
        self.line(&format!("output {output} = {} |> project(4, 6)", a.name));
        self.line(&format!("output {output}b = {} |> project(4, 0)", b.name));
        let temperature = match self.random.below(5) {
            0 => {
                let name = self.fresh("log_temperature");
                self.line(&format!("let {name} = learned([], init: -1)"));
                format!(", temperature: exp({name})")
            }
            1 => ", temperature: learned([], init: 0.5)".to_owned(),
            2 => ", temperature: 0.5".to_owned(),
            3 => ", temperature: mean(exp(learned([])), learned([], init: 0.4))".to_owned(),
            _ => ", temperature: 1".to_owned(),
        };
        let negatives = self.random.one_of(&["both", "forward", "joint"]);
        format!("nce({output}, {output}b{temperature}, negatives: {negatives}, collapse: allow)")
    }
}
