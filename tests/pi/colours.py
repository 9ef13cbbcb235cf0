"""Writes NAME.npy, 600 pictures of 64×64 pixels in colour, and NAME.labels.npy: discs on a ground, red, green or blue by the label. Usage: colours.py NAME"""
import random
import struct
import sys


def save(path, shape, values):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}".ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(values))


count, side, name = 600, 64, sys.argv[1]
chosen = random.Random(1)
pictures, labels = bytearray(), [at % 3 for at in range(count)]
for label in labels:
    x, y, radius = chosen.uniform(20, 44), chosen.uniform(20, 44), chosen.uniform(8, 18)
    ground = bytes(chosen.choice([(240, 240, 230), (30, 30, 50)]))
    disc = bytes(chosen.randrange(180, 256) if channel == label else chosen.randrange(90) for channel in range(3))
    for row in range(side):
        for column in range(side):
            pictures += disc if (column - x) ** 2 + (row - y) ** 2 < radius**2 else ground
save(name + ".npy", (count, side, side, 3), pictures)
save(name + ".labels.npy", (count,), labels)
