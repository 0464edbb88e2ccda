//! What a source says of its pictures: their size, and how they come to it.
//!
//! In: the arguments of `frames` and `image`. Out: sizes, and a [`Scaling`]. Deliberately not here: steps, and the numbers of
//! presets.

use zorro_grammar::ast::Expr;
use zorro_grammar::{Code, Diagnostic};

use crate::model::{Filter, Fit, Scaling};
use crate::number::Number;

use super::evaluate::{Mode, Scope};
use super::function::Args;
use super::presets::Preset;
use super::{Frame, Resolver, Result, fail, words};

impl<'a> Resolver<'a> {
    /// Height and width: a number for both, or a list of two.
    pub(super) fn picture_size(
        &mut self,
        frame: &mut Frame<'a>,
        expr: &'a Expr,
    ) -> Result<[u64; 2]> {
        let scope = Scope { keys: frame.keys.clone(), mode: Mode::Own };
        match self.sizes(frame, &[expr], &scope)?.as_slice() {
            [side] => Ok([*side, *side]),
            [height, width] => Ok([*height, *width]),
            sizes => {
                let message =
                    format!("a picture has a height and a width, not {} sizes", sizes.len());
                let label = "write a number, or `[height, width]`";
                let diagnostic = Diagnostic::new(Code::WrongRank, message, expr.span, label);
                Err(match sizes {
                    [channels, height, width] if channels <= &4 => diagnostic
                        .write(expr.span, format!("[{height}, {width}]"))
                        .help("`channels` is an argument of its own, 3 if nothing is said"),
                    _ => diagnostic,
                }
                .into())
            }
        }
    }

    pub(super) fn channels(&mut self, frame: &mut Frame<'a>, args: &Args<'a>) -> Result<u64> {
        let Some(expr) = args.get("channels") else { return Ok(3) };
        match self.integer(frame, expr, 1..=3)? {
            2 => fail(Code::OutOfRange, "pictures have 1 or 3 channels", expr.span, "this is 2"),
            channels => Ok(channels),
        }
    }

    /// How pictures come to a size, where something is said about it. What is said here wins over what a preset says.
    pub(super) fn scaling(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        size: [u64; 2],
        preset: Option<Preset>,
    ) -> Result<Option<Scaling>> {
        let preset = preset.and_then(Preset::pictures);
        let (resize, fit, crop_pct) = (args.get("resize"), args.get("fit"), args.get("crop_pct"));
        if preset.is_none() && resize.or(fit).or(crop_pct).is_none() {
            return Ok(None);
        }
        let mut filter = preset.map_or(Filter::Bilinear, |preset| preset.filter);
        if let Some(expr) = resize {
            let names: Vec<&str> = Filter::ALL.iter().map(|filter| filter.name()).collect();
            let name = self.word(frame, expr, &names)?;
            let named = Filter::ALL.iter().copied().find(|filter| filter.name() == name);
            filter = named.expect("the word is one of the names");
        }
        let fit = match fit {
            Some(expr) => self.word(frame, expr, words::FIT)?,
            None => "crop",
        };
        let percent = match crop_pct {
            Some(expr) if fit == "pad" => {
                let message = "`fit: pad` crops nothing";
                return Err(Diagnostic::new(Code::WrongInput, message, expr.span, "has no say")
                    .help("write `fit: crop` or `fit: squash`, or leave it out")
                    .into());
            }
            Some(expr) => self.crop_pct(frame, expr)?,
            None => preset.map_or(Number::ONE, |preset| preset.crop_pct),
        };
        let scaled = size.map(|side| scaled(side, percent));
        let fit = match fit {
            "pad" => Fit::Pad,
            "squash" => Fit::Squash(scaled),
            _ => Fit::Crop(scaled),
        };
        Ok(Some(Scaling { filter, fit }))
    }

    fn crop_pct(&mut self, frame: &mut Frame<'a>, expr: &'a Expr) -> Result<Number> {
        let least = Number::ratio(1, 100).expect("not zero");
        let scope = Scope { keys: frame.keys.clone(), mode: Mode::Own };
        self.bounded(frame, expr, &scope, least..=Number::ONE)
    }
}

/// The side of which a part is taken. In doubles, as timm does it, because a model is fed what it was trained with: exact
/// numbers now and then give one more.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
fn scaled(side: u64, percent: Number) -> u64 {
    (side as f64 / percent.to_f64()).floor() as u64
}
