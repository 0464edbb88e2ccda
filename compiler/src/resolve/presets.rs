//! Preprocessing by the name of the models that were trained with it.
//!
//! In: `preprocess: NAME`. Out: what the arguments of the source are where the source itself says nothing, and the steps that
//! follow. Nothing else knows presets: a model is as if settings and steps had been written. Deliberately not here: what
//! these settings and steps do.

use zorro_grammar::{Code, Diagnostic};

use crate::model::{Filter, HostStep, Shape, Source};
use crate::number::Number;

use super::function::{Args, Origin};
use super::{Frame, Resolver, Result, sound};

/// Models whose preprocessing has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preset {
    /// Classifiers of `ImageNet`, as torchvision and timm evaluate them.
    Imagenet,
    /// `OpenAI`'s CLIP.
    Clip,
    /// `VideoMAE`.
    Videomae,
    /// Audio spectrogram transformers.
    Ast,
    /// Whisper, before its version large-v3.
    Whisper,
}

/// What a preset says of pictures; it crops to the middle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pictures {
    pub(super) filter: Filter,
    pub(super) crop_pct: Number,
}

/// Means and deviations of red, green and blue, in the digits that their authors give.
const IMAGENET: [[&str; 3]; 2] = [["0.485", "0.456", "0.406"], ["0.229", "0.224", "0.225"]];
const CLIP: [[&str; 3]; 2] =
    [["0.48145466", "0.4578275", "0.40821073"], ["0.26862954", "0.26130258", "0.27577711"]];

impl Preset {
    pub(super) const ALL: &[Self] =
        &[Self::Imagenet, Self::Clip, Self::Videomae, Self::Ast, Self::Whisper];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Imagenet => "imagenet",
            Self::Clip => "clip",
            Self::Videomae => "videomae",
            Self::Ast => "ast",
            Self::Whisper => "whisper",
        }
    }

    /// The sources that can be prepared so.
    fn origins(self) -> &'static [Origin] {
        match self {
            Self::Imagenet | Self::Clip => &[Origin::Image, Origin::Frames],
            Self::Videomae => &[Origin::Frames],
            Self::Ast | Self::Whisper => &[Origin::Wave],
        }
    }

    /// How pictures come to their size, where it is a preset of pictures.
    pub(super) fn pictures(self) -> Option<Pictures> {
        let (filter, crop_pct) = match self {
            Self::Imagenet => (Filter::Bilinear, "0.875"),
            Self::Clip => (Filter::Bicubic, "1"),
            Self::Videomae => (Filter::Bilinear, "1"),
            Self::Ast | Self::Whisper => return None,
        };
        Some(Pictures { filter, crop_pct: number(crop_pct) })
    }

    /// The steps after the source, and the shape after them; or what is wrong about the source.
    fn steps(
        self,
        source: &Source,
        shape: &mut Shape,
    ) -> std::result::Result<Vec<HostStep>, String> {
        let colors = match self {
            Self::Imagenet | Self::Videomae => IMAGENET,
            Self::Clip => CLIP,
            Self::Ast => return sound::ast(source, shape),
            Self::Whisper => return sound::whisper(source, shape),
        };
        if shape.width != 3 {
            let name = self.name();
            return Err(format!("`{name}` is for pictures of 3 channels, not {}", shape.width));
        }
        let [mean, std] = colors.map(|numbers| numbers.map(number).to_vec());
        Ok(vec![HostStep::Normalize { mean, std }])
    }
}

/// A number of the tables above.
fn number(text: &str) -> Number {
    Number::parse(text).expect("a literal")
}

impl<'a> Resolver<'a> {
    /// The preset that a source names.
    pub(super) fn preset(
        &mut self,
        frame: &mut Frame<'a>,
        origin: Origin,
        args: &Args<'a>,
    ) -> Result<Option<Preset>> {
        let Some(expr) = args.get("preprocess") else { return Ok(None) };
        let names: Vec<&str> = Preset::ALL.iter().map(|preset| preset.name()).collect();
        let name = self.word(frame, expr, &names)?;
        let found = Preset::ALL.iter().copied().find(|preset| preset.name() == name);
        let Some(wrong) = found.filter(|preset| !preset.origins().contains(&origin)) else {
            return Ok(found);
        };
        let quoted = |name: &str| format!("`{name}`");
        let right: Vec<String> = wrong.origins().iter().map(|right| quoted(right.name())).collect();
        let message = format!("`{name}` prepares what {} reads", right.join(" or "));
        let label = format!("not for `{}`", origin.name());
        let diagnostic = Diagnostic::new(Code::WrongInput, message, expr.span, label);
        let fitting = Preset::ALL.iter().filter(|preset| preset.origins().contains(&origin));
        let fitting: Vec<String> = fitting.map(|preset| quoted(preset.name())).collect();
        Err(match fitting.as_slice() {
            [] => diagnostic.help(format!("`{}` has no preset", origin.name())).into(),
            _ => diagnostic.help(format!("for `{}`: {}", origin.name(), fitting.join(", "))).into(),
        })
    }

    /// What follows a source of a preset.
    pub(super) fn steps_of(
        &mut self,
        preset: Preset,
        args: &Args<'a>,
        source: &Source,
        shape: &mut Shape,
    ) -> Result<Vec<HostStep>> {
        let steps = preset.steps(source, shape);
        steps.map_err(|message| {
            let label = format!("this is a `{}`", preset.name());
            Diagnostic::new(Code::ShapeMismatch, message, args.span, label).into()
        })
    }
}
