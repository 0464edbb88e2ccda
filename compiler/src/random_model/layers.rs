//! Random layers: blocks over routes.
//!
//! In: the groups so far. Out: statements, and the groups as they are then. Deliberately not here: what is done to single groups
//! (`streams`), and what a block does.

use super::{Group, Writer, list};

impl Writer {
    pub(super) fn layer(&mut self) {
        match self.random.below(16) {
            0..=5 => self.transformer(),
            6 => self.repeated(),
            7 => self.swin(),
            8 => self.hip(),
            9 => self.everybody(),
            10 => self.readers(),
            _ => self.stream(),
        }
    }

    /// Groups that can share weights: of one width, or all where weights are each group's own.
    fn candidates(&mut self) -> (Vec<Group>, &'static str) {
        if self.random.chance(25) {
            return (self.groups.clone(), " weights per group");
        }
        let at = self.any_group();
        let width = self.groups[at].width;
        (self.groups.iter().filter(|group| group.width == width).cloned().collect(), "")
    }

    /// A route over some of these, and the receivers.
    fn edges(&mut self, candidates: &[Group]) -> String {
        let mut edges = Vec::new();
        let mut width = None;
        for receiver in candidates {
            // What is read has one width for all its readers.
            if !edges.is_empty() && self.random.chance(30)
                || width.is_some_and(|width| width != receiver.width)
            {
                continue;
            }
            width = Some(receiver.width);
            let mut reads = Vec::new();
            for read in candidates {
                let percent = if read == receiver { 85 } else { 40 };
                if self.random.chance(percent) {
                    let within = self.relation(receiver, read);
                    reads.push(format!("{}{within}", read.name));
                }
            }
            if reads.is_empty() {
                reads.push(receiver.name.clone());
            }
            let text = if self.random.chance(4) && edges.len() > 1 {
                receiver.name.clone()
            } else {
                format!("{} <- {}", receiver.name, reads.join(", "))
            };
            edges.push(text);
        }
        edges.join("; ")
    }

    fn relation(&mut self, receiver: &Group, read: &Group) -> String {
        let same = receiver.grid == read.grid && (1..=3).contains(&receiver.grid.len());
        match self.random.below(10) {
            0 if receiver.tokens() == read.tokens() => " within causal".to_owned(),
            1 => format!(" within groups({})", self.random.within(1, 4)),
            2 if same => {
                let (window, shift) = self.window(&receiver.grid.clone());
                format!(" within windows([{window}], shift: [{shift}])")
            }
            3 if receiver.tokens() == read.tokens() => " within causal & groups(2)".to_owned(),
            _ => String::new(),
        }
    }

    /// A window and its shift.
    fn window(&mut self, grid: &[usize]) -> (String, String) {
        let window: Vec<usize> = grid.iter().map(|_| self.random.within(1, 3)).collect();
        let shift: Vec<usize> = window.iter().map(|size| self.random.below(*size)).collect();
        (list(&window), list(&shift))
    }

    /// A call of a block that keeps grids and widths.
    fn block(&mut self, drop: &str) -> String {
        let heads = self.heads();
        let n_standard = if self.own.is_empty() { 10 } else { 5 };
        match self.random.below(10) {
            0 if self.random.chance(50) => format!("perceiver({heads}, ratio: 2)"),
            0 => format!("decoder({heads}, ratio: 1)"),
            1 => format!("plain_decoder({heads})"),
            at if at < n_standard => format!("vit({heads}, ratio: 2, drop: {drop})"),
            _ => {
                let own = self.own.clone();
                format!("{}({heads}, {drop})", self.random.one_of(&own))
            }
        }
    }

    /// Whether weights have a name, and which: the same calls share it.
    fn tie(&mut self, call: &str, width: usize) -> String {
        if !self.random.chance(25) {
            return String::new();
        }
        let key = (call.to_owned(), width);
        let at = self.ties.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.ties.push(key);
            self.ties.len() - 1
        });
        format!(" weights tied{at}")
    }

    fn transformer(&mut self) {
        let (candidates, sharing) = self.candidates();
        let drop = self.rate();
        let call = self.block(drop);
        let label = self.fresh("layer");
        let edges = self.edges(&candidates);
        let sharing = if sharing.is_empty() {
            self.tie(&call, candidates[0].width)
        } else {
            sharing.to_owned()
        };
        if self.random.chance(30) {
            let route = self.fresh("route_");
            self.line(&format!("route {route} {{ {edges} }}"));
            self.line(&format!("{label}: apply {call} over {route}{sharing}"));
        } else {
            self.line(&format!("{label}: apply {call} over {{ {edges} }}{sharing}"));
        }
    }

    fn repeated(&mut self) {
        let (candidates, sharing) = self.candidates();
        let call = self.block("0.2 * i / 2");
        let (label, turns) = (self.fresh("layers"), self.random.within(1, 3));
        let edges = self.edges(&candidates);
        let tie = if self.random.chance(30) {
            // ` weights per group` becomes ` weights NAME per group`.
            let name = self.fresh("trunk");
            format!(" weights {name}{}", sharing.trim_start_matches(" weights"))
        } else {
            sharing.to_owned()
        };
        self.line(&format!("{label}: repeat {turns} as i {{"));
        if self.random.chance(30) {
            let group = &candidates[0];
            let text = format!("  when i > 0 {{ {0} = {0} * 0.5 }}", group.name);
            self.line(&text);
        }
        self.line(&format!("  apply {call} over {{ {edges} }}{tie}"));
        self.line("}");
    }

    fn swin(&mut self) {
        let at = self.any_group();
        let first = self.groups[at].clone();
        if first.grid.len() > 3 {
            return;
        }
        let (window, shift) = self.window(&first.grid);
        let alike = self
            .groups
            .iter()
            .filter(|group| group.width == first.width && group.grid.len() == first.grid.len());
        let edges: Vec<String> = alike.map(|group| format!("{0} <- {0}", group.name)).collect();
        let keep = self.random.within(1, edges.len());
        let (heads, label, drop) = (self.heads(), self.fresh("window"), self.rate());
        self.line(&format!(
            "{label}: apply swin({heads}, [{window}], [{shift}], ratio: 1, drop: {drop}) over {{ {} }}",
            edges[..keep].join("; ")
        ));
    }

    fn hip(&mut self) {
        let (candidates, sharing) = self.candidates();
        let alike: Vec<Group> =
            candidates.iter().filter(|group| group.width == candidates[0].width).cloned().collect();
        let n = self.random.within(1, alike.len().min(2));
        let candidates = &alike[..n];
        let edges: Vec<String> = candidates
            .iter()
            .map(|receiver| {
                let reads: Vec<&str> = candidates
                    .iter()
                    .filter(|read| *read == receiver || self.random.chance(30))
                    .map(|read| read.name.as_str())
                    .collect();
                format!("{} <- {}", receiver.name, reads.join(", "))
            })
            .collect();
        let (groups, latents) = (self.random.within(1, 3), self.random.within(1, 2));
        let (width, heads) = (self.random.one_of(&[4, 8]), self.heads());
        let (label, drop) = (self.fresh("level"), self.rate());
        self.line(&format!(
            "{label}: apply hip({groups}, {latents}, {width}, {heads}, 1, {drop}) over {{ {} }}{sharing}",
            edges.join("; ")
        ));
        self.widths.insert(width);
        for candidate in candidates {
            for group in self.groups.iter_mut().filter(|group| group.name == candidate.name) {
                (group.grid, group.width) = (vec![groups * latents], width);
            }
        }
    }

    /// All groups in scope read all.
    fn everybody(&mut self) {
        if self.widths.len() > 1 {
            return self.transformer();
        }
        let (heads, label) = (self.heads(), self.fresh("all"));
        self.line(&format!("{label}: apply vit({heads}, 1) over {{ * <- * }} weights per group"));
    }

    /// New queries read what there is.
    fn readers(&mut self) {
        let (candidates, sharing) = self.candidates();
        let width = candidates[0].width;
        let n = self.random.within(1, 2);
        let names: Vec<String> = (0..n).map(|_| self.fresh("q")).collect();
        self.line(&format!("tokens {} = latents(1, {width})", names.join(", ")));
        let mut edges = Vec::new();
        for name in &names {
            let read = self.random.one_of(&candidates);
            let more = self.random.one_of(&candidates);
            let reads = if read == more {
                read.name.clone()
            } else {
                format!("{}, {}", read.name, more.name)
            };
            edges.push(format!("{name} <- {reads}"));
        }
        let (heads, label) = (self.heads(), self.fresh("read"));
        self.line(&format!(
            "{label}: apply decoder({heads}, 1) over {{ {} }}{sharing}",
            edges.join("; ")
        ));
        for name in names {
            self.add(Group { name, grid: vec![1], width });
        }
    }
}
