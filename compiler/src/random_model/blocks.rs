//! Random blocks of a spec itself.
//!
//! In: nothing but chance. Out: blocks that fit groups of every grid whose width 4 divides, and keep both. Deliberately not
//! here: where they are applied.

use super::Writer;

impl Writer {
    pub(super) fn own_blocks(&mut self) {
        for _ in 0..self.random.below(3) {
            let name = self.fresh("own");
            let mut body = String::new();
            for _ in 0..self.random.within(1, 3) {
                let line = if self.random.chance(60) { self.attention() } else { self.inner() };
                body.push_str(&line);
            }
            if !body.contains("attend(") {
                body.push_str(&self.attention());
            }
            if !body.contains("heads: heads") {
                body.push_str("  x += attend(x, heads: heads)\n");
            }
            if !body.contains("drop)") {
                body.push_str("  x += norm(x) |> drop_path(drop)\n");
            }
            self.blocks.push_str(&format!("block {name}(heads, drop = 0) {{\n{body}}}\n"));
            self.own.push(name);
        }
    }

    fn attention(&mut self) -> String {
        let mut args = match self.random.below(4) {
            0 => "norm(x)".to_owned(),
            1 => "rms_norm(x), from: norm(from)".to_owned(),
            2 => "x, from: from |> linear(4)".to_owned(),
            _ => "norm(x) |> gelu".to_owned(),
        };
        args.push_str(self.random.one_of(&["", ", heads: heads", ", heads: heads"]));
        args.push_str(self.random.one_of(&["", "", ", bias: false"]));
        args.push_str(self.random.one_of(&["", "", ", width: 8", ", width: 8, out: x.dim"]));
        args.push_str(self.random.one_of(&["", "", ", within: groups(2)", ", within: groups(3)"]));
        args.push_str(self.random.one_of(&["", "", "", "", ", missing: absent"]));
        if args.contains("width: 8") && !args.contains("out:") {
            args.push_str(", out: x.dim");
        }
        let after = match self.random.below(4) {
            0 => " |> scale(init: 0.5)",
            1 => " |> drop_path(drop, rescale: false)",
            2 => " |> drop_path(drop)",
            _ => "",
        };
        let sign = self.random.one_of(&["+=", "+=", "+=", "-=", "="]);
        format!("  x {sign} attend({args}){after}\n")
    }

    fn inner(&mut self) -> String {
        let (norm, activation) = (self.norm(), self.activation());
        let inner = self.fresh("inner");
        match self.random.below(5) {
            0 => {
                format!(
                    "  x += x |> {norm} |> linear(6) |> {activation} |> linear(x.dim, bias: false)\n"
                )
            }
            1 => {
                format!("  x += x |> {norm} |> linear(8) |> gated({activation}) |> linear(x.dim)\n")
            }
            2 => format!(
                "  let {inner} = x |> {norm}\n  x += {inner} * {activation}({inner}) |> dropout(0.25)\n"
            ),
            3 => format!(
                "  let {inner} = learned([x.dim], init: 1) |> dropout(0.1)\n  x = x * {inner} - learned([])\n"
            ),
            _ => format!("  x = x |> {norm}\n"),
        }
    }
}
