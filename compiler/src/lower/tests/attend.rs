//! Attention over routes, token by token.

use super::{PLAIN, Run, close, dot, linear, rows};

const WIDTH: usize = 4;
const HEADS: usize = 2;

/// Projections of one group as queries and as what is read.
struct Projected {
    q: Vec<Vec<f64>>,
    k: Vec<Vec<f64>>,
    v: Vec<Vec<f64>>,
}

/// Key, value, and which token of which group they are.
type Read = (Vec<f64>, Vec<f64>, (usize, usize));

/// Whether a token of the receiver may read a token of the other group, both by name.
type May<'a> = dyn Fn((&str, usize), (&str, usize)) -> bool + 'a;

/// Rows of the result of one receiver in one sample: softmax over what each query may read, the bias of a head added.
fn attend(
    queries: &[Vec<f64>],
    reads: &[Read],
    may: &dyn Fn(usize, (usize, usize)) -> bool,
    bias: &dyn Fn(usize, usize, (usize, usize)) -> f64,
) -> Vec<Vec<f64>> {
    let width = WIDTH / HEADS;
    let mut result = Vec::new();
    for (token, query) in queries.iter().enumerate() {
        let mut row = Vec::new();
        for head in 0..HEADS {
            let span = head * width..(head + 1) * width;
            let allowed: Vec<_> = reads.iter().filter(|read| may(token, read.2)).collect();
            let weights: Vec<f64> = allowed
                .iter()
                .map(|(key, _, at)| {
                    let product = dot(&query[span.clone()], &key[span.clone()]);
                    (product / (width as f64).sqrt() + bias(head, token, *at)).exp()
                })
                .collect();
            let total: f64 = weights.iter().sum();
            for channel in span {
                let parts =
                    allowed.iter().zip(&weights).map(|(read, weight)| read.1[channel] * weight);
                row.push(if allowed.is_empty() { 0.0 } else { parts.sum::<f64>() / total });
            }
        }
        result.push(row);
    }
    result
}

/// Groups of so many tokens, an apply of attention alone, and who may read whom: receiver and token, read and token.
struct Case<'a> {
    groups: &'a [(&'a str, usize)],
    route: &'a str,
    arguments: &'a str,
    per_group: bool,
    may: &'a May<'a>,
}

#[track_caller]
fn check(case: &Case<'_>) {
    let mut text = String::new();
    for (name, tokens) in case.groups {
        text.push_str(&format!("modality m{name} = tensor([{tokens}, {WIDTH}])\n"));
        text.push_str(&format!("tokens {name} = m{name} + 0\n"));
    }
    let sharing = if case.per_group { " weights per group" } else { "" };
    text.push_str(&format!("layer: apply read() over {{ {} }}{sharing}\n", case.route));
    for (name, _) in case.groups {
        text.push_str(&format!("output y{name} = {name}\n"));
    }
    text.push_str(&format!("}}\nblock read() {{ x = attend(x, heads: {HEADS}{})", case.arguments));
    let mut run = Run::new(&text, PLAIN);
    let receives = |name: &str| {
        case.route
            .split(';')
            .any(|edge| edge.split("<-").next().is_some_and(|to| to.contains(name)))
    };
    let projected: Vec<Projected> = case
        .groups
        .iter()
        .map(|(name, _)| {
            let x = run.rows(&format!("m{name}"), WIDTH);
            let own = if case.per_group { format!("layer.{name}") } else { "layer".to_owned() };
            let mut project = |part: &str| {
                let weight = run.weight(&format!("{own}.attend.{part}.weight"));
                let bias = run.weight(&format!("{own}.attend.{part}.bias"));
                linear(&x, &weight, Some(&bias))
            };
            let q = if receives(name) { project("q") } else { Vec::new() };
            Projected { q, k: project("k"), v: project("v") }
        })
        .collect();
    for ((name, tokens), own) in case.groups.iter().zip(&projected) {
        if !receives(name) {
            close(&run.output(&format!("y{name}")), &run.input(&format!("m{name}")));
            continue;
        }
        let mut expected = Vec::new();
        for sample in 0..2 {
            let part = |rows: &[Vec<f64>], tokens: usize| {
                rows[sample * tokens..(sample + 1) * tokens].to_vec()
            };
            let mut reads = Vec::new();
            for (at, (read, (_, n))) in projected.iter().zip(case.groups).enumerate() {
                let (keys, values) = (part(&read.k, *n), part(&read.v, *n));
                for (token, (key, value)) in keys.into_iter().zip(values).enumerate() {
                    reads.push((key, value, (at, token)));
                }
            }
            let may = |token: usize, (read, key): (usize, usize)| {
                (case.may)((name, token), (case.groups[read].0, key))
            };
            let made = attend(&part(&own.q, *tokens), &reads, &may, &|_, _, _| 0.0);
            let own = if case.per_group { format!("layer.{name}") } else { "layer".to_owned() };
            let weight = run.weight(&format!("{own}.attend.out.weight"));
            let bias = run.weight(&format!("{own}.attend.out.bias"));
            // A row that may read nothing is 0, and not the bias.
            let reads_any = |token: &usize| reads.iter().any(|(_, _, key)| may(*token, *key));
            let rows = linear(&made, &weight, Some(&bias)).into_iter().enumerate();
            expected.extend(rows.map(
                |(token, row)| {
                    if reads_any(&token) { row } else { vec![0.0; row.len()] }
                },
            ));
        }
        close(&run.output(&format!("y{name}")), &expected.concat());
    }
}

fn zorro<'a>() -> Case<'a> {
    Case {
        groups: &[("a", 2), ("b", 3), ("c", 1)],
        route: "a <- a; b <- b; c <- a, b, c",
        arguments: "",
        per_group: false,
        may: &|(receiver, _), (read, _)| receiver == read || receiver == "c",
    }
}

#[test]
fn a_row_reads_what_its_route_says() {
    check(&zorro());
    check(&Case { per_group: true, ..zorro() });
    check(&Case {
        route: "a <- b, c; b <- a",
        may: &|(receiver, _), (read, _)| receiver != read && !(receiver == "b" && read == "c"),
        ..zorro()
    });
}

#[test]
fn the_order_of_receivers_changes_nothing() {
    for route in [
        "c <- c, b, a; b <- b; a <- a",
        "b <- b; c <- a, b, c; a <- a",
        "c <- b; a <- a; c <- a, c; b <- b",
    ] {
        check(&Case { route, ..zorro() });
        check(&Case { route, per_group: true, ..zorro() });
    }
}

#[test]
fn relations_stand_on_edges_and_in_attentions() {
    check(&Case {
        groups: &[("a", 4), ("b", 4)],
        route: "b <- a, b within causal; a <- a within groups(2)",
        may: &|(receiver, query), (read, key)| match (receiver, read) {
            ("b", "a") => true,
            ("b", _) => key <= query,
            (_, "a") => query / 2 == key / 2,
            (_, _) => false,
        },
        ..zorro()
    });
    check(&Case {
        groups: &[("a", 5), ("b", 2)],
        route: "a <- a within causal, b; b <- a, b",
        arguments: ", within: groups(2)",
        // Groups of 3 and 2 tokens of five, and of 1 and 1 of two.
        may: &|(receiver, query), (read, key)| {
            let group = |name: &str, token: usize| if name == "a" { token / 3 } else { token };
            let own = receiver == "a" && read == "a";
            group(receiver, query) == group(read, key) && (!own || key <= query)
        },
        ..zorro()
    });
    check(&Case {
        groups: &[("a", 6)],
        route: "a <- a",
        arguments: ", within: windows(4, shift: 1)",
        // A first window of the shift, then whole ones.
        may: &|(_, query), (_, key)| query.div_ceil(4) == key.div_ceil(4),
        ..zorro()
    });
    // Three groups for two keys: the last rows of each read nothing.
    check(&Case {
        groups: &[("a", 3), ("b", 2)],
        route: "a <- b within groups(3)",
        may: &|(receiver, query), (read, key)| receiver == "a" && read == "b" && query == key,
        ..zorro()
    });
}

#[test]
fn relative_scores_are_looked_up_by_the_way_from_key_to_query() {
    let text = format!(
        "modality m = tensor([2, 4, {WIDTH}])\ntokens g = m + 0
         layer: apply near() over {{ g <- g }}\noutput y = g
         }}\nblock near() {{
           x = attend(x, heads: {HEADS}, within: windows([2, 3]), scores: relative([2, 3]))"
    );
    let mut run = Run::new(&text, PLAIN);
    let table = rows(&run.weight("layer.attend.scores"), 3 * 5);
    let x = run.rows("m", WIDTH);
    let mut project = |part: &str, rows: &[Vec<f64>]| {
        let weight = run.weight(&format!("layer.attend.{part}.weight"));
        let bias = run.weight(&format!("layer.attend.{part}.bias"));
        linear(rows, &weight, Some(&bias))
    };
    let (q, k, v) = (project("q", &x), project("k", &x), project("v", &x));
    let mut made = Vec::new();
    for sample in 0..2 {
        let own = sample * 8..(sample + 1) * 8;
        let reads: Vec<_> =
            own.clone().map(|row| (k[row].clone(), v[row].clone(), (0, row - own.start))).collect();
        let place = |token: usize| (token / 4, token % 4);
        let may = |query: usize, (_, key): (usize, usize)| place(query).1 / 3 == place(key).1 / 3;
        let bias = |head: usize, query: usize, (_, key): (usize, usize)| {
            let (query, key) = (place(query), place(key));
            let (h, w) = (query.0 + 1 - key.0, query.1 + 2 - key.1);
            table[head][h * 5 + w]
        };
        made.extend(attend(&q[own], &reads, &may, &bias));
    }
    let expected = project("out", &made);
    close(&run.output("y"), &expected.concat());
}

#[test]
fn queries_and_what_is_read_have_expressions_of_their_own() {
    let text = "modality a = tensor([2, 4])\nmodality b = tensor([3, 4])
        tokens a = a + 0\ntokens b = b + 0
        layer: apply mixed() over { a <- a, b }\noutput y = a
        }\nblock mixed() { x += attend(2 * x, from: from * from, heads: 2, bias: false, out: x.dim)";
    let mut run = Run::new(text, PLAIN);
    let (a, b) = (run.rows("a", 4), run.rows("b", 4));
    let each = |rows: &[Vec<f64>], function: &dyn Fn(f64) -> f64| -> Vec<Vec<f64>> {
        rows.iter().map(|row| row.iter().map(|n| function(*n)).collect()).collect()
    };
    let mut project = |part: &str, rows: &[Vec<f64>]| {
        linear(rows, &run.weight(&format!("layer.attend.{part}.weight")), None)
    };
    let q = project("q", &each(&a, &|n| 2.0 * n));
    let read = [each(&a, &|n| n * n), each(&b, &|n| n * n)];
    let (k, v) =
        ([0, 1].map(|at| project("k", &read[at])), [0, 1].map(|at| project("v", &read[at])));
    let mut made = Vec::new();
    for sample in 0..2 {
        let mut reads = Vec::new();
        for (at, n) in [(0, 2), (1, 3)] {
            for token in 0..n {
                let row = sample * n + token;
                reads.push((k[at][row].clone(), v[at][row].clone(), (at, token)));
            }
        }
        made.extend(attend(&q[sample * 2..sample * 2 + 2], &reads, &|_, _| true, &|_, _, _| 0.0));
    }
    let out = project("out", &made);
    let expected = a.iter().zip(&out).flat_map(|(a, out)| a.iter().zip(out).map(|(a, b)| a + b));
    close(&run.output("y"), &expected.collect::<Vec<f64>>());
}
