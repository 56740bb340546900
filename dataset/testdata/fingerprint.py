"""Writes fingerprint.json next to this file: perceptual hashes by ImageHash of
pictures that a formula gives. Made with ImageHash 4.3.2, Pillow 13.0.0,
NumPy 2.4.6, SciPy 1.17.1, PyWavelets 1.9.0:

    python3 -m venv venv
    venv/bin/pip install ImageHash==4.3.2 pillow==13.0.0 numpy==2.4.6 scipy==1.17.1 PyWavelets==1.9.0
    venv/bin/python dataset/testdata/fingerprint.py
"""

import json
import pathlib

import imagehash
import numpy as np
from PIL import Image


def picture(width, height, factors):
    """Bends of color: whole numbers only."""
    a, b, c, d = factors
    y, x = np.mgrid[:height, :width].astype(np.int64)
    x, y = x * 256 // width, y * 256 // height
    pixels = np.empty((height, width, 3), np.uint8)
    for channel in range(3):
        v = (a * x * x + b * y * y + c * x * y + d * (channel + 1) * (x + y)) // 256 % 512
        pixels[..., channel] = np.minimum(v, 511 - v)
    return Image.fromarray(pixels)


random = np.random.default_rng(16)
cases = []
for width, height in [(32, 32), (9, 8), (512, 384), (301, 700), (40, 31), (20, 20), (1, 50)]:
    for _ in range(6):
        factors = [int(f) for f in random.integers(-9, 10, 4)]
        image = picture(width, height, factors)
        cases.append({
            "width": width, "height": height, "factors": factors,
            "phash": str(imagehash.phash(image)), "dhash": str(imagehash.dhash(image)),
    })  # fmt: skip

with open(pathlib.Path(__file__).with_name("fingerprint.json"), "w") as f:
    json.dump(cases, f, separators=(",", ":"))
