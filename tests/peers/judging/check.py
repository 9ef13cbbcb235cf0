#!/usr/bin/env python3
"""Does `duel eval` compute what its measures are defined as? NumPy and SciPy on the same digits, from the papers' equations.

    duel sample --count 10000 --seed 2014 --out digits/
    duel eval digits/ --json > scores.json
    python -m pip install -r requirements.txt
    check.py digits/ scores.json

Reads the classifier and the bundled MNIST from this repository. Prints a line a measure; exit code 1 if one differs.
"""

import gzip
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load
from scipy.linalg import sqrtm
from scipy.special import logsumexp

DATA = Path(__file__).resolve().parents[3] / "trainer" / "data"


def idx(path):
    raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    header = 4 + 4 * raw[3]
    return np.frombuffer(raw, np.uint8, offset=header).reshape(-1, 784) if raw[3] == 3 else np.frombuffer(raw, np.uint8, offset=header)


def mnist(name):
    return idx(DATA / "mnist" / f"{name}.gz")


class Classifier:
    """Two 4x4 convolutions of stride 2 and a dense layer, each with batch norm and leaky ReLU: 128 features; and a dense layer."""

    def __init__(self):
        raw = (DATA / "classifier.safetensors").read_bytes()
        self.hash = hashlib.sha256(raw).hexdigest()
        self.w = {name: tensor.astype(np.float64) for name, tensor in load(raw).items()}

    def norm(self, i, x):
        w = lambda what: self.w[f"body.norm{i}.{what}"]
        x = (x - w("running_mean")) / np.sqrt(w("running_var") + 1e-5) * w("weight") + w("bias")
        return np.where(x > 0, x, 0.2 * x)

    def conv(self, i, x):
        """[N, H, W, C] -> [N, H/2, W/2, O]"""
        weight, side = self.w[f"body.conv{i}.weight"], x.shape[1] // 2
        x = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
        taps = ((r, c) for r in range(4) for c in range(4))
        return sum(x[:, r : r + 2 * side : 2, c : c + 2 * side : 2] @ weight[:, :, r, c].T for r, c in taps) + self.w[f"body.conv{i}.bias"]

    def features(self, images):
        x = images.reshape(-1, 28, 28, 1) / 127.5 - 1
        for i in (1, 2):
            x = self.norm(i, self.conv(i, x))
        # The dense layer takes the image with its channels last.
        return self.norm(3, x.reshape(len(x), -1) @ self.w["body.dense1.weight"].T + self.w["body.dense1.bias"])

    def read(self, images):
        features = np.concatenate([self.features(some) for some in np.array_split(images, 20)])
        return features, (features @ self.w["head.dense1.weight"].T + self.w["head.dense1.bias"]).argmax(1)


def squared(a, b):
    """Squared distances of all pairs, by a matrix product: in double precision exact to 1e-12."""
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)


def frechet(a, b):
    c, d = np.cov(a.T), np.cov(b.T)
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c + d - 2 * sqrtm(c @ d).real)


def neighbourhoods(real, drawn):
    # The nearest of all is the point itself.
    balls = lambda points, k: np.partition(squared(points, points), k, axis=1)[:, k]
    between = squared(drawn, real)
    real3, real5, drawn3 = balls(real, 3), balls(real, 5), balls(drawn, 3)
    return {
        "precision": (between <= real3).any(1).mean(),
        "recall": (between <= drawn3[:, None]).any(0).mean(),
        "density": (between <= real5).sum() / (5 * len(drawn)),
        "coverage": (between.min(0) <= real5).mean(),
    }


def parzen(samples, validation, test):
    def likelihoods(x, sigma):
        d = squared(x, samples) / (2 * sigma**2)
        return logsumexp(-d, axis=1) - np.log(len(samples)) - 392 * np.log(2 * np.pi * sigma**2)

    sigma = max(np.logspace(-1, 0, 10), key=lambda sigma: likelihoods(validation, sigma).mean())
    values = np.concatenate([likelihoods(some, sigma) for some in np.array_split(test, 10)])
    return {"parzen": values.mean(), "parzen_error": values.std() / np.sqrt(len(values)), "parzen_sigma": sigma}


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    digits, report = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    images, test, train = idx(digits / "images-idx3-ubyte"), mnist("t10k-images-idx3-ubyte"), mnist("train-images-idx3-ubyte")
    classifier = Classifier()
    (features, labels), (real, _) = classifier.read(images), classifier.read(test)
    expected = {"frechet": frechet(real, features)} | neighbourhoods(real, features)
    shares = np.bincount(labels, minlength=10) / len(labels)
    expected["class_balance"] = -(shares[shares > 0] * np.log(shares[shares > 0])).sum() / np.log(10)
    if (digits / "labels-idx1-ubyte").exists():
        expected["label_accuracy"] = (labels == idx(digits / "labels-idx1-ubyte")).mean()
    expected |= parzen(images / 255, train[50000:51000] / 255, test / 255)
    nearest = lambda points: np.concatenate([squared(some / 255, train / 255).min(1) for some in np.array_split(points, 20)])
    expected["near_training"] = (nearest(images) < np.sort(nearest(test))[len(test) // 2]).mean()

    failed = report["classifier"] != classifier.hash
    print(f"{'FAIL' if failed else 'pass'}  classifier {classifier.hash[:16]}")
    # A share may move by a digit or two that lies on the edge in single precision.
    limits = {"frechet": 1e-4, "parzen": 0.01, "parzen_error": 0.01, "parzen_sigma": 1e-6, "density": 1e-3}
    for name, value in sorted(expected.items()):
        found, limit = report["scores"][name], limits.get(name, 5e-4)
        bad = not abs(found - value) <= limit
        failed |= bad
        print(f"{'FAIL' if bad else 'pass'}  {name}: {found:.6f}, NumPy {value:.6f}, at most {limit:g} apart")
    unheld = set(report["scores"]) - set(expected)
    print(f"{'FAIL' if unheld else 'pass'}  every score is held against NumPy {sorted(unheld) or ''}")
    return int(failed or bool(unheld))


if __name__ == "__main__":
    sys.exit(main())
