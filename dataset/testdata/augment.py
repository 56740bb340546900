"""Writes augment.json beside this file: what Keras and torchvision make of one
random image. The file says which versions. From the environments of the tests:

    export PYTHONPATH=$(scripts/setup-python torch):$(scripts/setup-python tensorflow)
    python3 dataset/testdata/augment.py

Geometry is Keras's apply_affine_transform, which hands it to SciPy. The image is
square: of others Keras 3.10 takes half the height for the middle of the columns.
Colors are torchvision's adjust_brightness, adjust_contrast and
adjust_saturation, one at a time.
"""

import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import scipy
import torch
import torchvision
from keras.src.legacy.preprocessing.image import apply_affine_transform
from torchvision.transforms import functional

HEIGHT, WIDTH = 11, 11

random = np.random.default_rng(5)
image = random.integers(0, 256, size=(HEIGHT, WIDTH, 3), dtype=np.uint8)


def affine(theta=0, tx=0, ty=0, shear=0, zx=1, zy=1, fill_mode="nearest", cval=0):
    out = apply_affine_transform(
        image.astype(np.float64), theta, tx, ty, shear, zx, zy,
        row_axis=0, col_axis=1, channel_axis=2, fill_mode=fill_mode, cval=cval,
    )  # fmt: skip
    return np.asarray(out, np.float64)


geometry = []
for given in [
    {},
    {"theta": 90},
    {"theta": 37.5},
    {"theta": -12, "fill_mode": "reflect"},
    {"theta": 160, "fill_mode": "constant", "cval": 90},
    {"tx": 2.0},
    {"ty": -1.3, "fill_mode": "reflect"},
    {"tx": 0.45, "ty": 2.2, "fill_mode": "constant", "cval": 7},
    {"shear": 25},
    {"zx": 0.6, "zy": 0.8},
    {"zx": 1.7, "zy": 1.2, "fill_mode": "reflect"},
    {"theta": 33, "tx": 1.2, "ty": -2.1, "shear": 11, "zx": 0.9, "zy": 1.15},
]:
    geometry.append({"given": given, "pixels": affine(**given).round(4).ravel().tolist()})

tensor = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float64) / 255)
color = []
for name, factor in [("brightness", 0.6), ("brightness", 1.4), ("contrast", 0.3), ("contrast", 1.8), ("saturation", 0.2), ("saturation", 1.7)]:
    out = getattr(functional, f"adjust_{name}")(tensor, factor)
    color.append({"name": name, "factor": factor, "pixels": (out.numpy().transpose(1, 2, 0) * 255).round(4).ravel().tolist()})

file = pathlib.Path(__file__).with_suffix(".json")
versions = {m.__name__: m.__version__ for m in (keras, np, scipy, torchvision)}
file.write_text(
    json.dumps({"versions": versions, "height": HEIGHT, "width": WIDTH, "image": image.ravel().tolist(), "geometry": geometry, "color": color}) + "\n"
)
