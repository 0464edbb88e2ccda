//! Everything that can be called, and how arguments find their parameters.
//!
//! One table: the function, its name, where it may be called, and its parameters. A parameter that ends in `?` may be
//! left out, one that ends in `..` takes all remaining positional arguments.

use zorro_grammar::ast::{Arg, Expr, Name};
use zorro_grammar::{Code, Diagnostic, Span, diagnostic::nearest};

/// Where a function may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// On numbers and lists, anywhere.
    Constant,
    /// On tokens.
    Tokens,
    /// On the right side of `modality`.
    Host,
    /// On the right side of `objective`.
    Loss,
    /// On the right side of `target`.
    Target,
}

macro_rules! functions {
    ($($variant:ident $name:literal $kind:ident [$($param:literal),*];)*) => {
        /// A built-in function.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function { $($variant,)* }

        impl Function {
            pub(super) const ALL: &[Self] = &[$(Self::$variant,)*];

            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub(super) fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }

            fn params(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($param),*],)* }
            }
        }
    };
}

functions! {
    Floor "floor" Constant ["value"];
    Ceil "ceil" Constant ["value"];
    Min "min" Constant ["values.."];
    Max "max" Constant ["values.."];
    Sum "sum" Constant ["values"];
    Len "len" Constant ["values"];
    Windows "windows" Constant ["size", "shift?"];
    Groups "groups" Constant ["n"];
    Truncated "truncated" Constant ["std"];
    Normal "normal" Constant ["std"];
    Uniform "uniform" Constant ["bound"];

    Patches "patches" Tokens ["x", "sizes.."];
    Linear "linear" Tokens ["x", "width", "bias?", "init?", "weights?"];
    Embed "embed" Tokens ["x", "width", "init?", "weights?"];
    Position "position" Tokens ["x", "kind?", "join?", "bands?", "max?", "init?", "weights?"];
    Latents "latents" Tokens ["tokens", "width", "init?", "weights?"];
    Learned "learned" Tokens ["shape", "init?", "weights?"];
    Absent "absent" Tokens ["x", "policy", "init?", "weights?"];
    Norm "norm" Tokens ["x", "eps?", "scale?", "bias?", "weights?"];
    RmsNorm "rms_norm" Tokens ["x", "eps?", "scale?", "bias?", "weights?"];
    Scale "scale" Tokens ["x", "init?", "weights?"];
    Gelu "gelu" Tokens ["x"];
    GeluTanh "gelu_tanh" Tokens ["x"];
    Relu "relu" Tokens ["x"];
    SquaredRelu "squared_relu" Tokens ["x"];
    Silu "silu" Tokens ["x"];
    Sigmoid "sigmoid" Tokens ["x"];
    Tanh "tanh" Tokens ["x"];
    Exp "exp" Tokens ["x"];
    Log "log" Tokens ["x"];
    Softmax "softmax" Tokens ["x"];
    Gated "gated" Tokens ["x", "function"];
    Dropout "dropout" Tokens ["x", "rate"];
    DropPath "drop_path" Tokens ["x", "rate", "rescale?"];
    Pool "pool" Tokens ["x", "how"];
    Mean "mean" Tokens ["x.."];
    Concat "concat" Tokens ["x.."];
    Join "join" Tokens ["x.."];
    Gather "gather" Tokens ["x", "tokens"];
    Pad "pad" Tokens ["x", "sizes.."];
    Crop "crop" Tokens ["x", "sizes.."];
    Attend "attend" Tokens
        ["x", "from?", "heads?", "width?", "out?", "bias?", "within?", "scores?", "weights?"];

    Frames "frames" Host ["count", "fps", "size", "channels?"];
    Image "image" Host ["size", "channels?"];
    Wave "wave" Host ["rate", "seconds", "short?", "channels?"];
    Text "text" Host ["length", "vocabulary"];
    TensorSource "tensor" Host ["shape"];
    Normalize "normalize" Host ["x", "mean", "std"];
    LogMel "logmel" Host
        ["x", "bins", "window", "hop", "fft?", "low?", "high?", "scale?", "norm?", "floor?"];
    Spectrogram "spectrogram" Host ["x", "window", "hop", "fft?", "power?"];
    HostPad "pad" Host ["x", "sizes.."];
    HostCrop "crop" Host ["x", "sizes.."];

    CrossEntropy "cross_entropy" Loss ["logits", "target", "smoothing?"];
    SigmoidCrossEntropy "sigmoid_cross_entropy" Loss ["logits", "target"];
    Nce "nce" Loss ["a", "b", "temperature?", "negatives?", "collapse?"];
    Mse "mse" Loss ["a", "b"];
    MeanLoss "mean" Loss ["losses.."];

    Class "class" Target ["n"];
    Classes "classes" Target ["n"];
    TensorTarget "tensor" Target ["shape"];
}

impl Function {
    /// The function of a name, of one of these kinds if there is one, else of any.
    pub(super) fn find(name: &str, kinds: &[Kind]) -> Option<Self> {
        let named = || Self::ALL.iter().copied().filter(|function| function.name() == name);
        named().find(|function| kinds.contains(&function.kind())).or_else(|| named().next())
    }

    /// Whether a block may not be called like this.
    pub(super) fn is_name(name: &str) -> bool {
        Self::ALL.iter().any(|function| function.name() == name)
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
}

/// Binds the arguments of a call to the parameters of a built-in function.
pub(super) fn bind<'a>(function: Function, call: Call<'a>) -> Result<Args<'a>, Diagnostic> {
    let params: Vec<Parameter<'_>> = function
        .params()
        .iter()
        .map(|param| {
            let name = param.trim_end_matches("..").trim_end_matches('?');
            let variadic = param.ends_with("..");
            Parameter { name, required: !param.ends_with('?'), variadic }
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
        let Some(param) = params.get(position) else {
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
    let n = params.len();
    let name = &call.name.text;
    let plural = if n == 1 { "" } else { "s" };
    let message = format!("`{name}` takes at most {n} argument{plural}");
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
    match nearest(&name.text, params.iter().map(|param| param.name)) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(usage(params, call)),
    }
}
