//! Which shapes losses have.
//!
//! In: a loss. Out: whether its operands and targets exist and fit. Deliberately not here: whether a
//! loss is a good idea; a collapse is found by `resolve`.

use super::super::{Loss, Model, MseTarget, Scalar, TargetId, TargetKind, ValueId};
use super::{Checked, ensure, value_exists};

pub(super) fn verify_loss(model: &Model, loss: &Loss) -> Checked {
    for operand in loss.operands() {
        value_exists(model, operand)?;
    }
    match loss {
        Loss::CrossEntropy { logits, target: label, smoothing: _ } => {
            match target(model, *label)? {
                TargetKind::Class(n) => one_token(model, *logits, *n),
                TargetKind::Classes(_) | TargetKind::Tensor(_) => Err("no class target".to_owned()),
            }
        }
        Loss::SigmoidCrossEntropy { logits, target: label } => match target(model, *label)? {
            TargetKind::Classes(n) => one_token(model, *logits, *n),
            TargetKind::Class(_) | TargetKind::Tensor(_) => Err("no classes target".to_owned()),
        },
        Loss::Nce { a, b, temperature, negatives: _, span: _ } => {
            one_token(model, *a, model.shape(*b).width)?;
            one_token(model, *b, model.shape(*a).width)?;
            match temperature {
                Scalar::Fixed(_) => Ok(()),
                Scalar::Computed(value) => ensure(model.shape(*value).numbers() == 1, || {
                    "the temperature is not one number".to_owned()
                }),
            }
        }
        Loss::Mse { a, b } => {
            let wanted = match b {
                MseTarget::Value(b) => model.shape(*b),
                MseTarget::Target(label) => match target(model, *label)? {
                    TargetKind::Tensor(shape) => shape,
                    TargetKind::Class(_) | TargetKind::Classes(_) => {
                        return Err("no tensor target".to_owned());
                    }
                },
            };
            let found = model.shape(*a);
            ensure(found == wanted, || format!("mse of {found} and {wanted}"))
        }
        Loss::Mean(terms) => {
            ensure(!terms.is_empty(), || "a mean of no losses".to_owned())?;
            terms.iter().try_for_each(|term| verify_loss(model, term))
        }
        Loss::Sum(terms) => {
            ensure(!terms.is_empty(), || "a sum of no losses".to_owned())?;
            terms.iter().try_for_each(|(_, term)| verify_loss(model, term))
        }
    }
}

fn target(model: &Model, id: TargetId) -> Result<&TargetKind, String> {
    let target = model.targets.get(id.index());
    target.map(|target| &target.kind).ok_or_else(|| format!("target {} does not exist", id.0))
}

fn one_token(model: &Model, value: ValueId, width: u64) -> Checked {
    let shape = model.shape(value);
    ensure(shape.tokens() == 1 && shape.width == width, || {
        format!("{shape} instead of one token of width {width}")
    })
}
