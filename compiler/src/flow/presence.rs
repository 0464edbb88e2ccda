//! Sets of modalities, and monotone formulas over them.
//!
//! In: modalities and the operations and, or. Out: for a formula the antichain of its minimal sets,
//! which is canonical, so that equal formulas are equal values. Deliberately not here: negation; no
//! value exists because a modality is missing.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::{ModalityId, Model};

/// A set of the modalities of one model; `resolve` allows at most 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ModalitySet(u64);

impl ModalitySet {
    /// No modality.
    pub const EMPTY: Self = Self(0);

    /// One modality.
    #[must_use]
    pub fn only(modality: ModalityId) -> Self {
        Self(1u64.checked_shl(modality.0).expect("resolve limits modalities to 32"))
    }

    /// These modalities.
    #[must_use]
    pub fn of(modalities: impl IntoIterator<Item = ModalityId>) -> Self {
        modalities.into_iter().fold(Self::EMPTY, |set, modality| set.union(Self::only(modality)))
    }

    /// What is in one of the two.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this one alone.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it has the modality.
    #[must_use]
    pub fn contains(self, modality: ModalityId) -> bool {
        Self::only(modality).is_within(self)
    }

    /// Whether all of it is in the other one.
    #[must_use]
    pub fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many it has.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Its modalities in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = ModalityId> {
        (0..64).filter(move |bit| self.0 >> bit & 1 == 1).map(ModalityId)
    }

    /// The names, separated by commas; `nothing` if it is empty.
    pub fn display(self, model: &Model) -> impl fmt::Display {
        let text = self.joined(model, ", ");
        if text.is_empty() { "nothing".to_owned() } else { text }
    }

    fn joined(self, model: &Model, separator: &str) -> String {
        let names = self.iter().map(|modality| model.modalities[modality.index()].name.as_str());
        names.collect::<Vec<_>>().join(separator)
    }
}

/// The largest number of minimal sets of one [`Presence`].
pub const MAX_TERMS: usize = 1024;

/// The pairs of terms that one model may ask for: a second of work.
const MAX_WORK: usize = MAX_TERMS * MAX_TERMS;

/// When a value exists: for samples that have all modalities of at least one of these sets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Presence {
    /// None contains another; sorted by size, then by modalities.
    terms: Vec<ModalitySet>,
}

impl Presence {
    /// Always.
    #[must_use]
    pub fn always() -> Self {
        Self { terms: vec![ModalitySet::EMPTY] }
    }

    /// Never.
    #[must_use]
    pub fn never() -> Self {
        Self { terms: Vec::new() }
    }

    /// With this modality.
    #[must_use]
    pub fn with(modality: ModalityId) -> Self {
        Self { terms: vec![ModalitySet::only(modality)] }
    }

    /// Whether a sample with these modalities has the value.
    #[must_use]
    pub fn holds(&self, set: ModalitySet) -> bool {
        self.terms.iter().any(|term| term.is_within(set))
    }

    /// The minimal sets.
    #[must_use]
    pub fn terms(&self) -> &[ModalitySet] {
        &self.terms
    }

    /// When both hold; `None` above [`MAX_TERMS`].
    #[must_use]
    pub fn and(&self, other: &Self) -> Option<Self> {
        let pairs = self.terms.iter().flat_map(|a| other.terms.iter().map(|b| a.union(*b)));
        Self::minimal(pairs.collect())
    }

    /// When one of them holds; `None` above [`MAX_TERMS`].
    #[must_use]
    pub fn or(&self, other: &Self) -> Option<Self> {
        Self::minimal(self.terms.iter().chain(&other.terms).copied().collect())
    }

    /// Whether the other one holds wherever this one does.
    #[must_use]
    pub fn implies(&self, other: &Self) -> bool {
        self.terms.iter().all(|term| other.holds(*term))
    }

    /// When it holds, where there are only these modalities.
    #[must_use]
    pub fn within(&self, only: ModalitySet) -> Self {
        Self { terms: self.terms.iter().copied().filter(|term| term.is_within(only)).collect() }
    }

    fn minimal(mut candidates: Vec<ModalitySet>) -> Option<Self> {
        candidates.sort_unstable_by_key(|term| (term.len(), *term));
        candidates.dedup();
        let mut terms: Vec<ModalitySet> = Vec::new();
        for candidate in candidates {
            if !terms.iter().any(|term| term.is_within(candidate)) {
                terms.push(candidate);
                if terms.len() > MAX_TERMS {
                    return None;
                }
            }
        }
        Some(Self { terms })
    }

    /// `always`, `video`, `video & audio`, `video | audio`, `never`; `&` binds tighter.
    pub fn display(&self, model: &Model) -> impl fmt::Display {
        match self.terms.as_slice() {
            [] => "never".to_owned(),
            [term] if term.is_empty() => "always".to_owned(),
            terms => {
                let terms = terms.iter().map(|term| term.joined(model, " & "));
                terms.collect::<Vec<_>>().join(" | ")
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Junction {
    And,
    Or,
}

/// The different formulas of a model, each stored once; what was combined once is looked up.
pub(super) struct Formulas {
    all: Vec<Presence>,
    ids: BTreeMap<Presence, usize>,
    known: BTreeMap<(Junction, usize, usize), usize>,
    work: usize,
}

impl Formulas {
    pub(super) const TRUE: usize = 0;
    pub(super) const FALSE: usize = 1;

    pub(super) fn new() -> Self {
        let all = vec![Presence::always(), Presence::never()];
        let ids = all.iter().cloned().zip(0..).collect();
        Self { all, ids, known: BTreeMap::new(), work: 0 }
    }

    /// The formulas of a model, to be combined further.
    pub(super) fn from(all: Vec<Presence>) -> Self {
        let ids = all.iter().cloned().zip(0..).collect();
        Self { all, ids, known: BTreeMap::new(), work: 0 }
    }

    pub(super) fn into_vec(self) -> Vec<Presence> {
        self.all
    }

    pub(super) fn bit(&mut self, modality: ModalityId) -> Option<usize> {
        Some(self.intern(Presence::with(modality)))
    }

    pub(super) fn and(&mut self, a: usize, b: usize) -> Option<usize> {
        self.combine(Junction::And, a, b)
    }

    pub(super) fn or(&mut self, a: usize, b: usize) -> Option<usize> {
        self.combine(Junction::Or, a, b)
    }

    pub(super) fn all(&mut self, ids: &[usize]) -> Option<usize> {
        ids.iter().try_fold(Self::TRUE, |all, &id| self.and(all, id))
    }

    pub(super) fn any(&mut self, ids: &[usize]) -> Option<usize> {
        ids.iter().try_fold(Self::FALSE, |any, &id| self.or(any, id))
    }

    fn combine(&mut self, junction: Junction, a: usize, b: usize) -> Option<usize> {
        let key = (junction, a.min(b), a.max(b));
        if a == b {
            return Some(a);
        }
        if let Some(id) = self.known.get(&key) {
            return Some(*id);
        }
        let (left, right) = (&self.all[a], &self.all[b]);
        self.work += left.terms.len() * right.terms.len();
        if self.work > MAX_WORK {
            return None;
        }
        let made = match junction {
            Junction::And => left.and(right),
            Junction::Or => left.or(right),
        };
        let id = self.intern(made?);
        self.known.insert(key, id);
        Some(id)
    }

    fn intern(&mut self, presence: Presence) -> usize {
        if let Some(id) = self.ids.get(&presence) {
            return *id;
        }
        self.all.push(presence.clone());
        self.ids.insert(presence, self.all.len() - 1);
        self.all.len() - 1
    }
}
