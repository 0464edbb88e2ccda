//! The mask for programs.
//!
//! In: a mask and a tile. Out: JSON with everything that can be said of it without listing tokens. Deliberately not
//! here: where the mask is used, and the envelope with its version.

use serde_json::{Value, json};
use zorro_compiler::routing::{BlockCounts, Groups, Mask, Relation, Side, Tile, Windows};

/// A mask as JSON: its groups, its pairs with relations, and its blocks by a tile. `receiver` and `read` of a pair
/// are indices of `receivers` and `reads`. A count that does not fit 64 bits is a string of digits.
#[must_use]
pub fn json(mask: &Mask, tile: Tile) -> Value {
    let blocks = mask.count_blocks(tile);
    let pairs: Vec<Value> = mask
        .pairs
        .iter()
        .zip(&blocks.pairs)
        .map(|(pair, blocks)| {
            json!({
                "receiver": pair.receiver,
                "read": pair.read,
                "relation": relation(&pair.relation),
                "allowed": count(mask.pair_allowed(pair)),
                "blocks": counts(*blocks),
            })
        })
        .collect();
    json!({
        "receivers": sides(&mask.receivers),
        "reads": sides(&mask.reads),
        "pairs": pairs,
        "allowed": count(mask.allowed()),
        "total": count(mask.total()),
        "density": mask.density(),
        "tile": { "queries": tile.queries, "keys": tile.keys },
        "blocks": counts(blocks.whole),
    })
}

fn sides(sides: &[Side]) -> Vec<Value> {
    let side =
        |side: &Side| json!({ "name": side.name, "grid": side.grid, "tokens": side.tokens() });
    sides.iter().map(side).collect()
}

fn counts(BlockCounts { full, partial, empty }: BlockCounts) -> Value {
    json!({ "full": count(full), "partial": count(partial), "empty": count(empty) })
}

fn count(n: u128) -> Value {
    u64::try_from(n).map_or_else(|_| n.to_string().into(), Value::from)
}

fn relation(it: &Relation) -> Value {
    match it {
        Relation::All => json!({ "kind": "all" }),
        Relation::Windows(Windows { size, shift }) => {
            json!({ "kind": "windows", "size": size, "shift": shift })
        }
        Relation::Groups(Groups { count }) => json!({ "kind": "groups", "count": count }),
        Relation::Causal => json!({ "kind": "causal" }),
        Relation::Part(part) => json!({ "kind": "part", "of": part.to_string() }),
        Relation::And(all) => {
            json!({ "kind": "and", "relations": all.iter().map(relation).collect::<Vec<_>>() })
        }
    }
}
