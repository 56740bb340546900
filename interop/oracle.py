"""Grad-CAM written anew: Keras layers after the architecture in oscar.json, the
weights from the variables' bundle by name, the gradient by GradientTape. Nothing
of oscar's graph is used.

Writes, for each folder and case, out/oracle/SCORE/CASE/raw.npy
[classes,N,h,w], signed and unscaled, for SCORE logit and probability, with
logits.npy and probabilities.npy beside it; and, for the case's classes,
out/oracle/image/CASE/METHOD.npy [N,H,W] of the methods that look at the image."""

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


def at_image(features, rest, image, classes):
    """Maps [N,H,W]. Guided backpropagation is ReLU with another gradient."""
    network = tf.keras.Sequential(features.layers + rest.layers)
    logits = network(image).numpy()
    target = tf.one_hot(np.where(classes < 0, logits.argmax(axis=1), classes), logits.shape[1])

    def gradient(at, function=network):
        with tf.GradientTape() as tape:
            tape.watch(at)
            y = tf.reduce_sum(function(at) * target)
        return tape.gradient(y, at)

    plain = gradient(image)
    points, weights = np.polynomial.legendre.leggauss(20)
    mean = sum(w / 2 * gradient(image * np.float32((p + 1) / 2)) for p, w in zip(points, weights))
    guided = tf.reduce_sum(gradient(image, lambda at: run(network.layers, at)), axis=-1)
    maps = features(image, training=False)
    weights_of_maps = tf.reduce_mean(gradient(maps, rest), axis=(1, 2), keepdims=True)
    cam = tf.nn.relu(tf.reduce_sum(weights_of_maps * maps, axis=-1, keepdims=True))
    return {
        "saliency": tf.reduce_max(tf.abs(plain), axis=-1),
        "gradient-x-input": tf.reduce_sum(plain * image, axis=-1),
        "integrated-gradients": tf.reduce_sum(mean * image, axis=-1),
        "guidedbackprop": guided,
        "guidedgradcam": guided * tf.image.resize(cam, image.shape[1:3], "bilinear")[..., 0],
    }


@tf.custom_gradient
def guided_relu(x):
    return tf.nn.relu(x), lambda dy: tf.where((x > 0) & (dy > 0), dy, 0)


def run(network, x):
    for layer in network:
        x = guided_relu(x) if isinstance(layer, layers.ReLU) else layer(x, training=False)
    return x


def main():
    for folder in common.sys.argv[1:]:
        os.makedirs(os.path.join(folder, "out", "oracle"))
        with open(os.path.join(folder, "out", "oracle", "facts.json"), "w") as f:
            json.dump({"version": f"Keras {tf.keras.__version__}, GradientTape of TensorFlow {tf.__version__}"}, f)
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
            common.save(os.path.join(folder, "out", "oracle", "image", case), at_image(features, rest, image, inputs["class"]))


if __name__ == "__main__":
    main()
