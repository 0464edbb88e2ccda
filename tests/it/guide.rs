//! `docs/from-files-to-a-run.md` does what it says: its files are written to a folder, and its commands run there.

use std::f32::consts::TAU;
use std::fs;
use std::path::Path;
use std::process::Command;

use resvg::tiny_skia::{Color, Pixmap};

/// A sound of 16-bit samples, as long and as high as its number says.
pub(super) fn wav(number: usize) -> Vec<u8> {
    let n = 2000 + 300 * number;
    let samples = (0..n).map(|at| {
        let time = at as f32 / 8000.0;
        (8000.0 * (TAU * (300.0 + 60.0 * number as f32) * time).sin()) as i16
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let size = u32::try_from(data.len()).expect("small");
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + size).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1, 0, 1, 0]);
    bytes.extend(8000_u32.to_le_bytes());
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend([2, 0, 16, 0]);
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    bytes.extend(data);
    bytes
}

/// A picture of one color.
pub(super) fn png(number: usize) -> Vec<u8> {
    let mut picture = Pixmap::new(24, 18).expect("it has pixels");
    picture.fill(Color::from_rgba8(u8::try_from(15 * number).expect("few"), 90, 160, 255));
    picture.encode_png().expect("it is written")
}

/// Clips of three classes, notes about them, and what stands for a package that is no part of Python.
fn files(folder: &Path) {
    let mut notes = String::new();
    for (class, name) in ["dog", "rain", "rooster"].iter().enumerate() {
        let clips = folder.join("clips").join(name);
        fs::create_dir_all(&clips).expect("a folder");
        for at in 0..6 {
            let number = 4 * class + at;
            fs::write(clips.join(format!("{at}.wav")), wav(number)).expect("it is written");
            if at != 3 {
                fs::write(clips.join(format!("{at}.png")), png(number)).expect("it is written");
            }
            notes.push_str(&format!(
                "{{\"id\": \"{name}-{at}\", \"audio\": \"clips/{name}/{at}.wav\", \"category\": \"{name}\"}}\n"
            ));
        }
    }
    fs::write(folder.join("notes.jsonl"), notes).expect("it is written");
    fs::create_dir(folder.join("pyarrow")).expect("a folder");
    fs::write(folder.join("pyarrow/__init__.py"), "").expect("it is written");
    fs::write(folder.join("pyarrow/parquet.py"), PARQUET).expect("it is written");
}

/// Rows as the package gives them.
const PARQUET: &str = "
import pathlib
class Batch(list):
    def to_pylist(self):
        return list(self)
class ParquetFile:
    def __init__(self, path):
        pass
    def iter_batches(self, batch_size):
        read = lambda path: {'bytes': pathlib.Path(path).read_bytes(), 'path': None}
        for at in range(3):
            yield Batch([
                {'image': read(f'clips/dog/{at}.png'), 'audio': read(f'clips/dog/{at}.wav'), 'label': at},
                {'image': None, 'audio': read(f'clips/rain/{at}.wav'), 'label': None},
            ])
";

#[test]
fn the_page_from_files_to_a_run_works() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: no python3");
        return;
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/from-files-to-a-run.md");
    let page = fs::read_to_string(page).expect("it is there");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    files(folder);
    let program = Path::new(env!("CARGO_BIN_EXE_zorro")).parent().expect("a folder");
    let search = std::env::var("PATH").unwrap_or_default();
    let search = format!("{}:{search}", program.display());
    let mut n_commands = 0;
    for block in page.split("\n```").skip(1).step_by(2) {
        let (head, body) = block.split_once('\n').expect("a block has lines");
        match head.split_once(' ') {
            Some((_, name)) => {
                fs::write(folder.join(name), format!("{body}\n")).expect("it is written");
            }
            None if head == "sh" => {
                let mut command = Command::new("sh");
                command.args(["-e", "-c", body]).current_dir(folder).env("PATH", &search);
                let run = command.output().expect("it runs");
                let said = String::from_utf8_lossy(&run.stderr);
                assert!(run.status.success(), "{body}: {said}");
                n_commands += body.lines().count();
            }
            None => {}
        }
    }
    assert!(n_commands > 10, "{n_commands}");
    for made in ["look/data.html", "look/train.png", "folders/checkpoints", "export.tar"] {
        assert!(folder.join(made).exists(), "{made}");
    }
}

#[test]
fn the_page_is_linked() {
    for page in ["README.md", "docs/data.md"] {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = fs::read_to_string(&page).expect("it is there");
        for linked in ["from-files-to-a-run.md", "limits.md"] {
            assert!(text.contains(linked), "{linked} in {}", page.display());
        }
    }
}
