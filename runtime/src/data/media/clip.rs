//! Clips of videos: frames and sound of one time.
//!
//! In: a file that `ffmpeg` decodes, and a moment. Out: what modalities are fed of it. All of it is measured on one clock,
//! that of the file:
//!
//! - Its zero is the zero of the file's timestamps, or the first frame where that comes just after it, as the delays of codecs
//!   will have it. Some formats begin to count anywhere, and so do files that were cut out of longer ones: there zero is where
//!   the leading stream begins.
//! - The leading stream is that of the frames; the sound where no frames are fed. It alone says how long the file is, so
//!   that no sound can move what the frames show.
//! - A frame is the one that is shown at its time: the last that is not later. The first is held before it comes, and the
//!   last after it went.
//! - Samples lie where their timestamps put them, with silence where the stream has none.
//!
//! Deliberately not here: the programs that decode.

use std::io::Write;

use super::video::{Programs, Sounding, Track, Video};
use super::{Content, Trouble, length, open};
use crate::data::host::{Feed, Host, Moment};
use crate::data::media::picture::Picture;
use crate::data::media::sound::Sound;
use crate::data::recipe::{Fed, Recipe};

/// No two frames are closer, seconds.
const SHORTEST: f64 = 0.0005;

/// A path to what lies in a file or in memory.
enum Laid<'a> {
    There(&'a std::path::Path),
    Aside(tempfile::TempPath),
}

impl Laid<'_> {
    fn path(&self) -> &std::path::Path {
        match self {
            Self::There(path) => path,
            Self::Aside(path) => path,
        }
    }
}

/// Containers have to be read back and forth, so what is in memory is laid aside. What is cut short is refused.
fn laid<'a>(extension: &str, content: &Content<'a>) -> Result<Laid<'a>, Trouble> {
    match content {
        Content::Path(path) => {
            length::check(&open(path)?)?;
            Ok(Laid::There(path))
        }
        Content::Bytes(bytes) => {
            let write = || {
                let mut file =
                    tempfile::Builder::new().suffix(&format!(".{extension}")).tempfile()?;
                file.write_all(bytes)?;
                file.flush()?;
                Ok(file)
            };
            let written: std::io::Result<_> = write();
            let failed = |error| Trouble::Machine(format!("cannot be laid aside: {error}"));
            let file = written.map_err(failed)?;
            length::check(file.as_file())?;
            Ok(Laid::Aside(file.into_temp_path()))
        }
    }
}

/// What modalities are fed of a video. Those that the file has no stream for are left out.
pub(super) fn videos(
    extension: &str,
    content: &Content<'_>,
    hosts: &[(usize, &Host)],
    recipe: &Recipe,
    moment: &Moment,
) -> Result<Vec<(usize, Fed)>, Trouble> {
    let laid = laid(extension, content)?;
    let path = laid.path();
    let programs = &recipe.programs;
    let video = programs.probe(path)?;
    let (zero, begin) = begin(programs, path, &video, hosts, recipe, moment)?;
    let mut all = Vec::new();
    for (at, host) in hosts {
        let values = match (host.feed, &video.pictures, &video.sound) {
            (Feed::Pictures { count, fps, size, channels }, Some(given), _) => {
                let wanted = (count, fps.unwrap_or(1.0));
                let given = given.size().map_err(Trouble::Why)?;
                let taken = if host.is_exact() { given } else { enough(given, size) };
                let Some(frames) = frames(programs, path, &video, begin, wanted, taken)? else {
                    continue;
                };
                let frames: Vec<Picture> =
                    frames.into_iter().map(|frame| frame.with_channels(channels)).collect();
                host.of_pictures(&frames, moment)
            }
            (Feed::Wave { rate, length, channels, .. }, _, Some(given)) => {
                let span = (zero, begin, host.span());
                let Some((sound, start)) = sound(programs, path, &video, given, span, channels)?
                else {
                    continue;
                };
                sound.part(start, rate, length).and_then(|parts| host.of_sound(parts, moment))
            }
            (Feed::Pictures { .. } | Feed::Wave { .. }, ..) => match video.doubt(extension) {
                Some(why) => return Err(Trouble::Why(why)),
                None => continue,
            },
            (Feed::Text { .. } | Feed::Tensor, ..) => continue,
        };
        all.push((*at, Fed::Numbers(values.map_err(Trouble::Why)?)));
    }
    Ok(all)
}

/// When the clip of a file begins, seconds on its clock; `None` where it has no stream for what is fed.
pub(super) fn begins(
    path: &std::path::Path,
    hosts: &[(usize, &Host)],
    recipe: &Recipe,
    moment: &Moment,
) -> Result<Option<f64>, Trouble> {
    let video = recipe.programs.probe(path)?;
    let (_, begin) = begin(&recipe.programs, path, &video, hosts, recipe, moment)?;
    Ok(leading(&video, hosts).is_some().then_some(begin))
}

/// The stream that says how long a file is.
fn leading<'a>(video: &'a Video, hosts: &[(usize, &Host)]) -> Option<&'a Track> {
    let has = |fed: fn(&Feed) -> bool| hosts.iter().any(|(_, host)| fed(&host.feed));
    let pictures = video.pictures.as_ref().map(|pictures| &pictures.track);
    let sound = video.sound.as_ref().map(|sound| &sound.track);
    pictures
        .filter(|_| has(|feed| matches!(feed, Feed::Pictures { .. })))
        .or(sound.filter(|_| has(|feed| matches!(feed, Feed::Wave { .. }))))
}

/// Zero, and when the clip begins.
fn begin(
    programs: &Programs,
    path: &std::path::Path,
    video: &Video,
    hosts: &[(usize, &Host)],
    recipe: &Recipe,
    moment: &Moment,
) -> Result<(f64, f64), Trouble> {
    let Some(track) = leading(video, hosts) else { return Ok((0.0, 0.0)) };
    let is_frames = video.pictures.as_ref().is_some_and(|pictures| pictures.track == *track);
    let zero = if is_frames { video.zero_of_frames(track) } else { video.zero(track) };
    if let Some(begin) = recipe.begin {
        return Ok((zero.min(begin), begin));
    }
    let place = moment.place();
    if place <= 0.0 {
        return Ok((zero, zero));
    }
    let end = match track.end {
        Some(end) => Some(end),
        None => programs.last(path, track, video)?.map(|last| last.end),
    };
    let room = end.map_or(0.0, |end| (end - zero - recipe.span).max(0.0));
    // `ffmpeg` counts in millionths.
    Ok((zero, ((zero + place * room) * 1e6).round() / 1e6))
}

/// So many frames so far apart, from a time on; `None` where the stream is empty.
fn frames(
    programs: &Programs,
    path: &std::path::Path,
    video: &Video,
    begin: f64,
    (count, fps): (usize, f64),
    size: [usize; 2],
) -> Result<Option<Vec<Picture>>, Trouble> {
    let Some(pictures) = &video.pictures else { return Ok(None) };
    let mut found = programs.frames(path, video, begin, (count, fps), size)?;
    if found.len() == count {
        return Ok(Some(found));
    }
    // What is missing is after the end, where the last frame is held. `ffmpeg` leaves that out where it comes late.
    let after = if found.is_empty() {
        let Some(last) = programs.last(path, &pictures.track, video)? else { return Ok(None) };
        last.shown - SHORTEST
    } else {
        begin + (found.len() - 1) as f64 / fps
    };
    let last = programs.last_frame(path, video, after, size)?.or_else(|| found.last().cloned());
    let last = last.ok_or_else(|| Trouble::Why("none of its frames can be decoded".to_owned()))?;
    found.resize(count, last);
    Ok(Some(found))
}

/// The sound around a clip, and where the clip begins in it, seconds; `None` where the stream is empty. It may end early
/// where the clip begins at zero: such a sound is short, and the model says what becomes of it.
fn sound(
    programs: &Programs,
    path: &std::path::Path,
    video: &Video,
    given: &Sounding,
    (zero, begin, seconds): (f64, f64, f64),
    channels: usize,
) -> Result<Option<(Sound, f64)>, Trouble> {
    let Some((rate, of)) = given.format else {
        // Nothing says what it is: there may be nothing of it.
        return match programs.last(path, &given.track, video)? {
            None => Ok(None),
            Some(_) => Err(Trouble::Why("its sound cannot be decoded".to_owned())),
        };
    };
    let part = programs.sound(path, video, &given.track, (rate, of), (zero, begin), seconds)?;
    let mut sound = if part.samples.is_empty() {
        if programs.last(path, &given.track, video)?.is_none() {
            return Ok(None);
        }
        Sound { rate, channels: vec![Vec::new(); channels] }
    } else {
        Sound::of(rate, &part.samples, of, channels).map_err(Trouble::Why)?
    };
    let is_short = begin <= zero && !sound.channels[0].is_empty();
    if !is_short && sound.channels[0].len() < part.lead + part.length {
        sound.channels.iter_mut().for_each(|channel| channel.resize(part.lead + part.length, 0.0));
    }
    Ok(Some((sound, part.lead as f64 / f64::from(rate))))
}

/// The size at which frames are taken: their own, or what leaves twice the pixels that are needed along each side.
fn enough([height, width]: [usize; 2], wanted: [usize; 2]) -> [usize; 2] {
    let shorter = 2 * wanted[0].max(wanted[1]);
    if height.min(width) <= shorter {
        return [height, width];
    }
    let scaled = |side: usize| (side * shorter).div_ceil(height.min(width));
    [scaled(height), scaled(width)]
}

#[cfg(test)]
mod tests;
