//! Snapshot tests of a spec's masks and shaders, in a project of your own: what a change of the spec, or of zorro, does to
//! them is reviewed like code.
//!
//! `cargo run --example snapshot_shaders` prints what the tests compare; `cargo insta review` accepts a change.

use zorro::{CompileOptions, Detail, Options, Target, check_text, masks_text, report, shaders};

/// Fusion reads the photo; the photo reads itself.
const SPEC: &str = "model small {
  modality photo = image(size: 8)
  tokens photo  = photo |> patches(4, 4) |> linear(8)
  tokens fusion = latents(2, 8)
  apply vit(heads: 2) over { photo <- photo; fusion <- photo, fusion }
  output vector = fusion |> pool(mean)
}";

/// The masks, and the shaders as summary or in full.
fn stages(detail: Detail) -> Result<(String, String), String> {
    let outcome = check_text(SPEC, &Options::default());
    let said = report::render(&outcome.sources, &outcome.diagnostics, false);
    let checked = outcome.checked.ok_or(said)?;
    let made = shaders(&checked, &CompileOptions::default(), &Target::PORTABLE);
    let made = made.map_err(|error| error.to_string())?;
    Ok((masks_text(&checked.model), made.text(detail)))
}

#[expect(clippy::print_stdout, reason = "what an example is for")]
fn main() -> Result<(), String> {
    let (masks, shaders) = stages(Detail::Full)?;
    print!("{masks}\n{shaders}");
    Ok(())
}

#[test]
fn masks_and_shaders() {
    let (masks, shaders) = stages(Detail::Summary).expect("the spec is right");
    insta::assert_snapshot!(masks, @"");
    insta::assert_snapshot!(shaders, @"");
}

#[test]
fn ranges_stand_in_the_text() {
    let (_, shaders) = stages(Detail::Full).expect("the spec is right");
    assert!(shaders.contains("@compute"), "{shaders}");
}
