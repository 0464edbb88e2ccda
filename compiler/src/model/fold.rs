//! Repeated layers, told once.
//!
//! In: lines with dotted paths. Out: a tree in which lines under `layers.0`, `layers.1`, ... are one
//! loop where they are the same but for numbers that change, for relations that alternate, and for
//! what each takes over from the one before. Deliberately not here: what the lines say.

use crate::number::Number;

/// A line before folding.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) path: Vec<String>,
    pub(super) pieces: Vec<Piece>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// The same in every repetition.
    Text(String),
    /// May differ; beside each value the repetition, such as `3` or `1.3`.
    Number(Vec<(String, Number)>),
    /// May differ.
    Word(Vec<(String, String)>),
    /// Something made by another line.
    Refer(Refer),
}

/// How a line refers to another one, independently of where both stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refer {
    /// In the same repetition, or outside of all of them.
    Here(String),
    /// In the repetition before; the depth says of which loop.
    Before { depth: usize, then: String },
    /// `first` in the first repetition, then in the one before.
    Carried { depth: usize, first: Box<Self>, then: String },
}

/// A line or a loop after folding.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// A line: its index in what was folded (of the first repetition), its name inside the loop.
    Line { index: usize, name: String, pieces: Vec<Piece> },
    /// A loop. It can end elsewhere in each repetition of the loops around it.
    Loop { name: String, depth: usize, first: u64, lasts: Vec<(String, u64)>, body: Vec<Self> },
}

/// Whether loops that end elsewhere can be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// They can.
    Differ,
    /// They cannot.
    Equal,
}

/// Numbers in paths are what loops run over.
pub(super) fn number(component: &str) -> Option<u64> {
    component.parse().ok()
}

/// Components of a path.
pub(super) fn components(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

/// Folds these lines.
pub(super) fn fold(lines: &[Line], ends: Ends) -> Vec<Item> {
    let lines: Vec<(usize, &Line)> = lines.iter().enumerate().collect();
    fold_below(&lines, 0, ends)
}

fn fold_below(lines: &[(usize, &Line)], depth: usize, ends: Ends) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (index, line) = lines[at];
        let below = line.path.get(depth..).unwrap_or_default();
        let Some(loop_depth) = below.iter().position(|part| number(part).is_some()) else {
            let name = below.join(".");
            items.push(Item::Line { index, name, pieces: line.pieces.clone() });
            at += 1;
            continue;
        };
        let loop_depth = depth + loop_depth;
        let prefix = &line.path[..=loop_depth];
        let rest = lines[at..].iter();
        let n_lines = rest.take_while(|(_, line)| line.path.starts_with(prefix)).count();
        let mut body = fold_below(&lines[at..at + n_lines], loop_depth + 1, ends);
        at += n_lines;
        let n = &line.path[loop_depth];
        label(&mut body, n);
        let name = line.path[depth..loop_depth].join(".");
        push_repetition(
            &mut items,
            name,
            Merge { depth: loop_depth, is_first: false, ends },
            number(n).unwrap_or(0),
            body,
        );
    }
    items
}

/// How repetitions of a loop are merged.
#[derive(Clone, Copy)]
struct Merge {
    /// Of the loop.
    depth: usize,
    /// Whether what was found so far is one repetition.
    is_first: bool,
    ends: Ends,
}

fn push_repetition(items: &mut Vec<Item>, name: String, merge: Merge, n: u64, body: Vec<Item>) {
    if let Some(Item::Loop { name: known, lasts, first, body: before, depth: _ }) = items.last_mut()
    {
        let last = &mut lasts[0].1;
        let merge = Merge { is_first: first == last, ..merge };
        if *known == name
            && *last + 1 == n
            && let Some(merged) = merge.bodies(before, &body)
        {
            *before = merged;
            *last = n;
            return;
        }
    }
    let lasts = vec![(String::new(), n)];
    items.push(Item::Loop { name, depth: merge.depth, first: n, lasts, body });
}

/// Says of every piece that may differ in which repetition it stands.
fn label(items: &mut [Item], n: &str) {
    let prefix = |label: &mut String| {
        *label = if label.is_empty() { n.to_owned() } else { format!("{n}.{label}") };
    };
    for item in items {
        match item {
            Item::Loop { body, lasts, .. } => {
                lasts.iter_mut().for_each(|(at, _)| prefix(at));
                label(body, n);
            }
            Item::Line { pieces, .. } => {
                for piece in pieces {
                    match piece {
                        Piece::Number(values) => values.iter_mut().for_each(|(at, _)| prefix(at)),
                        Piece::Word(values) => values.iter_mut().for_each(|(at, _)| prefix(at)),
                        Piece::Text(_) | Piece::Refer(_) => {}
                    }
                }
            }
        }
    }
}

impl Merge {
    /// Both as one, if they are the same.
    fn bodies(self, old: &[Item], new: &[Item]) -> Option<Vec<Item>> {
        if old.len() != new.len() {
            return None;
        }
        old.iter().zip(new).map(|(old, new)| self.item(old, new)).collect()
    }

    fn item(self, old: &Item, new: &Item) -> Option<Item> {
        match (old, new) {
            (
                Item::Line { index, name, pieces },
                Item::Line { name: new_name, pieces: new_pieces, index: _ },
            ) => {
                if name != new_name || pieces.len() != new_pieces.len() {
                    return None;
                }
                let pairs = pieces.iter().zip(new_pieces);
                let pieces: Option<_> = pairs.map(|(old, new)| self.piece(old, new)).collect();
                Some(Item::Line { index: *index, name: name.clone(), pieces: pieces? })
            }
            (
                Item::Loop { name, depth, first, lasts, body },
                Item::Loop {
                    name: new_name,
                    depth: _,
                    first: new_first,
                    lasts: new_lasts,
                    body: new,
                },
            ) => {
                let ends = |lasts: &[(String, u64)]| lasts.last().map(|(_, last)| *last);
                let same_end = self.ends == Ends::Differ || ends(lasts) == ends(new_lasts);
                if name != new_name || first != new_first || !same_end {
                    return None;
                }
                let body = self.bodies(body, new)?;
                let lasts = lasts.iter().chain(new_lasts).cloned().collect();
                Some(Item::Loop { name: name.clone(), depth: *depth, first: *first, lasts, body })
            }
            (Item::Line { .. }, Item::Loop { .. }) | (Item::Loop { .. }, Item::Line { .. }) => None,
        }
    }

    fn piece(self, old: &Piece, new: &Piece) -> Option<Piece> {
        match (old, new) {
            (Piece::Number(old), Piece::Number(new)) => {
                Some(Piece::Number(old.iter().chain(new).cloned().collect()))
            }
            (Piece::Word(old), Piece::Word(new)) => {
                Some(Piece::Word(old.iter().chain(new).cloned().collect()))
            }
            (Piece::Refer(old), Piece::Refer(new)) => self.refer(old, new).map(Piece::Refer),
            (Piece::Text(_) | Piece::Number(_) | Piece::Word(_) | Piece::Refer(_), new) => {
                (old == new).then(|| old.clone())
            }
        }
    }

    fn refer(self, old: &Refer, new: &Refer) -> Option<Refer> {
        if old == new {
            return Some(old.clone());
        }
        match (old, new) {
            (
                Refer::Carried { depth, then, first: _ },
                Refer::Before { depth: new_depth, then: new_then },
            ) if *depth == self.depth => {
                ((depth, then) == (new_depth, new_then)).then(|| old.clone())
            }
            (
                Refer::Carried { depth, first, then },
                Refer::Carried { depth: new_depth, first: new_first, then: new_then },
            ) => {
                if (depth, then) != (new_depth, new_then) {
                    return None;
                }
                let first = Box::new(self.refer(first, new_first)?);
                Some(Refer::Carried { depth: *depth, first, then: then.clone() })
            }
            (
                Refer::Here(_) | Refer::Before { .. } | Refer::Carried { .. },
                Refer::Before { depth, then },
            ) if self.is_first && *depth == self.depth => {
                let (depth, then) = (*depth, then.clone());
                Some(Refer::Carried { depth, first: Box::new(old.clone()), then })
            }
            (Refer::Here(_) | Refer::Before { .. } | Refer::Carried { .. }, _) => None,
        }
    }
}

/// The reference from one line to another, whose path is shown in this form.
pub(super) fn refer(from: &[String], to: &[String], shown: &[String]) -> Refer {
    let mut inside = 0;
    for (depth, component) in from.iter().enumerate() {
        let Some(n) = number(component) else { continue };
        if to.len() <= depth || to[..depth] != from[..depth] {
            break;
        }
        match number(&to[depth]) {
            Some(other) if other == n => inside = depth + 1,
            Some(other) if other + 1 == n => {
                return Refer::Before { depth, then: shown[depth + 1..].join(".") };
            }
            Some(_) | None => break,
        }
    }
    Refer::Here(shown[inside..].join("."))
}
