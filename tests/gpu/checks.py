#!/usr/bin/env python3
"""The parts of tests/gpu/run. Each has a time limit of its own, and a part that fails does not stop the others.

With --device cpu the same commands run on the CPU, small, and what needs a card says so: a test of this program, not of a GPU.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from duel import WORK, Failed, bench, distances, duel, largest_difference, pictures, series, settings, tell, tensors

HERE = Path(__file__).resolve().parent
TRAINING = HERE.parent / "peers" / "training"

# The networks of tests/peers/oracle, whose ten steps on the CPU equal PyTorch's to 1e-5: trainer/src/gan/oracle.rs.
EVERY = ["data.images=200", "training.batch=8", "generator.latent=12", "evaluation.every=0", "record.metrics_every=1"]
MLP = [f"{side}.{key}" for side in ("generator", "discriminator") for key in ("hidden=[24,24,24]", "learning_rate=1e-3")]
PAPER = ["generator.hidden=[24,24]", "generator.batch_norm=off", "generator.output=sigmoid", "generator.learning_rate=0.05"]
PAPER += ["discriminator.hidden=[12,12]", "discriminator.pieces=5", "discriminator.learning_rate=0.05", "training.optimizer=sgd", "training.momentum=0.5"]
ADAM = ["learning_rate=2e-4", "beta1=0.5", "beta2=0.99", "epsilon=1e-8"]
ADAM = [f"{side}.{key}" for side in ("generator", "discriminator") for key in ADAM]
NORM = ["generator.batch_norm_momentum=0.9", "generator.batch_norm_epsilon=1e-5"]
KINDS = ["generator.kind=conv", "discriminator.kind=conv", *ADAM, *NORM]
CONV = ["generator.channels=[16,8]", "discriminator.channels=[8,16]", *KINDS]
COLOUR = ["data.source=emoji", "data.size=64", "generator.channels=[16,12,8,8]", "discriminator.channels=[8,8,12,16]", *KINDS]
PENALTIES = ["discriminator.r1=100", "discriminator.r2=100"]
CASES = {
    "mlp": MLP,
    "conv 28": CONV,
    "conv 64 colour": COLOUR,
    "upsampling": [*CONV, "generator.growth=nearest"],
    "conditional": [*CONV, "training.conditional=true"],
    "maxout, sgd": PAPER,
    "dropout": [*PAPER, "discriminator.keep_pixels=0.8", "discriminator.keep_hidden=0.5"],
    "spectral norm": [*CONV, "discriminator.spectral_norm=true"],
    "frozen batch norm": [*MLP, "generator.batch_norm=frozen"],
    "minimax": [*CONV, "training.loss=minimax"],
    "least squares": [*CONV, "training.loss=least-squares"],
    "hinge": [*CONV, "training.loss=hinge"],
    "relativistic": [*CONV, "training.loss=relativistic"],
    "R1 and R2": [*CONV, "training.conditional=true", *PENALTIES],
    "augmentation": [*COLOUR, "training.augment=fixed", "training.loss=relativistic", *PENALTIES],
    "adaptive": [*CONV, "training.augment=adaptive", "training.augment_target=0", "training.balance=adaptive"],
    "EMA, truncation": [*CONV, "generator.ema=0.9", "generator.truncation=0.7"],
    "simultaneous, 2 updates": [*MLP, "training.order=simultaneous", "training.k_discriminator=2"],
    "toy": ["data.source=bell", "generator.latent=1", "generator.hidden=[5]", "generator.output=linear", "discriminator.hidden=[6]"],
}

# How far two devices may be apart. Rounding errors grow in ten steps: the gradient of a leaky ReLU jumps where its input crosses zero, and the true gradient of a
# bias in front of a batch norm is zero, of whose rounding errors Adam makes full steps (tests/peers/oracle/README.md). candle's operations and the kernels, both on
# one CPU, are at most this far apart in these cases: losses of the first step 1.2e-7, median 4e-5, largest 4e-3, pixels 2e-3. TensorFloat-32 fails at the first step.
FIRST, MEDIAN, LARGEST, PIXEL = 2e-6, 2e-4, 2e-2, 1e-2


class Parts:
    """What the parts share: the device, the folder of their runs, and the rows of the table."""

    def __init__(self, options):
        self.device, self.work, self.card = options.device, Path(WORK), options.device == "cuda"
        self.rows, self.deadline, self.part = [], 0.0, ""
        self.compiling = []

    def left(self):
        return self.deadline - time.monotonic()

    def row(self, check, figure, verdict="ok"):
        self.rows.append({"part": self.part, "check": check, "figure": figure, "verdict": verdict})
        print(f"  {check:24} {verdict:12} {figure}", flush=True)

    def check(self, name, body):
        """Runs the check `body`, which returns its figure, and puts a failure into the table."""
        if self.left() <= 0:
            return self.row(name, "", "no time left")
        try:
            return self.row(name, body())
        except Failed as why:
            return self.row(name, str(why), "FAILED")

    def train(self, name, device, keys, steps, more=()):
        """Trains a new run on the bundled digits, unless `keys` name other data, and returns its folder."""
        run = self.work / name.replace(" ", "-").replace(",", "")
        duel(["train", "--plain", "--device", device, "--recipe", TRAINING / "mlp.toml", "--run", run, "--steps", steps, *settings([*EVERY, *keys]), *more], self.left())
        return run

    def resume(self, run, device, steps):
        duel(["train", "--plain", "--device", device, "--resume", run, "--steps", steps], self.left())


def card(parts):
    """Which card, which driver, which PyTorch."""
    if not parts.card:
        return parts.row("card", "nvidia-smi, driver, memory", "needs a card")
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit,utilization.gpu", "--format=csv,noheader"]
    parts.row("card", subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.strip().replace("\n", "; "), "measured")
    code = "import torch; print(torch.__version__, 'CUDA', torch.version.cuda, 'cuDNN', torch.backends.cudnn.version())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return parts.row("PyTorch", (done.stdout or done.stderr).strip().splitlines()[-1], "measured")


def auto(parts):
    """--device auto takes the card. The first use of a card also compiles the kernels for it, which the driver keeps."""

    def chosen():
        began = time.monotonic()
        found = bench(["--recipe", TRAINING / "dcgan.toml", "--device", "auto", "--steps", 2, "--set", "training.batch=8"], parts.left())["device"]
        if found != parts.device:
            raise Failed(f"it took {found}")
        return f"{found}, {time.monotonic() - began:.1f} s from start to end"

    parts.check("--device auto", chosen)


def apart(found, expected):
    """The distance of two series in words, and whether two devices may be so far apart."""
    all_values = sorted(distances(found, expected))
    first = max(distances([found[0][:2]], [expected[0][:2]]))
    median, largest = all_values[len(all_values) // 2], all_values[-1]
    return f"first {first:.1e}, median {median:.1e}, largest {largest:.1e}", first <= FIRST and median <= MEDIAN and largest <= LARGEST


def steps(parts):
    """Ten steps of each network on the device and on the CPU: losses, gradient norms, and pictures of the trained generator."""

    def compare(case):
        name, keys = case
        began = time.monotonic()
        found, expected = (parts.train(f"steps {name} {side}", device, keys, 10) for side, device in (("found", parts.device), ("expected", "cpu")))
        figure, good = apart(series(found), series(expected))
        if name != "toy":
            pixels = largest_difference(*(pictures(run, f"{run}-pictures", parts.left()) for run in (found, expected)))
            figure, good = f"{figure}, pixels {pixels:.1e}", good and pixels <= PIXEL
        if not good:
            raise Failed(f"{figure}; allowed {FIRST:.0e}, {MEDIAN:.0e}, {LARGEST:.0e} and {PIXEL:.0e}")
        return f"{figure}, {time.monotonic() - began:.1f} s"

    with ThreadPoolExecutor(4 if parts.card else 1) as pool:
        list(pool.map(lambda case: parts.check(case[0], lambda: compare(case)), CASES.items()))


def same(a, b, exact):
    """The distance of two runs of 20 steps in words; `exact` demands equal bits."""
    figure, good = apart(series(a), series(b))
    left, right = tensors(a, 20), tensors(b, 20)
    if left.keys() != right.keys():
        raise Failed("the checkpoints hold different tensors")
    values = max(largest_difference(left[name], right[name]) for name in left)
    if all(left[name].tobytes() == right[name].tobytes() for name in left) and series(a) == series(b):
        return "equal to the bit"
    figure = f"{figure}, values of the checkpoint {values:.1e}"
    if exact or not good:
        raise Failed(figure)
    return figure


def resume(parts):
    """A resume on the device ends like a run that was not stopped; and a checkpoint goes from the CPU to the device and back."""
    for name, keys in {"mlp": [*MLP, "generator.ema=0.9"], "conv": [*CONV, "discriminator.spectral_norm=true", *PENALTIES]}.items():
        whole = {device: parts.train(f"whole {name} {device}", device, keys, 20) for device in {parts.device, "cpu"}}

        def repeated():
            return same(parts.train(f"again {name}", parts.device, keys, 20), whole[parts.device], exact=True)

        def resumed(what, first, second):
            run = parts.train(f"resumed {name} {what}", first, keys, 10)
            parts.resume(run, second, 20)
            return same(run, whole[parts.device if first == second else "cpu"], exact=first == second)

        parts.check(f"{name}: the same run twice", repeated)
        for what, first, second in [("resumed", parts.device, parts.device), ("CPU to device", "cpu", parts.device), ("device to CPU", parts.device, "cpu")]:
            parts.check(f"{name}: {what}", lambda: resumed(what, first, second))


def whole(parts):
    """Evaluation, diagnosis, samples and export of a run of the recipe `digits` on the device."""

    def steps():
        keys = ["evaluation.every=20", "data.images=2000", "record.samples_every=20", *([] if parts.card else ["training.batch=8"])]
        run = ["--recipe", "digits", "--device", parts.device, "--run", parts.work / "digits", "--steps", 20, *settings(keys)]
        duel(["train", "--plain", *run], parts.left())
        events = (parts.work / "digits" / "events.jsonl").read_text()
        if '"evaluation"' not in events:
            raise Failed("no evaluation in events.jsonl")
        return f"{events.count('evaluation')} evaluation, {len(list((parts.work / 'digits' / 'samples').iterdir()))} grids"

    def exported():
        duel(["export", parts.work / "digits", "--out", parts.work / "export"], parts.left())
        return f"generator.onnx, {(parts.work / 'export' / 'generator.onnx').stat().st_size / 1e6:.1f} MB"

    parts.check("evaluation, samples", steps)
    parts.check("export", exported)


# Name of the row, network of tests/peers/training, batch, steps of duel in a measurement.
SPEEDS = [("dense", "mlp", 64, 4000), ("DCGAN", "dcgan", 64, 1500), ("64×64 colour", "colour", 64, 800), ("64×64 colour", "colour", 256, 300)]


def pytorch(parts, network, batch, seconds, flags=()):
    """Starts PyTorch's measurement. The compiled graphs are kept in a folder, so that a second measurement need not compile."""
    environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": str(parts.work / "inductor"), "TORCHINDUCTOR_FX_GRAPH_CACHE": "1"}
    command = [sys.executable, TRAINING / "pytorch.py", network, "--device", parts.device, "--batch", str(batch), "--seconds", str(seconds), "--threads", "2", *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def answer(process, seconds):
    """images/s of a measurement of PyTorch, or of its products in GFLOP/s."""
    try:
        out, error = process.communicate(timeout=max(seconds, 1))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Failed(f"PyTorch took over {seconds:.0f} s") from None
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if process.returncode or not lines:
        raise Failed(f"PyTorch: {(error.strip().splitlines() or ['it printed no line of JSON'])[-1][:200]}")
    report = json.loads(lines[-1])
    return report.get("images_per_second") or report["gflops"]


def prepare(parts):
    """Compiles PyTorch's graphs in the background while the checks run: `speed` then finds them in the cache."""
    if parts.card:
        parts.compiling = [pytorch(parts, network, batch, 0.1, ["--compile"]) for _, network, batch, _ in SPEEDS]
    parts.row("compiling in background", str(len(parts.compiling)), "measured")


def speed(parts):
    """images/s of duel, of PyTorch and of torch.compile, in turn. Full float32 on both sides."""
    for process in parts.compiling:
        try:
            answer(process, min(parts.left() - 60, 60))
        except Failed as why:
            parts.row("compiling", str(why), "FAILED")
    seconds = 3 if parts.card else 0.2
    if parts.card:
        parts.check("products of 2048²", lambda: f"{answer(pytorch(parts, 'sgemm', 64, 2), parts.left()):,.0f} GFLOP/s in float32")
    for name, network, batch, count in SPEEDS if parts.card else SPEEDS[:2]:
        found = {}

        def compared():
            for side, flags in (("eager", []), ("compiled", ["--compile"])):
                if side == "eager" or parts.card:
                    found[side] = answer(pytorch(parts, network, batch, seconds, flags), parts.left())
            keys = ["--recipe", TRAINING / f"{network}.toml", "--device", parts.device, "--set", f"training.batch={batch}"]
            # A first, short measurement says how many steps take as long as PyTorch.
            first = bench([*keys, "--steps", count // 10 if parts.card else 2], parts.left())["images_per_second"]
            found["duel"] = bench([*keys, "--steps", max(round(seconds * first / batch), 2)], parts.left())["images_per_second"]
            return figure()

        def figure():
            words = ", ".join(f"{side} {value:,.0f}" for side, value in found.items())
            ratios = ", ".join(f"{found['duel'] / value:.2f} × {side}" for side, value in found.items() if "duel" in found and side != "duel")
            return f"images/s: {words}; {ratios}"

        def guarded():
            try:
                return compared()
            except Failed as why:
                raise Failed(f"{figure()} {why}") from None

        parts.check(f"{name}, batch {batch}", guarded)


def recipes(parts):
    """images/s of whole recipes, by duel alone: labels, EMA, penalties and augmentation included."""
    for name, recipe, keys in [
        ("pictures, batch 64", "pictures", ["data.source=emoji", "data.size=64", "training.batch=64"]),
        ("pictures, batch 256", "pictures", ["data.source=emoji", "data.size=64", "training.batch=256"]),
        ("digits", "digits", []),
    ][: 3 if parts.card else 1]:

        def measured():
            report = bench(["--recipe", recipe, "--device", parts.device, *settings(keys), "--steps", 100 if parts.card else 1], parts.left())
            return f"{report['images_per_second']:,.0f} images/s, {report['gflops']:,.0f} GFLOP/s"

        parts.check(name, measured)


def memory(parts):
    """A card without memory is an error of one line, which names the batch to try. PyTorch takes the memory first."""
    if not parts.card:
        return parts.row("out of memory", "one line, with the batch to try", "needs a card")
    code = "import sys, torch; free = torch.cuda.mem_get_info()[0]; x = torch.empty(free - 1500 * 2**20, dtype=torch.uint8, device='cuda'); print('full', flush=True); sys.stdin.read()"
    full = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    limit = threading.Timer(parts.left(), full.kill)
    limit.start()

    def refused():
        if full.stdout.readline().strip() != "full":
            raise Failed("PyTorch could not take the card's memory")
        keys = ["--recipe", TRAINING / "dcgan.toml", "--device", "cuda", "--set", "training.batch=8192"]
        code, _, error = tell(["train", "--bench", *keys, "--steps", 2], parts.left())
        lines = error.strip().splitlines()
        if code != 1 or len(lines) != 1 or "training.batch=4096" not in lines[0]:
            raise Failed(f"exit {code}, {len(lines)} lines: {' / '.join(lines)[:200]}")
        return lines[0]

    try:
        return parts.check("out of memory", refused)
    finally:
        limit.cancel()
        full.kill()
        full.wait()


def sanitizer(parts):
    """compute-sanitizer over three steps of the networks: reads and writes outside of their arrays."""
    candidates = [shutil.which("compute-sanitizer"), *sorted(Path("/usr/local").glob("cuda*/bin/compute-sanitizer")), *sorted(Path("/usr/local").glob("cuda*/compute-sanitizer/compute-sanitizer"))]
    tool = next((str(path) for path in candidates if path and Path(path).exists()), None)
    if not parts.card or not tool:
        return parts.row("compute-sanitizer", "memcheck", "not there" if parts.card else "needs a card")
    for name in ["mlp", "conv 28", "conv 64 colour", "maxout, sgd", "spectral norm"]:

        def clean():
            keys = settings([*EVERY, *CASES[name]])
            began = time.monotonic()
            duel(["train", "--bench", "--device", "cuda", "--recipe", TRAINING / "mlp.toml", "--steps", 3, *keys], parts.left(), [tool, "--error-exitcode", "9"])
            return f"memcheck, no errors, {time.monotonic() - began:.0f} s"

        parts.check(name, clean)


# The parts in their order, with the seconds that each may take at most; --limit holds for all together. `memory` comes after the programs of `prepare` have
# ended, which need memory.
PARTS = [(card, 30), (prepare, 5), (auto, 30), (steps, 80), (resume, 40), (whole, 25), (speed, 150), (recipes, 25), (memory, 25), (sanitizer, 60)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--only", default="", help="names of parts, with commas between them")
    parser.add_argument("--limit", type=float, default=345, help="seconds for all parts together")
    options = parser.parse_args()
    parts, began = Parts(options), time.monotonic()
    only = set(filter(None, options.only.split(",")))
    if unknown := only - {part.__name__ for part, _ in PARTS}:
        parser.error(f"--only {','.join(sorted(unknown))}: the parts are {', '.join(part.__name__ for part, _ in PARTS)}")
    for part, seconds in PARTS:
        if only and part.__name__ not in only:
            continue
        parts.part, started = part.__name__, time.monotonic()
        # On a CPU the parts are a test of themselves, and may take their time.
        parts.deadline = min(started + seconds, began + options.limit) if parts.card else started + 600
        print(f"\n{part.__name__}: {part.__doc__.splitlines()[0]}", flush=True)
        try:
            part(parts)
        except Exception as error:  # A part that fails does not stop the others.
            parts.row(part.__name__, f"{type(error).__name__}: {error}"[:200], "FAILED")
        print(f"  ({time.monotonic() - started:.1f} s)", flush=True)
    for process in parts.compiling:
        process.kill()
    print(f"\n| part | check | result | figure |\n|---|---|---|---|")
    print("\n".join(f"| {row['part']} | {row['check']} | {row['verdict']} | {row['figure']} |" for row in parts.rows))
    bad = [row for row in parts.rows if row["verdict"] in ("FAILED", "no time left")]
    print(f"\n{len(parts.rows)} rows, {len(bad)} of them failed or without time, {time.monotonic() - began:.0f} s on {options.device}")
    if out := os.environ.get("OUT"):
        Path(out, "gpu.json").write_text(json.dumps(parts.rows, indent=1, ensure_ascii=False) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
