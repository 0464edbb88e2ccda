#!/usr/bin/env python3
"""Table 3, appendix C and the contrastive collapse of the paper in small, on handwritten and spoken digits.

    run.py DIGITS [--zorro PATH] [--work DIR] [--short]

DIGITS is the folder that `examples/av_digits/make_shards.py` makes. Each run is a configuration in the work folder, trained and
evaluated by `zorro`; what is done is not done again, and what was interrupted goes on, so the command can be stopped at any time
and given again. In the end the results go to `docs/table3.md` and `docs/table3.svg`. `--short` makes a tenth of the steps, and
shows its tables without writing them.
"""
import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time

from report import report

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = ["two_streams", "input_level", "bottleneck", "zorro"]
# Name: noise, key files of training and test (none: as the shards are split).
PROTOCOLS = {
    "noisy official": (True, None),
    "noisy held-out": (True, "yweweler"),
    "clean official": (False, None),
    "clean held-out": (False, "yweweler"),
}
SEEDS = {"noisy official": [0, 1, 2], "noisy held-out": [0], "clean official": [0], "clean held-out": [0]}
NOISE = "    noise: { image: { sigma: 0.6 }, sound: { snr: 0 } }\n"


class Run:
    """One training and what is measured of it."""

    def __init__(self, name, model, protocol, objective, seed=0, settings="", forced=False):
        self.name, self.model, self.protocol, self.objective = name, model, protocol, objective
        self.seed, self.settings, self.forced = seed, settings, forced

    def configuration(self, digits, work, short):
        noisy, speaker = PROTOCOLS[self.protocol]
        train = f"{{ shards: '{digits}/av-digits-train-{{000000..000007}}.tar'%s }}"
        test = f"{{ shards: '{digits}/av-digits-test-000000.tar'%s }}"
        if speaker:
            keys = f", include: '{os.path.join(work, speaker)}-%s.txt'"
            train_sources = [train % (keys % "train")]
            test_sources = [train % (keys % "test"), test % (keys % "test")]
        else:
            train_sources, test_sources = [train % ""], [test % ""]
        # Higher rates leave the contrastive loss at log(batch): all embeddings become the same.
        batch, peak = (32, "2e-3") if self.objective == "supervised" else (128, "5e-4" if self.forced else "3e-4")
        length = f"steps: {30 if short else 300}" if self.forced else f"epochs: {2 if short else 20}"
        noise = NOISE if noisy else ""
        return (
            f"spec: {os.path.join(HERE, self.model)}.zorro\n{self.settings}objective: {self.objective}\n"
            f"data:\n  train:\n    sources: [ {', '.join(train_sources)} ]\n{noise}"
            "    augment:\n"
            "      image: { crop: { area: [0.7, 1.0], aspect: [0.8, 1.25] } }\n"
            "      sound: { shift: 0.1, gain: 6, masks: { bins: 6, frames: 10, times: 2 } }\n"
            f"  eval:\n    sources: [ {', '.join(test_sources)} ]\n{noise}"
            f"batch: {batch}\n{length}\nseed: {self.seed}\n"
            "optimizer: { kind: adamw, weight_decay: 0.05, clip: 1 }\n"
            f"rate: {{ peak: {peak}, warmup: {'10%' if self.forced else '5%'} }}\n"
            "eval: { every: 100%, batch: 100 }\ncheckpoints: { every: 20%, keep: 1 }\n"
            "log: { every: 20 }\n"
        )


def runs():
    """All of them, the most telling first."""
    for protocol, seeds in SEEDS.items():
        for seed in seeds:
            for model in MODELS:
                yield Run(f"{model} {protocol} {seed}", model, protocol, "supervised", seed)
    for model in MODELS:
        yield Run(f"{model} contrastive", model, "noisy official", "contrastive")
    yield Run("zorro streams", "zorro", "noisy official", "streams")
    for model in ("forced_input_level", "forced_bottleneck"):
        yield Run(f"{model} contrastive", model, "noisy official", "contrastive", forced=True)
    for start in (1, 2, 3):
        settings = f"set: {{ fusion_start: {start} }}\n"
        yield Run(f"zorro from layer {start}", "zorro", "noisy official", "supervised", settings=settings)


def speaker_keys(digits, work):
    """Key files of the speaker who is held out: from the list of samples beside the shards."""
    path = next((os.path.join(digits, name) for name in ("samples.tsv", "pairs.tsv") if os.path.exists(os.path.join(digits, name))), None)
    if path is None:
        sys.exit(f"no samples.tsv in {digits}: it is made with the shards")
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    speaker = "yweweler"
    parts = {
        "train": [row["key"] for row in rows if row["speaker"] != speaker and row["key"].startswith("train")],
        "test": [row["key"] for row in rows if row["speaker"] == speaker],
    }
    for part, keys in parts.items():
        with open(os.path.join(work, f"{speaker}-{part}.txt"), "w") as file:
            file.write("\n".join(keys) + "\n")


def call(command, **options):
    done = subprocess.run(command, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"failed: {' '.join(command)}\n{done.stderr or ''}")
    return done.stdout


def train(stem, args):
    """Makes the steps that are left, and notes how long they took."""
    begun = os.path.isdir(os.path.join(stem, "checkpoints")) and os.listdir(os.path.join(stem, "checkpoints"))
    start = time.time()
    call([args.zorro, "train", stem + ".yaml", "--device", args.device] + (["--resume"] if begun else []), stdout=subprocess.DEVNULL)
    with open(stem + ".seconds", "a") as file:
        file.write(f"{time.time() - start:.1f}\n")


def seconds(stem):
    """Of all parts of a training that were not interrupted."""
    with open(stem + ".seconds") as file:
        return sum(map(float, file))


def finish(run, args):
    """Trains and evaluates a run, as far as that is not done; gives its result."""
    stem = os.path.join(args.work, run.name.replace(" ", "-"))
    if os.path.exists(stem + ".json"):
        with open(stem + ".json") as file:
            return json.load(file)
    with open(stem + ".yaml", "w") as file:
        file.write(run.configuration(args.digits, args.work, args.short))
    print(f"== {run.name}", flush=True)
    train(stem, args)
    evaluate = [args.zorro, "eval", stem + ".yaml", "--device", args.device, "--absent", "dropped,zeroed", "--format", "json"]
    result = {"run": vars(run), "seconds": seconds(stem), "eval": json.loads(call(evaluate, stdout=subprocess.PIPE))}
    with open(os.path.join(stem, "log.jsonl")) as file:
        losses = [(line["step"], line["loss"]) for line in map(json.loads, file) if "loss" in line]
    result["losses"] = losses
    if run.objective != "supervised":
        probe = ["--probe", "label", "--probe-outputs", "image_features,sound_features"]
        result["probe"] = json.loads(call(evaluate + probe, stdout=subprocess.PIPE))
    with open(stem + ".json.part", "w") as file:
        json.dump(result, file)
    os.replace(stem + ".json.part", stem + ".json")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("digits", help="the folder of the shards")
    parser.add_argument("--zorro", default="zorro", help="the program")
    parser.add_argument("--work", default=os.path.join(HERE, "table3-runs"), help="where runs are left")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    args.digits, args.work = os.path.abspath(args.digits), os.path.abspath(args.work)
    os.makedirs(args.work, exist_ok=True)
    speaker_keys(args.digits, args.work)
    results = [finish(run, args) for run in runs()]
    report(results, None if args.short else os.path.join(HERE, "../../docs"))


if __name__ == "__main__":
    main()
