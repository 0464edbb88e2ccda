//! JSON as people can read it: what fits on a line stands on one.
//!
//! In: a value. Out: text that ends in a newline. Deliberately not here: what the value says.

use serde_json::Value;

/// The longest line of what stands on one.
const WIDTH: usize = 120;

pub(super) fn text(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text.push('\n');
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let line = line(value, WIDTH.saturating_sub(2 * depth));
    match (line, value) {
        (Some(line), _) => text.push_str(&line),
        (None, Value::Array(items)) => {
            let items = items.iter().map(|item| (String::new(), item));
            lines(items, ['[', ']'], depth, text);
        }
        (None, Value::Object(fields)) => {
            let fields = fields.iter().map(|(name, field)| (format!("{}: ", quoted(name)), field));
            lines(fields, ['{', '}'], depth, text);
        }
        (None, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            text.push_str(&value.to_string());
        }
    }
}

fn lines<'a>(
    entries: impl ExactSizeIterator<Item = (String, &'a Value)>,
    [open, close]: [char; 2],
    depth: usize,
    text: &mut String,
) {
    text.push(open);
    let n = entries.len();
    for (at, (name, value)) in entries.enumerate() {
        text.push('\n');
        text.push_str(&"  ".repeat(depth + 1));
        text.push_str(&name);
        write(value, depth + 1, text);
        if at + 1 < n {
            text.push(',');
        }
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(close);
}

/// A value on one line, unless that is longer than `room`.
fn line(value: &Value, room: usize) -> Option<String> {
    let entries: Vec<(String, &Value)> = match value {
        Value::Array(items) => items.iter().map(|item| (String::new(), item)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (format!("{}: ", quoted(name)), field)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Some(value.to_string()).filter(|text| text.len() <= room);
        }
    };
    let [open, close] = if value.is_array() { ["[", "]"] } else { ["{", "}"] };
    let mut text = open.to_owned();
    for (at, (name, entry)) in entries.into_iter().enumerate() {
        text += if at == 0 { "" } else { ", " };
        text += &name;
        text += &line(entry, room.checked_sub(text.len() + close.len())?)?;
    }
    Some(text + close)
}

/// A string of JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::text;

    fn check(value: &Value, expected: &str) {
        assert_eq!(text(value), expected);
        assert_eq!(serde_json::from_str::<Value>(&text(value)).expect("it is JSON"), *value);
    }

    #[test]
    fn what_fits_stands_on_a_line() {
        check(&json!({}), "{}\n");
        check(&json!([1, "a\n", null]), "[1, \"a\\n\", null]\n");
        check(&json!({ "a": { "b": [] } }), "{\"a\": {\"b\": []}}\n");
        let long = "x".repeat(100);
        check(
            &json!({ "a": [1, 2], "b": long }),
            &format!("{{\n  \"a\": [1, 2],\n  \"b\": \"{long}\"\n}}\n"),
        );
    }
}
