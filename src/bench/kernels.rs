//! Where the time goes.
//!
//! In: a plan and the time of each kernel. Out: groups of kernels that do the same in the same place of different layers.
//! Deliberately not here: what a kernel does.

use std::collections::BTreeMap;

use zorro_compiler::graph::Phase;
use zorro_compiler::plan::{AttendKind, Body, Kernel, Plan};

/// Kernels of one kind in one place, whatever the layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The place, `*` for the numbers of layers.
    pub path: String,
    /// The part of the work.
    pub phase: &'static str,
    /// What the kernels do.
    pub kind: &'static str,
    /// How many.
    pub kernels: usize,
    /// Seconds of a run: the sum of the kernels' shortest times, which hardly depend on who else uses the machine.
    pub seconds: f64,
    /// Operations of products and attention in a run.
    pub operations: u128,
}

/// Groups, the slowest first, from the seconds of each kernel in each run.
pub(super) fn groups(plan: &Plan, runs: &[Vec<f64>]) -> Vec<Group> {
    let mut groups: BTreeMap<(&str, &str, String), Group> = BTreeMap::new();
    for (at, kernel) in plan.kernels.iter().enumerate() {
        let body = plan.body(kernel);
        let (phase, kind) = (phase(kernel.phase), kind(body));
        let path = without_numbers(&kernel.path);
        let group = groups.entry((phase, kind, path)).or_insert_with_key(|(_, _, path)| Group {
            path: path.clone(),
            phase,
            kind,
            kernels: 0,
            seconds: 0.0,
            operations: 0,
        });
        group.kernels += 1;
        group.seconds += runs.iter().map(|run| run[at]).reduce(f64::min).unwrap_or(0.0);
        group.operations += operations(plan, kernel);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    groups
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Forward => "forward",
        Phase::Again => "again",
        Phase::Backward => "backward",
        Phase::Update => "update",
    }
}

fn kind(body: &Body) -> &'static str {
    match body {
        Body::Map(_) => "map",
        Body::Row(_) => "rows",
        Body::Column(_) => "columns",
        Body::Contract(_) => "product",
        Body::Attend(..) => "attend",
        Body::LookupSum { .. } => "lookup",
    }
}

/// `layers.3.q` is `layers.*.q`.
fn without_numbers(path: &str) -> String {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = path.split('.').map(|part| if is_number(part) { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

/// Those of products and attention: one for each multiplication and one for each addition.
fn operations(plan: &Plan, kernel: &Kernel) -> u128 {
    match plan.body(kernel) {
        Body::Contract(contract) => {
            2 * [contract.m, contract.n, contract.k].map(wide).iter().product::<u128>()
        }
        Body::Attend(kind, id) => {
            let attention = &plan.attentions[id.0 as usize];
            // Scores and the cotangent of weights are computed by each kernel for itself.
            let products = match kind {
                AttendKind::Forward { result, .. } => 1 + u128::from(*result),
                AttendKind::Queries => 3,
                AttendKind::KeysValues { keys, values } => {
                    1 + 2 * u128::from(*keys) + u128::from(*values)
                }
                AttendKind::Scores => 2,
            };
            2 * products * attention.mask.allowed() * wide(plan.batch) * wide(attention.width)
        }
        Body::Map(_) | Body::Row(_) | Body::Column(_) | Body::LookupSum { .. } => 0,
    }
}

fn wide(number: usize) -> u128 {
    number as u128
}

#[cfg(test)]
mod tests {
    use super::without_numbers;

    #[test]
    fn paths() {
        assert_eq!(without_numbers("layers.13.mlp.linear_2"), "layers.*.mlp.linear_2");
        assert_eq!(without_numbers("a"), "a");
    }
}
