//! The YAML of name maps; the only file that knows how YAML is read.
//!
//! In: a text. Out: a map, or every mistake with line and column. Deliberately not here: what rules do.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_yaml::Spanned;
use zorro_compiler::grammar::diagnostic::nearest;

use super::axes::Axes;
use super::change::Change;
use super::pattern::{NOTHING, Pattern};
use super::resize::Resize;
use super::{Ignored, Join, NameMap, NameMapError, Place, Problem, Rule};

/// The keys of a map.
const SECTIONS: [&str; 6] = ["weights", "inputs", "outputs", "gradients", "ignore", "strip"];
/// The keys of a rule.
const KEYS: [&str; 13] = [
    "from", "axes", "sizes", "axis", "mean", "sum", "repeat", "inflate", "resize", "prefix",
    "scale", "zeros", "join",
];

/// A mapping with the places of its keys, in order; what is no key of it is only remembered.
#[derive(Default)]
struct Document {
    rules: BTreeMap<&'static str, Vec<(Spanned<String>, Told)>>,
    ignore: Vec<Spanned<String>>,
    strip: Vec<String>,
    unknown: Vec<Spanned<String>>,
}

/// The right side of a rule.
#[derive(Default)]
struct Told {
    from: Option<String>,
    axes: Option<Spanned<String>>,
    sizes: Option<BTreeMap<String, usize>>,
    axis: Option<usize>,
    changes: Vec<(&'static str, Spanned<String>)>,
    resize: Option<Spanned<String>>,
    prefix: Option<usize>,
    scale: Option<f64>,
    zeros: bool,
    join: Option<Spanned<String>>,
    unknown: Vec<Spanned<String>>,
}

struct Rules(Vec<(Spanned<String>, Told)>);

pub(super) fn parse(name: &str, text: &str) -> Result<NameMap, NameMapError> {
    let wrong = |problems| NameMapError { map: name.to_owned(), problems };
    let document: Document = serde_yaml::from_str(text).map_err(|error| {
        let place = error.location().map(|place| (place.line(), place.column()));
        wrong(vec![(place, message(&error))])
    })?;
    let mut problems = unknown(&document.unknown, "a name map", &SECTIONS);
    let mut map = NameMap { name: name.to_owned(), strip: document.strip, ..NameMap::default() };
    for (section, told) in document.rules {
        let rules: Vec<Rule> =
            told.into_iter().filter_map(|(key, told)| rule(&key, told, &mut problems)).collect();
        match section {
            "weights" => map.weights = rules,
            "inputs" => map.inputs = rules,
            "outputs" => map.outputs = rules,
            _ => map.gradients = rules,
        }
    }
    for text in document.ignore {
        let place = place(&text);
        match Pattern::parse(&text.value) {
            Ok(pattern) => map.ignore.push(Ignored { place, pattern }),
            Err(message) => problems.push((place.told(), message)),
        }
    }
    if problems.is_empty() { Ok(map) } else { Err(wrong(problems)) }
}

/// A rule out of what was written.
fn rule(key: &Spanned<String>, told: Told, problems: &mut Vec<Problem>) -> Option<Rule> {
    let place = place(key);
    let before = problems.len();
    problems.extend(unknown(&told.unknown, "a rule", &KEYS));
    if told.from.is_none() && told.unknown.is_empty() && !told.zeros {
        problems.push((place.told(), format!("`{}` has no `from`", key.value)));
    }
    let mut pattern = |text: &str| {
        let pattern = Pattern::parse(text);
        pattern.map_err(|message| problems.push((place.told(), message))).ok()
    };
    let model = pattern(&key.value);
    let foreign = told.from.as_deref().and_then(&mut pattern);
    if let (Some(model), Some(foreign)) = (&model, &foreign)
        && let Some(message) = mismatch(model, foreign)
    {
        problems.push((place.told(), message));
    }
    if let Some(factor) = told.scale.filter(|factor| !factor.is_finite() || *factor == 0.0) {
        problems.push((place.told(), format!("`scale: {factor}` is no factor")));
    }
    if told.prefix.is_some() && told.resize.is_none() {
        problems.push((place.told(), format!("`{}` has `prefix` without `resize`", key.value)));
    }
    let (axis, scale, zeros) = (told.axis.unwrap_or(0), told.scale, told.zeros);
    let mut blamed = |text: Option<&Spanned<String>>, message: String| {
        problems.push((text.map_or(place, self::place).told(), message));
    };
    let resize = told.resize.as_ref().and_then(|text| {
        let parsed = Resize::parse(&text.value, told.prefix);
        parsed.map_err(|message| blamed(Some(text), message)).ok()
    });
    let join = told.join.as_ref().map_or(Join::Concat, |text| {
        join(&text.value).unwrap_or_else(|| {
            blamed(Some(text), format!("join `{}`: write `concat` or `sum`", text.value));
            Join::Concat
        })
    });
    let axes = axes(&key.value, told, &mut blamed);
    if problems.len() > before {
        return None;
    }
    Some(Rule { place, model: model?, foreign, axes, axis, resize, scale, zeros, join })
}

fn join(text: &str) -> Option<Join> {
    [("concat", Join::Concat), ("sum", Join::Sum)]
        .into_iter()
        .find_map(|(name, join)| (name == text).then_some(join))
}

/// The layouts of a rule, and what is done along their axes.
fn axes(
    key: &str,
    told: Told,
    blamed: &mut impl FnMut(Option<&Spanned<String>>, String),
) -> Option<Axes> {
    let Some(axes) = told.axes else {
        if told.sizes.is_some() {
            blamed(None, format!("`{key}` has `sizes` without `axes`"));
        }
        if let Some((word, text)) = told.changes.first() {
            blamed(
                Some(text),
                format!("`{key}` has `{word}` without `axes`, which name what it is done along"),
            );
        }
        return None;
    };
    let mut changes = Vec::new();
    for (word, text) in &told.changes {
        match change(word, &text.value, &axes.value) {
            Ok(found) => changes.extend(found),
            Err(message) => blamed(Some(text), message),
        }
    }
    let parsed = Axes::parse(&axes.value, told.sizes.unwrap_or_default(), changes);
    parsed.map_err(|message| blamed(Some(&axes), message)).ok()
}

/// What a word says is done along which axes.
fn change(word: &str, text: &str, axes: &str) -> Result<Vec<(String, Change)>, String> {
    let along = |change| text.split_whitespace().map(|axis| (axis.to_owned(), change)).collect();
    match (word, text) {
        ("mean", _) => Ok(along(Change::Mean)),
        ("sum", _) => Ok(along(Change::Sum)),
        ("repeat", _) => Ok(along(Change::Repeat)),
        (_, "center" | "mean") => {
            let change = if text == "center" { Change::Center } else { Change::Share };
            let axis = Axes::new_axis(axes).ok_or_else(|| {
                format!("`inflate` needs one axis that stands in the model's layout alone; `{axes}` has not one")
            })?;
            Ok(vec![(axis, change)])
        }
        _ => Err(format!("inflate `{text}`: write `center` or `mean`")),
    }
}

/// Why two patterns are not the two sides of a rule.
fn mismatch(model: &Pattern, foreign: &Pattern) -> Option<String> {
    let (ours, theirs) = (model.alternatives(), foreign.alternatives());
    if foreign.has_copies() {
        return Some(format!("`{foreign}`: brackets stand on the model's side alone"));
    }
    if model.stars() != foreign.stars() {
        return Some(format!("`{model}` and `{foreign}` do not have as many stars"));
    }
    if ours.len() > 1 && theirs.len() > 1 && ours.len() != theirs.len() {
        return Some(format!("`{model}` and `{foreign}` do not have as many alternatives"));
    }
    if theirs.contains(&NOTHING) {
        return Some(format!(
            "`{foreign}`: `_` stands for what the model does not have, on its side"
        ));
    }
    if ours.iter().filter(|name| **name == NOTHING).count() > usize::from(theirs.len() == 1) {
        return Some(format!("`{model}`: one `_` is enough, it stands for all the rest"));
    }
    None
}

fn unknown(keys: &[Spanned<String>], owner: &str, known: &[&str]) -> Vec<Problem> {
    let told = keys.iter().map(|key| {
        let hint = match nearest(&key.value, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its keys are {}", known.join(", ")),
        };
        (place(key).told(), format!("`{}` is no key of {owner}; {hint}", key.value))
    });
    told.collect()
}

fn place<T>(spanned: &Spanned<T>) -> Place {
    Place { line: spanned.referenced.line(), column: spanned.referenced.column() }
}

/// The parser's message without the text around it and without the place, which is told apart.
fn message(error: &serde_yaml::Error) -> String {
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or_default();
    let own = first.split(" at line ").next().unwrap_or(first);
    // What a program could set is of no use to who writes a map.
    own.split(", set ").next().unwrap_or(own).to_owned()
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Document;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the sections of a name map, such as `weights:`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut document = Document::default();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    match SECTIONS.iter().find(|section| **section == key.value) {
                        Some(&"ignore") => document.ignore = map.next_value()?,
                        Some(&"strip") => document.strip = map.next_value()?,
                        Some(section) => {
                            document.rules.insert(section, map.next_value::<Rules>()?.0);
                        }
                        None => {
                            map.next_value::<IgnoredAny>()?;
                            document.unknown.push(key);
                        }
                    }
                }
                Ok(document)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Rules;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rules, such as `head.*: fc.*`")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rules, A::Error> {
                let mut rules = Vec::new();
                while let Some(rule) = map.next_entry()? {
                    rules.push(rule);
                }
                Ok(Rules(rules))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Told;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a foreign name, or `from` with `axes` and other keys")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Told, E> {
                Ok(Told { from: Some(text.to_owned()), ..Told::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Told, A::Error> {
                let mut told = Told::default();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    match key.value.as_str() {
                        "from" => told.from = Some(map.next_value()?),
                        "axes" => told.axes = Some(map.next_value()?),
                        "sizes" => told.sizes = Some(map.next_value()?),
                        "axis" => told.axis = Some(map.next_value()?),
                        "mean" => told.changes.push(("mean", map.next_value()?)),
                        "sum" => told.changes.push(("sum", map.next_value()?)),
                        "repeat" => told.changes.push(("repeat", map.next_value()?)),
                        "inflate" => told.changes.push(("inflate", map.next_value()?)),
                        "resize" => told.resize = Some(map.next_value()?),
                        "prefix" => told.prefix = Some(map.next_value()?),
                        "scale" => told.scale = Some(map.next_value()?),
                        "zeros" => told.zeros = map.next_value()?,
                        "join" => told.join = Some(map.next_value()?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            told.unknown.push(key);
                        }
                    }
                }
                Ok(told)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
