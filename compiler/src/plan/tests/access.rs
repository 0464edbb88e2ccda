//! Accesses against the definition of views, and the allocator.

use std::collections::BTreeSet;

use crate::plan::Access;
use crate::plan::Limits;
use crate::plan::memory::Free;
use crate::random_model::Random;

/// A tensor of numbers that are their places, or nothing, and its shape.
#[derive(Debug, Clone)]
struct Naive {
    shape: Vec<usize>,
    places: Vec<Option<usize>>,
}

impl Naive {
    fn whole(shape: &[usize]) -> Self {
        let places = (0..shape.iter().product()).map(Some).collect();
        Self { shape: shape.to_vec(), places }
    }

    /// For each index of a shape what `from` says.
    fn made(shape: &[usize], from: impl Fn(&[usize]) -> Option<usize>) -> Self {
        let mut places = Vec::new();
        for at in 0..shape.iter().product() {
            let mut rest = at;
            let mut index = vec![0; shape.len()];
            for axis in (0..shape.len()).rev() {
                index[axis] = rest % shape[axis];
                rest /= shape[axis];
            }
            places.push(from(&index));
        }
        Self { shape: shape.to_vec(), places }
    }

    fn at(&self, index: &[usize]) -> Option<usize> {
        let place =
            index.iter().zip(&self.shape).fold(0, |place, (index, size)| place * size + index);
        self.places[place]
    }
}

/// The same view of both.
fn view(random: &mut Random, access: &mut Access, naive: &Naive) -> Naive {
    let shape = naive.shape.clone();
    let axis = random.below(shape.len());
    match random.below(5) {
        0 => {
            let wanted = reshaped(random, &shape);
            access.reshape(&wanted);
            Naive { shape: wanted, places: naive.places.clone() }
        }
        1 => {
            let mut axes: Vec<usize> = (0..shape.len()).collect();
            axes.swap(axis, random.below(shape.len()));
            access.permute(&axes);
            let wanted: Vec<usize> = axes.iter().map(|axis| shape[*axis]).collect();
            Naive::made(&wanted, |index| {
                let mut from = vec![0; axes.len()];
                axes.iter().zip(index).for_each(|(axis, index)| from[*axis] = *index);
                naive.at(&from)
            })
        }
        2 => {
            let mut wanted = shape.clone();
            if shape[axis] == 1 && naive.places.len() < 200 {
                wanted[axis] = random.within(1, 4);
            }
            access.broadcast(&wanted);
            Naive::made(&wanted, |index| {
                let from = index.iter().zip(&shape).map(|(index, size)| index % size);
                naive.at(&from.collect::<Vec<_>>())
            })
        }
        3 => {
            let length = random.within(1, shape[axis]);
            let start = random.below(shape[axis] - length + 1);
            access.slice(axis, start, length);
            let mut wanted = shape;
            wanted[axis] = length;
            Naive::made(&wanted, |index| {
                let mut from = index.to_vec();
                from[axis] += start;
                naive.at(&from)
            })
        }
        _ => {
            let (before, after) = (random.below(3), random.below(3));
            let mut wanted = shape.clone();
            wanted[axis] += before + after;
            access.pad(axis, before, wanted[axis]);
            Naive::made(&wanted, |index| {
                let mut from = index.to_vec();
                from[axis] = from[axis].checked_sub(before).filter(|at| *at < shape[axis])?;
                naive.at(&from)
            })
        }
    }
}

/// Another shape of as many numbers: an axis is cut in two or two are joined.
fn reshaped(random: &mut Random, shape: &[usize]) -> Vec<usize> {
    let mut wanted = shape.to_vec();
    let axis = random.below(shape.len());
    if random.chance(50) && axis + 1 < shape.len() {
        let next = wanted.remove(axis + 1);
        wanted[axis] *= next;
    } else {
        let divisors: Vec<usize> =
            (1..=shape[axis]).filter(|n| shape[axis].is_multiple_of(*n)).collect();
        let inner = random.one_of(&divisors);
        wanted[axis] /= inner;
        wanted.insert(axis + 1, inner);
    }
    wanted
}

#[track_caller]
fn check(access: &Access, naive: &Naive, chain: &str) {
    let n = naive.places.len();
    assert_eq!(access.shape().iter().product::<usize>(), n, "{chain}");
    let found = |access: &Access| (0..n).map(|at| access.at(at)).collect::<Vec<_>>();
    assert_eq!(found(access), naive.places, "{chain}: {access}");
    assert_eq!(found(&access.simplified()), naive.places, "{chain}: {access} simplified");
    let end = naive.places.iter().flatten().max().map_or(0, |last| last + 1);
    assert!(access.extent() >= end, "{chain}: {access} has extent {} of {end}", access.extent());
    let different: BTreeSet<usize> = naive.places.iter().flatten().copied().collect();
    assert!(access.reach() >= different.len(), "{chain}: {access} reaches {}", access.reach());
    let mut moved = access.simplified();
    let offset = moved.take_offset();
    let back = found(&moved).into_iter().map(|at| at.map(|at| at + offset)).collect::<Vec<_>>();
    assert_eq!(back, naive.places, "{chain}: {access} without its offset");
    if access.is_contiguous() {
        let first = naive.places[0].expect("without padding");
        assert!(naive.places.iter().enumerate().all(|(at, place)| *place == Some(first + at)));
    }
    for columns in (1..=n).filter(|columns| n.is_multiple_of(*columns)) {
        if access.is_by_row(columns) {
            let alike = naive.places.chunks(columns).all(|row| row.iter().all(|at| *at == row[0]));
            assert!(alike, "{chain}: {access} is not the same in rows of {columns}");
        }
    }
}

#[test]
fn accesses_are_what_views_say() {
    for seed in 0..3000 {
        let mut random = Random::new(seed);
        let shapes: &[&[usize]] = &[&[6, 4], &[2, 3, 4], &[1, 5], &[8], &[2, 1, 3, 2], &[12, 1]];
        let shape = random.one_of(shapes);
        let (mut access, mut naive) = (Access::of(shape), Naive::whole(shape));
        let mut chain = format!("seed {seed}: {shape:?}");
        for _ in 0..random.within(1, 7) {
            naive = view(&mut random, &mut access, &naive);
            chain += &format!(" -> {:?}", naive.shape);
            if naive.places.len() > 2000 {
                break;
            }
            check(&access, &naive, &chain);
        }
    }
}

#[test]
fn a_row_is_not_cut_across_axes() {
    let mut access = Access::of(&[3, 1]);
    access.broadcast(&[3, 4]);
    let found: Vec<usize> = (1..=12).filter(|columns| access.is_by_row(*columns)).collect();
    assert_eq!(found, [1, 2, 4]);
}

#[test]
fn free_parts_never_overlap() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        // Nothing lies across a multiple of these.
        let buffer_numbers = random.one_of(&[1 << 31, 1 << 31, 64 * 7]);
        let limits = Limits { buffer_numbers, ..Limits::NONE };
        let mut free = Free::default();
        let mut taken: Vec<(usize, usize)> = Vec::new();
        for _ in 0..200 {
            if random.chance(55) || taken.is_empty() {
                let numbers = 64 * random.within(1, 5);
                let offset = free.take(numbers, &limits);
                let apart =
                    |(other, n): &(usize, usize)| offset + numbers <= *other || other + n <= offset;
                assert!(taken.iter().all(apart), "{offset} of {numbers} in {taken:?}");
                assert!(offset + numbers <= free.end);
                assert!(offset % buffer_numbers + numbers <= buffer_numbers);
                taken.push((offset, numbers));
            } else {
                let (offset, numbers) = taken.swap_remove(random.below(taken.len()));
                free.give(offset, numbers);
            }
            let parts: usize = free.parts.values().sum();
            let used: usize = taken.iter().map(|(_, n)| n).sum();
            assert_eq!(parts + used, free.end, "every number is free or taken");
        }
        taken.into_iter().for_each(|(offset, numbers)| free.give(offset, numbers));
        assert_eq!(free.parts.into_iter().collect::<Vec<_>>(), [(0, free.end)]);
    }
}
