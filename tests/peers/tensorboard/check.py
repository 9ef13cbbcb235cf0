#!/usr/bin/env python3
"""Checks that TensorBoard shows a run directory: compares its readers and its server with metrics.jsonl and samples/.

    check.py RUNS

For each run in the directory RUNS, TensorBoard must show each measured step once, with the values of metrics.jsonl, and each grid byte for byte.
"""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import IMAGES, SCALARS, EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

# A tag of TensorBoard, and the key of metrics.jsonl that it shows. A unit test holds these rows against the trainer's table of scalars.
TAGS = {
    "loss/discriminator": "d_loss",
    "loss/discriminator_real": "d_loss_real",
    "loss/discriminator_fake": "d_loss_fake",
    "loss/generator": "g_loss",
    "duel/value": "value",
    "duel/d_real": "d_real",
    "duel/d_fake": "d_fake",
    "duel/pairs_right": "pairs_right",
    "duel/memorisation": "memorisation",
    "augmentation/probability": "augment_probability",
    "augmentation/overfitting": "overfitting",
    "gradient/discriminator": "d_gradient",
    "gradient/generator": "g_gradient",
    "learning_rate/discriminator": "d_learning_rate",
    "learning_rate/generator": "g_learning_rate",
    "speed/images_per_second": "images_per_second",
    "speed/seconds": "seconds",
    "machine/processors": "processors",
    "machine/memory": "memory",
}


def lines(file):
    return map(json.loads, file.read_text().splitlines())


def expected(run):
    """The scalars by tag as (step, value), from the last line of each step; the grids as (step, bytes); and the number of records."""
    metrics = {line["step"]: line for line in lines(run / "metrics.jsonl")}
    scores = {line["step"]: line["scores"] for line in lines(run / "events.jsonl") if line["event"] == "evaluation"}
    scalars = {tag: series(metrics, key) for tag, key in TAGS.items()}
    scalars |= {f"evaluation/{name}": series(scores, name) for line in scores.values() for name in line}
    # TensorBoard has no tag for a scalar that no record has.
    scalars = {tag: values for tag, values in scalars.items() if values}
    grids = sorted((int(file.stem), file.read_bytes()) for file in (run / "samples").glob("*.png"))
    return scalars, grids, len(metrics) + len(scores) + len(grids)


def series(records, key):
    return [(step, float(np.float32(record[key]))) for step, record in sorted(records.items()) if record.get(key) is not None]


def accumulator(run):
    """Scalars and images as TensorBoard's reader in Python shows them."""
    events = EventAccumulator(str(run), size_guidance={SCALARS: 0, IMAGES: 0})
    events.Reload()
    shown = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    images = {tag: [(event.step, event.encoded_image_string) for event in events.Images(tag)] for tag in events.Tags()["images"]}
    return shown, images


class Server:
    """TensorBoard's server with its reader in Rust, as `tensorboard --logdir` starts it."""

    def __init__(self, runs):
        command = [Path(sys.executable).parent / "tensorboard", "--logdir", runs, "--port", "0", "--host", "127.0.0.1"]
        command += ["--load_fast", "true", "--samples_per_plugin", "scalars=100000,images=1000", "--reload_interval", "1"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.address = found[0]
                return
        raise SystemExit("tensorboard does not start")

    def get(self, path, query):
        with urllib.request.urlopen(f"{self.address}/data/plugin/{path}?{query}", timeout=60) as answer:
            return answer.read()

    def scalars(self, run, tag):
        return [(step, value) for _, step, value in json.loads(self.get("scalars/scalars", urllib.parse.urlencode({"run": run, "tag": tag})))]

    def images(self, run):
        shown = json.loads(self.get("images/images", f"run={run}&tag=samples&sample=0"))
        return [(image["step"], self.get("images/individualImage", image["query"])) for image in shown]


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    failed = False

    def hold(what, good):
        nonlocal failed
        failed |= not good
        print(f"{'pass' if good else 'FAIL'}  {what}")

    server = Server(sys.argv[1])
    for run in sorted(Path(sys.argv[1]).iterdir()):
        scalars, grids, records = expected(run)
        files = sorted(run.glob("events.out.tfevents.*"))
        written = 0
        for file in files:
            try:
                written += sum(event.HasField("summary") for event in LegacyEventFileLoader(str(file)).Load())
            except Exception as error:
                hold(f"{run.name}: {file.name} can be read: {error}", False)
        shown, images = accumulator(run)
        differ = sorted(tag for tag in shown.keys() | scalars.keys() if shown.get(tag) != scalars.get(tag))
        hold(f"{run.name}: {len(scalars)} scalars, {records} records in {len(files)} files {' '.join(differ)}", not differ)
        hold(f"{run.name}: {len(grids)} grids, byte for byte", images == {"samples": grids})
        if run.name != "whole":
            hold(f"{run.name}: {written - records} old records of repeated steps are hidden", written > records)

        # The server reads in the background.
        until = time.monotonic() + 60
        while True:
            try:
                good = all(server.scalars(run.name, tag) == values for tag, values in scalars.items())
            except urllib.error.HTTPError:
                good = False
            if good or time.monotonic() > until:
                break
            time.sleep(1)
        hold(f"{run.name}: the server shows the same scalars", good)
        hold(f"{run.name}: the server shows the same grids", server.images(run.name) == grids)
    server.process.terminate()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
