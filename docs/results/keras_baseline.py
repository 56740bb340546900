"""The plain recipe once more, in Keras: the same images in the same parts.

    PYTHONPATH=$(scripts/setup-python tensorflow) \
        python3 docs/results/keras_baseline.py RUN DATA EPOCHS

prints a line an epoch, as metrics.jsonl has it, to be held beside RUN's own.
Images are decoded and resized by TensorFlow, the weights start from another
draw and the order is another: the curves must be alike, not equal.
"""

import json
import pathlib
import sys
import time

import keras
import numpy as np
import tensorflow as tf

run, data, epochs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
split = json.loads((run / "split.json").read_text())


def load(part):
    images = np.zeros((len(split[part]), 227, 227, 3), np.uint8)
    for i, item in enumerate(split[part]):
        pixels = tf.io.decode_jpeg((data / item["path"]).read_bytes(), channels=3, dct_method="INTEGER_ACCURATE")
        pixels = tf.image.resize(pixels, (227, 227), antialias=True)
        images[i] = np.clip(np.rint(pixels.numpy()), 0, 255)
    return images, np.array([item["class"] for item in split[part]])


layers = keras.layers
model = keras.Sequential([
    keras.Input((227, 227, 3)),
    layers.Conv2D(96, 11, strides=4, activation="relu"),
    layers.MaxPool2D(3, 2),
    layers.BatchNormalization(),
    layers.Conv2D(256, 5, padding="same", activation="relu"),
    layers.MaxPool2D(3, 2),
    layers.BatchNormalization(),
    layers.Conv2D(256, 3, padding="same", activation="relu"),
    layers.MaxPool2D(3, 2),
    layers.Flatten(),
    layers.Dense(4096, activation="relu"),
    layers.Dense(4096, activation="relu"),
    layers.Dense(6, activation="softmax"),
])
assert model.count_params() == 55_799_814
model.compile(keras.optimizers.Adam(5e-6), "sparse_categorical_crossentropy", metrics=["accuracy"])
train, validation = load("train"), load("validation")
begin = time.time()


class Line(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs):
        row = {"epoch": epoch + 1, **{k: round(float(v), 4) for k, v in logs.items()}, "seconds": round(time.time() - begin, 1)}
        print(json.dumps(row), flush=True)


keras.utils.set_random_seed(1)
model.fit(*train, batch_size=32, epochs=epochs, validation_data=validation, verbose=0, callbacks=[Line()])
