//! The headers of a tar file, one after the other.
//!
//! In: a part of a file. Out: name, place and size of every member, in v7, ustar, GNU and pax archives; or where it is
//! damaged. A header has a checksum; what stands in a member has none, nor has the text of a long name. Deliberately not
//! here: what members are for, and reading them.

use std::fs::File;
use std::ops::ControlFlow;

use tar::{EntryType, GnuExtSparseHeader, Header};

use crate::data::error::Why;
use crate::data::files::read_at;
use crate::data::media::Trouble;

const BLOCK: u64 = 512;
/// Long names and the like take at most so much.
const MAX_EXTRA: u64 = 1 << 20;
/// Archives are filled up with at most so many zeros.
const MAX_END: u64 = 16 << 20;

/// A part of a file that is an archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region<'a> {
    pub(super) file: &'a File,
    pub(super) base: u64,
    pub(super) length: u64,
}

/// A member.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: Vec<u8>,
    pub(super) is: Is,
    /// Where its bytes begin in the archive.
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// What a member is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Is {
    File,
    Folder,
    /// What it is instead, for messages.
    Other(String),
}

/// What headers before that of a member say of it.
#[derive(Default)]
struct Before {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
    is_long: bool,
    is_pax: bool,
}

impl Region<'_> {
    /// A block; none at the end.
    fn block(&self, at: u64) -> Result<Option<[u8; BLOCK as usize]>, Trouble> {
        if at >= self.length {
            return Ok(None);
        }
        let bytes = self.bytes(at, BLOCK)?;
        let block = bytes.try_into();
        block.map(Some).map_err(|_| Trouble::Why("a header is cut short".to_owned()))
    }

    /// So many bytes, or what is left of them.
    pub(super) fn bytes(&self, at: u64, n: u64) -> Result<Vec<u8>, Trouble> {
        let n = n.min(self.length.saturating_sub(at));
        let machine = |_| Trouble::Machine("no memory is left".to_owned());
        let n = usize::try_from(n).map_err(|_| Trouble::Why("too large".to_owned()))?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(n).map_err(machine)?;
        bytes.resize(n, 0);
        let offset =
            self.base.checked_add(at).ok_or_else(|| Trouble::Why("too large".to_owned()))?;
        let read = read_at(self.file, offset, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

/// Calls `each` for every member before the end, or before what is damaged, until it has enough.
pub(super) fn walk(
    region: Region<'_>,
    mut each: impl FnMut(Found) -> ControlFlow<()>,
) -> Result<(), Trouble> {
    let (mut at, mut before, mut n) = (0, Before::default(), 0_u64);
    let damaged = |n: u64, why: &str| Trouble::Why(format!("damaged after {n} members: {why}"));
    loop {
        let block = match region.block(at) {
            Ok(Some(block)) => block,
            Ok(None) => return Err(Trouble::Why("cut short: its end is missing".to_owned())),
            Err(Trouble::Why(why)) => return Err(damaged(n, &why)),
            Err(trouble) => return Err(trouble),
        };
        if block.iter().all(|byte| *byte == 0) {
            return match before.is_long || before.is_pax {
                true => Err(damaged(n, "a long name without its member")),
                false => end(region, at + BLOCK),
            };
        }
        let header = checked(&block).map_err(|why| damaged(n, &why))?;
        let (offset, size) = (at + BLOCK, header.entry_size());
        let size = size.map_err(|_| damaged(n, "a size that is no number"))?;
        let kind = header.entry_type();
        let padded = |size: u64| {
            size.checked_next_multiple_of(BLOCK).and_then(|size| size.checked_add(offset))
        };
        let n_before = n;
        let beyond = || damaged(n_before, "a size beyond all files");
        if is_extra(kind) {
            if size > MAX_EXTRA {
                return Err(damaged(n, "a name or the like of more than 1 MiB"));
            }
            let bytes = region.bytes(offset, size)?;
            if bytes.len() as u64 != size {
                return Err(Trouble::Why("cut short in a long name".to_owned()));
            }
            before.add(kind, &bytes).map_err(|why| damaged(n, &why))?;
            at = padded(size).ok_or_else(beyond)?;
            continue;
        }
        let before = std::mem::take(&mut before);
        let (found, next) = member(region, header, offset, before.size.unwrap_or(size), before)?;
        let end = next.checked_add(found.size).ok_or_else(beyond)?;
        n += 1;
        let is_cut = end > region.length;
        let name = String::from_utf8_lossy(&found.name).into_owned();
        at = end.checked_next_multiple_of(BLOCK).ok_or_else(beyond)?;
        if each(found).is_break() {
            return Ok(());
        }
        if is_cut {
            return Err(Trouble::Why(format!("cut short in `{name}`")));
        }
    }
}

fn is_extra(kind: EntryType) -> bool {
    kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions()
        || kind.as_byte() == b'X'
}

/// A header whose checksum is right.
fn checked(block: &[u8; BLOCK as usize]) -> Result<&Header, Why> {
    let header = Header::from_byte_slice(block);
    let said = header.cksum().map_err(|_| "no header of a tar file".to_owned())?;
    let byte = |at: usize| if (148..156).contains(&at) { b' ' } else { block[at] };
    let sum: u32 = (0..block.len()).map(|at| u32::from(byte(at))).sum();
    // Some old programs summed up signed bytes.
    let signed: i32 = (0..block.len()).map(|at| i32::from(byte(at).cast_signed())).sum();
    if said == sum || i64::from(said) == i64::from(signed) {
        return Ok(header);
    }
    Err("the checksum of a header is wrong".to_owned())
}

/// What a header says, and where the bytes behind it begin.
fn member(
    region: Region<'_>,
    header: &Header,
    offset: u64,
    size: u64,
    before: Before,
) -> Result<(Found, u64), Trouble> {
    let name = before.name.unwrap_or_else(|| header.path_bytes().into_owned());
    let link = || {
        let target = header.link_name_bytes().unwrap_or_default();
        String::from_utf8_lossy(&target).into_owned()
    };
    let kind = header.entry_type().as_byte();
    let mut offset = offset;
    let is = match kind {
        b'0' | b'7' if before.is_sparse => sparse(),
        // Before there was a type for folders, a slash said it.
        b'0' if name.ends_with(b"/") => Is::Folder,
        b'0' | b'7' => Is::File,
        b'1' => Is::Other(format!(
            "a hard link to `{}`: make the tar file with `--hard-dereference`",
            link()
        )),
        b'2' => {
            Is::Other(format!("a link to `{}`: make the tar file with `--dereference`", link()))
        }
        b'3' | b'4' | b'6' => Is::Other("a device or pipe".to_owned()),
        b'5' => Is::Folder,
        b'S' => {
            offset = behind_map(region, header, offset)?;
            sparse()
        }
        other => Is::Other(format!("of the type `{}`, which is not read", char::from(other))),
    };
    // Links, devices and folders have no bytes, whatever size they have.
    let has_bytes = !matches!(kind, b'1'..=b'6');
    let size = if has_bytes { size } else { 0 };
    Ok((Found { name, is, offset, size }, offset))
}

fn sparse() -> Is {
    Is::Other("sparse, its holes are left out: make the tar file without `--sparse`".to_owned())
}

/// Where the bytes of a sparse member begin, behind the blocks of the map of its holes.
fn behind_map(region: Region<'_>, header: &Header, offset: u64) -> Result<u64, Trouble> {
    let mut at = offset;
    let mut is_more = header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
    while is_more {
        let block = region.block(at)?;
        let block = block.ok_or_else(|| Trouble::Why("cut short in a sparse member".to_owned()))?;
        let mut map = GnuExtSparseHeader::new();
        map.as_mut_bytes().copy_from_slice(&block);
        is_more = map.is_extended();
        at += BLOCK;
    }
    Ok(at)
}

impl Before {
    /// Adds what a header before the member says of it.
    fn add(&mut self, kind: EntryType, bytes: &[u8]) -> Result<(), Why> {
        if kind.is_gnu_longname() {
            if std::mem::replace(&mut self.is_long, true) {
                return Err("two long names for one member".to_owned());
            }
            let name = bytes.split(|byte| *byte == 0).next().unwrap_or(bytes).to_vec();
            // What pax says goes before.
            self.name.get_or_insert(name);
            return Ok(());
        }
        if kind.is_gnu_longlink() {
            return Ok(());
        }
        let records = records(bytes).ok_or("a pax header is malformed")?;
        let is_global = kind.is_pax_global_extensions();
        if !is_global && std::mem::replace(&mut self.is_pax, true) {
            return Err("two pax headers for one member".to_owned());
        }
        for (key, value) in records {
            let is_sparse = key.starts_with(b"GNU.sparse.");
            let is_of_one = is_sparse || matches!(key, b"path" | b"size" | b"linkpath");
            if is_global {
                // `git archive` and others write a comment.
                if is_of_one {
                    return Err("a global pax header names one member".to_owned());
                }
                continue;
            }
            match key {
                b"path" if !self.is_sparse => self.name = Some(value.to_vec()),
                b"GNU.sparse.name" => self.name = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    self.size = Some(size.ok_or("a size that is no number")?);
                }
                _ => {}
            }
            self.is_sparse |= is_sparse;
        }
        Ok(())
    }
}

/// The records of a pax header: `LENGTH KEY=VALUE` and a line feed, which is no end where it stands within a value.
fn records(bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while rest.first().is_some_and(|byte| *byte != 0) {
        let space = rest.iter().take(20).position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        let record = rest.get(space + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        records.push((&record[..equals], &record[equals + 1..]));
        rest = &rest[length..];
    }
    Some(records)
}

/// Whether nothing but zeros follows the end: more may be a second archive, or what a damaged header hides.
fn end(region: Region<'_>, at: u64) -> Result<(), Trouble> {
    let is_zero = |bytes: Vec<u8>| bytes.iter().all(|byte| *byte == 0);
    let rest = region.length.saturating_sub(at);
    if rest <= MAX_END && is_zero(region.bytes(at, rest)?) {
        return Ok(());
    }
    Err(Trouble::Why(
        "something follows its end, as where tar files were joined (`tar --concatenate` joins them)".to_owned(),
    ))
}
