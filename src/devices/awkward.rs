//! Specs that are hard on devices.
//!
//! In: nothing. Out: texts of models with many groups, many ranges, odd heads, uneven sizes and modalities that samples lack: what
//! a driver that nests too little, or takes a size for granted, computes wrongly. Deliberately not here: running them.

use std::fmt::Write;

/// Parts of one tensor that read each other.
struct Parts {
    name: &'static str,
    /// How many.
    count: usize,
    /// Tokens of each, in turn.
    tokens: &'static [usize],
    heads: usize,
    /// Numbers of a token.
    width: usize,
    route: Route,
}

/// Who reads whom.
enum Route {
    /// Everybody everybody.
    All,
    /// Each itself up to each token, and those before it.
    Causal,
    /// Each itself and the next one.
    Next,
}

/// The shapes: as many literals as there may be, the first that are words, and many.
const PARTS: &[Parts] = &[
    Parts { name: "few", count: 5, tokens: &[3], heads: 1, width: 7, route: Route::All },
    Parts { name: "pairs", count: 16, tokens: &[2], heads: 3, width: 15, route: Route::Next },
    Parts { name: "listed", count: 17, tokens: &[2], heads: 2, width: 8, route: Route::Next },
    Parts { name: "even", count: 40, tokens: &[2], heads: 3, width: 15, route: Route::All },
    Parts { name: "uneven", count: 24, tokens: &[1, 2, 5], heads: 5, width: 5, route: Route::All },
    Parts { name: "causal", count: 20, tokens: &[3, 4], heads: 1, width: 9, route: Route::Causal },
];

/// All of them.
pub(super) fn specs() -> Vec<String> {
    let parts = PARTS.iter().map(Parts::text);
    parts.chain([modalities(12), RANGES.to_owned()]).collect()
}

/// Many ranges of a few groups: a band for each few tokens.
const RANGES: &str = "model ranges {
  modality words = tensor([96, 6])
  modality picture = tensor([6, 10, 6])
  tokens words = words |> linear(9)
  tokens picture = picture |> linear(9)
  tokens fusion = latents(40, 9)
  apply vit(3) over {
    words <- words within groups(48) & causal
    picture <- picture within windows([2, 3], shift: [1, 1])
    fusion <- words within groups(20), fusion within windows(7, shift: 3), picture
  }
  output w = words |> pool(mean)
  output p = picture |> pool(mean)
  output f = fusion |> pool(mean)
}
";

impl Parts {
    fn text(&self) -> String {
        let Self { name, count, tokens, heads, width, route } = self;
        let sizes: Vec<usize> = tokens.iter().copied().cycle().take(*count).collect();
        let all: usize = sizes.iter().sum();
        let mut text = format!(
            "model {name} {{\n  modality it = tensor([{all}, 4])\n  tokens it = it |> linear({width})\n"
        );
        let mut write = |line: String| writeln!(text, "  {line}").expect("texts take all");
        let mut start = 0;
        for (at, size) in sizes.iter().enumerate() {
            write(format!("tokens g{at} = it[{start}..{}]", start + size));
            start += size;
        }
        write("route r {".to_owned());
        for at in 0..*count {
            let reads: Vec<String> = match route {
                Route::All => (0..*count).map(|other| format!("g{other}")).collect(),
                Route::Causal => {
                    let before = (0..at).map(|other| format!("g{other}"));
                    before.chain([format!("g{at} within causal")]).collect()
                }
                Route::Next => vec![format!("g{at}"), format!("g{}", (at + 1) % count)],
            };
            write(format!("  g{at} <- {}", reads.join(", ")));
        }
        write("}".to_owned());
        write(format!("apply vit({heads}) over r"));
        let all: Vec<String> = (0..*count).map(|at| format!("g{at}")).collect();
        write(format!("output y = concat({})", all.join(", ")));
        text + "}\n"
    }
}

/// Modalities that samples may lack, with chance in all of them.
fn modalities(count: usize) -> String {
    let mut text = "model modalities {\n".to_owned();
    let mut write = |line: String| writeln!(text, "  {line}").expect("texts take all");
    for at in 0..count {
        write(format!("modality m{at} = tensor([{}, 4])", 1 + at % 3));
        write(format!("tokens m{at} = m{at} |> linear(6)"));
    }
    write("tokens fusion = latents(2, 6)".to_owned());
    let all: Vec<String> = (0..count).map(|at| format!("m{at}")).collect();
    let all = all.join(", ");
    write(format!("apply vit(2, drop: 0.2) over {{ {all} <- {all}; fusion <- {all}, fusion }}"));
    write("target label = class(3)".to_owned());
    write("output y = fusion |> pool(mean) |> linear(3)".to_owned());
    write("objective loss = cross_entropy(y, label)".to_owned());
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use zorro_compiler::{Options, check_text};

    #[test]
    fn all_are_models() {
        for text in super::specs() {
            let outcome = check_text(&text, &Options::default());
            assert!(outcome.checked.is_some(), "{text}\n{:?}", outcome.diagnostics);
        }
    }
}
