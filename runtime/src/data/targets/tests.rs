//! Labels and numbers, one text and one target a row.

use zorro_compiler::model::Shape;

use super::*;

fn target(kind: TargetKind, classes: &[&str], labels: Option<Labels>) -> Target {
    let shape = match &kind {
        TargetKind::Class(n) | TargetKind::Classes(n) => vec![size(*n)],
        TargetKind::Tensor(shape) => vec![size(shape.numbers())],
    };
    let classes: Vec<String> = classes.iter().map(|name| (*name).to_owned()).collect();
    let names = Names::new(&classes).unwrap();
    Target { name: "label".to_owned(), kind, names, labels, shape }
}

/// What is found in a text: a value, or whose fault it is that there is none.
#[derive(Debug, PartialEq)]
enum Found {
    Value(Vec<f32>),
    Declared,
    Sample,
}

fn found(target: &Target, text: &str) -> (Found, String) {
    match target.of_text(text) {
        Ok(value) => (Found::Value(value), String::new()),
        Err(Trouble::Declared(why)) => (Found::Declared, why),
        Err(Trouble::Why(why)) => (Found::Sample, why),
        Err(trouble @ (Trouble::Machine(_) | Trouble::NoDecoder(_))) => panic!("{trouble:?}"),
    }
}

fn check(target: &Target, text: &str, wanted: &Found) {
    let (found, why) = found(target, text);
    assert_eq!(&found, wanted, "{text}: {why}");
    // The same in JSON, as a text and, where it is JSON itself, as what it says.
    let quoted = format!("{text:?}");
    let value = json::parse(&quoted).unwrap();
    let of_json = |value: &JsonValue<'_>| match target.of_json(value) {
        Ok(value) => Found::Value(value),
        Err(Trouble::Declared(_)) => Found::Declared,
        Err(_) => Found::Sample,
    };
    assert_eq!(&of_json(&value), wanted, "{quoted}");
    if let Ok(value) = json::parse(text.trim()) {
        assert_eq!(&of_json(&value), wanted, "{text} as JSON");
    }
}

fn hot(values: &[u8]) -> Found {
    Found::Value(values.iter().map(|value| f32::from(*value)).collect())
}

const NAMES: [&str; 4] = ["dog", "Male speech, man speaking", "sea waves", "Speech"];

#[test]
fn one_class_is_a_number_a_name_or_a_distribution() {
    let one = target(TargetKind::Class(4), &[], None);
    for (text, wanted) in [
        ("2\n", hot(&[0, 0, 1, 0])),
        ("2.0", hot(&[0, 0, 1, 0])),
        ("[3]", hot(&[0, 0, 0, 1])),
        ("0 0 1 0", hot(&[0, 0, 1, 0])),
        ("[0, 1, 0, 0]", hot(&[0, 1, 0, 0])),
        ("[false, true, false, false]", hot(&[0, 1, 0, 0])),
        ("False False False True", hot(&[0, 0, 0, 1])),
        ("[0. 0. 1. 0.]", hot(&[0, 0, 1, 0])),
        ("[0.25, 0.75, 0, 0]", Found::Value(vec![0.25, 0.75, 0.0, 0.0])),
        ("0.2,0.3,0.4,0.1", Found::Value(vec![0.2, 0.3, 0.4, 0.1])),
        // Sums of what was rounded to halves.
        ("[0.3334, 0.3333, 0.3335, 0]", Found::Value(vec![0.3334, 0.3333, 0.3335, 0.0])),
        // Not these labels.
        ("4", Found::Declared),
        ("-1", Found::Declared),
        ("2.5", Found::Declared),
        ("dog", Found::Declared),
        ("true", Found::Declared),
        ("[1, 2]", Found::Declared),
        ("1 2", Found::Declared),
        ("[0, 0, 1]", Found::Declared),
        ("[]", Found::Declared),
        ("[[0, 0, 1, 0]]", Found::Declared),
        ("{\"id\": 2}", Found::Declared),
        ("[\"dog\"]", Found::Declared),
        // Impossible labels.
        ("", Found::Sample),
        ("nan", Found::Sample),
        ("inf", Found::Sample),
        ("1e39", Found::Sample),
        ("0 0 0 0", Found::Sample),
        ("[0.0, 0.0, 0, 0]", Found::Sample),
        ("[-500.5, 501.5, 0, 0]", Found::Sample),
        ("[1, 1, 0, 0]", Found::Sample),
        ("[0.5, 0.5, 0.5, 0]", Found::Sample),
        ("[0.5, 0.498, 0, 0]", Found::Sample),
        ("[NaN, 1, 0, 0]", Found::Sample),
        ("[null, 1, 0, 0]", Found::Sample),
        ("[1e39, 0, 0, 0]", Found::Sample),
        ("[Infinity, 0, 0, 0]", Found::Sample),
        ("[[[", Found::Sample),
        ("[0, 1", Found::Sample),
    ] {
        check(&one, text, &wanted);
    }
    let two = target(TargetKind::Class(2), &[], None);
    for (text, wanted) in [
        ("[0, 1]", hot(&[0, 1])),
        ("1 0", hot(&[1, 0])),
        ("true", hot(&[0, 1])),
        ("False", hot(&[1, 0])),
        ("1 1", Found::Sample),
    ] {
        check(&two, text, &wanted);
    }
}

#[test]
fn values_for_all_classes_are_told_from_numbers_of_classes() {
    let many = target(TargetKind::Classes(4), &[], None);
    for (text, wanted) in [
        // One value for each class, whatever it is written as.
        ("0 1 1 0", hot(&[0, 1, 1, 0])),
        ("0,1,1,0", hot(&[0, 1, 1, 0])),
        ("[0, 1, 1, 0]", hot(&[0, 1, 1, 0])),
        ("[0.0, 1.0, 1.0, 0.0]", hot(&[0, 1, 1, 0])),
        ("[false, true, true, false]", hot(&[0, 1, 1, 0])),
        ("[\"0\", \"1\", \"1\", \"0\"]", hot(&[0, 1, 1, 0])),
        ("[0, true, \"1.0\", 0.0]", hot(&[0, 1, 1, 0])),
        ("False True True False", hot(&[0, 1, 1, 0])),
        ("[0. 1. 1. 0.]", hot(&[0, 1, 1, 0])),
        ("[False, True, True, False]", hot(&[0, 1, 1, 0])),
        ("['0', '1', '1', '0']", hot(&[0, 1, 1, 0])),
        ("0 0 0 0", hot(&[0; 4])),
        ("[1, 1, 1, 1]", hot(&[1; 4])),
        ("0.5 0 1 1", Found::Value(vec![0.5, 0.0, 1.0, 1.0])),
        // Numbers of classes.
        ("0 3", hot(&[1, 0, 0, 1])),
        ("0, 3", hot(&[1, 0, 0, 1])),
        ("[3.0, 0.0]", hot(&[1, 0, 0, 1])),
        ("[1]", hot(&[0, 1, 0, 0])),
        ("1", hot(&[0, 1, 0, 0])),
        ("1.0", hot(&[0, 1, 0, 0])),
        ("0 1", hot(&[1, 1, 0, 0])),
        ("[3, 1, 0, 2]", hot(&[1; 4])),
        ("[]", hot(&[0; 4])),
        ("", hot(&[0; 4])),
        // Not these labels.
        ("0 1 1", Found::Declared),
        ("3 3", Found::Declared),
        ("[3, 3.0]", Found::Declared),
        ("0 1 1 0 0", Found::Declared),
        ("0.5 1", Found::Declared),
        ("true", Found::Declared),
        ("[true, false, true]", Found::Declared),
        ("0110", Found::Declared),
        ("0 4", Found::Declared),
        ("1,,2", Found::Declared),
        ("0,1,,1", Found::Declared),
        ("cat", Found::Declared),
        ("[[0, 1, 1, 0]]", Found::Declared),
        // Impossible labels.
        ("2 2 0 1", Found::Sample),
        ("[-1, 1, -1, 1]", Found::Sample),
        ("[-0.5, 0.5, 0, 0]", Found::Sample),
        ("0.5 1.5 0 0", Found::Sample),
        ("[NaN, 0, 1, 0]", Found::Sample),
        ("[1e39, 0, 0, 0]", Found::Sample),
        ("nan", Found::Sample),
    ] {
        check(&many, text, &wanted);
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_for_the_settings_to_say() {
    for (n, text, ids, one_hot) in [
        (2, "0 1", hot(&[1, 1]), hot(&[0, 1])),
        (2, "[1, 0]", hot(&[1, 1]), hot(&[1, 0])),
        (2, "[0.0, 1.0]", hot(&[1, 1]), hot(&[0, 1])),
        (2, "['1', '0']", hot(&[1, 1]), hot(&[1, 0])),
        (1, "0", hot(&[1]), hot(&[0])),
        (1, "[0]", hot(&[1]), hot(&[0])),
        (1, "1", Found::Declared, hot(&[1])),
        (1, "[1.0]", Found::Declared, hot(&[1])),
    ] {
        let of = |labels| target(TargetKind::Classes(n), &[], labels);
        let (as_found, why) = found(&of(None), text);
        assert_eq!(as_found, Found::Declared, "{text} of {n}");
        assert!(why.contains("`labels: { label: ids }` or `labels: { label: one_hot }`"), "{why}");
        check(&of(Some(Labels::Ids)), text, &ids);
        check(&of(Some(Labels::OneHot)), text, &one_hot);
    }
    // With two or one class, these have but one meaning.
    for (n, text, wanted) in [
        (2, "1 1", hot(&[1, 1])),
        (2, "[0, 0]", hot(&[0, 0])),
        (2, "[false, true]", hot(&[0, 1])),
        (2, "1", hot(&[0, 1])),
        (2, "[0]", hot(&[1, 0])),
        (2, "0.5 1", Found::Value(vec![0.5, 1.0])),
        (1, "true", hot(&[1])),
        (1, "[false]", hot(&[0])),
        (1, "0.5", Found::Value(vec![0.5])),
        (1, "[]", hot(&[0])),
        (1, "2", Found::Declared),
    ] {
        check(&target(TargetKind::Classes(n), &[], None), text, &wanted);
    }
    let ids = target(TargetKind::Classes(4), &[], Some(Labels::Ids));
    let one_hot = target(TargetKind::Classes(4), &[], Some(Labels::OneHot));
    for (target, text, wanted) in [
        (&ids, "0 1 1 0", Found::Declared),
        (&ids, "false true true false", Found::Declared),
        (&ids, "0 1", hot(&[1, 1, 0, 0])),
        (&ids, "0.5", Found::Declared),
        (&one_hot, "0 1", Found::Declared),
        (&one_hot, "[]", Found::Declared),
        (&one_hot, "3 1 0 2", Found::Sample),
        (&one_hot, "0 1 1 0", hot(&[0, 1, 1, 0])),
    ] {
        check(target, text, &wanted);
    }
}

#[test]
fn a_name_wins_over_what_its_text_could_be() {
    let one = target(TargetKind::Class(4), &NAMES, None);
    for (text, wanted) in [
        ("Male speech, man speaking", hot(&[0, 1, 0, 0])),
        ("sea waves", hot(&[0, 0, 1, 0])),
        ("2", hot(&[0, 0, 1, 0])),
        ("[\"Speech\"]", hot(&[0, 0, 0, 1])),
        ("0 0 1 0", hot(&[0, 0, 1, 0])),
        ("Dog", Found::Declared),
        ("dog, Speech", Found::Declared),
    ] {
        check(&one, text, &wanted);
    }
    let many = target(TargetKind::Classes(4), &NAMES, None);
    for (text, wanted) in [
        ("Male speech, man speaking", hot(&[0, 1, 0, 0])),
        ("Male speech, man speaking, dog", hot(&[1, 1, 0, 0])),
        ("dog,Male speech, man speaking,3", hot(&[1, 1, 0, 1])),
        ("dog sea waves", hot(&[1, 0, 1, 0])),
        ("[\"Male speech, man speaking\", \"dog\", \"dog\"]", hot(&[1, 1, 0, 0])),
        ("['Male speech, man speaking', 'dog']", hot(&[1, 1, 0, 0])),
        ("0 1 1 0", hot(&[0, 1, 1, 0])),
        ("0, 2", hot(&[1, 0, 1, 0])),
        ("[\"dog, Speech\"]", Found::Declared),
        ("man speaking", Found::Declared),
        ("dog,,Speech", Found::Declared),
        ("dog;Speech", Found::Declared),
    ] {
        check(&many, text, &wanted);
    }
    let why = |target: &Target, text: &str| found(target, text).1;
    assert!(why(&one, "Dog").contains("did you mean `dog`?"));
    assert!(
        why(&many, "dog, Speach")
            .contains("`Speach` is no class of `label`; did you mean `Speech`?")
    );
    let none = target(TargetKind::Class(4), &[], None);
    assert!(why(&none, "dog").contains("`classes: { label: [..] }`"));
    assert!(why(&none, "4").contains(
        "classes of `label` are 0 to 3: labels 1 to 4 for 4 classes, do they count from one?"
    ));
    assert!(why(&none, "7").ends_with("are 0 to 3"), "{}", why(&none, "7"));
    let several = target(TargetKind::Classes(3), &["a", "b", "a, b"], None);
    check(&several, "a, b", &hot(&[0, 0, 1]));
    check(&several, "b, a", &hot(&[1, 1, 0]));
    check(&several, "a, b, a", &Found::Declared);
}

#[test]
fn names_that_are_numbers_are_names() {
    let of = |kind, labels| target(kind, &["0", "5", "10"], labels);
    let one = of(TargetKind::Class(3), None);
    let names = of(TargetKind::Class(3), Some(Labels::Names));
    let ids = of(TargetKind::Class(3), Some(Labels::Ids));
    for (text, by_default, by_name, by_id) in [
        ("0", hot(&[1, 0, 0]), hot(&[1, 0, 0]), hot(&[1, 0, 0])),
        ("5", hot(&[0, 1, 0]), hot(&[0, 1, 0]), Found::Declared),
        ("10.0", hot(&[0, 0, 1]), hot(&[0, 0, 1]), Found::Declared),
        ("1", Found::Declared, Found::Declared, hot(&[0, 1, 0])),
        ("0 0 1", hot(&[0, 0, 1]), Found::Declared, Found::Declared),
    ] {
        check(&one, text, &by_default);
        check(&names, text, &by_name);
        check(&ids, text, &by_id);
    }
    let many = of(TargetKind::Classes(3), None);
    for (text, wanted) in [
        ("5 10", hot(&[0, 1, 1])),
        ("0 1 1", hot(&[0, 1, 1])),
        ("5 5", Found::Declared),
        ("0 1", Found::Declared),
    ] {
        check(&many, text, &wanted);
    }
    let truths = target(TargetKind::Class(2), &["True", "False"], None);
    check(&truths, "true", &hot(&[1, 0]));
    let answers = target(TargetKind::Class(2), &["yes", "no"], None);
    check(&answers, "true", &Found::Declared);
    check(&answers, "no", &hot(&[0, 1]));
}

#[test]
fn tensors_are_finite_numbers() {
    let tensor = target(TargetKind::Tensor(Shape::new(vec![1], 2)), &[], None);
    for (text, wanted) in [
        ("[[1.5, -2]]", Found::Value(vec![1.5, -2.0])),
        ("1.5 -2", Found::Value(vec![1.5, -2.0])),
        ("1.5,\n-2e3", Found::Value(vec![1.5, -2000.0])),
        ("[true, 0]", Found::Value(vec![1.0, 0.0])),
        ("1.5 2 3", Found::Sample),
        ("1,,2", Found::Sample),
        ("1.5", Found::Sample),
        ("nan 1", Found::Sample),
        ("[1, -Infinity]", Found::Sample),
        ("1e39 0", Found::Sample),
        ("[1e39, 0]", Found::Sample),
        ("[null, 1]", Found::Sample),
        ("a b", Found::Sample),
    ] {
        check(&tensor, text, &wanted);
    }
}
