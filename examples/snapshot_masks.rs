//! A snapshot test of a spec's masks, in a project of your own: who reads whom is reviewed like code.
//!
//! `cargo run --example snapshot_masks` prints what the test compares; `cargo insta review` accepts a change.

use zorro::{Options, check_file, masks_text, report};

/// The masks of Zorro-ViT, small enough to be read.
fn masks() -> Result<String, String> {
    let small = [("dim", "48"), ("depth", "2"), ("heads", "3"), ("size", "64"), ("n_frames", "2")];
    let set = small.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zorro_vit.zorro");
    let outcome = check_file(spec, &Options { set })?;
    let said = report::render(&outcome.sources, &outcome.diagnostics, false);
    outcome.checked.map(|checked| masks_text(&checked.model)).ok_or(said)
}

#[expect(clippy::print_stdout, reason = "what an example is for")]
fn main() -> Result<(), String> {
    print!("{}", masks()?);
    Ok(())
}

#[test]
fn who_reads_whom() {
    insta::assert_snapshot!(masks().expect("the spec is right"), @"
    used by layers.0..1
    video 2x4x4 <- video
    audio 8x16 <- audio
    fusion 8 <- video, audio, fusion
    density 0.664 (18752 of 28224 pairs)

    used by decoder
    video_out 1 <- video 2x4x4
    audio_out 1 <- audio 8x16
    fusion_out 1 <- fusion 8
    global_out 1 <- video, audio, fusion
    density 0.500 (336 of 672 pairs)
    ");
}
