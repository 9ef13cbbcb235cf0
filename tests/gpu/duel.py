"""Runs `duel`, and reads its files with Python's standard library alone."""

import array
import json
import math
import os
import struct
import subprocess
from pathlib import Path

DUEL = os.environ["DUEL"]
WORK = os.environ["WORK"]
ENVIRONMENT = os.environ | {
    "LD_LIBRARY_PATH": os.environ["DUEL_LIBRARIES"],  # CUDA's libraries, for `duel` alone: PyTorch finds its own
    "CUDA_CACHE_PATH": f"{WORK}/kernels",  # where the driver keeps the kernels that it has compiled for the card
    "XDG_CACHE_HOME": f"{WORK}/cache",
    "XDG_CONFIG_HOME": "/nonexistent",  # the defaults of the developer have no place in a test
    "RUST_BACKTRACE": "0",
}
SERIES = ["d_loss", "g_loss", "d_gradient", "g_gradient"]


class Failed(Exception):
    """A check that failed, with its reason in one line."""


def tell(arguments, seconds, before=()):
    """Runs `duel` with these arguments for at most so many seconds; returns exit code, stdout and stderr. `before` is a program that runs it."""
    command = [*before, DUEL, *map(str, arguments)]
    try:
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=max(seconds, 1), stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Failed(f"took over {seconds:.0f} s: duel {' '.join(map(str, arguments[:4]))} …") from None
    return done.returncode, done.stdout, done.stderr


def duel(arguments, seconds, before=()):
    """Like `tell`, but a failure raises `Failed` with the last line of stderr. Returns stdout."""
    code, out, error = tell(arguments, seconds, before)
    if code:
        lines = (error + out).strip().splitlines() or ["it said nothing"]
        raise Failed(f"exit {code}: {lines[-1][:200]}")
    return out


def settings(keys):
    return [argument for key in keys for argument in ("--set", key)]


def bench(arguments, seconds):
    """The line of JSON of `duel train --bench`."""
    return json.loads(duel(["train", "--bench", *arguments], seconds))


def series(run):
    """The measured losses and gradient norms of a run: a list of four numbers for each step."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [[line[name] for name in SERIES] for line in sorted(lines, key=lambda line: line["step"])]


def distances(found, expected):
    """The differences of two series, relative to values above 1."""
    if len(found) != len(expected):
        raise Failed(f"{len(found)} measured steps instead of {len(expected)}")
    pairs = [pair for rows in zip(found, expected) for pair in zip(*rows)]
    if not all(isinstance(value, (int, float)) and math.isfinite(value) for pair in pairs for value in pair):
        raise Failed("a loss or a gradient is not finite")
    return [abs(a - b) / max(abs(b), 1) for a, b in pairs]


def tensors(run, step):
    """The tensors of a checkpoint, by name. A safetensors file is a length, a header as JSON, and the values."""
    content = (run / "checkpoints" / f"{step:08}.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    found = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            begin, end = tensor["data_offsets"]
            found[name] = array.array("f", content[8 + length + begin : 8 + length + end])
    return found


def pictures(run, out, seconds):
    """The values in [-1, 1] of 16 pictures that the generator of a run draws. A .npy file is a header, its length before it, and the values."""
    out = Path(out).with_suffix(".npy")
    duel(["sample", "--model", run, "--count", 16, "--seed", 7, "--float", "--force", "--out", out], seconds)
    content = out.read_bytes()
    (length,) = struct.unpack("<H", content[8:10])
    return array.array("f", content[10 + length :])


def largest_difference(a, b):
    if len(a) != len(b):
        raise Failed(f"{len(a)} values instead of {len(b)}")
    return max((abs(x - y) for x, y in zip(a, b)), default=0.0)
