//! What specs mean: small ones, and the facts of the model that they become.

use zorro_compiler::model::{Model, Op, ValueId};
use zorro_compiler::{Checked, Options, check_text};
use zorro_grammar::Severity;

/// Two groups of one width and a third that is learned.
const HEAD: &str = "
  modality video = tensor([16, 8])
  modality audio = tensor([4, 8])
  tokens video = video |> linear(32)
  tokens audio = audio |> linear(32)
  tokens fusion = latents(4, 32)
  route zorro { video <- video; audio <- audio; fusion <- video, audio, fusion }
";
const ALL: &str = "
  output v = video |> pool(mean)
  output a = audio |> pool(mean)
  output f = fusion |> pool(mean)
";

fn compiled(text: &str, set: &[(&str, &str)]) -> Checked {
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let outcome = check_text(text, &Options { set });
    let errors = outcome.diagnostics.iter().filter(|d| d.severity() == Severity::Error);
    assert_eq!(errors.count(), 0, "{:?}\n{text}", outcome.diagnostics);
    outcome.checked.expect("no errors")
}

/// A model of the three groups with these statements, and blocks after it.
fn three(statements: &str, blocks: &str) -> Checked {
    compiled(&format!("model m {{\n{HEAD}\n{statements}\n{ALL}\n}}\n{blocks}\n"), &[])
}

fn names(model: &Model) -> Vec<&str> {
    let own = |name: &&str| {
        !["video.linear", "audio.linear", "fusion."].iter().any(|p| name.starts_with(p))
    };
    model.weights.iter().map(|weight| weight.name.as_str()).filter(own).collect()
}

/// Who reads whom, over all attention steps.
fn reads(model: &Model) -> Vec<String> {
    let mut reads = Vec::new();
    for step in model.steps.iter().filter(|step| matches!(step.op, Op::Attend { .. })) {
        for lane in &step.lanes {
            let name = |group| Option::map_or(group, "-", |group| model.group_name(group));
            let read: Vec<&str> = lane.reads.iter().map(|read| name(read.group)).collect();
            reads.push(format!("{} <- {}", name(model.value(lane.result).group), read.join(", ")));
        }
    }
    reads
}

fn count(model: &Model, wanted: impl Fn(&Op) -> bool) -> usize {
    let steps = model.steps.iter().filter(|step| wanted(&step.op));
    steps.map(|step| step.lanes.len()).sum()
}

fn output(checked: &Checked, name: &str) -> ValueId {
    let found = checked.model.outputs.iter().find(|output| output.name == name);
    found.expect("an output of the test").value
}

fn presence(statements: &str, value: &str) -> String {
    let checked = three(&format!("{statements}\noutput wanted = {value}"), "");
    checked.flow.presence(output(&checked, "wanted")).display(&checked.model).to_string()
}

#[test]
fn routes_say_who_reads_whom() {
    let checked = three("apply vit(heads: 4) over zorro", "");
    assert_eq!(
        reads(&checked.model),
        ["video <- video", "audio <- audio", "fusion <- video, audio, fusion"]
    );
    let checked = three("apply vit(heads: 4) over { * <- * }", "");
    assert_eq!(
        reads(&checked.model),
        [
            "video <- video, audio, fusion",
            "audio <- video, audio, fusion",
            "fusion <- video, audio, fusion"
        ]
    );
}

#[test]
fn receivers_may_be_named_in_another_order_than_they_are_declared_in() {
    let backwards = "fusion <- video, audio, fusion; audio <- audio; video <- video";
    let checked = three(&format!("apply vit(heads: 4) over {{ {backwards} }}"), "");
    let mut found = reads(&checked.model);
    found.sort();
    assert_eq!(found, ["audio <- audio", "fusion <- video, audio, fusion", "video <- video"]);
}

#[test]
fn a_local_is_the_receivers_own() {
    let block = "block b() { tokens z = norm(x)\n z += attend(norm(z))\n x += attend(x) + z }";
    let checked = three("apply b() over zorro", block);
    assert_eq!(
        reads(&checked.model),
        [
            "video <- video",
            "audio <- audio",
            "fusion <- fusion",
            "video <- video",
            "audio <- audio",
            "fusion <- video, audio, fusion",
        ]
    );
}

#[test]
fn one_expression_for_both_sides_is_one_norm_and_two_are_two() {
    let norms = |op: &Op| matches!(op, Op::Norm { .. });
    let over = "apply b() over { fusion <- video, fusion }";
    let checked = three(over, "block b() { x += attend(norm(x)) }");
    assert_eq!(count(&checked.model, norms), 2, "of fusion and video");
    assert_eq!(names(&checked.model)[..2], ["b.norm.scale", "b.norm.bias"]);
    let checked = three(over, "block b() { x += attend(norm(x), from: norm(from)) }");
    assert_eq!(count(&checked.model, norms), 3, "of fusion as reader; of both as read");
    assert_eq!(names(&checked.model)[..3], ["b.norm.scale", "b.norm.bias", "b.norm_2.scale"]);
}

#[test]
fn a_block_that_attends_in_a_let_or_a_callee_reads_along_edges() {
    let expected = ["fusion <- video, audio, fusion"];
    let over = "apply b() over { fusion <- video, audio, fusion }";
    for blocks in [
        "block b() { x += c(x) }\nblock c() { let h = attend(x)\n x = h }",
        "block b() { x += c(x) }\nblock c() { x = d(x) }\nblock d() { when x.dim == 32 { x = attend(x) } }",
        "block b() { x += c(n: 2, x: x) }\nblock c(n) { repeat n as i { when i == 0 { x = attend(x) } } }",
    ] {
        assert_eq!(reads(&three(over, blocks).model), expected, "{blocks}");
    }
}

#[test]
fn assignments_reach_receivers_alone_and_all_at_once() {
    let block = "block b() { x = 2 * x\n x = attend(x) }";
    let checked = three("apply b() over { video <- audio\n audio <- video }", block);
    let model = &checked.model;
    let doubled = model.steps.iter().find(|step| step.path == "b.mul").expect("2 * x");
    assert_eq!(doubled.lanes.len(), 2);
    // Each reads what the other is after the statement before, as `x` stands for every group of the route.
    let keys = model.steps.iter().find(|step| step.path == "b.attend.k").expect("keys");
    let read: Vec<ValueId> = keys.lanes.iter().map(|lane| lane.operands[0]).collect();
    let made: Vec<ValueId> = doubled.lanes.iter().map(|lane| lane.result).collect();
    assert_eq!(read, made);
    // Who only is read does not change.
    let checked = three("apply b() over { video <- audio }", block);
    let model = &checked.model;
    let keys = model.steps.iter().find(|step| step.path == "b.attend.k").expect("keys");
    assert!(keys.lanes.iter().all(|lane| model.made_by(lane.operands[0]).0.path == "audio.linear"));
}

#[test]
fn weights_are_named_by_where_they_stand() {
    let block = "block b() { x += norm(x) |> linear(32, bias: false)\n x += norm(x, bias: false) }";
    let over = "over { video, audio }";
    let named = |statement: &str| names(&three(statement, block).model).join(" ");
    assert_eq!(
        named(&format!("apply b() {over}")),
        "b.norm.scale b.norm.bias b.linear.weight b.norm_2.scale"
    );
    assert_eq!(
        named("only: apply b() over { video }"),
        "only.norm.scale only.norm.bias only.linear.weight only.norm_2.scale"
    );
    assert_eq!(
        named("layers: repeat 2 { apply b() over { video } }"),
        "layers.0.norm.scale layers.0.norm.bias layers.0.linear.weight layers.0.norm_2.scale \
         layers.1.norm.scale layers.1.norm.bias layers.1.linear.weight layers.1.norm_2.scale"
    );
    assert_eq!(
        named("repeat 1 { apply b() over { video } }"),
        "repeat.0.b.norm.scale repeat.0.b.norm.bias repeat.0.b.linear.weight repeat.0.b.norm_2.scale"
    );
    assert_eq!(
        named("repeat 3 { apply b() over { video } weights w }"),
        "w.norm.scale w.norm.bias w.linear.weight w.norm_2.scale"
    );
    assert!(named(&format!("apply b() {over} weights per group")).contains("b.audio.norm_2.scale"));
    assert!(
        named(&format!("apply b() {over} weights w per group")).contains("w.video.linear.weight")
    );
}

#[test]
fn per_group_keys_belong_to_who_is_read() {
    let block = "block b() { x += attend(x, bias: false) }";
    let checked = three("apply b() over { fusion <- video } weights per group", block);
    assert_eq!(
        names(&checked.model).join(" "),
        "b.video.attend.k.weight b.video.attend.v.weight b.fusion.attend.q.weight b.fusion.attend.out.weight"
    );
}

#[test]
fn relations_of_edge_and_attend_both_hold() {
    let block = "block b() { x += attend(x, within: groups(2) & causal) }";
    let checked = three("apply b() over { video <- video within windows(4) }", block);
    let attend = checked.model.steps.iter().find(|step| matches!(step.op, Op::Attend { .. }));
    let read = &attend.expect("there is one").lanes[0].reads[0];
    assert_eq!(read.relation.to_string(), "windows([4]) & groups(2) & causal");
}

#[test]
fn names_of_a_repeat_shadow_and_end() {
    let statements = "
      let n = 3
      repeat 2 { let n = 5\n tokens q = latents(n, 32)\n video += q |> pool(mean) |> linear(32) |> spread() }
      output rest = latents(n, 32)";
    let blocks = "block spread() { x = concat(x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x) }";
    let checked = three(statements, blocks);
    assert_eq!(checked.model.shape(output(&checked, "rest")).tokens(), 3);
}

#[test]
fn numbers_are_exact() {
    let text = |value: &str| {
        format!(
            "model m {{\n modality s = tensor([4, 8])\n output o = s |> linear({value}) |> pool(mean)\n}}"
        )
    };
    for (value, expected) in [
        ("1 / 3 * 3", 1),
        ("0.1 * 3 * 10", 3),
        ("1e3 / 8", 125),
        ("7 % 4", 3),
        ("-7 % 4", 1),
        ("floor(-0.5) + 3", 2),
        ("ceil(7 / 2)", 4),
        ("max([1, 5, 3])", 5),
        ("sum([1, 2, 3] * 2)", 12),
        ("len([4, 5, 6][1..])", 2),
        ("[4, 5, 6][-1]", 6),
        ("if 2 > 1 and not false then 9 else 1 / 0", 9),
        ("2 + 3 * 4", 14),
    ] {
        let checked = compiled(&text(value), &[]);
        assert_eq!(checked.model.shape(output(&checked, "o")).width, expected, "{value}");
    }
}

#[test]
fn presence_follows_the_rules() {
    let fused = "apply vit(heads: 4) over zorro";
    for (statements, value, expected) in [
        ("", "video |> pool(mean)", "video"),
        ("", "latents(1, 4)", "always"),
        ("", "(video |> pool(mean)) + (audio |> pool(mean))", "video & audio"),
        ("", "join(pool(video, mean), pool(audio, mean))", "video & audio"),
        ("", "concat(video, audio)", "video | audio"),
        ("", "concat(video, audio)[..16]", "video"),
        ("", "mean(pool(video, mean), pool(audio, mean))", "video | audio"),
        ("", "(video |> pool(mean)) + fusion[0]", "video"),
        ("", "video |> absent(learned) |> pool(mean)", "always"),
        ("apply vit(heads: 4) over { video <- audio }", "video |> pool(mean)", "video"),
        ("apply vit(heads: 4) over { fusion <- video, audio }", "fusion[0]", "video | audio"),
        ("apply vit(heads: 4) over { fusion }", "fusion[0]", "always"),
        (fused, "fusion[0]", "video | audio"),
    ] {
        assert_eq!(presence(statements, value), expected, "{statements} {value}");
    }
}

#[test]
fn params_take_values_of_their_type() {
    let text = "model m {\n param dim = 8\n param how = mean\n param sizes = [1, 2]\n modality s = tensor([4, 8])
      output o = s |> linear(dim * sizes[1]) |> pool(how)\n}";
    let checked =
        compiled(text, &[("dim", "2"), ("how", "first"), ("sizes", "[1, 3]"), ("dim", "4")]);
    assert_eq!(checked.model.shape(output(&checked, "o")).width, 12, "later settings win");
    for (name, value) in
        [("dim", "[8]"), ("dim", "true"), ("how", "3"), ("sizes", "8"), ("dim", "nothing")]
    {
        let set = vec![(name.to_owned(), value.to_owned())];
        let outcome = check_text(text, &Options { set });
        assert!(outcome.checked.is_none(), "{name}={value}");
        assert_eq!(outcome.diagnostics.len(), 1, "{name}={value}: {:?}", outcome.diagnostics);
    }
}

/// Every size of these models is a param: they shrink to what a test can train, and still have no warnings.
#[test]
fn models_shrink() {
    let small = [
        ("dim", "64"),
        ("depth", "2"),
        ("heads", "2"),
        ("classes", "5"),
        ("hidden", "32"),
        ("embed_dim", "16"),
        ("n_frames", "2"),
        ("size", "32"),
        ("seconds", "0.32"),
        ("vocabulary", "50"),
        ("length", "8"),
        ("bins", "32"),
    ];
    let mut wrong = String::new();
    let special: &[(&str, &[(&str, &str)])] = &[
        (
            "clip",
            &[("photo_dim", "32"), ("photo_depth", "1"), ("photo_heads", "2"), ("text_dim", "16")],
        ),
        ("mbt", &[("fusion_start", "1")]),
        ("perceiver", &[("n_latents", "8"), ("cycles", "1"), ("bands", "4")]),
        (
            "zorro_hip",
            &[
                ("channels", "[16, 32, 32, 32]"),
                ("n_groups", "[4, 2, 1, 1]"),
                ("n_latents", "[4, 8, 8, 4]"),
                ("self_attends", "[1, 1, 2, 1]"),
                ("heads", "[1, 2, 2, 4]"),
                ("bands", "4"),
            ],
        ),
        (
            "zorro_swin",
            &[
                ("base", "8"),
                ("depths", "[2, 2, 2, 2]"),
                ("heads", "[1, 2, 4, 8]"),
                ("video_window", "[2, 2, 2]"),
                ("audio_window", "[2, 2]"),
            ],
        ),
        ("zorro_vit_late", &[("fusion_start", "1")]),
    ];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<_> = files.map(|file| file.expect("readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "zorro"));
    paths.sort();
    assert!(paths.len() >= 13);
    for path in paths {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let text = std::fs::read_to_string(&path).expect("readable");
        let own = special.iter().find(|(model, _)| *model == name).map_or(&[][..], |(_, set)| *set);
        let declared = |param: &str| text.contains(&format!("param {param} = "));
        let set = small.iter().filter(|(param, _)| !own.iter().any(|(other, _)| other == param));
        let set = set.filter(|(param, _)| declared(param)).chain(own);
        let set = set.map(|(param, value)| ((*param).to_owned(), (*value).to_owned())).collect();
        let outcome = check_text(&text, &Options { set });
        for diagnostic in outcome.diagnostics {
            wrong += &format!("{name}: {}\n", diagnostic.message);
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn padding_is_absent_unless_pad_makes_it_real() {
    let allowed = |statement: &str| {
        let text = format!(
            "model m {{\n  modality a = tensor([5, 5, 8])\n  tokens a = a |> linear(8)\n  \
             apply near over {{ a <- a }}\n  output v = a\n}}\n\
             block near() {{\n  {statement}\n}}\n"
        );
        let model = compiled(&text, &[]).model;
        let masks: Vec<_> = model.steps.iter().filter_map(|step| model.mask(step)).collect();
        assert_eq!(masks.len(), 1);
        masks[0].allowed()
    };
    // Windows of 4 on 5 tokens are cells of 4 and 1 on each axis; on 8 tokens two cells of 4.
    let absent = allowed("x += attend(norm(x), within: windows([4, 4]))");
    assert_eq!(absent, (4 * 4 + 1) * (4 * 4 + 1));
    let real = allowed("x += attend(norm(x) |> pad(8, 8), within: windows([4, 4])) |> crop(5, 5)");
    assert_eq!(real, (2 * 4 * 4) * (2 * 4 * 4));
}

/// The sizes of the reference model in `b1` of the goldens, whose weights are 275,400 numbers.
#[test]
fn zorro_vit_has_the_parameters_of_the_reference_model() {
    let text = "
model reference {
  modality video = frames(count: 4, fps: 4, size: 32)
  modality audio = tensor([32, 48, 1])
  tokens video  = video |> patches(2, 16, 16) |> linear(64) |> position()
  tokens audio  = audio |> patches(16, 16) |> linear(64) |> position()
  tokens fusion = latents(8, 64)
  layers: repeat 2 { apply vit(2) over { video <- video; audio <- audio; fusion <- * } }
  apply final over { video, audio, fusion }
  tokens video_out, audio_out, fusion_out, global_out = latents(1, 64)
  apply decoder(2) over {
    video_out <- video; audio_out <- audio; fusion_out <- fusion
    global_out <- video, audio, fusion
  }
  output video_logits = video_out |> linear(10)
  output audio_logits = audio_out |> linear(10)
  output fusion_logits = fusion_out |> linear(10)
  output global_logits = global_out |> linear(10)
  output video_z = video_out |> linear(32)
  output audio_z = audio_out |> linear(32)
  output fusion_z = fusion_out |> linear(32)
}
";
    let model = compiled(text, &[]).model;
    assert_eq!(zorro_compiler::Cost::of(&model).total().parameters, 275_400);
}
