//! The stable codes of all errors and warnings.
//!
//! One table: variant, code, title. The long story that `zorro explain` tells is
//! `grammar/errors/CODE.md`. A code never changes its meaning; a retired one is not used again.

use crate::diagnostic::Severity;

macro_rules! codes {
    ($($variant:ident $code:literal $title:literal;)*) => {
        /// The stable name of an error (`E…`) or a warning (`W…`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As users see it: `E0201`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The kind of mistake in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// The long story with an example, in Markdown.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("../errors/", $code, ".md")),)*
                }
            }
        }
    };
}

codes! {
    Syntax "E0101" "syntax error";
    TooDeep "E0102" "nested too deeply";
    FileTooLarge "E0103" "file too large";
    UseNotFound "E0104" "used file cannot be read";
    UseCycle "E0105" "files use each other in a circle";
    UseEscapes "E0106" "used file is outside the project";
    ModelCount "E0107" "a spec has exactly one model";
    UnknownName "E0201" "unknown name";
    UnknownOperation "E0202" "unknown operation or block";
    UnknownArgument "E0203" "unknown argument";
    DuplicateName "E0204" "name declared twice";
    ReservedName "E0205" "name is taken by the language";
    ArgumentCount "E0206" "missing or surplus argument";
    Misplaced "E0207" "statement does not belong here";
    UnknownParam "E0208" "no such param to set";
    UnknownAttribute "E0209" "unknown attribute";
    WrongType "E0301" "wrong type of value";
    NotAnInteger "E0302" "not an integer";
    Arithmetic "E0303" "arithmetic failed";
    OutOfRange "E0304" "value out of range";
    IndexOutOfRange "E0305" "index out of range";
    UnknownWord "E0306" "word is not among the choices";
    ShapeMismatch "E0401" "shapes do not match";
    DoesNotDivide "E0402" "size does not divide";
    WrongRank "E0403" "wrong number of dimensions";
    WrongInput "E0404" "operation does not take this input";
    NotAGroup "E0501" "route names something that is not a token group";
    RelationDoesNotFit "E0502" "relation does not fit the grids";
    DuplicateEdge "E0503" "route says the same twice";
    WidthsDiffer "E0504" "shared weights need one width";
    MixedReading "E0505" "what is read must belong to one side";
    WeightNameClash "E0601" "two weights would have the same name";
    TieMismatch "E0602" "tied weights differ in shape or start";
    Leak "E0701" "a modality leaks";
    Collapse "E0702" "training would collapse";
    LooksAhead "E0703" "a value depends on later positions";
    WrongTarget "E0801" "loss does not take this target";
    WrongOperand "E0802" "loss does not take these operands";
    NothingToCompute "E0803" "model computes nothing";
    TooLarge "E0901" "size beyond the limits";
    TooManySteps "E0902" "model too long";
    UnusedTokens "W0101" "tokens reach no output and no objective";
    UnusedRoute "W0102" "route is never applied";
    UnusedParam "W0103" "param is never used";
    UnusedModality "W0104" "modality reaches no output and no objective";
    UnusedName "W0105" "name is never used";
    UnreadEdge "W0106" "route allows what the block never reads";
    EmptyFilter "W0107" "mel filter has no frequency";
    EarlyAssert "W0108" "assert holds where it stands and not at the end";
    TwiceNormalized "W0109" "loss is given probabilities in place of logits";
    NoPositions "W0110" "words are read without their order";
    NothingArrives "W0111" "what is fed does not arrive where it is read";
    CommentedOut "W0112" "arithmetic became a comment";
    CausalLoop "W0113" "causal tokens learn of later ones through another group";
    PartsApart "W0114" "parts of a concat are not present together";
}

impl Code {
    /// The code written as `E0201` or `e0201`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(text))
    }

    /// Codes that begin with `W` are warnings.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self.as_str().starts_with('W') { Severity::Warning } else { Severity::Error }
    }
}
