#!/usr/bin/env python3
"""Times `reference.zorro` against the same model in PyTorch, in turn, and prints the ratio of the times.

    compare.py --zorro PATH --preset small --mode step

The model in PyTorch is written by hand for speed: three calls of scaled_dot_product_attention without a mask in each
layer, one for each stream, so that nothing forbidden is computed. Each pair of measurements is one of `zorro bench` and
one of PyTorch, right after each other, both warmed up; the ratio is the median of the pairs' ratios of medians. Memory
is the most that a process held, above what it held before it made the model. `cpu` is the same ratio of the time that all
threads were running: where others use the machine, it says more.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F
from torch import nn

PRESETS = {
    "small": dict(dim=192, depth=4, heads=3, fusion_tokens=8, video_size=[2, 224, 224], audio_size=[128, 192], batch=4),
    "vitb": dict(dim=768, depth=12, heads=12, fusion_tokens=16, video_size=[8, 224, 224], audio_size=[128, 384], batch=1),
}
VIDEO_PATCH, AUDIO_PATCH = (2, 16, 16), (16, 16)
CLASSES, EMBED_DIM = 527, 128
LOGITS = ["logits_video", "logits_audio", "logits_fusion", "logits_global"]


def heads_of(x, heads):
    batch, tokens, width = x.shape
    return x.view(batch, tokens, heads, width // heads).transpose(1, 2)


def joined(x):
    batch, heads, tokens, width = x.shape
    return x.transpose(1, 2).reshape(batch, tokens, heads * width)


class Mlp(nn.Sequential):
    def __init__(self, dim):
        super().__init__(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))


class Layer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.queries_keys_values, self.out, self.mlp = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim), Mlp(dim)

    def forward(self, x, edges):
        q, k, v = (heads_of(part, self.heads) for part in self.queries_keys_values(self.before_attention(x)).chunk(3, -1))
        parts = [F.scaled_dot_product_attention(q[:, :, a:b], k[:, :, c:d], v[:, :, c:d]) for a, b, c, d in edges]
        x = x + self.out(joined(torch.cat(parts, 2)))
        return x + self.mlp(self.before_mlp(x))


class Decoder(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.outputs = nn.Parameter(0.02 * torch.randn(4, dim))
        self.before_attention, self.before_mlp = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.queries, self.keys_values = nn.Linear(dim, dim), nn.Linear(dim, 2 * dim)
        self.out, self.mlp = nn.Linear(dim, dim), Mlp(dim)

    def forward(self, x, mask):
        queries = self.outputs[None].expand(x.shape[0], -1, -1)
        q = heads_of(self.queries(self.before_attention(queries)), self.heads)
        k, v = (heads_of(part, self.heads) for part in self.keys_values(x).chunk(2, -1))
        y = queries + self.out(joined(F.scaled_dot_product_attention(q, k, v, attn_mask=mask)))
        return y + self.mlp(self.before_mlp(y))


class Reference(nn.Module):
    """The model of reference.zorro."""

    def __init__(self, dim, depth, heads, fusion_tokens, video_size, audio_size, batch):
        super().__init__()
        self.video = nn.Conv3d(3, dim, VIDEO_PATCH, stride=VIDEO_PATCH)
        self.audio = nn.Conv2d(1, dim, AUDIO_PATCH, stride=AUDIO_PATCH)
        video = 1
        for size, patch in zip(video_size, VIDEO_PATCH):
            video *= size // patch
        audio = (audio_size[0] // AUDIO_PATCH[0]) * (audio_size[1] // AUDIO_PATCH[1])
        self.video_positions = nn.Parameter(0.02 * torch.randn(video, dim))
        self.audio_positions = nn.Parameter(0.02 * torch.randn(audio, dim))
        self.fusion = nn.Parameter(0.02 * torch.randn(fusion_tokens, dim))
        self.layers = nn.ModuleList(Layer(dim, heads) for _ in range(depth))
        self.norm, self.decoder = nn.LayerNorm(dim, eps=1e-6), Decoder(dim, heads)
        self.classifiers = nn.ModuleList(nn.Linear(dim, CLASSES) for _ in range(4))
        # For contrastive objectives, which are not timed.
        self.projectors = nn.ModuleList(nn.Linear(dim, EMBED_DIM) for _ in range(3))
        a, b, c = video, video + audio, video + audio + fusion_tokens
        self.edges = [(0, a, 0, a), (a, b, a, b), (b, c, 0, c)]
        mask = torch.zeros(4, c, dtype=torch.bool)
        for row, (start, end) in enumerate([(0, a), (a, b), (b, c), (0, c)]):
            mask[row, start:end] = True
        self.register_buffer("mask", mask)

    def forward(self, video, audio):
        video = self.video(video).flatten(2).transpose(1, 2) + self.video_positions
        audio = self.audio(audio).flatten(2).transpose(1, 2) + self.audio_positions
        x = torch.cat([video, audio, self.fusion[None].expand(video.shape[0], -1, -1)], 1)
        for layer in self.layers:
            x = layer(x, self.edges)
        y = self.decoder(self.norm(x), self.mask)
        return [classifier(y[:, i]) for i, classifier in enumerate(self.classifiers)]


class Torch:
    """The model in PyTorch, ready to run."""

    def __init__(self, sizes, mode, threads):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.before, self.mode = resident(), mode
        self.model = Reference(**sizes)
        self.parameters = sum(p.numel() for p in self.model.parameters())
        batch = sizes["batch"]
        self.data = torch.randn(batch, 3, *sizes["video_size"]), torch.randn(batch, 1, *sizes["audio_size"])
        self.labels = torch.randint(0, CLASSES, (batch,))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4, weight_decay=0.05)

    def run(self):
        if self.mode == "forward":
            with torch.no_grad():
                return self.model(*self.data)
        self.optimizer.zero_grad(set_to_none=True)
        loss = sum(F.cross_entropy(logits, self.labels) for logits in self.model(*self.data)) / 4
        loss.backward()
        if self.mode == "step":
            self.optimizer.step()
        return loss

    def measure(self, runs):
        times = []
        self.run()
        before = time.process_time()
        for _ in range(runs):
            start = time.perf_counter()
            self.run()
            times.append(1e3 * (time.perf_counter() - start))
        return statistics.median(times), 1e3 * (time.process_time() - before) / runs

    def process(self):
        return max(0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - self.before)


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def zorro(args, sizes):
    command = [args.zorro, "bench", os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.zorro")]
    command += ["--mode", args.mode, "--threads", str(args.threads), "--runs", str(args.runs), "--format", "json"]
    for name, value in sizes.items():
        command += ["--batch", str(value)] if name == "batch" else ["--set", f"{name}={value}"]
    if args.mode == "forward":
        command += ["--outputs", ",".join(LOGITS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)["measured"][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zorro", default="zorro", help="the program")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--mode", choices=["forward", "backward", "step"], default="forward")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--runs", type=int, default=5, help="runs of each measurement")
    args = parser.parse_args()
    sizes = PRESETS[args.preset]
    theirs = Torch(sizes, args.mode, args.threads)
    theirs.measure(2)
    pairs = []
    for _ in range(args.pairs):
        ours = zorro(args, sizes)
        pairs.append((ours["ms"]["median"], ours["ms"]["cpu"], *theirs.measure(args.runs)))
        wall, cpu, their_wall, their_cpu = pairs[-1]
        print(f"zorro {wall:9.2f} ms, cpu {cpu:9.2f}   torch {their_wall:9.2f} ms, cpu {their_cpu:9.2f}   "
              f"ratio {wall / their_wall:.3f}, cpu {cpu / their_cpu:.3f}", flush=True)
    middle = lambda at: round(statistics.median(pair[at] for pair in pairs), 2)
    ratio = statistics.median(pair[0] / pair[2] for pair in pairs)
    cpu_ratio = statistics.median(pair[1] / pair[3] for pair in pairs)
    print(json.dumps(dict(
        preset=args.preset, mode=args.mode, threads=args.threads, pairs=args.pairs, ratio=round(ratio, 3),
        cpu_ratio=round(cpu_ratio, 3), zorro_ms=middle(0), torch_ms=middle(2), zorro_cpu_ms=middle(1), torch_cpu_ms=middle(3),
        zorro_parameters=ours["parameters"], torch_parameters=theirs.parameters,
        zorro_plan_mib=round(ours["memory"]["plan"] / 2**20), zorro_process_mib=round((ours["memory"]["process"] or 0) / 2**20),
        torch_process_mib=round(theirs.process() / 2**20), share_of_product=round(ours["share_of_product"], 3),
        load=os.getloadavg()[0], torch=torch.__version__)))


if __name__ == "__main__":
    main()
