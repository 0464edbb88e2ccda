//! A spec and the files that it uses.
//!
//! In: the path of a spec and a [`Loader`] that fetches texts. Out: all syntax trees, and the blocks known to the
//! spec. Deliberately not here: files themselves; whoever implements `Loader` opens them, and answers for links that
//! lead out of the project folder.

use std::collections::BTreeMap;

use zorro_grammar::ast::{self, Item};
use zorro_grammar::{Code, Diagnostic, FileId, SourceMap, Span, parse};

/// Where the texts of specs come from.
pub trait Loader {
    /// The text of the file at a path with `/`, relative to the project folder and without `..`.
    ///
    /// # Errors
    /// The reason in words, such as "no such file".
    fn load(&mut self, path: &str) -> Result<String, String>;
}

/// All files of one compilation. File 0 is the spec itself.
pub(crate) struct Project {
    /// The trees of the spec and of the files that it uses.
    pub(crate) files: Vec<ast::File>,
    /// The trees of the standard blocks.
    pub(crate) standard: Vec<ast::File>,
}

/// The standard blocks: their file names and texts.
pub const STANDARD: &[(&str, &str)] = &[
    ("std/decoder.zorro", include_str!("../std/decoder.zorro")),
    ("std/final.zorro", include_str!("../std/final.zorro")),
    ("std/hip.zorro", include_str!("../std/hip.zorro")),
    ("std/mlp.zorro", include_str!("../std/mlp.zorro")),
    ("std/perceiver.zorro", include_str!("../std/perceiver.zorro")),
    ("std/project.zorro", include_str!("../std/project.zorro")),
    ("std/swin.zorro", include_str!("../std/swin.zorro")),
    ("std/vit.zorro", include_str!("../std/vit.zorro")),
];

/// Loads a spec with everything that it uses.
pub(crate) fn load(
    sources: &mut SourceMap,
    path: &str,
    loader: &mut dyn Loader,
) -> (Project, Vec<Diagnostic>) {
    let mut loading = Loading {
        sources,
        loader,
        project: Project { files: Vec::new(), standard: Vec::new() },
        diagnostics: Vec::new(),
        by_path: BTreeMap::new(),
        open: Vec::new(),
    };
    match normalize("", path) {
        Some(normal) => loading.file(&normal, None),
        None => loading.unreadable(path, "the path leaves the project folder", None),
    }
    for (name, text) in STANDARD {
        let id = loading.sources.add(*name, *text);
        let (file, problems) = parse::parse(loading.sources, id);
        assert!(problems.is_empty(), "standard blocks parse: {problems:?}");
        loading.project.standard.push(file);
    }
    (loading.project, loading.diagnostics)
}

struct Loading<'a> {
    sources: &'a mut SourceMap,
    loader: &'a mut dyn Loader,
    project: Project,
    diagnostics: Vec<Diagnostic>,
    by_path: BTreeMap<String, FileId>,
    /// The files whose `use`s are being followed, from the spec on, with the place that asked for each.
    open: Vec<(String, Option<Span>)>,
}

impl Loading<'_> {
    fn file(&mut self, path: &str, used_at: Option<Span>) {
        if let Some(at) = self.open.iter().position(|(open, _)| open == path) {
            self.cycle(path, at, used_at);
            return;
        }
        if self.by_path.contains_key(path) {
            return;
        }
        let text = match self.loader.load(path) {
            Ok(text) => text,
            Err(reason) => return self.unreadable(path, &reason, used_at),
        };
        let id = self.sources.add(path, text);
        self.by_path.insert(path.to_owned(), id);
        let (file, problems) = parse::parse(self.sources, id);
        self.diagnostics.extend(problems);
        let uses: Vec<(String, Span)> = file
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Use(used) => Some((used.path.clone(), used.path_span)),
                Item::Model(_) | Item::Block(_) => None,
            })
            .collect();
        self.project.files.push(file);
        self.open.push((path.to_owned(), used_at));
        for (used, span) in uses {
            match normalize(parent(path), &used) {
                Some(normal) if self.open.len() < 64 => self.file(&normal, Some(span)),
                Some(_) => self.unreadable(&used, "files use files more than 64 deep", Some(span)),
                None => self.diagnostics.push(escapes(&used, span)),
            }
        }
        self.open.pop();
    }

    fn unreadable(&mut self, path: &str, reason: &str, used_at: Option<Span>) {
        let span = used_at.unwrap_or_else(|| {
            let file = self.sources.add(path, "");
            Span { file, start: 0, end: 0 }
        });
        let message = format!("cannot read `{path}`: {reason}");
        let diagnostic = Diagnostic::new(Code::UseNotFound, message, span, "this file");
        self.diagnostics.push(match used_at {
            Some(_) => diagnostic.help("paths are relative to the file that says `use`"),
            None => diagnostic,
        });
    }

    fn cycle(&mut self, path: &str, at: usize, used_at: Option<Span>) {
        let Some(span) = used_at else { return };
        let message = format!("`{path}` uses itself");
        let mut diagnostic =
            Diagnostic::new(Code::UseCycle, message, span, "this closes the circle");
        for (open, span) in &self.open[at + 1..] {
            if let Some(span) = span {
                diagnostic = diagnostic.also(*span, format!("`{open}` is used here"));
            }
        }
        self.diagnostics
            .push(diagnostic.help("move the blocks that both need to a third file, and use that"));
    }
}

fn escapes(path: &str, span: Span) -> Diagnostic {
    let message = format!("`{path}` is outside the folder of the spec");
    Diagnostic::new(Code::UseEscapes, message, span, "leads out of the project folder")
        .help("a spec uses files of its own folder and the folders below it")
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// `path` seen from `folder`, without `.` and `..`; `None` where it leads out of the root.
fn normalize(folder: &str, path: &str) -> Option<String> {
    let absolute = path.starts_with(['/', '\\']) || path.contains([':', '\\', '\0']);
    if absolute || path.is_empty() {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
