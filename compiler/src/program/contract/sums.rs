//! The sums that one invocation has.
//!
//! In: how many. Out: their declaration, statements that add products to them, and statements that keep them. Sums
//! are named vectors, which drivers hold in registers; arrays they may not. Deliberately not here: which rows and columns
//! they are of.

use super::super::text::indented;

/// The parts of a vector.
pub(super) const PARTS: [&str; 4] = ["x", "y", "z", "w"];

/// A small tile: some sums of each of some lines, a line being what all of its sums share a factor of.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    pub(super) lines: usize,
    /// Vectors of four sums a line: one or two.
    pub(super) vectors: usize,
}

impl Sums {
    fn names(self) -> impl Iterator<Item = String> {
        (0..self.lines)
            .flat_map(move |line| (0..self.vectors).map(move |at| format!("sum_{line}_{at}")))
    }

    /// The type.
    pub(super) fn declaration(self) -> String {
        let fields: String = self.names().map(|name| format!("  {name}: vec4<f32>,\n")).collect();
        format!("struct Sums {{\n{fields}}}\n\n")
    }

    /// Statements that add the products of a line's factor, as `factor` spells it, and the vectors `others` to its sums.
    pub(super) fn add(self, factor: &dyn Fn(usize) -> String, others: &str) -> Vec<String> {
        let line = |line: usize| {
            let factor = factor(line);
            let add =
                |at: usize| format!("(*sums).sum_{line}_{at} += factor_{line} * {others}_{at};");
            let adds = (0..self.vectors).map(add);
            std::iter::once(format!("let factor_{line} = {factor};"))
                .chain(adds)
                .collect::<Vec<_>>()
        };
        (0..self.lines).flat_map(line).collect()
    }

    /// Statements that do something with each `sum`: number `at` of the line `line`, four a vector. No array holds them, for
    /// drivers take long to compile what indexes one.
    pub(super) fn each(self, inner: &[String]) -> Vec<String> {
        let Self { lines, vectors } = self;
        debug_assert!((1..=2).contains(&vectors), "{vectors} vectors");
        let mut all = vec![format!("for (var line = 0u; line < {lines}u; line++) {{")];
        all.extend((0..vectors).map(|at| format!("  var sum_{at} = sums.sum_0_{at};")));
        if lines > 1 {
            all.push("  switch line {".to_owned());
            all.extend((1..lines).map(|line| self.case(line)));
            all.extend(["    default: {}".to_owned(), "  }".to_owned()]);
        }
        let vector = if vectors == 1 { "sum_0" } else { "select(sum_0, sum_1, at >= 4u)" };
        all.extend([
            format!("  for (var at = 0u; at < {}u; at++) {{", 4 * vectors),
            format!("    let sum = {vector}[at % 4u];"),
        ]);
        all.extend(indented(&indented(inner)));
        all.extend(["  }".to_owned(), "}".to_owned()]);
        all
    }

    /// Takes the sums of a line.
    fn case(self, line: usize) -> String {
        let take = |at: usize| format!(" sum_{at} = sums.sum_{line}_{at};");
        let takes: String = (0..self.vectors).map(take).collect();
        format!("    case {line}u: {{{takes} }}")
    }
}
