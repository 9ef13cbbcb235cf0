#!/usr/bin/env python3
"""Makes emoji.zip from the npm package emoji-datasource-google 16.0.0 (Noto Emoji by Google).

    npm pack emoji-datasource-google@16.0.0 && tar xzf emoji-datasource-google-16.0.0.tgz
    python3 -m pip install pillow==12.0.0
    ./make.py package emoji.zip

Each emoji of 64×64 pixels becomes a PNG of 32×32 with transparency, in a folder named by its category. Variations by skin tone are left out: they
would be 60 % of all pictures. So are the five swatches of skin tones themselves. The same package gives the same bytes.
"""

import io
import json
import re
import sys
import zipfile
from pathlib import Path

from PIL import Image

SIDE = 32


def main(package, out):
    emoji = json.loads((package / "emoji.json").read_text())
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for one in sorted(emoji, key=lambda one: one["sort_order"]):
            if one["category"] == "Component" or not one["has_img_google"]:
                continue
            picture = Image.open(package / "img/google/64" / one["image"]).convert("RGBA")
            # Colours count as much as they are opaque.
            small = picture.convert("RGBa").resize((SIDE, SIDE), Image.Resampling.BOX).convert("RGBA")
            png = io.BytesIO()
            small.save(png, "PNG", optimize=True)
            folder = re.sub(r"[^a-z]+", "-", one["category"].lower())
            name = zipfile.ZipInfo(f"{folder}/{one['short_name']}.png", (2024, 9, 10, 0, 0, 0))
            archive.writestr(name, png.getvalue())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
