//! Tables that are wrong, and labels that no class has: errors with their place, before any sample is read.

use super::*;

/// What is read stands in the table.
const SPEC: &str = "model m {
  modality scores = tensor([1, 4])
  modality photo  = image(size: 6, channels: 1)
  tokens s = scores + learned([4])
  tokens p = photo |> patches(6, 6) |> linear(4)
  target label = class(4)
  target tags  = classes(4)
  target aim   = tensor([2])
  output one  = s
  output many = concat(s, p) |> pool(mean) |> linear(4)
  output free = s |> pool(mean) |> linear(2)
  objective loss = cross_entropy(one, label) + sigmoid_cross_entropy(many, tags) + mse(free, aim)
}";

fn opened(bytes: &[u8], settings: &str, more: &str) -> Result<Collection, DataError> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.csv"), bytes).unwrap();
    let yaml = format!("sources: [{{ table: a.csv{settings} }}]\n{more}");
    open(&yaml, folder.path(), SPEC)
}

#[test]
fn a_fault_of_a_table_is_an_error_at_its_line() {
    for (text, place, words) in [
        ("scores,label\n1 2 4 8,0\n\"1 2 4 8,1\n1 2 4 8,2\n", "line 3", "not closed"),
        ("scores,label\n1 2 4 8,0\n1 2 4 8,1,2\n", "line 3", "3 cells, but the first line names 2"),
        ("scores,label\n\n1 2 4 8\n", "line 3", "1 cells, but the first line names 2"),
        ("scores,label\n1,2,4,8,1\n", "line 2", "5 cells"),
        ("scores,label,Label\n1 2 4 8,0,1\n", "line 1", "columns 2 and 3 have one name, `Label`"),
        ("scores,note,note\n1 2 4 8,a,b\n", "line 1", "columns 2 and 3 have one name"),
        ("scores,,label\n1 2 4 8,0,1\n", "line 1", "column 2 has no name"),
        ("scores,label;tags\n1 2 4 8,1\n", "line 1", "`separator: comma`"),
        ("scores,label\n1 2 4 8,\"1\"x\n", "line 2", "text after the quote"),
        ("scores,label\n1 2 4 8,1\"\n", "line 2", "`quotes: false`"),
        (
            "scores,label\n1 2 4 8,1\n1 2 4 8,4\n1 2 4 8,2\n",
            "line 3",
            "labels 1 to 4 for 4 classes, do they count from one?",
        ),
        ("scores,label\n1 2 4 8,0\n1 2 4 8,4\n1 2 4 8,2\n", "line 3", "labels are 0 to 4"),
        ("scores,label\n1 2 4 8,-1\n", "line 2", "a sample that has none lacks the value"),
        ("scores,label\n1 2 4 8,dog\n", "line 2", "name the classes of `label`"),
        ("scores,tags\n1 2 4 8,0 1 1\n", "line 2", "1 stands twice"),
        ("scores,tags\n1 2 4 8,\"0,,1\"\n", "line 2", "nothing stands between"),
    ] {
        // Nothing is forgiven, however much may be broken.
        let error = opened(text.as_bytes(), "", "broken: 1").expect_err(text);
        let said = error.to_string();
        assert!(matches!(error, DataError::Declared { .. }), "{text:?}: {said}");
        assert!(
            said.contains(&format!("a.csv, {place}")) && said.contains(words),
            "{text:?}: {said}"
        );
    }
}

#[test]
fn tables_are_read_where_they_are_certain() {
    let utf16: Vec<u8> =
        "\u{feff}scores,label\n1 2 4 8,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, settings) in [
        (&b"scores;label\n1 2 4 8;2\n"[..], ""),
        (b"scores\tlabel\n1,2,4,8\t2\n", ""),
        (b"scores|label\r1 2 4 8|2\r", ""),
        (b"\xef\xbb\xbfscores,label\r\n1 2 4 8,2.0\r\n\r\n", ""),
        (&utf16, ""),
        (b"\"scores\",\"label\"\n\"[1, 2, 4, 8]\",\"2\"", ""),
        // pandas writes its index without a name.
        (b",scores,label\n0,1 2 4 8,2\n", ""),
        (b"scores,note,label\n1 2 4 8,caf\xe9,2\n", ""),
        (b"scores,note,label\n1 2 4 8,\"caf\n\",2\n", ""),
        (b"scores\tnote\tlabel\n1 2 4 8\t\"so\" he said\t2\n", ", quotes: false"),
        (b"scores,label;x\n1 2 4 8,2\n", ", separator: comma, roles: { label;x: label }"),
        (b"key,scores,label\ncaf\xe9,1 2 4 8,2\n", ", encoding: latin1"),
    ] {
        let text = String::from_utf8_lossy(bytes);
        let collection =
            opened(bytes, settings, "").unwrap_or_else(|error| panic!("{error}\n{text}"));
        let all = evaluation(&collection, 4, 0);
        assert_eq!(numbers(&all[0], "scores"), [1.0, 2.0, 4.0, 8.0], "{text}");
        assert_eq!(numbers(&all[0], "label"), [0.0, 0.0, 1.0, 0.0], "{text}");
        if settings.contains("latin1") {
            assert_eq!(keys(&all), ["café"]);
        }
    }
    for (bytes, settings, words) in [
        (
            &b"key,scores,label\nx,1 2 4 8,1\ncaf\xe9,1 2 4 8,2\n"[..],
            "",
            "a.csv, line 3: the byte 0xE9 is no UTF-8",
        ),
        (b"scores,label\n1 2 4 8,1\n\0\0", "", "a.csv, line 3: it has a NUL"),
        (b"scores,label\n1 2 4 8,1\n", ", encoding: klingon", "sources[0].encoding: `klingon`"),
    ] {
        let said = opened(bytes, settings, "").unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
    }
    let folder = shards(1);
    let said = open("sources: [{ shards: a-0.tar, quotes: false }]", folder.path(), BOTH);
    assert!(
        said.unwrap_err().to_string().contains("sources[0].quotes: only a `table` has `quotes`")
    );
}

#[test]
fn impossible_labels_and_numbers_are_broken_samples() {
    let mut text = "scores,label,aim\n".to_owned();
    for row in 0..20 {
        let (scores, label, aim) = match row {
            5 => ("1 2 4 8", "0", "1 nan"),
            7 => ("1 nan 4 8", "0", "1 2"),
            9 => ("1 2 4 8", "0.5 0 0 0", "1 2"),
            11 => ("1 2 4 8", "0", "1e39 2"),
            _ => ("1 2 4 8", "0", "1 2"),
        };
        text += &format!("{scores},{label},{aim}\n");
    }
    let collection = opened(text.as_bytes(), "", "broken: 0.2").unwrap();
    assert_eq!(keys(&evaluation(&collection, 20, 0)).len(), 16);
    let said = collection.problems().to_string();
    assert_eq!(collection.problems().samples, 4);
    for words in [
        "line 7: aim: nan is no finite number",
        "line 9: scores: nan is no finite number",
        "line 11: label: the values for the classes of `label` add up to 0.5",
        "line 13: aim: 1e39 is no finite number",
    ] {
        assert!(said.contains(words), "{said}");
    }
    // Too many of them are said when the table is opened.
    let said = opened(text.as_bytes(), "", "broken: 0.01").unwrap_err().to_string();
    assert!(said.starts_with("too many samples are broken: 3 of 20, 1 are allowed"), "{said}");
}

#[test]
fn only_samples_that_are_taken_have_labels() {
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join("a.csv"),
        "key,scores,label\na,1 2 4 8,cat\nb,1 2 4 8,cow\nc,1 2 4 8,elk\n",
    )
    .unwrap();
    fs::write(folder.path().join("some.txt"), "a\nc\n").unwrap();
    let settings = "classes: { label: [cat, elk, gnu, yak] }";
    let yaml = |more: &str| format!("sources: [{{ table: a.csv{more} }}]\n{settings}");
    assert_eq!(open(&yaml(", include: some.txt"), folder.path(), SPEC).unwrap().len(), 2);
    let said = open(&yaml(""), folder.path(), SPEC).unwrap_err().to_string();
    assert!(said.contains("a.csv, line 3: b: label: `cow` is no class of `label`"), "{said}");
}

#[test]
fn labels_of_shards_end_the_run() {
    for (label, words) in [
        ("\"label\": 4", "a.tar: s: json: label: class 4, but the classes of `label` are 0 to 3"),
        ("\"label\": \"dog\"", "json: label: `dog` is no number of a class"),
        ("\"label\": 1, \"label\": 2", "json: `label` stands twice"),
        ("\"tags\": [0, 1, 1]", "json: tags: `0 1 1`: 1 stands twice"),
    ] {
        let folder = TempDir::new().unwrap();
        let json = format!("{{\"scores\": [1, 2, 4, 8], {label}, \"loud\": NaN}}");
        fs::write(folder.path().join("a.tar"), tar(&[("s.json".to_owned(), json.into_bytes())]))
            .unwrap();
        let collection =
            open("sources: [{ shards: a.tar }]\nbroken: 1", folder.path(), SPEC).unwrap();
        let said = collection.training(&options(1, 0)).unwrap().next().unwrap_err().to_string();
        assert!(said.contains(words), "{said}");
    }
}
