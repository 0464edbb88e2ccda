//! What is said of numbers, names and counts.

use zorro_runtime::data::survey::Count;

use super::{and, grouped, n_samples, short, some, told_count};

#[test]
fn numbers_and_names() {
    for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(grouped(number), text);
    }
    for (number, text) in [
        (0.0, "0"),
        (0.5, "0.50"),
        (-12.34, "-12.3"),
        (441.2, "441"),
        (1e-5, "1.00e-5"),
        (2e7, "2.00e7"),
    ] {
        assert_eq!(short(number), text);
    }
    assert_eq!((n_samples(1), n_samples(2)), ("1 sample".to_owned(), "2 samples".to_owned()));
    assert_eq!(some(&["a", "b"]), "a, b");
    assert_eq!(some(&["a", "b", "c", "d", "e", "f", "g", "h"]), "a, b, c, d, e, f and 2 more");
    assert_eq!(
        (and(&[]), and(&["a"]), and(&["a", "b", "c"])),
        ("nothing".into(), "a".into(), "a, b and c".into())
    );
}

#[test]
fn counts() {
    for (least, most, text) in [
        (0, 0, "none"),
        (10, 10, "all"),
        (1234, 1234, "1,234"),
        (0, 10, "unknown"),
        (3, 10, "at least 3"),
    ] {
        let count = Count { name: "x".to_owned(), least, most };
        assert_eq!(told_count(&count, 10), text);
    }
}
