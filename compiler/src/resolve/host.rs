//! Modalities: what the host prepares, and the tensor that it ends in.

use zorro_grammar::ast::{Binding as AstBinding, Expr, ExprKind};
use zorro_grammar::{Code, Diagnostic, Span};

use crate::model::{HostStep, Modality, ModalityId, Shape, Short, Source};
use crate::number::Number;

use super::evaluate::{Mode, Scope, as_call};
use super::function::{self, Args, Origin, Preparation};
use super::operations::check_resize;
use super::presets::Preset;
use super::value::Binding;
use super::{Frame, MAX_MODALITIES, MAX_TOKENS, Resolver, Result, check_size, fail, words};

/// A source with the steps so far.
pub(super) struct Prepared {
    pub(super) source: Source,
    pub(super) steps: Vec<HostStep>,
    pub(super) shape: Shape,
    /// What the source was said to be prepared as.
    preset: Option<Preset>,
}

impl<'a> Resolver<'a> {
    pub(super) fn modality(
        &mut self,
        frame: &mut Frame<'a>,
        binding: &'a AstBinding,
    ) -> Result<()> {
        let name = &binding.name;
        self.check_new(frame, name)?;
        if let Some(first) = self.model.modalities.iter().find(|m| m.name == name.text) {
            let message = format!("modality `{}` is declared twice", name.text);
            return Err(Diagnostic::new(Code::DuplicateName, message, name.span, "again here")
                .also(first.span, "first declared here")
                .into());
        }
        if self.model.modalities.len() == MAX_MODALITIES {
            let message = format!("a model has at most {MAX_MODALITIES} modalities");
            return fail(Code::TooLarge, message, name.span, "one too many");
        }
        let Prepared { source, steps, shape, preset: _ } = self.prepare(frame, &binding.value)?;
        let id = ModalityId::next(self.model.modalities.len());
        let (name, span) = (name.text.clone(), name.span);
        self.model.modalities.push(Modality { name, source, steps, shape, span });
        self.inputs.push(None);
        frame.declare(&binding.name, Binding::Modality(id));
        Ok(())
    }

    fn prepare(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Prepared> {
        self.spend(1, expr.span)?;
        let prepared = self.nested(expr.span, |resolver| resolver.prepare_kind(frame, expr));
        prepared.map_err(|fail| match as_call(expr) {
            Some(call) => self.said_here(call, fail),
            None => fail,
        })
    }

    fn prepare_kind(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Prepared> {
        if let ExprKind::Paren(inner) = &expr.kind {
            return self.prepare(frame, inner);
        }
        let Some(call) = as_call(expr) else {
            let message = "a modality begins with a source";
            return Err(Diagnostic::new(Code::WrongInput, message, expr.span, "no source")
                .help("sources: `frames`, `image`, `wave`, `text`, `tensor`")
                .into());
        };
        let prepared = if let Some(origin) = Origin::find(&call.name.text) {
            if let Some(value) = call.first {
                let message = format!("`{}` is a source", call.name.text);
                let label = "nothing can be piped into it";
                return fail(Code::WrongInput, message, value.span, label);
            }
            let args = function::bind(origin.params(), call)?;
            self.source(frame, origin, &args)?
        } else if let Some(preparation) = Preparation::find(&call.name.text) {
            let args = function::bind(preparation.params(), call)?;
            let prepared = self.prepare(frame, args.need("x"))?;
            self.host_step(frame, preparation, &args, prepared)?
        } else if function::is_name(&call.name.text) {
            let message = format!("`{}` is no step of a modality", call.name.text);
            let label = "works on tokens, not on data";
            return Err(Diagnostic::new(Code::Misplaced, message, call.name.span, label)
                .help("steps: `normalize`, `logmel`, `fbank`, `whisper_mel`, `spectrogram`, `crop`, `pad`")
                .into());
        } else {
            return Err(self.unknown_operation(call, None));
        };
        check_size(&prepared.shape, expr.span)?;
        Ok(prepared)
    }

    fn source(
        &mut self,
        frame: &mut Frame<'a>,
        origin: Origin,
        args: &Args<'a>,
    ) -> Result<Prepared> {
        let preset = self.preset(frame, origin, args)?;
        let (source, mut shape) = match origin {
            Origin::Frames => {
                let count = self.integer(frame, args.need("count"), 1..=MAX_TOKENS)?;
                let fps = self.positive(frame, args.need("fps"))?;
                let size = self.picture_size(frame, args.need("size"))?;
                let channels = self.channels(frame, args)?;
                let scaling = self.scaling(frame, args, size, preset)?;
                let grid = vec![count, size[0], size[1]];
                let source = Source::Frames { count, fps, size, channels, scaling };
                (source, Shape::new(grid, channels))
            }
            Origin::Image => {
                let size = self.picture_size(frame, args.need("size"))?;
                let channels = self.channels(frame, args)?;
                let scaling = self.scaling(frame, args, size, preset)?;
                (Source::Image { size, channels, scaling }, Shape::new(size.to_vec(), channels))
            }
            Origin::Wave => self.wave(frame, args)?,
            Origin::Text => {
                let length = self.integer(frame, args.need("length"), 1..=MAX_TOKENS)?;
                let vocabulary = self.integer(frame, args.need("vocabulary"), 1..=MAX_TOKENS)?;
                (Source::Text { length, vocabulary }, Shape::new(vec![length], 1))
            }
            Origin::Tensor => (Source::Tensor, self.tensor_shape(frame, args.need("shape"))?),
        };
        let steps = match preset {
            Some(preset) => self.steps_of(preset, args, &source, &mut shape)?,
            None => Vec::new(),
        };
        Ok(Prepared { source, steps, shape, preset })
    }

    fn wave(&mut self, frame: &mut Frame<'a>, args: &Args<'a>) -> Result<(Source, Shape)> {
        let rate = self.integer(frame, args.need("rate"), 1..=10_000_000)?;
        let expr = args.need("seconds");
        let seconds = self.positive(frame, expr)?;
        let short = match args.get("short") {
            Some(expr) => match self.word(frame, expr, words::SHORT)? {
                "pad" => Short::Pad,
                _ => Short::Loop,
            },
            None => Short::Pad,
        };
        let channels = match args.get("channels") {
            Some(expr) => self.integer(frame, expr, 1..=64)?,
            None => 1,
        };
        let samples = seconds.checked_mul(rate.into()).map(Number::floor);
        let samples = samples.and_then(Number::to_integer).and_then(|n| u64::try_from(n).ok());
        match samples {
            Some(samples) if samples > 0 => {
                let source = Source::Wave { rate, seconds, short, channels };
                Ok((source, Shape::new(vec![samples], channels)))
            }
            Some(_) => fail(Code::OutOfRange, "no sample is left", expr.span, "too short"),
            None => fail(Code::TooLarge, "a sound of too many samples", expr.span, "too long"),
        }
    }

    /// A shape whose last size is the width.
    pub(super) fn tensor_shape(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Shape> {
        let scope = Scope { keys: frame.keys.clone(), mode: Mode::Own };
        let mut sizes = self.sizes(frame, &[expr], &scope)?;
        let Some(width) = sizes.pop() else {
            return fail(Code::WrongRank, "a tensor has at least one size", expr.span, "empty");
        };
        if sizes.is_empty() {
            sizes.push(1);
        }
        let shape = Shape::new(sizes, width);
        check_size(&shape, expr.span)?;
        Ok(shape)
    }

    pub(super) fn positive(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Number> {
        let number = self.constant(frame, expr)?.number(expr.span)?;
        if number > Number::ZERO {
            return Ok(number);
        }
        let message = format!("expected a number above 0, found {number}");
        fail(Code::OutOfRange, message, expr.span, format!("this is {number}"))
    }

    fn host_step(
        &mut self,
        frame: &mut Frame<'a>,
        preparation: Preparation,
        args: &Args<'a>,
        mut prepared: Prepared,
    ) -> Result<Prepared> {
        if matches!(prepared.source, Source::Text { .. }) {
            let message = format!("`{}` does not work on ids", preparation.name());
            return fail(Code::WrongInput, message, args.span, "a text is fed as it is");
        }
        let step = match preparation {
            Preparation::Normalize => {
                check_once(&prepared, args.span)?;
                let mean = self.per_channel(frame, args.need("mean"), prepared.shape.width)?;
                let std_expr = args.need("std");
                let std = self.per_channel(frame, std_expr, prepared.shape.width)?;
                if std.contains(&Number::ZERO) {
                    let message = "a deviation of 0 divides by zero";
                    return fail(Code::Arithmetic, message, std_expr.span, "must not be 0");
                }
                HostStep::Normalize { mean, std }
            }
            Preparation::LogMel => self.logmel(frame, args, &mut prepared)?,
            Preparation::Fbank => self.fbank(frame, args, &mut prepared)?,
            Preparation::WhisperMel => self.whisper_mel(frame, args, &mut prepared)?,
            Preparation::Spectrogram => {
                let (window, hop, fft) = self.frames_of_sound(frame, args, &prepared)?;
                let power = match args.get("power") {
                    Some(expr) => self.positive(frame, expr)?,
                    None => Number::from(2u64),
                };
                prepared.shape.grid = vec![fft / 2 + 1, prepared.shape.grid[0] / hop];
                HostStep::Spectrogram { window, hop, fft, power }
            }
            Preparation::Pad => {
                HostStep::Pad(self.resized(frame, preparation, args, &mut prepared)?)
            }
            Preparation::Crop => {
                HostStep::Crop(self.resized(frame, preparation, args, &mut prepared)?)
            }
        };
        prepared.steps.push(step);
        Ok(prepared)
    }

    /// The sizes of a pad or crop, which are the grid's from then on.
    fn resized(
        &mut self,
        frame: &mut Frame<'a>,
        preparation: Preparation,
        args: &Args<'a>,
        prepared: &mut Prepared,
    ) -> Result<Vec<u64>> {
        let scope = Scope { keys: frame.keys.clone(), mode: Mode::Own };
        let sizes = self.sizes(frame, args.all("sizes"), &scope)?;
        check_resize(preparation.name(), &sizes, &prepared.shape, args.span)?;
        prepared.shape.grid.clone_from(&sizes);
        Ok(sizes)
    }

    /// One number for all channels, or one for each.
    fn per_channel(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
        channels: u64,
    ) -> Result<Vec<Number>> {
        let value = self.constant(frame, expr)?;
        let numbers: Result<Vec<Number>> =
            value.elements().iter().map(|item| item.number(expr.span)).collect();
        let numbers = numbers?;
        if numbers.len() as u64 != channels && numbers.len() != 1 {
            let message = format!("{} numbers for {channels} channels", numbers.len());
            return fail(Code::ShapeMismatch, message, expr.span, "one number, or one a channel");
        }
        Ok(numbers)
    }
}

/// What a preset has normalized is not normalized again: nobody trained such a model.
fn check_once(prepared: &Prepared, span: Span) -> Result<()> {
    let Some(preset) = prepared.preset else { return Ok(()) };
    if !prepared.steps.iter().any(|step| matches!(step, HostStep::Normalize { .. })) {
        return Ok(());
    }
    let message = format!("`{}` normalizes already", preset.name());
    Err(Diagnostic::new(Code::WrongInput, message, span, "a second time")
        .help("leave `normalize` out, or write the settings of the preset one by one without it")
        .into())
}
