use super::*;
use crate::{Tensor, TensorData};

/// A tensor that counts from 0.
fn range(shape: &[usize]) -> Tensor {
    let numbers: usize = shape.iter().product();
    let values = (0..numbers).map(|value| f32::from(u16::try_from(value).unwrap())).collect();
    Tensor::new(shape.to_vec(), TensorData::F32(values)).unwrap()
}

fn tensors(sizes: &[(&str, &[usize])]) -> Tensors {
    sizes.iter().map(|(name, sizes)| (*name, range(sizes))).collect()
}

fn wanted(sizes: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
    sizes.iter().map(|(name, sizes)| ((*name).to_owned(), sizes.to_vec())).collect()
}

type Sizes<'a> = &'a [(&'a str, &'a [usize])];

/// Imports weights, exports them without a base, and wants the foreign tensors back.
fn check(rules: &str, foreign: Sizes<'_>, model: Sizes<'_>) -> Tensors {
    let map = NameMap::parse("map.yaml", rules).unwrap();
    let foreign = tensors(foreign);
    let ours =
        map.import(Section::Weights, &foreign, &wanted(model)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(ours.len(), model.len());
    let back = map.export(Section::Weights, &ours, None).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(back, foreign);
    ours
}

#[test]
fn one_way_and_back_is_the_same() {
    check(
        "weights: { a.*: b.* }",
        &[("b.x", &[2]), ("b.y", &[3])],
        &[("a.x", &[2]), ("a.y", &[3])],
    );
    // A tensor of which no rule speaks keeps its name.
    check("{}", &[("same", &[2])], &[("same", &[2])]);
    check(
        "weights:\n  layers.*.attend.(q|k|v).*: blocks.*.qkv.*",
        &[("blocks.0.qkv.weight", &[6, 2]), ("blocks.0.qkv.bias", &[6])],
        &[
            ("layers.0.attend.q.weight", &[2, 2]),
            ("layers.0.attend.k.weight", &[2, 2]),
            ("layers.0.attend.v.weight", &[2, 2]),
            ("layers.0.attend.q.bias", &[2]),
            ("layers.0.attend.k.bias", &[2]),
            ("layers.0.attend.v.bias", &[2]),
        ],
    );
    check("weights:\n  qkv: (q|k|v)", &[("q", &[2]), ("k", &[2]), ("v", &[2])], &[("qkv", &[6])]);
    check("weights:\n  (a|b): (c|d)", &[("c", &[2]), ("d", &[3])], &[("a", &[2]), ("b", &[3])]);
    check(
        "weights:\n  all: { from: (a|b), axes: d -> 1 d }",
        &[("a", &[3]), ("b", &[3])],
        &[("all", &[2, 3])],
    );
    check(
        "weights:\n  (a|b): { from: ab, axis: 1 }",
        &[("ab", &[2, 5])],
        &[("a", &[2, 2]), ("b", &[2, 3])],
    );
    check(
        "weights:\n  l.weight: { from: conv, axes: o c h w -> o (h w c), sizes: { h: 2, w: 4 } }",
        &[("conv", &[5, 3, 2, 4])],
        &[("l.weight", &[5, 24])],
    );
    check("weights:\n  ours.**: theirs.**", &[("theirs.a.b", &[1])], &[("ours.a.b", &[1])]);
}

#[test]
fn layouts_are_what_they_say() {
    let ours = check(
        "weights:\n  l: { from: conv, axes: o c t -> o (t c), sizes: { c: 3 } }",
        &[("conv", &[1, 3, 2])],
        &[("l", &[1, 6])],
    );
    let values = ours.get("l").unwrap().data().as_f32().unwrap();
    assert_eq!(values, [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
}

#[test]
fn a_base_gives_what_the_model_does_not_have() {
    let rules = "weights:\n  (_|tokens).position: pos\nignore: [head.*]";
    let map = NameMap::parse("map.yaml", rules).unwrap();
    let foreign = tensors(&[("pos", &[5, 2]), ("head.weight", &[3])]);
    let model = wanted(&[("tokens.position", &[4, 2])]);
    let ours = map.import(Section::Weights, &foreign, &model).unwrap();
    let values = ours.get("tokens.position").unwrap().data().as_f32().unwrap();
    assert_eq!(values, [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    assert_eq!(map.export(Section::Weights, &ours, Some(&foreign)).unwrap(), foreign);
    let without = map.export(Section::Weights, &ours, None).unwrap_err().to_string();
    assert!(without.contains("give a base file"), "{without}");
}

#[test]
fn gradients_follow_the_rules_of_weights_and_their_own() {
    let rules =
        "weights:\n  l.*: fc.*\ngradients:\n  video: { from: input.video, axes: b c -> c b }";
    let map = NameMap::parse("map.yaml", rules).unwrap();
    let foreign = tensors(&[("fc.weight", &[2]), ("input.video", &[2, 3]), ("unused", &[1])]);
    let model = wanted(&[("l.weight", &[2]), ("video", &[3, 2])]);
    assert_eq!(map.import(Section::Gradients, &foreign, &model).unwrap().len(), 2);
}

/// What a text is refused with.
fn refused(text: &str, message: &str) {
    let error = NameMap::parse("map.yaml", text).unwrap_err().to_string();
    assert_eq!(error, message, "{text}");
}

#[test]
fn mistakes_in_a_map_have_a_place() {
    refused(
        "weigths:\n  a: b\n",
        "map.yaml:1:1: `weigths` is no key of a name map; did you mean `weights`?",
    );
    refused(
        "weights:\n  a:\n    form: b\n",
        "map.yaml:3:5: `form` is no key of a rule; did you mean `from`?",
    );
    refused("weights:\n  a: { axis: 1 }\n", "map.yaml:2:3: `a` has no `from`");
    refused("weights:\n  a.*: b\n", "map.yaml:2:3: `a.*` and `b` do not have as many stars");
    refused(
        "weights:\n  (a|b): (c|d|e)\n",
        "map.yaml:2:3: `(a|b)` and `(c|d|e)` do not have as many alternatives",
    );
    refused("weights:\n  (a|b: c\n", "map.yaml:2:3: `(a|b`: `(` is not closed");
    refused(
        "weights:\n  a: (_|c)\n",
        "map.yaml:2:3: `(_|c)`: `_` stands for what the model does not have, on its side",
    );
    refused(
        "weights:\n  a: { from: b, axes: o c -> o }\n",
        "map.yaml:2:23: axes `o c -> o`: axis `c` stands on one side alone",
    );
    refused(
        "weights:\n  a: { from: b, axes: o c }\n",
        "map.yaml:2:23: axes `o c`: write the foreign layout, `->` and the model's: `o c h w -> o (h w c)`",
    );
    refused(
        "weights:\n  a: { from: b, axes: o -> o, sizes: { i: 2 } }\n",
        "map.yaml:2:23: axes `o -> o`: `sizes` speaks of `i`, which is no axis",
    );
    refused("weights:\n  a: b\n  a: c\n", "map.yaml:3:3: duplicate mapping key: a");
}

#[test]
fn what_is_no_yaml_has_a_place() {
    for text in [
        "weights: [",
        "weights:\n\t- a",
        "weights: 3",
        "- a",
        "weights:\n  a: [b]",
        "weights: {a: b",
        "*a: b",
    ] {
        let error = NameMap::parse("map.yaml", text).unwrap_err();
        let (place, message) = &error.problems[0];
        assert!(place.is_some(), "{text}: {message}");
        assert!(!message.is_empty() && !message.contains('\n'), "{text}: {message}");
    }
}

/// What an import of weights is refused with.
fn misfit(rules: &str, foreign: Sizes<'_>, model: Sizes<'_>, message: &str) {
    let map = NameMap::parse("map.yaml", rules).unwrap();
    let result = map.import(Section::Weights, &tensors(foreign), &wanted(model));
    assert_eq!(result.unwrap_err().to_string(), message, "{rules}");
}

#[test]
fn what_does_not_fit_names_both_sides() {
    misfit(
        "weights:\n  b.*: c.*\n  a: d",
        &[("d", &[1])],
        &[("a", &[1])],
        "map.yaml:2:3: `b.*` matches no weight of the model",
    );
    misfit(
        "weights:\n  a.*: b.*\n  a.x: c",
        &[("b.x", &[1])],
        &[("a.x", &[1])],
        "map.yaml:3:3: `a.x` is matched by `a.x` here and by `a.*` in line 2",
    );
    misfit(
        "{}",
        &[("head.wieght", &[1])],
        &[("head.weight", &[1])],
        "map.yaml: no rule speaks of `head.weight`, and the foreign file has no tensor of that name; there is \
         `head.wieght`\nmap.yaml: nothing uses `head.wieght` of the foreign file; if the model is right not to have \
         it, list it under `ignore`",
    );
    misfit(
        "weights:\n  a: b",
        &[("c", &[1])],
        &[("a", &[1])],
        "map.yaml:2:3: `a` needs `b`, which the foreign file does not have\nmap.yaml: nothing uses `c` of the \
         foreign file; if the model is right not to have it, list it under `ignore`",
    );
    misfit(
        "weights:\n  a: b",
        &[("b", &[2, 3])],
        &[("a", &[3, 2])],
        "map.yaml:2:3: `a` is [3, 2] in the model; from `b` come [2, 3]",
    );
    misfit(
        "weights:\n  a: { from: b, axes: o i -> i o }",
        &[("b", &[2, 3])],
        &[("a", &[2, 3])],
        "map.yaml:2:3: `a` is [2, 3] in the model; from `b` through `o i -> i o` come [3, 2]",
    );
    misfit(
        "weights:\n  a: { from: b, axes: o i -> i o }",
        &[("b", &[6])],
        &[("a", &[2, 3])],
        "map.yaml:2:3: `b`: `o i -> i o` does not fit sizes [6]",
    );
    misfit(
        "weights:\n  (q|k|v): qkv",
        &[("qkv", &[7])],
        &[("q", &[2]), ("k", &[2]), ("v", &[2])],
        "map.yaml:2:3: `q`, `k`, `v` are not `qkv` of sizes [7]: the parts along axis 0 are 6 of 7",
    );
    misfit(
        "weights:\n  (q|k|v): qkv",
        &[("qkv", &[6])],
        &[("q", &[2]), ("k", &[2])],
        "map.yaml:2:3: `qkv` has a part for `v`, which the model does not have; write `_` in its place",
    );
    misfit(
        "weights:\n  a: c\n  b: c",
        &[("c", &[1])],
        &[("a", &[1]), ("b", &[1])],
        "map.yaml:3:3: foreign tensor `c` is the source of both `a` and `b`",
    );
    misfit(
        "weights:\n  a: b\nignore: [b]",
        &[("b", &[1])],
        &[("a", &[1])],
        "map.yaml:3:10: `b` ignores `b`, which a rule uses",
    );
}

#[test]
fn absurd_sizes_are_refused() {
    let map =
        NameMap::parse("m", "weights:\n  a: { from: b, axes: (x y) -> x y, sizes: { x: 0 } }")
            .unwrap();
    assert!(
        map.import(Section::Weights, &tensors(&[("b", &[4])]), &wanted(&[("a", &[2, 2])])).is_err()
    );
    let huge = "weights:\n  a: { from: b, axes: (x y z) -> x y z, sizes: { x: 18446744073709551615, y: 18446744073709551615 } }";
    let map = NameMap::parse("m", huge).unwrap();
    assert!(
        map.import(Section::Weights, &tensors(&[("b", &[4])]), &wanted(&[("a", &[2, 2, 1])]))
            .is_err()
    );
}
