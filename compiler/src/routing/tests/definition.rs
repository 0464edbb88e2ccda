//! The oracle: one pair of tokens at a time, from the definitions and in signed numbers.

use crate::routing::{Groups, Mask, Relation, Windows};

pub(super) fn allows(
    relation: &Relation,
    query_grid: &[u64],
    key_grid: &[u64],
    query: u64,
    key: u64,
) -> bool {
    match relation {
        Relation::All => true,
        Relation::Windows(windows) => in_one_window(windows, query_grid, query, key),
        Relation::Groups(Groups { count }) => {
            let group = |token: u64, grid: &[u64]| {
                let per_group = (grid.iter().product::<u64>() as f64 / *count as f64).ceil() as u64;
                (0..*count)
                    .find(|group| (group * per_group..(group + 1) * per_group).contains(&token))
            };
            group(query, query_grid) == group(key, key_grid)
        }
        Relation::Causal => key <= query,
        // The tests of parts hold it to its whole.
        Relation::Part(_) => relation.allows(query_grid, key_grid, query, key),
        Relation::And(relations) => {
            relations.iter().all(|relation| allows(relation, query_grid, key_grid, query, key))
        }
    }
}

fn in_one_window(windows: &Windows, grid: &[u64], query: u64, key: u64) -> bool {
    (0..grid.len()).all(|axis| {
        let (n, size, shift) =
            (grid[axis] as i64, windows.size[axis] as i64, windows.shift[axis] as i64);
        let stride: u64 = grid[axis + 1..].iter().product();
        let cell = |token: u64| {
            let coordinate = (token / stride) as i64 % n;
            let shift = if n <= size { 0 } else { shift };
            if shift > 0 {
                (coordinate + size - shift).div_euclid(size)
            } else {
                coordinate.div_euclid(size)
            }
        };
        cell(query) == cell(key)
    })
}

/// `allow[query, key]` of a mask.
pub(super) fn mask_allows(mask: &Mask, receiver: usize, query: u64, read: usize, key: u64) -> bool {
    mask.pairs.iter().filter(|pair| pair.receiver == receiver && pair.read == read).any(|pair| {
        allows(&pair.relation, &mask.receivers[receiver].grid, &mask.reads[read].grid, query, key)
    })
}
