//! Operations that treat every token alike.

use super::{PLAIN, Run, close, linear, mean, rows};

/// Statements that end in `output y = ...` of `x`, two samples of three tokens of four numbers.
#[track_caller]
fn check(expression: &str, expected: impl Fn(&mut Run, &[Vec<f64>]) -> Vec<Vec<f64>>) {
    let statements = format!("modality u = tensor([3, 4])\noutput y = {expression}");
    let mut run = Run::new(&statements, PLAIN);
    let x = run.rows("u", 4);
    let expected = expected(&mut run, &x);
    close(&run.output("y"), &expected.concat());
}

/// A function of each number.
#[track_caller]
fn check_each(expression: &str, function: impl Fn(f64) -> f64) {
    check(expression, |_, x| {
        x.iter().map(|row| row.iter().map(|a| function(*a)).collect()).collect()
    });
}

#[test]
fn linear_maps() {
    check("u |> linear(5)", |run, x| {
        linear(x, &run.weight("y.linear.weight"), Some(&run.weight("y.linear.bias")))
    });
    check("u |> linear(2, bias: false)", |run, x| linear(x, &run.weight("y.linear.weight"), None));
}

#[test]
fn functions() {
    let gelu = |a: f64| a / 2.0 * (1.0 + libm::erf(a / 2.0_f64.sqrt()));
    let gelu_tanh = |a: f64| {
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (a + 0.044_715 * a.powi(3));
        0.5 * a * (1.0 + inner.tanh())
    };
    let sigmoid = |a: f64| 1.0 / (1.0 + (-a).exp());
    check_each("u |> gelu", gelu);
    check_each("u |> activate(gelu_tanh)", gelu_tanh);
    check_each("u |> relu", |a| a.max(0.0));
    check_each("u |> squared_relu", |a| a.max(0.0).powi(2));
    check_each("u |> silu", |a| a * sigmoid(a));
    check_each("u |> sigmoid", sigmoid);
    check_each("u |> tanh", f64::tanh);
    check_each("exp(u)", f64::exp);
    check_each("log(u * u)", |a| (a * a).ln());
    check("u |> gated(gelu)", |_, x| {
        x.iter().map(|row| vec![row[0] * gelu(row[2]), row[1] * gelu(row[3])]).collect()
    });
    check("u |> softmax", |_, x| {
        let one = |row: &Vec<f64>| {
            let sum: f64 = row.iter().map(|a| a.exp()).sum();
            row.iter().map(|a| a.exp() / sum).collect()
        };
        x.iter().map(one).collect()
    });
    check("1000 * u |> softmax |> scale(init: 2)", |run, x| {
        let scale = run.weight("y.scale");
        let one = |row: &Vec<f64>| {
            let max = row.iter().fold(f64::MIN, |max, a| max.max(1000.0 * a));
            let sum: f64 = row.iter().map(|a| (1000.0 * a - max).exp()).sum();
            row.iter().zip(&scale).map(|(a, s)| s * (1000.0 * a - max).exp() / sum).collect()
        };
        x.iter().map(one).collect()
    });
}

#[test]
fn norms() {
    for (name, centers) in [("norm", true), ("rms_norm", false)] {
        for (eps, scale, bias) in
            [("1e-6", true, true), ("0.1", false, true), ("0.01", true, false), ("0", false, false)]
        {
            let expression = format!("u |> {name}(eps: {eps}, scale: {scale}, bias: {bias})");
            check(&expression, |run, x| {
                let weight = |run: &mut Run, part: &str, wanted: bool, otherwise: f64| {
                    if wanted {
                        run.weight(&format!("y.{name}.{part}"))
                    } else {
                        vec![otherwise; 4]
                    }
                };
                let (scale, bias) =
                    (weight(run, "scale", scale, 1.0), weight(run, "bias", bias, 0.0));
                let eps: f64 = eps.parse().expect("a number");
                let one = |row: &Vec<f64>| {
                    let center = if centers { mean(row) } else { 0.0 };
                    let squares: Vec<f64> = row.iter().map(|a| (a - center).powi(2)).collect();
                    let deviation = (mean(&squares) + eps).sqrt();
                    let normed = row.iter().map(|a| (a - center) / deviation);
                    normed.zip(&scale).zip(&bias).map(|((a, s), b)| a * s + b).collect()
                };
                x.iter().map(one).collect()
            });
        }
    }
    // Without saying anything.
    check("u |> norm", |run, x| {
        let (scale, bias) = (run.weight("y.norm.scale"), run.weight("y.norm.bias"));
        let one = |row: &Vec<f64>| {
            let squares: Vec<f64> = row.iter().map(|a| (a - mean(row)).powi(2)).collect();
            let deviation = (mean(&squares) + 1e-6).sqrt();
            (0..4).map(|at| (row[at] - mean(row)) / deviation * scale[at] + bias[at]).collect()
        };
        x.iter().map(one).collect()
    });
}

#[test]
fn arithmetic() {
    check_each("2 * u - 3", |a| 2.0 * a - 3.0);
    check_each("1 / (u + 3)", |a| 1.0 / (a + 3.0));
    check_each("-u / 4", |a| -a / 4.0);
    check_each("u * u + u - u / exp(u)", |a| a * a + a - a / a.exp());
    let names = "let v = learned([4], init: 1)\nlet s = learned([], init: 2)\n";
    let statements = format!(
        "modality u = tensor([3, 4])\n{names}output y = s - (u * v + s) / (v * v * s + 1)\n\
         output z = v - u * (s |> dropout(0.5))"
    );
    let mut run = Run::new(&statements, PLAIN);
    let (v, s) = (run.weight("v.learned"), run.weight("s.learned")[0]);
    let x = run.rows("u", 4);
    let each = |function: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
        x.iter().flat_map(|row| row.iter().zip(&v).map(|(a, v)| function(*a, *v))).collect()
    };
    close(&run.output("y"), &each(&|a, v| s - (a * v + s) / (v * v * s + 1.0)));
    close(&run.output("z"), &each(&|a, v| v - a * s));
}

#[test]
fn widths_side_by_side() {
    check("join(u, 2 * u, u |> gated(tanh))", |_, x| {
        let one = |row: &Vec<f64>| {
            let twice = row.iter().map(|a| 2.0 * a).collect();
            let gated = vec![row[0] * row[2].tanh(), row[1] * row[3].tanh()];
            [row.clone(), twice, gated].concat()
        };
        x.iter().map(one).collect()
    });
}

#[test]
fn groups_of_one_apply_share_weights_or_do_not() {
    for per_group in [false, true] {
        let statements = format!(
            "modality a = tensor([2, 4])\nmodality b = tensor([3, 4])\nmodality c = tensor([1, 4])
             tokens b = b + 0\ntokens a = a + 0\ntokens c = c + 0
             apply final() over {{ c, a, b }}{}\n output ya = a\noutput yb = b\noutput yc = c",
            if per_group { " weights per group" } else { "" }
        );
        let mut run = Run::new(&statements, PLAIN);
        for name in ["a", "b", "c"] {
            let group = if per_group { format!(".{name}") } else { String::new() };
            let scale = run.weight(&format!("final{group}.norm.scale"));
            let bias = run.weight(&format!("final{group}.norm.bias"));
            let expected: Vec<f64> = rows(&run.input(name), 4)
                .iter()
                .flat_map(|row| {
                    let squares: Vec<f64> = row.iter().map(|a| (a - mean(row)).powi(2)).collect();
                    let deviation = (mean(&squares) + 1e-6).sqrt();
                    (0..4)
                        .map(|at| (row[at] - mean(row)) / deviation * scale[at] + bias[at])
                        .collect::<Vec<f64>>()
                })
                .collect();
            close(&run.output(&format!("y{name}")), &expected);
        }
    }
}
