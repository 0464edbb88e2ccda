//! `zorro snap`: snapshot tests of masks, flows, models and shaders, for users who write no Rust.
//!
//! In: specs, and the `.snap` files that stand in their `snapshots` folder. Out: what differs, as `.snap.new`
//! files that cargo-insta can review too. Deliberately not here: what a snapshot's text is, and its form.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use similar::TextDiff;
use zorro::Detail;
use zorro::files::reason;
use zorro::snapshot::{STAGES, Snapshot, normal};

use super::options::Settings;
use super::{Failure, print, print_quoting, spec};

/// Compare masks, flows, models and shaders with stored snapshots
///
/// What differs is written beside the snapshot as .snap.new, and the exit code is 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    zorro snap models/*.zorro\n  \
    zorro snap models/*.zorro --accept\n  \
    zorro snap small.zorro --shaders full --update")]
pub(super) struct Args {
    /// The .zorro files
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,

    /// Make the .snap.new files of an earlier run the snapshots
    #[arg(long, conflicts_with = "update")]
    accept: bool,

    /// Make what comes out now the snapshots, without a review
    #[arg(long)]
    update: bool,

    /// How much of shaders a snapshot holds: their texts where these are short, a line for each, or always their texts
    #[arg(long, value_name = "DETAIL", value_enum, default_value_t = Shown::Auto)]
    shaders: Shown,

    #[command(flatten)]
    settings: Settings,

    /// Where the snapshots are [default: `snapshots` beside each spec]
    #[arg(short = 'o', long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    Auto,
    Summary,
    Full,
}

impl Shown {
    fn detail(self) -> Detail {
        match self {
            Self::Auto => Detail::Auto,
            Self::Summary => Detail::Summary,
            Self::Full => Detail::Full,
        }
    }
}

/// How many snapshots are the same, are not, or have been written.
#[derive(Default)]
struct Counts {
    n_same: usize,
    n_other: usize,
    /// Of these, those of which nothing is stored.
    n_new: usize,
    n_written: usize,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let specs: Vec<(&Path, Vec<Snapshot>)> = args
        .specs
        .iter()
        .map(|path| Ok((path.as_path(), snapshots(path, args)?)))
        .collect::<Result<_, Failure>>()?;
    distinct(&specs)?;
    let (mut counts, mut failed) = (Counts::default(), None);
    for (path, snapshots) in &specs {
        let done = if args.accept {
            snapshots.iter().try_for_each(|snapshot| accept(snapshot, &mut counts))
        } else {
            compare_all(path, snapshots, args, &mut counts)
        };
        // The other specs are compared all the same.
        if let Err(failure) = done {
            failure.show();
            failed = Some(Failure::Diagnosed);
        }
    }
    report(args, &counts)?;
    failed.map_or(Ok(()), Err)
}

/// The snapshots of a spec.
fn snapshots(spec: &Path, args: &Args) -> Result<Vec<Snapshot>, Failure> {
    let name = spec.file_stem().filter(|_| spec != Path::new("-")).and_then(|name| name.to_str());
    let Some(name) = name else {
        let spec = spec.display();
        return Err(Failure::Usage(format!("`{spec}` has no name that snapshots could have")));
    };
    let beside = || spec.parent().unwrap_or(Path::new("")).join("snapshots");
    let folder = args.dir.clone().unwrap_or_else(beside);
    let source = spec.display().to_string().replace('\\', "/");
    let snapshot = |stage| Snapshot {
        path: folder.join(format!("{name}@{stage}.snap")),
        source: source.clone(),
        stage,
    };
    Ok(STAGES.iter().map(|(stage, _)| snapshot(*stage)).collect())
}

/// Refuses two specs that would share their snapshots.
fn distinct(specs: &[(&Path, Vec<Snapshot>)]) -> Result<(), Failure> {
    let mut owners: BTreeMap<&Path, &Path> = BTreeMap::new();
    for (spec, snapshots) in specs {
        for snapshot in snapshots {
            if let Some(other) = owners.insert(&snapshot.path, spec) {
                let (spec, other) = (spec.display(), other.display());
                let message = format!("`{other}` and `{spec}` would have the same snapshots");
                return Err(Failure::Usage(message));
            }
        }
    }
    Ok(())
}

fn accept(snapshot: &Snapshot, counts: &mut Counts) -> Result<(), Failure> {
    let pending = snapshot.pending();
    if pending.exists() {
        let renamed = fs::rename(&pending, &snapshot.path);
        renamed.map_err(|error| failure("accept", &pending, &reason(&error)))?;
        counts.n_written += 1;
    }
    Ok(())
}

fn compare_all(
    spec: &Path,
    snapshots: &[Snapshot],
    args: &Args,
    counts: &mut Counts,
) -> Result<(), Failure> {
    let (_, checked) = spec::checked(spec, &args.settings)?;
    for (snapshot, (_, text)) in snapshots.iter().zip(STAGES) {
        compare(snapshot, &text(&checked, args.shaders.detail()), args.update, counts)?;
    }
    Ok(())
}

fn compare(
    snapshot: &Snapshot,
    now: &str,
    update: bool,
    counts: &mut Counts,
) -> Result<(), Failure> {
    let (path, pending) = (&snapshot.path, snapshot.pending());
    let now = normal(now);
    let before = snapshot.accepted().map_err(|reason| failure("read", path, &reason))?;
    if before.as_ref() == Some(&now) {
        counts.n_same += 1;
        return remove(&pending);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failure("create", folder, &reason(&error)))?;
    }
    if update {
        snapshot.write(path, &now).map_err(|reason| failure("write", path, &reason))?;
        counts.n_written += 1;
        return remove(&pending);
    }
    snapshot.write(&pending, &now).map_err(|reason| failure("write", &pending, &reason))?;
    counts.n_other += 1;
    counts.n_new += usize::from(before.is_none());
    let before = before.map_or(String::new(), |before| before + "\n");
    let (old, new) = (path.display().to_string(), pending.display().to_string());
    let now = now + "\n";
    print_quoting(
        &TextDiff::from_lines(&before, &now).unified_diff().header(&old, &new).to_string(),
    )
}

/// Removes what an earlier run has left.
fn remove(pending: &Path) -> Result<(), Failure> {
    if !pending.exists() {
        return Ok(());
    }
    fs::remove_file(pending).map_err(|error| failure("remove", pending, &reason(&error)))
}

fn failure(verb: &str, path: &Path, reason: &str) -> Failure {
    Failure::Work(format!("cannot {verb} `{}`: {reason}", path.display()))
}

fn report(args: &Args, counts: &Counts) -> Result<(), Failure> {
    let Counts { n_same, n_other, n_new, n_written } = *counts;
    if args.accept {
        return print(&format!("{} accepted\n", plural(n_written)));
    }
    if n_written > 0 {
        print(&format!("{} written\n", plural(n_written)))?;
    }
    if n_same > 0 {
        let verb = if n_same == 1 { "matches" } else { "match" };
        print(&format!("{} {verb}\n", plural(n_same)))?;
    }
    match n_other {
        0 => Ok(()),
        n if n == n_new => Err(Failure::Work(format!(
            "{} stored yet; store them with `--update`, or `--accept` what was written beside",
            if n == 1 { "1 snapshot is not".to_owned() } else { format!("{n} snapshots are not") }
        ))),
        n => Err(Failure::Work(format!(
            "{} not what was accepted; accept with `--accept` or `cargo insta review`",
            if n == 1 { "1 snapshot is".to_owned() } else { format!("{n} snapshots are") }
        ))),
    }
}

/// `1 snapshot`, `3 snapshots`
fn plural(n: usize) -> String {
    if n == 1 { "1 snapshot".to_owned() } else { format!("{n} snapshots") }
}
