#!/usr/bin/env python3
"""Checks that onnxruntime and NumPy draw what `duel sample` draws.

    duel export RUN --out DIR
    duel sample --model DIR/generator.onnx --count 64 --seed 7 --float --out x.npy
    python -m pip install -r requirements.txt
    parity.py DIR x.npy

`duel sample` writes the latents as x.latents.npy and the labels of a conditional generator as x.labels.npy.
Prints a line for each check; the exit code is 1 if one failed.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors import safe_open

LIMIT = 1e-5
# Share of values within one level of 255, where the graph stores its weights in f16.
SAME = 0.999


# The network of generator.safetensors, computed with NumPy.


def transposed_convolution(x, weight, bias):
    """4x4, stride 2, padding 1: [N, C, H, W] -> [N, O, 2H, 2W]; weight [C, O, 4, 4]."""
    n, _, rows, columns = x.shape
    out = np.zeros((n, weight.shape[1], 2 * rows + 2, 2 * columns + 2))
    for i in range(4):
        for j in range(4):
            out[:, :, i : i + 2 * rows : 2, j : j + 2 * columns : 2] += np.einsum("nchw,co->nohw", x, weight[:, :, i, j])
    return out[:, :, 1:-1, 1:-1] + bias[:, None, None]


def upsampled_convolution(x, weight, bias):
    """Nearest x2, then 3x3 with padding 1: [N, C, H, W] -> [N, O, 2H, 2W]; weight [O, C, 3, 3]."""
    rows, columns = 2 * x.shape[2], 2 * x.shape[3]
    x = np.pad(x.repeat(2, axis=2).repeat(2, axis=3), [(0, 0), (0, 0), (1, 1), (1, 1)])
    return sum(np.einsum("nchw,oc->nohw", x[:, :, i : i + rows, j : j + columns], weight[:, :, i, j]) for i in range(3) for j in range(3)) + bias[:, None, None]


def draw(weights, shape, latents, labels=None, classes=0):
    """Latents [N, L] and labels [N] -> images [N, C, H, W], for the shape [C, H, W]."""
    w = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    convolutional = "up1.weight" in w
    epsilon = 1e-5 if convolutional else 1e-3

    def layer(name, h):
        return h @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(i, h):
        if f"norm{i}.weight" not in w:
            return h
        scale = w[f"norm{i}.weight"] / np.sqrt(w[f"norm{i}.running_var"] + epsilon)
        shift = w[f"norm{i}.bias"] - w[f"norm{i}.running_mean"] * scale
        return h * scale.reshape(-1, *[1] * (h.ndim - 2)) + shift.reshape(-1, *[1] * (h.ndim - 2))

    last = sum(name.endswith(".weight") and name.startswith("up" if convolutional else "dense") for name in w)
    h = latents if labels is None else np.concatenate([latents, np.eye(classes)[labels]], axis=1)
    if convolutional:
        h = norm(1, layer("dense1", h).reshape(len(h), -1, shape[1] >> last, shape[2] >> last))
        for i in range(1, last + 1):
            h = np.where(h > 0, h, 0.2 * h)
            weight, bias = w[f"up{i}.weight"], w[f"up{i}.bias"]
            h = (transposed_convolution if weight.shape[-1] == 4 else upsampled_convolution)(h, weight, bias)
            h = norm(i + 1, h) if i < last else h
    else:
        for i in range(1, last):
            h = norm(i, np.maximum(layer(f"dense{i}", h), 0))
        h = layer(f"dense{last}", h)
    return np.tanh(h).reshape(-1, *shape)


# The checks: each returns the text to print, or raises. (`assert` would do nothing under `python -O`.)


def require(holds, message):
    if not holds:
        raise ValueError(message)


def near(got, expected):
    require(got.shape == expected.shape, f"shape {got.shape}, expected {expected.shape}")
    difference = float(np.abs(got - expected).max())
    require(difference <= LIMIT, f"max difference {difference:.1e}, over {LIMIT:g}")  # NaN fails too
    return f"max difference {difference:.1e}, at most {LIMIT:g}"


def near_in_levels(got, expected):
    """The graph stores its weights in f16, generator.safetensors in f32: `duel export --half` promises this much."""
    require(got.shape == expected.shape, f"shape {got.shape}, expected {expected.shape}")
    share = float((np.abs(got - expected) <= 2 / 255).mean())
    require(share >= SAME, f"{share:.4f} of the values are within one level of 255, under {SAME}")
    return f"{share:.4f} of the values are within one level of 255, at least {SAME}"


def well_formed(model):
    onnx.checker.check_model(model, full_check=True)
    opset = {entry.domain: entry.version for entry in model.opset_import}[""]
    require(opset == 17, f"opset {opset}, expected 17")
    return f"opset {opset}, {len(model.graph.node)} nodes"


def named(session, card):
    def ports(values):
        return [(value.name, value.type, len(value.shape)) for value in values]

    label = [("label", "tensor(int64)", 1)] if int(card["duel.classes"]) else []
    require(ports(session.get_inputs()) == [("latent", "tensor(float)", 2), *label], f"inputs {ports(session.get_inputs())}")
    require(ports(session.get_outputs()) == [("image", "tensor(float)", 4)], f"outputs {ports(session.get_outputs())}")
    return ", ".join(f"{value.name} {value.shape}" for value in session.get_inputs() + session.get_outputs())


def same_card(onnx_card, safetensors_card):
    require(onnx_card, "generator.onnx has no duel.* keys")
    differ = sorted(key for key in onnx_card.keys() | safetensors_card.keys() if onnx_card.get(key) != safetensors_card.get(key))
    require(not differ, f"differ in {', '.join(differ)}")
    return f"{len(onnx_card)} keys"


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, sampled = Path(sys.argv[1]), Path(sys.argv[2])

    images = np.load(sampled)  # [N, H, W], or [N, H, W, C] in colour
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    latents = np.load(sampled.with_suffix(".latents.npy"))
    labels_file = sampled.with_suffix(".labels.npy")
    labels = np.load(labels_file).astype(np.int64) if labels_file.exists() else None

    model = onnx.load(folder / "generator.onnx")
    session = onnxruntime.InferenceSession(folder / "generator.onnx", providers=["CPUExecutionProvider"])
    card = {entry.key: entry.value for entry in model.metadata_props if entry.key.startswith("duel.")}
    with safe_open(folder / "generator.safetensors", "numpy") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}
        other_card = {key: value for key, value in (file.metadata() or {}).items() if key.startswith("duel.")}
    classes = int(card.get("duel.classes", 0))
    if not classes:
        labels = None

    def onnx_draws(some):
        inputs = {"latent": latents[some]} | ({} if labels is None else {"label": labels[some]})
        return session.run(["image"], inputs)[0]

    halves = any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in model.graph.initializer)
    alike = near_in_levels if halves else near
    checks = {
        "onnx.checker": lambda: well_formed(model),
        "inputs and outputs": lambda: named(session, card),
        "the same card in both files": lambda: same_card(card, other_card),
        f"onnxruntime, {len(images)} images": lambda: near(onnx_draws(slice(None)), images),
        "onnxruntime, one image": lambda: near(onnx_draws(slice(1)), images[:1]),
        f"NumPy from generator.safetensors, {len(images)} images": lambda: alike(draw(weights, images.shape[1:], latents, labels, classes), images),
    }
    failed = 0
    for name, check in checks.items():
        try:
            print(f"pass  {name}: {check()}")
        except Exception as error:  # any exception fails this check, and the next one still runs
            failed += 1
            print(f"FAIL  {name}: {error if type(error) is ValueError else repr(error)}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
