//! Retrieval by hand, and against a loop over the definition.

use super::{Classes, FIRST, Gallery, pairs, recall, unit};
use crate::compiler::check_text;
use crate::compiler::random::uniform;

type Row = (u64, Option<usize>, [f32; 2]);

fn gallery(rows: &[Row]) -> Gallery {
    let mut gallery = Gallery::default();
    for (sample, _, vector) in rows {
        gallery.add(*sample, vector);
    }
    gallery
}

#[test]
fn recall_by_hand() {
    #[track_caller]
    fn check(from: &[Row], to: &[Row], by_class: bool, expected: Option<(u64, [f64; 3])>) {
        let known =
            from.iter().chain(to).filter_map(|(sample, class, _)| Some((*sample, (*class)?)));
        let classes: Classes = known.collect();
        let found = recall(&gallery(from), &gallery(to), by_class.then_some(&classes));
        assert_eq!(found, expected);
    }
    const X: [f32; 2] = [1.0, 0.0];
    const Y: [f32; 2] = [0.0, 1.0];
    // By pair: the first finds its own, the second finds the other first.
    let from = [(0, None, X), (1, None, X)];
    let to = [(0, None, X), (1, None, Y)];
    check(&from, &to, false, Some((2, [0.5, 1.0, 1.0])));
    // The other way: the second is as far from both, and that does not help.
    check(&to, &from, false, Some((2, [0.0, 1.0, 1.0])));
    // By class: another one of the class is as good as the own.
    let from = [(0, Some(0), X), (1, Some(1), Y), (2, Some(0), Y)];
    let to = [(0, Some(0), Y), (1, Some(1), X), (2, Some(0), X)];
    // Sample 0: a wrong one is as near. Sample 1: two are nearer, or as near. Sample 2: sample 0 is of its class.
    check(&from, &to, true, Some((3, [1.0 / 3.0, 1.0, 1.0])));
    // Who has no known class, or nobody of it to be found, does not ask.
    let from = [(0, None, X), (1, Some(4), X), (2, Some(0), X)];
    let to = [(7, Some(0), X), (8, None, X), (9, Some(1), Y)];
    check(&from, &to, true, Some((1, [1.0; 3])));
    check(&from, &to, false, None);
    check(&[], &to, true, None);
    // What is no number is never found, and never in nobody's way.
    let nan = [f32::NAN, 0.0];
    let to = [(2, Some(0), nan), (3, Some(1), X)];
    check(&from, &to, true, Some((1, [0.0, 1.0, 1.0])));
    let to = [(2, Some(0), X), (3, Some(1), nan)];
    check(&from, &to, true, Some((1, [0.0, 1.0, 1.0])));
    // Eleven that are all the same: nobody finds anything among ten.
    let same: Vec<Row> = (0..11).map(|at| (at, None, X)).collect();
    check(&same, &same, false, Some((11, [0.0; 3])));
}

#[test]
fn recall_is_what_it_is_defined_as() {
    // More queries than a block of rows has, vectors longer than the lanes of a product.
    let (n, width) = (150_u32, 19);
    let vector = |side: u32, at: u32| -> Vec<f32> {
        unit(&(0..width).map(|k| uniform(5, [side, at, k, 0])[0] - 0.5).collect::<Vec<f32>>())
    };
    let all = |side: u32| {
        let mut gallery = Gallery::default();
        for at in 0..n {
            gallery.add(u64::from(at), &vector(side, at));
        }
        gallery
    };
    let classes: Classes = (0..n).map(|at| (u64::from(at), (at % 7) as usize)).collect();
    for by_class in [true, false] {
        let found =
            recall(&all(0), &all(1), by_class.then_some(&classes)).expect("there are samples");
        let mut hits = [0_u32; 3];
        for query in 0..n {
            let a = vector(0, query);
            let mut answers: Vec<(f64, bool)> = (0..n)
                .map(|at| {
                    let b = vector(1, at);
                    let near = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    (near, if by_class { at % 7 == query % 7 } else { at == query })
                })
                .collect();
            answers.sort_by(|a, b| b.0.total_cmp(&a.0));
            for (hits, first) in hits.iter_mut().zip(FIRST) {
                *hits += u32::from(answers[..first].iter().any(|(_, right)| *right));
            }
        }
        let expected = hits.map(|hits| f64::from(hits) / f64::from(n));
        assert_eq!(found, (u64::from(n), expected), "by class: {by_class}");
    }
}

#[test]
fn what_an_objective_compares() {
    let spec = "model m {
      modality a = tensor([1, 4])
      modality b = tensor([1, 4])
      tokens a = a |> linear(4) |> position()
      tokens b = b |> linear(4) |> position()
      tokens hidden = b |> linear(4)
      output left = a
      output right = b
      objective one = nce(a, b)
      objective two = nce(a, b) + mean(nce(a, hidden), nce(b, a))
    }";
    let checked = check_text(spec, &Default::default()).checked.expect("nothing is wrong");
    let names = |objective: &str| {
        let (pairs, hidden) = pairs(&checked.model, objective);
        (pairs.into_iter().map(|pair| (pair.a, pair.b)).collect::<Vec<_>>(), hidden)
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(names("one"), (vec![pair("left", "right")], false));
    assert_eq!(names("two"), (vec![pair("left", "right")], true));
}
