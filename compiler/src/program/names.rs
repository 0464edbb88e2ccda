//! How shaders call what they read and write.
//!
//! In: a plan. Out: for each operand of a kernel a variable's name and words for a comment. A weight has its own name, a fed
//! tensor that of its modality, and anything else that of the place that made it. Deliberately not here: bindings.

use std::collections::BTreeMap;

use crate::graph::Slot;
use crate::plan::{Arena, Plan, Region};

/// Names of a plan's operands.
pub(super) struct Names<'a> {
    plan: &'a Plan,
    /// Of each kernel the places that made what it reads, where kernels did.
    makers: Vec<Vec<Option<&'a str>>>,
}

impl<'a> Names<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        // First number to end and maker; what is written later replaces what lay there.
        let mut written: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
        let mut makers = Vec::new();
        for kernel in &plan.kernels {
            let maker = |region: &Region| -> Option<&str> {
                let found = written.range(..=region.offset).next_back()?;
                (region.arena == Arena::Activations && found.1.0 > region.offset)
                    .then_some(found.1.1)
            };
            makers.push(kernel.reads.iter().map(maker).collect());
            for write in kernel.writes.iter().filter(|write| write.arena == Arena::Activations) {
                written.insert(write.offset, (write.end(), &*kernel.path));
            }
        }
        Self { plan, makers }
    }

    /// What every read and then every write of a kernel is.
    pub(super) fn operands(&self, kernel: usize) -> Vec<String> {
        let found = &self.plan.kernels[kernel];
        let n_reads = found.reads.len();
        (0..n_reads + found.writes.len()).map(|operand| self.operand(kernel, operand)).collect()
    }

    fn operand(&self, kernel: usize, operand: usize) -> String {
        let found = &self.plan.kernels[kernel];
        let n_reads = found.reads.len();
        let region = found.reads.get(operand).unwrap_or_else(|| &found.writes[operand - n_reads]);
        match region.arena {
            Arena::Activations if operand >= n_reads => found.path.clone(),
            Arena::Activations => self.makers[kernel][operand].unwrap_or("activations").to_owned(),
            Arena::Inputs => self.input(region),
            Arena::Parameters(buffer, slot) => match slot {
                Slot::Weight => self.weight(region).unwrap_or(format!("weights.{}", buffer.0)),
                Slot::First => format!("first_moments.{}", buffer.0),
                Slot::Second => format!("second_moments.{}", buffer.0),
                Slot::Gradient => format!("gradient_sums.{}", buffer.0),
            },
            Arena::Table(table) => format!("table.{}", table.0),
        }
    }

    fn is_fed(&self, kernel: usize, operand: usize) -> bool {
        let reads = &self.plan.kernels[kernel].reads;
        reads.get(operand).is_some_and(|region| region.arena == Arena::Inputs)
    }

    fn input(&self, region: &Region) -> String {
        let inputs = self.plan.inputs.iter();
        let found = inputs.take_while(|(_, offset)| *offset <= region.offset).last();
        found.map_or("inputs".to_owned(), |(input, _)| input.name.clone())
    }

    /// The weight that a region is, or in which it lies.
    fn weight(&self, region: &Region) -> Option<String> {
        let Arena::Parameters(buffer, _) = region.arena else { return None };
        let places = self.plan.parameters.places.iter();
        let names = self.plan.parameters.names.iter();
        let mut found = places.zip(names).filter_map(|(place, name)| Some((place.as_ref()?, name)));
        let inside = |place: &crate::graph::Place| {
            place.buffer == buffer
                && place.offset <= region.offset
                && region.end() <= place.offset + place.numbers
        };
        found.find(|(place, _)| inside(place)).map(|(_, name)| name.clone())
    }

    /// A variable's name: as much of the operand's name as the kernel's place does not say already.
    pub(super) fn variable(&self, kernel: usize, operand: usize) -> String {
        let (path, name) = (&self.plan.kernels[kernel].path, self.operand(kernel, operand));
        let is_fed = self.is_fed(kernel, operand);
        let is_write = operand >= self.plan.kernels[kernel].reads.len();
        let own = name.strip_prefix(path.as_str()).and_then(|rest| rest.strip_prefix('.'));
        let tail: Vec<&str> = own.unwrap_or(&name).rsplit('.').take(2).collect();
        let words: Vec<&str> = tail
            .into_iter()
            .rev()
            .filter(|word| own.is_some() || !word.chars().all(|c| c.is_ascii_digit()))
            .collect();
        let mut made: String = words.join("_");
        made.retain(|c| c.is_ascii_alphanumeric() || c == '_');
        let made = made.trim_matches('_').to_owned();
        if is_write && name == *path {
            "output".to_owned()
        } else if made.contains('_') && made.starts_with(|c: char| c.is_ascii_alphabetic()) {
            made
        } else {
            // No word of the language, and none that skeletons use.
            format!("{}_{made}", if is_fed { "fed" } else { "of" })
        }
    }
}
