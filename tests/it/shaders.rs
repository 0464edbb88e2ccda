//! Shaders as users see them: full texts for small specs, summaries for models, and every language for all of them.
//!
//! A spec of `tests/suite/` says in its first line which of its shaders are held: those whose place ends so. With a second line
//! `// random`, chance happens; one that has an objective is trained. Without `spirv-val` on the path, SPIR-V is only
//! written, unless `ZORRO_GPU=require`: then its absence fails.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zorro::{Checked, CompileOptions, Detail, Mode, Options, Shaders, Target, check_file, shaders};
use zorro_compiler::graph::Precision;
use zorro_compiler::lower::Decay;
use zorro_compiler::optimizer::{Optimizer, Rule};

use super::stages::{models, name};

/// A text that nobody can read through is not a test.
const MAX_LINES: usize = 400;

/// All that devices may have beside what every one has.
const RICH: Target = Target { subgroup: Some(8), f16: true, shares: false, ..Target::PORTABLE };

/// The specs of the suite.
fn suite() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let entries = fs::read_dir(folder).expect("the suite is there");
    let mut all: Vec<PathBuf> =
        entries.map(|entry| entry.expect("it can be read").path()).collect();
    all.sort();
    all
}

/// A model with params where it has them.
fn checked(path: &Path, set: &[(&str, &str)]) -> Checked {
    let text = fs::read_to_string(path).expect("it can be read");
    let has = |name: &str| text.contains(&format!("  param {name} "));
    let set = set.iter().filter(|(name, _)| has(name));
    let set = set.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let outcome = check_file(path, &Options { set }).expect("it can be read");
    outcome.checked.unwrap_or_else(|| panic!("{}: {:?}", path.display(), outcome.diagnostics))
}

/// A step of training for the first objective; outputs alone where there is none.
fn step(checked: &Checked) -> Mode {
    let rule = Rule::AdamW { first: 0.9, second: 0.999, eps: 1e-8 };
    let optimizer = Optimizer { rule, weight_decay: 0.05, clip: Some(1.0), accumulate: 1 };
    match checked.model.objectives.first() {
        Some(objective) => {
            let objective = objective.name.clone();
            Mode::Training { objective, optimizer, decay: Decay::Matrices, frozen: Vec::new() }
        }
        None => Mode::Forward { objectives: Vec::new() },
    }
}

/// What makes models small, where they have such params.
const TINY: &str = "dim=8 depth=2 heads=2 patch=4 size=8 n_frames=2 seconds=0.16 bins=8 classes=3 hidden=6 embed_dim=5 \
    fusion_tokens=3 fusion_start=1 n_latents=4 cycles=1 bands=2 photo_dim=8 photo_depth=1 photo_heads=2 text_dim=8 \
    text_depth=1 text_heads=2 length=5 vocabulary=11";

/// The same for models whose params are lists.
const TINY_LISTS: &[(&str, &str)] = &[
    (
        "zorro_hip",
        "channels=[8,16] n_groups=[2,1] n_latents=[4,3] self_attends=[1,1] heads=[1,2] bands=2 size=32 n_frames=2 \
         seconds=0.32 bins=16 fusion_tokens=4 classes=3 hidden=6 embed_dim=5",
    ),
    (
        "zorro_swin",
        "base=8 depths=[2,2] heads=[1,2] video_window=[1,2,2] audio_window=[2,2] size=16 n_frames=2 seconds=0.16 bins=16 \
         fusion_tokens=4 classes=3 hidden=6 embed_dim=5",
    ),
];

/// A model of `models/` at a small size.
pub(super) fn small(path: &Path) -> Checked {
    let known = check_file(path, &Options::default()).expect("it can be read");
    let params = known.checked.expect("nothing is wrong with it").model.params;
    let lists = TINY_LISTS.iter().find(|(list, _)| *list == name(path));
    let settings = lists.map_or(TINY, |(_, settings)| settings).split(' ');
    let set = settings.map(|setting| setting.split_once('=').expect("a setting"));
    let set = set.filter(|(name, _)| params.iter().any(|param| param.name == *name));
    let set = set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let outcome = check_file(path, &Options { set }).expect("it can be read");
    outcome.checked.unwrap_or_else(|| panic!("{}: {:?}", name(path), outcome.diagnostics))
}

/// What a step of training asks of the compiler.
pub(super) fn training(checked: &Checked) -> CompileOptions {
    CompileOptions { batch: 2, mode: step(checked), random: true, ..CompileOptions::default() }
}

fn hold(stage: &str, path: &Path, text: &str) {
    let n_lines = text.lines().count();
    assert!(n_lines <= MAX_LINES, "{stage} of {} has {n_lines} lines", name(path));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(format!("../snapshots/{stage}"));
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name(path), text));
}

/// The texts of the shaders that a spec asks for.
fn asked(path: &Path, target: &Target) -> String {
    let text = fs::read_to_string(path).expect("it can be read");
    let mut lines = text.lines();
    let end = lines.next().and_then(|line| line.strip_prefix("// shaders: "));
    let end = end.expect("the first line says which shaders are held");
    let random = lines.next() == Some("// random");
    let checked = checked(path, &[]);
    let options =
        CompileOptions { batch: 2, mode: step(&checked), random, ..CompileOptions::default() };
    let made = shaders(&checked, &options, target).expect("it compiles");
    let mut all = text.clone();
    for shader in &made.program.shaders {
        let place = shader.name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        if place.ends_with(end) {
            // Entry points, and what comes behind them, are skeletons, which stand in the repository as they are.
            let written = shader.text.split("\n@compute").next().expect("there is a first part");
            all += &format!("\n----- {}\n{written}", shader.name);
        }
    }
    assert!(all.len() > text.len(), "{}: it has such shaders", path.display());
    all
}

#[test]
fn small_specs_in_full() {
    for path in suite() {
        hold("wgsl", &path, &asked(&path, &Target::PORTABLE));
    }
}

#[test]
fn models_in_summary() {
    for path in models() {
        let options = CompileOptions::default();
        let made = shaders(&checked(&path, SMALL), &options, &Target::PORTABLE);
        hold("shaders", &path, &made.expect("it compiles").text(Detail::Summary));
    }
}

/// Fewer layers: what is left has the same shaders.
const SMALL: &[(&str, &str)] = &[
    ("depth", "2"),
    ("photo_depth", "2"),
    ("text_depth", "2"),
    ("cycles", "1"),
    ("fusion_start", "1"),
    ("depths", "[1, 1, 1, 1]"),
    ("self_attends", "[1, 1, 1, 1]"),
];

/// Translates all shaders; gives SPIR-V.
fn translated(made: &Shaders) -> Vec<(String, Vec<u32>)> {
    let shaders = made.program.shaders.iter();
    let translated = shaders.map(|shader| {
        let all = || {
            shader.msl()?;
            shader.hlsl()?;
            shader.spirv()
        };
        let words = all().unwrap_or_else(|why| panic!("{}: {why}\n{}", shader.name, shader.text));
        (shader.name.clone(), words)
    });
    translated.collect()
}

fn has_validator() -> bool {
    let found = Command::new("spirv-val").arg("--version").stdout(Stdio::null()).status();
    let required = std::env::var("ZORRO_GPU").is_ok_and(|wish| wish == "require");
    assert!(found.is_ok() || !required, "no spirv-val, and ZORRO_GPU=require");
    if found.is_err() {
        eprintln!("skipped: no spirv-val");
    }
    found.is_ok()
}

/// Holds SPIR-V to the rules of Vulkan.
fn validate(name: &str, words: &[u32]) {
    let mut validator = Command::new("spirv-val")
        .args(["--target-env", "vulkan1.1", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it was there before");
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    validator.stdin.take().expect("it is piped").write_all(&bytes).expect("it reads");
    let output = validator.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

fn check(path: &Path, mode: Mode, precision: Precision, target: &Target) {
    let checked = small(path);
    let options = CompileOptions { mode, precision, random: true, ..CompileOptions::default() };
    let made = shaders(&checked, &options, target).expect("it compiles");
    let translated = translated(&made);
    if has_validator() {
        for (shader, words) in translated {
            validate(&format!("{}, {shader}", name(path)), &words);
        }
    }
}

#[test]
fn every_shader_in_every_language() {
    for path in models() {
        let mode = step(&small(&path));
        check(&path, mode, Precision::Single, &Target::PORTABLE);
        if ["zorro_vit", "zorro_swin", "clip"].contains(&name(&path)) {
            let mode = step(&small(&path));
            check(&path, mode, Precision::Mixed, &RICH);
        }
    }
}
