//! pest's errors in the words of the language.

use std::ops::Range;

use pest::error::{Error, ErrorVariant, InputLocation};

use super::{Rule, slips};
use crate::diagnostic::{Code, Diagnostic};
use crate::scan;
use crate::source::FileId;

/// The diagnostic for an error in a piece.
pub(super) fn syntax_error(
    file: FileId,
    text: &str,
    piece: Range<usize>,
    error: &Error<Rule>,
) -> Diagnostic {
    let start = piece.start;
    let at_rule = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let attempts = error.parse_attempts();
    let at_token = attempts.as_ref().map_or(0, |attempts| attempts.max_position);
    let at = start + skip_blanks(&text[start..], at_rule.max(at_token));
    let rest = &text[at..];
    let found = token(rest);
    if let Some(slip) = slips::find(text, piece, at, found) {
        return slip.diagnostic(file);
    }
    let expected = match &attempts {
        Some(attempts) if at_token > at_rule => {
            let tokens = attempts.expected_tokens();
            expected_tokens(tokens.iter().map(ToString::to_string))
        }
        Some(_) | None => expected(error).into_iter().map(str::to_owned).collect(),
    };
    let message = if expected.is_empty() {
        format!("unexpected {}", describe(found).trim_start_matches("the "))
    } else {
        format!("expected {}, found {}", expected.join(" or "), describe(found))
    };
    let length = if found == "\n" { 0 } else { found.len() };
    let span = scan::span(file, at, at + length);
    let diagnostic = Diagnostic::new(Code::Syntax, message, span, "not expected here");
    match advice(found, rest, line_before(text, at)) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The offset of the first character from `at` on that is not a blank.
fn skip_blanks(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    at + rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len()
}

/// The signs that the grammar wanted; blanks, line ends and comments may stand anywhere and say nothing.
fn expected_tokens(tokens: impl Iterator<Item = String>) -> Vec<String> {
    let says_something = |token: &String| {
        let range = token.contains("..") && token.len() > 2;
        let blank = token.trim().is_empty() || token.starts_with('\\');
        !range && !blank && !matches!(token.as_str(), "//" | ";" | "_")
    };
    tokens.filter(says_something).map(|token| format!("`{token}`")).take(4).collect()
}

/// What the grammar wanted, in human words, each once, at most five.
fn expected(error: &Error<Rule>) -> Vec<&'static str> {
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else {
        return Vec::new();
    };
    let mut words: Vec<&'static str> = Vec::new();
    for word in positives.iter().filter_map(|rule| describe_rule(*rule)) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    // An operator can follow every value: said only when nothing else is.
    if words.len() > 1 {
        words.retain(|word| *word != "an operator");
    }
    words.truncate(5);
    words
}

/// The first word, number or sign of the text.
fn token(rest: &str) -> &str {
    let Some(first) = rest.chars().next() else { return "" };
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    if is_letter(first) {
        let end = rest.find(|c: char| !is_letter(c)).unwrap_or(rest.len());
        return &rest[..end];
    }
    for sign in ["|>", "<-", "->", "==", "!=", "<=", ">=", "+=", "-=", "*=", "..", "=>"] {
        if rest.starts_with(sign) {
            return &rest[..sign.len()];
        }
    }
    &rest[..first.len_utf8()]
}

fn describe(token: &str) -> String {
    match token {
        "" => "the end of the file".to_owned(),
        "\n" => "the end of the line".to_owned(),
        other => format!("`{other}`"),
    }
}

fn line_before(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[start..at].trim_start()
}

/// What the user probably wants to write, for the slips that everyone makes.
fn advice(found: &str, rest: &str, before: &str) -> Option<&'static str> {
    match found {
        _ if before.split_whitespace().next() == Some("token") => Some("did you mean `tokens`?"),
        "." => Some("operations are applied with `|>`; after a dot stand `dim`, `tokens`, `grid`"),
        "\n" | "}" if before.ends_with(',') || before.ends_with(", ") => {
            Some("statements end with their line, without a comma")
        }
        "=" | ":" | "," | "<-" | "over" | "{"
            if before.split_whitespace().last().is_some_and(is_reserved) =>
        {
            Some("the word before this is reserved: take another name")
        }
        "==" | "!=" | "<" | "<=" | ">" | ">=" if before.contains(['<', '>', '=']) => {
            Some("comparisons do not chain: write `a < b and b < c`")
        }
        "\n" if before.matches('"').count() % 2 == 1 => Some("a string ends on its line with `\"`"),
        "/" if rest.starts_with("/*") => Some("comments begin with `//` and end with the line"),
        _ if before.is_empty() && rest.contains("<-") && rest.find("<-") < rest.find('\n') => {
            Some("an edge stands in a route: `route name { a <- b }`")
        }
        _ => None,
    }
}

/// Whether the grammar refuses a word as a name.
fn is_reserved(word: &str) -> bool {
    const RESERVED: &str = "model block use param let modality tokens route apply over repeat when if then else \
         target output objective assert within weights and or not true false";
    RESERVED.split_whitespace().any(|reserved| reserved == word)
}

/// A rule's name for people. `None` for rules that would say nothing.
fn describe_rule(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::file | Rule::use_item | Rule::model_item | Rule::block_item => {
            "`model`, `block` or `use`"
        }
        Rule::kw_model | Rule::kw_block | Rule::kw_use => "`model`, `block` or `use`",
        Rule::EOI => "the end of the item",
        Rule::body => "`{`",
        Rule::edges => "`{` with edges",
        Rule::block_param => "a parameter",
        Rule::stmt
        | Rule::param_stmt
        | Rule::let_stmt
        | Rule::modality_stmt
        | Rule::target_stmt
        | Rule::output_stmt
        | Rule::objective_stmt
        | Rule::tokens_stmt
        | Rule::assign_stmt
        | Rule::assert_stmt
        | Rule::repeat_stmt
        | Rule::when_stmt
        | Rule::apply_stmt
        | Rule::route_stmt
        | Rule::kw_param
        | Rule::kw_let
        | Rule::kw_modality
        | Rule::kw_tokens
        | Rule::kw_route
        | Rule::kw_repeat
        | Rule::kw_when
        | Rule::kw_target
        | Rule::kw_output
        | Rule::kw_objective
        | Rule::kw_assert => "a statement",
        Rule::kw_apply => "`apply`",
        Rule::assign_op => "`=`",
        Rule::label => "a label",
        Rule::route_expr | Rule::route_if => "a route",
        Rule::sharing | Rule::kw_weights => "`weights`",
        Rule::per_group | Rule::word_per => "`per group`",
        Rule::word_group => "`group`",
        Rule::edge | Rule::endpoint | Rule::star | Rule::read => "a group or `*`",
        Rule::reads => "`<-`",
        Rule::kw_within => "`within`",
        Rule::expr
        | Rule::if_expr
        | Rule::pipe
        | Rule::or
        | Rule::and
        | Rule::not
        | Rule::compare
        | Rule::both
        | Rule::sum
        | Rule::product
        | Rule::negate
        | Rule::postfix
        | Rule::call
        | Rule::list
        | Rule::paren
        | Rule::number
        | Rule::string
        | Rule::kw_true
        | Rule::kw_false
        | Rule::op_not
        | Rule::op_neg
        | Rule::kw_if
        | Rule::kw_not => "a value",
        Rule::pipe_call => "an operation",
        Rule::op_or
        | Rule::op_and
        | Rule::op_compare
        | Rule::op_both
        | Rule::op_sum
        | Rule::op_product
        | Rule::kw_or
        | Rule::kw_and
        | Rule::attribute
        | Rule::dot
        | Rule::subscript => "an operator",
        Rule::range | Rule::slice_end => "`..`",
        Rule::args | Rule::arg => "an argument",
        Rule::arg_name | Rule::name => "a name",
        Rule::kw_over => "`over`",
        Rule::kw_then => "`then`",
        Rule::kw_else => "`else`",
        Rule::reads_only | Rule::word_reads => "`reads`",
        Rule::causal_in | Rule::word_causal => "`causal`",
        Rule::word_in => "`in`",
        Rule::word_only | Rule::word_nothing => "`only` or `nothing`",
        Rule::word_as => "`as`",
        Rule::setting
        | Rule::nl
        | Rule::end
        | Rule::item
        | Rule::binding
        | Rule::atom
        | Rule::comma
        | Rule::last_comma
        | Rule::letter
        | Rule::keyword
        | Rule::WHITESPACE
        | Rule::COMMENT => return None,
    })
}
