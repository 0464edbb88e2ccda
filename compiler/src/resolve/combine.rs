//! Operations on no tokens, on ids, or on several operands.

use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{ModalityId, Op, Shape, Source, ValueId, WeightKind};

use super::evaluate::Scope;
use super::function::{Args, Several, Weighted};
use super::operations::{draft, row, usual, zero};
use super::value::{Lanes, Value};
use super::{Draft, Fail, Frame, MAX_TOKENS, MAX_WIDTH, Resolver, Result, fail};

impl<'a> Resolver<'a> {
    /// `latents` and `learned`: weights that are values.
    pub(super) fn weighted(
        &mut self,
        frame: &mut Frame<'a>,
        weighted: Weighted,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Lanes> {
        let site = self.site(frame, weighted.name(), args.span, args.get("weights"))?;
        let mut drafts = Vec::new();
        for key in scope.keys.clone() {
            let here = scope.only(key);
            let (shape, init, kind) = match weighted {
                Weighted::Latents => {
                    let tokens =
                        self.integer_in(frame, args.need("tokens"), &here, 1..=MAX_TOKENS)?;
                    let width = self.integer_in(frame, args.need("width"), &here, 1..=MAX_WIDTH)?;
                    let init = self.init(frame, args.get("init"), &here, usual())?;
                    (vec![tokens, width], init, WeightKind::Latents)
                }
                Weighted::Learned => {
                    let shape = self.sizes(frame, &[args.need("shape")], &here)?;
                    let init = self.init(frame, args.get("init"), &here, zero())?;
                    (shape, init, WeightKind::Learned)
                }
            };
            let (op, value_shape) = match shape.as_slice() {
                [] => (Op::Learned, Shape::new(Vec::new(), 1)),
                [width] => (Op::Learned, Shape::new(Vec::new(), *width)),
                [tokens, width] => (Op::Latents, row(*tokens, *width)),
                _ => {
                    let message = "a learned value has at most two dimensions";
                    let label = "write `[]`, `[width]` or `[tokens, width]`";
                    return fail(Code::WrongRank, message, args.span, label);
                }
            };
            super::check_size(&value_shape, args.span)?;
            let weights = vec![self.weight(&site, key, "", shape, (init, kind))?];
            drafts.push((key, Draft { weights, ..draft(op, Vec::new(), value_shape) }));
        }
        self.emit(&Self::step_path(&site), args.span, frame.owner, drafts)
    }

    pub(super) fn embed(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Lanes> {
        let expr = args.need("x");
        let value = self.eval(frame, expr, scope)?;
        let described = value.describe();
        let lanes = if let Value::Tokens(lanes) = value { lanes } else { Lanes::new() };
        if lanes.is_empty() || !lanes.values().all(|value| self.is_ids(*value)) {
            let message = format!("`embed` takes the ids of a text, found {described}");
            return Err(Diagnostic::new(Code::WrongInput, message, expr.span, "not ids")
                .help("for vectors, use `linear`")
                .into());
        }
        let site = self.site(frame, "embed", args.span, args.get("weights"))?;
        let mut drafts = Vec::new();
        for (key, value) in lanes {
            let width = self.integer_in(frame, args.need("width"), scope, 1..=MAX_WIDTH)?;
            let init = self.init(frame, args.get("init"), scope, usual())?;
            let start = (init, WeightKind::Embedding);
            let vocabulary = self.vocabulary(value);
            let weights = vec![self.weight(&site, key, "", vec![vocabulary, width], start)?];
            let shape = Shape::new(self.model.shape(value).grid.clone(), width);
            drafts.push((key, Draft { weights, ..draft(Op::Embed, vec![value], shape) }));
        }
        self.emit(&Self::step_path(&site), args.span, frame.owner, drafts)
    }

    /// How many ids the text of an input has.
    fn vocabulary(&self, ids: ValueId) -> u64 {
        let (step, _) = self.model.made_by(ids);
        let Op::Input(modality) = step.op else { panic!("ids are inputs") };
        match self.model.modalities[modality.index()].source {
            Source::Text { vocabulary, .. } => vocabulary,
            Source::Frames { .. } | Source::Image { .. } | Source::Wave { .. } | Source::Tensor => {
                panic!("ids come from texts")
            }
        }
    }

    /// `mean`, `concat` and `join` of several operands.
    pub(super) fn several(
        &mut self,
        frame: &mut Frame<'a>,
        several: Several,
        args: &Args<'a>,
        scope: &Scope,
    ) -> Result<Lanes> {
        let exprs = args.all("x").to_vec();
        let mut all = Vec::new();
        for expr in &exprs {
            all.push((self.operand(frame, expr, scope)?, expr.span));
        }
        let site = self.site(frame, several.name(), args.span, None)?;
        let mut drafts = Vec::new();
        for key in scope.keys.clone() {
            let mut operands = Vec::new();
            for (lanes, _) in &all {
                operands.extend(lanes.get(&key).copied());
            }
            let spans: Vec<Span> = all.iter().map(|(_, span)| *span).collect();
            let shape = self.combined_shape(several, &operands, &spans)?;
            let op = match several {
                Several::Mean => Op::Mean,
                Several::Concat => Op::Concat,
                Several::Join => Op::Join,
            };
            drafts.push((key, draft(op, operands, shape)));
        }
        self.emit(&Self::step_path(&site), args.span, frame.owner, drafts)
    }

    fn combined_shape(
        &self,
        several: Several,
        operands: &[ValueId],
        spans: &[Span],
    ) -> Result<Shape> {
        let shapes: Vec<&Shape> = operands.iter().map(|value| self.model.shape(*value)).collect();
        let Some(first) = shapes.first().copied() else { return Err(Fail::Silent) };
        let agrees = |shape: &Shape| match several {
            Several::Mean => shape == first,
            Several::Concat => shape.width == first.width,
            Several::Join => shape.grid == first.grid,
        };
        if let Some(index) = shapes.iter().position(|shape| !agrees(shape)) {
            let need = match several {
                Several::Mean => "one shape",
                Several::Concat => "one width",
                Several::Join => "one grid",
            };
            let message = format!("`{}` needs tokens of {need}", several.name());
            return Err(Diagnostic::new(
                Code::ShapeMismatch,
                message,
                spans[index],
                format!("{}", shapes[index]),
            )
            .also(spans[0], format!("{first}"))
            .into());
        }
        let total = |part: fn(&Shape) -> u64| {
            shapes.iter().fold(0u64, |total, shape| total.saturating_add(part(shape)))
        };
        Ok(match several {
            Several::Mean => first.clone(),
            Several::Concat => row(total(Shape::tokens), first.width),
            Several::Join => Shape::new(first.grid.clone(), total(|shape| shape.width)),
        })
    }

    /// The fed tensor of a modality; made at its first use.
    pub(super) fn input(&mut self, modality: ModalityId, span: Span) -> Result<ValueId> {
        if let Some(value) = self.inputs[modality.index()] {
            return Ok(value);
        }
        let declared = &self.model.modalities[modality.index()];
        let (path, shape) = (declared.name.clone(), declared.shape.clone());
        let draft = draft(Op::Input(modality), Vec::new(), shape);
        let lanes = self.emit(&path, span, None, vec![(None, draft)])?;
        let value = lanes[&None];
        self.inputs[modality.index()] = Some(value);
        Ok(value)
    }
}
