//! Shards: tar files in the `WebDataset` convention.
//!
//! In: paths with ranges of numbers in braces. Out: where in which file every member of every sample lies, by one look at
//! all headers; nothing is unpacked. Members of one key are a sample: the key is the path up to the first point of its
//! last part, the rest is the extension. Deliberately not here: reading members.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tar::{Archive, EntryType};

use crate::data::DataError;
use crate::data::error::{Problems, Why};
use crate::data::media;
use crate::data::recipe::{Recipe, setting};

use super::roles::Uses;
use super::{Entry, Piece};

/// How many shards a source may have.
const MAX_SHARDS: usize = 1_000_000;
/// Longer names are no names.
const MAX_NAME: usize = 4096;

/// What one shard has.
#[derive(Debug, Default)]
struct Scanned {
    members: Vec<Member>,
    /// Why it is broken, where it is.
    wrong: Option<Why>,
    /// Members that cannot be used.
    refused: Vec<String>,
}

#[derive(Debug)]
struct Member {
    key: String,
    extension: String,
    offset: u64,
    size: u64,
    is_cut: bool,
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

/// All samples of all shards, in order.
pub(super) fn scan(
    paths: &[PathBuf],
    uses: &mut Uses,
    broken: f64,
    recipe: &Recipe,
    problems: &mut Problems,
) -> Result<Vec<Entry>, DataError> {
    let scanned: Vec<Scanned> = paths.par_iter().map(|path| scan_one(path)).collect();
    let mut entries = Vec::new();
    let (mut n_broken, before) = (0_u64, problems.samples);
    for (at, (path, scanned)) in (0..).zip(paths.iter().zip(scanned)) {
        if let Some(why) = &scanned.wrong {
            n_broken += 1;
            problems.shards += 1;
            problems.name(format!("{}: {why}", path.display()));
        }
        for refused in &scanned.refused {
            problems.samples += 1;
            problems.name(format!("{}: {refused}", path.display()));
        }
        group(at, path, scanned.members, uses, recipe, problems, &mut entries)?;
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
    let (n_broken, of) = (problems.samples - before, entries.len() as u64);
    let allowed = super::super::allowed(broken, of + n_broken);
    if n_broken > allowed && !entries.is_empty() {
        let (of, problems) = (of + n_broken, problems.clone());
        return Err(DataError::TooManyBroken {
            what: "samples",
            broken: n_broken,
            of,
            allowed,
            problems,
        });
    }
    Ok(entries)
}

/// Members of one shard by their keys, in the order in which keys are first met.
fn group(
    at: u32,
    path: &Path,
    members: Vec<Member>,
    uses: &mut Uses,
    recipe: &Recipe,
    problems: &mut Problems,
    entries: &mut Vec<Entry>,
) -> Result<(), DataError> {
    let mut order: Vec<(String, Vec<Piece>, Option<Why>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for member in members {
        let Some(what) = uses.of_extension(&member.extension, recipe)? else { continue };
        let place = *known.entry(member.key.clone()).or_insert_with(|| {
            order.push((member.key.clone(), Vec::new(), None));
            order.len() - 1
        });
        let (_, pieces, wrong) = &mut order[place];
        if pieces.iter().any(|piece| piece.what() == what) {
            *wrong = Some(format!("two members `{}`", member.extension));
        }
        if member.is_cut {
            *wrong = Some(format!("`{}` is cut short", member.extension));
        }
        pieces.push(Piece::Member { what, offset: member.offset, size: member.size });
    }
    for (key, pieces, wrong) in order {
        match wrong {
            Some(why) => {
                problems.samples += 1;
                problems.name(format!("{}: {key}: {why}", path.display()));
            }
            None => entries.push(Entry { key: key.into(), at, pieces: pieces.into() }),
        }
    }
    Ok(())
}

/// Looks at the headers of one shard. What was found before something is wrong is kept.
fn scan_one(path: &Path) -> Scanned {
    let mut scanned = Scanned::default();
    if let Err(why) = scan_into(path, &mut scanned) {
        scanned.wrong = Some(why);
    }
    scanned
}

fn scan_into(path: &Path, scanned: &mut Scanned) -> Result<(), Why> {
    let said = |error: std::io::Error| error.to_string();
    let mut file = media::open(path)?;
    let length = file.metadata().map_err(said)?.len();
    let mut end = 0;
    let mut archive = Archive::new(&file);
    let mut cut = None;
    for entry in archive.entries_with_seek().map_err(said)? {
        let entry = entry.map_err(|error| {
            let hint =
                if scanned.members.is_empty() { "; is it an unpacked tar file?" } else { "" };
            format!("damaged after {} members: {error}{hint}", scanned.members.len())
        })?;
        let (offset, size) = (entry.raw_file_position(), entry.size());
        let bytes = entry.path_bytes();
        let name = match std::str::from_utf8(&bytes) {
            Ok(name) if name.len() <= MAX_NAME => name.trim_start_matches("./").to_owned(),
            Ok(_) | Err(_) => {
                scanned.refused.push("a member whose name is too long or no UTF-8".to_owned());
                continue;
            }
        };
        end = offset.saturating_add(size);
        let kind = entry.header().entry_type();
        if kind == EntryType::Directory {
            continue;
        }
        if kind != EntryType::Regular && kind != EntryType::Continuous {
            scanned.refused.push(format!("`{name}` is no file but a link or the like"));
            continue;
        }
        if is_climbing(&name) {
            scanned.refused.push(format!("`{name}` leads out of its folder"));
            continue;
        }
        let is_cut = end > length;
        if let Some((key, extension)) = split(&name) {
            scanned.members.push(Member { key, extension, offset, size, is_cut });
        }
        if is_cut {
            cut = Some(name);
            break;
        }
    }
    if let Some(name) = cut {
        return Err(format!("cut short in `{name}`"));
    }
    has_end(&mut file, end, length)
}

/// Whether zeros follow the last member, as they do in every whole tar file.
fn has_end(file: &mut File, end: u64, length: u64) -> Result<(), Why> {
    let end = end.next_multiple_of(512);
    let mut block = Vec::new();
    if end < length {
        file.seek(SeekFrom::Start(end)).map_err(|error| error.to_string())?;
        file.take(512).read_to_end(&mut block).map_err(|error| error.to_string())?;
    }
    if block.len() == 512 && block.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    Err("cut short: its end is missing".to_owned())
}

pub(super) fn is_climbing(name: &str) -> bool {
    name.starts_with(['/', '\\'])
        || name.as_bytes().get(1) == Some(&b':')
        || name.split(['/', '\\']).any(|part| part == "..")
}

/// Key and extension of a member; none for files that are hidden or have no extension.
fn split(name: &str) -> Option<(String, String)> {
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    let point = start + name[start..].find('.')?;
    (point > start && point + 1 < name.len())
        .then(|| (name[..point].to_owned(), name[point + 1..].to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_out() {
        for (pattern, wanted) in [
            ("a.tar", Some(vec!["a.tar"])),
            ("a-{08..11}.tar", Some(vec!["a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"])),
            ("{9..10}", Some(vec!["9", "10"])),
            ("{x,y}-{0..1}", Some(vec!["x-0", "x-1", "y-0", "y-1"])),
            ("{2..1}", None),
            ("{0..99999999999}", None),
            ("{0..999}{0..999}{0..999}", None),
            ("{a..b}", None),
            ("{1..2", None),
        ] {
            let wanted: Option<Vec<String>> =
                wanted.map(|all| all.into_iter().map(str::to_owned).collect());
            assert_eq!(expanded(pattern).ok(), wanted, "{pattern}");
        }
    }

    #[test]
    fn names_are_split_at_the_first_point() {
        for (name, wanted) in [
            ("a.png", Some(("a", "png"))),
            ("x.y/a.left.PNG", Some(("x.y/a", "left.png"))),
            ("a", None),
            (".hidden", None),
            ("a.", None),
        ] {
            let found = split(name);
            let found = found.as_ref().map(|(key, extension)| (key.as_str(), extension.as_str()));
            assert_eq!(found, wanted, "{name}");
        }
        for (name, wanted) in [("a/../b", true), ("/a", true), ("C:\\a", true), ("a..b/c", false)] {
            assert_eq!(is_climbing(name), wanted, "{name}");
        }
    }
}
