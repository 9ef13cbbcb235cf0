#!/usr/bin/env python3
"""Checks that `duel eval` computes its measures as the papers define them, and that each measure recognises the failures that it should. NumPy,
SciPy and scikit-learn compute the papers' equations for the same digits.

    check.py make DIR      writes sets of images with known failures, each as a directory of IDX files
    check.py hold SET...   compares SET/scores.json, the output of `duel eval SET --json`, with the same measures of the images in SET; and where
                           they are, SET/random.json with random features, and SET/modes.json with the modes of SET/stacked.npy

Reads the classifier and the bundled MNIST from this repository. `hold` prints a table; its exit code is 1 if a number differs. `run` does both.
"""

import gzip
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load
from scipy.linalg import sqrtm
from scipy.special import logsumexp, ndtri
from scipy.stats import entropy
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import KNeighborsClassifier

# SplitMix64 computes modulo 2^64.
np.seterr(over="ignore")

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


class Stream:
    """The project's random numbers: SplitMix64, a stream for each purpose and item (models/src/random.rs)."""

    GOLDEN = np.uint64(0x9E3779B97F4A7C15)

    def __init__(self, state):
        self.state = np.uint64(state)

    @staticmethod
    def mix(z):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    @classmethod
    def of(cls, seed, purpose):
        name = 0xCBF29CE484222325
        for byte in purpose.encode():
            name = (name ^ byte) * 0x100000001B3 % 2**64
        return cls(cls.mix(cls.mix(np.uint64(seed) + cls.GOLDEN) ^ np.uint64(name)))

    def item(self, index):
        return Stream(self.mix(self.state ^ self.mix(np.uint64(index) * self.GOLDEN + self.GOLDEN)))

    def normal(self, count):
        bits = self.mix(self.state + self.GOLDEN * np.arange(1, count + 1, dtype=np.uint64))
        return ndtri(((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53)


class RandomFeatures:
    """Three 4x4 convolutions of stride 2 with leaky ReLU and a projection, with random orthogonal weights: 128 features."""

    def __init__(self):
        stream = Stream.of(1, "random features")
        shapes = [(32, 16 * 1, 0.52), (64, 16 * 32, 0.52), (128, 16 * 64, 0.52), (128, 3 * 3 * 128, 1)]
        self.weights = [self.orthogonal(*shape, stream.item(1 + i)) for i, shape in enumerate(shapes)]

    @staticmethod
    def orthogonal(rows, columns, kept, stream):
        count, size = min(rows, columns), max(rows, columns)
        # The Gram-Schmidt process is the QR decomposition with a positive diagonal of R.
        q, r = np.linalg.qr(stream.normal(count * size).reshape(count, size).T)
        q = q * np.sign(np.diag(r)) * np.sqrt(size / (kept * columns))
        return (q.T if rows <= columns else q).astype(np.float32).astype(np.float64)

    def features(self, images):
        x = images.reshape(-1, 28, 28, 1) / 127.5 - 1
        for weight in self.weights[:3]:
            weight, side = weight.reshape(len(weight), -1, 4, 4), x.shape[1] // 2
            x = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
            taps = ((r, c) for r in range(4) for c in range(4))
            x = sum(x[:, r : r + 2 * side : 2, c : c + 2 * side : 2] @ weight[:, :, r, c].T for r, c in taps)
            x = np.where(x > 0, x, 0.2 * x)
        return x.reshape(len(x), -1) @ self.weights[3].T

    def read(self, images):
        return np.concatenate([self.features(some) for some in np.array_split(images, 20)])


def kid(a, b):
    kernel = lambda x, y: np.concatenate([polynomial_kernel(some, y) for some in np.array_split(x, 10)])
    within = lambda x: (lambda k: (k.sum() - np.trace(k)) / (len(x) * (len(x) - 1)))(kernel(x, x))
    return within(a) + within(b) - 2 * kernel(a, b).mean()


def spread(measure, a, b):
    """The standard error over random halves of both sets; other halves than duel's."""
    random = np.random.default_rng(1)
    half = lambda x: x[random.permutation(len(x))[: len(x) // 2]]
    return np.std([measure(half(a), half(b)) for _ in range(20)], ddof=1)


def modes(pictures, classifier):
    """The modes of stacked MNIST that pictures, [N, 28, 28, 3], cover, and the divergence of their frequencies from even ones, after PacGAN."""
    digits = [classifier.read(pictures[..., channel].reshape(-1, 784))[1] for channel in range(3)]
    counts = np.bincount(digits[0] * 100 + digits[1] * 10 + digits[2], minlength=1000)
    return {"modes": (counts > 0).sum(), "modes_kl": entropy(counts / counts.sum(), np.full(1000, 1e-3))}


def squared(a, b):
    """Squared distances of all pairs, by a matrix product: in double precision exact to 1e-12."""
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)


def frechet(a, b):
    c, d = np.cov(a.T), np.cov(b.T)
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c + d - 2 * sqrtm(c @ d).real)


def neighbourhoods(real, drawn):
    # Column k, not k - 1: the nearest neighbour of a point in its own set is the point itself, at distance 0.
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


def nearest(points, train):
    return np.concatenate([squared(some, train).min(1) for some in np.array_split(points, 20)])


def similarity(real, features):
    scores = {"frechet": frechet(real, features)} | neighbourhoods(real, features)
    if len(features) < 10000:
        scores |= {"frechet_spread": spread(frechet, real, features), "kid": kid(real, features), "kid_spread": spread(kid, real, features)}
    return scores


def expected(images, labels, world, copies=False):
    """Every score of the images, computed by its definition."""
    features, read = world.classifier.read(images)
    scores = similarity(world.features, features)
    shares = np.bincount(read, minlength=10) / len(read)
    scores["class_balance"] = (shares[shares > 0] * np.log(1 / shares[shares > 0])).sum() / np.log(10)
    if labels is not None:
        scores["label_accuracy"] = (read == labels).mean()
    scores |= parzen(images / 255, world.train[50000:51000] / 255, world.test / 255)
    if not copies:
        scores["near_training"] = (nearest(images / 255, world.train / 255) < world.median).mean()
    return scores


class World:
    """The real images, and their features and distances."""

    def __init__(self):
        self.test, self.train = mnist("t10k-images-idx3-ubyte"), mnist("train-images-idx3-ubyte")
        self.test_labels, self.train_labels = mnist("t10k-labels-idx1-ubyte"), mnist("train-labels-idx1-ubyte")
        self.classifier = Classifier()
        self.features, _ = self.classifier.read(self.test)
        self.random = RandomFeatures()
        self.random_features = self.random.read(self.test)
        self.median = np.sort(nearest(self.test / 255, self.train / 255))[len(self.test) // 2]


# Rounding in single precision may move a digit or two across the edge of a neighbourhood, which changes a share or the density.
# The spreads are over other random halves, 20 each time: the standard deviation of both differs by less than four fifths.
LIMITS = {"frechet": 1e-6, "kid": 1e-5, "frechet_spread": 0.8, "kid_spread": 0.8, "parzen": 0.01, "parzen_error": 0.01, "parzen_sigma": 1e-6, "density": 1e-3}
RELATIVE = {"frechet", "frechet_spread", "kid_spread"}


def differs(name, found, value):
    limit = LIMITS.get(name, 5e-4)
    return not abs(found - value) <= limit * (abs(value) if name in RELATIVE else 1)


def learned(images, labels, world):
    """The accuracy on the test images of a 1-nearest-neighbour classifier of these images; duel trains a network instead."""
    return KNeighborsClassifier(1, algorithm="brute").fit(images / 255, labels).score(world.test / 255, world.test_labels)


# What each measure should show for each set. `real` has as many real images as the other sets have images.
KNOWN = {
    "real": [
        ("near_training: copies", lambda s, real: s["near_training"] == 1),
        ("kid: within 6 times its spread of 0", lambda s, real: abs(s["kid"]) < 6 * s["kid_spread"]),
    ],
    "noise": [
        ("precision, recall, density, coverage: 0", lambda s, real: not any(s[k] for k in ("precision", "recall", "density", "coverage"))),
        ("frechet: over 100 times real's", lambda s, real: s["frechet"] > 100 * real["frechet"]),
        ("kid: over 1,000 times its spread", lambda s, real: s["kid"] > 1000 * real["kid_spread"]),
        ("parzen: 500 nats below real's", lambda s, real: s["parzen"] < real["parzen"] - 500),
        ("classification accuracy: no better than a guess", lambda s, real: s["classification_accuracy"] < 0.25),
    ],
    "repeated": [
        ("precision misses it: 1", lambda s, real: s["precision"] == 1),
        ("recall, class balance: 0", lambda s, real: s["recall"] == 0 and s["class_balance"] == 0),
        ("coverage: under 0.01", lambda s, real: s["coverage"] < 0.01),
        ("frechet: over 50 times real's", lambda s, real: s["frechet"] > 50 * real["frechet"]),
        ("kid: over 1,000 times its spread", lambda s, real: s["kid"] > 1000 * real["kid_spread"]),
        ("classification accuracy: no better than a guess", lambda s, real: s["classification_accuracy"] < 0.25),
    ],
    "nine": [
        ("class balance: ln 9 / ln 10", lambda s, real: abs(s["class_balance"] - np.log(9) / np.log(10)) < 0.005),
        ("recall: 0.04 below real's", lambda s, real: s["recall"] < real["recall"] - 0.04),
        ("parzen: 5 nats below real's", lambda s, real: s["parzen"] < real["parzen"] - 5),
        ("frechet: over twice real's", lambda s, real: s["frechet"] > 2 * real["frechet"]),
        ("kid: over 10 times its spread", lambda s, real: s["kid"] > 10 * real["kid_spread"]),
        ("precision misses it", lambda s, real: abs(s["precision"] - real["precision"]) < 0.02),
        ("classification accuracy: no 7 is read", lambda s, real: s["classification_accuracy"] < 1 - 0.1028 + 0.001),
    ],
}
COUNT = 2000


def make(directory):
    train, labels = mnist("train-images-idx3-ubyte"), mnist("train-labels-idx1-ubyte")
    random = np.random.default_rng(1)
    three = train[labels == 3][:1]
    nine = labels != 7
    sets = {
        "real": (train[:COUNT], labels[:COUNT]),
        "noise": (random.integers(0, 256, (COUNT, 784), np.uint8), random.integers(0, 10, COUNT, np.uint8)),
        "repeated": (three.repeat(COUNT, 0), np.full(COUNT, 3, np.uint8)),
        "nine": (train[nine][:COUNT], labels[nine][:COUNT]),
    }
    np.save(directory / "unlabelled.npy", train.reshape(-1, 28, 28))
    np.save(directory / "unlabelled.test.npy", mnist("t10k-images-idx3-ubyte").reshape(-1, 28, 28))
    for name, (images, labels) in sets.items():
        (directory / name).mkdir(parents=True)
        header = b"\0\0\x08\x03" + b"".join(size.to_bytes(4, "big") for size in (len(images), 28, 28))
        (directory / name / "images-idx3-ubyte").write_bytes(header + images.tobytes())
        (directory / name / "labels-idx1-ubyte").write_bytes(header[:3] + b"\x01" + header[4:8] + labels.tobytes())


def hold(directories):
    world, failed, tables = World(), False, {}
    for directory in directories:
        report = json.loads((directory / "scores.json").read_text())
        images, labels = idx(directory / "images-idx3-ubyte"), None
        if (directory / "labels-idx1-ubyte").exists():
            labels = idx(directory / "labels-idx1-ubyte")
        scored = images[: report["images"]]
        values = expected(scored, None if labels is None else labels[: len(scored)], world)
        columns = [(directory.name, report["scores"], values)]
        if "floor" not in tables:
            count = report["images"]
            columns.append(("floor", report["real"], expected(world.train[:count], world.train_labels[:count], world, copies=True)))
        if report["judge"] != {"name": "digits", "hash": world.classifier.hash}:
            failed = True
            print(f"{directory}: duel scored with {report['judge']}, but this repository has {world.classifier.hash}", file=sys.stderr)
        if (directory / "random.json").exists():
            report = json.loads((directory / "random.json").read_text())
            assert report["judge"]["name"].startswith("random features"), report["judge"]
            values = similarity(world.random_features, world.random.read(scored))
            columns.append((f"{directory.name}, random features", {name: report["scores"][name] for name in values}, values))
        if (directory / "modes.json").exists():
            report = json.loads((directory / "modes.json").read_text())
            values = modes(np.load(directory / "stacked.npy"), world.classifier)
            columns.append(("stacked", {name: report["scores"][name] for name in values}, values))
        for name, found, values in columns:
            if "classification_accuracy" in found:
                drawn = (world.train, world.train_labels) if name == "floor" else (images, labels)
                values["classification_accuracy"] = learned(*(some[: 60000 if name == "floor" else None] for some in drawn), world)
            if found.keys() != values.keys():
                failed = True
                print(f"{name}: scores that only one side has: {found.keys() ^ values.keys()}", file=sys.stderr)
            tables[name] = (found, values)

    print("\n| measure: duel / here |" + " | ".join(tables) + " |\n|---|" + "---|" * len(tables))
    names = dict.fromkeys(name for found, _ in tables.values() for name in found)
    for name in names:
        cells = []
        for found, values in tables.values():
            if name not in found or name not in values:
                cells.append("–")
                continue
            # Another classifier has another accuracy: the number is printed, but not compared.
            bad = name != "classification_accuracy" and differs(name, found[name], values[name])
            failed |= bad
            digits = 7 if name == "frechet" else 4
            cells.append(f"{found[name]:.{digits}f} / {values[name]:.{digits}f}{' DIFFERS' if bad else ''}")
        limit = f"{LIMITS.get(name, 5e-4):g}{' relative' if name in RELATIVE else ''}"
        label = f"{name} (here: 1-NN)" if name == "classification_accuracy" else f"{name} (≤ {limit})"
        print(f"| {label} | " + " | ".join(cells) + " |")

    print("\n| set | known failure | |\n|---|---|---|")
    for name, claims in KNOWN.items():
        for claim, holds in claims if name in tables and "real" in tables else []:
            good = holds(tables[name][0], tables["real"][0])
            failed |= not good
            print(f"| {name} | {claim} | {'shown' if good else 'NOT SHOWN'} |")
    return int(failed)


def main():
    match sys.argv[1:]:
        case ["make", directory]:
            make(Path(directory))
        case ["hold", *directories] if directories:
            return hold([Path(directory) for directory in directories])
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
