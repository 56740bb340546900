"""Runs every signature of the SavedModels that oscar extended, as anybody would.

usage: signatures.py FOLDER...

Each FOLDER has model and image.npy; it gets SIGNATURE.OUTPUT.npy.
"""

import os
import sys

import numpy as np
import tensorflow as tf

tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
for folder in sys.argv[1:]:
    model = tf.saved_model.load(os.path.join(folder, "model"))
    image = tf.constant(np.load(os.path.join(folder, "image.npy")))
    for name, signature in model.signatures.items():
        inputs = {"image": image}
        if "class" in signature.structured_input_signature[1]:
            inputs["class"] = tf.fill([len(image)], tf.constant(-1, tf.int64))
        for output, value in signature(**inputs).items():
            np.save(os.path.join(folder, f"{name}.{output}.npy"), value.numpy().astype("f4"))
