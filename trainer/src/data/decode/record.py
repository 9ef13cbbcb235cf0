#!/usr/bin/env python3
"""Writes the pictures in this directory, and expected.json: their pixels as Pillow 12.0 reads them, on white, as red, green, blue.

    python3 -m pip install pillow==12.0.0 numpy && ./record.py
"""

import json

import numpy as np
from PIL import Image, ImageOps


def colours(height, width):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(17 * x + 31 * y) % 256, (7 * x * x + 3 * y) % 256, (200 - 5 * x * y) % 256], -1).astype("u1")


def smooth(height, width):
    """Few high frequencies, so that decoders of JPEG differ by a rounding at most."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([255 * x / (width - 1), 255 * y / (height - 1), 128 + 0 * x], -1).astype("u1")


plain = Image.fromarray(colours(8, 8))
plain.quantize(16).save("palette.png", transparency=3)
Image.fromarray((colours(8, 8)[:, :, 0].astype("u2") * 257)).save("sixteen.png")
plain.convert("LA").save("grey-alpha.png")
alpha = Image.fromarray(np.dstack([colours(8, 8), colours(8, 8)[:, :, :1]]))
alpha.save("alpha.png")
alpha.save("alpha.webp", lossless=True, exact=True)
plain.save("plain.bmp")
Image.new("RGB", (1, 1), (9, 8, 7)).save("one.png")
Image.fromarray(smooth(16, 16)).convert("CMYK").save("cmyk.jpg", quality=100, subsampling=0)
Image.fromarray(smooth(16, 16)).save("progressive.jpg", quality=100, subsampling=0, progressive=True)
turned = Image.Exif()
turned[0x0112] = 6
Image.fromarray(smooth(8, 16)).save("turned.jpg", quality=100, subsampling=0, exif=turned)
frames = [plain.convert("P"), Image.new("P", (8, 8), 1)]
frames[0].save("animated.gif", save_all=True, append_images=frames[1:])
plain.save("animated.webp", save_all=True, append_images=[Image.new("RGB", (8, 8))], lossless=True)


def read(name):
    picture = ImageOps.exif_transpose(Image.open(name))
    if picture.mode == "I;16":
        return np.repeat((np.asarray(picture) >> 8).astype("u1")[:, :, None], 3, 2)
    picture = picture.convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB"))


names = "palette.png sixteen.png grey-alpha.png alpha.png alpha.webp plain.bmp one.png cmyk.jpg progressive.jpg turned.jpg animated.gif animated.webp"
expected = {name: read(name).tolist() for name in names.split()}
picture = Image.fromarray(colours(10, 12))
# Of half the contrast: where Lanczos overshoots 0 or 255, the order of rows and columns matters.
faint = Image.fromarray(colours(10, 12) // 2 + 64)
expected["centre"] = np.asarray(faint.resize((8, 8), Image.Resampling.LANCZOS, box=(1, 0, 11, 10))).tolist()
grey = np.asarray(picture.convert("L")).tolist()
json.dump({"colour": expected, "grey": grey}, open("expected.json", "w"))
