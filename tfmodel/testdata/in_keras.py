"""Does in Keras what the tests of package tfmodel ask for.

usage: in_keras.py train FOLDER | applications FOLDER

A FOLDER of "train" holds a folder for each job, which holds job.json (architecture, kind, optimizer, loss, rate, weighted), weights
(a bundle), images.npy [steps,N,H,W,3], labels.npy [steps,N] and, if weighted,
weights.npy [steps,N], the sample_weight of fit, if mixed or of several labels targets.npy [steps,N,classes]. It gets losses.npy
[steps], each before its update, each.npy [steps,N], the inference loss of each
image before the first update, and for every variable after the last step
out/VARIABLE.npy.

A FOLDER of "applications" holds job.json (classes), images.npy [N,H,W,3] and, for
each of two networks of keras.applications, a bundle of weights of its name. It
gets NAME.npy, the logits [N,classes] of a network for such images with those
weights, and applications.json: of the networks in their usual sizes, the
parameters and those not trained.

Both get version.txt."""

import json
import os
import re
import sys

import numpy as np
import tensorflow as tf
from tensorflow.keras import applications, layers, losses, optimizers, regularizers


def kernel(l):
    return {
        "kernel_initializer": l.get("initializer", "glorot_uniform"),
        "kernel_regularizer": regularizers.L2(l["l2"]) if l.get("l2") else None,
    }


KINDS = {
    "conv2d": lambda l: layers.Conv2D(
        l["filters"], l["kernel"], l["stride"], l["padding"].lower(), use_bias=l.get("use_bias", True), **kernel(l)),
    "dense": lambda l: layers.Dense(l["units"], **kernel(l)),
    "relu": lambda l: layers.ReLU(),
    "max_pool2d": lambda l: layers.MaxPooling2D(l["size"], l["stride"], l["padding"].lower()),
    "average_pool2d": lambda l: layers.AveragePooling2D(l["size"], l["stride"], l["padding"].lower()),
    "global_average_pool2d": lambda l: layers.GlobalAveragePooling2D(),
    "batch_normalization": lambda l: layers.BatchNormalization(momentum=l.get("momentum", 0.99), epsilon=l.get("epsilon", 1e-3)),
    "dropout": lambda l: layers.Dropout(l["rate"]),
    "flatten": lambda l: layers.Flatten(),
    "rescaling": lambda l: layers.Rescaling(l["scale"], l.get("offset", 0.0)),
    "zero_padding2d": lambda l: layers.ZeroPadding2D(l["size"]),
}  # fmt: skip


class Net:
    """An architecture as a Keras model, and its layers by oscar's names."""

    def __init__(self, architecture):
        self.layers = {}
        x = tf.keras.Input(architecture["input"])
        self.model = tf.keras.Model(x, self.chain(architecture["layers"], x, ""))

    def chain(self, described, x, prefix):
        for l in described:
            name = prefix + l["name"]
            if l["kind"] == "residual":
                body = self.chain(l["body"], x, name + "/")
                x = layers.Add()([body, self.chain(l.get("shortcut", []), x, name + "/")])
            else:
                self.layers[name] = KINDS[l["kind"]](l)
                x = self.layers[name](x)
        return x

    def variables(self):
        """Every variable with oscar's name for it."""
        for name, layer in self.layers.items():
            for v in layer.weights:
                yield f"{name}/{v.name}", v


def loss(described, positive=None):
    """Takes label smoothing and reduction. positive are factors of labels, where images have several."""
    kind, smoothing = described.get("kind", "softmax_cross_entropy"), described.get("label_smoothing", 0.0)
    if kind == "softmax_cross_entropy":
        return lambda s=smoothing, r=None: losses.CategoricalCrossentropy(from_logits=True, label_smoothing=s, reduction=r)
    if kind == "binary_crossentropy" and not positive:
        return lambda s=smoothing, r=None: losses.BinaryCrossentropy(from_logits=True, label_smoothing=s, reduction=r)
    if kind == "binary_crossentropy":
        factors = tf.constant(positive, tf.float32)
        return lambda s=None, r=None: lambda y, x: tf.reduce_mean(
            tf.nn.weighted_cross_entropy_with_logits(y, x, factors if s is None else 1.0), -1)  # fmt: skip
    if kind == "categorical_focal_crossentropy":
        tf.keras.config.set_epsilon(1e-37)  # else Keras cuts the loss off at a p of 1e-7, about 16
        return lambda s=smoothing, r=None: losses.CategoricalFocalCrossentropy(
            1.0, described["gamma"], from_logits=True, label_smoothing=s, reduction=r)  # fmt: skip
    return lambda s=0, r=None: losses.CategoricalHinge(reduction=r)


def optimizer(kind, settings, rate):
    """An optimizer with oscar's settings, which have Keras's names but for the betas."""
    settings = {{"beta1": "beta_1", "beta2": "beta_2"}.get(key, key): value for key, value in settings.items()}
    o = {"adam": optimizers.Adam, "sgd": optimizers.SGD, "rmsprop": optimizers.RMSprop}[kind](rate, **settings)
    if "weight_decay" in settings:
        o.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return o


def train(jobs):
    for name in os.listdir(jobs):
        train_one(os.path.join(jobs, name))


def train_one(folder):
    array = lambda name: np.load(os.path.join(folder, name + ".npy"))
    with open(os.path.join(folder, "job.json")) as f:
        job = json.load(f)
    net = Net(job["architecture"])
    bundle = tf.train.load_checkpoint(os.path.join(folder, "weights"))
    for name, v in net.variables():
        v.assign(bundle.get_tensor(name))
    images, labels = array("images"), tf.one_hot(array("labels").astype(np.int64), net.model.output_shape[1]).numpy()
    if job["architecture"].get("output") == "sigmoid":
        labels = array("targets")
    measure = loss(job["loss"], job.get("positive"))
    each = [measure(0)(y, net.model(x, training=False)).numpy() for x, y in zip(images, labels)]
    smoothed = measure()
    mean = lambda y, scores: tf.reduce_mean(smoothed(y, scores))
    if job["mixed"]:
        labels = array("targets")
    factors = [None] * len(images)
    if job["weighted"]:
        mean, factors = measure(r="sum_over_batch_size"), array("weights")
    net.model.compile(optimizer(job["kind"], job["optimizer"], job["rate"]), mean)
    out = []
    for x, y, w in zip(images, labels, factors):
        net.model.reset_metrics()
        out.append(net.model.train_on_batch(x, y, sample_weight=w))
    np.save(os.path.join(folder, "losses.npy"), np.asarray(out, np.float32))
    np.save(os.path.join(folder, "each.npy"), np.asarray(each, np.float32))
    for name, v in net.variables():
        path = os.path.join(folder, "out", name + ".npy")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        np.save(path, v.numpy().astype(np.float32))


def translate(name):
    """The name that oscar has for a layer of keras.applications."""
    for pattern, ours in [
        (r"block(\d)_conv(\d)", r"conv\1_\2"), (r"fc(\d)", r"fc\1"),
        (r"conv1_(conv|bn)", r"\g<1>1"), (r"conv(\d)_block(\d)_(\d)_(conv|bn)", r"block{}_\2/\4\3"),
    ]:  # fmt: skip
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(ours).format(int(match[1]) - 1 if "{}" in ours else "")
    return {"predictions": "fc"}[name]


def compare(folder):
    with open(os.path.join(folder, "job.json")) as f:
        jobs = json.load(f)
    table = {}
    images = np.load(os.path.join(folder, "images.npy"))
    for name, build in {"vgg16": applications.VGG16, "resnet50": applications.ResNet50}.items():
        model = build(weights=None)
        table[name] = {
            "parameters": model.count_params(),
            "frozen": sum(int(np.prod(v.shape)) for v in model.non_trainable_variables),
        }
        small = build(weights=None, input_shape=images.shape[1:], classes=jobs["classes"], classifier_activation=None)
        bundle = tf.train.load_checkpoint(os.path.join(folder, name))
        for layer in small.layers:
            for v in layer.weights:
                layer_name = "fc3" if layer.name == "predictions" and name == "vgg16" else translate(layer.name)
                v.assign(bundle.get_tensor(f"{layer_name}/{v.name}"))
        np.save(os.path.join(folder, name + ".npy"), small(images, training=False).numpy())
    with open(os.path.join(folder, "applications.json"), "w") as f:
        json.dump(table, f)


{"train": train, "applications": compare}[sys.argv[1]](sys.argv[2])
with open(os.path.join(sys.argv[2], "version.txt"), "w") as f:
    f.write(f"Keras {tf.keras.__version__}")
