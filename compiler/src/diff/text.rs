//! The text form of a diff.
//!
//! In: a diff. Out: lines; `no difference` where there is none. Deliberately not here: comparing.

use std::fmt;

use crate::cost::scaled;

use super::{Diff, Kind};

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Modality => "modality",
            Self::Group => "tokens",
            Self::Output => "output",
            Self::Objective => "objective",
        })
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "no difference");
        }
        for change in &self.members {
            let sign = if change.added { '+' } else { '-' };
            writeln!(f, "{sign} {} {}", change.kind, change.name)?;
        }
        for change in &self.sights {
            write!(f, "{} {}", change.kind, change.name)?;
            let parts = [("gains sight of", &change.gained), ("loses sight of", &change.lost)];
            let parts = parts.iter().filter(|(_, names)| !names.is_empty());
            let parts = parts.map(|(verb, names)| format!(" {verb} {}", names.join(", ")));
            writeln!(f, "{}", parts.collect::<Vec<_>>().join(","))?;
        }
        for change in &self.presence {
            let (kind, name) = (change.kind, &change.name);
            writeln!(f, "{kind} {name}: present {} -> {}", change.before, change.after)?;
        }
        for change in &self.masks {
            let count = |n: Option<u128>| n.map_or("none".to_owned(), |n| n.to_string());
            let (receiver, read) = (&change.receiver, &change.read);
            let (before, after) = (count(change.before), count(change.after));
            writeln!(f, "{}: {receiver} <- {read}: pairs {before} -> {after}", change.path)?;
        }
        for change in &self.costs {
            let (before, after) = (change.before, change.after);
            write!(f, "{}:", change.part)?;
            let mut separator = " ";
            for (name, before, after) in [
                ("parameters", before.parameters, after.parameters),
                ("FLOPs", before.flops, after.flops),
                ("FLOPs if dense", before.dense_flops, after.dense_flops),
            ] {
                if before != after {
                    let sign = if before < after { '+' } else { '-' };
                    let by = scaled(before.abs_diff(after));
                    let (before, after) = (scaled(before), scaled(after));
                    write!(f, "{separator}{name} {before} -> {after} ({sign}{by})")?;
                    separator = ", ";
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
