//! `zorro mask`: the picture of who reads whom.
//!
//! In: a spec, and which of its layers. Out: the mask as text, SVG, PNG or JSON, on standard output or in a
//! file. Deliberately not here: drawing.

mod select;

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};
use zorro::Use;
use zorro::files;
use zorro::picture::{self, Panel};
use zorro_compiler::{Model, routing};

use super::options::Settings;
use super::spec::checked;
use super::{Failure, print, spares};

/// More masks would be too many for one picture.
const MAX_PANELS: usize = 8;

/// Show the attention masks of a spec
///
/// Without --route and --layer, every distinct mask is shown once. A row is a receiver, a column what it reads.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro mask models/zorro_vit.zorro\n  \
    zorro mask models/zorro_swin.zorro --layer layers.3 --tile 128x64\n  \
    zorro mask models/zorro_vit.zorro --route zorro --format svg -o zorro.svg")]
pub(super) struct Args {
    /// The .zorro file
    spec: PathBuf,

    /// Only the masks of this route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,

    /// Only the masks of the layers at this path and below, such as `layers.3` or `decoder`
    #[arg(long, value_name = "PATH")]
    layer: Option<String>,

    /// Tokens in a block, for queries and keys, that a kernel visits or skips as a whole
    #[arg(long, value_name = "N|QxK", default_value = "64", value_parser = tile)]
    tile: Tile,

    /// How to show it [default: as the file's name ends, else text]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Svg,
    Png,
    Json,
}

/// The sides of a block in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tile {
    queries: NonZeroU32,
    keys: NonZeroU32,
}

fn tile(text: &str) -> Result<Tile, String> {
    let (queries, keys) = text.split_once('x').unwrap_or((text, text));
    let side = |side: &str| side.parse().map_err(|_| "expected a size such as 64 or 128x64");
    Ok(Tile { queries: side(queries)?, keys: side(keys)? })
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let format = format(args)?;
    spares(args.output.as_deref(), [Some(args.spec.as_path())])?;
    if format == Format::Png && args.output.is_none() && io::stdout().is_terminal() {
        let message = "a PNG is not for a terminal; write it to a file with -o";
        return Err(Failure::Usage(message.to_owned()));
    }
    let (_, checked) = checked(&args.spec, &args.settings)?;
    let model = &checked.model;
    let uses = select::select(model, args.route.as_deref(), args.layer.as_deref())?;
    let tile = routing::Tile {
        queries: u64::from(args.tile.queries.get()),
        keys: u64::from(args.tile.keys.get()),
    };
    let bytes = match format {
        Format::Text => text(&uses, tile).into_bytes(),
        Format::Json => format!("{:#}\n", document(model, &uses, tile)).into_bytes(),
        Format::Svg => picture::svg(&model.name, &panels(&uses)?).into_bytes(),
        Format::Png => picture::png(&model.name, &panels(&uses)?)
            .map_err(|reason| Failure::Work(format!("cannot draw the masks: {reason}")))?,
    };
    match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        Some(path) => files::write(path, &bytes).map_err(|reason| {
            Failure::Work(format!("cannot write `{}`: {reason}", path.display()))
        }),
        None if format == Format::Png => stream(&bytes),
        None => print(&String::from_utf8_lossy(&bytes)),
    }
}

/// The format asked for, or the one that the file's name asks for.
fn format(args: &Args) -> Result<Format, Failure> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    let Some(extension) = args.output.as_deref().and_then(Path::extension) else {
        return Ok(Format::Text);
    };
    match extension.to_ascii_lowercase().to_str() {
        Some("txt" | "text") => Ok(Format::Text),
        Some("svg") => Ok(Format::Svg),
        Some("png") => Ok(Format::Png),
        Some("json") => Ok(Format::Json),
        Some(_) | None => {
            let extension = extension.display();
            let message = format!("no format is called `{extension}`; say which with --format");
            Err(Failure::Usage(message))
        }
    }
}

fn text(uses: &[Use], tile: routing::Tile) -> String {
    let texts: Vec<String> = uses
        .iter()
        .map(|used| {
            let (mask, places) = (&used.mask, used.places());
            let (blocks, picture) = (mask.count_blocks(tile), picture::text(mask));
            format!("# {places}\n\n{mask}\n{blocks}\n\n{picture}")
        })
        .collect();
    texts.join("\n")
}

fn document(model: &Model, uses: &[Use], tile: routing::Tile) -> Value {
    let masks: Vec<Value> = uses
        .iter()
        .map(|used| {
            let mut entry = json!({ "steps": used.paths, "routes": used.routes });
            if let (Value::Object(entry), Value::Object(mask)) =
                (&mut entry, picture::json(&used.mask, tile))
            {
                entry.extend(mask);
            }
            entry
        })
        .collect();
    json!({ "version": 1, "model": model.name, "masks": masks })
}

fn panels(uses: &[Use]) -> Result<Vec<Panel<'_>>, Failure> {
    if uses.len() > MAX_PANELS {
        let places: Vec<String> = uses.iter().map(Use::places).collect();
        return Err(Failure::Work(format!(
            "{} masks are too many for one picture, which holds {MAX_PANELS}; choose some with --layer or --route; \
             there are\n  {}",
            uses.len(),
            places.join("\n  ")
        )));
    }
    Ok(uses.iter().map(|used| Panel { title: used.places(), mask: &used.mask }).collect())
}

/// Puts bytes on standard output, as `print` does with text.
fn stream(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Work(format!("cannot write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::tile;

    #[test]
    fn tiles() {
        let sides = |text| tile(text).map(|tile| (tile.queries.get(), tile.keys.get()));
        assert_eq!(sides("64"), Ok((64, 64)));
        assert_eq!(sides("128x32"), Ok((128, 32)));
        for wrong in ["", "0", "x", "64x", "-1", "1x2x3", "64x0"] {
            assert!(sides(wrong).is_err(), "{wrong}");
        }
    }
}
