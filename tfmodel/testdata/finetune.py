"""Exports a small Keras model, and trains it with a new last layer.

usage: finetune.py export|train FOLDER

export writes FOLDER/export and FOLDER/model.keras. train reads kernel.npy (of the new
layer), images.npy [steps,N,H,W,3] and labels.npy [steps,N]; it writes losses.npy, the
loss before each step, and out/VARIABLE.npy. stem* is frozen.
"""

import os
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L


def model():
    keras.utils.set_random_seed(4)
    i = keras.Input((24, 24, 3))
    x = L.Rescaling(1 / 128, offset=-127 / 128, name="scale")(i)
    x = L.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(x)
    x = L.ReLU(6.0, name="stem_relu")(L.BatchNormalization(name="stem_bn")(x))
    y = L.DepthwiseConv2D(3, padding="same", use_bias=False, name="deep")(x)
    y = L.Activation("swish", name="swish")(L.BatchNormalization(name="deep_bn")(y))
    x = L.Add(name="sum")([x, L.Conv2D(8, 1, name="point")(y)])
    x = L.Conv2D(12, 3, strides=2, padding="same", activation="relu", name="last")(x)
    x = L.LayerNormalization(name="norm")(x)
    x = L.GlobalAveragePooling2D(name="pool")(x)
    m = keras.Model(i, L.Dense(5, activation="softmax", name="old")(x))
    r = np.random.default_rng(2)
    for w in m.weights:
        kind = w.path.split("/")[-1]
        if kind in ("gamma", "moving_variance"):
            w.assign(r.uniform(0.6, 1.4, w.shape))
        elif kind in ("beta", "moving_mean", "bias"):
            w.assign(r.normal(0, 0.2, w.shape))
    return m


def export(folder):
    m = model()
    m.save(os.path.join(folder, "model.keras"))
    a = keras.export.ExportArchive()
    a.track(m)
    a.add_endpoint("serving_default", lambda x: m(x, training=False), [tf.TensorSpec((None, *m.input_shape[1:]), tf.float32)])
    a.write_out(os.path.join(folder, "export"), verbose=False)


def train(folder):
    def read(name):
        return np.load(os.path.join(folder, name + ".npy"))

    old = keras.saving.load_model(os.path.join(folder, "model.keras"))
    kernel = read("kernel")
    head = L.Dense(kernel.shape[1], name="head")
    m = keras.Model(old.input, head(old.get_layer("pool").output))
    head.kernel.assign(kernel)
    for layer in m.layers:
        if layer.name.startswith("stem"):
            layer.trainable = False
    optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.1, epsilon=1e-7)
    optimizer.exclude_from_weight_decay([v for v in m.trainable_variables if len(v.shape) < 2])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    losses = []
    for images, labels in zip(read("images"), read("labels")):
        with tf.GradientTape() as tape:
            value = loss(tf.one_hot(labels.astype(int), kernel.shape[1]), m(images, training=False))
        losses.append(float(value))
        variables = m.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(value, variables), variables))
    np.save(os.path.join(folder, "losses.npy"), np.array(losses, "f4"))
    for w in m.weights:
        path = os.path.join(folder, "out", w.path + ".npy")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        np.save(path, np.asarray(w, "f4"))


{"export": export, "train": train}[sys.argv[1]](sys.argv[2])
