//! Random specs for tests: everything that the grammar allows, written as untidily as it allows.
//!
//! In: random bytes, each of which decides one thing. Out: the text of a spec that parses. Deliberately not here:
//! specs that mean something.

mod expr;

use proptest::prelude::*;

use crate::ast::File;
use crate::{Diagnostic, SourceMap};

/// How many cases a property test tries.
#[expect(clippy::disallowed_methods, reason = "slow tests are asked for by the environment")]
pub(crate) fn cases() -> u32 {
    std::env::var("ZORRO_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

/// Parses a text in a map of its own.
pub(crate) fn parse(text: &str) -> (SourceMap, File, Vec<Diagnostic>) {
    let mut sources = SourceMap::new();
    let id = sources.add("test.zorro", text);
    let (file, diagnostics) = crate::parse::parse(&sources, id);
    (sources, file, diagnostics)
}

/// Random specs, long and short.
pub(crate) fn specs() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<u8>(), 0..1500).prop_map(|bytes| spec(&bytes))
}

/// The spec that the bytes decide. When they have run out, every further decision is the simplest.
fn spec(bytes: &[u8]) -> String {
    let mut random = Random { bytes: bytes.iter(), text: String::new(), n_comments: 0 };
    random.file();
    random.text
}

const NAMES: &[&str] =
    &["a", "x", "video", "from", "a_rather_long_name_of_tokens", "only", "as", "reads", "_1"];

struct Random<'a> {
    bytes: std::slice::Iter<'a, u8>,
    text: String,
    n_comments: usize,
}

impl Random<'_> {
    /// A number below `n`; 0 when there are no more bytes.
    fn pick(&mut self, n: u8) -> u8 {
        self.bytes.next().map_or(0, |byte| byte % n)
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn one_of(&mut self, texts: &[&str]) {
        let n = u8::try_from(texts.len()).expect("a few texts");
        let text = texts[usize::from(self.pick(n))];
        self.push(text);
    }

    /// A blank that must be there.
    fn blank(&mut self) {
        let blank = ["  ", " \t", " \r"].get(usize::from(self.pick(12))).copied();
        self.push(blank.unwrap_or(" "));
    }

    /// A blank that may be missing.
    fn gap(&mut self) {
        if self.pick(3) == 1 {
            self.blank();
        }
    }

    fn comment(&mut self) {
        // So that a division is none of the slashes.
        self.push(" ");
        self.one_of(&["// ", "//", "/// ", "///", "// } \" ( ", "//// é "]);
        let number = self.n_comments.to_string();
        self.push(&number);
        self.n_comments += 1;
        self.line_end();
    }

    fn line_end(&mut self) {
        self.one_of(&["\n", " \n", "\r\n"]);
    }

    /// A place where the line may end.
    fn nl(&mut self) {
        self.gap();
        let n_lines = self.pick(8).saturating_sub(5);
        for _ in 0..n_lines {
            match self.pick(3) {
                0 => self.line_end(),
                1 => self.comment(),
                _ => {
                    self.line_end();
                    self.gap();
                    self.comment();
                }
            }
            self.gap();
        }
    }

    /// The end of a statement; `must` says that another follows.
    fn end(&mut self, must: bool) {
        self.gap();
        let n_ends = self.pick(4).max(u8::from(must));
        for _ in 0..n_ends {
            match self.pick(5) {
                0 => self.line_end(),
                1 | 2 => self.push(";"),
                _ => self.comment(),
            }
            self.gap();
        }
    }

    fn sign(&mut self, sign: &str) {
        self.gap();
        self.push(sign);
        self.gap();
    }

    fn word(&mut self, word: &str) {
        self.push(word);
        self.blank();
    }

    fn name(&mut self) {
        self.one_of(NAMES);
    }

    /// Up to four things with commas between them.
    fn separated(&mut self, min: u8, mut element: impl FnMut(&mut Self)) -> u8 {
        let n = min + self.pick(4);
        for index in 0..n {
            if index > 0 {
                self.nl();
                self.push(",");
                self.nl();
            }
            element(self);
        }
        n
    }

    /// Things in brackets, with or without a last comma.
    fn bracketed(&mut self, open: &str, close: &str, element: impl FnMut(&mut Self)) {
        self.push(open);
        self.nl();
        if self.separated(0, element) > 0 {
            self.nl();
            if self.pick(3) == 1 {
                self.push(",");
                self.nl();
            }
        }
        self.push(close);
    }

    fn file(&mut self) {
        if self.pick(16) == 1 {
            self.push("\u{FEFF}");
        }
        self.end(false);
        let n = 1 + self.pick(4);
        for index in 0..n {
            self.item();
            self.end(index + 1 < n);
        }
    }

    fn item(&mut self) {
        match self.pick(3) {
            0 => {
                self.word("model");
                self.name();
                self.nl();
                self.body(0);
            }
            1 => {
                self.word("block");
                self.name();
                self.gap();
                self.bracketed("(", ")", |random| {
                    random.name();
                    if random.pick(2) == 1 {
                        random.sign("=");
                        random.nl();
                        random.expr(2);
                    }
                });
                self.nl();
                self.body(0);
            }
            _ => {
                self.word("use");
                self.one_of(&["\"\"", "\"a // b.zorro\"", "\"é{.zorro\""]);
            }
        }
    }

    fn braced(&mut self, max: u8, mut line: impl FnMut(&mut Self)) {
        self.push("{");
        self.end(false);
        let n = self.pick(max);
        for index in 0..n {
            line(self);
            self.end(index + 1 < n);
        }
        self.push("}");
    }

    fn body(&mut self, depth: u8) {
        self.braced(if depth == 0 { 8 } else { 4 }, |random| random.stmt(depth + 1));
    }

    fn edges(&mut self) {
        self.braced(4, |random| {
            random.separated(1, Self::endpoint);
            if random.pick(4) > 0 {
                random.sign("<-");
                random.nl();
                random.separated(1, |random| {
                    random.endpoint();
                    if random.pick(4) == 1 {
                        random.blank();
                        random.word("within");
                        random.expr(1);
                    }
                });
            }
        });
    }

    fn endpoint(&mut self) {
        if self.pick(4) == 1 { self.push("*") } else { self.name() }
    }

    fn stmt(&mut self, depth: u8) {
        let bindings = ["let", "param", "modality", "target", "output", "objective"];
        match self.pick(14) {
            0..6 => {
                let word = bindings[usize::from(self.pick(6))];
                self.word(word);
                self.name();
                self.value("=");
            }
            6 => {
                self.word("tokens");
                self.separated(1, Self::name);
                self.value("=");
            }
            7 => {
                self.name();
                let op = ["=", "+=", "-=", "*="][usize::from(self.pick(4))];
                self.value(op);
            }
            8 => {
                self.word("route");
                self.name();
                self.nl();
                self.edges();
            }
            9 => {
                self.word("assert");
                self.name();
                self.blank();
                match self.pick(4) {
                    0 => {
                        self.word("causal");
                        self.word("in");
                        self.name();
                    }
                    1 => {
                        self.word("reads");
                        self.push("nothing");
                    }
                    _ => {
                        self.word("reads");
                        self.word("only");
                        self.nl();
                        self.separated(1, Self::name);
                    }
                }
            }
            10 | 11 => self.apply(),
            12 if depth < 4 => self.repeat(depth),
            13 if depth < 4 => self.when(depth),
            _ => {
                self.name();
                self.value("+=");
            }
        }
    }

    fn value(&mut self, sign: &str) {
        self.sign(sign);
        self.nl();
        self.expr(4);
    }

    fn label(&mut self) {
        if self.pick(2) == 1 {
            self.name();
            self.sign(":");
        }
    }

    fn apply(&mut self) {
        self.label();
        self.word("apply");
        self.name();
        self.blank();
        if self.pick(2) == 1 {
            self.bracketed("(", ")", |random| random.arg(2));
        }
        self.word(" over");
        self.nl();
        match self.pick(3) {
            0 => self.name(),
            1 => self.edges(),
            _ => {
                self.word("if");
                self.or(1);
                self.nl();
                self.word(" then");
                self.name();
                self.nl();
                self.word(" else");
                self.name();
            }
        }
        let sharing = ["", "", " weights w", " weights per group", " weights w  per group"];
        self.one_of(&sharing);
    }

    fn repeat(&mut self, depth: u8) {
        self.label();
        self.word("repeat");
        self.expr(2);
        self.blank();
        if self.pick(2) == 1 {
            self.word("as");
            self.name();
        }
        self.nl();
        self.body(depth);
    }

    fn when(&mut self, depth: u8) {
        let n = 1 + self.pick(3);
        for index in 0..n {
            if index > 0 {
                self.nl();
                self.word("else");
            }
            self.word("when");
            self.expr(2);
            self.nl();
            self.body(depth);
        }
        if self.pick(2) == 1 {
            self.nl();
            self.push("else");
            self.nl();
            self.body(depth);
        }
    }
}
