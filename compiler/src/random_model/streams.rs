//! What is done to single groups between layers.
//!
//! In: the groups so far. Out: new groups, mostly in place of old ones. Functions that are not defined everywhere get operands
//! that suit them. Deliberately not here: routes.

use super::{Group, Writer, list};

impl Writer {
    pub(super) fn stream(&mut self) {
        let at = self.any_group();
        let group = self.groups[at].clone();
        match self.random.below(14) {
            0 => self.merge(at, &group),
            1 | 12 => self.concat(at, &group),
            13 => self.mean_of_all(&group),
            2 => self.some_tokens(at, &group),
            3 => self.mean(&group),
            4 => self.resized(at, &group),
            5 => self.join(at, &group),
            _ => {
                let text = self.function(&group);
                self.replace(at, &text, group.grid, group.width);
            }
        }
    }

    /// A group gets a new name and value.
    fn replace(&mut self, at: usize, text: &str, grid: Vec<usize>, width: usize) {
        let name = self.fresh("h");
        self.line(&format!("tokens {name} = {text}"));
        self.widths.insert(width);
        self.groups[at] = Group { name, grid, width };
    }

    /// A function that keeps grid and width.
    fn function(&mut self, group: &Group) -> String {
        let Group { name, width, .. } = group;
        let (norm, activation) = (self.norm(), self.activation());
        match self.random.below(15) {
            0 => format!("{name} + mlp(norm({name}), 2)"),
            1 => format!("{name} + squared_relu_mlp({name} |> {norm}, 1)"),
            2 => format!("{name} - geglu_mlp({name} |> {norm}, 2)"),
            3 => format!("{name} |> linear(8) |> gated({activation}) |> linear({width})"),
            4 => format!("{name} * learned([{width}], init: 1) + learned([], init: 0.25)"),
            5 => format!("1 / (exp({name} |> {norm}) + 1) + 0.5 * {name}"),
            6 => format!("{name} |> softmax |> scale(init: 2)"),
            7 => format!("log({name} |> sigmoid) / (exp({name} |> tanh) + learned([], init: 2))"),
            8 => format!("{name} |> activate({activation}) |> dropout({})", self.rate()),
            9 => format!("{name} + {name} |> {norm} |> drop_path({}, rescale: false)", self.rate()),
            10 => format!("{name} - 0.5 * learned([]) * (1.5 - learned([{width}], init: 1))"),
            11 => format!("{name} |> {norm} |> {activation}"),
            12 => format!("{name} + attend(norm({name}), heads: 2, within: groups(2))"),
            13 => format!(
                "(learned([{width}], init: 1) |> {activation} |> dropout(0.25)) * {name} |> {norm}"
            ),
            _ => format!("{name} |> linear({width}, init: xavier) |> {activation}"),
        }
    }

    fn merge(&mut self, at: usize, group: &Group) {
        if !(2..=3).contains(&group.grid.len()) || group.width > 12 {
            return;
        }
        let mut grid = group.grid.clone();
        let n_axes = grid.len();
        grid[n_axes - 2..].iter_mut().for_each(|n| *n = n.div_ceil(2));
        self.replace(at, &format!("{} |> merge()", group.name), grid, 2 * group.width);
    }

    fn concat(&mut self, at: usize, group: &Group) {
        let other = self.groups.iter().find(|other| other.width == group.width && *other != group);
        let other = other.unwrap_or(group).clone();
        let tokens = group.tokens() + other.tokens();
        if tokens > 20 {
            return;
        }
        let mut parts = vec![group.name.clone(), other.name.clone()];
        let mut tokens = tokens;
        if self.random.chance(40) {
            // A class token, and sometimes one in the middle.
            let at = self.random.below(parts.len());
            parts.insert(at, format!("latents(1, {})", group.width));
            tokens += 1;
        }
        if self.random.chance(30) {
            parts.push(format!("{}[0]", other.name));
            tokens += 1;
        }
        let text = format!("concat({})", parts.join(", "));
        if self.random.chance(50) {
            self.replace(at, &text, vec![tokens], group.width);
        } else {
            let name = self.fresh("c");
            self.line(&format!("tokens {name} = {text}"));
            self.add(Group { name, grid: vec![tokens], width: group.width });
        }
    }

    fn some_tokens(&mut self, at: usize, group: &Group) {
        let tokens = group.tokens();
        let (name, first) = (&group.name, self.random.below(tokens));
        let (text, n) = match self.random.below(4) {
            0 => (format!("{name}[{first}..]"), tokens - first),
            1 => (format!("{name}[-1]"), 1),
            2 => {
                let n = self.random.within(1, 5);
                let ids: Vec<usize> = (0..n).map(|_| self.random.below(tokens)).collect();
                (format!("gather({name}, [{}])", list(&ids)), n)
            }
            _ => {
                let how = self.random.one_of(&["mean", "first", "last"]);
                (format!("{name} |> pool({how})"), 1)
            }
        };
        self.replace(at, &text, vec![n], group.width);
    }

    /// The mean of one token each of two or three groups.
    fn mean(&mut self, group: &Group) {
        let alike: Vec<Group> =
            self.groups.iter().filter(|other| other.width == group.width).cloned().collect();
        let n = self.random.within(1, alike.len().min(3));
        let parts: Vec<String> = alike[..n]
            .iter()
            .map(|group| {
                let how = self.random.one_of(&["mean", "first"]);
                format!("{} |> pool({how})", group.name)
            })
            .collect();
        let name = self.fresh("a");
        self.line(&format!("tokens {name} = mean({})", parts.join(", ")));
        self.add(Group { name, grid: vec![1], width: group.width });
    }

    /// The mean of whole groups of one shape.
    fn mean_of_all(&mut self, group: &Group) {
        let alike = |other: &&Group| other.width == group.width && other.grid == group.grid;
        let names: Vec<String> =
            self.groups.iter().filter(alike).map(|other| other.name.clone()).collect();
        let name = self.fresh("a");
        self.line(&format!("tokens {name} = mean({})", names.join(", ")));
        self.add(Group { name, ..group.clone() });
    }

    fn resized(&mut self, at: usize, group: &Group) {
        let pads = self.random.chance(50);
        let mut grid = group.grid.clone();
        for n in &mut grid {
            *n = if pads { *n + self.random.below(2) } else { self.random.within(1, *n) };
        }
        if grid.iter().product::<usize>() > 20 {
            return;
        }
        let word = if pads { "pad" } else { "crop" };
        let text = format!("{} |> {word}({})", group.name, list(&grid));
        self.replace(at, &text, grid, group.width);
    }

    fn join(&mut self, at: usize, group: &Group) {
        let Group { name, width, .. } = group;
        let activation = self.activation();
        let joined = format!("join({name}, {name} |> {activation})");
        if *width > 8 || self.random.chance(50) {
            self.replace(at, &format!("{joined} |> linear({width})"), group.grid.clone(), *width);
        } else {
            self.replace(at, &joined, group.grid.clone(), 2 * width);
        }
    }
}
