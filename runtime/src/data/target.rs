//! Targets and other values that stand in texts: classes by number or name, lists, numbers.
//!
//! In: a text or a JSON value. Out: what a target is fed: a distribution over classes, or numbers. Deliberately not here:
//! where the text comes from.

use serde_json::Value;
use zorro_compiler::model::{Target as ModelTarget, TargetKind};

use super::error::Why;
use super::host::{Feed, Host, Moment};
use super::recipe::Fed;

/// A target of the model.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) kind: TargetKind,
    /// Names of classes, where files name them.
    pub(super) classes: Vec<String>,
    /// `[classes]`, or the sizes of a tensor.
    pub(super) shape: Vec<usize>,
}

fn size(number: u64) -> usize {
    usize::try_from(number).expect("limits of models keep sizes small")
}

impl Target {
    pub(super) fn new(target: &ModelTarget) -> Self {
        let shape = match &target.kind {
            TargetKind::Class(n) | TargetKind::Classes(n) => vec![size(*n)],
            TargetKind::Tensor(shape) => {
                let grid = shape.grid.iter().copied().map(size);
                grid.chain([size(shape.width)]).collect()
            }
        };
        let (name, kind) = (target.name.clone(), target.kind.clone());
        Self { name, kind, classes: Vec::new(), shape }
    }

    fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// The value in a text: a class, or a list of them.
    pub(super) fn of_text(&self, text: &str) -> Result<Vec<f32>, Why> {
        let text = text.trim();
        if text.starts_with(['[', '{', '"']) {
            let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            return self.of_json(&value);
        }
        match self.kind {
            TargetKind::Class(_) => self.one_of([self.class(text)?]),
            TargetKind::Classes(_) => {
                let split = |character: char| character == ',' || character.is_whitespace();
                // Names of classes may hold spaces, so commas separate where there are any.
                let parts: Vec<&str> = match text.contains(',') {
                    true => text.split(',').map(str::trim).collect(),
                    false if self.classes.iter().any(|name| name == text) => vec![text],
                    false => text.split(split).collect(),
                };
                let parts = parts.into_iter().filter(|part| !part.is_empty());
                let classes: Result<Vec<usize>, Why> = parts.map(|part| self.class(part)).collect();
                self.one_of(classes?)
            }
            TargetKind::Tensor(_) => self.of_numbers(numbers_of_text(text)?),
        }
    }

    /// The value in JSON: a class, a list of them, or a list of numbers with points, one for each class.
    pub(super) fn of_json(&self, value: &Value) -> Result<Vec<f32>, Why> {
        let is_classes = !matches!(self.kind, TargetKind::Tensor(_));
        match value {
            Value::Number(number) if is_classes => self.one_of([self.class(&number.to_string())?]),
            Value::String(text) if is_classes => self.one_of([self.class(text.trim())?]),
            Value::Array(items) if is_classes => {
                let has_points = items.iter().any(Value::is_f64);
                if has_points {
                    return self.of_numbers(numbers_of(value)?);
                }
                let classes: Result<Vec<usize>, Why> = items
                    .iter()
                    .map(|item| {
                        let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                        self.class(text.trim())
                    })
                    .collect();
                self.one_of(classes?)
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => self.of_numbers(numbers_of(value)?),
        }
    }

    fn class(&self, text: &str) -> Result<usize, Why> {
        let (TargetKind::Class(n) | TargetKind::Classes(n)) = self.kind else {
            return Err(format!("`{}` has no classes", self.name));
        };
        if let Some(at) = self.classes.iter().position(|name| name == text) {
            return Ok(at);
        }
        let Ok(class) = text.parse::<u64>() else {
            let text: String = text.chars().take(40).collect();
            return Err(match self.classes.is_empty() {
                true => {
                    format!("`{text}` is no number of a class; name the classes of `{}`", self.name)
                }
                false => format!("`{text}` is no class of `{}`", self.name),
            });
        };
        if class < n {
            return Ok(size(class));
        }
        Err(format!("class {class}, but `{}` has {n}, numbered from 0", self.name))
    }

    fn one_of(&self, classes: impl IntoIterator<Item = usize>) -> Result<Vec<f32>, Why> {
        let mut hot = vec![0.0; self.numbers()];
        let mut n = 0;
        for class in classes {
            hot[class] = 1.0;
            n += 1;
        }
        if n != 1 && matches!(self.kind, TargetKind::Class(_)) {
            return Err(format!("{n} classes, but `{}` is one", self.name));
        }
        Ok(hot)
    }

    fn of_numbers(&self, numbers: Vec<f32>) -> Result<Vec<f32>, Why> {
        if numbers.len() == self.numbers() {
            return Ok(numbers);
        }
        Err(format!("{} numbers, but `{}` has {}", numbers.len(), self.name, self.numbers()))
    }

    /// The class, where there is exactly one.
    pub(super) fn class_of(&self, value: &[f32]) -> Option<usize> {
        let mut classes = (0..value.len()).filter(|at| value[*at] != 0.0);
        let first = classes.next().filter(|_| matches!(self.kind, TargetKind::Class(_)))?;
        classes.next().is_none().then_some(first)
    }
}

/// What a modality of ids or numbers is fed of a text.
pub(super) fn fed_of_text(host: &Host, text: &str, moment: &Moment) -> Result<Fed, Why> {
    let text = text.trim();
    if text.starts_with('[') {
        let value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        return fed_of_json(host, &value, moment);
    }
    let parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
    match host.feed {
        Feed::Text { .. } => {
            let ids: Result<Vec<i64>, _> = parts.map(str::parse).collect();
            host.of_ids(ids.map_err(|_| "not a list of ids".to_owned())?).map(Fed::Ids)
        }
        Feed::Tensor | Feed::Pictures { .. } | Feed::Wave { .. } => {
            host.of_numbers(numbers_of_text(text)?, moment).map(Fed::Numbers)
        }
    }
}

/// What a modality of ids or numbers is fed of a JSON value.
pub(super) fn fed_of_json(host: &Host, value: &Value, moment: &Moment) -> Result<Fed, Why> {
    if !matches!(host.feed, Feed::Text { .. }) {
        return host.of_numbers(numbers_of(value)?, moment).map(Fed::Numbers);
    }
    let items = value.as_array().ok_or("not a list of ids")?;
    let ids: Option<Vec<i64>> = items.iter().map(Value::as_i64).collect();
    host.of_ids(ids.ok_or("not a list of ids")?).map(Fed::Ids)
}

fn numbers_of_text(text: &str) -> Result<Vec<f32>, Why> {
    let parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().map_err(|_| format!("`{part}` is no number"))).collect()
}

/// All numbers in lists of lists, in order.
fn numbers_of(value: &Value) -> Result<Vec<f32>, Why> {
    let mut all = Vec::new();
    // JSON is read with a limit of depth.
    fn add(value: &Value, all: &mut Vec<f32>) -> Result<(), Why> {
        #[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
        match value {
            Value::Number(number) => {
                all.push(number.as_f64().ok_or("a number that is too large")? as f32);
                Ok(())
            }
            Value::Array(items) => items.iter().try_for_each(|item| add(item, all)),
            Value::Bool(value) => {
                all.push(f32::from(u8::from(*value)));
                Ok(())
            }
            Value::Null | Value::String(_) | Value::Object(_) => {
                Err("expected numbers or lists of them".to_owned())
            }
        }
    }
    add(value, &mut all)?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(kind: TargetKind, classes: &[&str]) -> Target {
        let shape = match &kind {
            TargetKind::Class(n) | TargetKind::Classes(n) => vec![size(*n)],
            TargetKind::Tensor(shape) => vec![size(shape.numbers())],
        };
        let classes = classes.iter().map(|name| (*name).to_owned()).collect();
        Target { name: "label".to_owned(), kind, classes, shape }
    }

    #[test]
    fn texts_become_values() {
        let one = || target(TargetKind::Class(4), &[]);
        let named = || target(TargetKind::Class(3), &["dog", "sea waves", "rain"]);
        let many = || target(TargetKind::Classes(4), &[]);
        let many_named = || target(TargetKind::Classes(3), &["dog", "sea waves", "rain"]);
        let shape = zorro_compiler::model::Shape::new(vec![1], 2);
        let tensor = || target(TargetKind::Tensor(shape.clone()), &[]);
        let check = |target: Target, text: &str, wanted: Option<&[f32]>| {
            let found = target.of_text(text);
            assert_eq!(found.as_deref().ok(), wanted, "{text}: {found:?}");
        };
        check(one(), "2\n", Some(&[0.0, 0.0, 1.0, 0.0]));
        check(one(), "4", None);
        check(one(), "-1", None);
        check(one(), "dog", None);
        check(one(), "[0.25, 0.75, 0, 0]", Some(&[0.25, 0.75, 0.0, 0.0]));
        check(one(), "[1, 2]", None);
        check(named(), "sea waves", Some(&[0.0, 1.0, 0.0]));
        check(named(), "2", Some(&[0.0, 0.0, 1.0]));
        check(named(), "cat", None);
        check(many(), "0 3", Some(&[1.0, 0.0, 0.0, 1.0]));
        check(many(), "", Some(&[0.0; 4]));
        check(many(), "[1]", Some(&[0.0, 1.0, 0.0, 0.0]));
        check(many_named(), "rain, sea waves", Some(&[0.0, 1.0, 1.0]));
        check(many_named(), "sea waves", Some(&[0.0, 1.0, 0.0]));
        check(tensor(), "[[1.5, -2]]", Some(&[1.5, -2.0]));
        check(tensor(), "1.5 2 3", None);
        check(one(), "[[[", None);
    }
}
