//! `zorro mask`: the picture of who reads whom.
//!
//! In: a spec, and which of its layers. Out: the mask as text, SVG, PNG or JSON, on standard output or in a
//! file. Deliberately not here: drawing.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::ValueEnum;

use super::Failure;
use super::options::Settings;
use super::spec::checked;

/// Show the attention masks of a spec
///
/// Without --route and --layer, every distinct mask is shown once.
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

    /// Only the masks of the layer at this path, such as `layers.3`
    #[arg(long, value_name = "PATH")]
    layer: Option<String>,

    /// Tokens in a block, for queries and keys, that a kernel visits or skips as a whole
    #[arg(long, value_name = "N|QxK", default_value = "64", value_parser = tile)]
    tile: Tile,

    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

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
    let Args { spec, route: _, layer: _, tile: _, format: _, output: _, settings } = args;
    let (_sources, _checked) = checked(spec, settings)?;
    Err(Failure::Work("internal error: `zorro mask` has no body".to_owned()))
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
