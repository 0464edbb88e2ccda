//! Flows of hand-built models, and formulas against truth tables.

use proptest::prelude::*;

use super::presence::Formulas;
use super::{Flow, ModalitySet, Presence, live, path};
use crate::model::tests::builder::{Builder, over, pair};
use crate::model::{ModalityId, Op, Shape, ValueId};
use crate::routing::Relation;

#[test]
fn zorro_keeps_its_streams_pure() {
    let model = pair(3);
    let flow = Flow::of(&model).expect("small");
    insta::assert_snapshot!(flow.display(&model), @"
    flow
      video   video         at first
      audio   audio         at first
      fusion  nothing       at first
              video, audio  after layers.0
    outputs
      video_logits   sees video         present when video
      fusion_logits  sees video, audio  present when video | audio
    objectives
      supervised  sees video, audio  present when video | audio
    ");
}

#[test]
fn a_leak_grows_layer_by_layer() {
    let route: &[(&str, &[&str])] =
        &[("video", &["video", "fusion"]), ("audio", &["audio"]), ("fusion", &["audio", "fusion"])];
    let model = over(3, route);
    let flow = Flow::of(&model).expect("small");
    insta::assert_snapshot!(flow.display(&model), @"
    flow
      video   video         at first
              video, audio  after layers.1
      audio   audio         at first
      fusion  nothing       at first
              audio         after layers.0
    outputs
      video_logits   sees video, audio  present when video
      fusion_logits  sees audio         present when audio
    objectives
      supervised  sees video, audio  present when video | audio
    ");
    let value = model.asserts[0].value;
    let hops = path(&model, &flow, ModalityId(1), value);
    let texts: Vec<String> = hops.iter().map(|hop| format!("{}: {}", hop.path, hop.text)).collect();
    insta::assert_snapshot!(texts.join("\n"), @"
    audio.input: `audio` is made of the modality `audio`
    layers.0.attend: `fusion` reads `audio`
    layers.1.attend: `video` reads `fusion`
    ");
}

#[test]
fn there_is_no_path_without_a_leak() {
    let model = pair(2);
    assert_eq!(
        path(&model, &Flow::of(&model).expect("small"), ModalityId(1), model.asserts[0].value),
        Vec::new()
    );
}

#[test]
fn a_concat_keeps_its_parts_apart() {
    let mut builder = Builder::new(&["video", "audio"]);
    let video = builder.input("video", [2], 4);
    let audio = builder.input("audio", [3], 4);
    let class = builder.latents("class", 1, 4);
    let lane = (None, vec![class, video, audio], vec![], Shape::new([6], 4));
    let both = builder.step("both.concat", Op::Concat, vec![lane])[0];
    let lane = (Some("head"), vec![both], vec![], Shape::new([3], 4));
    let head = builder.step("head.slice", Op::Slice(0, 3), vec![lane])[0];
    let lane = (Some("mid"), vec![both], vec![], Shape::new([2], 4));
    let mid = builder.step("mid.slice", Op::Slice(2, 4), vec![lane])[0];
    let flow = Flow::of(&builder.model).expect("small");
    let parts = |value: ValueId| -> Vec<String> {
        let parts = flow.parts(value).iter().map(|part| {
            let (sees, when) = (part.sees.display(&builder.model), flow.part_presence(part));
            format!("..{} sees {sees} when {}", part.end, when.display(&builder.model))
        });
        parts.collect()
    };
    insta::assert_snapshot!(parts(both).join("\n"), @"
    ..1 sees nothing when video | audio
    ..3 sees video when video
    ..6 sees audio when audio
    ");
    assert_eq!(
        flow.sees(head),
        ModalitySet::only(ModalityId(0)),
        "a slice sees what its parts see"
    );
    assert_eq!(path(&builder.model, &flow, ModalityId(1), head), Vec::new());
    assert_eq!(flow.sees(mid).len(), 2);
    assert_eq!(flow.presence(mid).display(&builder.model).to_string(), "video | audio");
    let hops = path(&builder.model, &flow, ModalityId(1), mid);
    let texts: Vec<String> = hops.iter().map(|hop| format!("{}: {}", hop.path, hop.text)).collect();
    insta::assert_snapshot!(texts.join("\n"), @"
    audio.input: `audio` is made of the modality `audio`
    both.concat: `mid` is made of `audio` by `concat`
    ");
}

#[test]
fn presence_follows_the_rules() {
    let mut builder = Builder::new(&["video", "audio"]);
    let video = builder.input("video", [2], 4);
    let audio = builder.input("audio", [2], 4);
    builder.latents("fusion", 2, 4);
    let shape = Shape::new([2], 4);
    let show = |builder: &Builder, value: ValueId| {
        let flow = Flow::of(&builder.model).expect("small");
        flow.presence(value).display(&builder.model).to_string()
    };
    let mut of = |op: Op, operands: &[ValueId]| {
        let lane = (None, operands.to_vec(), vec![], shape.clone());
        let value = builder.step("op", op, vec![lane])[0];
        show(&builder, value)
    };
    assert_eq!(of(Op::Add, &[video, audio]), "video & audio");
    assert_eq!(of(Op::Mean, &[video, audio]), "video | audio");
    assert_eq!(of(Op::Absent, &[video]), "always");
    assert_eq!(of(Op::Softmax, &[audio]), "audio");
    builder.attend_within(&[("fusion", &["video", "audio"]), ("video", &[])], 1, Relation::All);
    assert_eq!(show(&builder, builder.values["fusion"]), "video | audio");
    assert_eq!(show(&builder, builder.values["video"]), "video");
    builder.attend_within(&[("video", &["audio"])], 1, Relation::All);
    assert_eq!(
        show(&builder, builder.values["video"]),
        "video",
        "reading adds nothing to presence"
    );
}

#[test]
fn formulas_that_grow_too_large_are_refused() {
    let names: Vec<String> = (0..32).map(|i| format!("m{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut builder = Builder::new(&names);
    names.iter().for_each(|name| {
        builder.input(name, [1], 1);
    });
    let inputs: Vec<ValueId> = names.iter().map(|name| builder.values[*name]).collect();
    let shape = || Shape::new([1], 1);
    let pairs: Vec<ValueId> = inputs
        .chunks(2)
        .map(|pair| builder.step("mean", Op::Mean, vec![(None, pair.to_vec(), vec![], shape())])[0])
        .collect();
    let all = builder.step("join", Op::Join, vec![(None, pairs, vec![], Shape::new([1], 16))])[0];
    assert_eq!(Flow::of(&builder.model).map(|_| ()), Err(all), "2^16 minimal sets");
}

#[test]
fn what_reaches_no_result_is_dead() {
    let mut model = pair(1);
    let all = model.values.len();
    model.outputs.truncate(1);
    model.objectives.clear();
    let live = live(&model);
    let n_live = live.iter().filter(|live| **live).count();
    assert!(n_live < all && live[model.outputs[0].value.index()]);
    let fusion = model.groups.iter().position(|group| group.name == "fusion");
    for (value, live) in model.values.iter().zip(&live) {
        assert!(!live || value.group.map(|group| group.index()) != fusion);
    }
}

#[derive(Debug, Clone)]
enum Formula {
    Bit(u32),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl Formula {
    fn holds(&self, set: u32) -> bool {
        match self {
            Self::Bit(bit) => set >> bit & 1 == 1,
            Self::And(a, b) => a.holds(set) && b.holds(set),
            Self::Or(a, b) => a.holds(set) || b.holds(set),
        }
    }

    fn presence(&self, formulas: &mut Formulas) -> usize {
        match self {
            Self::Bit(bit) => formulas.bit(ModalityId(*bit)),
            Self::And(a, b) => {
                let (a, b) = (a.presence(formulas), b.presence(formulas));
                formulas.and(a, b)
            }
            Self::Or(a, b) => {
                let (a, b) = (a.presence(formulas), b.presence(formulas));
                formulas.or(a, b)
            }
        }
        .expect("small")
    }
}

fn formula() -> impl Strategy<Value = Formula> {
    (0..5u32).prop_map(Formula::Bit).prop_recursive(5, 32, 2, |inner| {
        let pair = (inner.clone(), inner);
        prop_oneof![
            pair.clone().prop_map(|(a, b)| Formula::And(Box::new(a), Box::new(b))),
            pair.prop_map(|(a, b)| Formula::Or(Box::new(a), Box::new(b))),
        ]
    })
}

proptest! {
    #[test]
    fn presence_is_its_truth_table(formula in formula()) {
        let mut formulas = Formulas::new();
        let id = formula.presence(&mut formulas);
        let presence: Presence = formulas.into_vec().swap_remove(id);
        for set in 0..32u32 {
            let modalities = (0..5).filter(|bit| set >> bit & 1 == 1).map(ModalityId);
            prop_assert_eq!(presence.holds(ModalitySet::of(modalities)), formula.holds(set));
        }
        for (at, term) in presence.terms().iter().enumerate() {
            let others = presence.terms().iter().enumerate().filter(|(other, _)| *other != at);
            prop_assert!(others.clone().all(|(_, other)| !other.is_within(*term)));
        }
    }
}
