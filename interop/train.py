"""Trains in Keras from the same weights on the same batches.

A folder holds architecture.json, weights (a bundle), images.npy [steps,N,H,W,3],
labels.npy [steps,N] and rate.npy. Writes losses.npy [steps], each before its
update, version.txt, and for every variable after the last step
out/LAYER/ROLE.npy."""

import json
import os

import common
import numpy as np
import oracle
import tensorflow as tf


def main():
    for folder in common.sys.argv[1:]:
        array = lambda name: np.load(os.path.join(folder, name + ".npy"))
        with open(os.path.join(folder, "architecture.json")) as f:
            architecture = json.load(f)
        bundle = tf.train.load_checkpoint(os.path.join(folder, "weights"))
        model = tf.keras.Sequential(oracle.build(architecture, bundle))
        model.compile(
            tf.keras.optimizers.Adam(float(array("rate"))),
            tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        losses = []
        for images, labels in zip(array("images"), array("labels")):
            model.reset_metrics()
            losses.append(model.train_on_batch(images, labels.astype(np.int64)))
        np.save(os.path.join(folder, "losses.npy"), np.asarray(losses, np.float32))
        with open(os.path.join(folder, "version.txt"), "w") as f:
            f.write(f"Keras {tf.keras.__version__}")
        for description, layer in zip(architecture["layers"], model.layers):
            roles = oracle.ROLES.get(type(layer), [])
            if roles:
                weights = dict(zip(roles, layer.get_weights()))
                common.save(os.path.join(folder, "out", description["name"]), weights)


if __name__ == "__main__":
    main()
