//! Broken specs: none makes the compiler panic, hang, or point outside of a text.
//!
//! Specs are mutated by tokens with a seeded generator. `ZORRO_PROPTEST_CASES` says how many; and some are built to be
//! as expensive as a spec can be.

use std::path::Path;
use std::time::{Duration, Instant};

use zorro_compiler::{Options, Outcome, check_text};
use zorro_grammar::Code;

/// Twenty times what the slowest should take, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(20);

fn checked(text: &str) -> Outcome {
    let start = Instant::now();
    let outcome = check_text(text, &Options::default());
    assert!(start.elapsed() < PATIENCE, "took {:?}:\n{}", start.elapsed(), head(text));
    for diagnostic in &outcome.diagnostics {
        for label in &diagnostic.labels {
            let text = &outcome.sources.file(label.span.file).text;
            assert!(text.get(label.span.range()).is_some(), "{diagnostic:?}");
        }
    }
    outcome
}

fn head(text: &str) -> String {
    text.chars().take(2000).collect()
}

/// The first code, or nothing.
fn first(text: &str) -> Option<Code> {
    checked(text).diagnostics.first().map(|diagnostic| diagnostic.code)
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).expect("below n")
    }
}

/// Words, runs of blanks, and single signs.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' => 0,
        ' ' => 1,
        _ => 2,
    };
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |c: char| kind(c) == kind(first);
        let end = if kind(first) == 2 {
            first.len_utf8()
        } else {
            rest.find(|c| !run(c)).unwrap_or(rest.len())
        };
        tokens.push(&rest[..end]);
        rest = &rest[end..];
    }
    tokens
}

/// What replaces a token.
const STRANGE: &[&str] = &[
    "0",
    "1",
    "-1",
    "0.5",
    "1e3",
    "65536",
    "4294967296",
    "18446744073709551615",
    "1e38",
    "1e-30",
    "[]",
    "[1, 2]",
    "x",
    "from",
    "*",
    "all",
    "causal",
    "groups(3)",
    "windows(2)",
    "true",
    "repeat",
    "when",
    "apply",
    "tokens",
    "(",
    ")",
    "{",
    "}",
    "<-",
    "|>",
    "within",
    "x.grid",
    "x.dim",
    "x[0..1]",
    "attend(x)",
    "latents(2, 4)",
    "learned([])",
    "mlp(x)",
    "concat(x)",
    "\"",
    "é",
    "\n",
    ";",
    "//",
    "weights per group",
    "weights w",
    "linear(8)",
    "video",
    "audio",
];

fn mutate(text: &str, others: &[String], random: &mut Random) -> String {
    let mut list: Vec<&str> = tokens(text);
    for _ in 0..1 + random.below(4) {
        if list.is_empty() {
            break;
        }
        let (at, other) = (random.below(list.len()), random.below(list.len()));
        match random.below(7) {
            0 => {
                list.remove(at);
            }
            1 => list.insert(at, list[other]),
            2 => list.swap(at, other),
            3 => list[at] = list[other],
            4 | 5 => list[at] = STRANGE[random.below(STRANGE.len())],
            _ => {
                let donor = tokens(&others[random.below(others.len())]);
                let from = random.below(donor.len());
                let to = (from + random.below(12)).min(donor.len());
                list.splice(at..at, donor[from..to].iter().copied());
            }
        }
    }
    if random.below(20) == 0 {
        list.truncate(random.below(list.len()));
    }
    list.concat()
}

fn seeds() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["models", "compiler/std", "tests/errors"] {
        let files = std::fs::read_dir(root.join(folder)).expect("the folder is there");
        paths.extend(files.map(|file| file.expect("readable").path()));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "zorro"));
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect()
}

#[test]
fn mutated_specs_end_in_messages() {
    let cases = std::env::var("ZORRO_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let seeds = seeds();
    let mut random = Random(0x5a6f_7272_6f00_0001);
    for case in 0..cases.unwrap_or(500) {
        let seed = &seeds[random.below(seeds.len())];
        let text = mutate(seed, &seeds, &mut random);
        let caught = std::panic::catch_unwind(|| {
            let outcome = checked(&text);
            if let Some(checked) = outcome.checked {
                // What is accepted can be shown.
                let _ =
                    (checked.model.to_string(), checked.flow.display(&checked.model).to_string());
            }
        });
        assert!(caught.is_ok(), "case {case}:\n{text}");
    }
}

/// A model around statements, with tokens `s` that reach an output.
fn model(body: &str) -> String {
    format!(
        "model m {{\n modality s = tensor([4, 8])\n tokens s = s |> linear(4)\n{body}\n output o = s |> pool(mean)\n}}\n"
    )
}

fn lines(n: usize, line: impl Fn(usize) -> String) -> String {
    (0..n).map(|i| line(i) + "\n").collect()
}

#[test]
fn loops_end() {
    let nothing = model("repeat 100000 { repeat 100000 { } }");
    assert_eq!(first(&nothing), Some(Code::TooManySteps));
    let many_names = lines(20_000, |i| format!("let a{i} = 1"));
    let applies = many_names + "repeat 50000 { apply n() over { s } }";
    checked(&(model(&applies) + "block n() { }"));
    let tied = "repeat 10000 { s += s |> tanh }\nrepeat 30000 { apply n() over { s } weights w }";
    checked(&(model(tied) + "block n() { x = tanh(x) }"));
    assert_eq!(first(&model("repeat 1e30 { }")), Some(Code::TooLarge));
}

#[test]
fn what_doubles_with_each_line_ends() {
    let start =
        "objective l0 = mse(s |> pool(mean), s |> pool(first), collapse: allow)\n".to_owned();
    let sums = start.clone() + &lines(40, |i| format!("objective l{} = l{i} + l{i}", i + 1));
    assert_eq!(first(&model(&sums)), Some(Code::TooLarge));
    let means = start + &lines(40, |i| format!("objective l{} = mean(l{i}, l{i})", i + 1));
    assert_eq!(first(&model(&means)), Some(Code::TooLarge));
    let lists = lines(40, |i| format!("let l{} = [l{i}, l{i}]", i + 1));
    assert_eq!(first(&model(&format!("let l0 = [1]\n{lists}"))), Some(Code::TooLarge));
    let calls = lines(30, |i| format!("block b{i}() {{ x = b{0}(x) + b{0}(x) }}", i + 1));
    let calls = calls + "block b30() { x = tanh(x) }";
    assert_eq!(first(&(model("apply b0() over { s }") + &calls)), Some(Code::TooManySteps));
    let unused = calls.replace("x = b", "when false { x = b").replace(") }\n", ") } }\n");
    checked(&(model("apply b0() over { s }") + &unused));
}

#[test]
fn memory_is_bounded() {
    let name = "n".repeat(400_000);
    let long_names = model(&format!("{name}: repeat 20000 {{ s = s |> tanh }}"));
    assert_eq!(first(&long_names), Some(Code::TooManySteps));
    let text = "a".repeat(400_000);
    let texts = format!("let t = \"{text}\"\nlet l = [{}]", "t, ".repeat(50_000));
    assert_eq!(first(&model(&texts)), Some(Code::TooManySteps));
    let indices = format!(
        "let l = [{}]\nrepeat 20000 {{ s = gather(concat(s, latents(9, 4)), l) }}",
        "0, ".repeat(50_000)
    );
    assert_eq!(first(&model(&indices)), Some(Code::TooManySteps));
    let axes =
        format!("modality t = tensor([{}])\noutput p = t |> pool(mean)", "1, ".repeat(50_000));
    assert_eq!(first(&model(&axes)), Some(Code::TooLarge));
    let relations = lines(10_000, |i| format!("let r{} = r{i} & groups({})", i + 1, i + 2));
    let relations = model(&format!("let r0 = causal\n{relations}"));
    assert_eq!(first(&relations), Some(Code::TooLarge));
}

#[test]
fn many_groups_and_edges_are_refused_or_fast() {
    let groups = |n: usize| (0..n).map(|i| format!("g{i}")).collect::<Vec<_>>().join(", ");
    let all =
        |n| model(&format!("tokens {} = latents(1, 4)\napply vit(1) over {{ * <- * }}", groups(n)));
    assert_eq!(first(&all(5000)), Some(Code::TooManySteps));
    assert_eq!(first(&all(900)), Some(Code::TooManySteps));
    checked(&all(100));
}

#[test]
fn calls_and_expressions_do_not_exhaust_the_stack() {
    let chain = " |> tanh".repeat(240);
    let blocks = lines(31, |i| format!("block b{i}() {{ x = b{}(x){chain} }}", i + 1));
    let text = model("apply b0() over { s }") + &blocks + "block b31() { x = tanh(x) }";
    assert_eq!(first(&text), Some(Code::TooDeep));
    assert_eq!(first(&model(&format!("let a = {}1", "-".repeat(250)))), Some(Code::UnusedName));
}

#[test]
fn a_hundred_errors_are_enough_and_warnings_hide_none() {
    let names = lines(15_000, |i| format!("let a{i} = zzzz{i}"));
    assert_eq!(checked(&model(&names)).diagnostics.len(), 100);
    let warned = lines(150, |i| format!("q{i}: apply b() over {{\n v <- s\n }}"));
    let text = model(&format!(
        "modality w = tensor([4, 8])\ntokens v = w |> linear(4)\n{warned}\nlet z = 1\napply vit(1) over {{ s <- s, v }}\nassert s reads only s"
    )) + "block b() { x = tanh(x) }";
    let outcome = checked(&text);
    assert!(outcome.diagnostics.iter().any(|diagnostic| diagnostic.code == Code::Leak));
    assert!(outcome.checked.is_none());
}

#[test]
fn a_file_of_more_than_a_mebibyte_is_one_error() {
    let text = format!("// {}", "a".repeat(1 << 20));
    let codes: Vec<Code> = checked(&text).diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, [Code::FileTooLarge]);
}

#[test]
fn a_trillion_tokens_are_milliseconds() {
    let start = Instant::now();
    let text = "model m { modality s = tensor([1000000, 1000000, 2])\n output o = s |> linear(4) }";
    assert_eq!(first(text), Some(Code::TooLarge));
    assert!(start.elapsed() < Duration::from_secs(2));
}
