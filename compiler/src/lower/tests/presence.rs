//! What samples lack, what only fills a batch, and what is compiled without a modality.

use super::{How, PLAIN, Run, checked, close, lowered, rows};
use crate::graph::{InputKind, Sample};

const TWO: &str = "modality a = tensor([2, 4])\nmodality b = tensor([2, 4])\n";

#[test]
fn a_mean_is_over_what_a_sample_has() {
    let statements =
        format!("{TWO}output y = mean(a, b * 2, latents(2, 4))\noutput z = mean(a, b)");
    let mut run = Run::new(&statements, How { batch: 3, ..PLAIN });
    run.have(&[(&["a", "b"], &[]), (&["a"], &[]), (&["b"], &[])]);
    let (a, b) = (run.input("a"), run.input("b"));
    let latents = run.weight("y.latents");
    let each = |sample: usize, function: &dyn Fn(f64, f64, f64) -> f64| -> Vec<f64> {
        (0..8).map(|at| function(a[sample * 8 + at], b[sample * 8 + at], latents[at])).collect()
    };
    close(&run.of_sample("y", 0), &each(0, &|a, b, l| (a + 2.0 * b + l) / 3.0));
    close(&run.of_sample("y", 1), &each(1, &|a, _, l| (a + l) / 2.0));
    close(&run.of_sample("y", 2), &each(2, &|_, b, l| (2.0 * b + l) / 2.0));
    close(&run.of_sample("z", 0), &each(0, &|a, b, _| (a + b) / 2.0));
    close(&run.of_sample("z", 1), &each(1, &|a, _, _| a));
    close(&run.of_sample("z", 2), &each(2, &|_, b, _| b));
}

#[test]
fn what_is_absent_can_be_learned() {
    let statements =
        format!("{TWO}output y = a |> absent(learned)\noutput z = concat(a, b |> absent(learned))");
    let mut run = Run::new(&statements, PLAIN);
    run.have(&[(&["a", "b"], &[]), (&["b"], &[])]);
    let (a, b) = (run.input("a"), run.input("b"));
    let learned = run.weight("y.absent");
    close(&run.of_sample("y", 0), &a[..8]);
    close(&run.of_sample("y", 1), &[learned.clone(), learned].concat());
    close(&run.of_sample("z", 0), &[&a[..8], &b[..8]].concat());
    // In a concat that a sample has, the part that it lacks is 0, whatever was fed.
    run.input_mut("a")[8..].fill(f64::NAN);
    close(&run.of_sample("z", 1), &[&[0.0; 8], &b[8..]].concat());
}

/// Two streams, and a fusion that reads both.
fn zorro() -> String {
    format!(
        "{TWO}tokens a = a |> linear(4)\ntokens b = b |> linear(4) |> position()
         tokens f = latents(2, 4)
         route zorro {{ a <- a; b <- b; f <- a, b, f }}
         layers: repeat 2 {{ apply vit(2, 2) over zorro }}
         apply final() over {{ a, b, f }} weights per group
         tokens q = latents(1, 4)
         apply decoder(2, 1) over {{ q <- a, b }}
         tokens c = concat(a, b)
         output ya = a |> pool(mean)\n output yb = b |> pool(mean)
         output yf = f |> pool(mean)\noutput yq = q\n output ym = mean(a, b)\n output yc = c[1]
         output sum = a + b"
    )
}

#[test]
fn samples_do_not_see_what_they_lack() {
    let mut run = Run::new(&zorro(), How { batch: 3, ..PLAIN });
    run.have(&[(&["a", "b"], &[]), (&["a"], &[]), (&["b"], &[])]);
    let names = ["ya", "yb", "yf", "yq", "ym"];
    let with = |run: &Run, sample: usize| names.map(|name| run.of_sample(name, sample));
    let clean = [0, 1, 2].map(|sample| with(&run, sample));
    run.input_mut("a")[16..].fill(1e9);
    run.input_mut("b")[8..16].fill(1e9);
    let other = [0, 1, 2].map(|sample| with(&run, sample));
    assert_eq!(clean[0], other[0]);
    for (at, name) in names.iter().enumerate() {
        if *name != "yb" {
            assert_eq!(clean[1][at], other[1][at], "{name} of the sample without b");
        }
        if *name != "ya" {
            assert_eq!(clean[2][at], other[2][at], "{name} of the sample without a");
        }
    }
}

#[test]
fn a_sample_is_the_same_beside_any_others() {
    let mut run = Run::new(&zorro(), How { batch: 3, ..PLAIN });
    run.have(&[(&["a"], &[]), (&["a", "b"], &[]), (&["b"], &[])]);
    let before = ["ya", "yf", "yq", "sum"].map(|name| run.of_sample(name, 1));
    for sample in [0, 2] {
        run.feed.samples[sample] = Sample::filler();
        for name in ["a", "b"] {
            run.input_mut(name)[sample * 8..sample * 8 + 8].fill(0.0);
        }
    }
    assert_eq!(before, ["ya", "yf", "yq", "sum"].map(|name| run.of_sample(name, 1)));
    assert!(run.output("yf").iter().all(|number| number.is_finite()));
}

#[test]
fn only_some_modalities_give_the_same_as_all() {
    let all = checked(&zorro());
    let mut whole = Run::of(all.clone(), PLAIN);
    whole.have(&[(&["a"], &[]), (&["a"], &[])]);
    let how = How { only: Some((&["a"], &["ya", "yf", "yq", "ym", "yc"])), ..PLAIN };
    let mut part = Run::of(all.clone(), how);
    // The same weights, by name.
    for (at, place) in part.graph.parameters.places.clone().into_iter().enumerate() {
        let Some(place) = place else { continue };
        let name = all.model.weights[at].name.clone();
        let numbers = whole.weight(&name);
        let buffer = &mut part.feed.parameters[place.buffer.0 as usize];
        buffer[place.offset..place.offset + place.numbers].copy_from_slice(&numbers);
    }
    for name in ["ya", "yf", "yq", "ym", "yc"] {
        assert_eq!(part.output(name), whole.output(name), "{name}");
    }
    let fed = part.graph.inputs.iter().filter(|input| input.kind == InputKind::Modality);
    assert_eq!(fed.map(|input| input.name.as_str()).collect::<Vec<_>>(), ["a"]);
    let used = part.graph.parameters.places.iter().zip(&all.model.weights);
    for (place, weight) in used {
        if weight.name.starts_with("b.") || weight.name.contains(".b.") {
            assert_eq!(*place, None, "{}", weight.name);
        }
    }
}

#[test]
fn what_needs_another_modality_is_named() {
    let how = How { only: Some((&["a"], &["ya", "yb", "yf", "sum"])), ..PLAIN };
    let missing = lowered(&checked(&zorro()), how).expect_err("two outputs need b");
    let names: Vec<&str> = missing.iter().map(|missing| missing.name.as_str()).collect();
    assert_eq!(names, ["yb", "sum"]);
}

#[test]
fn learned_queries_of_a_route_read_only_what_is_there() {
    // Who reads an absent group alone reads nothing; the query's own value stays.
    let statements = format!(
        "{TWO}tokens a = a + 0\ntokens b = b + 0\ntokens f = latents(1, 4)
         layer: apply read() over {{ f <- a within groups(1) }}\noutput y = mean(f, latents(1, 4))
         output z = b + 0 }}\nblock read() {{ x += attend(x, heads: 1)"
    );
    let mut run = Run::new(&statements, PLAIN);
    run.have(&[(&["a", "b"], &[]), (&["b"], &[])]);
    let extra = rows(&run.weight("y.latents"), 4);
    // Without the group there is no attention, so that the mean is over what else there is.
    close(&run.of_sample("y", 1), &extra[0]);
    assert_ne!(run.of_sample("y", 0), run.of_sample("y", 1));
}
