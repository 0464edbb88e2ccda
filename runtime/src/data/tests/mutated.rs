//! Tables and JSON with random damage, against second readers that are written plainly here: what is accepted says the
//! same to both.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::data::draw::Draw;

/// A tensor, classes that exclude each other, and classes that do not.
const SPEC: &str = "model m {
  modality scores = tensor([1, 4])
  tokens s = scores + learned([4])
  target label = class(3)
  target tags  = classes(4)
  output kind = s |> linear(3)
  output many = s
  objective loss = cross_entropy(kind, label) + sigmoid_cross_entropy(many, tags)
}";
const YAML: &str = "broken: 1\nclasses: { label: [dog, 'sea, waves', cow] }";
const KINDS: [&str; 3] = ["dog", "sea, waves", "cow"];
const N_CASES: u64 = 1000;

/// What is read of one sample, or `None` where there is no value.
#[derive(Debug, Clone, PartialEq)]
struct Read {
    label: Option<Vec<f32>>,
    tags: Option<Vec<f32>>,
}

/// A text in which some characters are others, are gone, or stand there anew.
fn mutated(text: &str, draw: &mut Draw) -> String {
    const ANY: [&str; 24] = [
        "\"", "\"\"", ",", ";", "\t", "\n", "\r", "\r\n", " ", "0", "1", "2", "3", ".", "-", "e",
        "[", "]", "dog", "cow", "true", "NaN", "null", "\u{e9}",
    ];
    let mut characters: Vec<String> = text.chars().map(String::from).collect();
    for _ in 0..draw.below(4) {
        let at = draw.below(characters.len() as u64) as usize;
        let other = ANY[draw.below(ANY.len() as u64) as usize].to_owned();
        match draw.below(3) {
            0 => characters[at] = other,
            1 => characters.insert(at, other),
            _ => drop(characters.remove(at)),
        }
    }
    characters.concat()
}

/// The samples that are read, by their keys; none where there is an error.
fn samples(folder: &Path, source: &str, model: &Model) -> Option<BTreeMap<String, Read>> {
    let yaml = format!("sources: [{{ {source} }}]\n{YAML}");
    let collection =
        Collection::open(&config(&yaml), folder, model, &AtomicBool::new(false)).ok()?;
    let mut loader = collection.evaluation(64, 0).unwrap();
    let mut found = BTreeMap::new();
    while let Some(loaded) = loader.next().ok()? {
        let value = |name: &str, width: usize, at: usize| {
            let is_there = numbers(&loaded, &format!("{name}.present"))[at] == 1.0;
            is_there.then(|| numbers(&loaded, name)[at * width..(at + 1) * width].to_vec())
        };
        for (at, key) in loaded.keys.iter().enumerate() {
            let read = Read { label: value("label", 3, at), tags: value("tags", 4, at) };
            found.insert(key.clone(), read);
        }
    }
    Some(found)
}

/// Values that a cell or a member lists, as few rules as there are: what else is accepted is found.
fn listed(text: &str) -> Option<Vec<f64>> {
    let inside = text.trim().trim_start_matches('[').trim_end_matches(']').replace(',', " ");
    let number = |word: &str| match word.trim_matches(['"', '\'']).to_lowercase().as_str() {
        "true" => Some(1.0),
        "false" => Some(0.0),
        word => word.parse().ok(),
    };
    inside.split_whitespace().map(number).collect()
}

fn second_label(text: &str) -> Option<Vec<f32>> {
    let hot = |class: usize| (0..3).map(|at| f32::from(u8::from(at == class))).collect();
    let name = text.trim().trim_start_matches("[\"").trim_end_matches("\"]");
    if let Some(class) = KINDS.iter().position(|kind| *kind == name) {
        return Some(hot(class));
    }
    match listed(text)?.as_slice() {
        [one] if [0.0, 1.0, 2.0].contains(one) => Some(hot(*one as usize)),
        all @ [_, _, _] if all.iter().all(|value| *value >= 0.0) => {
            let sum: f64 = all.iter().sum();
            ((sum - 1.0).abs() <= 1e-3).then(|| all.iter().map(|value| *value as f32).collect())
        }
        _ => None,
    }
}

fn second_tags(text: &str) -> Option<Vec<f32>> {
    let all = listed(text)?;
    let is_repeated = (0..all.len()).any(|at| all[..at].contains(&all[at]));
    let is_whole = |value: &f64| value.fract() == 0.0;
    if all.len() == 4 && (is_repeated || !all.iter().all(is_whole)) {
        let is_part = |value: &f64| (0.0..=1.0).contains(value);
        return all.iter().all(is_part).then(|| all.iter().map(|value| *value as f32).collect());
    }
    let is_class = |value: &f64| [0.0, 1.0, 2.0, 3.0].contains(value);
    if is_repeated || !all.iter().all(is_class) {
        return None;
    }
    Some([0.0, 1.0, 2.0, 3.0].map(|class| f32::from(u8::from(all.contains(&class)))).to_vec())
}

/// A table, one character after the other. Nothing where a quote is where it should not be.
fn second_table(text: &str) -> Option<Vec<Vec<String>>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut is_quoted, mut was_quoted) = (false, false);
    let text = text.replace("\r\n", "\n");
    let header = text.split(['\n', '\r']).find(|line| !line.trim().is_empty())?;
    let separators: Vec<char> =
        [',', ';', '\t', '|'].into_iter().filter(|one| header.contains(*one)).collect();
    let [separator] = separators[..] else { return None };
    for character in text.chars().chain(['\n']) {
        match character {
            '"' if is_quoted => (is_quoted, was_quoted) = (false, true),
            // A quote after a quote is one within.
            '"' if was_quoted => {
                cell.push('"');
                (is_quoted, was_quoted) = (true, false);
            }
            '"' if cell.is_empty() => is_quoted = true,
            '"' => return None,
            '\n' | '\r' if !is_quoted => {
                row.push(std::mem::take(&mut cell));
                was_quoted = false;
                let whole: Vec<String> = std::mem::take(&mut row);
                if whole.len() > 1 || !whole[0].trim().is_empty() {
                    rows.push(whole);
                }
            }
            other if other == separator && !is_quoted => {
                row.push(std::mem::take(&mut cell));
                was_quoted = false;
            }
            _ if was_quoted => return None,
            other => cell.push(other),
        }
    }
    (!is_quoted).then_some(rows)
}

#[test]
fn damaged_tables_say_the_same_to_two_readers() {
    let labels = ["dog", "\"sea, waves\"", "cow", "1", "2.0", "0 0 1", "\"[0.5, 0.5, 0]\""];
    let tags =
        ["0 1 1 0", "\"0,1,1,1\"", "\"[0, 3]\"", "2", "[]", "True False False True", "0.5 0 1 0"];
    let (folder, model) = (TempDir::new().unwrap(), model(SPEC));
    let (mut n_read, mut n_refused) = (0, 0);
    for case in 0..N_CASES {
        let mut draw = Draw::new(1, "mutated.table", case);
        let mut text = "key,scores,label,tags\n".to_owned();
        for row in 0..5 {
            let label = labels[draw.below(7) as usize];
            let tag = tags[draw.below(7) as usize];
            text += &format!("k{row},1 2 4 8,{label},{tag}\n");
        }
        let text = mutated(&text, &mut draw);
        fs::write(folder.path().join("a.csv"), &text).unwrap();
        let Some(found) = samples(folder.path(), "table: a.csv", &model) else {
            n_refused += 1;
            continue;
        };
        let rows = second_table(&text).unwrap_or_else(|| panic!("case {case}: {text:?}"));
        let column =
            |name: &str| rows[0].iter().position(|column| column.trim().eq_ignore_ascii_case(name));
        let cell = |row: &[String], name: &str| {
            let cell = row.get(column(name)?)?.trim().to_owned();
            (!cell.is_empty()).then_some(cell)
        };
        for (number, row) in rows.iter().enumerate().skip(1) {
            assert_eq!(row.len(), rows[0].len(), "case {case}: {text:?}");
            let Some(read) = cell(row, "key").and_then(|key| found.get(&key)) else { continue };
            let wanted = Read {
                label: cell(row, "label").map(|text| second_label(&text).expect("a label")),
                tags: cell(row, "tags").map(|text| second_tags(&text).expect("tags")),
            };
            let is_again = rows[1..number]
                .iter()
                .any(|other| cell(other, "key") == cell(row, "key"))
                || rows[number + 1..].iter().any(|other| cell(other, "key") == cell(row, "key"));
            assert!(
                is_again || *read == wanted,
                "case {case}, row {number}: {read:?}\n{wanted:?}\n{text:?}"
            );
            n_read += 1;
        }
    }
    // Neither reader refuses all.
    assert!(n_read > 1500 && n_refused > 200, "{n_read} rows read, {n_refused} tables refused");
}

#[test]
fn damaged_json_says_the_same_to_two_readers() {
    let labels = ["\"dog\"", "\"sea, waves\"", "1", "2.0", "[0, 0, 1]", "[0.5, 0.5, 0]", "[2]"];
    let tags = [
        "[0, 1, 1, 0]",
        "[false, true, true, true]",
        "[0, 3]",
        "2",
        "[]",
        "\"0 1 1 0\"",
        "[0.5, 0, 1, 0]",
    ];
    let (folder, model) = (TempDir::new().unwrap(), model(SPEC));
    let (mut n_read, mut n_refused) = (0, 0);
    for case in 0..N_CASES {
        let mut draw = Draw::new(1, "mutated.json", case);
        let label = labels[draw.below(7) as usize];
        let tag = tags[draw.below(7) as usize];
        let text = format!(
            "{{\"scores\": [1, 2, 4, 8], \"label\": {label}, \"loud\": [NaN, -Infinity], \"tags\": {tag}, \"note\": \"a NaN\"}}"
        );
        let text = mutated(&text, &mut draw);
        fs::write(
            folder.path().join("a.tar"),
            tar(&[("s.json".to_owned(), text.clone().into_bytes())]),
        )
        .unwrap();
        let Some(found) =
            samples(folder.path(), "shards: a.tar", &model).filter(|found| !found.is_empty())
        else {
            n_refused += 1;
            continue;
        };
        // What is no number to the second reader is a large one there, which no label can be.
        let plain =
            text.replace("-Infinity", "-9e9").replace("Infinity", "9e9").replace("NaN", "9e9");
        let value: serde_json::Value =
            serde_json::from_str(&plain).unwrap_or_else(|_| panic!("case {case}: {text}"));
        for name in ["label", "tags"] {
            assert!(text.matches(&format!("\"{name}\"")).count() < 2, "case {case}: {text}");
        }
        let said = |name: &str| {
            value.get(name).filter(|value| !value.is_null()).map(|value| match value.as_str() {
                Some(text) => text.to_owned(),
                None => value.to_string(),
            })
        };
        let wanted = Read {
            label: said("label").map(|text| second_label(&text).expect("a label")),
            tags: said("tags").map(|text| second_tags(&text).expect("tags")),
        };
        assert_eq!(found["s"], wanted, "case {case}: {text}");
        n_read += 1;
    }
    assert!(n_read > 300 && n_refused > 200, "{n_read} read, {n_refused} refused");
}
