"""Grad-CAM written anew: Keras layers after the architecture in oscar.json, the
weights from the variables' bundle by name, the gradient by GradientTape. Nothing
of oscar's graph is used.

Writes, for each folder and case, out/oracle/SCORE/CASE/raw.npy
[classes,N,h,w], signed and unscaled, for SCORE logit and probability, with
logits.npy and probabilities.npy beside it."""

import json
import os

import common
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

KINDS = {
    "conv2d": lambda l: layers.Conv2D(l["filters"], l["kernel"], l["stride"], l["padding"].lower()),
    "dense": lambda l: layers.Dense(l["units"]),
    "relu": lambda l: layers.ReLU(),
    "max_pool2d": lambda l: layers.MaxPooling2D(l["size"], l["stride"], l["padding"].lower()),
    "average_pool2d": lambda l: layers.AveragePooling2D(l["size"], l["stride"], l["padding"].lower()),
    "global_average_pool2d": lambda l: layers.GlobalAveragePooling2D(),
    "batch_normalization": lambda l: layers.BatchNormalization(epsilon=l.get("epsilon", 1e-3)),
    "dropout": lambda l: layers.Dropout(l["rate"]),
    "flatten": lambda l: layers.Flatten(),
}
ROLES = {
    layers.Conv2D: ["kernel", "bias"],
    layers.Dense: ["kernel", "bias"],
    layers.BatchNormalization: ["gamma", "beta", "moving_mean", "moving_variance"],
}


def build(architecture, bundle):
    """Returns an architecture's layers with the weights of a bundle."""
    made = [KINDS[l["kind"]](l) for l in architecture["layers"]]
    tf.keras.Sequential([tf.keras.Input(architecture["input"])] + made)
    for description, layer in zip(architecture["layers"], made):
        roles = ROLES.get(type(layer), [])
        layer.set_weights([bundle.get_tensor(description["name"] + "/" + role) for role in roles])
    return made


def load(folder):
    """Returns the network up to the explained maps, and from them to the logits."""
    with open(os.path.join(common.model(folder), "assets.extra", "oscar.json")) as f:
        experiment = json.load(f)["experiment"]
    description = experiment["architecture"]["layers"]
    bundle = tf.train.load_checkpoint(os.path.join(common.model(folder), "variables", "variables"))

    names = [l["name"] for l in description]
    cut = names.index(experiment["explain"]) + 1
    if description[cut - 1]["kind"] == "conv2d" and description[cut]["kind"] == "relu":
        cut += 1  # a convolution is looked at after its activation
    made = build(experiment["architecture"], bundle)
    return tf.keras.Sequential(made[:cut]), tf.keras.Sequential(made[cut:])


def gradcam(features, rest, image, target, score):
    with tf.GradientTape() as tape:
        maps = features(image, training=False)
        tape.watch(maps)
        scores = rest(maps, training=False)
        if score == "probability":
            scores = tf.nn.softmax(scores)
        y = scores[:, target]
    weights = tf.reduce_mean(tape.gradient(y, maps), axis=(1, 2), keepdims=True)
    return tf.reduce_sum(weights * maps, axis=-1).numpy()


def main():
    for folder in common.sys.argv[1:]:
        features, rest = load(folder)
        for case, inputs in common.cases(folder):
            image = tf.constant(inputs["image"])
            logits = rest(features(image, training=False), training=False)
            for score in ("logit", "probability"):
                common.save(os.path.join(folder, "out", "oracle", score, case), {
                    "logits": logits,
                    "probabilities": tf.nn.softmax(logits),
                    "raw": np.stack([gradcam(features, rest, image, c, score) for c in range(logits.shape[1])]),
                })  # fmt: skip


if __name__ == "__main__":
    main()
