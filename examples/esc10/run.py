#!/usr/bin/env python3
"""Five folds of ESC-10, from scratch and from a checkpoint whose sound stream has learned elsewhere.

    run.py FOLDS [--from CHECKPOINT] [--zorro PATH] [--work DIR]

FOLDS has `esc10-fold1.tar` to `esc10-fold5.tar`: per clip `KEY.wav` and `KEY.cls`. CHECKPOINT is a run of `../table3`, such as
`table3-runs/zorro-contrastive`; without one only the runs from scratch are made. What is done is not done again.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def configuration(folds, fold, start):
    others = ", ".join(f"'{folds}/esc10-fold{other}.tar'" for other in range(1, 6) if other != fold)
    init = f"init: {{ from: '{start}' }}\n" if start else ""
    return (
        f"spec: {HERE}/esc10.zorro\n{init}"
        f"data:\n  train:\n    sources: [ {{ shards: [{others}] }} ]\n"
        "    augment: { sound: { shift: 1.0, gain: 6, masks: { bins: 8, frames: 40, times: 2 } } }\n"
        f"  eval: {{ sources: [ {{ shards: '{folds}/esc10-fold{fold}.tar' }} ] }}\n"
        "batch: 32\nepochs: 120\n"
        "optimizer: { kind: adamw, weight_decay: 0.05, clip: 1 }\n"
        "rate: { peak: 2e-3, warmup: 5% }\n"
        "eval: { every: 100%, batch: 40 }\ncheckpoints: { every: 100%, keep: 1 }\n"
    )


def call(command):
    done = subprocess.run(command, text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(command)}\n{done.stderr}")
    return done.stdout


def accuracy(args, fold, name, start):
    """Of one fold in percent, trained if it is not yet."""
    stem = os.path.join(args.work, f"{name}-fold{fold}")
    with open(stem + ".yaml", "w") as file:
        file.write(configuration(args.folds, fold, start))
    begun = os.path.isdir(os.path.join(stem, "checkpoints")) and os.listdir(os.path.join(stem, "checkpoints"))
    call([args.zorro, "train", stem + ".yaml", "--device", "cpu", "--quiet"] + (["--resume"] if begun else []))
    found = json.loads(call([args.zorro, "eval", stem + ".yaml", "--device", "cpu", "--format", "json"]))
    return 100 * found["evaluation"]["targets"][0]["scores"][0]["score"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folds", help="the folder of the shards")
    parser.add_argument("--from", dest="start", help="a run whose weights are taken")
    parser.add_argument("--zorro", default="zorro", help="the program")
    parser.add_argument("--work", default=os.path.join(HERE, "esc10-runs"), help="where runs are left")
    args = parser.parse_args()
    args.folds, args.work = os.path.abspath(args.folds), os.path.abspath(args.work)
    os.makedirs(args.work, exist_ok=True)
    starts = {"scratch": None}
    if args.start:
        starts["finetuned"] = os.path.abspath(args.start)
    for name, start in starts.items():
        found = [accuracy(args, fold, name, start) for fold in range(1, 6)]
        print(f"{name:10} mean {statistics.mean(found):.2f}   folds " + " ".join(f"{one:.2f}" for one in found), flush=True)


if __name__ == "__main__":
    main()
