//! Random expressions.
//!
//! In: how deep they may nest. Out: their text. Deliberately not here: statements.

use super::Random;

impl Random<'_> {
    pub(super) fn arg(&mut self, depth: u8) {
        match self.pick(4) {
            1 => self.one_of(&["weights :", "within:", "long_name:"]),
            2 => {
                self.name();
                self.push(":");
                self.nl();
            }
            _ => {}
        }
        self.expr(depth);
    }

    pub(super) fn expr(&mut self, depth: u8) {
        if depth > 0 && self.pick(8) == 1 {
            let n = 1 + self.pick(3);
            for _ in 0..n {
                self.word("if");
                self.nl();
                self.or(depth - 1);
                self.nl();
                self.word(" then");
                self.nl();
                self.pipe(depth - 1);
                self.nl();
                self.word(" else");
            }
            self.nl();
        }
        self.pipe(depth);
    }

    fn pipe(&mut self, depth: u8) {
        self.or(depth);
        for _ in 0..self.pick(8).saturating_sub(3) {
            self.nl();
            self.push("|>");
            self.nl();
            self.name();
            if depth > 0 && self.pick(3) > 0 {
                self.bracketed("(", ")", |random| random.arg(depth - 1));
            }
        }
    }

    /// Operands with the operators of all levels between them, which then group as they will.
    pub(super) fn or(&mut self, depth: u8) {
        const OPS: &[&str] =
            &[" or ", " and ", "&", "+", "-", "*", "/", "%", " or not ", " and not ", "+ -"];
        if self.pick(8) == 1 {
            self.word("not");
        }
        let compare = self.pick(8);
        if compare == 1 {
            self.operand(depth);
            let op = ["==", "!=", "<", "<=", ">", ">="][usize::from(self.pick(6))];
            self.sign(op);
            self.nl();
            self.operand(depth);
            return;
        }
        self.operand(depth);
        for _ in 0..self.pick(10).saturating_sub(6) {
            let op = OPS[usize::from(self.pick(11))];
            self.sign(op);
            if !op.contains("not") && !op.contains("+ -") {
                self.nl();
            }
            self.operand(depth);
        }
    }

    fn operand(&mut self, depth: u8) {
        if self.pick(8) == 1 {
            self.push("-");
            self.gap();
        }
        self.atom(depth);
        if depth == 0 {
            return;
        }
        for _ in 0..self.pick(8).saturating_sub(5) {
            self.gap();
            match self.pick(3) {
                0 => {
                    self.push(".");
                    self.name();
                }
                _ => self.subscript(depth - 1),
            }
        }
    }

    fn subscript(&mut self, depth: u8) {
        self.push("[");
        self.nl();
        let form = self.pick(5);
        if form < 3 {
            self.expr(depth);
        }
        if form > 0 {
            self.push(" ..");
        }
        if form > 1 && form != 4 {
            self.expr(depth);
        }
        self.nl();
        self.push("]");
    }

    fn atom(&mut self, depth: u8) {
        let form = if depth == 0 { self.pick(4) } else { self.pick(8) };
        match form {
            0 => self.name(),
            1 => self.one_of(&["1", "0.5", "1e-6", "16000", "2.5E+3"]),
            2 => self.push("true"),
            3 => self.push("\"a // b\""),
            4 => self.bracketed("[", "]", |random| random.expr(depth - 1)),
            5 => {
                self.push("(");
                self.nl();
                self.expr(depth - 1);
                self.nl();
                self.push(")");
            }
            _ => {
                self.name();
                self.gap();
                self.bracketed("(", ")", |random| random.arg(depth - 1));
            }
        }
    }
}
