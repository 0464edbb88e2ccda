//! What stands for classes: their numbers, their names, or a value for each.
//!
//! In: a text or a JSON value, and a target of classes. Out: which classes are meant, or the values. What can be read in
//! two ways, and what is none of them, is the settings' fault ([`Trouble::Declared`]); a value that cannot be is the
//! sample's ([`Trouble::Why`]). Deliberately not here: whether a class is one of the target's, which is easier said when all
//! labels of a table are known.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiter::JsonValue;

use super::{Target, cut};
use crate::data::config::Labels;
use crate::data::json;
use crate::data::media::Trouble;

/// What a label is.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::data) enum Label {
    /// Numbers of classes, of which some may not be there.
    Classes(Vec<i64>),
    /// A value for each class.
    Values(Vec<f32>),
}

/// One of the values that are written.
#[derive(Debug, Clone, PartialEq)]
struct Item<'a> {
    text: Cow<'a, str>,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Truth(bool),
    Number(f64),
    Name,
}

/// How far the sum of a distribution may be from 1.
const SUM_TOLERANCE: f64 = 1e-3;
/// Numbers beyond it are not exact.
const MAX_WHOLE: f64 = (1_u64 << 53) as f64;

impl Label {
    /// The label in a text.
    pub(super) fn of_text(target: &Target, text: &str) -> Result<Self, Trouble> {
        let text = text.trim();
        if text.is_empty() {
            return match target.is_one() {
                true => Err(Trouble::Why("it is empty".to_owned())),
                false => read(target, &[]),
            };
        }
        if target.names.find(text).is_some() {
            return read(target, &[Item::of_text(text)]);
        }
        if text.starts_with(['[', '{', '"']) {
            return match json::parse(text) {
                Ok(value) => Self::of_json(target, &value),
                Err(why) => read(target, &printed(text).ok_or(Trouble::Why(why))?),
            };
        }
        let values: Vec<&str> = super::parts(text).map_err(Trouble::Declared)?;
        let are_values = values.iter().all(|part| is_value(part));
        // Between names there are commas or spaces, but one name may have them, too.
        let parts = match (target.is_one(), are_values) {
            (true, false) => vec![text],
            (true, true) => values,
            (false, true) if !target.names.are_there() => values,
            (false, _) => target.names.split(text).map_err(Trouble::Declared)?,
        };
        let parts: Vec<Item<'_>> = parts.into_iter().map(Item::of_text).collect();
        read(target, &parts)
    }

    /// The label in a JSON value. A text is read as one that stands alone; a text in a list is one name.
    pub(super) fn of_json(target: &Target, value: &JsonValue<'_>) -> Result<Self, Trouble> {
        match value {
            JsonValue::Str(text) => Self::of_text(target, text),
            JsonValue::Array(items) => {
                let items: Result<Vec<Item<'_>>, Trouble> =
                    items.iter().map(|item| Item::of_json(target, item)).collect();
                read(target, &items?)
            }
            JsonValue::Null
            | JsonValue::Bool(_)
            | JsonValue::Int(_)
            | JsonValue::Float(_)
            | JsonValue::Object(_) => read(target, &[Item::of_json(target, value)?]),
        }
    }
}

impl<'a> Item<'a> {
    fn of_text(text: &'a str) -> Self {
        let text = text.trim();
        let is = |truth: &str| text.eq_ignore_ascii_case(truth);
        let value = match text.parse() {
            _ if is("true") => Value::Truth(true),
            _ if is("false") => Value::Truth(false),
            Ok(number) => Value::Number(number),
            Err(_) => Value::Name,
        };
        Self { text: text.into(), value }
    }

    fn of_json(target: &Target, item: &'a JsonValue<'_>) -> Result<Self, Trouble> {
        let value = match item {
            JsonValue::Str(text) => return Ok(Self::of_text(text)),
            JsonValue::Bool(truth) => Value::Truth(*truth),
            // pandas writes NaN so.
            JsonValue::Null => Value::Number(f64::NAN),
            JsonValue::Int(_) | JsonValue::Float(_) => {
                Value::Number(json::number(item).unwrap_or(f64::NAN))
            }
            JsonValue::Array(_) | JsonValue::Object(_) => {
                let message = "expected a class, or one list of classes or of values";
                return Err(Trouble::Declared(format!("{message}, for `{}`", target.name)));
            }
        };
        let text = match value {
            Value::Truth(truth) => truth.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Name => String::new(),
        };
        Ok(Self { text: text.into(), value })
    }
}

/// Whether a text is a number or a truth, rather than only a name.
pub(super) fn is_value(text: &str) -> bool {
    Item::of_text(text).value != Value::Name
}

/// A list of one dimension as Python or numpy print it: `['a', "b's"]`, `[0. 1.]`. Texts that are escaped are left to JSON.
fn printed(text: &str) -> Option<Vec<Item<'_>>> {
    let mut rest = text.strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut items = Vec::new();
    while !rest.is_empty() {
        let item = match rest.chars().next().filter(|quote| matches!(quote, '\'' | '"')) {
            Some(quote) => {
                let end = 1 + rest[1..].find(quote)?;
                let text = rest[1..end].trim();
                rest = &rest[end + 1..];
                (!text.contains('\\')).then(|| Item::of_text(text))?
            }
            None => {
                let is_end = |character: char| {
                    character.is_whitespace() || matches!(character, ',' | '\'' | '"')
                };
                let (text, after) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
                rest = after;
                is_value(text).then(|| Item::of_text(text))?
            }
        };
        items.push(item);
        let is_apart =
            rest.is_empty() || rest.starts_with(|end: char| end == ',' || end.is_whitespace());
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(',') {
            rest = after.trim_start();
            (!rest.is_empty()).then_some(())?;
        }
        is_apart.then_some(())?;
    }
    Some(items)
}

fn read(target: &Target, items: &[Item<'_>]) -> Result<Label, Trouble> {
    let are_values = match target.labels {
        Some(Labels::OneHot) => true,
        Some(Labels::Ids | Labels::Names) => false,
        None => has_each(target, items)?,
    };
    match are_values {
        true => values(target, items).map(Label::Values),
        false => classes(target, items).map(Label::Classes),
    }
}

/// Whether there is a value for each class, rather than the classes that are meant.
fn has_each(target: &Target, items: &[Item<'_>]) -> Result<bool, Trouble> {
    let whole: Option<Vec<f64>> = items.iter().map(Item::whole).collect();
    let is_named = |item: &Item<'_>| item.value == Value::Name;
    if items.len() != target.n() || items.iter().any(is_named) {
        return Ok(false);
    }
    if target.is_one() {
        // A single class is meant by a single value.
        return Ok(items.len() > 1);
    }
    let Some(whole) = whole else { return Ok(true) };
    let mut known = BTreeSet::new();
    // Adding 0 turns -0 into 0.
    let is_repeated = !whole.iter().all(|number| known.insert((number + 0.0).to_bits()));
    if is_repeated || !whole.iter().all(|number| [0.0, 1.0].contains(number)) {
        return Ok(is_repeated);
    }
    let name = &target.name;
    Err(Trouble::Declared(format!(
        "`{}` for `{name}`, which has {} {}: numbers of classes, or one value for each class? Say \
         `labels: {{ {name}: ids }}` or `labels: {{ {name}: one_hot }}` in the data settings",
        told(items),
        items.len(),
        if items.len() == 1 { "class" } else { "classes" },
    )))
}

impl Item<'_> {
    /// The whole number, where it is a number and whole.
    fn whole(&self) -> Option<f64> {
        match self.value {
            Value::Number(number) if number.fract() == 0.0 => Some(number),
            Value::Number(_) | Value::Truth(_) | Value::Name => None,
        }
    }
}

/// A value for each class.
fn values(target: &Target, items: &[Item<'_>]) -> Result<Vec<f32>, Trouble> {
    let (n, name) = (target.n(), &target.name);
    if items.len() != n {
        return Err(Trouble::Declared(format!(
            "{} values, but `{name}` has {n} classes, and one value for each is declared \
             (`labels: {{ {name}: one_hot }}`)",
            items.len()
        )));
    }
    let mut all = Vec::with_capacity(n);
    for item in items {
        let value = match item.value {
            Value::Truth(truth) => f64::from(u8::from(truth)),
            Value::Number(number) => number,
            Value::Name => {
                let message = format!("`{}` is no value for a class", cut(&item.text));
                return Err(Trouble::Declared(format!("{message}, as `one_hot` says")));
            }
        };
        if !(0.0..=1.0 + SUM_TOLERANCE).contains(&value) || (!target.is_one() && value > 1.0) {
            let message = format!("{} is no value for a class of `{name}`", item.text);
            return Err(Trouble::Why(format!("{message}: they are 0 to 1")));
        }
        all.push(value);
    }
    let sum: f64 = all.iter().sum();
    if target.is_one() && (sum - 1.0).abs() > SUM_TOLERANCE {
        let message = format!("the values for the classes of `{name}` add up to {sum}, not to 1");
        return Err(Trouble::Why(message));
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
    Ok(all.into_iter().map(|value| value as f32).collect())
}

/// The classes that are meant.
fn classes(target: &Target, items: &[Item<'_>]) -> Result<Vec<i64>, Trouble> {
    let (n, name) = (target.n(), &target.name);
    if target.is_one() && items.len() != 1 {
        return Err(Trouble::Declared(format!(
            "{} values, but `{name}` is one of {n} classes: write that class, or a probability for each",
            items.len()
        )));
    }
    let mut found = Vec::with_capacity(items.len());
    let mut numbers = BTreeSet::new();
    for item in items {
        let class = class(target, item)?;
        if item.value != Value::Name && !numbers.insert(class) {
            return Err(Trouble::Declared(format!(
                "`{}`: {} stands twice, so these are not numbers of classes; one value for each class of `{name}` \
                 would be {n} values",
                told(items),
                item.text
            )));
        }
        found.push(class);
    }
    Ok(found)
}

/// The class that one value means.
fn class(target: &Target, item: &Item<'_>) -> Result<i64, Trouble> {
    let (name, text) = (&target.name, cut(&item.text));
    let by_name = || {
        let names = &target.names;
        // pandas writes whole numbers with a point where one of them is missing.
        let whole = || names.find(&item.whole()?.to_string());
        let truth =
            || names.find_like(&item.text).filter(|_| matches!(item.value, Value::Truth(_)));
        names.find(&item.text).or_else(whole).or_else(truth)
    };
    if target.labels != Some(Labels::Ids)
        && let Some(class) = by_name()
    {
        return Ok(i64::try_from(class).expect("limits of models keep sizes small"));
    }
    let declared = |message: String| Err(Trouble::Declared(message));
    match (item.value, target.labels) {
        (Value::Number(number), _) if number.is_nan() || number.abs() > MAX_WHOLE => {
            Err(Trouble::Why(format!("`{text}` is no class of `{name}`")))
        }
        (Value::Number(_) | Value::Truth(_) | Value::Name, Some(Labels::Names)) => {
            declared(no_name(target, text))
        }
        (Value::Number(_), None) if target.names.are_numbers() => declared(format!(
            "{}; some classes are named by numbers, so that numbers are names, unless you say `labels: {{ {name}: ids }}`",
            no_name(target, text)
        )),
        #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
        (Value::Number(number), None | Some(Labels::Ids)) if number.fract() == 0.0 => {
            Ok(number as i64)
        }
        (Value::Truth(truth), None)
            if target.is_one() && target.n() == 2 && !target.names.are_there() =>
        {
            Ok(truth.into())
        }
        (Value::Number(_) | Value::Truth(_) | Value::Name, Some(Labels::Ids)) => declared(format!(
            "`{text}` is no number of a class, as `labels: {{ {name}: ids }}` says"
        )),
        (Value::Number(_) | Value::Truth(_) | Value::Name, None | Some(Labels::OneHot)) => {
            declared(no_name(target, text))
        }
    }
}

/// That a text is no name of a class, with the one that may be meant.
fn no_name(target: &Target, text: &str) -> String {
    let name = &target.name;
    if !target.names.are_there() {
        return format!(
            "`{text}` is no number of a class: name the classes of `{name}` in their order, \
             `classes: {{ {name}: [..] }}` in the data settings"
        );
    }
    match target.names.near(text) {
        Some(near) => format!("`{text}` is no class of `{name}`; did you mean `{near}`?"),
        None => format!("`{text}` is no class of `{name}`; a sample that has none lacks the value"),
    }
}

fn told(items: &[Item<'_>]) -> String {
    let texts: Vec<&str> = items.iter().take(8).map(|item| &*item.text).collect();
    let more = if items.len() > 8 { " .." } else { "" };
    format!("{}{more}", texts.join(" "))
}
