#!/bin/sh
# torch-cpu.sh PREFIX: a virtual environment at PREFIX in which `import torch` works on a machine without a GPU.
#
# PyTorch publishes CPU builds on its own package index. Where that index can be reached, `pip install torch --index-url` is simpler and does as
# well. The wheel on PyPI is built for CUDA, and links gigabytes of libraries that are never called on a CPU. This script does not install those
# libraries, but puts small stand-ins beside torch's own libraries. A stand-in exports the symbols and versions that the dynamic linker asks for;
# each of its functions returns 100, CUDA's error 'no device'.
#
# Needs python3 (with venv), gcc, binutils and 2 GB of disk. A second call does only what is missing. Prints the variables to set.
set -eu

[ -n "${1:-}" ] || { echo "usage: torch-cpu.sh PREFIX" >&2; exit 2; }
mkdir -p "$1"
prefix=$(cd "$1" && pwd)
torch=2.15.0
python=$prefix/bin/python

[ -x "$python" ] || python3 -m venv "$prefix"
# --no-deps keeps the CUDA wheels out, so torch's other requirements are named here.
"$python" -m pip --disable-pip-version-check install --quiet --no-deps "torch==$torch" \
    filelock==4.2.12 fsspec==2026.9.0 jinja2==3.1.6 markupsafe==3.0.4 mpmath==1.3.0 networkx==3.6.1 \
    setuptools==80.9.0 sympy==1.14.0 typing-extensions==4.16.0 numpy==2.4.6 safetensors==0.8.0 >&2

"$python" - <<'PYTHON' >&2
import pathlib, re, subprocess, sysconfig, tempfile

lib = pathlib.Path(sysconfig.get_path("purelib")) / "torch" / "lib"
ours = "stand-in for a CUDA library"  # marks a stand-in


def readelf(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], check=True, capture_output=True, text=True).stdout


def is_stand_in(path):
    return path.stat().st_size < 1 << 20 and ours.encode() in path.read_bytes()


# The libraries that torch's libraries link to. Only libcaffe2_nvrtc needs the driver, libcuda, and it is opened only when a GPU is used.
libraries = [path for path in lib.glob("*.so") if path.name != "libcaffe2_nvrtc.so" and not is_stand_in(path)]
missing = set()
for path in libraries:
    for line in subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout.splitlines():
        if line.endswith("not found"):
            missing.add(line.split()[0])

# The symbols that are needed: {soname: {version: {symbol}}}. A symbol without a version may stand in any of the libraries.
wanted = {soname: {} for soname in missing}
unversioned = set()
for path in libraries:
    versions = {}  # version -> soname
    for line in readelf("-V", path).splitlines():
        if found := re.search(r"Version: \d+\s+File: (\S+)", line):
            soname = found[1]
        elif found := re.search(r"Name: (\S+)\s+Flags:.*Version:", line):
            versions.setdefault(found[1], set()).add(soname)
            if soname in missing:
                wanted[soname].setdefault(found[1], set())
    for line in readelf("--dyn-syms", path).splitlines():
        fields = line.split()
        if len(fields) < 8 or fields[6] != "UND":
            continue
        symbol, _, version = fields[7].partition("@")
        if version:
            for soname in versions.get(version, set()) & missing:
                wanted[soname][version].add(symbol)
        elif re.match(r"cu[A-Z]|cusparse|nccl", symbol):
            unversioned.add(symbol)

home = min(missing, default=None)
for soname, versions in wanted.items():
    symbols = set().union(*versions.values()) | (unversioned if soname == home else set())
    with tempfile.TemporaryDirectory() as folder:
        source, script = pathlib.Path(folder, "stand-in.c"), pathlib.Path(folder, "versions")
        source.write_text(
            f'__attribute__((used)) static const char what[] = "{ours}";\n' + "".join(f"int {s}(void) {{ return 100; }}\n" for s in sorted(symbols))
        )
        script.write_text("".join(f"{v} {{ {' '.join(s + ';' for s in sorted(names))} }};\n" for v, names in versions.items()))
        versioned = [f"-Wl,--version-script={script}"] if versions else []
        subprocess.run(["gcc", "-w", "-shared", "-fPIC", f"-Wl,-soname,{soname}", *versioned, "-o", lib / soname, source], check=True)
    print(f"stand-in {soname}: {len(symbols)} functions")
PYTHON

"$python" -c 'import torch; x = torch.ones(2, 2); assert float((x @ x).sum()) == 8 and not torch.cuda.is_available(); print("torch", torch.__version__, "works")' >&2
echo "export PYTHON=$python"
