"""Writes framing.json next to this file: where tf.image.resize_with_pad lays an image
in its output, and which part of an image Keras's smart_resize takes, in the order left,
top, right, bottom. Made with TensorFlow 2.18.1:

    PYTHONPATH=$(scripts/setup-python tensorflow) python3 dataset/testdata/framing.py
"""

import json
import pathlib

import numpy as np
import tensorflow as tf

random = np.random.default_rng(7)
sizes = [(96, 48, 32, 32), (48, 96, 32, 32), (64, 64, 32, 32), (512, 384, 227, 227), (31, 17, 20, 30), (30, 200, 32, 32), (200, 30, 32, 32)]
sizes += [tuple(int(n) for n in random.integers(30, 300, 4)) for _ in range(40)]
cases = []
for width, height, to_width, to_height in sizes:
    image = np.ones((height, width, 1), np.float32)
    rows, columns, _ = np.nonzero(tf.image.resize_with_pad(image, to_height, to_width).numpy())
    placed = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
    # Each pixel is its own number; a crop of its own size stays as it is.
    number = np.arange(height * width, dtype=np.float64).reshape(height, width, 1)
    crop = {}
    resize = tf.image.resize

    def record(images, *arguments, **options):
        crop["numbers"] = np.array(images)
        return resize(images, *arguments, **options)

    tf.image.resize = record
    tf.keras.preprocessing.image.smart_resize(number, (to_height, to_width))
    tf.image.resize = resize
    first, last = int(crop["numbers"].flat[0]), int(crop["numbers"].flat[-1])
    seen = [first % width, first // width, last % width + 1, last // width + 1]
    cases.append({"image": [width, height], "input": [to_width, to_height], "letterbox": placed, "crop": seen})

pathlib.Path(__file__).with_name("framing.json").write_text(
    json.dumps({"script": "dataset/testdata/framing.py", "tensorflow": tf.__version__, "keras": tf.keras.__version__, "cases": cases}) + "\n")
