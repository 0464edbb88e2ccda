//! Which of several members of a sample is for what.
//!
//! In: samples with their members or cells, and what each is for. Out: samples in which no two are for the same, and the
//! others, named: which of two pictures is meant is not for chance to say. Two rules decide. A sound has its own file
//! beside a video that has pictures to give, and JSON gives what nothing else does, or is named for. Deliberately not here: what one member
//! is for.

use std::collections::BTreeMap;

use crate::data::DataError;
use crate::data::error::Why;
use crate::data::media::Kind;
use crate::data::recipe::Recipe;

use super::roles::{self, Role, Said, Uses};
use super::{Entry, Piece};

/// Samples that were looked at.
#[derive(Debug)]
pub(super) struct Sorted {
    /// In which no two members are for the same.
    pub(super) left: Vec<Entry>,
    /// The others, and why.
    pub(super) clashing: Vec<(Entry, Why)>,
}

/// What becomes of samples that are made of the same kinds of files.
type Settled = Result<Box<[u16]>, Why>;

/// Settles all samples.
pub(super) fn settle(
    entries: Vec<Entry>,
    uses: &mut Uses,
    recipe: &Recipe,
) -> Result<Sorted, DataError> {
    let mut known: BTreeMap<Box<[u16]>, Settled> = BTreeMap::new();
    let mut sorted = Sorted { left: Vec::with_capacity(entries.len()), clashing: Vec::new() };
    for mut entry in entries {
        if entry.pieces.len() > 1 {
            let whats: Box<[u16]> = entry.pieces.iter().map(Piece::what).collect();
            let settled = match known.get(&whats) {
                Some(settled) => settled,
                None => {
                    let settled = settled(&whats, uses, recipe)?;
                    known.entry(whats).or_insert(settled)
                }
            };
            match settled {
                Ok(whats) => {
                    for (piece, what) in entry.pieces.iter_mut().zip(whats) {
                        piece.set_what(*what);
                    }
                }
                Err(why) => {
                    sorted.clashing.push((entry, why.clone()));
                    continue;
                }
            }
        }
        sorted.left.push(entry);
    }
    Ok(sorted)
}

/// What each of the members is for at last.
fn settled(whats: &[u16], uses: &mut Uses, recipe: &Recipe) -> Result<Settled, DataError> {
    let mut whats: Box<[u16]> = whats.into();
    for second in 1..whats.len() {
        for first in 0..second {
            let (one, other) = (whats[first], whats[second]);
            if one == other {
                return Ok(Err(format!("two members `{}`", uses.name(one))));
            }
            // JSON gives what nothing else does.
            if (uses.kind(one) == Kind::Json) != (uses.kind(other) == Kind::Json) {
                continue;
            }
            let both = uses.roles(one).iter().filter(|role| uses.roles(other).contains(role));
            for role in both.copied().collect::<Vec<Role>>() {
                let less = match (gives_way(one, other, uses), gives_way(other, one, uses)) {
                    (true, _) => first,
                    (false, true) => second,
                    (false, false) => {
                        let (one, other) = (uses.name(one), uses.name(other));
                        let name = roles::name(role, recipe);
                        return Ok(Err(format!(
                            "two members for `{name}`: `{one}` and `{other}`; say which in `roles` (`{other}: []` for \
                             nothing)"
                        )));
                    }
                };
                whats[less] = uses.without(whats[less], role, recipe)?;
            }
        }
    }
    Ok(Ok(whats))
}

/// Whether a video leaves the sound to a file of sound alone, or JSON a value to JSON that is named for it.
fn gives_way(one: u16, other: u16, uses: &Uses) -> bool {
    let is_told = uses.said(one) == Said::Name;
    let to = match uses.kind(one) {
        Kind::Video => uses.kind(other) == Kind::Sound && uses.roles(one).len() > 1,
        Kind::Json => uses.said(other) == Said::Name,
        Kind::Picture | Kind::Sound | Kind::Text => false,
    };
    to && !is_told
}
