#!/usr/bin/env python3
"""Times training on files, loading included: `examples/av_digits` against the same model, batch and data in PyTorch.

    training.py --zorro PATH --shards DIR

DIR has the shards of `examples/av_digits`. Both read them, decode pictures and sounds, make log-mel spectrograms and take steps of
AdamW with clipping; neither changes samples at random. PyTorch loads by a DataLoader with as many workers as is fastest of those
that are tried, and computes nothing that the masks forbid. Parts of the runs are timed in turn; the first 20 steps of each part
are left out. The ratio is of samples per second, ours over theirs: the median of the pairs.
"""
import argparse
import io
import json
import os
import statistics
import subprocess
import tarfile
import tempfile
import time
import wave

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from compare import Mlp, heads_of, joined

DIM, DEPTH, HEADS, LATENTS, CLASSES = 96, 4, 4, 4, 10
RATE, SECONDS, BINS, WINDOW, HOP, FRAMES = 8000, 1, 40, 256, 80, 100
BEFORE = 20


def mel_filters():
    """Triangles on the HTK scale, [bins, window / 2 + 1]."""
    mel = lambda hertz: 2595 * numpy.log10(1 + hertz / 700)
    edges = 700 * (10 ** (numpy.linspace(mel(0), mel(RATE / 2), BINS + 2) / 2595) - 1)
    hertz = numpy.linspace(0, RATE / 2, WINDOW // 2 + 1)
    up = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    return torch.tensor(numpy.maximum(0, numpy.minimum(up, down)), dtype=torch.float32)


class Digits(Dataset):
    """Samples of tar shards: a picture [1, 28, 28], a log-mel spectrogram [1, 40, 100], a label."""

    def __init__(self, paths):
        self.paths, self.files, samples = paths, {}, {}
        for shard, path in enumerate(paths):
            with tarfile.open(path) as archive:
                for member in archive:
                    key, kind = member.name.split(".", 1)
                    samples.setdefault((shard, key), {})[kind] = (member.offset_data, member.size)
        self.samples = list(samples.items())
        self.window, self.filters = torch.hann_window(WINDOW), mel_filters()

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, at):
        (shard, _), members = self.samples[at]
        if shard not in self.files:
            self.files[shard] = open(self.paths[shard], "rb")
        file = self.files[shard]

        def read(kind):
            offset, size = members[kind]
            file.seek(offset)
            return file.read(size)

        picture = numpy.asarray(Image.open(io.BytesIO(read("png"))), dtype=numpy.float32) / 255
        picture = torch.from_numpy(picture)[None].sub_(0.5).div_(0.5)
        with wave.open(io.BytesIO(read("wav"))) as sound:
            numbers = numpy.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
        sound = torch.zeros(RATE * SECONDS)
        part = torch.from_numpy(numbers[: RATE * SECONDS].astype(numpy.float32) / 32768)
        sound[: len(part)] = part
        power = torch.stft(sound, WINDOW, HOP, window=self.window, return_complex=True).abs() ** 2
        spectrogram = torch.log(self.filters @ power[:, :FRAMES] + 1e-6)
        return picture, spectrogram[None], int(read("cls"))


class Layer(nn.Module):
    def __init__(self, drop):
        super().__init__()
        self.drop = drop
        self.before_attention, self.before_mlp = nn.LayerNorm(DIM, eps=1e-6), nn.LayerNorm(DIM, eps=1e-6)
        self.queries_keys_values, self.out, self.mlp = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM), Mlp(DIM)

    def kept(self, x):
        """Stochastic depth, by sample."""
        if self.drop == 0:
            return x
        return x * torch.empty(x.shape[0], 1, 1).bernoulli_(1 - self.drop).div_(1 - self.drop)

    def forward(self, x, edges):
        q, k, v = (heads_of(part, HEADS) for part in self.queries_keys_values(self.before_attention(x)).chunk(3, -1))
        parts = [F.scaled_dot_product_attention(q[:, :, a:b], k[:, :, c:d], v[:, :, c:d]) for a, b, c, d in edges]
        x = x + self.kept(self.out(joined(torch.cat(parts, 2))))
        return x + self.kept(self.mlp(self.before_mlp(x)))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.outputs = nn.Parameter(0.02 * torch.randn(3, DIM))
        self.before_attention, self.before_mlp = nn.LayerNorm(DIM, eps=1e-6), nn.LayerNorm(DIM, eps=1e-6)
        self.queries, self.keys_values = nn.Linear(DIM, DIM), nn.Linear(DIM, 2 * DIM)
        self.out, self.mlp = nn.Linear(DIM, DIM), Mlp(DIM)

    def forward(self, x, spans):
        queries = self.outputs[None].expand(x.shape[0], -1, -1)
        q = heads_of(self.queries(self.before_attention(queries)), HEADS)
        k, v = (heads_of(part, HEADS) for part in self.keys_values(x).chunk(2, -1))
        read = [F.scaled_dot_product_attention(q[:, :, i : i + 1], k[:, :, a:b], v[:, :, a:b]) for i, (a, b) in enumerate(spans)]
        y = queries + self.out(joined(torch.cat(read, 2)))
        return y + self.mlp(self.before_mlp(y))


class Model(nn.Module):
    """The model of av_digits.zorro."""

    def __init__(self):
        super().__init__()
        self.image, self.sound = nn.Conv2d(1, DIM, (4, 4), stride=(4, 4)), nn.Conv2d(1, DIM, (BINS, 4), stride=(BINS, 4))
        image, sound = 49, FRAMES // 4
        self.image_positions = nn.Parameter(0.02 * torch.randn(image, DIM))
        self.sound_positions = nn.Parameter(0.02 * torch.randn(sound, DIM))
        self.fusion = nn.Parameter(0.02 * torch.randn(LATENTS, DIM))
        self.layers = nn.ModuleList(Layer(0.1 * i / (DEPTH - 1)) for i in range(DEPTH))
        self.norm, self.decoder = nn.LayerNorm(DIM, eps=1e-6), Decoder()
        self.classifiers = nn.ModuleList(nn.Linear(DIM, CLASSES) for _ in range(3))
        a, b, c = image, image + sound, image + sound + LATENTS
        self.edges, self.spans = [(0, a, 0, a), (a, b, a, b), (b, c, 0, c)], [(0, a), (a, b), (b, c)]

    def forward(self, image, sound):
        image = self.image(image).flatten(2).transpose(1, 2) + self.image_positions
        sound = self.sound(sound).flatten(2).transpose(1, 2) + self.sound_positions
        x = torch.cat([image, sound, self.fusion[None].expand(image.shape[0], -1, -1)], 1)
        for layer in self.layers:
            x = layer(x, self.edges)
        y = self.decoder(self.norm(x), self.spans)
        return [classifier(y[:, i]) for i, classifier in enumerate(self.classifiers)]


class Torch:
    def __init__(self, paths, batch, workers):
        torch.manual_seed(0)
        self.model, self.batch = Model(), batch
        self.parameters = sum(p.numel() for p in self.model.parameters())
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=0.05)
        loader = dict(num_workers=workers, persistent_workers=workers > 0, prefetch_factor=4 if workers else None)
        self.loader = DataLoader(Digits(paths), batch, shuffle=True, drop_last=True, **loader)
        self.batches = self.forever()

    def forever(self):
        while True:
            yield from self.loader

    def step(self):
        image, sound, label = next(self.batches)
        self.optimizer.zero_grad(set_to_none=True)
        loss = sum(F.cross_entropy(logits, label) for logits in self.model(image, sound)) / 3
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()

    def measure(self, steps):
        """Samples per second."""
        for _ in range(BEFORE):
            self.step()
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        return steps * self.batch / (time.perf_counter() - start)


def zorro(args, folder, part):
    """Samples per second of a part of its own, and the share of the time that was spent waiting for data."""
    run = os.path.join(folder, f"run{part}")
    steps = BEFORE + args.steps
    command = [args.zorro, "train", os.path.join(folder, "run.yaml"), "--device", "cpu", "--threads", str(args.threads)]
    command += ["--steps", str(steps), "--folder", run, "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    with open(os.path.join(run, "log.jsonl")) as file:
        lines = [json.loads(line) for line in file]
    lines = [line for line in lines if line.get("step", 0) > BEFORE and "samples_per_second" in line]
    seconds = [args.batch / line["samples_per_second"] for line in lines]
    return args.batch / statistics.mean(seconds), statistics.mean(line["waiting"] for line in lines)


def configuration(args, folder):
    spec = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/av_digits/av_digits.zorro")
    with open(os.path.join(folder, "run.yaml"), "w") as file:
        file.write(
            f"spec: {spec}\n"
            f"data: {{ train: {{ sources: [ {{ shards: '{os.path.abspath(args.shards)}/av-digits-train-{{000000..000007}}.tar' }} ] }} }}\n"
            f"batch: {args.batch}\nsteps: 1\noptimizer: {{ weight_decay: 0.05, clip: 1 }}\nrate: {{ peak: 1e-3 }}\n"
            "log: { every: 1, tensorboard: false }\ncheckpoints: { every: 100000 }\n"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zorro", default="zorro", help="the program")
    parser.add_argument("--shards", required=True, help="the folder of the shards")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100, help="steps of each measurement")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    paths = [os.path.join(args.shards, f"av-digits-train-{at:06}.tar") for at in range(8)]
    tried = {workers: Torch(paths, args.batch, workers) for workers in (0, 1, 2)}
    speeds = {workers: theirs.measure(args.steps // 2) for workers, theirs in tried.items()}
    workers = max(speeds, key=speeds.get)
    print("torch by workers", {workers: round(speed) for workers, speed in speeds.items()}, flush=True)
    theirs = tried.pop(workers)
    tried.clear()
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        configuration(args, folder)
        for part in range(args.pairs):
            pairs.append((*zorro(args, folder, part), theirs.measure(args.steps)))
            ours, waiting, torch_speed = pairs[-1]
            print(f"zorro {ours:7.0f} samples/s, waiting {100 * waiting:4.1f} %   torch {torch_speed:7.0f} samples/s   "
                  f"ratio {ours / torch_speed:.2f}", flush=True)
    middle = lambda numbers: statistics.median(list(numbers))
    print(json.dumps(dict(
        batch=args.batch, threads=args.threads, workers=workers, ratio=round(middle(a / c for a, _, c in pairs), 3),
        zorro=round(middle(a for a, _, _ in pairs)), torch=round(middle(c for _, _, c in pairs)),
        waiting=round(middle(b for _, b, _ in pairs), 4), torch_parameters=theirs.parameters, load=os.getloadavg()[0],
        version=torch.__version__)))


if __name__ == "__main__":
    main()
