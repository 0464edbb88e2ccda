//! Accesses, made at random: what is walked along is what the definition says, element by element.

use crate::compiler::plan::Access;
use crate::compiler::random::philox;
use crate::cpu::walk::{Domain, Reach, Run, Spread, Walk};

/// Small random numbers.
struct Dice {
    case: u32,
    thrown: u32,
}

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.thrown += 1;
        philox([self.case, self.thrown, 0, 0], [5, 0])[0] as usize % n.max(1)
    }
}

/// Some views after one another.
fn access(dice: &mut Dice) -> Access {
    let axes = 1 + dice.below(4);
    let shape: Vec<_> = (0..axes).map(|_| 1 + dice.below(5)).collect();
    let mut made = Access::of(&shape);
    for _ in 0..dice.below(6) {
        let mut shape = made.shape().to_vec();
        let axis = dice.below(shape.len());
        match dice.below(6) {
            0 => {
                let numbers: usize = shape.iter().product();
                let inner: Vec<_> = (1..=numbers).filter(|n| numbers.is_multiple_of(*n)).collect();
                let inner = inner[dice.below(inner.len())];
                made.reshape(&[numbers / inner, inner]);
            }
            1 => {
                let mut order: Vec<_> = (0..shape.len()).collect();
                order.rotate_left(axis);
                made.permute(&order);
            }
            2 => {
                let start = dice.below(shape[axis]);
                made.slice(axis, start, 1 + dice.below(shape[axis] - start));
            }
            3 if shape[axis] == 1 => {
                shape[axis] = 1 + dice.below(4);
                made.broadcast(&shape);
            }
            4 => {
                let before = dice.below(3);
                made.pad(axis, before, before + shape[axis] + dice.below(3));
            }
            _ => {
                shape.insert(axis, 1);
                made.reshape(&shape);
            }
        }
    }
    made
}

fn put(found: &mut [Option<usize>], run: Run) {
    for i in 0..run.length {
        found[run.at + i] = run.from.map(|from| from + i * run.stride);
    }
}

fn along(walk: &Walk, start: usize, length: usize) -> Vec<Option<usize>> {
    let mut found = vec![Some(usize::MAX); length];
    walk.runs(start, length, &mut |run| put(&mut found, run));
    found
}

#[test]
fn walks_go_where_accesses_say() {
    let mut by_row = 0;
    for case in 0..4000 {
        let mut dice = Dice { case, thrown: 0 };
        let access = access(&mut dice);
        let numbers: usize = access.shape().iter().product();
        let divisors: Vec<_> = (1..=numbers).filter(|n| numbers.is_multiple_of(*n)).collect();
        let columns = divisors[dice.below(divisors.len())];
        let rows = numbers / columns;
        let reach = Reach::new(&access, Domain { rows, columns, transposed: false }).unwrap();
        let start = dice.below(numbers);
        let length = 1 + dice.below(numbers - start);
        let expected: Vec<_> = (start..start + length).map(|element| access.at(element)).collect();
        assert_eq!(along(&reach.all, start, length), expected, "{access} from {start} on");
        let mut firsts = vec![Some(usize::MAX); rows];
        reach.first_of_rows(0, rows, &mut |run| put(&mut firsts, run));
        let expected: Vec<_> = (0..rows).map(|row| access.at(row * columns)).collect();
        assert_eq!(firsts, expected, "{access}, first of {columns}");
        if reach.spread != Spread::Full {
            by_row += 1;
            let same =
                |row: usize| (0..columns).all(|c| access.at(row * columns + c) == expected[row]);
            assert!((0..rows).all(same), "{access} differs in rows of {columns}");
        }
        let across = Domain { rows: columns, columns: rows, transposed: true };
        if let Some(across) = Reach::new(&access, across) {
            let expected: Vec<_> =
                (0..numbers).map(|i| access.at(i % rows * columns + i / rows)).collect();
            assert_eq!(along(&across.all, 0, numbers), expected, "{access} across {columns}");
        }
        if reach.all.is_injective() {
            let mut places: Vec<_> = (0..numbers).filter_map(|at| access.at(at)).collect();
            let count = places.len();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), count, "{access} has one number for two elements");
        }
    }
    assert!(by_row > 100, "{by_row}");
}
