//! What an objective needs that no sample has.
//!
//! In: a model, one of its objectives, a look at a data set. Out: what is missing, term by term: an error where no term has its
//! operands and its target in any sample, since then nothing is learned; a note where only some lack them, or where nobody
//! looked far enough to know. Deliberately not here: reading.

use super::{Has, Look, SourceLook};
use crate::compiler::flow::{Flow, ModalitySet, Presence};
use crate::compiler::grammar::diagnostic::nearest;
use crate::compiler::model::{
    Loss, Modality, ModalityId, Model, MseTarget, Objective, Source, TargetId, TargetKind, ValueId,
};

/// Something that data lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Whether nothing is left to be learned.
    pub is_fatal: bool,
    /// What is missing.
    pub message: String,
    /// Which names were found instead, and what to write.
    pub help: Option<String>,
}

/// One term of a loss.
struct Term {
    told: String,
    presence: Presence,
    target: Option<TargetId>,
}

/// Whether some sample has what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    No,
    Perhaps,
    Yes,
}

/// What an objective, and then the rest of the model, needs that no sample has.
#[must_use]
pub fn lacking(model: &Model, flow: &Flow, objective: &Objective, look: &Look) -> Vec<Lack> {
    let mut terms = Vec::new();
    collect(model, flow, &objective.loss, &mut terms);
    let answers: Vec<Answer> = terms.iter().map(|term| look.has(|has| term.is_in(has))).collect();
    let missing = Missing { model, look, objective: &objective.name };
    let best = answers.iter().max().copied().unwrap_or(Answer::No);
    let mut lacks = Vec::new();
    match best {
        Answer::No => return vec![missing.everything(&terms)],
        Answer::Perhaps => lacks.push(missing.perhaps(&terms)),
        Answer::Yes => {
            let without = terms.iter().zip(&answers).filter(|(_, answer)| **answer == Answer::No);
            lacks.extend(without.map(|(term, _)| missing.of_term(term)));
        }
    }
    lacks.extend(missing.of_model(flow, objective));
    lacks
}

fn collect(model: &Model, flow: &Flow, loss: &Loss, terms: &mut Vec<Term>) {
    let name = |value: ValueId| {
        let output = model.outputs.iter().find(|output| output.value == value);
        let group = || model.value(value).group.map(|group| model.group_name(group));
        output.map(|output| output.name.as_str()).or_else(group).unwrap_or("..")
    };
    let of_target = |target: TargetId| model.targets[target.index()].name.as_str();
    let (told, target) = match loss {
        Loss::Mean(all) => return all.iter().for_each(|one| collect(model, flow, one, terms)),
        Loss::Sum(all) => return all.iter().for_each(|(_, one)| collect(model, flow, one, terms)),
        Loss::CrossEntropy { logits, target, .. } => {
            (format!("cross_entropy({}, {})", name(*logits), of_target(*target)), Some(*target))
        }
        Loss::SigmoidCrossEntropy { logits, target } => {
            let told = format!("sigmoid_cross_entropy({}, {})", name(*logits), of_target(*target));
            (told, Some(*target))
        }
        Loss::Nce { a, b, .. } => (format!("nce({}, {})", name(*a), name(*b)), None),
        Loss::Mse { a, b: MseTarget::Target(target) } => {
            (format!("mse({}, {})", name(*a), of_target(*target)), Some(*target))
        }
        Loss::Mse { a, b: MseTarget::Value(b) } => {
            (format!("mse({}, {})", name(*a), name(*b)), None)
        }
    };
    terms.push(Term { told, presence: flow.term(loss), target });
}

impl Term {
    /// Whether a sample that has this has the term.
    fn is_in(&self, has: &Has) -> bool {
        let ids = (0..).zip(&has.modalities).filter(|(_, there)| **there);
        let ids = ids.map(|(id, _)| ModalityId(id));
        self.presence.holds(ModalitySet::of(ids))
            && self.target.is_none_or(|target| has.targets[target.index()])
    }
}

impl Look {
    fn has(&self, is_it: impl Fn(&Has) -> bool) -> Answer {
        if self.sources.iter().flat_map(|source| &source.seen).any(&is_it) {
            Answer::Yes
        } else if self.sources.iter().flat_map(|source| &source.possible).any(is_it) {
            Answer::Perhaps
        } else {
            Answer::No
        }
    }
}

/// What is said of what is missing.
struct Missing<'a> {
    model: &'a Model,
    look: &'a Look,
    objective: &'a str,
}

/// A modality or target that no sample has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Modality(usize),
    Target(usize),
}

impl Missing<'_> {
    fn name(&self, wanted: Wanted) -> &str {
        match wanted {
            Wanted::Modality(at) => &self.model.modalities[at].name,
            Wanted::Target(at) => &self.model.targets[at].name,
        }
    }

    /// What a term needs, each by itself, that no sample has.
    fn lacked_by(&self, term: &Term) -> Vec<Wanted> {
        let target = term.target.map(|target| target.index());
        let target = target.filter(|at| self.look.has(|has| has.targets[*at]) == Answer::No);
        let is_missing = |at: &usize| self.look.has(|has| has.modalities[*at]) == Answer::No;
        // Of sets that would each do, the one that lacks least.
        let sets = term.presence.terms().iter().map(|set| -> Vec<usize> {
            set.iter().map(|id| id.index()).filter(is_missing).collect()
        });
        let modalities = sets.min_by_key(Vec::len).unwrap_or_default();
        let modalities = modalities.into_iter().map(Wanted::Modality);
        target.into_iter().map(Wanted::Target).chain(modalities).collect()
    }

    /// No term has anything.
    fn everything(&self, terms: &[Term]) -> Lack {
        let mut wanted: Vec<Wanted> = Vec::new();
        for one in terms.iter().flat_map(|term| self.lacked_by(term)) {
            if !wanted.contains(&one) {
                wanted.push(one);
            }
        }
        let message = match terms {
            [] => format!("`{}` has no terms", self.objective),
            [..] if wanted.is_empty() => format!(
                "no sample has all that one term of `{}` needs: {}",
                self.objective,
                self.together(terms)
            ),
            [..] => format!(
                "no sample has {}, so no term of `{}` can be computed",
                self.listed(&wanted),
                self.objective
            ),
        };
        Lack { is_fatal: true, message, help: self.help(&wanted) }
    }

    /// Nobody knows whether a term has anything.
    fn perhaps(&self, terms: &[Term]) -> Lack {
        let read: u64 =
            self.look.sources.iter().map(|source| source.read[0].max(source.read[1])).sum();
        let told: Vec<String> = terms.iter().map(|term| format!("`{}`", term.told)).collect();
        let message = format!(
            "none of the {read} samples that were looked at has what a term of `{}` needs ({})",
            self.objective,
            told.join(", ")
        );
        Lack { is_fatal: false, message, help: self.help(&[]) }
    }

    /// A term that lacks something where others do not.
    fn of_term(&self, term: &Term) -> Lack {
        let wanted = self.lacked_by(term);
        let message = match wanted.as_slice() {
            [] => format!(
                "no sample has all that a term needs: {}",
                self.together(std::slice::from_ref(term))
            ),
            wanted => {
                format!("no sample has {}: `{}` counts nowhere", self.listed(wanted), term.told)
            }
        };
        Lack { is_fatal: false, message, help: self.help(&wanted) }
    }

    /// Modalities of the model that no sample has and that the objective does not need.
    fn of_model(&self, flow: &Flow, objective: &Objective) -> Option<Lack> {
        let needs = objective.loss.operands();
        let needed =
            needs.iter().fold(ModalitySet::EMPTY, |all, value| all.union(flow.sees(*value)));
        let ids = (0..).map(ModalityId).take(self.model.modalities.len());
        let spare = ids.filter(|id| {
            !needed.contains(*id) && self.look.has(|has| has.modalities[id.index()]) == Answer::No
        });
        let wanted: Vec<Wanted> = spare.map(|id| Wanted::Modality(id.index())).collect();
        let message = format!(
            "no sample has {}, which `{}` does not need",
            self.listed(&wanted),
            self.objective
        );
        let help = self.help(&wanted);
        (!wanted.is_empty()).then_some(Lack { is_fatal: false, message, help })
    }

    /// `a value of `label``, `the modality `sound``.
    fn listed(&self, wanted: &[Wanted]) -> String {
        let one = |wanted: &Wanted| match wanted {
            Wanted::Modality(_) => format!("the modality `{}`", self.name(*wanted)),
            Wanted::Target(_) => format!("a value of `{}`", self.name(*wanted)),
        };
        wanted.iter().map(one).collect::<Vec<_>>().join(" or ")
    }

    /// What terms need at once.
    fn together(&self, terms: &[Term]) -> String {
        let one = |term: &Term| {
            let set = term.presence.terms().first().copied().unwrap_or_default();
            let mut names: Vec<&str> =
                set.iter().map(|id| self.model.modalities[id.index()].name.as_str()).collect();
            names.extend(term.target.map(|at| self.model.targets[at.index()].name.as_str()));
            format!("`{}` wants {} in one sample", term.told, names.join(" and "))
        };
        terms.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Names that nothing uses, and what to write.
    fn help(&self, wanted: &[Wanted]) -> Option<String> {
        let mut parts = Vec::new();
        for source in &self.look.sources {
            let told = source.leftovers();
            if let Some(told) = told {
                parts.push(told);
            }
            parts.extend(wanted.iter().filter_map(|wanted| self.meant(*wanted, source)));
        }
        parts.dedup();
        parts.truncate(6);
        if parts.is_empty() && !wanted.is_empty() {
            let names: Vec<&str> = wanted.iter().map(|wanted| self.name(*wanted)).collect();
            return Some(format!(
                "nothing was found that could be {}: files and cells get their meaning by extension or column, or by \
                 `roles:`",
                names.join(" or ")
            ));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// What may have been meant, and the line to write.
    fn meant(&self, wanted: Wanted, source: &SourceLook) -> Option<String> {
        let name = self.name(wanted);
        let unused = || source.unused.iter().map(|(name, _)| name.as_str());
        if let Some(found) = self.like(wanted, unused()) {
            let quoted = match found.chars().all(|c| c.is_alphanumeric() || "._-".contains(c)) {
                true => found.to_owned(),
                false => format!("'{found}'"),
            };
            return Some(format!(
                "if `{found}` is meant, write `roles: {{ {quoted}: {name} }}` in the source"
            ));
        }
        let found = self.like(wanted, source.keys.iter().map(|(key, _)| key.as_str()))?;
        Some(format!(
            "if the key `{found}` is meant, call it `{name}` in the JSON, or the spec's target `{found}`"
        ))
    }

    fn like<'a>(&self, wanted: Wanted, found: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let found: Vec<&str> = found.collect();
        let name = self.name(wanted).to_lowercase();
        let lower: Vec<String> = found.iter().map(|found| found.to_lowercase()).collect();
        let near = nearest(&name, lower.iter().map(String::as_str));
        let place = near.and_then(|near| lower.iter().position(|found| found == near));
        let holds = |found: &String| {
            found.len().min(name.len()) > 2
                && (found.contains(&name) || name.contains(found.as_str()))
        };
        let place = place.or_else(|| lower.iter().position(holds));
        let words = match wanted {
            Wanted::Modality(at) => words_of(&self.model.modalities[at]),
            Wanted::Target(at) => match self.model.targets[at].kind {
                TargetKind::Class(_) | TargetKind::Classes(_) => LABELS,
                TargetKind::Tensor(_) => &["target", "value", "y"],
            },
        };
        let word = || words.iter().find_map(|word| lower.iter().position(|found| found == word));
        let place = place.or_else(word);
        place.map(|at| found[at])
    }
}

/// What people call classes.
const LABELS: &[&str] = &[
    "label",
    "labels",
    "class",
    "classes",
    "cls",
    "category",
    "target",
    "tag",
    "tags",
    "y",
    "txt",
    "class_id",
    "label_id",
    "category_id",
    "id",
];

/// What people call files of a modality.
fn words_of(modality: &Modality) -> &'static [&'static str] {
    match modality.source {
        Source::Frames { .. } => &["video", "frames", "clip", "mp4"],
        Source::Image { .. } => &["image", "img", "picture", "photo", "frame"],
        Source::Wave { .. } => &["audio", "sound", "wav", "wave", "speech"],
        Source::Text { .. } => &["text", "ids", "tokens", "caption", "txt"],
        Source::Tensor => &["features", "values", "vector", "x"],
    }
}

impl SourceLook {
    /// What nothing uses, in words.
    fn leftovers(&self) -> Option<String> {
        let names = |found: &[(String, u64)], what: [&str; 2], point: &str| {
            let shown: Vec<String> =
                found.iter().take(8).map(|(name, _)| format!("`{point}{name}`")).collect();
            let more = if found.len() > 8 { ", .." } else { "" };
            let what = what[usize::from(found.len() > 1)];
            (!found.is_empty()).then(|| format!("{what} {}{more}", shown.join(", ")))
        };
        let unused = match self.is_table {
            true => names(&self.unused, ["the column", "the columns"], ""),
            false => names(&self.unused, ["members", "members"], "."),
        };
        let keys = names(&self.keys, ["the JSON key", "the JSON keys"], "");
        let both: Vec<String> = unused.into_iter().chain(keys).collect();
        (!both.is_empty()).then(|| format!("nothing uses {}", both.join(" and ")))
    }
}
