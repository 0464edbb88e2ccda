//! The classes of one side as runs of neighboring tokens.
//!
//! In: where the run that starts at a token ends. Out: all runs, and the common refinement of several cuts.
//! Deliberately not here: single tokens. A row of a window is one run, and what groups cut is one run a group.

use std::ops::Range;

use crate::routing::classes::ClassRun;

/// Neighboring tokens of one class.
#[derive(Clone)]
pub(super) struct Run<K> {
    pub(super) tokens: Range<u32>,
    pub(super) class: K,
}

/// A class of tokens under one relation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Both sides have tokens of it; they read each other wholly but for causality.
    Shared([u32; 2]),
    /// The other side has none. Each run of these is a class of its own, named by its first token, so that they
    /// stay where they are.
    Alone(u32),
}

/// The runs of a side of so many tokens, sorted, neighbors of different classes.
pub(super) fn runs_of(n_tokens: u64, run_at: impl Fn(u64) -> ClassRun) -> Vec<Run<Class>> {
    let mut runs: Vec<Run<Class>> = Vec::new();
    let mut token = 0;
    while token < n_tokens {
        let run = run_at(token);
        let tokens = narrow(token)..narrow(run.end);
        token = run.end;
        let alone = Class::Alone(tokens.start);
        let class = run.class.map_or(alone, |class| Class::Shared(class.map(narrow)));
        match runs.last_mut() {
            Some(last) if joins(last.class, class) => last.tokens.end = tokens.end,
            Some(_) | None => runs.push(Run { tokens, class }),
        }
    }
    runs
}

fn joins(last: Class, next: Class) -> bool {
    match (last, next) {
        (Class::Shared(last), Class::Shared(next)) => last == next,
        (Class::Alone(_), Class::Alone(_)) => true,
        (Class::Shared(_), Class::Alone(_)) | (Class::Alone(_), Class::Shared(_)) => false,
    }
}

fn narrow(token: u64) -> u32 {
    u32::try_from(token).expect("sides of more tokens were refused before")
}

/// The cuts of both, whose classes are pairs of classes, numbered.
pub(super) fn refine(runs: Vec<Run<u32>>, cuts: &[Run<Class>]) -> Vec<Run<u32>> {
    if cuts.len() <= 1 {
        return runs;
    }
    let mut cuts = cuts.iter().peekable();
    let mut refined: Vec<Run<(u32, Class)>> = Vec::new();
    for run in runs {
        let mut start = run.tokens.start;
        while start < run.tokens.end {
            let cut = cuts.peek().expect("both cut the same tokens");
            let end = cut.tokens.end.min(run.tokens.end);
            refined.push(Run { tokens: start..end, class: (run.class, cut.class) });
            if cut.tokens.end == end {
                cuts.next();
            }
            start = end;
        }
    }
    let mut classes: Vec<(u32, Class)> = refined.iter().map(|run| run.class).collect();
    classes.sort_unstable();
    classes.dedup();
    let number = |class| {
        let rank = classes.partition_point(|other| *other < class);
        u32::try_from(rank).expect("a class has a token")
    };
    let runs = refined.into_iter();
    runs.map(|run| Run { tokens: run.tokens, class: number(run.class) }).collect()
}
