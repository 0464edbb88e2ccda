//! Targets and other values that stand in texts: classes, lists, numbers.
//!
//! In: a text or a JSON value. Out: what a target is fed: a distribution over classes, or numbers. Deliberately not here:
//! where the text comes from.

mod label;
mod names;
#[cfg(test)]
mod tests;

use jiter::JsonValue;
use zorro_compiler::model::{Target as ModelTarget, TargetKind};

use super::config::Labels;
use super::error::Why;
use super::host::{Feed, Host, Moment};
use super::json;
use super::media::Trouble;
use super::recipe::Fed;
pub(super) use label::Label;
pub(super) use names::Names;

/// A target of the model.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) kind: TargetKind,
    /// Names of classes, where files name them.
    pub(super) names: Names,
    /// How labels are written, where that is declared.
    pub(super) labels: Option<Labels>,
    /// `[classes]`, or the sizes of a tensor.
    pub(super) shape: Vec<usize>,
}

fn size(number: u64) -> usize {
    usize::try_from(number).expect("limits of models keep sizes small")
}

/// So much of a text as fits a message.
fn cut(text: &str) -> &str {
    text.char_indices().nth(60).map_or(text, |(end, _)| &text[..end])
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
        Self { name, kind, names: Names::default(), labels: None, shape }
    }

    fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// How many classes.
    fn n(&self) -> usize {
        self.shape[0]
    }

    /// Whether classes exclude each other.
    fn is_one(&self) -> bool {
        matches!(self.kind, TargetKind::Class(_))
    }

    /// The value in a text: a class, or a list of them, a value for each class, or numbers.
    pub(super) fn of_text(&self, text: &str) -> Result<Vec<f32>, Trouble> {
        match self.kind {
            TargetKind::Class(_) | TargetKind::Classes(_) => {
                self.of_label(Label::of_text(self, text)?)
            }
            TargetKind::Tensor(_) => numbers_of_text(text)
                .and_then(|numbers| self.of_numbers(numbers))
                .map_err(Trouble::Why),
        }
    }

    /// The value in JSON.
    pub(super) fn of_json(&self, value: &JsonValue<'_>) -> Result<Vec<f32>, Trouble> {
        match self.kind {
            TargetKind::Class(_) | TargetKind::Classes(_) => {
                self.of_label(Label::of_json(self, value)?)
            }
            TargetKind::Tensor(_) => {
                numbers_of(value).and_then(|numbers| self.of_numbers(numbers)).map_err(Trouble::Why)
            }
        }
    }

    /// What is read of a text where it is a label; `None` for tensors.
    pub(super) fn label(&self, text: &str) -> Result<Option<Label>, Trouble> {
        match self.kind {
            TargetKind::Class(_) | TargetKind::Classes(_) => Label::of_text(self, text).map(Some),
            TargetKind::Tensor(_) => self.of_text(text).map(|_| None),
        }
    }

    /// Whether it has a class of this number.
    pub(super) fn has(&self, class: i64) -> bool {
        usize::try_from(class).is_ok_and(|class| class < self.n())
    }

    fn of_label(&self, label: Label) -> Result<Vec<f32>, Trouble> {
        let classes = match label {
            Label::Values(values) => return Ok(values),
            Label::Classes(classes) => classes,
        };
        let mut hot = vec![0.0; self.n()];
        for class in classes {
            let place = usize::try_from(class).ok().and_then(|class| hot.get_mut(class));
            *place.ok_or_else(|| Trouble::Declared(self.outside(class, None)))? = 1.0;
        }
        Ok(hot)
    }

    /// That there is no class of a number, with what may be the reason: all that is known are the numbers that stand beside
    /// it, from the lowest to the highest.
    pub(super) fn outside(&self, class: i64, beside: Option<(i64, i64)>) -> Why {
        let (name, n) = (&self.name, self.n());
        let last = i64::try_from(n).unwrap_or(i64::MAX);
        let said = format!("class {class}, but the classes of `{name}` are 0 to {}", last - 1);
        match beside.unwrap_or((1, class)) {
            (1, highest) if highest == last => format!(
                "{said}: labels 1 to {last} for {n} classes, do they count from one? Then subtract one, or name the \
                 classes (`classes: {{ {name}: ['1', '2', ..] }}`)"
            ),
            _ if class < 0 => format!("{said}; a sample that has none lacks the value"),
            (lowest, highest) if beside.is_some() => {
                format!("{said}; labels are {lowest} to {highest}")
            }
            _ => said,
        }
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
        return fed_of_json(host, &json::parse(text)?, moment);
    }
    match host.feed {
        Feed::Text { .. } => {
            let ids: Result<Vec<i64>, _> = parts(text)?.into_iter().map(str::parse).collect();
            host.of_ids(ids.map_err(|_| "not a list of ids".to_owned())?).map(Fed::Ids)
        }
        Feed::Tensor | Feed::Pictures { .. } | Feed::Wave { .. } => {
            host.of_numbers(numbers_of_text(text)?, moment).map(Fed::Numbers)
        }
    }
}

/// What a modality of ids or numbers is fed of a JSON value.
pub(super) fn fed_of_json(host: &Host, value: &JsonValue<'_>, moment: &Moment) -> Result<Fed, Why> {
    if let JsonValue::Str(text) = value {
        return fed_of_text(host, text, moment);
    }
    if !matches!(host.feed, Feed::Text { .. }) {
        return host.of_numbers(numbers_of(value)?, moment).map(Fed::Numbers);
    }
    let JsonValue::Array(items) = value else { return Err("not a list of ids".to_owned()) };
    let id = |item: &JsonValue<'_>| match item {
        JsonValue::Int(id) => Some(*id),
        #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
        JsonValue::Float(id) if id.fract() == 0.0 && id.abs() < 1e15 => Some(*id as i64),
        JsonValue::Null
        | JsonValue::Bool(_)
        | JsonValue::Float(_)
        | JsonValue::Str(_)
        | JsonValue::Array(_)
        | JsonValue::Object(_) => None,
    };
    let ids: Option<Vec<i64>> = items.iter().map(id).collect();
    host.of_ids(ids.ok_or("not a list of ids")?).map(Fed::Ids)
}

/// What stands between commas and spaces. Between two commas there is something.
fn parts(text: &str) -> Result<Vec<&str>, Why> {
    let mut parts = Vec::new();
    for piece in text.split(',') {
        let before = parts.len();
        parts.extend(piece.split_whitespace());
        if parts.len() == before && !text.trim().is_empty() {
            return Err(format!("nothing stands between two commas of `{}`", cut(text)));
        }
    }
    Ok(parts)
}

fn numbers_of_text(text: &str) -> Result<Vec<f32>, Why> {
    let text = text.trim();
    if text.starts_with('[') {
        return numbers_of(&json::parse(text)?);
    }
    let number = |part: &str| {
        let number: f32 = part.parse().map_err(|_| format!("`{}` is no number", cut(part)))?;
        finite(number, || cut(part).to_owned())
    };
    parts(text)?.into_iter().map(number).collect()
}

/// A number that can be fed.
fn finite(number: f32, told: impl Fn() -> String) -> Result<f32, Why> {
    if number.is_finite() { Ok(number) } else { Err(format!("{} is no finite number", told())) }
}

/// All numbers in lists of lists, in order.
fn numbers_of(value: &JsonValue<'_>) -> Result<Vec<f32>, Why> {
    let mut all = Vec::new();
    // JSON is read with a limit of depth.
    fn add(value: &JsonValue<'_>, all: &mut Vec<f32>) -> Result<(), Why> {
        match value {
            JsonValue::Int(_) | JsonValue::Float(_) => {
                let number = json::number(value).unwrap_or(f64::NAN);
                #[expect(clippy::cast_possible_truncation, reason = "rounds to what is fed")]
                all.push(finite(number as f32, || number.to_string())?);
            }
            JsonValue::Array(items) => items.iter().try_for_each(|item| add(item, all))?,
            JsonValue::Bool(value) => all.push(f32::from(u8::from(*value))),
            JsonValue::Null | JsonValue::Str(_) | JsonValue::Object(_) => {
                return Err("expected numbers or lists of them".to_owned());
            }
        }
        Ok(())
    }
    match value {
        JsonValue::Str(text) => return numbers_of_text(text),
        JsonValue::Null
        | JsonValue::Bool(_)
        | JsonValue::Int(_)
        | JsonValue::Float(_)
        | JsonValue::Array(_)
        | JsonValue::Object(_) => add(value, &mut all)?,
    }
    Ok(all)
}
