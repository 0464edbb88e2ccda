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
    insta::assert_snapshot!(masks, @"
    used by vit
    photo 2x2 <- photo
    fusion 2 <- photo, fusion
    density 0.778 (28 of 36 pairs)
    ");
    insta::assert_snapshot!(shaders, @"
    program small, batch 1
    memory  6.75 KiB: activations 1.00 KiB, inputs 768 B, weights 5.00 KiB, optimizer state 0 B, tables 0 B
    target  no subgroups, shared memory, workgroups of 256 with 16.0 KiB, 8 storage buffers
    shaders 11 of 37.9 KiB, 12 dispatches
    shader            workgroup  binds              arguments      text  dispatches  workgroups
    photo.linear      64         3 read, 1 written          0  2.72 KiB           1           8
    fusion.latents    64         1 read, 1 written          2     865 B           1           1
    vit.norm          64         1 read, 2 written          2  2.70 KiB           1           1
    vit.attend.k      64         2 read, 2 written          1  3.03 KiB           2           2
    vit.attend.q      64         2 read, 2 written          1  2.56 KiB           1           1
    vit.attend        32         4 written, step            0  13.1 KiB           1           2
    vit.attend.out    64         3 read, 2 written          1  2.72 KiB           1           1
    vit.norm_2        64         1 read, 2 written          2  2.70 KiB           1           1
    vit.mlp.linear    64         2 read, 3 written          1  3.63 KiB           1           4
    vit.mlp.linear_2  64         2 read, 3 written          1  2.73 KiB           1           4
    vector.pool       64         2 written                  0  1.13 KiB           1           1
    ");
}

#[test]
fn ranges_stand_in_the_text() {
    let (_, shaders) = stages(Detail::Full).expect("the spec is right");
    for pair in ["fusion reads photo", "fusion reads fusion"] {
        assert!(shaders.contains(&format!("// {pair}\n")), "{pair} is a range of some shader");
    }
    assert!(!shaders.contains("// photo reads fusion"), "nothing stands for what may not be read");
}
