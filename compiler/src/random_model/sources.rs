//! Random modalities, and the tokens that are made of them.
//!
//! In: nothing but chance. Out: one to four modalities of every source, each with a group of at most 16 tokens, and learned groups.
//! Deliberately not here: what is done to groups.

use super::{Group, Writer, list};

/// The grid and width that a modality ends in; ids have a width of 0.
struct Fed {
    text: String,
    grid: Vec<usize>,
    width: usize,
}

impl Writer {
    pub(super) fn sources(&mut self) {
        let n_modalities = self.random.within(1, 4);
        for at in 0..n_modalities {
            let fed = self.fed();
            self.line(&format!("modality m{at} = {}", fed.text));
            let n_groups = if self.random.chance(15) { 2 } else { 1 };
            for _ in 0..n_groups {
                self.tokens_of(&format!("m{at}"), &fed);
            }
        }
        for _ in 0..self.random.below(3) {
            let (name, tokens) = (self.fresh("f"), self.random.within(1, 4));
            let dim = self.dim;
            let text = match self.random.below(3) {
                0 => format!("learned([{tokens}, {dim}], init: normal(0.5))"),
                _ => format!("latents({tokens}, {dim})"),
            };
            self.line(&format!("tokens {name} = {text}"));
            self.add(Group { name, grid: vec![tokens], width: dim });
        }
    }

    fn fed(&mut self) -> Fed {
        let mut fed = match self.random.below(7) {
            0 => {
                let (count, channels) = (self.random.within(1, 3), self.random.one_of(&[1, 3]));
                let (h, w) = (self.random.one_of(&[2, 4]), self.random.one_of(&[2, 3, 4]));
                let text = format!(
                    "frames(count: {count}, fps: 2, size: [{h}, {w}], channels: {channels})"
                );
                Fed { text, grid: vec![count, h, w], width: channels }
            }
            1 => {
                let (h, w) = (self.random.one_of(&[2, 4, 6]), self.random.one_of(&[2, 4]));
                Fed { text: format!("image(size: [{h}, {w}])"), grid: vec![h, w], width: 3 }
            }
            2 => {
                let n = self.random.one_of(&[4, 8, 12]);
                Fed {
                    text: format!("wave(rate: {n}, seconds: 1, short: loop)"),
                    grid: vec![n],
                    width: 1,
                }
            }
            3 => {
                let bins = self.random.one_of(&[2, 4]);
                let text = format!(
                    "wave(rate: 400, seconds: 0.1) |> logmel(bins: {bins}, window: 16, hop: 10)"
                );
                Fed { text, grid: vec![bins, 4], width: 1 }
            }
            4 => {
                let text =
                    "wave(rate: 400, seconds: 0.1) |> spectrogram(window: 4, hop: 10)".to_owned();
                Fed { text, grid: vec![3, 4], width: 1 }
            }
            5 => {
                let (length, vocabulary) = (self.random.within(2, 6), self.random.within(3, 7));
                let text = format!("text(length: {length}, vocabulary: {vocabulary})");
                return Fed { text, grid: vec![length], width: 0 };
            }
            _ => {
                let n_axes = self.random.within(1, 3);
                let grid: Vec<usize> = (0..n_axes).map(|_| self.random.within(1, 4)).collect();
                let width = self.random.within(1, 5);
                Fed { text: format!("tensor([{}, {width}])", list(&grid)), grid, width }
            }
        };
        if self.random.chance(20) {
            fed.text.push_str(" |> normalize(0.5, 0.25)");
        }
        if self.random.chance(15) {
            fed.grid.iter_mut().for_each(|n| *n += self.random.below(2));
            fed.text.push_str(&format!(" |> pad({})", list(&fed.grid)));
        } else if self.random.chance(15) {
            fed.grid.iter_mut().for_each(|n| *n = self.random.within(1, *n));
            fed.text.push_str(&format!(" |> crop({})", list(&fed.grid)));
        }
        fed
    }

    /// A group of a modality.
    fn tokens_of(&mut self, modality: &str, fed: &Fed) {
        let name = self.fresh("g");
        let width = if self.random.chance(85) { self.dim } else { self.random.one_of(&[4, 8]) };
        let mut text = modality.to_owned();
        let mut grid = fed.grid.clone();
        if fed.width == 0 {
            text.push_str(&format!(" |> embed({width})"));
        } else {
            let sizes = self.patch(&grid);
            if sizes.iter().any(|size| *size > 1) || self.random.chance(30) {
                text.push_str(&format!(" |> patches({})", list(&sizes)));
            }
            grid.iter_mut().zip(&sizes).for_each(|(n, size)| *n /= size);
            let more =
                self.random.one_of(&["", "", ", bias: false", ", init: xavier", ", init: 0"]);
            text.push_str(&format!(" |> linear({width}{more})"));
        }
        let position = self.position(grid.len(), width);
        text.push_str(&position);
        if self.random.chance(25) {
            let norm = self.norm();
            text.push_str(&format!(" |> {norm}"));
        }
        if self.random.chance(15) {
            text.push_str(" |> absent(learned)");
        }
        self.line(&format!("tokens {name} = {text}"));
        self.add(Group { name, grid, width });
    }

    /// Divisors of a grid that leave at most 16 tokens.
    fn patch(&mut self, grid: &[usize]) -> Vec<usize> {
        for _ in 0..20 {
            let sizes: Vec<usize> = grid
                .iter()
                .map(|n| {
                    let divisors: Vec<usize> = (1..=*n).filter(|size| n % size == 0).collect();
                    self.random.one_of(&divisors)
                })
                .collect();
            let tokens: usize = grid.iter().zip(&sizes).map(|(n, size)| n / size).product();
            if tokens <= 16 {
                return sizes;
            }
        }
        grid.to_vec()
    }

    fn position(&mut self, axes: usize, width: usize) -> String {
        match self.random.below(7) {
            0 | 1 => " |> position()".to_owned(),
            2 => format!(" |> position(join: true, init: normal(0.5)) |> linear({width})"),
            3 if width.is_multiple_of(2 * axes) => {
                let join = self.random.chance(30);
                let after = if join { format!(" |> linear({width})") } else { String::new() };
                format!(" |> position(kind: sinusoidal, join: {join}){after}")
            }
            4 => {
                let (bands, max) = (self.random.within(1, 3), self.random.one_of(&["0", "1.5"]));
                format!(
                    " |> position(kind: fourier, join: true, bands: {bands}, max: {max}) |> linear({width})"
                )
            }
            _ => String::new(),
        }
    }
}
