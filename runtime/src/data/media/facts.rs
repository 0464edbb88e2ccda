//! What a media file says of itself: sizes, lengths, rates.
//!
//! In: a file or its bytes. Out: what its header says, as far as it does. Deliberately not here: decoding it; a file whose
//! header is good may still be broken.

use std::io::{Cursor, Write};

use image::{ImageDecoder, ImageReader};

use super::{Content, Kind, sound, video};
use crate::data::recipe::Recipe;

/// What a file says of itself; what it does not say is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::data) struct Facts {
    /// Height and width of its pictures.
    pub(in crate::data) size: Option<[u64; 2]>,
    /// Numbers of a pixel.
    pub(in crate::data) colors: Option<u64>,
    /// How long it lasts.
    pub(in crate::data) seconds: Option<f64>,
    /// Pictures a second.
    pub(in crate::data) fps: Option<f64>,
    /// Samples of sound a second.
    pub(in crate::data) rate: Option<u64>,
    /// Channels of sound.
    pub(in crate::data) channels: Option<u64>,
}

/// What a file says of itself; `None` where it says nothing, or cannot be opened.
pub(in crate::data) fn of(
    kind: Kind,
    extension: &str,
    content: &Content<'_>,
    recipe: &Recipe,
) -> Option<Facts> {
    match kind {
        Kind::Picture => of_picture(&content.bytes(kind.limit()).ok()?),
        Kind::Sound => sound::facts::of(&content.bytes(kind.limit()).ok()?, extension)
            .or_else(|| of_video(extension, content, recipe)),
        Kind::Video => of_video(extension, content, recipe),
        Kind::Json | Kind::Text => Some(Facts::default()),
    }
}

fn of_picture(bytes: &[u8]) -> Option<Facts> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let colors = decoder.color_type().channel_count();
    Some(Facts {
        size: Some([height.into(), width.into()]),
        colors: Some(colors.into()),
        ..Facts::default()
    })
}

fn of_video(extension: &str, content: &Content<'_>, recipe: &Recipe) -> Option<Facts> {
    let aside;
    let path = match content {
        Content::Path(path) => *path,
        // Containers have to be read back and forth.
        Content::Bytes(bytes) => {
            let mut file =
                tempfile::Builder::new().suffix(&format!(".{extension}")).tempfile().ok()?;
            file.write_all(bytes).and_then(|()| file.flush()).ok()?;
            aside = file.into_temp_path();
            &*aside
        }
    };
    video::facts::of(&recipe.programs, path)
}
