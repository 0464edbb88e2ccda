//! Shaders of models of many groups: short, and nowhere nested deep.

use std::fmt::Write;

use super::TARGETS;
use crate::autodiff::Seed;
use crate::program::program;
use crate::{CompileOptions, Mode, Options, check_text, compile};

/// Bytes of the longest text that there may be.
const LONGEST: usize = 200 << 10;

/// How often a function may return: drivers nest what is behind a `return` in a branch one deeper, and one leaves out in silence
/// what is nested 80 deep.
const MOST_RETURNS: usize = 33;

/// A model of so many groups, each of which reads those that `reads` says.
fn spec(
    count: usize,
    tokens: &[usize],
    reads: impl Fn(usize, usize) -> Option<&'static str>,
) -> String {
    let sizes: Vec<usize> = tokens.iter().copied().cycle().take(count).collect();
    let all: usize = sizes.iter().sum();
    let mut text =
        format!("model m {{\nmodality v = tensor([{all}, 4])\ntokens v = v |> linear(4)\n");
    let mut write = |line: String| writeln!(text, "{line}").expect("texts take all");
    let mut start = 0;
    for (at, size) in sizes.iter().enumerate() {
        write(format!("tokens g{at} = v[{start}..{}]", start + size));
        start += size;
    }
    write("route r {".to_owned());
    for at in 0..count {
        let read = |other| reads(at, other).map(|relation| format!("g{other}{relation}"));
        let read: Vec<String> = (0..count).filter_map(read).collect();
        write(format!("g{at} <- {}", read.join(", ")));
    }
    write("}\napply vit(2, drop: 0.1) over r".to_owned());
    let all: Vec<String> = (0..count).map(|at| format!("g{at}")).collect();
    write(format!("output o = concat({}) |> pool(mean)\n}}", all.join(", ")));
    text
}

/// Holds the shaders of gradients to the limits.
fn check(name: &str, text: &str, batch: usize) {
    let checked = check_text(text, &Options::default()).checked.expect("it checks");
    let mode = Mode::Gradients(Seed::Outputs);
    let options = CompileOptions { batch, mode, random: true, ..CompileOptions::default() };
    let plan = compile(&checked, &options).expect("it compiles");
    for target in TARGETS {
        for shader in program(&plan, target).shaders {
            let length = shader.text.len();
            assert!(length < LONGEST, "{name}, {}: {length} bytes", shader.name);
            for function in shader.text.split("\nfn ") {
                let returns = function.matches("return").count();
                let head = function.lines().next().unwrap_or_default();
                assert!(returns <= MOST_RETURNS, "{name}, {}: {head}", shader.name);
            }
        }
    }
}

#[test]
fn texts_are_short_whatever_the_groups_are() {
    for count in [4, 5, 6, 9, 16, 17, 64] {
        let next =
            |at: usize, other: usize| (other == at || other == (at + 1) % count).then_some("");
        check(&format!("{count}, next"), &spec(count, &[2], next), 1);
        check(&format!("{count}, all"), &spec(count, &[2], |_, _| Some("")), 2);
        let causal = |at: usize, other: usize| match other {
            _ if other < at => Some(""),
            _ if other == at => Some(" within causal"),
            _ => None,
        };
        check(&format!("{count}, causal"), &spec(count, &[3, 1], causal), 2);
    }
    check("256, all", &spec(256, &[2, 1], |_, _| Some("")), 2);
}
