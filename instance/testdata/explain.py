#!/usr/bin/env python3
"""usage: explain.py MODEL FOLDER: what the SavedModel of a detector finds on the PNG
images of a folder, in a batch, as JSON."""

import json
import pathlib
import sys

import numpy as np
import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
files = sorted(pathlib.Path(sys.argv[2]).glob("*.png"))
images = np.stack([tf.io.decode_png(f.read_bytes(), 3).numpy() for f in files]).astype(np.float32)
height, width = images.shape[1:3]
out = {name: value.numpy() for name, value in model.signatures["serving_default"](image=tf.constant(images)).items()}
found = []
for i in range(len(files)):
    found.append([])
    for k in range(int(out["num_detections"][i])):
        y1, x1, y2, x2 = (float(v) for v in out["detection_boxes"][i, k])
        box = [x1 * width, y1 * height, x2 * width, y2 * height]
        found[-1].append({"Box": box, "Class": float(out["detection_classes"][i, k]), "Score": float(out["detection_scores"][i, k])})
assert out["detection_masks"].shape[2:] == (28, 28) and 0 <= out["detection_masks"].min() <= out["detection_masks"].max() <= 1

# The map of each detection, with all pictures in a batch: a map of the k-th of each.
for k in range(max(map(len, found))):
    told = model.signatures["explain"](
        image=tf.constant(images), box=tf.constant(out["detection_boxes"][:, k]), **{"class": tf.constant(out["detection_classes"][:, k])}
    )
    for i in range(len(files)):
        if k < len(found[i]):
            found[i][k] |= {"Map": told["map"].numpy()[i].astype(float).flatten().tolist(), "Logit": float(told["logit"][i]), "Probability": float(told["probability"][i])}
print(json.dumps(found))
