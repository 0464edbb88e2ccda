//! Formatting random specs.

use proptest::prelude::*;

use super::formatted;
use crate::random_spec::{cases, specs};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn formatting_changes_only_the_layout(text in specs()) {
        formatted(&text);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is about time")]
fn large_and_deep_specs_are_formatted_in_linear_time() {
    let n = 5_000;
    let start = std::time::Instant::now();
    let elements = "f(x), // one\n".repeat(n / 5);
    formatted(&format!("model m {{ let a = {}[{elements}]{} }}", "f(".repeat(60), ")".repeat(60)));
    formatted(&format!("model m {{ let a = {}1{} }}", "g(1, f[".repeat(30), "])".repeat(30)));
    formatted(&format!("model m {{ let a = {}1 }}", "a + ".repeat(250)));
    formatted(&format!("model m {{ let a = {}1 }}", "not ".repeat(250)));
    formatted(&format!("model m {{ let a = 1{} }}", " |> f(1)".repeat(250)));
    formatted(&format!("model m {{\n{}}}", "apply b over r // why\n/// d\nlet a=1\n".repeat(n)));
    formatted(&format!("model m {{ {}{} }}", "repeat 1 { ".repeat(60), "}".repeat(60)));
    for arm in ["{}", "{ a = b }", "{\na = b\n}"] {
        let chain = format!(" else when c {arm}").repeat(n);
        formatted(&format!("model m {{ when c {arm}{chain} else {arm} }}"));
    }
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds < 60.0, "{seconds} s");
}
