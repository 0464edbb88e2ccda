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

fn wanted(sizes: &[(&str, &[usize])]) -> Vec<Wanted> {
    sizes.iter().map(|(name, sizes)| Wanted::plain(name, sizes)).collect()
}

type Sizes<'a> = &'a [(&'a str, &'a [usize])];

/// Imports weights, exports them without a base, and wants the foreign tensors back.
fn check(rules: &str, foreign: Sizes<'_>, model: Sizes<'_>) -> Tensors {
    let map = NameMap::parse("map.yaml", rules).unwrap();
    let foreign = tensors(foreign);
    let ours =
        map.import(Section::Weights, &foreign, &wanted(model)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(ours.len(), model.len());
    let back = map.export(Section::Weights, &ours, None, &[]).unwrap_or_else(|e| panic!("{e}"));
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
    assert_eq!(map.export(Section::Weights, &ours, Some(&foreign), &[]).unwrap(), foreign);
    let without = map.export(Section::Weights, &ours, None, &[]).unwrap_err().to_string();
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
        "weights:\n  a: b\nignore: [b]",
        &[("b", &[1])],
        &[("a", &[1])],
        "map.yaml:3:10: `b` ignores `b`, which a rule uses",
    );
}

/// Takes what a file has, and says of each weight whether and how.
fn adopted(rules: &str, foreign: Sizes<'_>, model: &[Wanted]) -> (Tensors, Report) {
    let map = NameMap::parse("map.yaml", rules).unwrap();
    let adopted = map.adopt(&tensors(foreign), model).unwrap_or_else(|e| panic!("{e}"));
    (adopted.weights, adopted.report)
}

fn values(tensors: &Tensors, name: &str) -> Vec<f32> {
    tensors.get(name).unwrap_or_else(|| panic!("there is no `{name}`")).data().to_f32()
}

#[test]
fn a_part_of_the_weights_is_taken_and_told() {
    let rules =
        "weights:\n  layers.*.a: blocks.*.a\n  layers.*.b: blocks.*.b\n  head: fc\nignore: [cls]";
    let model = wanted(&[
        ("layers.0.a", &[2]),
        ("layers.0.b", &[2]),
        ("layers.1.a", &[2]),
        ("layers.1.b", &[2]),
        ("head", &[3]),
        ("own", &[1]),
    ]);
    let foreign: Sizes<'_> = &[
        ("blocks.0.a", &[2]),
        ("blocks.0.b", &[2]),
        ("fc", &[4]),
        ("cls", &[1]),
        ("extra.7", &[1]),
    ];
    let (weights, report) = adopted(rules, foreign, &model);
    assert_eq!(weights.names().collect::<Vec<_>>(), ["layers.0.a", "layers.0.b"]);
    assert_eq!(
        report.to_string(),
        "taken: 2 of 6 weights, 4 of 12 numbers\n  \
         layers.0.a    1  blocks.0.a\n  \
         layers.0.b    1  blocks.0.b\n\
         left as they start: 4\n  \
         layers.1.a    1  `layers.1.a` needs `blocks.1.a`, which the foreign file does not have; there is `blocks.0.a`\n  \
         layers.1.b    1  `layers.1.b` needs `blocks.1.b`, which the foreign file does not have; there is `blocks.0.b`\n  \
         head          1  `head` is [3] in the model; from `fc` come [4]\n  \
         own           1  the file has nothing of this name\n"
    );
    let warnings = report.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("nothing uses `extra.7`, `fc` of the foreign file"),
        "{warnings:?}"
    );
    // A block of which only a part was taken is told, and a rule of which nothing is.
    let rules = format!("{rules}\n").replace("  head: fc", "  head: fc\n  tail: fc");
    let (_, report) = adopted(&rules, &foreign[..1], &model);
    let warnings = report.warnings().join("\n");
    let words =
        ["map.yaml:5:3: `tail` matches no weight", "`layers.0.b` start fresh, while other weights"];
    assert!(words.iter().all(|words| warnings.contains(words)), "{warnings}");
}

#[test]
fn one_tensor_feeds_copies() {
    let rules = "weights:\n  layers.*[.*].(q|k).*: blocks.*.qk.*";
    let foreign: Sizes<'_> = &[("blocks.0.qk.weight", &[4, 1])];
    let model = wanted(&[
        ("layers.0.q.weight", &[2, 1]),
        ("layers.0.k.weight", &[2, 1]),
        ("layers.0.video.q.weight", &[2, 1]),
        ("layers.0.video.k.weight", &[2, 1]),
        ("layers.0.audio.k.weight", &[2, 1]),
    ]);
    let (weights, report) = adopted(rules, foreign, &model);
    assert!(report.warnings().is_empty() && report.fresh().count() == 0, "{report}");
    assert_eq!(values(&weights, "layers.0.video.q.weight"), [0.0, 1.0]);
    assert_eq!(values(&weights, "layers.0.audio.k.weight"), [2.0, 3.0]);
    let map = NameMap::parse("map.yaml", "weights:\n  \"[video|audio].w\": w").unwrap();
    let ours = tensors(&[("video.w", &[2]), ("audio.w", &[2])]);
    assert_eq!(map.export(Section::Weights, &ours, None, &[]).unwrap(), tensors(&[("w", &[2])]));
    // Gradients of copies are added; weights that differ are no copies.
    let sum = map.export(Section::Gradients, &ours, None, &[]).unwrap();
    assert_eq!(values(&sum, "w"), [0.0, 2.0]);
    let mut ours = ours;
    ours.insert("audio.w", Tensor::new(vec![2], TensorData::F32(vec![1.0, 1.0])).unwrap());
    let error = map.export(Section::Weights, &ours, None, &[]).unwrap_err().to_string();
    assert!(error.contains("copies of `w` are not alike"), "{error}");
}

/// What a rule makes of a tensor that counts from 0, for a weight behind whose axes are these grids.
fn made(rule: &str, foreign: &[usize], grids: &[&[&[usize]]]) -> Vec<f32> {
    let rules = format!("weights:\n  a: {{ from: b, {rule} }}");
    let grids: Vec<Vec<Vec<usize>>> =
        grids.iter().map(|axis| axis.iter().map(|grid| grid.to_vec()).collect()).collect();
    let size =
        |axis: &Vec<Vec<usize>>| axis.iter().map(|grid| grid.iter().product::<usize>()).sum();
    let shape = grids.iter().map(size).collect();
    let wanted = Wanted { name: "a".to_owned(), shape, grids };
    let (weights, report) = adopted(&rules, &[("b", foreign)], &[wanted]);
    assert_eq!(report.fresh().count(), 0, "{report}");
    values(&weights, "a")
}

#[test]
fn axes_are_summed_averaged_repeated_and_inflated() {
    let conv = "axes: o c h -> o (t h c)";
    // [1, 2, 2] counts 0 1 | 2 3: with channels last 0 2 1 3.
    assert_eq!(
        made(&format!("{conv}, inflate: center"), &[1, 2, 2], &[&[&[1]], &[&[1, 2, 2]]]),
        [0.0, 2.0, 1.0, 3.0]
    );
    assert_eq!(
        made(&format!("{conv}, inflate: center"), &[1, 2, 2], &[&[&[1]], &[&[3, 2, 2]]]),
        [0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 1.0, 3.0, 0.0, 0.0, 0.0, 0.0]
    );
    assert_eq!(
        made(&format!("{conv}, inflate: mean"), &[1, 2, 2], &[&[&[1]], &[&[2, 2, 2]]]),
        [0.0, 1.0, 0.5, 1.5, 0.0, 1.0, 0.5, 1.5]
    );
    // Patches of two frames and one channel are not taken for one frame of two channels.
    assert_eq!(
        made(&format!("{conv}, inflate: mean, sum: c"), &[1, 2, 2], &[&[&[1]], &[&[2, 2, 1]]]),
        [1.0, 2.0, 1.0, 2.0]
    );
    let plain = "axes: o c -> o c";
    assert_eq!(made(&format!("{plain}, mean: c"), &[2, 2], &[&[&[2]], &[&[1]]]), [0.5, 2.5]);
    assert_eq!(
        made(&format!("{plain}, repeat: c"), &[2, 1], &[&[&[2]], &[&[2]]]),
        [0.0, 0.0, 1.0, 1.0]
    );
    assert_eq!(made("axes: c o -> o, sum: c", &[2, 2], &[&[&[2]]]), [2.0, 4.0]);
    assert_eq!(made("scale: -2", &[2], &[&[&[2]]]), [0.0, -2.0]);
    assert_eq!(made("zeros: true", &[2], &[&[&[2]]]), [0.0, 1.0]);
    let map = "weights:\n  a: { zeros: true }\n  c: { from: (d|e), join: sum }";
    let (weights, _) =
        adopted(map, &[("d", &[2]), ("e", &[2])], &wanted(&[("a", &[2]), ("c", &[2])]));
    assert_eq!((values(&weights, "a"), values(&weights, "c")), (vec![0.0, 0.0], vec![0.0, 2.0]));
}

/// Positions as `resample_abs_pos_embed` of timm 1.0.31 (torch 2.15.0) makes them of i^2 mod 11 for i from 0 to 9: a token before
/// a grid of 3 x 3. The last ones are AST's, of i^2 mod 11 on 4 x 4.
#[test]
fn positions_are_resized_as_in_timm() {
    let squares = |count: u16| -> Vec<f32> { (0..count).map(|i| f32::from(i * i % 11)).collect() };
    let check = |rule: &str, count: u16, parts: &[&[usize]], expected: &[f32]| {
        let map =
            NameMap::parse("m", &format!("weights:\n  a: {{ from: b, resize: {rule} }}")).unwrap();
        let b = Tensor::new(vec![usize::from(count), 1], TensorData::F32(squares(count))).unwrap();
        let grids: Vec<Vec<usize>> = parts.iter().map(|part| part.to_vec()).collect();
        let tokens = grids.iter().map(|grid| grid.iter().product::<usize>()).sum();
        let wanted = Wanted {
            name: "a".to_owned(),
            shape: vec![tokens, 1],
            grids: vec![grids, vec![vec![1]]],
        };
        let adopted = map.adopt(&[("b", b)].into_iter().collect(), &[wanted]).unwrap();
        let found = values(&adopted.weights, "a");
        assert_eq!(found.len(), expected.len(), "{rule}");
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-6, "{rule}: {found} and not {expected}");
        }
    };
    let wide = [
        2.32348, 2.599278, 3.409309, 5.695119, 7.120809, 5.032224, 5.911251, 6.860353, 4.695861,
        3.148853,
    ];
    let with_token: Vec<f32> = [0.0].into_iter().chain(wide).collect();
    check("bicubic", 10, &[&[1], &[2, 5]], &with_token);
    check("bicubic", 10, &[&[2, 5]], &wide);
    check("3 x 3 -> 2 x 5", 10, &[&[11]], &with_token);
    check("\"[3, 3] -> [2, 5]\", prefix: 1", 10, &[&[10]], &wide);
    // A grid with frames in front has the same positions in each.
    check("bicubic", 10, &[&[2, 2, 5]], &[wide, wide].concat());
    let large = [
        0.620684, 2.465891, 6.244761, 9.588272, 3.535994, 3.003796, 3.740869, 5.285132, 5.286451,
        5.366411, 4.334011, 2.836477, 4.774672, 8.072581, 7.652339, 3.7774,
    ];
    check("bicubic", 10, &[&[4, 4]], &large);
    check("bicubic", 10, &[&[3, 2]], &[1.849117, 7.370787, 4.30016, 2.919743, 6.600321, 5.910112]);
    let cut = [5.0, 4.0, 3.0, 3.0, 4.0, 5.0, 9.0, 6.5, 3.5, 1.5, 0.5, 0.0];
    check("crop", 16, &[&[2, 6]], &cut);
    // The same grid keeps every bit.
    check("bicubic", 10, &[&[1], &[3, 3]], &squares(10));
}

#[test]
fn what_cannot_be_adapted_says_why() {
    let check = |rules: &str, words: &str| {
        let error = NameMap::parse("map.yaml", rules).unwrap_err().to_string();
        assert!(error.starts_with("map.yaml:2:") && error.contains(words), "{error}");
    };
    check("weights:\n  a: { from: b, mean: c }", "has `mean` without `axes`");
    check(
        "weights:\n  a: { from: b, axes: c -> d c, inflate: middle }",
        "write `center` or `mean`",
    );
    check(
        "weights:\n  a: { from: b, axes: c -> c, inflate: mean }",
        "one axis that stands in the model's layout alone",
    );
    check("weights:\n  a: { from: b, axes: c -> c, sum: e }", "`sum: e`: it makes one of several");
    check("weights:\n  a: { from: b, resize: cubic }", "write `bicubic` or `crop`");
    check("weights:\n  a: { from: b, resize: 0 x 2 -> 3 x 3 }", "write `bicubic` or `crop`");
    check("weights:\n  a: { from: b, prefix: 1 }", "`prefix` without `resize`");
    check("weights:\n  a: { from: b, scale: 0 }", "is no factor");
    check("weights:\n  a: { from: b, join: mean }", "write `concat` or `sum`");
    check("weights:\n  a: \"[x].b\"", "brackets stand on the model's side alone");
    check("weights:\n  \"[a\": b", "`[` is not closed");
    let (_, report) = adopted(
        "weights:\n  a: { from: b, resize: bicubic }",
        &[("b", &[40, 1])],
        &wanted(&[("a", &[9, 1])]),
    );
    assert!(report.to_string().contains("the model's grid is not known"), "{report}");
}

#[test]
fn numbers_that_are_none_are_named() {
    let nan = Tensor::new(vec![2], TensorData::F16(vec![0x7e00, 0])).unwrap();
    let error =
        NameMap::same("w").adopt(&[("a", nan)].into_iter().collect(), &wanted(&[("a", &[2])]));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`a` would begin with 1 of 2 numbers NaN or infinite"), "{error}");
}

#[test]
fn maps_that_come_along_can_be_read() {
    for shipped in SHIPPED {
        let map = shipped.map();
        assert!(map.is_shipped && !map.weights.is_empty(), "{}", shipped.name);
        assert!(
            shipped.text.starts_with("# "),
            "{}: its first line says what it is for",
            shipped.name
        );
    }
    assert_eq!(Shipped::hint("tim_vit"), "did you mean the map `timm_vit`?");
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
