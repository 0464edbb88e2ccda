//! One answer for a sample of several clips: the mean of what is said of each.
//!
//! In: readings of clips, those of a sample one after the other. Out: readings of samples. Deliberately not here: how clips are
//! cut, which is the data room's.

use crate::compiler::flow::ModalitySet;

/// What is known of one clip, or of one sample.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading {
    /// Which sample: its place in the set.
    pub(super) sample: u64,
    /// The modalities that it has, whatever the model is given; for a sample, those that any of its clips has.
    pub(super) has: ModalitySet,
    /// Numbers, such as probabilities; none where there is nothing to read.
    pub(super) values: Vec<Option<Vec<f32>>>,
    /// What is true, target by target; none where it is not known.
    pub(super) truths: Vec<Option<Vec<f32>>>,
}

/// The clips of one sample, as far as they have come.
#[derive(Debug, Clone, Default)]
pub(super) struct Clips {
    open: Option<(Reading, Vec<u16>)>,
}

impl Clips {
    /// Takes a clip; gives the sample before, where this clip is of another one.
    pub(super) fn add(&mut self, clip: Reading) -> Option<Reading> {
        if let Some((open, counts)) = &mut self.open
            && open.sample == clip.sample
        {
            open.has = open.has.union(clip.has);
            for ((sum, count), new) in open.values.iter_mut().zip(counts).zip(clip.values) {
                let Some(new) = new else { continue };
                *count += 1;
                match sum {
                    Some(sum) => sum.iter_mut().zip(new).for_each(|(sum, new)| *sum += new),
                    None => *sum = Some(new),
                }
            }
            return None;
        }
        let before = self.take();
        let counts = clip.values.iter().map(|value| u16::from(value.is_some())).collect();
        self.open = Some((clip, counts));
        before
    }

    /// The last sample.
    pub(super) fn take(&mut self) -> Option<Reading> {
        let (mut sample, counts) = self.open.take()?;
        for (sum, count) in sample.values.iter_mut().zip(counts) {
            if let Some(sum) = sum {
                sum.iter_mut().for_each(|sum| *sum /= f32::from(count.max(1)));
            }
        }
        Some(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clips, Reading};
    use crate::compiler::flow::ModalitySet;

    #[test]
    fn clips_become_samples() {
        let reading = |sample: u64, values: [Option<f32>; 2]| Reading {
            sample,
            has: ModalitySet::EMPTY,
            values: values.map(|value| value.map(|value| vec![value, 1.0])).to_vec(),
            truths: vec![Some(vec![0.0])],
        };
        let mut clips = Clips::default();
        assert_eq!(clips.add(reading(3, [Some(1.0), None])), None);
        assert_eq!(clips.add(reading(3, [Some(2.0), Some(5.0)])), None);
        assert_eq!(clips.add(reading(4, [None, None])), Some(reading(3, [Some(1.5), Some(5.0)])));
        assert_eq!(clips.take(), Some(reading(4, [None, None])));
        assert_eq!(clips.take(), None);
    }
}
