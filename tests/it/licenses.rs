//! What the program is made of: every crate's license is one that `deny.toml` allows, and `THIRD-PARTY.md`, which the program
//! carries, names them all. `ZORRO_UPDATE=1` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const HEAD: &str = "# What Zorro is made of

Zorro is licensed under MIT or Apache-2.0, at your option. Its programs contain the crates below, each under its own license and
with the copyright of its authors. Their texts lie in each crate's source, at the address that the last column names.

Crates under MPL-2.0 (Mozilla Public License 2.0) are used unchanged, as they were published: their source code, in the
version that is named here, is to be had at that address. Anyone who passes a program of Zorro on passes this notice on with it.

| crate | version | license | source |
| --- | --- | --- | --- |
";

/// The crates that the programs contain, sorted: name, version, license, repository.
fn crates() -> Vec<[String; 4]> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let nodes: BTreeMap<String, Value> =
        list(&all["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let packages: BTreeMap<String, Value> =
        list(&all["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    // From the package of the program along all dependencies but those of tests.
    let mut waiting = vec![text(&all["resolve"]["root"])];
    let mut found = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !found.insert(id.clone()) {
            continue;
        }
        for dependency in list(&nodes[&id]["deps"]) {
            if list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev") {
                waiting.push(text(&dependency["pkg"]));
            }
        }
    }
    let foreign =
        found.iter().map(|id| &packages[id]).filter(|package| !package["source"].is_null());
    let mut rows: Vec<[String; 4]> = foreign
        .map(|package| ["name", "version", "license", "repository"].map(|key| text(&package[key])))
        .collect();
    rows.sort();
    rows
}

/// Whether a license expression is met by these licenses: all of what `AND` joins, any of what `OR` or a slash does.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    expression.split(" AND ").all(|part| {
        let part = part.trim_matches(['(', ')']).replace('/', " OR ");
        part.split(" OR ").any(|license| allowed.iter().any(|allowed| allowed == license.trim()))
    })
}

#[test]
fn licenses_are_allowed_and_told() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let deny = std::fs::read_to_string(root.join("deny.toml")).expect("it is there");
    let (_, licenses) = deny.split_once("[licenses]").expect("it has licenses");
    let (licenses, _) = licenses.split_once("\n]").expect("they end");
    let allowed: Vec<String> = licenses
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
        .map(str::to_owned)
        .collect();
    let crates = crates();
    let refused: Vec<&[String; 4]> =
        crates.iter().filter(|[_, _, license, _]| !is_met(license, &allowed)).collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert!(crates.iter().any(|[_, _, license, _]| license == "MPL-2.0"), "the decoders of sound");
    let rows = crates.iter().map(|row| format!("| {} |\n", row.join(" | ")));
    let notice = HEAD.to_owned() + &rows.collect::<String>();
    let path = root.join("THIRD-PARTY.md");
    if std::env::var_os("ZORRO_UPDATE").is_some() {
        std::fs::write(&path, &notice).expect("it can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == notice,
        "THIRD-PARTY.md is not what Cargo.lock says: write it with ZORRO_UPDATE=1"
    );
}
