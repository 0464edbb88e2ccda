//! The same bits, whoever computes them and beside whatever.

use super::masks::{across, alone, causal_and, groups, windows, zorro};
use super::{Case, Options, Results, bits, pool};
use crate::compiler::routing::{Mask, Relation};

fn assert_same(name: &str, left: &Results, right: &Results) {
    for ((part, left), (_, right)) in left.parts().into_iter().zip(right.parts()) {
        assert_eq!(bits(left), bits(right), "{name}: {part}");
    }
}

/// All results of a group, in one sample: as receiver, and as read.
fn of_group(case: &Case, results: &Results, name: &str, sample: usize) -> Results {
    let width = case.attention.width;
    let part = |receivers: bool, numbers: &[f32], width: usize| {
        let group = case.sides(receivers).iter().position(|side| side.name == name);
        let rows = group.map_or(0..0, |group| case.rows(receivers, group, sample, true));
        numbers[rows.start * width..rows.end * width].to_vec()
    };
    Results {
        result: part(true, &results.result, width),
        statistics: part(true, &results.statistics, case.attention.heads),
        queries: part(true, &results.queries, width),
        keys: part(false, &results.keys, width),
        values: part(false, &results.values, width),
        scores: vec![],
    }
}

#[test]
fn threads() {
    let window = Some(vec![4, 7]);
    let biased = Options { window, heads: 3, batch: 3, ..Options::default() };
    let plain = Options { heads: 3, width: 16, batch: 2, ..Options::default() };
    for (name, mask, options) in [
        ("zorro", zorro(200, 65, 16), &plain),
        ("causal", alone(&[300], Relation::Causal), &plain),
        ("windows", alone(&[8, 14], windows(&[4, 7], &[2, 3])), &biased),
    ] {
        let case = Case::new(mask, options);
        let (_, cotangent) = case.exact();
        let one = case.run(&cotangent, &pool(1));
        for threads in [2, 3, 8] {
            let many = case.run(&cotangent, &pool(threads));
            assert_same(&format!("{name} on {threads} threads"), &one, &many);
        }
    }
}

/// Results of these groups in sample 0 are the same in both.
fn check_same(
    name: &str,
    (left, left_options): (Mask, &Options),
    (right, right_options): (Mask, &Options),
    of: &[&str],
) {
    let results = [(left, left_options), (right, right_options)].map(|(mask, options)| {
        let case = Case::new(mask, options);
        let (_, cotangent) = case.exact();
        let results = case.run(&cotangent, &pool(2));
        (case, results)
    });
    for group in of {
        let [left, right] = results.each_ref().map(|(case, all)| of_group(case, all, group, 0));
        assert_same(&format!("{name}: {group}"), &left, &right);
    }
}

#[test]
fn batches() {
    let one = Options { heads: 2, width: 16, ..Options::default() };
    let many = Options { batch: 3, gap: 2, ..one.clone() };
    for (name, mask) in [
        ("zorro", zorro(140, 66, 17)),
        ("zorro", zorro(3, 1, 2)),
        ("causal", zorro_like(Relation::Causal)),
        ("windows", zorro_like(windows(&[3, 4], &[1, 2]))),
    ] {
        check_same(name, (mask.clone(), &one), (mask, &many), &["video", "audio", "fusion"]);
    }
}

fn zorro_like(relation: Relation) -> Mask {
    across(&[("video", &[12, 20])], &[("video", &[12, 20])], &[(0, 0, relation)])
}

#[test]
fn other_groups() {
    let all = || Relation::All;
    let whole = Options { heads: 2, width: 16, ..Options::default() };
    let without = |name| Options { absent: vec![(name, 0)], ..whole.clone() };
    let audio = alone(&[66], all());
    let audio = Mask { receivers: renamed(audio.receivers), reads: renamed(audio.reads), ..audio };
    check_same(
        "audio alone",
        (zorro(140, 66, 17), &without("fusion")),
        (audio, &whole),
        &["audio"],
    );
    let sets = [("video", 140), ("audio", 66)];
    for (absent, (name, tokens)) in [("audio", sets[0]), ("video", sets[1])] {
        let groups: [(&str, &[u64]); 2] = [(name, &[tokens]), ("fusion", &[17])];
        let pairs = [(0, 0, all()), (1, 0, all()), (1, 1, all())];
        let mask = super::masks::within(&groups, &pairs);
        let left = (zorro(140, 66, 17), &without(absent));
        check_same(&format!("{absent} absent"), left, (mask, &whole), &[name, "fusion"]);
    }
}

fn renamed(mut sides: Vec<crate::compiler::routing::Side>) -> Vec<crate::compiler::routing::Side> {
    sides[0].name = "audio".to_owned();
    sides
}

/// A receiver that is cut finer because of a pair that is absent.
#[test]
fn finer_bands() {
    let whole = Options { heads: 2, width: 16, ..Options::default() };
    let absent = Options { absent: vec![("b", 0)], ..whole.clone() };
    for relation in [Relation::All, Relation::Causal, causal_and(groups(2)), groups(3)] {
        let receivers: [(&str, &[u64]); 1] = [("x", &[300])];
        let pair = (0, 0, relation.clone());
        let one = across(&receivers, &[("a", &[300])], std::slice::from_ref(&pair));
        let reads: [(&str, &[u64]); 2] = [("a", &[300]), ("b", &[40])];
        let two = across(&receivers, &reads, &[pair, (0, 1, groups(7))]);
        // What is read meets its readers in another order then; receivers alone keep their bits.
        let name = format!("{relation}");
        check_same(&name, (one, &whole), (two, &absent), &["x"]);
    }
}
