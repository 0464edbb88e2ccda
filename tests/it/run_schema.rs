//! The schema of runs, held to what the program reads, and the page about it to both.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use zorro::runtime::train::config::parse;
use zorro::{Options, check_text};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The keys that the program knows where a key is that nobody knows.
fn known(document: &Value) -> Vec<String> {
    // JSON is YAML.
    let error = parse("run.yaml", &document.to_string()).expect_err("there is an unknown key");
    let help = error.problems[0].help.clone().unwrap_or_else(|| panic!("{error} in {document}"));
    let list = help.strip_prefix("known here: ").unwrap_or_else(|| panic!("{help} in {document}"));
    let mut known: Vec<String> = list.split(", ").map(str::to_owned).collect();
    known.sort();
    known
}

/// Wraps a value in what stands around it.
fn around(path: &[&str], value: Value) -> Value {
    let Some((first, rest)) = path.split_first() else { return value };
    match *first {
        "[]" => json!([around(rest, value)]),
        key => Value::Object(Map::from_iter([(key.to_owned(), around(rest, value))])),
    }
}

fn check(schema: &Value, part: &Value, path: &mut Vec<String>, seen: &mut usize) {
    let part = match part["$ref"].as_str() {
        Some(name) => schema.pointer(&name[1..]).expect("a definition"),
        None => part,
    };
    if let Some(properties) = part["properties"].as_object() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut expected: Vec<String> = properties.keys().cloned().collect();
        expected.sort();
        assert_eq!(known(&around(&words, json!({ "zzzzzzzzzzzzzzzz": 1 }))), expected, "{path:?}");
        assert_eq!(part["additionalProperties"], false, "{path:?}");
        *seen += 1;
        for (key, below) in properties {
            assert!(
                below["$ref"].is_string() || below["description"].is_string(),
                "{path:?} {key}"
            );
            path.push(key.clone());
            check(schema, below, path, seen);
            path.pop();
        }
    }
    for (key, step) in [("items", "[]"), ("additionalProperties", "name")] {
        if part[key].is_object() {
            path.push(step.to_owned());
            check(schema, &part[key], path, seen);
            path.pop();
        }
    }
}

#[test]
fn the_schema_has_the_keys_that_are_read() {
    let schema: Value = serde_json::from_str(&read("docs/run.schema.json")).expect("JSON");
    let mut seen = 0;
    check(&schema, &schema, &mut Vec::new(), &mut seen);
    assert!(seen > 15, "{seen}");
}

#[test]
fn the_page_has_the_keys_of_the_schema() {
    let schema: Value = serde_json::from_str(&read("docs/run.schema.json")).expect("JSON");
    let page = read("docs/training.md");
    let has = |key: &str| {
        assert!(page.contains(&format!("| `{key}` |")), "no `{key}` in docs/training.md");
    };
    for (key, part) in schema["properties"].as_object().expect("keys") {
        has(key);
        for below in part["properties"].as_object().into_iter().flatten().map(|(below, _)| below) {
            match key.as_str() {
                "checkpoints" | "eval" | "log" => has(&format!("{key}.{below}")),
                _ => has(below),
            }
        }
    }
}

/// What users begin from.
#[test]
fn configurations_that_are_shipped() {
    let mut found = 0;
    let mut paths = vec!["src/cli/new/run.yaml".to_owned()];
    for folder in ["av_digits", "esc10", "pretrained", "pretraining", "synthetic", "table3"] {
        let folder = format!("examples/{folder}");
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder);
        for file in fs::read_dir(files).expect("the examples are there") {
            let name = file.expect("it can be listed").file_name().into_string().expect("UTF-8");
            match name.rsplit_once('.') {
                Some((_, "yaml")) => paths.push(format!("{folder}/{name}")),
                Some((_, "zorro")) => {
                    let outcome =
                        check_text(&read(&format!("{folder}/{name}")), &Options::default());
                    assert!(outcome.diagnostics.is_empty(), "{name}: {:?}", outcome.diagnostics);
                }
                Some(_) | None => {}
            }
        }
    }
    for path in paths {
        parse(&path, &read(&path)).unwrap_or_else(|error| panic!("{error}"));
        found += 1;
    }
    let page = read("docs/training.md");
    for block in page.split("```yaml\n").skip(1) {
        let text = block.split("```").next().expect("an end");
        parse("docs/training.md", text).unwrap_or_else(|error| panic!("{error}"));
        found += 1;
    }
    assert!(found >= 7, "{found}");
    let template = read("src/cli/new/template.zorro").replace("model template", "model synthetic");
    assert_eq!(
        template,
        read("examples/synthetic/synthetic.zorro"),
        "the example is what `new` makes"
    );
    let run = read("src/cli/new/run.yaml").replace("spec: template", "spec: synthetic");
    assert_eq!(run, read("examples/synthetic/run.yaml"), "the example is what `new` makes");
}
