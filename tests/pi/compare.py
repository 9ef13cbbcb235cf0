"""Compares the pictures that two machines drew from one seed: latents and labels must be equal to the bit, pixels within 1 of 255."""
import struct
import sys


def npy(path):
    data = open(path, "rb").read()
    assert data[:6] == b"\x93NUMPY", path
    start = 10 + struct.unpack("<H", data[8:10])[0]
    return data[start:]


one, two = sys.argv[1:]
for what in ".latents.npy", ".labels.npy":
    assert npy(one + what) == npy(two + what), f"{what} differ"
a, b = (npy(name + ".npy") for name in (one, two))
assert len(a) == len(b)
worst = max(abs(x - y) for x, y in zip(*(struct.unpack(f"<{len(v) // 4}f", v) for v in (a, b))))
print(f"latents and labels equal, pixels within {worst * 127.5:.6f} of 255")
sys.exit(worst * 127.5 > 1)
