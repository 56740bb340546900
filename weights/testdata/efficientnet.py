"""Writes images and the logits of EfficientNet-Lite0 for them, next to the model that
scripts/fetch-weights prints, for TestEfficientNetLite0.

usage: efficientnet.py FOLDER

FOLDER is the model's. FOLDER.images.npy are two images [2,224,224,3] from 0 to 255,
FOLDER.answers.npy the logits, which are the logarithms of the model's probabilities but for
a constant: both are written with a mean of zero."""

import sys

import numpy as np
import tensorflow as tf

folder = sys.argv[1]
random = np.random.default_rng(3)
coarse = random.uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
images = tf.image.resize(coarse, (224, 224)).numpy()
model = tf.saved_model.load(folder)
out = model.signatures["serving_default"](tf.constant(images))
probabilities = list(out.values())[0].numpy().astype(np.float64)
logits = np.log(probabilities)
np.save(folder + ".images.npy", images)
np.save(folder + ".answers.npy", (logits - logits.mean(axis=1, keepdims=True)).astype(np.float32))
