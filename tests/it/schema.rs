//! JSON schemas, as far as that of manifests needs them.
//!
//! In: a schema and a value. Out: what of the value the schema forbids, with its path. A word of a schema that is not known here
//! is an error, so that nothing is held to less than the schema says.

use serde_json::Value;

/// Complaints, none where the value is as the schema wants it.
pub(super) fn complaints(schema: &Value, value: &Value) -> Vec<String> {
    let mut all = Vec::new();
    check(schema, schema, value, "$", &mut all);
    all
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str, all: &mut Vec<String>) {
    let words = schema.as_object().expect("a schema is an object");
    for (word, wanted) in words {
        let holds = match word.as_str() {
            "$ref" => {
                let pointer =
                    wanted.as_str().and_then(|text| text.strip_prefix('#')).expect("a reference");
                let found = root.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer}"));
                check(root, found, value, path, all);
                true
            }
            "type" => is_of_type(value, wanted.as_str().expect("a type")),
            "const" => value == wanted,
            "enum" => wanted.as_array().expect("values").contains(value),
            "minimum" => value.as_f64() >= wanted.as_f64(),
            "maximum" => value.as_f64() <= wanted.as_f64(),
            "oneOf" => {
                let schemas = wanted.as_array().expect("schemas").iter();
                let fits = |one: &&Value| {
                    let mut own = Vec::new();
                    check(root, one, value, path, &mut own);
                    own.is_empty()
                };
                schemas.filter(fits).count() == 1
            }
            "items" => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, wanted, item, &format!("{path}[{at}]"), all);
                }
                true
            }
            "required" => {
                let names = wanted.as_array().expect("names").iter().filter_map(Value::as_str);
                let missing = names.filter(|name| value.get(name).is_none());
                all.extend(missing.map(|name| format!("{path} has no {name}")));
                true
            }
            "properties" => {
                for (name, schema) in wanted.as_object().expect("schemas by name") {
                    if let Some(field) = value.get(name) {
                        check(root, schema, field, &format!("{path}.{name}"), all);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (name, field) in value.as_object().into_iter().flatten() {
                    let is_known = known.is_some_and(|known| known.contains_key(name));
                    if !is_known && *wanted == false {
                        all.push(format!("{path} has {name}"));
                    } else if !is_known {
                        check(root, wanted, field, &format!("{path}.{name}"), all);
                    }
                }
                true
            }
            "$schema" | "$defs" | "title" | "description" => true,
            unknown => panic!("the word {unknown} of schemas is not known here"),
        };
        if !holds {
            let shown: String = value.to_string().chars().take(80).collect();
            all.push(format!("{path} is {shown}, against {word} {wanted}"));
        }
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("no type {other}"),
    }
}

#[test]
fn what_a_schema_forbids() {
    let schema = serde_json::json!({
        "type": "object",
        "required": ["a"],
        "additionalProperties": false,
        "properties": { "a": { "type": "array", "items": { "$ref": "#/$defs/n" } } },
        "$defs": { "n": { "oneOf": [{ "type": "null" }, { "type": "integer", "minimum": 1 }] } }
    });
    let check = |value: Value, expected: usize| {
        let found = complaints(&schema, &value);
        assert_eq!(found.len(), expected, "{value}: {found:?}");
    };
    check(serde_json::json!({ "a": [1, null] }), 0);
    check(serde_json::json!({ "a": [0, "b"] }), 2);
    check(serde_json::json!({ "b": 1 }), 2);
    check(serde_json::json!([]), 2);
}
