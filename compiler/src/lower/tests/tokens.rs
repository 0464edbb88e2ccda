//! Operations on grids, and positions.

use std::f64::consts::PI;

use super::{How, PLAIN, Run, close, mean, rows};

#[test]
fn patches_are_row_major_with_channels_last() {
    let statements = "modality u = tensor([2, 4, 6, 3])
        output y = u |> patches(2, 2, 3)
        output line = u |> patches(1, 1, 2)";
    let mut run = Run::new(statements, PLAIN);
    let x = run.input("u");
    let at = |b: usize, [t, h, w]: [usize; 3], c: usize| x[(((b * 2 + t) * 4 + h) * 6 + w) * 3 + c];
    let patches = |[pt, ph, pw]: [usize; 3]| {
        let mut expected = Vec::new();
        for b in 0..2 {
            for (t, h, w) in product([2 / pt, 4 / ph, 6 / pw]) {
                for (dt, dh, dw) in product([pt, ph, pw]) {
                    for c in 0..3 {
                        expected.push(at(b, [t * pt + dt, h * ph + dh, w * pw + dw], c));
                    }
                }
            }
        }
        expected
    };
    close(&run.output("y"), &patches([2, 2, 3]));
    close(&run.output("line"), &patches([1, 1, 2]));
}

/// Rows made of those of two inputs of a sample.
type Pick<'a> = dyn Fn(&[Vec<f64>], &[Vec<f64>]) -> Vec<Vec<f64>> + 'a;

fn product([a, b, c]: [usize; 3]) -> Vec<(usize, usize, usize)> {
    let mut all = Vec::new();
    for i in 0..a {
        for j in 0..b {
            all.extend((0..c).map(|k| (i, j, k)));
        }
    }
    all
}

#[test]
fn ids_become_rows_of_a_table() {
    let statements = "modality words = text(length: 4, vocabulary: 5)
        tokens words = words |> embed(3)\n output y = words |> position(init: 0)";
    let mut run = Run::new(statements, PLAIN);
    *run.input_mut("words") = vec![4.0, 0.0, 4.0, 2.0, 1.0, 1.0, 3.0, 0.0];
    let table = rows(&run.weight("words.embed"), 3);
    let positions = rows(&run.weight("y.position"), 3);
    let ids = run.input("words");
    let expected = ids.iter().enumerate().flat_map(|(at, id)| {
        let (row, position) = (&table[*id as usize], &positions[at % 4]);
        row.iter().zip(position).map(|(a, b)| a + b).collect::<Vec<f64>>()
    });
    close(&run.output("y"), &expected.collect::<Vec<f64>>());
}

/// Positions joined to two numbers on a grid, against a formula of token coordinates and grid.
#[track_caller]
fn check_position(grid: &[usize], arguments: &str, formula: impl Fn(&[usize]) -> Vec<f64>) {
    let text: Vec<String> = grid.iter().map(usize::to_string).collect();
    let width = if arguments.contains("sinusoidal") { 4 * grid.len() } else { 2 };
    let statements = format!(
        "modality u = tensor([{}, {width}])\noutput y = u |> position({arguments})",
        text.join(", ")
    );
    let mut run = Run::new(&statements, PLAIN);
    let tokens: usize = grid.iter().product();
    let mut expected = Vec::new();
    for (row, features) in run.rows("u", width).into_iter().enumerate() {
        let mut rest = row % tokens;
        let mut coordinates = vec![0; grid.len()];
        for axis in (0..grid.len()).rev() {
            coordinates[axis] = rest % grid[axis];
            rest /= grid[axis];
        }
        let position = formula(&coordinates);
        if arguments.contains("join") {
            expected.extend(features);
            expected.extend(position);
        } else {
            expected.extend(features.iter().zip(position).map(|(a, b)| a + b));
        }
    }
    close(&run.output("y"), &expected);
}

#[test]
fn sinusoidal_positions() {
    // Of four numbers an axis: sin c, sin c / 100, cos c, cos c / 100.
    let formula = |coordinates: &[usize]| -> Vec<f64> {
        coordinates
            .iter()
            .flat_map(|c| {
                let (fast, slow) = (*c as f64, *c as f64 / 100.0);
                [fast.sin(), slow.sin(), fast.cos(), slow.cos()]
            })
            .collect()
    };
    check_position(&[5], "kind: sinusoidal", formula);
    check_position(&[2, 3], "kind: sinusoidal", formula);
    check_position(&[3, 2, 2], "kind: sinusoidal, join: true", formula);
}

#[test]
fn fourier_positions() {
    let formula = |grid: Vec<f64>, frequencies: Vec<Vec<f64>>| {
        move |coordinates: &[usize]| -> Vec<f64> {
            let mut numbers = Vec::new();
            for (axis, c) in coordinates.iter().enumerate() {
                let place = if grid[axis] == 1.0 {
                    0.0
                } else {
                    2.0 * *c as f64 / (grid[axis] - 1.0) - 1.0
                };
                numbers.push(place);
                numbers.extend(frequencies[axis].iter().map(|f| (PI * f * place).sin()));
                numbers.extend(frequencies[axis].iter().map(|f| (PI * f * place).cos()));
            }
            numbers
        }
    };
    // Up to the Nyquist rate, which is half of the size.
    let two = formula(vec![6.0, 8.0], vec![vec![1.0, 2.0, 3.0], vec![1.0, 2.5, 4.0]]);
    check_position(&[6, 8], "kind: fourier, join: true, bands: 3", two);
    let told = formula(vec![5.0], vec![vec![1.0, 10.0]]);
    check_position(&[5], "kind: fourier, join: true, bands: 2, max: 10", told);
    let one = formula(vec![1.0, 3.0], vec![vec![1.0], vec![1.0]]);
    check_position(&[1, 3], "kind: fourier, join: true, bands: 1, max: 7", one);
}

#[test]
fn learned_positions_are_added_or_joined() {
    let statements = "modality u = tensor([2, 2, 3])
        output added = u |> position()\n output joined = u |> position(join: true)";
    let mut run = Run::new(statements, PLAIN);
    let (a, b) = (run.weight("added.position"), run.weight("joined.position"));
    let (a, b) = (rows(&a, 3), rows(&b, 3));
    let x = run.rows("u", 3);
    let pairs = x.iter().enumerate().map(|(at, row)| (row, at % 4));
    let added = pairs.clone().flat_map(|(row, at)| [0, 1, 2].map(|c| row[c] + a[at][c]));
    close(&run.output("added"), &added.collect::<Vec<f64>>());
    let joined = pairs.flat_map(|(row, at)| [row.clone(), b[at].clone()].concat());
    close(&run.output("joined"), &joined.collect::<Vec<f64>>());
}

#[test]
fn some_tokens_and_one_of_all() {
    let statements = "modality u = tensor([2, 3, 2])\nmodality z = tensor([2, 2])
        output slice = u[1..4]\noutput last = u[-1]\noutput gathered = gather(u, [5, 0, 5])
        output mean_of = u |> pool(mean)\noutput first = u |> pool(first)
        output end = u |> pool(last)\noutput all = concat(z, u, z)
        output padded = u |> pad(3, 4)\noutput cropped = u |> crop(1, 2)
        output latent = latents(2, 3)";
    let mut run = Run::new(statements, How { batch: 2, ..PLAIN });
    let (x, z) = (run.rows("u", 2), run.rows("z", 2));
    let both = |pick: &Pick<'_>| -> Vec<f64> {
        let one =
            |sample: usize| pick(&x[sample * 6..sample * 6 + 6], &z[sample * 2..sample * 2 + 2]);
        [one(0), one(1)].concat().concat()
    };
    close(&run.output("slice"), &both(&|x, _| x[1..4].to_vec()));
    close(&run.output("last"), &both(&|x, _| vec![x[5].clone()]));
    close(&run.output("gathered"), &both(&|x, _| [5, 0, 5].map(|at| x[at].clone()).to_vec()));
    let average = |x: &[Vec<f64>]| -> Vec<f64> {
        [0, 1].map(|c| mean(&x.iter().map(|row| row[c]).collect::<Vec<f64>>())).to_vec()
    };
    close(&run.output("mean_of"), &both(&|x, _| vec![average(x)]));
    close(&run.output("first"), &both(&|x, _| vec![x[0].clone()]));
    close(&run.output("end"), &both(&|x, _| vec![x[5].clone()]));
    close(&run.output("all"), &both(&|x, z| [z, x, z].concat()));
    let zero = || vec![0.0; 2];
    let padded = both(&|x, _| {
        let row = |at: usize| vec![x[at].clone(), x[at + 1].clone(), x[at + 2].clone(), zero()];
        [row(0), row(3), vec![zero(); 4]].concat()
    });
    close(&run.output("padded"), &padded);
    close(&run.output("cropped"), &both(&|x, _| x[..2].to_vec()));
    let latents = run.weight("latent.latents");
    close(&run.output("latent"), &[latents.clone(), latents].concat());
}
