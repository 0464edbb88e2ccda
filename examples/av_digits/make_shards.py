#!/usr/bin/env python3
"""Shards of handwritten and spoken digits, from their public sources. Standard library only.

    make_shards.py --mnist FOLDER --fsdd FOLDER/recordings --out FOLDER

--mnist  the four idx files of MNIST, as they are or gzipped
--fsdd   the recordings of the Free Spoken Digit Dataset: {digit}_{speaker}_{take}.wav

A sample is a picture and a recording of one digit: KEY.cls, KEY.png, KEY.wav. Takes 0 to 4 of every speaker and digit and
the test pictures of MNIST become the test shard, all others the training shards. No picture is used twice; a recording
is used with several pictures, but in each shard at most once for training. The same seed gives the same samples.
"""

import argparse
import gzip
import io
import pathlib
import random
import re
import struct
import tarfile
import wave
import zlib

TEST_TAKES = 5
SIDE = 28


def idx_file(folder, name):
    """The bytes of an idx file, gzipped or not; some copies have a point in the name where others have a dash."""
    for spelled in (name, name.replace("-idx", ".idx")):
        for path in (folder / spelled, folder / (spelled + ".gz")):
            if path.is_file():
                data = path.read_bytes()
                return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    raise SystemExit(f"{folder} has neither {name} nor {name}.gz")


def pictures_by_digit(folder, part):
    """For each digit its pictures, as 784 gray values each."""
    labels = idx_file(folder, f"{part}-labels-idx1-ubyte")
    pixels = idx_file(folder, f"{part}-images-idx3-ubyte")
    magic, n = struct.unpack_from(">II", labels)
    kind, n_pictures, height, width = struct.unpack_from(">IIII", pixels)
    size = SIDE * SIDE
    good = (magic, kind, height, width) == (2049, 2051, SIDE, SIDE) and n == n_pictures
    if not good or len(labels) != 8 + n or len(pixels) != 16 + n * size:
        raise SystemExit(f"the {part} files in {folder} are not those of MNIST")
    by_digit = {digit: [] for digit in range(10)}
    for at in range(n):
        by_digit[labels[8 + at]].append(pixels[16 + at * size:16 + (at + 1) * size])
    return by_digit


def recordings(folder):
    """(is_test, digit, name, bytes) of every recording, by name."""
    found = []
    for path in sorted(folder.glob("*.wav")):
        parts = re.fullmatch(r"(\d)_[a-z]+_(\d+)\.wav", path.name)
        if parts is None:
            raise SystemExit(f"{path} is not named as in the Free Spoken Digit Dataset")
        data = path.read_bytes()
        with wave.open(io.BytesIO(data)) as sound:
            if sound.getnchannels() != 1 or sound.getnframes() == 0:
                raise SystemExit(f"{path} is not one channel of sound")
        found.append((int(parts[2]) < TEST_TAKES, int(parts[1]), path.name, data))
    if not found:
        raise SystemExit(f"{folder} has no recordings")
    return found


def png(pixels):
    """A gray picture as a PNG file."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + pixels[row * SIDE:(row + 1) * SIDE] for row in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def samples(sounds, pictures, rounds, rng):
    """For each round every recording with a picture of its digit that was not used before."""
    for waiting in pictures.values():
        rng.shuffle(waiting)
    for _ in range(rounds):
        rng.shuffle(sounds)
        for _, digit, name, sound in sounds:
            if not pictures[digit]:
                raise SystemExit(f"too few pictures of {digit}: ask for fewer --rounds")
            yield digit, name, pictures[digit].pop(), sound


def write_shard(path, rows, table):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as shard:
        for key, (digit, name, pixels, sound) in rows:
            for extension, data in (("cls", b"%d" % digit), ("png", png(pixels)), ("wav", sound)):
                member = tarfile.TarInfo(f"{key}.{extension}")
                member.size = len(data)
                shard.addfile(member, io.BytesIO(data))
            table.append((key, path.name, str(digit), name, name.split("_")[1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--mnist", "--fsdd", "--out"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=4, help="pictures for each recording")
    parser.add_argument("--shards", type=int, default=8, help="training shards")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    everything = recordings(options.fsdd)
    table = []
    for split, part, n_shards in (("train", "train", options.shards), ("test", "t10k", 1)):
        sounds = [row for row in everything if row[0] == (split == "test")]
        rng = random.Random(f"{options.seed} {split}")
        rows = samples(sounds, pictures_by_digit(options.mnist, part), options.rounds, rng)
        rows = [(f"{split}-{at:06}", row) for at, row in enumerate(rows)]
        for shard in range(n_shards):
            begin, end = (len(rows) * at // n_shards for at in (shard, shard + 1))
            path = options.out / f"av-digits-{split}-{shard:06}.tar"
            write_shard(path, rows[begin:end], table)
            print(f"{path}: {end - begin} samples")
    with open(options.out / "samples.tsv", "w", encoding="utf-8") as listing:
        for row in [("key", "shard", "label", "recording", "speaker"), *table]:
            listing.write("\t".join(row) + "\n")


if __name__ == "__main__":
    main()
