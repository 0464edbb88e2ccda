//! `zorro explain`: the long story of an error.
//!
//! In: a code. Out: its page in Markdown. Deliberately not here: the pages; they stand with the codes in the
//! grammar.

use zorro_grammar::Code;
use zorro_grammar::diagnostic::nearest;

use super::{Failure, print};

/// Explain an error or a warning with an example
///
/// Without a code, all codes are listed.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro explain E0701\n  \
    zorro explain")]
pub(super) struct Args {
    /// The code, such as E0701
    code: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let Some(text) = &args.code else {
        let line = |code: &Code| format!("{}  {}\n", code.as_str(), code.title());
        return print(&Code::ALL.iter().map(line).collect::<String>());
    };
    match Code::parse(text) {
        Some(code) => print(code.explanation()),
        None => Err(unknown(text)),
    }
}

fn unknown(text: &str) -> Failure {
    let codes = Code::ALL.iter().map(|code| code.as_str());
    let help = match nearest(&text.to_ascii_uppercase(), codes) {
        Some(code) => format!("did you mean `{code}`?"),
        None => "`zorro explain` lists all".to_owned(),
    };
    Failure::Usage(format!("no error has the code `{text}`; {help}"))
}
