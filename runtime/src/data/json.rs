//! JSON as programs write it.
//!
//! In: a text. Out: its value, or the values of names, with numbers that are NaN or infinite, as Python's `json` writes them.
//! What nobody asks for has to be JSON and no more: its numbers may have any size. Deliberately not here: what a value is
//! for.

use jiter::{Jiter, JiterError, JsonValue, Peek};

use super::error::Why;
use super::media::Trouble;

/// The mark that some programs put before a text.
const MARK: char = '\u{feff}';

/// What a text has.
#[derive(Debug)]
pub(super) enum Document<'a> {
    /// An object: the names that were asked for, as often as they stand there.
    Fields(Vec<(String, JsonValue<'a>)>),
    /// Anything else.
    Value(JsonValue<'a>),
}

/// The text without the mark of its encoding.
pub(super) fn unmarked(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// The value of a text.
pub(super) fn parse(text: &str) -> Result<JsonValue<'_>, Why> {
    let bytes = unmarked(text).as_bytes();
    JsonValue::parse(bytes, true).map_err(|error| format!("no JSON: {}", error.description(bytes)))
}

/// The values of these names, where the text is an object.
pub(super) fn document<'a>(text: &'a str, names: &[&str]) -> Result<Document<'a>, Why> {
    let mut jiter = Jiter::new(unmarked(text).as_bytes()).with_allow_inf_nan();
    let document = read(&mut jiter, names);
    document.map_err(|error| format!("no JSON: {}", error.description(&jiter)))
}

fn read<'a>(jiter: &mut Jiter<'a>, names: &[&str]) -> Result<Document<'a>, JiterError> {
    let document = match jiter.peek()? {
        Peek::Object => {
            let mut fields = Vec::new();
            let mut field = jiter.known_object()?;
            while let Some(name) = field {
                match names.contains(&name) {
                    true => fields.push((name.to_owned(), jiter.next_value()?)),
                    false => jiter.next_skip()?,
                }
                field = jiter.next_key()?;
            }
            Document::Fields(fields)
        }
        other => Document::Value(jiter.known_value(other)?),
    };
    jiter.finish()?;
    Ok(document)
}

/// The value of a name; `None` where there is none, or `null`.
pub(super) fn value<'a, 's>(
    fields: &'a [(String, JsonValue<'s>)],
    name: &str,
) -> Result<Option<&'a JsonValue<'s>>, Trouble> {
    let mut found = fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value);
    let first = found.next();
    if found.next().is_some() {
        // A disk does not write a name twice, a program does.
        return Err(Trouble::Declared(format!("`{name}` stands twice in one object")));
    }
    Ok(first.filter(|value| !matches!(value, JsonValue::Null)))
}

/// The number that a value is.
pub(super) fn number(value: &JsonValue<'_>) -> Option<f64> {
    match value {
        JsonValue::Int(number) => Some(*number as f64),
        JsonValue::Float(number) => Some(*number),
        JsonValue::Null
        | JsonValue::Bool(_)
        | JsonValue::Str(_)
        | JsonValue::Array(_)
        | JsonValue::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_python_writes_them() {
        for (text, wanted) in [
            ("3", Some(3.0)),
            ("\u{feff} 2.5 ", Some(2.5)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("1e999", Some(f64::INFINITY)),
            ("true", None),
            ("\"NaN\"", None),
        ] {
            assert_eq!(number(&parse(text).unwrap()), wanted, "{text}");
        }
        assert!(number(&parse("NaN").unwrap()).unwrap().is_nan());
        for text in ["", "[1", "{\"a\": 1} 2", "nan", "[1,]", "{'a': 1}", "{\"a\": 1e}", "{\"a\""] {
            assert!(parse(text).unwrap_err().starts_with("no JSON: "), "{text}");
            assert!(document(text, &["b"]).unwrap_err().starts_with("no JSON: "), "{text}");
        }
    }

    #[test]
    fn a_name_that_is_asked_for_stands_once() {
        let text = r#"{"a": 1, "b": NaN, "b": "NaN, 2", "c": null, "\u0065": [99999999999999999999, -Infinity],
            "d": {"b": 2, "a": [{"f": 1}]}, "d": NaN}"#;
        let Document::Fields(fields) = document(text, &["a", "b", "c", "f"]).unwrap() else {
            panic!("an object")
        };
        assert_eq!(value(&fields, "a").unwrap(), Some(&JsonValue::Int(1)));
        assert_eq!(value(&fields, "c").unwrap(), None);
        assert_eq!(value(&fields, "f").unwrap(), None);
        let twice = Trouble::Declared("`b` stands twice in one object".to_owned());
        assert_eq!(value(&fields, "b").unwrap_err(), twice);
        assert!(document(text, &["e"]).unwrap_err().contains("out of range"));
        assert!(matches!(document(" [1]", &["a"]).unwrap(), Document::Value(JsonValue::Array(_))));
    }
}
