"""Writes resize.json next to this file: small grids resized by TensorFlow.
Made with tensorflow-cpu 2.18.0:

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu==2.18.0
    venv/bin/python explain/testdata/resize.py
"""

import json
import pathlib

import numpy as np
import tensorflow as tf

random = np.random.default_rng(3)
cases = []
for (h, w), (height, width) in [
    ((2, 2), (4, 4)),
    ((1, 1), (3, 2)),
    ((13, 13), (20, 31)),
    ((3, 5), (11, 7)),
    ((5, 3), (4, 9)),
    ((7, 6), (3, 2)),  # smaller: antialias=False takes the two nearest
    ((1, 4), (2, 9)),
]:
    grid = random.normal(size=(h, w)).astype(np.float32)
    resized = tf.image.resize(grid[..., None], (height, width), "bilinear", antialias=False).numpy()[..., 0]
    cases.append(
        {
            "from": [h, w],
            "to": [height, width],
            "values": [float(f"{v:.9g}") for v in grid.ravel()],
            "resized": [float(f"{v:.7g}") for v in resized.ravel()],
        }
    )
json.dump(cases, open(pathlib.Path(__file__).with_name("resize.json"), "w"), separators=(",", ":"))
