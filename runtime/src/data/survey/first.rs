//! The first samples of a source, and its labels, in seconds.
//!
//! In: a source. Out: a [`SourceLook`]. Labels are read without media: all of a table, of shards the first and some of every
//! part; where none has a label yet, more. Then the first samples are decoded. Deliberately not here: what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::{Count, Limits, SourceLook, Values};
use crate::data::draw::Draw;
use crate::data::error::{NAMED, Problems};
use crate::data::host::Moment;
use crate::data::media::Trouble;
use crate::data::recipe::Sample;
use crate::data::source::Source;
use crate::data::source::look::{Has, May};
use crate::data::{DataError, FEW, Found};

/// So many samples of shards in a row have their labels read, before those of every part.
const IN_A_ROW: usize = 256;
/// So many samples are read at a time.
const CHUNK: usize = 256;
/// So many times as long a label is looked for that no sample has yet.
const SEARCH: u32 = 5;

/// What is being found out about a source.
struct Looking<'a> {
    found: &'a Found,
    at: usize,
    source: &'a Source,
    /// Of what each sample may have in files that have to be opened: opened ones, and those that have it. Modalities, then
    /// targets.
    opened: Vec<[u64; 2]>,
    seen: BTreeSet<Has>,
    broken: BTreeMap<usize, String>,
    /// Samples whose labels were read, and that were decoded.
    read: [u64; 2],
    /// Samples that were tried to be decoded.
    tried: u64,
}

/// Looks at one source.
pub(super) fn look(
    found: &Found,
    at: usize,
    limits: &Limits,
    values: &mut [Values],
    broken: &mut Vec<String>,
    stop: &AtomicBool,
) -> Result<SourceLook, DataError> {
    let (source, recipe) = (&found.sources[at], &found.recipe);
    let sorts = source.sorts(recipe);
    let n = recipe.hosts.len() + recipe.targets.len();
    let (opened, seen) = (vec![[0; 2]; n], BTreeSet::new());
    let mut looking = Looking {
        found,
        at,
        source,
        opened,
        seen,
        broken: BTreeMap::new(),
        read: [0; 2],
        tried: 0,
    };
    looking.labels(&sorts, limits, values, stop)?;
    looking.decode(limits, stop)?;
    broken.extend(
        looking.broken.iter().map(|(number, why)| format!("{}: {why}", source.name(*number))),
    );
    looking.judge()?;
    Ok(looking.result(&sorts))
}

impl Looking<'_> {
    /// Reads labels.
    fn labels(
        &mut self,
        sorts: &[(May, u64)],
        limits: &Limits,
        values: &mut [Values],
        stop: &AtomicBool,
    ) -> Result<(), DataError> {
        let has_targets = |(may, _): &(May, u64)| {
            let has = may.surely.or(&may.in_json);
            has.targets.contains(&true) || may.in_json.modalities.contains(&true)
        };
        if !sorts.iter().any(has_targets) {
            values.iter_mut().for_each(|values| values.read += self.source.len() as u64);
            self.read[0] = self.source.len() as u64;
            return Ok(());
        }
        let (order, rest) = self.order(limits);
        let begin = Instant::now();
        let wanted = sorts
            .iter()
            .fold(Has::nothing(&self.found.recipe), |all, (may, _)| all.or(&may.in_json));
        for (at, chunk) in order.chunks(CHUNK).chain(rest.chunks(CHUNK)).enumerate() {
            let is_search = at >= order.len().div_ceil(CHUNK);
            let missing = is_search && self.lacks_some(&wanted);
            let time = if missing { SEARCH * limits.time } else { limits.time };
            if stop.load(Ordering::Relaxed) || (at > 0 && begin.elapsed() > time) {
                break;
            }
            if is_search && !missing && !self.source.is_table() {
                break;
            }
            let (source, recipe) = (self.source, &self.found.recipe);
            let read: Vec<Result<Sample, Trouble>> =
                chunk.par_iter().map(|number| source.values(*number, recipe)).collect();
            for (number, read) in chunk.iter().zip(read) {
                let Some(sample) = self.taken(*number, read)? else { continue };
                self.read[0] += 1;
                let may = source.may(*number, recipe);
                let own = Has::of(&sample);
                self.count(&may.surely, &may.in_json, &own);
                self.seen.insert(may.surely.or(&own));
                for (values, value) in values.iter_mut().zip(&sample.targets) {
                    values.add(value.as_deref());
                }
            }
        }
        Ok(())
    }

    /// Whether some of what stands in JSON was met nowhere yet.
    fn lacks_some(&self, wanted: &Has) -> bool {
        let n = wanted.modalities.len();
        let targets = wanted.targets.iter().enumerate();
        let mut missing = targets.filter(|(at, wanted)| **wanted && self.opened[n + at][1] == 0);
        missing.next().is_some()
    }

    /// The samples whose labels are read, and those where labels are looked for that none of them has.
    fn order(&self, limits: &Limits) -> (Vec<usize>, Vec<usize>) {
        let n = self.source.len();
        if self.source.is_table() || n <= limits.labels {
            return ((0..n).collect(), Vec::new());
        }
        let mut order: Vec<usize> = (0..IN_A_ROW.min(limits.labels)).collect();
        let parts = limits.labels - order.len();
        for part in 0..parts {
            let (begin, end) = (part * n / parts, (part + 1) * n / parts);
            let place = Draw::new(0, "data.labels", part as u64).below((end - begin) as u64);
            order.push(begin + usize::try_from(place).expect("below a length"));
        }
        let known: BTreeSet<usize> = order.iter().copied().collect();
        let mut order: Vec<usize> = known.iter().copied().collect();
        order.sort_by_key(|number| (*number >= IN_A_ROW, *number));
        let rest = (0..n).filter(|number| !known.contains(number)).collect();
        (order, rest)
    }

    /// Decodes the first samples.
    fn decode(&mut self, limits: &Limits, stop: &AtomicBool) -> Result<(), DataError> {
        let begin = Instant::now();
        let first: Vec<usize> = (0..self.source.len().min(limits.samples)).collect();
        for (at, chunk) in first.chunks(rayon::current_num_threads().clamp(2, 8)).enumerate() {
            if stop.load(Ordering::Relaxed) || (at > 1 && begin.elapsed() > limits.time) {
                break;
            }
            let (source, recipe) = (self.source, &self.found.recipe);
            let still = Moment::still();
            let read: Vec<Result<Sample, Trouble>> =
                chunk.par_iter().map(|number| source.read(*number, recipe, &still)).collect();
            for (number, read) in chunk.iter().zip(read) {
                self.tried += 1;
                let Some(sample) = self.taken(*number, read)? else { continue };
                self.read[1] += 1;
                let may = source.may(*number, recipe);
                let own = Has::of(&sample);
                self.count(&may.surely.or(&may.in_json), &may.in_video, &own);
                self.seen.insert(own);
            }
        }
        Ok(())
    }

    /// A sample that was read; one that is broken is noted.
    fn taken(
        &mut self,
        number: usize,
        read: Result<Sample, Trouble>,
    ) -> Result<Option<Sample>, DataError> {
        match read {
            Ok(sample) => Ok(Some(sample)),
            Err(Trouble::Why(why)) => {
                self.broken.entry(number).or_insert(why);
                Ok(None)
            }
            Err(trouble @ (Trouble::Declared(_) | Trouble::Machine(_) | Trouble::NoDecoder(_))) => {
                Err(trouble.error(self.source.name(number)))
            }
        }
    }

    /// Counts what is in files that were opened.
    fn count(&mut self, known: &Has, perhaps: &Has, own: &Has) {
        let both = |has: &Has| -> Vec<bool> {
            has.modalities.iter().chain(&has.targets).copied().collect()
        };
        let (known, perhaps, own) = (both(known), both(perhaps), both(own));
        for (at, opened) in self.opened.iter_mut().enumerate() {
            if perhaps[at] && !known[at] {
                opened[0] += 1;
                opened[1] += u64::from(own[at]);
            }
        }
    }

    /// Whether what is broken is too much.
    fn judge(&self) -> Result<(), DataError> {
        let n = self.broken.len() as u64;
        if self.tried > 0 && self.read[1] == 0 {
            let mut problems = Problems { shards: 0, samples: n, first: Vec::new() };
            for (number, why) in self.broken.iter().take(NAMED) {
                problems.name(format!("{}: {why}", self.source.name(*number)));
            }
            let looked = format!("the first {} of {}", self.tried, self.source.told());
            return Err(DataError::NoSamples { looked, problems });
        }
        let broken = self.broken.iter().map(|(number, why)| (self.at, *number, why.clone()));
        let looked = self.read[0].max(self.tried);
        self.found.note(broken.collect(), looked.max(FEW))
    }

    fn result(self, sorts: &[(May, u64)]) -> SourceLook {
        let (recipe, source) = (&self.found.recipe, self.source);
        let samples = source.len() as u64;
        let counts: Vec<Count> = (0..self.opened.len()).map(|at| self.counted(at, sorts)).collect();
        let (modalities, targets) = counts.split_at(recipe.hosts.len());
        let mut keys: BTreeMap<String, u64> = BTreeMap::new();
        for number in 0..source.len().min(NAMED) {
            for key in source.unused_keys(number, recipe) {
                *keys.entry(key).or_default() += 1;
            }
        }
        let seen: Vec<Has> = self
            .seen
            .iter()
            .cloned()
            .chain(sorts.iter().map(|(may, _)| may.surely.clone()))
            .collect();
        let may_be = |has: &Has| Has {
            modalities: mask(&has.modalities, modalities),
            targets: mask(&has.targets, targets),
        };
        let in_video =
            sorts.iter().fold(Has::nothing(recipe), |all, (may, _)| all.or(&may.in_video));
        let possible = if self.read[1] >= samples {
            seen.clone()
        } else if self.read[0] >= samples {
            seen.iter().map(|has| has.or(&may_be(&in_video))).collect()
        } else {
            let all = |(may, _): &(May, u64)| {
                may.surely.or(&may_be(&may.in_json)).or(&may_be(&may.in_video))
            };
            sorts.iter().map(all).collect()
        };
        SourceLook {
            place: source.place.clone(),
            told: source.told(),
            is_table: source.is_table(),
            samples,
            modalities: modalities.to_vec(),
            targets: targets.to_vec(),
            unused: source.counts().unused.into_iter().collect(),
            keys: keys.into_iter().collect(),
            read: self.read,
            seen,
            possible,
        }
    }

    /// How many samples have a modality or target.
    fn counted(&self, at: usize, sorts: &[(May, u64)]) -> Count {
        let recipe = &self.found.recipe;
        let n = recipe.hosts.len();
        let is = |has: &Has| match at < n {
            true => has.modalities[at],
            false => has.targets[at - n],
        };
        let (mut surely, mut perhaps) = (0, 0);
        for (may, samples) in sorts {
            match (is(&may.surely), is(&may.in_json) || is(&may.in_video)) {
                (true, _) => surely += samples,
                (false, true) => perhaps += samples,
                (false, false) => {}
            }
        }
        let [opened, has] = self.opened[at];
        let name = match at < n {
            true => recipe.hosts[at].name.clone(),
            false => recipe.targets[at - n].name.clone(),
        };
        let least = surely + has;
        Count { name, least, most: (surely + perhaps).saturating_sub(opened - has).max(least) }
    }
}

/// What can be there of what may be: some sample has it, or not all were opened.
fn mask(has: &[bool], counts: &[Count]) -> Vec<bool> {
    has.iter().zip(counts).map(|(has, count)| *has && count.most > 0).collect()
}
