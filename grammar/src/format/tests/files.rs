//! The specs and standard blocks of the repository.

use std::path::{Path, PathBuf};

use super::formatted;

fn specs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "zorro")).collect();
    paths.sort();
    paths
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test reads the specs of the repository")]
fn specs_of_the_repository_keep_their_meaning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for path in ["models", "compiler/std"].iter().flat_map(|folder| specs(&root.join(folder))) {
        let text = std::fs::read_to_string(&path).expect("specs can be read");
        formatted(&text);
    }
}
