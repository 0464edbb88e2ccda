//! Everything that can be called, and how arguments find their parameters.
//!
//! One table for each kind of place: a function, its name, its parameters. A parameter that ends in `?` may be left out, one
//! that ends in `!` too, and is always named; one that ends in `..` takes all remaining positional arguments.

use zorro_grammar::ast::{Arg, Expr, Name};
use zorro_grammar::{Code, Diagnostic, Span, diagnostic::nearest};

use crate::model::Elementwise;

/// Names of parameters, as the tables write them.
pub(super) type Params = &'static [&'static str];

macro_rules! functions {
    ($($(#[$doc:meta])* $table:ident { $($variant:ident $name:literal [$($param:literal),*];)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $table { $($variant,)* }

        impl $table {
            const ALL: &[Self] = &[$(Self::$variant,)*];

            pub(super) fn find(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|function| function.name() == name)
            }

            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub(super) fn params(self) -> Params {
                match self { $(Self::$variant => &[$($param),*],)* }
            }
        }
    )*};
}

functions! {
    /// On numbers, lists, relations and starts, anywhere.
    Constant {
        Floor "floor" ["value"];
        Ceil "ceil" ["value"];
        Min "min" ["values.."];
        Max "max" ["values.."];
        Sum "sum" ["values"];
        Len "len" ["values"];
        Windows "windows" ["size", "shift?"];
        Groups "groups" ["n"];
        Truncated "truncated" ["std"];
        Normal "normal" ["std"];
        Uniform "uniform" ["bound"];
    }

    /// On one operand.
    Single {
        Patches "patches" ["x", "sizes.."];
        Linear "linear" ["x", "width", "bias?", "init!", "weights!"];
        Absent "absent" ["x", "policy", "init!", "weights!"];
        Norm "norm" ["x", "eps?", "scale?", "bias?", "weights!"];
        RmsNorm "rms_norm" ["x", "eps?", "scale?", "bias?", "weights!"];
        Scale "scale" ["x", "init!", "weights!"];
        Activate "activate" ["x", "function"];
        Softmax "softmax" ["x"];
        Gated "gated" ["x", "function"];
        Dropout "dropout" ["x", "rate"];
        DropPath "drop_path" ["x", "rate", "rescale?"];
        Pool "pool" ["x", "how"];
        Gather "gather" ["x", "tokens"];
        Pad "pad" ["x", "sizes.."];
        Crop "crop" ["x", "sizes.."];
        Position "position" ["x", "kind?", "join?", "bands?", "max?", "init!", "weights!"];
    }

    /// On several operands.
    Several {
        Mean "mean" ["x.."];
        Concat "concat" ["x.."];
        Join "join" ["x.."];
    }

    /// Weights that are values.
    Weighted {
        Latents "latents" ["tokens", "width", "init!", "weights!"];
        Learned "learned" ["shape", "init!", "weights!"];
    }

    /// Tokens of something else than tokens, or of whom a route says.
    Special {
        Embed "embed" ["x", "width", "init!", "weights!"];
        Attend "attend" ["x", "from?", "heads?", "width?", "out?", "bias?", "within?", "scores?", "missing!", "weights!"];
    }

    /// First on the right side of `modality`.
    Origin {
        Frames "frames" ["count", "fps", "size", "channels?", "resize?", "fit?", "crop_pct?", "preprocess?"];
        Image "image" ["size", "channels?", "resize?", "fit?", "crop_pct?", "preprocess?"];
        Wave "wave" ["rate", "seconds", "short?", "channels?", "preprocess?"];
        Text "text" ["length", "vocabulary"];
        Tensor "tensor" ["shape"];
    }

    /// Further on the right side of `modality`.
    Preparation {
        Normalize "normalize" ["x", "mean", "std"];
        LogMel "logmel" ["x", "bins", "window", "hop", "fft?", "low?", "high?", "scale?", "norm?", "floor?"];
        Fbank "fbank" ["x", "bins", "window?", "hop?", "window_type?", "low?", "high?", "preemphasis?"];
        WhisperMel "whisper_mel" ["x", "bins?"];
        Spectrogram "spectrogram" ["x", "window", "hop", "fft?", "power?"];
        Pad "pad" ["x", "sizes.."];
        Crop "crop" ["x", "sizes.."];
    }

    /// With logits and a target, on the right side of `objective`.
    Classification {
        CrossEntropy "cross_entropy" ["logits", "target", "smoothing?"];
        SigmoidCrossEntropy "sigmoid_cross_entropy" ["logits", "target"];
    }

    /// On the right side of `objective`.
    Comparison {
        Nce "nce" ["a", "b", "temperature?", "negatives?", "collapse?"];
        Mse "mse" ["a", "b", "collapse?"];
        Mean "mean" ["losses.."];
    }

    /// On the right side of `target`.
    Aim {
        Class "class" ["n"];
        Classes "classes" ["n"];
        Tensor "tensor" ["shape"];
    }
}

/// What can be called on tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Elementwise(Elementwise),
    Single(Single),
    Several(Several),
    Weighted(Weighted),
    Special(Special),
}

impl Operation {
    pub(super) fn find(name: &str) -> Option<Self> {
        Elementwise::find(name)
            .map(Self::Elementwise)
            .or_else(|| Single::find(name).map(Self::Single))
            .or_else(|| Several::find(name).map(Self::Several))
            .or_else(|| Weighted::find(name).map(Self::Weighted))
            .or_else(|| Special::find(name).map(Self::Special))
    }

    pub(super) fn params(self) -> Params {
        match self {
            Self::Elementwise(_) => &["x"],
            Self::Single(operation) => operation.params(),
            Self::Several(operation) => operation.params(),
            Self::Weighted(operation) => operation.params(),
            Self::Special(operation) => operation.params(),
        }
    }
}

/// The names of all that can be called in an ordinary expression.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    Elementwise::ALL
        .iter()
        .map(|function| function.name())
        .chain(Constant::ALL.iter().map(|function| function.name()))
        .chain(Single::ALL.iter().map(|function| function.name()))
        .chain(Several::ALL.iter().map(|function| function.name()))
        .chain(Weighted::ALL.iter().map(|function| function.name()))
        .chain(Special::ALL.iter().map(|function| function.name()))
}

/// Whether the language has a function of this name; no block can have it.
pub(super) fn is_name(name: &str) -> bool {
    names().any(|known| known == name) || elsewhere(name).is_some()
}

/// Where a function stands that cannot be called in an ordinary expression.
pub(super) fn elsewhere(name: &str) -> Option<&'static str> {
    if Origin::find(name).is_some() || Preparation::find(name).is_some() {
        Some("data is prepared on the right side of `modality`")
    } else if Classification::find(name).is_some() || Comparison::find(name).is_some() {
        Some("losses stand on the right side of `objective`")
    } else if Aim::find(name).is_some() {
        Some("targets stand on the right side of `target`")
    } else {
        None
    }
}

/// A call with its piped value, if any, in front.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) name: &'a Name,
    pub(super) first: Option<&'a Expr>,
    pub(super) args: &'a [Arg],
    pub(super) span: Span,
}

/// Arguments by parameter.
pub(super) struct Args<'a> {
    pub(super) span: Span,
    bound: Vec<(&'a str, Vec<&'a Expr>)>,
}

impl<'a> Args<'a> {
    /// The argument of a parameter, if it was given.
    pub(super) fn get(&self, param: &str) -> Option<&'a Expr> {
        self.all(param).first().copied()
    }

    /// The argument of a parameter that the table requires.
    pub(super) fn need(&self, param: &str) -> &'a Expr {
        self.get(param).expect("`bind` refuses calls without a required argument")
    }

    /// All arguments of a parameter.
    pub(super) fn all(&self, param: &str) -> &[&'a Expr] {
        let bound = self.bound.iter().find(|(name, _)| *name == param);
        bound.map_or(&[], |(_, values)| values.as_slice())
    }
}

/// One parameter of a function or block.
pub(super) struct Parameter<'a> {
    pub(super) name: &'a str,
    pub(super) required: bool,
    pub(super) variadic: bool,
    /// Never positional.
    pub(super) named: bool,
}

/// Binds the arguments of a call to the parameters of a built-in function.
pub(super) fn bind<'a>(params: Params, call: Call<'a>) -> Result<Args<'a>, Diagnostic> {
    let params: Vec<Parameter<'_>> = params
        .iter()
        .map(|param| {
            let name = param.trim_end_matches(['.', '?', '!']);
            let (variadic, named) = (param.ends_with(".."), param.ends_with('!'));
            let required = !param.ends_with('?') && !named;
            Parameter { name, required, variadic, named }
        })
        .collect();
    bind_to(&params, call)
}

/// Binds the arguments of a call to parameters: positional ones first, then named ones.
pub(super) fn bind_to<'a>(
    params: &[Parameter<'a>],
    call: Call<'a>,
) -> Result<Args<'a>, Diagnostic> {
    let mut bound: Vec<(&str, Vec<&Expr>)> =
        params.iter().map(|param| (param.name, Vec::new())).collect();
    let mut position = 0;
    let positional = call
        .first
        .into_iter()
        .chain(call.args.iter().filter(|arg| arg.name.is_none()).map(|arg| &arg.value));
    for value in positional {
        let Some(param) = params.get(position).filter(|param| !param.named) else {
            return Err(surplus(params, call, value));
        };
        bound[position].1.push(value);
        position += usize::from(!param.variadic);
    }
    let mut named_before = None;
    for arg in call.args {
        let Some(name) = &arg.name else {
            if let Some(named) = named_before {
                return Err(positional_after_named(arg.value.span, named));
            }
            continue;
        };
        named_before = Some(name.span);
        let Some(index) = params.iter().position(|param| param.name == name.text) else {
            return Err(unknown_argument(params, call, name));
        };
        if !bound[index].1.is_empty() {
            let message = format!("argument `{}` is given twice", name.text);
            return Err(Diagnostic::new(
                Code::ArgumentCount,
                message,
                name.span,
                "given again here",
            )
            .also(bound[index].1[0].span, "first given here"));
        }
        bound[index].1.push(&arg.value);
    }
    for (param, (_, values)) in params.iter().zip(&bound) {
        if param.required && values.is_empty() {
            return Err(missing(params, call, param.name));
        }
    }
    Ok(Args { span: call.span, bound })
}

/// How to write the call: `linear(x, width, bias: .., init: ..)`.
fn usage(params: &[Parameter<'_>], call: Call<'_>) -> String {
    let shown: Vec<String> = params
        .iter()
        .map(|param| match (param.required, param.variadic) {
            (_, true) => format!("{}, ..", param.name),
            (true, false) => param.name.to_owned(),
            (false, false) => format!("{}: ..", param.name),
        })
        .collect();
    format!("it is called as `{}({})`", call.name.text, shown.join(", "))
}

fn surplus(params: &[Parameter<'_>], call: Call<'_>, value: &Expr) -> Diagnostic {
    let n = params.iter().filter(|param| !param.named).count();
    let name = &call.name.text;
    let plural = if n == 1 { "" } else { "s" };
    let message = format!("`{name}` takes at most {n} argument{plural} without a name");
    Diagnostic::new(Code::ArgumentCount, message, value.span, "one too many")
        .help(usage(params, call))
}

fn missing(params: &[Parameter<'_>], call: Call<'_>, param: &str) -> Diagnostic {
    let message = format!("`{}` needs `{param}`", call.name.text);
    Diagnostic::new(Code::ArgumentCount, message, call.span, format!("`{param}` is missing"))
        .help(usage(params, call))
}

fn positional_after_named(span: Span, named: Span) -> Diagnostic {
    let message = "positional arguments come before named ones";
    Diagnostic::new(Code::ArgumentCount, message, span, "this has no name")
        .also(named, "this has one")
}

fn unknown_argument(params: &[Parameter<'_>], call: Call<'_>, name: &Name) -> Diagnostic {
    let message = format!("`{}` has no argument `{}`", call.name.text, name.text);
    let diagnostic = Diagnostic::new(Code::UnknownArgument, message, name.span, "unknown argument");
    match nearest(&name.text, params.iter().map(|param| param.name).filter(|name| *name != "x")) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(usage(params, call)),
    }
}
