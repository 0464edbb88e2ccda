//! What a spec may cost: sizes that later stages can count with, and work, memory and stack that no text exceeds.

use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{Op, Shape};

use super::{Fail, Resolver, Result, fail, grid_text};

/// Most steps, most lanes and reads of all steps, and most statements and operations evaluated: what a spec of a few
/// lines may cost before it is refused.
pub(super) const MAX_STEPS: usize = 100_000;
pub(super) const MAX_LANES: usize = 1_000_000;
pub(super) const MAX_WORK: u64 = 5_000_000;
/// How deep blocks may call blocks.
pub(super) const MAX_CALLS: usize = 32;
/// How deep expressions and statements may nest over all calls: what the stack of a thread holds.
pub(super) const MAX_NESTING: usize = 400;
/// More errors, or more warnings, than this help nobody.
pub(super) const MAX_ERRORS: usize = 100;
/// All names of steps and weights together, in bytes.
pub(super) const MAX_NAMES: usize = 1 << 26;
/// Groups of a model. What is done for each pair of groups stays small.
pub(super) const MAX_GROUPS: usize = 4096;
/// Dimensions of a grid.
pub(super) const MAX_AXES: usize = 8;
/// Sizes that every later stage can count with.
pub(super) const MAX_TOKENS: u64 = 1 << 32;
pub(super) const MAX_WIDTH: u64 = 1 << 24;
pub(super) const MAX_NUMBERS: u64 = 1 << 40;
pub(super) const MAX_MODALITIES: usize = 32;

impl Resolver<'_> {
    /// Counts work, so that a spec of a few lines cannot keep the compiler busy for long.
    pub(super) fn spend(&mut self, work: u64, span: Span) -> Result<()> {
        if self.exhausted {
            return Err(Fail::Silent);
        }
        self.work = self.work.saturating_add(work);
        if self.work <= MAX_WORK {
            return Ok(());
        }
        self.exhausted = true;
        let message = format!("the model takes more than {MAX_WORK} evaluations to expand");
        Err(Diagnostic::new(Code::TooManySteps, message, span, "given up here")
            .help("use fewer repetitions")
            .into())
    }

    /// Counts the work of reading or copying so many bytes.
    pub(super) fn spend_bytes(&mut self, bytes: usize, span: Span) -> Result<()> {
        self.spend(bytes as u64 / 64, span)
    }

    /// Counts the bytes of a name that is kept.
    pub(super) fn keep_name(&mut self, name: &str, span: Span) -> Result<()> {
        self.names += name.len();
        if self.names <= MAX_NAMES {
            return Ok(());
        }
        if self.exhausted {
            return Err(Fail::Silent);
        }
        self.exhausted = true;
        let message =
            format!("the names of all steps and weights have more than {MAX_NAMES} bytes");
        Err(Diagnostic::new(Code::TooManySteps, message, span, "given up here")
            .help("use shorter names, or fewer repetitions")
            .into())
    }

    /// Evaluates something one level deeper, unless that is too deep for the stack.
    pub(super) fn nested<T>(
        &mut self,
        span: Span,
        evaluate: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.nesting >= MAX_NESTING {
            let message = format!("expressions and calls nest more than {MAX_NESTING} deep");
            return Err(Diagnostic::new(Code::TooDeep, message, span, "too deep here")
                .help("give parts of it names, as statements of their own")
                .into());
        }
        self.nesting += 1;
        let result = evaluate(self);
        self.nesting -= 1;
        result
    }
}

/// How many tokens an operation lists one by one.
pub(super) fn n_indices(op: &Op) -> usize {
    if let Op::Gather(indices) = op { indices.len() } else { 0 }
}

pub(super) fn too_many_steps(span: Span) -> Fail {
    let message = format!("the model has more than {MAX_STEPS} steps or {MAX_LANES} lanes");
    Diagnostic::new(Code::TooManySteps, message, span, "one too many here")
        .help("use fewer repetitions or groups")
        .into()
}

/// Sizes beyond what later stages can count with are refused before anything is computed from them.
pub(super) fn check_size(shape: &Shape, span: Span) -> Result<()> {
    if shape.grid.len() > MAX_AXES {
        let message = format!("a grid of {} dimensions is beyond the limits", shape.grid.len());
        return fail(Code::TooLarge, message, span, format!("at most {MAX_AXES}"));
    }
    let tokens = shape.grid.iter().try_fold(1u64, |tokens, size| tokens.checked_mul(*size));
    let numbers = tokens.and_then(|tokens| tokens.checked_mul(shape.width));
    let too_large = |what: String| {
        Err(Diagnostic::new(Code::TooLarge, what, span, "too large")
            .help("limits: 2^32 tokens a group, a width of 2^24, 2^40 numbers a value or weight"))
    };
    let result = match (tokens, numbers) {
        (Some(tokens), Some(numbers)) if tokens <= MAX_TOKENS => {
            if shape.width > MAX_WIDTH {
                too_large(format!("a token of {} numbers is beyond the limits", shape.width))
            } else if numbers > MAX_NUMBERS {
                too_large(format!("a value of {numbers} numbers is beyond the limits"))
            } else {
                Ok(())
            }
        }
        _ => too_large(format!("a grid of {} is beyond the limits", grid_text(&shape.grid))),
    };
    Ok(result?)
}

/// Weights, too, have a limit.
pub(super) fn check_weight(shape: &[u64], span: Span) -> Result<()> {
    let numbers = shape.iter().try_fold(1u64, |numbers, size| numbers.checked_mul(*size));
    if numbers.is_some_and(|numbers| numbers <= MAX_NUMBERS) {
        return Ok(());
    }
    let message = format!("a weight of {} numbers is beyond the limits", grid_text(shape));
    Err(Diagnostic::new(Code::TooLarge, message, span, "too large")
        .help("a value or a weight has at most 2^40 numbers")
        .into())
}
