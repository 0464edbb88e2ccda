//! Shards: tar files in the `WebDataset` convention.
//!
//! In: paths with ranges of numbers in braces. Out: where in which file every member of every sample lies, by one look at
//! all headers; nothing is unpacked but what is compressed. Members of one key are a sample, wherever they lie in the shard:
//! the key is the path up to the first point of its last part, the rest is the extension. Deliberately not here: what
//! headers say (`walk`), what is compressed (`aside`).

mod aside;
mod walk;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use rayon::prelude::*;

use crate::data::DataError;
use crate::data::error::{Problems, Why};
use crate::data::media::{self, Trouble};
use crate::data::recipe::{Recipe, setting};

use super::roles::{Role, Uses};
use super::{Entry, Opening, Piece};
use aside::{Spools, Unpacked};
use walk::{Found, Is, Region, walk};

/// How many shards a source may have.
const MAX_SHARDS: usize = 1_000_000;
/// Longer names are no names.
const MAX_NAME: usize = 4096;

/// Shards that were looked at.
#[derive(Debug)]
pub(super) struct Shards {
    pub(super) paths: Vec<PathBuf>,
    /// Where those lie that were compressed.
    unpacked: Vec<Option<Unpacked>>,
}

/// What one shard has.
#[derive(Debug, Default)]
struct Scanned {
    members: Vec<Member>,
    unpacked: Option<Unpacked>,
    /// Why it is broken, where it is.
    wrong: Option<Why>,
    /// Whether there is no such file.
    is_absent: bool,
    /// Members that cannot be used.
    refused: Vec<String>,
    /// Members without an extension, by what is said of them.
    unnamed: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Member {
    key: String,
    extension: String,
    offset: u64,
    size: u64,
    /// Why it cannot be used.
    wrong: Option<Why>,
}

/// A sample whose members are being gathered.
#[derive(Debug, Default)]
struct Gathered {
    key: String,
    pieces: Vec<Piece>,
    /// Extensions of media that nothing says what they are for.
    unsaid: Vec<String>,
    wrong: Option<Why>,
}

/// The paths that patterns stand for: `{000..007}` is a range, `{a,b}` a list.
pub(super) fn paths(
    patterns: &[String],
    place: &str,
    base: &Path,
) -> Result<Vec<PathBuf>, DataError> {
    let place = format!("{place}.shards");
    let mut all = Vec::new();
    for pattern in patterns {
        let texts = expanded(pattern).map_err(|message| setting(&place, message))?;
        all.extend(texts.iter().map(|text| base.join(text)));
        if all.len() > MAX_SHARDS {
            return Err(setting(&place, format!("more than {MAX_SHARDS} shards")));
        }
    }
    if all.is_empty() {
        return Err(setting(&place, "no shards are named"));
    }
    Ok(all)
}

fn expanded(pattern: &str) -> Result<Vec<String>, Why> {
    let Some((before, rest)) = pattern.split_once('{') else { return Ok(vec![pattern.to_owned()]) };
    let (inside, after) =
        rest.split_once('}').ok_or_else(|| format!("`{pattern}` has a `{{` without `}}`"))?;
    let wrong = || format!("`{{{inside}}}` is no range: write `{{000..007}}` or `{{a,b}}`");
    let middles: Vec<String> = match inside.split_once("..") {
        None if inside.contains(',') => inside.split(',').map(str::to_owned).collect(),
        None => return Err(wrong()),
        Some((first, last)) => {
            let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
            let (from, to) = (number(first)?, number(last)?);
            if from > to || to - from >= MAX_SHARDS as u64 {
                return Err(wrong());
            }
            let width = if first.len() == last.len() { first.len() } else { 0 };
            (from..=to).map(|number| format!("{number:0width$}")).collect()
        }
    };
    let ends = expanded(after)?;
    if middles.len().saturating_mul(ends.len()) > MAX_SHARDS {
        return Err(format!("`{pattern}` stands for more than {MAX_SHARDS} shards"));
    }
    let each = |middle: &String| -> Vec<String> {
        ends.iter().map(|end| format!("{before}{middle}{end}")).collect()
    };
    Ok(middles.iter().flat_map(each).collect())
}

impl Shards {
    /// The bytes of a member. The shard is opened once for a sample, so that any number of shards needs few open files.
    pub(super) fn member(
        &self,
        at: u32,
        shard: &mut Option<File>,
        offset: u64,
        size: u64,
    ) -> Result<Vec<u8>, Trouble> {
        let at = at as usize;
        let region = match &self.unpacked[at] {
            Some(Unpacked { file, base, length }) => Region { file, base: *base, length: *length },
            None => {
                let file = match shard {
                    Some(file) => file,
                    None => shard.insert(media::open(&self.paths[at])?),
                };
                let length = offset.saturating_add(size);
                Region { file, base: 0, length }
            }
        };
        // The size is that of a file that was there when the shard was looked at.
        let bytes = region.bytes(offset, size)?;
        if bytes.len() as u64 == size {
            Ok(bytes)
        } else {
            Err(Trouble::Why("cut short".to_owned()))
        }
    }
}

/// All samples of all shards, in order.
pub(super) fn scan(
    paths: Vec<PathBuf>,
    uses: &mut Uses,
    Opening { place, broken, stop, .. }: Opening<'_>,
    recipe: &Recipe,
    problems: &mut Problems,
) -> Result<(Shards, Vec<Entry>), DataError> {
    let spools = Spools::new(stop);
    let scanned: Result<Vec<Scanned>, DataError> = paths
        .par_iter()
        .map(|path| {
            scan_one(path, &spools).map_err(|trouble| trouble.error(path.display().to_string()))
        })
        .collect();
    let scanned = scanned?;
    if stop.load(Ordering::Relaxed) {
        return Err(DataError::Stopped);
    }
    if scanned.iter().all(|shard| shard.is_absent) {
        let path = paths[0].display();
        let message = match paths.len() {
            1 => format!("there is no file {path}"),
            n => format!("none of {n} files is there, from {path} on"),
        };
        return Err(setting(&format!("{place}.shards"), message));
    }
    let (mut entries, mut unpacked) = (Vec::new(), Vec::new());
    let mut n_broken = 0_u64;
    for (at, (path, mut scanned)) in (0..).zip(paths.iter().zip(scanned)) {
        if let Some(why) = &scanned.wrong {
            n_broken += 1;
            problems.shards += 1;
            problems.name(format!("{}: {why}", path.display()));
        }
        for refused in &scanned.refused {
            problems.samples += 1;
            problems.name(format!("{}: {refused}", path.display()));
        }
        for (name, n) in &scanned.unnamed {
            uses.leave(name, *n);
        }
        unpacked.push(scanned.unpacked.take());
        for Gathered { key, pieces, wrong, .. } in gather(scanned, uses, recipe)? {
            match wrong {
                Some(why) => {
                    problems.samples += 1;
                    problems.name(format!("{}: {key}: {why}", path.display()));
                }
                None => entries.push(Entry { key: key.into(), at, pieces: pieces.into() }),
            }
        }
    }
    let of = paths.len() as u64;
    let allowed = super::super::allowed(broken, of);
    if n_broken > allowed {
        let problems = problems.clone();
        return Err(DataError::TooManyBroken {
            what: "shards",
            broken: n_broken,
            of,
            allowed,
            problems,
        });
    }
    Ok((Shards { paths, unpacked }, entries))
}

/// Members of one shard by their keys, in the order in which keys are first met.
fn gather(scanned: Scanned, uses: &mut Uses, recipe: &Recipe) -> Result<Vec<Gathered>, DataError> {
    let mut all: Vec<Gathered> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for Member { key, extension, offset, size, wrong } in scanned.members {
        let what = uses.of_extension(&extension, recipe)?;
        if what.is_none() && uses.unsaid(&extension).is_empty() {
            uses.leave(&extension, 1);
            continue;
        }
        let at = *known.entry(key).or_insert_with_key(|key| {
            all.push(Gathered { key: key.clone(), ..Gathered::default() });
            all.len() - 1
        });
        let sample = &mut all[at];
        match what {
            Some(what) => {
                sample.wrong =
                    wrong.map(|why| format!("`{extension}` is {why}")).or(sample.wrong.take());
                sample.pieces.push(Piece::Member { what, offset, size });
            }
            None => sample.unsaid.push(extension),
        }
    }
    for sample in &mut all {
        for extension in &sample.unsaid {
            let is_had = |role: &Role| {
                sample.pieces.iter().any(|piece| uses.roles(piece.what()).contains(role))
            };
            match uses.unsaid(extension).iter().find(|role| !is_had(role)) {
                Some(role) => {
                    let name = super::roles::name(*role, recipe);
                    sample.wrong = Some(format!(
                        "nothing says what `{extension}` is, all behind the first point of its name, and `{name}` is \
                         missing: say it in `roles` (`{extension}: {name}`, or `[]` for nothing)"
                    ));
                }
                None => uses.leave(extension, 1),
            }
        }
    }
    // What is damaged may be members of the last sample before.
    if let (Some(_), [.., before, last]) = (&scanned.wrong, all.as_mut_slice())
        && last.pieces.len() < before.pieces.len()
    {
        let why = "its shard is damaged behind it, and it has fewer members than the sample before";
        last.wrong.get_or_insert(why.to_owned());
    }
    Ok(all)
}

/// Looks at the headers of one shard. What was found before something is wrong is kept.
fn scan_one(path: &Path, spools: &Spools<'_>) -> Result<Scanned, Trouble> {
    let mut scanned = Scanned::default();
    match scan_into(path, spools, &mut scanned) {
        Ok(()) => {}
        Err(Trouble::Why(why)) => {
            scanned.is_absent = matches!(path.try_exists(), Ok(false));
            scanned.wrong = Some(why);
        }
        Err(trouble) => return Err(trouble),
    }
    Ok(scanned)
}

fn scan_into(path: &Path, spools: &Spools<'_>, scanned: &mut Scanned) -> Result<(), Trouble> {
    if spools.go_on().is_break() {
        return Ok(());
    }
    let file = media::open(path)?;
    let mut torn = None;
    if let Some(packing) = aside::packing(&file)? {
        let (unpacked, wrong) = spools.unpack(&file, packing)?;
        (scanned.unpacked, torn) = (Some(unpacked), wrong);
    }
    let unpacked = scanned.unpacked.clone();
    let region = match &unpacked {
        Some(Unpacked { file, base, length }) => Region { file, base: *base, length: *length },
        None => {
            let length = crate::data::files::patiently(|| file.metadata())?.len();
            Region { file: &file, base: 0, length }
        }
    };
    let walked = walk(region, |found| {
        scanned.add(found, region.length);
        spools.go_on()
    });
    match torn {
        Some(why) => Err(Trouble::Why(why)),
        None => walked,
    }
}

impl Scanned {
    /// Adds a member of an archive of so many bytes.
    fn add(&mut self, found: Found, length: u64) {
        let Found { name, is, offset, size } = found;
        let Ok(name) = std::str::from_utf8(&name) else {
            self.refused.push(format!("the name `{}` is no UTF-8", String::from_utf8_lossy(&name)));
            return;
        };
        let name = name.trim_start_matches("./");
        let wrong = match is {
            Is::Folder => return,
            Is::File => (offset.saturating_add(size) > length).then(|| "cut short".to_owned()),
            Is::Other(what) => Some(what),
        };
        if name.len() > MAX_NAME {
            let start: String = name.chars().take(40).collect();
            self.refused.push(format!("the name `{start}..` is longer than {MAX_NAME} bytes"));
        } else if is_climbing(name) {
            self.refused.push(format!("`{name}` leads out of its folder"));
        } else {
            match split(name) {
                Ok((key, extension)) => {
                    self.members.push(Member { key, extension, offset, size, wrong });
                }
                Err(unnamed) => *self.unnamed.entry(unnamed).or_default() += 1,
            }
        }
    }
}

/// Whether a path may lead out of the folder that it starts from.
pub(super) fn is_climbing(name: &str) -> bool {
    // Elsewhere, a name may have what stands for drives and folders on Windows.
    let is_slash = |character| character == '/' || (cfg!(windows) && character == '\\');
    name.starts_with(is_slash)
        || (cfg!(windows) && name.as_bytes().get(1) == Some(&b':'))
        || name.split(is_slash).any(|part| part == "..")
}

/// Key and extension of a member; else what is said of those that have none.
fn split(name: &str) -> Result<(String, String), String> {
    let is_foreign = |part: &&str| part.starts_with("PaxHeader") || *part == "__MACOSX";
    if let Some((folders, _)) = name.rsplit_once('/')
        && let Some(folder) = folders.split('/').find(is_foreign)
    {
        return Err(format!("{folder}/"));
    }
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    let last = &name[start..];
    match last.split_once('.') {
        // What macOS lays beside every file.
        Some(("", rest)) if rest.starts_with('_') => Err("._*".to_owned()),
        Some(("", _)) => Err(last.to_owned()),
        Some((stem, extension)) if !extension.is_empty() => {
            Ok((name[..start + stem.len()].to_owned(), extension.to_lowercase()))
        }
        Some(_) | None => Err("no extension".to_owned()),
    }
}

#[cfg(test)]
mod tests;
