//! What files are for: from extensions and columns to modalities and targets.
//!
//! In: an extension such as `png` or `left.png`, or the name of a column, settings, and a model. Out: modalities and
//! targets, and how often a name was met that is nothing. Deliberately not here: reading.

use std::collections::BTreeMap;

use crate::data::DataError;
use crate::data::config::{OneOrMany, SourceConfig};
use crate::data::error::Why;
use crate::data::host::Feed;
use crate::data::media::Kind;
use crate::data::recipe::{Recipe, setting};
use zorro_compiler::model::TargetKind;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) enum Role {
    /// A modality, by its number.
    Modality(usize),
    /// A target, by its number.
    Target(usize),
}

/// What said what files are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::data) enum Said {
    /// `roles`, the name of a column or of the member: what they are for, they must give.
    Name,
    /// Their extension alone: a video gives what it has.
    Extension,
    /// Their content, which is looked at when they are read.
    Content,
}

/// What files of one extension, or cells of one column, are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Use {
    /// Extension or column, for messages.
    name: String,
    kind: Kind,
    /// The last part of the extension.
    extension: String,
    roles: Vec<Role>,
    said: Said,
}

/// All uses that were met.
#[derive(Debug)]
pub(in crate::data) struct Uses {
    place: String,
    told: BTreeMap<String, Vec<Role>>,
    all: Vec<Use>,
    known: BTreeMap<String, Option<u16>>,
    /// What pictures, sounds and videos would be for whose name has points that say nothing: `clip.v1.2.png`.
    unsaid: BTreeMap<String, Vec<Role>>,
    /// How often names were met that nothing uses.
    unused: BTreeMap<String, u64>,
}

/// So many names that nothing uses are told apart; more are counted together.
const MAX_UNUSED: usize = 1000;

impl Uses {
    pub(super) fn new(
        config: &SourceConfig,
        place: &str,
        recipe: &Recipe,
    ) -> Result<Self, DataError> {
        let mut told = BTreeMap::new();
        for (name, roles) in &config.roles {
            let place = format!("{place}.roles.{name}");
            let roles = named(roles, recipe).map_err(|message| setting(&place, message))?;
            told.insert(name.to_lowercase(), roles);
        }
        let (known, unsaid, unused) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Ok(Self { place: place.to_owned(), told, all: Vec::new(), known, unsaid, unused })
    }

    /// Where the source stands in the settings.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Counts a member or cell that nothing uses, unless `roles` says that it is for nothing.
    pub(super) fn leave(&mut self, name: &str, n: u64) {
        if self.told.contains_key(&name.to_lowercase()) {
            return;
        }
        let is_new = !self.unused.contains_key(name);
        let name = if is_new && self.unused.len() >= MAX_UNUSED { "others" } else { name };
        *self.unused.entry(name.to_owned()).or_default() += n;
    }

    /// How often names were met that nothing uses.
    pub(super) fn unused(&self) -> &BTreeMap<String, u64> {
        &self.unused
    }

    /// What a member that is nothing would be for, were there no points in its name.
    pub(super) fn unsaid(&self, extension: &str) -> &[Role] {
        self.unsaid.get(extension).map_or(&[], Vec::as_slice)
    }

    /// The same files without one of the things that they are for.
    pub(super) fn without(
        &mut self,
        what: u16,
        role: Role,
        recipe: &Recipe,
    ) -> Result<u16, DataError> {
        let mut less = self.all[usize::from(what)].clone();
        less.roles.retain(|own| *own != role);
        match self.all.iter().position(|known| *known == less) {
            Some(at) => Ok(u16::try_from(at).expect("numbered by `u16`")),
            None => self.add(less, recipe),
        }
    }

    pub(super) fn said(&self, what: u16) -> Said {
        self.all[usize::from(what)].said
    }

    pub(super) fn kind(&self, what: u16) -> Kind {
        self.all[usize::from(what)].kind
    }

    pub(super) fn name(&self, what: u16) -> &str {
        &self.all[usize::from(what)].name
    }

    pub(super) fn extension(&self, what: u16) -> &str {
        &self.all[usize::from(what)].extension
    }

    pub(super) fn roles(&self, what: u16) -> &[Role] {
        &self.all[usize::from(what)].roles
    }

    /// What members with an extension, in lower case, are; `None` where they are nothing.
    pub(super) fn of_extension(
        &mut self,
        extension: &str,
        recipe: &Recipe,
    ) -> Result<Option<u16>, DataError> {
        if let Some(known) = self.known.get(extension) {
            return Ok(*known);
        }
        let found = match self.found(extension, recipe) {
            Ok(found) => found.filter(|found| !found.roles.is_empty()),
            Err(message) => return Err(setting(&format!("{}.roles", self.place), message)),
        };
        let found = found.map(|found| self.add(found, recipe)).transpose()?;
        self.known.insert(extension.to_owned(), found);
        Ok(found)
    }

    fn found(&mut self, extension: &str, recipe: &Recipe) -> Result<Option<Use>, Why> {
        let last = extension.rsplit('.').next().unwrap_or("");
        let kind = Kind::of(last);
        let found = |kind, roles, said| {
            let (name, extension) = (extension.to_owned(), last.to_owned());
            Ok(Some(Use { name, kind, extension, roles, said }))
        };
        if let Some(roles) = self.told.get(extension) {
            let kind = kind.unwrap_or_else(|| of_anything(roles, recipe));
            return found(kind, roles.clone(), Said::Name);
        }
        // `clip.NAME.png` is what it names, and where the extension is that of nothing or of any text, so is `clip.NAME`.
        let before = extension.rsplit('.').nth(1).and_then(|name| find(name, recipe));
        let is_open = matches!(kind, None | Some(Kind::Text));
        let named = before.or_else(|| find(last, recipe).filter(|_| is_open));
        if let Some(role) = named {
            let kind = kind.unwrap_or_else(|| of_anything(&[role], recipe));
            if recipe.fits(kind, role) {
                return found(kind, vec![role], Said::Name);
            }
        }
        let Some(kind) = kind else { return Ok(None) };
        if extension == last {
            return found(kind, standard(last, kind, recipe)?, Said::Extension);
        }
        if kind.is_media() {
            // It could be for several things: then it says too little to be missed.
            let roles = self.told.get(last).cloned();
            let roles = roles.or_else(|| standard(last, kind, recipe).ok()).unwrap_or_default();
            self.unsaid.insert(extension.to_owned(), roles);
        }
        Ok(None)
    }

    /// What a cell of a column is, and whether it is the value itself.
    pub(super) fn of_cell(
        &mut self,
        column: &str,
        text: &str,
        recipe: &Recipe,
    ) -> Result<Option<(u16, bool)>, DataError> {
        let lower = column.to_lowercase();
        let told = match self.told.get(&lower) {
            Some(roles) => Some(roles.clone()),
            None => find(column, recipe).map(|role| vec![role]),
        };
        if told.is_none() && !matches!(lower.as_str(), "path" | "file" | "filename") {
            if lower != "key" {
                self.leave(column, 1);
            }
            return Ok(None);
        }
        let is_value = |role: &Role| match role {
            Role::Modality(at) => {
                matches!(recipe.hosts[*at].feed, Feed::Text { .. } | Feed::Tensor)
            }
            Role::Target(_) => true,
        };
        let is_inline = told.as_ref().is_some_and(|roles| roles.iter().all(is_value));
        // What nobody knows is told by its content, and all of it is one kind of files.
        let extension = if is_inline { String::new() } else { extension(text) };
        let kind = Kind::of(&extension);
        let extension = kind.map_or_else(String::new, |_| extension);
        let name = format!("{column}\n{extension}");
        let what = match self.known.get(&name) {
            Some(known) => *known,
            None => {
                let found = match told {
                    Some(roles) => {
                        Ok((of_column(kind, &roles, is_inline, recipe), roles, Said::Name))
                    }
                    None => match kind {
                        Some(kind) => standard(&extension, kind, recipe)
                            .map(|roles| (kind, roles, Said::Extension)),
                        None => of_content("", Kind::Video, recipe)
                            .map(|roles| (Kind::Video, roles, Said::Content)),
                    },
                };
                let (kind, roles, said) =
                    found.map_err(|message| setting(&format!("{}.roles", self.place), message))?;
                let found = Use { name: column.to_owned(), kind, extension, roles, said };
                let what = match found.roles.is_empty() {
                    true => None,
                    false => Some(self.add(found, recipe)?),
                };
                self.known.insert(name, what);
                what
            }
        };
        if what.is_none() {
            self.leave(column, 1);
        }
        Ok(what.map(|what| (what, is_inline)))
    }

    fn add(&mut self, found: Use, recipe: &Recipe) -> Result<u16, DataError> {
        let place = format!("{}.roles.{}", self.place, found.name);
        if let Some(role) = found.roles.iter().find(|role| !recipe.fits(found.kind, **role)) {
            // Whoever is told by its content is for what it fits then.
            if found.said != Said::Content {
                let message = format!("`{}` is not made of such files", name(*role, recipe));
                return Err(setting(&place, message));
            }
        }
        let what = u16::try_from(self.all.len());
        let what = what.map_err(|_| setting(&place, "too many kinds of files"))?;
        self.all.push(found);
        Ok(what)
    }
}

/// The extension of a path in lower case; empty without one.
fn extension(path: &str) -> String {
    let is_slash = |character| character == '/' || (cfg!(windows) && character == '\\');
    let name = path.rsplit(is_slash).next().unwrap_or("");
    name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default()
}

/// What files of an extension that nobody knows are taken for: what their roles are made of.
fn of_anything(roles: &[Role], recipe: &Recipe) -> Kind {
    let is_media = |role: &Role| recipe.fits(Kind::Video, *role);
    if roles.iter().all(is_media) { Kind::Video } else { Kind::Text }
}

/// What files of a column are: what their extension says where that fits, else what their content will say.
fn of_column(kind: Option<Kind>, roles: &[Role], is_inline: bool, recipe: &Recipe) -> Kind {
    if is_inline {
        return Kind::Text;
    }
    let fits = |kind: &Kind| roles.iter().any(|role| recipe.fits(*kind, *role));
    kind.filter(fits).unwrap_or(Kind::Video)
}

/// The name of a modality or target.
pub(super) fn name(role: Role, recipe: &Recipe) -> &str {
    match role {
        Role::Modality(at) => &recipe.hosts[at].name,
        Role::Target(at) => &recipe.targets[at].name,
    }
}

fn find(name: &str, recipe: &Recipe) -> Option<Role> {
    let is_it = |found: &str| found.eq_ignore_ascii_case(name);
    let modality = recipe.hosts.iter().position(|host| is_it(&host.name)).map(Role::Modality);
    let target = || recipe.targets.iter().position(|target| is_it(&target.name));
    modality.or_else(|| target().map(Role::Target))
}

fn named(names: &OneOrMany, recipe: &Recipe) -> Result<Vec<Role>, Why> {
    let find = |name: &String| {
        find(name, recipe).ok_or_else(|| {
            let known = recipe.names().join(", ");
            format!("the model has no modality or target `{name}`; it has {known}")
        })
    };
    names.all().iter().map(find).collect()
}

/// What a file is for where nothing is said: `clip.NAME.wav` is what it names; else there may be only one modality or
/// target that it fits. None where the model has no use for it.
pub(in crate::data) fn standard(
    extension: &str,
    kind: Kind,
    recipe: &Recipe,
) -> Result<Vec<Role>, Why> {
    let said = extension.rsplit('.').nth(1).and_then(|name| find(name, recipe));
    if let Some(role) = said.filter(|role| recipe.fits(kind, *role)) {
        return Ok(vec![role]);
    }
    if extension.contains('.') {
        // `clip.front.png` where there is no modality `front` belongs to something else.
        return Ok(Vec::new());
    }
    usual(extension, kind, recipe)
}

/// As [`standard`], of files whose name says nothing; where nobody knows what it is, all that could be made of it.
pub(in crate::data) fn of_content(
    extension: &str,
    kind: Kind,
    recipe: &Recipe,
) -> Result<Vec<Role>, Why> {
    if Kind::of(extension).is_some_and(Kind::is_media) {
        return usual(extension, kind, recipe);
    }
    let pictures = usual("picture", Kind::Picture, recipe)?;
    let videos = usual("video", Kind::Video, recipe)?;
    let is_new = |role: &Role| !pictures.contains(role);
    let rest: Vec<Role> = videos.into_iter().filter(is_new).collect();
    Ok(pictures.into_iter().chain(rest).collect())
}

fn usual(extension: &str, kind: Kind, recipe: &Recipe) -> Result<Vec<Role>, Why> {
    let hosts = |is_it: fn(&Feed) -> bool| -> Vec<Role> {
        let all = recipe.hosts.iter().enumerate().filter(|(_, host)| is_it(&host.feed));
        all.map(|(at, _)| Role::Modality(at)).collect()
    };
    let images = || hosts(|feed| matches!(feed, Feed::Pictures { fps: None, .. }));
    let frames = || hosts(|feed| matches!(feed, Feed::Pictures { fps: Some(_), .. }));
    let waves = || hosts(|feed| matches!(feed, Feed::Wave { .. }));
    let values = || hosts(|feed| matches!(feed, Feed::Text { .. } | Feed::Tensor));
    let targets = |is_it: fn(&TargetKind) -> bool| -> Vec<Role> {
        let all = recipe.targets.iter().enumerate().filter(|(_, target)| is_it(&target.kind));
        all.map(|(at, _)| Role::Target(at)).collect()
    };
    let single = |roles: Vec<Role>| match roles.as_slice() {
        [] | [_] => Ok(roles),
        [first, second, ..] => Err(format!(
            "files `{extension}` could be `{}` or `{}`: say which (`{extension}: {}`)",
            name(*first, recipe),
            name(*second, recipe),
            name(*first, recipe)
        )),
    };
    match kind {
        Kind::Picture => single(if images().is_empty() { frames() } else { images() }),
        Kind::Sound => single(waves()),
        Kind::Video => Ok(single(frames())?.into_iter().chain(single(waves())?).collect()),
        Kind::Json => Ok(values().into_iter().chain(targets(|_| true)).collect()),
        Kind::Text if extension == "ids" => single(values()),
        Kind::Text if extension == "cls" => {
            let one = targets(|kind| matches!(kind, TargetKind::Class(_)));
            let many = || targets(|kind| matches!(kind, TargetKind::Classes(_)));
            single(if one.is_empty() { many() } else { one })
        }
        Kind::Text => Ok(Vec::new()),
    }
}
