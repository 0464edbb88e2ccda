//! Under which conditions a model is evaluated: what it is given, and what becomes of the rest.
//!
//! In: the modalities of a model, and how they shall be absent. Out: a list of conditions, and batches changed to them.
//! Deliberately not here: what is measured.

use crate::compiler::flow::ModalitySet;
use crate::compiler::model::{Modality, Model, Source};
use crate::{Batch, Tensor, TensorData};

/// How a modality is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Absence {
    /// As for samples that never had it: nobody reads it, and what needs it is absent, too.
    Dropped,
    /// As in section 4.4 of the paper: what the model is fed, after the steps of its modality, is zeros, and counts as present.
    Zeroed,
}

/// What a model is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The modalities that samples keep, where they have them.
    pub given: Vec<String>,
    /// Those that are zeros for all samples. What is neither given nor zeroed is dropped.
    pub zeroed: Vec<String>,
    /// Whether nothing is absent.
    pub is_all: bool,
}

impl Condition {
    /// First all modalities, then, where there are several, each alone, the others absent in each of these ways.
    #[must_use]
    pub fn of(model: &Model, absences: &[Absence]) -> Vec<Self> {
        let names: Vec<String> =
            model.modalities.iter().map(|modality| modality.name.clone()).collect();
        let mut all = vec![Self { given: names.clone(), zeroed: Vec::new(), is_all: true }];
        if names.len() < 2 {
            return all;
        }
        for absence in absences {
            for name in &names {
                let zeroed = match absence {
                    Absence::Dropped => Vec::new(),
                    Absence::Zeroed => {
                        names.iter().filter(|other| *other != name).cloned().collect()
                    }
                };
                all.push(Self { given: vec![name.clone()], zeroed, is_all: false });
            }
        }
        all
    }

    /// As tables call it: `all`, `video alone`, `video, audio zeroed`.
    #[must_use]
    pub fn heading(&self) -> String {
        let given = self.given.join("+");
        match (self.zeroed.is_empty(), self.is_all && self.given.len() > 1) {
            (true, true) => "all".to_owned(),
            (true, false) => format!("{given} alone"),
            (false, _) => format!("{given}, {} zeroed", self.zeroed.join("+")),
        }
    }

    /// Whether it leaves anything of a sample that has these modalities: whether the sample has one that is given. Zeros in
    /// the place of others are nothing of the sample.
    pub(super) fn leaves(&self, has: ModalitySet, model: &Model) -> bool {
        let is_given = |name: &String| self.given.contains(name);
        model.modalities.is_empty()
            || has.iter().any(|id| is_given(&model.modalities[id.index()].name))
    }

    /// A batch of so many samples as this condition has it.
    pub(super) fn of_batch(&self, batch: &Batch, samples: usize, model: &Model) -> Batch {
        let is_in = |names: &[String], name: &str| names.iter().any(|other| other == name);
        let gone = |name: &str| {
            let name = name.strip_suffix(".present").unwrap_or(name);
            let is_modality = model.modalities.iter().any(|modality| modality.name == name);
            is_modality && !is_in(&self.given, name)
        };
        let kept = batch.tensors.iter().filter(|(name, _)| !gone(name));
        let mut changed = Batch {
            tensors: kept.map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect(),
        };
        for modality in &model.modalities {
            // Without a word on who has it, all do.
            if is_in(&self.zeroed, &modality.name) {
                changed.tensors.insert(modality.name.clone(), zeros(modality, samples));
            }
        }
        changed
    }
}

/// What a model is fed of a modality that is zeros.
fn zeros(modality: &Modality, samples: usize) -> Tensor {
    let size = |size: &u64| usize::try_from(*size).expect("limits of models keep sizes small");
    let grid = modality.shape.grid.iter().map(size);
    let mut shape: Vec<usize> = std::iter::once(samples).chain(grid).collect();
    let is_ids = matches!(modality.source, Source::Text { .. });
    if !is_ids {
        shape.push(size(&modality.shape.width));
    }
    let numbers = shape.iter().product();
    let data = match is_ids {
        true => TensorData::I64(vec![0; numbers]),
        false => TensorData::F32(vec![0.0; numbers]),
    };
    Tensor::new(shape, data).expect("as many numbers as the shape")
}

#[cfg(test)]
mod tests {
    use super::{Absence, Condition};
    use crate::compiler::check_text;
    use crate::{Batch, Tensor, TensorData};

    const SPEC: &str = "model m {
      modality a = tensor([2, 3])
      modality b = tensor([1, 2])
      modality words = text(length: 4, vocabulary: 9)
      tokens t = latents(1, 4)
      tokens a = a |> linear(4)
      tokens b = b |> linear(4)
      tokens words = words |> embed(4)
      apply decoder(2) over { t <- a, b, words }
      output z = t
    }";

    #[test]
    fn batches_under_conditions() {
        let checked = check_text(SPEC, &Default::default()).checked.expect("nothing is wrong");
        let model = &checked.model;
        let all = Condition::of(model, &[Absence::Dropped, Absence::Zeroed]);
        let headings: Vec<String> = all.iter().map(Condition::heading).collect();
        let expected = [
            "all",
            "a alone",
            "b alone",
            "words alone",
            "a, b+words zeroed",
            "b, a+words zeroed",
            "words, a+b zeroed",
        ];
        assert_eq!(headings, expected);
        let tensor = |shape: &[usize], data| Tensor::new(shape.to_vec(), data).expect("it fits");
        let mut batch = Batch::default();
        batch.tensors.insert("a", tensor(&[2, 2, 3], TensorData::F32(vec![1.0; 12])));
        batch.tensors.insert("a.present", tensor(&[2], TensorData::U8(vec![1, 0])));
        batch.tensors.insert("b.present", tensor(&[2], TensorData::U8(vec![0, 0])));
        let names = |at: usize| -> Vec<String> {
            let batch = all[at].of_batch(&batch, 2, model);
            batch.fed(model, &[], 2).expect("the model takes it");
            batch.tensors.names().map(str::to_owned).collect()
        };
        assert_eq!(names(0), ["a", "a.present", "b.present"]);
        assert_eq!(names(1), ["a", "a.present"]);
        assert_eq!(names(4), ["a", "a.present", "b", "words"]);
        assert_eq!(names(5), ["a", "b.present", "words"]);
        let zeroed = all[5].of_batch(&batch, 2, model);
        assert_eq!(zeroed.tensors.get("a").expect("it is there").data().to_f32(), [0.0; 12]);
        assert_eq!(zeroed.tensors.get("words").expect("it is there").shape(), [2, 4]);
    }
}
