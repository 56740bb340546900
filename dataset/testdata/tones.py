"""Writes tones.json beside this file: what Pillow makes of one random image. The file says
which version.

    PYTHONPATH=$(scripts/setup-python tensorflow) python3 dataset/testdata/tones.py

Changes are ImageOps.autocontrast, equalize, solarize and posterize, and
ImageEnhance.Sharpness.
"""

import json
import pathlib

import numpy as np
import PIL
from PIL import Image, ImageEnhance, ImageOps

HEIGHT, WIDTH = 24, 30

random = np.random.default_rng(7)
# Few of the values are frequent, and none is at the ends.
image = np.clip(random.normal([90, 120, 150], [15, 30, 40], (HEIGHT, WIDTH, 3)), 20, 240).astype(np.uint8)
picture = Image.fromarray(image)

cases = [
    {"name": "autocontrast", "value": 1, "picture": ImageOps.autocontrast(picture)},
    {"name": "equalize", "value": 1, "picture": ImageOps.equalize(picture)},
    {"name": "solarize", "value": 128, "picture": ImageOps.solarize(picture, 128)},
    {"name": "solarize", "value": 90, "picture": ImageOps.solarize(picture, 90)},
    {"name": "posterize", "value": 4, "picture": ImageOps.posterize(picture, 4)},
    {"name": "posterize", "value": 1, "picture": ImageOps.posterize(picture, 1)},
    {"name": "sharpness", "value": 0.2, "picture": ImageEnhance.Sharpness(picture).enhance(0.2)},
    {"name": "sharpness", "value": 1.9, "picture": ImageEnhance.Sharpness(picture).enhance(1.9)},
]
flat = lambda a: np.asarray(a).ravel().tolist()
out = {
    "versions": f"Pillow {PIL.__version__}, NumPy {np.__version__}",
    "height": HEIGHT, "width": WIDTH, "image": flat(image),
    "cases": [{"name": c["name"], "value": c["value"], "pixels": flat(c["picture"])} for c in cases],
}  # fmt: skip
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")
