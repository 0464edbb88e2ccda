//! Any text checks or ends in messages that point into it.
//!
//! Run with `cargo +nightly fuzz run check models` in the root of the repository; specs make good seeds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use zorro_compiler::{Options, check_text};

fuzz_target!(|text: &str| {
    let outcome = check_text(text, &Options::default());
    for label in outcome.diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        let file = outcome.sources.file(label.span.file);
        assert!(file.text.get(label.span.range()).is_some());
    }
    if let Some(checked) = outcome.checked {
        assert_eq!(zorro_compiler::model::verify(&checked.model), Ok(()));
    }
});
