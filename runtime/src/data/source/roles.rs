//! What files are for: from extensions and columns to modalities and targets.
//!
//! In: an extension such as `png` or `left.png`, or the name of a column, settings, and a model. Out: modalities and
//! targets. Deliberately not here: reading.

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

/// What files of one extension, or cells of one column, are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Use {
    /// Extension or column, for messages.
    name: String,
    kind: Kind,
    /// The last part of the extension.
    extension: String,
    roles: Vec<Role>,
}

/// All uses that were met.
#[derive(Debug)]
pub(in crate::data) struct Uses {
    place: String,
    told: BTreeMap<String, Vec<Role>>,
    all: Vec<Use>,
    known: BTreeMap<String, Option<u16>>,
}

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
        Ok(Self { place: place.to_owned(), told, all: Vec::new(), known: BTreeMap::new() })
    }

    /// Names that were met and are nothing, as a stand-in for counts.
    pub(super) fn unused(&self) -> BTreeMap<String, u64> {
        let unused = self.known.iter().filter(|(_, found)| found.is_none());
        unused.map(|(name, _)| (name.split('\n').next().unwrap_or("").to_owned(), 1)).collect()
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

    /// What members with an extension are; `None` where they are nothing.
    pub(super) fn of_extension(
        &mut self,
        extension: &str,
        recipe: &Recipe,
    ) -> Result<Option<u16>, DataError> {
        let extension = extension.to_lowercase();
        if let Some(known) = self.known.get(&extension) {
            return Ok(*known);
        }
        let last = extension.rsplit('.').next().unwrap_or("").to_owned();
        let is_named = extension.rsplit('.').nth(1).and_then(|name| find(name, recipe)).is_some();
        let told = self.told.get(&extension);
        let told = told.or_else(|| self.told.get(&last).filter(|_| !is_named)).cloned();
        let kind = Kind::of(&last).or(told.is_some().then_some(Kind::Text));
        let found = match (told, kind) {
            (_, None) => None,
            (Some(roles), Some(kind)) => Some((kind, roles)),
            (None, Some(kind)) => match standard(&extension, kind, recipe) {
                Ok(roles) => Some((kind, roles)),
                Err(message) => return Err(setting(&format!("{}.roles", self.place), message)),
            },
        };
        let found = found.filter(|(_, roles)| !roles.is_empty());
        let found = match found {
            None => None,
            Some((kind, roles)) => Some(self.add(&extension, last, kind, roles, recipe)?),
        };
        self.known.insert(extension, found);
        Ok(found)
    }

    /// What a cell of a column is.
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
                self.known.insert(column.to_owned(), None);
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
        let extension = match text.rsplit_once('.') {
            Some((_, extension)) if !is_inline => extension.to_lowercase(),
            _ => String::new(),
        };
        let name = format!("{column}\n{extension}");
        if let Some(known) = self.known.get(&name) {
            return Ok(known.map(|what| (what, is_inline)));
        }
        let kind = if is_inline { Some(Kind::Text) } else { Kind::of(&extension) };
        let Some(kind) = kind else {
            // A name without an extension that is known is the sample's fault, not the table's.
            return Ok(None);
        };
        let roles = match told {
            Some(roles) => roles,
            None => standard(&extension, kind, recipe)
                .map_err(|message| setting(&format!("{}.roles", self.place), message))?,
        };
        let found = match roles.is_empty() {
            true => None,
            false => Some(self.add(column, extension, kind, roles, recipe)?),
        };
        self.known.insert(name, found);
        Ok(found.map(|what| (what, is_inline)))
    }

    fn add(
        &mut self,
        name: &str,
        extension: String,
        kind: Kind,
        roles: Vec<Role>,
        recipe: &Recipe,
    ) -> Result<u16, DataError> {
        let place = format!("{}.roles.{name}", self.place);
        if let Some(role) = roles.iter().find(|role| !recipe.fits(kind, **role)) {
            let message = format!("`{}` is not made of such files", self::name(*role, recipe));
            return Err(setting(&place, message));
        }
        let what = u16::try_from(self.all.len());
        let what = what.map_err(|_| setting(&place, "too many kinds of files"))?;
        self.all.push(Use { name: name.to_owned(), kind, extension, roles });
        Ok(what)
    }
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
