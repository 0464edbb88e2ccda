//! How far tokens look, against a closure that is made token by token from the definition of each operation.

use super::sources::Sources;
use crate::flow::{Horizon, Origin, causal_loops, sources};
use crate::model::{Lane, ModalityId, Model, Op, Pooling, Step, ValueId};
use crate::random_model::random_spec;
use crate::{Options, check_text};

/// For every value and token, whether each position of a modality may reach it.
type Closure = Vec<Vec<Vec<bool>>>;

fn model(statements: &str) -> Model {
    let text = format!("model m {{\n{statements}\n}}");
    let outcome = check_text(&text, &Options::default());
    let messages: Vec<&str> = outcome.diagnostics.iter().map(|d| d.message.as_str()).collect();
    outcome.checked.unwrap_or_else(|| panic!("{text}: {messages:?}")).model
}

/// Coordinates of a token, row-major.
fn coordinates(grid: &[u64], token: u64) -> Vec<u64> {
    let mut rest = token;
    let mut found: Vec<u64> = grid.iter().rev().map(|n| (rest % n, rest /= n).0).collect();
    found.reverse();
    found
}

/// Whether a token of an operand may change a token of the result, by what the operation is.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others go token by token")]
fn changes(model: &Model, step: &Step, lane: &Lane, at: usize, from: u64, to: u64) -> bool {
    let (operand, result) = (model.shape(lane.operands[at]), model.shape(lane.result));
    match &step.op {
        Op::Attend { .. } if at > 0 => {
            lane.reads[(at - 1) / 2].relation.allows(&result.grid, &operand.grid, to, from)
        }
        Op::Concat => {
            let before = lane.operands[..at].iter().map(|id| model.shape(*id).tokens());
            before.sum::<u64>() + from == to
        }
        Op::Slice(first, _) => from == first + to,
        Op::Gather(ids) => ids[to as usize] == from,
        Op::Pool(Pooling::Mean) => true,
        Op::Pool(Pooling::First) => from == 0,
        Op::Pool(Pooling::Last) => from + 1 == operand.tokens(),
        Op::Patches(sizes) => {
            let inner = coordinates(&operand.grid, from);
            let patch: Vec<u64> = inner.iter().zip(sizes).map(|(c, size)| c / size).collect();
            patch == coordinates(&result.grid, to)
        }
        Op::Pad | Op::Crop => coordinates(&operand.grid, from) == coordinates(&result.grid, to),
        _ => operand.tokens() == 1 || from == to,
    }
}

fn closure(model: &Model, modality: ModalityId) -> Closure {
    let grid = &model.modalities[modality.index()].shape.grid;
    let positions = grid.first().copied().unwrap_or(1) as usize;
    let mut all: Closure = vec![Vec::new(); model.values.len()];
    for step in &model.steps {
        for lane in &step.lanes {
            let tokens = model.shape(lane.result).tokens();
            let mut own = vec![vec![false; positions]; tokens as usize];
            if step.op == Op::Input(modality) {
                for (token, seen) in own.iter_mut().enumerate() {
                    let place = coordinates(grid, token as u64).first().copied().unwrap_or(0);
                    seen[place as usize] = true;
                }
            }
            for (at, operand) in lane.operands.iter().enumerate() {
                for (from, seen) in all[operand.index()].iter().enumerate() {
                    for to in 0..tokens {
                        if changes(model, step, lane, at, from as u64, to) {
                            let own = own[to as usize].iter_mut().zip(seen);
                            own.for_each(|(own, seen)| *own |= *seen);
                        }
                    }
                }
            }
            all[lane.result.index()] = own;
        }
    }
    all
}

/// Holds every value to the closure; the numbers of values that look ahead, and that do not.
fn hold(model: &Model) -> (usize, usize) {
    let (mut ahead, mut causal) = (0, 0);
    for modality in (0..).map(ModalityId).take(model.modalities.len()) {
        let horizon = Horizon::of(model, Origin::Modality(modality)).expect("small");
        let unit = super::unit(model, modality) as usize;
        let closure = closure(model, modality);
        for (value, tokens) in (0..).map(ValueId).zip(&closure) {
            let last = |seen: &Vec<bool>| seen.iter().rposition(|seen| *seen);
            let wanted: Vec<u32> = tokens
                .iter()
                .map(|seen| last(seen).map_or(0, |last| last / unit + 1) as u32)
                .collect();
            let found = horizon.seen(value).map(<[u32]>::to_vec);
            let found = found.unwrap_or_else(|| vec![0; tokens.len()]);
            assert_eq!(found, wanted, "{model}\n{}", model.made_by(value).0.path);
            match horizon.ahead(model, value) {
                None => causal += 1,
                Some(found) => {
                    ahead += 1;
                    assert!(found.sees > found.position);
                    // The way is there, and no token on it is made up.
                    let way = horizon.way(model, value, found.token);
                    assert!(way.iter().all(|hop| !hop.text.is_empty()));
                }
            }
        }
    }
    (ahead, causal)
}

#[test]
fn tokens_look_as_far_as_the_closure_says() {
    let mut sums = (0, 0);
    for seed in 0..120 {
        let outcome = check_text(&random_spec(seed), &Options::default());
        let found = hold(&outcome.checked.expect("random specs check").model);
        sums = (sums.0 + found.0, sums.1 + found.1);
    }
    assert!(sums.0 > 1000 && sums.1 > 1000, "both kinds occur: {sums:?}");
}

#[test]
fn awkward_ways_of_the_future() {
    let cases = [
        ("words[1..8]", Some((0, 1))),
        ("words[0..7]", None),
        ("concat(latents(1, 8), words[0..7])", None),
        ("words |> pool(first)", None),
        ("words |> pool(last)", Some((0, 7))),
        ("words |> pool(mean)", Some((0, 7))),
        ("words |> gather([0, 0, 1, 3])", None),
        ("words |> gather([0, 2])", Some((1, 2))),
        ("words |> patches(2) |> linear(8)", Some((0, 1))),
        ("mean(words[0..4], words[4..8])", Some((0, 4))),
        ("concat(words[4..8], words[0..4])", Some((0, 4))),
        ("words + latents(8, 8)", None),
        ("words |> pad(12) |> crop(8)", None),
    ];
    for (text, wanted) in cases {
        let text = format!(
            "modality words = tensor([8, 8])\n tokens words = words |> linear(8)\n output o = {text}"
        );
        let model = model(&text);
        let horizon = Horizon::of(&model, Origin::Modality(ModalityId(0))).expect("small");
        let found = horizon.ahead(&model, model.outputs[0].value);
        assert_eq!(found.map(|found| (found.position, found.sees)), wanted, "{text}");
        hold(&model);
    }
}

#[test]
fn positions_are_patches_where_all_begins_with_them() {
    let text = "modality sound = tensor([16, 2])
        tokens sound = sound |> patches(4) |> linear(8)
        apply vit(2) over { sound <- sound within causal }
        output o = sound";
    let causal = model(text);
    let horizon = Horizon::of(&causal, Origin::Modality(ModalityId(0))).expect("small");
    assert_eq!(super::unit(&causal, ModalityId(0)), 4);
    assert_eq!(horizon.ahead(&causal, causal.outputs[0].value), None);
    assert_eq!(horizon.seen(causal.outputs[0].value), Some(&[1, 2, 3, 4][..]));
    let raw = model(&format!("{text}\n tokens samples = sound"));
    assert_eq!(super::unit(&raw, ModalityId(0)), 4, "another name is no other use");
    let both = "modality sound = tensor([16, 2])
        tokens patches = sound |> patches(4) |> linear(8)
        tokens samples = sound |> linear(8)
        output o = patches\n output p = samples";
    assert_eq!(super::unit(&model(both), ModalityId(0)), 1, "samples are read one by one, too");
}

#[test]
fn a_loop_needs_a_group_that_has_read_all() {
    let edges = [
        ("photo, words <- photo, words within causal", 2, true),
        ("photo, words <- photo, words within causal", 1, false),
        ("photo <- photo; words <- photo, words within causal", 3, false),
        ("photo <- photo, words; words <- words within causal", 3, false),
        (
            "photo <- photo within groups(4), words within groups(4); words <- words within causal, photo within groups(4)",
            3,
            false,
        ),
        (
            "photo <- photo within groups(4), words within groups(2); words <- words within causal, photo within groups(4)",
            3,
            true,
        ),
    ];
    for (edges, layers, wanted) in edges {
        let model = model(&format!(
            "modality photo = tensor([4, 8])\n modality words = text(length: 4, vocabulary: 9)
             tokens photo = photo |> linear(8)\n tokens words = words |> embed(8)
             layers: repeat {layers} {{ apply vit(2) over {{ {} }} }}
             output o = words\n output p = photo",
            edges.replace("; ", "\n")
        ));
        let found = causal_loops(&model);
        assert_eq!(!found.is_empty(), wanted, "{edges}");
        let horizon = Horizon::of(&model, Origin::Modality(ModalityId(1))).expect("small");
        let ahead = horizon.ahead(&model, model.outputs[0].value);
        assert_eq!(ahead.is_some(), wanted, "{edges}");
        for back in found {
            let texts: Vec<&str> = back.hops.iter().map(|hop| hop.text.as_str()).collect();
            assert_eq!(texts.len(), 2, "{texts:?}");
            assert!(texts[0].contains(" of `photo` reads token "), "{texts:?}");
            assert!(texts[1].starts_with("token 0 of `words` reads token "), "{texts:?}");
        }
    }
}

/// Flow knows by ranges what is known here by tokens: it may say more of them, and never fewer.
#[test]
fn ranges_hold_the_tokens_that_are_in_them() {
    for seed in 0..150 {
        let outcome = check_text(&random_spec(seed), &Options::default());
        let model = outcome.checked.expect("random specs check").model;
        for step in &model.steps {
            for lane in &step.lanes {
                for token in 0..model.shape(lane.result).tokens() {
                    let ranges = sources(&model, (&step.op, lane), &(token..token + 1));
                    for at in 0..lane.operands.len() {
                        let tokens = Sources::of(&model, step, lane, at).ranges(token);
                        let is_held = |from: u64| {
                            ranges.iter().any(|(of, range)| *of == at && range.contains(&from))
                        };
                        let is_held = tokens.into_iter().flatten().all(is_held);
                        assert!(is_held, "seed {seed}: token {token} of {}", step.path);
                    }
                }
            }
        }
    }
}
