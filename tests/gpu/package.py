#!/usr/bin/env python3
"""Packs the binary `duel` small, without the data sets and models that the repository holds too, and unpacks it again.

package.py pack BINARY FOLDER       writes FOLDER/duel.xz and FOLDER/duel.json
package.py unpack FOLDER BINARY     puts the repository's files back in their places, and checks the SHA-256 of the result
"""

import hashlib
import json
import lzma
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The files that `include_bytes!` compiles in.
INCLUDED = ["trainer/data/**/*.gz", "trainer/data/**/*.zip", "trainer/data/*.safetensors", "models/*/generator.onnx"]


def pack(binary, folder):
    content = bytearray(binary.read_bytes())
    sha256 = hashlib.sha256(content).hexdigest()
    places = {}
    for file in sorted(path for pattern in INCLUDED for path in ROOT.glob(pattern)):
        included = file.read_bytes()
        if (at := content.find(included)) >= 0:
            content[at : at + len(included)] = bytes(len(included))
            places[str(file.relative_to(ROOT))] = at
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "duel.xz").write_bytes(lzma.compress(content, preset=9))
    (folder / "duel.json").write_text(json.dumps({"sha256": sha256, "places": places}, indent=1) + "\n")
    size = (folder / "duel.xz").stat().st_size
    print(f"{folder / 'duel.xz'}: {size / 2**20:.1f} MiB; unpacked {len(content) / 2**20:.1f} MiB, of which {len(places)} files of the repository")


def unpack(folder, binary):
    about = json.loads((folder / "duel.json").read_text())
    content = bytearray(lzma.decompress((folder / "duel.xz").read_bytes()))
    for file, at in about["places"].items():
        included = (ROOT / file).read_bytes()
        content[at : at + len(included)] = included
    if hashlib.sha256(content).hexdigest() != about["sha256"]:
        sys.exit(f"{folder}: the package does not fit this checkout, whose data sets or models differ; run tests/gpu/build again")
    binary.write_bytes(content)
    binary.chmod(0o755)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["pack", binary, folder]:
            pack(Path(binary), Path(folder))
        case ["unpack", folder, binary]:
            unpack(Path(folder), Path(binary))
        case _:
            sys.exit(__doc__)
