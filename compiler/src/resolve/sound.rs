//! Spectrograms: from one channel of sound to frequencies by time.
//!
//! In: arguments of a step, and what the steps before it have made. Out: the step with all its numbers, and the new grid.
//! Deliberately not here: the Fourier transforms.

use zorro_grammar::ast::Expr;
use zorro_grammar::{Code, Diagnostic, Span};

use crate::mel::{Bank, WHISPER_HOP, WHISPER_RATE};
use crate::model::{HostStep, Shape, Source, WindowType};
use crate::number::Number;

use super::evaluate::{Mode, Scope};
use super::function::Args;
use super::host::Prepared;
use super::{Frame, MAX_WIDTH, Resolver, Result, fail, words};

impl<'a> Resolver<'a> {
    pub(super) fn logmel(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        prepared: &mut Prepared,
    ) -> Result<HostStep> {
        let (window, hop, fft) = self.frames_of_sound(frame, args, prepared)?;
        let (rate, _) = sound(args, prepared)?;
        let bins = self.integer(frame, args.need("bins"), 1..=MAX_WIDTH)?;
        let (low, high) = self.band(frame, args, rate, Number::ZERO)?;
        let slaney_scale = match args.get("scale") {
            Some(expr) => self.word(frame, expr, words::MEL_SCALE)? == "slaney",
            None => false,
        };
        let slaney_norm = match args.get("norm") {
            Some(expr) => self.word(frame, expr, words::MEL_NORM)? == "slaney",
            None => false,
        };
        let floor = match args.get("floor") {
            Some(expr) => self.positive(frame, expr)?,
            None => Number::ratio(1, 1_000_000).expect("not zero"),
        };
        prepared.shape.grid = vec![bins, prepared.shape.grid[0] / hop];
        let step = HostStep::LogMel {
            rate,
            bins,
            window,
            hop,
            fft,
            low,
            high,
            slaney_scale,
            slaney_norm,
            floor,
        };
        self.warn_of_empty(&step, args);
        Ok(step)
    }

    /// Kaldi's filterbank: whole windows alone, of 25 ms each 10 ms where nothing else is said.
    pub(super) fn fbank(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        prepared: &mut Prepared,
    ) -> Result<HostStep> {
        let (rate, samples) = sound(args, prepared)?;
        let bins = self.integer(frame, args.need("bins"), 1..=MAX_WIDTH)?;
        let window = match args.get("window") {
            Some(expr) => self.integer(frame, expr, 2..=1 << 20)?,
            None => rate / 40,
        };
        let hop = match args.get("hop") {
            Some(expr) => self.hop(frame, expr, samples)?,
            None => rate / 100,
        };
        if window < 2 || hop == 0 || window > samples {
            let message =
                format!("windows of {window} samples, {hop} apart, in a sound of {samples}");
            return fail(Code::OutOfRange, message, args.span, "not one frame is left");
        }
        let (low, high) = self.band(frame, args, rate, Number::from(20u64))?;
        let window_type = match args.get("window_type") {
            Some(expr) => {
                let names: Vec<&str> = WindowType::ALL.iter().map(|kind| kind.name()).collect();
                let name = self.word(frame, expr, &names)?;
                let named = WindowType::ALL.iter().copied().find(|kind| kind.name() == name);
                named.expect("the word is one of the names")
            }
            None => WindowType::Povey,
        };
        let preemphasis = match args.get("preemphasis") {
            Some(expr) => {
                let scope = Scope { keys: frame.keys.clone(), mode: Mode::Own };
                self.bounded(frame, expr, &scope, Number::ZERO..=Number::ONE)?
            }
            None => Number::ratio(97, 100).expect("not zero"),
        };
        prepared.shape.grid = vec![bins, 1 + (samples - window) / hop];
        let fft = window.next_power_of_two();
        let step =
            HostStep::Fbank { rate, bins, window, hop, fft, low, high, window_type, preemphasis };
        self.warn_of_empty(&step, args);
        Ok(step)
    }

    pub(super) fn whisper_mel(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        prepared: &mut Prepared,
    ) -> Result<HostStep> {
        let (rate, samples) = sound(args, prepared)?;
        let bins = match args.get("bins") {
            Some(expr) => self.integer(frame, expr, 1..=MAX_WIDTH)?,
            None => 80,
        };
        if rate != WHISPER_RATE {
            let message = format!("Whisper hears {WHISPER_RATE} samples a second, not {rate}");
            return Err(Diagnostic::new(Code::OutOfRange, message, args.span, "another rate")
                .help(format!("write `wave(rate: {WHISPER_RATE}, ..)`"))
                .into());
        }
        if samples < WHISPER_HOP {
            let message = format!("a hop of {WHISPER_HOP} samples in a sound of {samples}");
            return fail(Code::OutOfRange, message, args.span, "not one frame is left");
        }
        prepared.shape.grid = vec![bins, samples / WHISPER_HOP];
        let step = HostStep::WhisperMel { bins };
        self.warn_of_empty(&step, args);
        Ok(step)
    }

    /// From which frequency to which.
    fn band(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        rate: u64,
        lowest: Number,
    ) -> Result<(Number, Number)> {
        let nyquist = Number::from(rate).checked_div(Number::from(2u64)).expect("2 is not 0");
        let scope = Scope { keys: frame.keys.clone(), mode: Mode::Own };
        let low = match args.get("low") {
            Some(expr) => self.bounded(frame, expr, &scope, Number::ZERO..=nyquist)?,
            None => lowest,
        };
        let high = match args.get("high") {
            Some(expr) => self.bounded(frame, expr, &scope, Number::ZERO..=nyquist)?,
            None => nyquist,
        };
        if low >= high {
            let message = format!("no frequency between {low} and {high}");
            return fail(Code::OutOfRange, message, args.span, "`low` must be below `high`");
        }
        Ok((low, high))
    }

    /// Bins that are the same whatever is heard.
    fn warn_of_empty(&mut self, step: &HostStep, args: &Args<'a>) {
        let Some(bank) = Bank::of(step) else { return };
        let empty = bank.empty();
        let Some(first) = empty.first() else { return };
        let (n, bins, fft) = (empty.len(), bank.bins, bank.fft);
        let verb = if n == 1 { "has" } else { "have" };
        let message = format!("{n} of {bins} mel filters {verb} no frequency");
        let label = format!("the first is bin {first}: it is the same whatever is heard");
        let mut help = format!("a Fourier transform of {fft} samples is too coarse: ");
        help.push_str(match step {
            HostStep::Fbank { .. } => "ask for fewer `bins`, or for a longer `window`",
            HostStep::LogMel { .. } => "ask for fewer `bins`, or for a longer `fft`",
            HostStep::WhisperMel { .. } => "Whisper has 80 bins, or 128",
            HostStep::Normalize { .. }
            | HostStep::Spectrogram { .. }
            | HostStep::Pad(_)
            | HostStep::Crop(_) => unreachable!("they have no filters"),
        });
        self.push(Diagnostic::new(Code::EmptyFilter, message, args.span, label).help(help));
    }

    /// Window, hop and transform of a spectrogram, and that it is made of one channel of sound.
    pub(super) fn frames_of_sound(
        &mut self,
        frame: &mut Frame<'a>,
        args: &Args<'a>,
        prepared: &Prepared,
    ) -> Result<(u64, u64, u64)> {
        let (_, samples) = sound(args, prepared)?;
        let window = self.integer(frame, args.need("window"), 1..=1 << 20)?;
        let hop = self.hop(frame, args.need("hop"), samples)?;
        let fft = match args.get("fft") {
            Some(expr) => self.integer(frame, expr, window..=1 << 24)?,
            None => window.next_power_of_two(),
        };
        Ok((window, hop, fft))
    }

    fn hop(&mut self, frame: &mut Frame<'a>, expr: &'a Expr, samples: u64) -> Result<u64> {
        let hop = self.integer(frame, expr, 1..=1 << 20)?;
        if hop > samples {
            let message = format!("a hop of {hop} samples in a sound of {samples}");
            let span: Span = expr.span;
            return fail(Code::OutOfRange, message, span, "not one frame is left");
        }
        Ok(hop)
    }
}

/// How many frames the features of an audio spectrogram transformer have, whatever the sound's length.
const AST_FRAMES: u64 = 1024;

/// What audio spectrogram transformers are fed. Their empty filter is theirs, and no warning.
pub(super) fn ast(
    source: &Source,
    shape: &mut Shape,
) -> std::result::Result<Vec<HostStep>, String> {
    let number = |text: &str| Number::parse(text).expect("a literal");
    let (bins, window, hop) = (128, 400, 160);
    let samples = preset_samples("ast", source, shape, window)?;
    let fbank = HostStep::Fbank {
        rate: PRESET_RATE,
        bins,
        window,
        hop,
        fft: 512,
        low: number("20"),
        high: number("8000"),
        window_type: WindowType::Hanning,
        preemphasis: number("0.97"),
    };
    let n_frames = 1 + (samples - window) / hop;
    shape.grid = vec![bins, AST_FRAMES];
    let sizes = shape.grid.clone();
    let resized = if n_frames > AST_FRAMES { HostStep::Crop(sizes) } else { HostStep::Pad(sizes) };
    // Twice the deviation of AudioSet, as its authors divide by it.
    let (mean, std) = (vec![number("-4.2677393")], vec![number("9.1379948")]);
    Ok(vec![fbank, resized, HostStep::Normalize { mean, std }])
}

/// What Whisper is fed.
pub(super) fn whisper(
    source: &Source,
    shape: &mut Shape,
) -> std::result::Result<Vec<HostStep>, String> {
    let samples = preset_samples("whisper", source, shape, WHISPER_HOP)?;
    shape.grid = vec![80, samples / WHISPER_HOP];
    Ok(vec![HostStep::WhisperMel { bins: 80 }])
}

/// Both were trained on so many samples a second.
const PRESET_RATE: u64 = WHISPER_RATE;

/// How many samples there are, or what is wrong with the source for a preset.
fn preset_samples(
    name: &str,
    source: &Source,
    shape: &Shape,
    least: u64,
) -> std::result::Result<u64, String> {
    if let (Source::Wave { rate: PRESET_RATE, .. }, [samples], 1) =
        (source, shape.grid.as_slice(), shape.width)
        && *samples >= least
    {
        return Ok(*samples);
    }
    Err(format!("`{name}` hears one channel of {PRESET_RATE} samples a second, {least} or more"))
}

/// Samples a second, and how many; only one channel of sound has frequencies.
fn sound(args: &Args<'_>, prepared: &Prepared) -> Result<(u64, u64)> {
    if let (Source::Wave { rate, .. }, [samples], 1) =
        (&prepared.source, prepared.shape.grid.as_slice(), prepared.shape.width)
    {
        return Ok((*rate, *samples));
    }
    let message = "a spectrogram is made of one channel of sound";
    Err(Diagnostic::new(Code::WrongInput, message, args.span, "this is none")
        .help("begin with `wave(rate: .., seconds: ..)`")
        .into())
}
