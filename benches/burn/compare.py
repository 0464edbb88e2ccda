#!/usr/bin/env python3
"""Times the training step of `../pytorch/reference.zorro` on a device against the same model in burn, in turn.

    compare.py --zorro PATH --burn PATH --preset small --device llvmpipe

Each pair of measurements is one of `zorro bench` and one of burn, right after each other, both warmed up; what is printed is
each pair's medians, and the median of the pairs' ratios.
"""
import argparse
import json
import pathlib
import statistics
import subprocess

SPEC = pathlib.Path(__file__).resolve().parent.parent / "pytorch" / "reference.zorro"
PRESETS = {
    "tiny": ("dim=64 depth=2 heads=2 fusion_tokens=8 video_size=[4,32,32] audio_size=[32,48]", 2),
    "small": ("", 4),
}


def ours(options):
    settings, batch = PRESETS[options.preset]
    set_ = [word for setting in settings.split() for word in ("--set", setting)]
    command = [options.zorro, "bench", str(SPEC), "--batch", str(batch), "--mode", options.mode, "--device", options.device]
    command += ["--runs", str(options.runs), "--format", "json", *set_]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(text)["measured"][0]


def median_of(found):
    """Milliseconds; both report them alike."""
    return float(found["ms"]["median"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zorro", default="zorro")
    parser.add_argument("--burn", default="target/release/zorro-bench-burn")
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--mode", choices=["forward", "backward", "step"], default="step")
    parser.add_argument("--device", default="llvmpipe")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    burn = subprocess.Popen(
        [options.burn, options.preset, options.mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    ratios = []
    for pair in range(options.pairs + 1):
        burn.stdin.write(f"{options.runs}\n")
        burn.stdin.flush()
        theirs = median_of(json.loads(burn.stdout.readline()))
        own = median_of(ours(options))
        # The first pair warms both up: shaders are compiled, and caches of drivers are filled.
        if pair:
            ratios.append(own / theirs)
            print(f"zorro {own:8.1f} ms   burn {theirs:8.1f} ms   ratio {own / theirs:.3f}", flush=True)
    print(f"median of ratios {statistics.median(ratios):.3f}: {1 / statistics.median(ratios):.1f} times as fast")


if __name__ == "__main__":
    main()
