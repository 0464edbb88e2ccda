//! What is damaged is named, counted and replaced; too much of it is an error.

use super::*;

const TEN: &str = "sources: [{ shards: 'a-{0..9}.tar' }]";

/// Ten shards of which one is something else.
fn with(shard: &str, bytes: Option<&[u8]>) -> TempDir {
    let folder = shards(10);
    let path = folder.path().join(shard);
    match bytes {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None => fs::remove_file(path).unwrap(),
    }
    folder
}

#[test]
fn a_broken_shard_is_skipped() {
    let whole = tar(&(30..40).flat_map(members).collect::<Vec<_>>());
    let mut scrambled = whole.clone();
    scrambled[5120..5632].fill(b'x');
    for (bytes, n_found, words) in [
        (None, 90, "a-3.tar: No such file"),
        (Some(&whole[..whole.len() / 2]), 95, "a-3.tar: cut short in `s035"),
        (Some(&whole[..whole.len() - 1024]), 100, "a-3.tar: cut short: its end is missing"),
        (Some(&b""[..]), 90, "a-3.tar: cut short"),
        (Some(&b"not a tar file, but long enough to have a header"[..]), 90, "a-3.tar: damaged"),
        (Some(&scrambled[..]), 91, "a-3.tar: damaged after 5 members"),
    ] {
        let folder = with("a-3.tar", bytes);
        let collection = open(TEN, folder.path(), BOTH).unwrap();
        let problems = collection.problems();
        assert_eq!(problems.shards, 1);
        assert!(problems.first[0].contains(words), "{words}: {problems}");
        let n = collection.len();
        // A sample whose members are in part behind the damage keeps those before it.
        assert!((n_found..n_found + 2).contains(&n), "{n}, not {n_found}: {words}");
        assert_eq!(
            keys(&evaluation(&collection, 16, 2)).len() as u64,
            n - (collection.problems().samples - problems.samples)
        );
    }
}

#[test]
fn too_many_broken_shards_are_an_error() {
    let folder = with("a-3.tar", None);
    fs::remove_file(folder.path().join("a-7.tar")).unwrap();
    let said = open(TEN, folder.path(), BOTH).unwrap_err().to_string();
    assert!(said.starts_with("too many shards are broken: 2 of 10, 1 are allowed"), "{said}");
    assert!(said.contains("a-3.tar") && said.contains("a-7.tar"), "{said}");
    assert!(open(&format!("{TEN}\nbroken: 0.2"), folder.path(), BOTH).is_ok());
    let one = with("a-3.tar", None);
    assert!(open(&format!("{TEN}\nbroken: 0"), one.path(), BOTH).is_err());
    let said = open("sources: [{ shards: b.tar }]", one.path(), BOTH).unwrap_err().to_string();
    assert!(
        said.starts_with("sources[0].shards: there is no file") && said.contains("b.tar"),
        "{said}"
    );
}

/// One shard of forty samples, of which these have broken members.
fn damaged(which: &[usize]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut all: Vec<(String, Vec<u8>)> = (0..40).flat_map(members).collect();
    for (at, number) in which.iter().enumerate() {
        all[3 * number + at % 3].1 = b"\xffbroken".to_vec();
    }
    fs::write(folder.path().join("a.tar"), tar(&all)).unwrap();
    folder
}

#[test]
fn broken_samples_are_replaced_by_the_next() {
    let folder = damaged(&[4, 5, 17]);
    let collection = open("sources: [{ shards: a.tar }]", folder.path(), BOTH).unwrap();
    let all = training(&collection, &options(8, 0), 10);
    assert_eq!(keys(&training(&collection, &options(8, 3), 10)), keys(&all));
    let problems = collection.problems();
    assert_eq!((problems.shards, problems.samples), (0, 3));
    assert_eq!(problems.first.len(), 3);
    assert!(problems.to_string().contains("a.tar: s004: cls: "), "{problems}");
    assert!(problems.to_string().contains("a.tar: s005: png: neither"), "{problems}");
    assert!(problems.to_string().contains("a.tar: s017: wav: no sound"), "{problems}");
    let epoch = &keys(&all)[..40];
    for (key, times) in [("s006", 3), ("s018", 2), ("s004", 0), ("s000", 1)] {
        assert_eq!(epoch.iter().filter(|found| **found == key).count(), times, "{key}");
    }
    // Evaluation leaves them out.
    let looked = evaluation(&collection, 8, 2);
    assert_eq!(keys(&looked).len(), 37);
    assert_eq!(looked[0].keys.len(), 6);
}

#[test]
fn too_many_broken_samples_are_an_error() {
    let folder = damaged(&[0, 1, 2, 3, 4]);
    let collection = open("sources: [{ shards: a.tar }]", folder.path(), BOTH).unwrap();
    let mut loader = collection.training(&options(8, 2)).unwrap();
    let error = loop {
        match loader.next() {
            Ok(loaded) => assert!(loaded.unwrap().epoch == 0),
            Err(error) => break error,
        }
    };
    assert_eq!(loader.next().unwrap_err(), error);
    let said = error.to_string();
    assert!(said.contains("of 40, 4 are allowed"), "{said}");
    let all: Vec<usize> = (0..40).collect();
    let folder = damaged(&all);
    let yaml = "sources: [{ shards: a.tar }]\nbroken: 1";
    let collection = open(yaml, folder.path(), BOTH).unwrap();
    let said = collection.training(&options(2, 1)).unwrap().next().unwrap_err().to_string();
    assert!(said.starts_with("no sample is left of"), "{said}");
    assert!(evaluation(&collection, 8, 1).is_empty());
}

#[test]
fn members_that_do_not_belong_are_refused() {
    let mut all: Vec<(String, Vec<u8>)> = (0..40).flat_map(members).collect();
    all.push(("../../etc/x.png".to_owned(), png(6, 0)));
    all.push(("/etc/y.png".to_owned(), png(6, 0)));
    all.push(("s000.png".to_owned(), png(6, 0)));
    all.push(("README".to_owned(), b"text".to_vec()));
    all.push(("notes.md".to_owned(), b"text".to_vec()));
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.tar"), tar(&all)).unwrap();
    let collection = open("sources: [{ shards: a.tar }]", folder.path(), BOTH).unwrap();
    assert_eq!((collection.len(), collection.problems().samples), (39, 3));
    let said = collection.problems().to_string();
    assert!(
        said.contains("`../../etc/x.png` leads out") && said.contains("s000: two members"),
        "{said}"
    );
}

#[test]
fn a_shard_that_vanishes_later_is_skipped_then() {
    let folder = shards(10);
    let collection = open(TEN, folder.path(), BOTH).unwrap();
    fs::remove_file(folder.path().join("a-9.tar")).unwrap();
    assert_eq!(keys(&evaluation(&collection, 16, 2)).len(), 90);
    assert_eq!(collection.problems().samples, 10);
}
