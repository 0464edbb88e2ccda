//! Folders of checkpoints, whole and damaged.

mod manifests;
mod names;

use std::fs;
use std::path::Path;

use super::{Best, Checkpoint, CheckpointError, Folder, Manifest, Spec, find, name, step_of};
use crate::{Tensor, TensorData, Tensors};

fn checkpoint(step: u64) -> Checkpoint {
    let numbers = |numbers: Vec<f32>| {
        let tensor = Tensor::new(vec![numbers.len()], TensorData::F32(numbers));
        tensor.expect("a list is a shape")
    };
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let weights = Tensors::from_iter([("w", numbers(vec![step as f32, f32::MIN_POSITIVE, -0.0]))]);
    let optimizer = Tensors::from_iter([("first.w", numbers(vec![0.1, 0.2, 0.3]))]);
    let spec = Spec { path: "m.zorro".to_owned(), ..Spec::default() };
    let mut manifest = Manifest::new(spec, "loss", "steps: 3\n", 7);
    manifest.step = step;
    Checkpoint { manifest, weights, optimizer }
}

fn same(found: &Checkpoint, expected: &Checkpoint) {
    assert_eq!(found.weights, expected.weights);
    assert_eq!(found.optimizer, expected.optimizer);
    assert_eq!(found.manifest.step, expected.manifest.step);
}

fn write(folder: &mut Folder, steps: impl IntoIterator<Item = u64>) {
    for step in steps {
        folder.keep(&checkpoint(step), 3).expect("there is room");
    }
}

#[test]
fn written_and_read() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut folder = Folder::open(temporary.path()).expect("it opens");
    assert!(folder.newest().expect("nothing is wrong").is_none());
    write(&mut folder, [5]);
    let newest = folder.newest().expect("it is whole").expect("there is one");
    same(&newest.checkpoint, &checkpoint(5));
    // The same step again, over what is there.
    write(&mut folder, [5]);
    for path in
        [temporary.path().to_owned(), newest.path.clone(), temporary.path().join("checkpoints")]
    {
        assert_eq!(find(&path).expect("there is one").checkpoint.manifest.step, 5);
    }
    assert!(matches!(find(Path::new("nowhere")), Err(CheckpointError::None(_))));
}

#[test]
fn the_last_and_the_best_are_kept() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut folder = Folder::open(temporary.path()).expect("it opens");
    for step in 1..=6 {
        let mut new = checkpoint(step);
        new.manifest.best = Some(Best { step: 2, metric: "accuracy".to_owned(), value: 0.5 });
        folder.keep(&new, 2).expect("there is room");
    }
    assert_eq!(folder.steps(), [2, 5, 6]);
    let left = fs::read_dir(temporary.path().join("checkpoints")).expect("it is there").count();
    assert_eq!(left, 3, "nothing half deleted is left");
    // The last one turns out to be the best: the one before is not kept any longer.
    let best = Best { step: 6, metric: "accuracy".to_owned(), value: 0.75 };
    folder.evaluated(6, Some(&best), 1).expect("there is room");
    assert_eq!(folder.steps(), [6]);
    let found = Checkpoint::read(&folder.checkpoint(6)).expect("it is whole");
    same(&found, &checkpoint(6));
    assert_eq!(found.manifest.best, Some(best));
    let left = fs::read_dir(temporary.path().join("checkpoints")).expect("it is there").count();
    assert_eq!(left, 1, "nothing half written is left");
}

#[test]
fn damage_is_seen_and_the_one_before_is_taken() {
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
    let damages: [Damage<'_>; 5] = [
        ("cut", &|path| {
            let file = path.join("weights.safetensors");
            let bytes = fs::read(&file).expect("it is there");
            fs::write(&file, &bytes[..bytes.len() - 3]).expect("it is written");
        }),
        ("a bit", &|path| {
            let file = path.join("optimizer.safetensors");
            let mut bytes = fs::read(&file).expect("it is there");
            *bytes.last_mut().expect("it has bytes") ^= 1;
            fs::write(&file, bytes).expect("it is written");
        }),
        ("gone", &|path| fs::remove_file(path.join("weights.safetensors")).expect("it was there")),
        ("no manifest", &|path| fs::remove_file(path.join("manifest.json")).expect("it was there")),
        ("newer", &|path| {
            fs::write(path.join("manifest.json"), "{\"version\": 99}").expect("it is written");
        }),
    ];
    for (what, damage) in damages {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut folder = Folder::open(temporary.path()).expect("it opens");
        write(&mut folder, [1, 2]);
        damage(&folder.checkpoint(2));
        let newest = folder.newest().expect("one is whole").expect("there is one");
        same(&newest.checkpoint, &checkpoint(1));
        assert_eq!(newest.skipped.len(), 1, "{what}");
        damage(&folder.checkpoint(1));
        assert!(folder.newest().is_err(), "{what}");
        // Written anew over the damage.
        write(&mut folder, [2]);
        same(
            &folder.newest().expect("it is whole").expect("it is there").checkpoint,
            &checkpoint(2),
        );
    }
}

/// A run that goes on before a damaged checkpoint writes earlier steps than it.
#[test]
fn a_damaged_later_one_deletes_no_whole_one() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut folder = Folder::open(temporary.path()).expect("it opens");
    write(&mut folder, [1, 9]);
    fs::write(folder.checkpoint(9).join("manifest.json"), "{").expect("it is written");
    for step in [2, 3] {
        folder.keep(&checkpoint(step), 1).expect("there is room");
        folder.evaluated(step, None, 1).expect("it is there");
        assert_eq!(folder.steps(), [step, 9]);
        let newest = folder.newest().expect("one is whole").expect("there is one");
        same(&newest.checkpoint, &checkpoint(step));
    }
    folder.keep(&checkpoint(9), 1).expect("there is room");
    assert_eq!(folder.steps(), [9]);
}

/// What can be read without an end, or not before somebody writes, stands in no run's way.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_damage() {
    let fifo = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.expect("it is there").success());
    };
    let device =
        |path: &Path| std::os::unix::fs::symlink("/dev/zero", path).expect("a link is made");
    let makers: [&dyn Fn(&Path); 2] = [&fifo, &device];
    for make in makers {
        for name in ["manifest.json", "weights.safetensors", "optimizer.safetensors"] {
            let temporary = tempfile::tempdir().expect("a folder");
            let mut folder = Folder::open(temporary.path()).expect("it opens");
            write(&mut folder, [1, 2]);
            let path = folder.checkpoint(2).join(name);
            fs::remove_file(&path).expect("it was there");
            make(&path);
            let newest = folder.newest().expect("one is whole").expect("there is one");
            same(&newest.checkpoint, &checkpoint(1));
        }
        let temporary = tempfile::tempdir().expect("a folder");
        make(&temporary.path().join(".lock"));
        assert!(matches!(Folder::open(temporary.path()), Err(CheckpointError::Write { .. })));
        make(&temporary.path().join("log.jsonl"));
        assert!(crate::train::read_log(&temporary.path().join("log.jsonl")).is_err());
    }
    // A file that no memory holds.
    let temporary = tempfile::tempdir().expect("a folder");
    let mut folder = Folder::open(temporary.path()).expect("it opens");
    write(&mut folder, [1, 2]);
    let path = folder.checkpoint(2).join("weights.safetensors");
    fs::File::create(path).expect("it is made").set_len(1 << 42).expect("no room is taken");
    let newest = folder.newest().expect("one is whole").expect("there is one");
    same(&newest.checkpoint, &checkpoint(1));
}

#[test]
fn what_was_half_written_is_cleared_away() {
    let temporary = tempfile::tempdir().expect("a folder");
    let checkpoints = temporary.path().join("checkpoints");
    for name in [".writing-abc", ".deleting-def"] {
        fs::create_dir_all(checkpoints.join(name)).expect("it is made");
        fs::write(checkpoints.join(name).join("weights.safetensors"), "half").expect("written");
    }
    let folder = Folder::open(temporary.path()).expect("it opens");
    assert_eq!(fs::read_dir(&checkpoints).expect("it is there").count(), 0);
    assert!(folder.newest().expect("nothing is wrong").is_none());
}

#[test]
fn one_run_at_a_time() {
    let temporary = tempfile::tempdir().expect("a folder");
    let first = Folder::open(temporary.path()).expect("it opens");
    assert!(matches!(Folder::open(temporary.path()), Err(CheckpointError::Locked(_))));
    drop(first);
    Folder::open(temporary.path()).expect("it is free again");
}

/// Whoever deletes `.lock` lets nobody in, where the system locks folders; elsewhere the first run notices.
#[cfg(unix)]
#[test]
fn a_lock_that_is_deleted_holds() {
    let temporary = tempfile::tempdir().expect("a folder");
    let path = temporary.path().join("run");
    let mut first = Folder::open(&path).expect("it opens");
    write(&mut first, [1]);
    let lock = path.join(".lock");
    fs::remove_file(&lock).expect("it is there");
    assert!(matches!(Folder::open(&path), Err(CheckpointError::Locked(_))));
    // As on a drive that locks files alone: somebody else holds a new one.
    let other = fs::File::create(&lock).expect("it is made");
    other.try_lock().expect("it is free");
    let kept = first.keep(&checkpoint(2), 3);
    assert!(matches!(kept, Err(CheckpointError::Locked(_))), "{kept:?}");
    drop(other);
    write(&mut first, [2]);
    // A folder that took the place of the first one is not written to.
    let renamed = temporary.path().join("renamed");
    fs::rename(&path, &renamed).expect("it is there");
    assert!(first.keep(&checkpoint(3), 3).is_err());
    let second = Folder::open(&path).expect("it is a new one");
    let kept = first.keep(&checkpoint(3), 3);
    assert!(matches!(kept, Err(CheckpointError::Moved(_))), "{kept:?}");
    drop((first, second));
    assert_eq!(Folder::open(&renamed).expect("it is free").steps(), [1, 2]);
}

#[test]
fn names_sort_as_numbers() {
    assert_eq!(name(7).display().to_string(), "step-000000007");
    for (called, step) in [
        ("step-000000007", Some(7)),
        ("step-12345678901", Some(12_345_678_901)),
        ("step-7", None),
        ("step-+00000007", None),
        ("step-000000007.old", None),
    ] {
        assert_eq!(step_of(called), step, "{called}");
    }
}
