"""A user's Keras model, trained on a folder of images, saved in the ways that there are.

usage: models.py IMAGES README OUT

The lines of Python that export it are README's: the first block of its section "Explain
the model that you have". The model takes pixels from -1 to 1.
"""

import json
import os
import re
import shutil
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

images, readme, out = (os.path.abspath(path) for path in sys.argv[1:])
os.makedirs(out)
os.chdir(out)

classes = sorted(os.listdir(images))
x, y = [], []
for k, name in enumerate(classes):
    for file in sorted(os.listdir(os.path.join(images, name))):
        x.append(tf.io.decode_image(open(os.path.join(images, name, file), "rb").read(), channels=3).numpy())
        y.append(k)
x, y = np.asarray(x, "f4") / 127.5 - 1, np.asarray(y)

keras.utils.set_random_seed(1)
model = keras.Sequential([
    keras.Input(x.shape[1:]), L.RandomFlip("horizontal"), L.Conv2D(16, 3, strides=2, name="first"), L.BatchNormalization(momentum=0.8), L.ReLU(),
    L.Conv2D(24, 3, strides=2, activation="relu", name="last"), L.Dropout(0.1), L.Flatten(), L.Dense(len(classes), activation="softmax")], name="shapes")
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.optimizer.learning_rate = 0.003
model.fit(x, y, epochs=40, batch_size=12, verbose=0)
print("accuracy", model.evaluate(x, y, verbose=0)[1])

section = open(readme).read().split("## Explain the model that you have", 1)[1]
exec(re.search(r"```python\n(.*?)```", section, re.S)[1])

model.export("training_mode", verbose=False)
model.save("model.keras")
model.save("model.h5")
model.save_weights("model.weights.h5")
with open("classes.txt", "w") as f:
    f.write("\n".join(classes) + "\n")

# TensorFlow 1: one file with constants
v1 = tf.compat.v1
f = tf.function(lambda image: model(image, training=False)).get_concrete_function(tf.TensorSpec((None, *x.shape[1:]), name="image"))
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
frozen = convert_variables_to_constants_v2(f)
tf.io.write_graph(frozen.graph, ".", "frozen.pb", as_text=False)
open("graph.txt", "w").write(f"{frozen.inputs[0].name} {frozen.outputs[0].name}\n")
open("model.onnx", "wb").write(b"\x08\x08\x12\x07pytorch")
open("model.tflite", "wb").write(b"\x1c\x00\x00\x00TFL3" + bytes(64))

# what tf.GradientTape says of the image with the largest map, of the class that is predicted
model.layers[-1].activation = keras.activations.linear
image = tf.constant(np.round((x + 1) * 127.5).astype("f4"))
conv = keras.Model(model.inputs, model.get_layer("last").output)
rest = keras.Sequential([keras.Input(conv.output.shape[1:]), *model.layers[-3:]])
a = conv(image / 127.5 - 1, training=False)
with tf.GradientTape() as tape:
    tape.watch(a)
    score = tf.reduce_max(rest(a, training=False), 1)
maps = tf.reduce_sum(tf.reduce_mean(tape.gradient(score, a), (1, 2), keepdims=True) * a, 3).numpy()
chosen = maps.max((1, 2)).argmax()
np.save("gradcam.npy", maps[chosen])
np.save("image.npy", image.numpy()[chosen : chosen + 1])

# A model of several labels an image, with a table of them, and what Keras says.
names = ["early", "even", "last"]
truth = np.stack([y < 3, y % 2 == 0, y == 5], 1)
shutil.copytree(images, "photos")
files = [f"{name}/{file}" for name in classes for file in sorted(os.listdir(os.path.join(images, name)))]
with open("photos/labels.csv", "w") as f:
    f.write(",".join(["path", *names]) + "\n")
    f.writelines(",".join([file, *map(str, row.astype(int))]) + "\n" for file, row in zip(files, truth))
keras.utils.set_random_seed(2)
several = keras.Sequential([
    keras.Input(x.shape[1:]), L.Conv2D(16, 3, strides=2, activation="relu"), L.Conv2D(24, 3, strides=2, activation="relu", name="maps"),
    L.Flatten(), L.Dense(len(names), activation="sigmoid")], name="several")
several.compile("adam", "binary_crossentropy")
several.fit(x, truth.astype("f4"), epochs=25, batch_size=12, verbose=0)
p = several.predict(x, verbose=0)
with open("several.json", "w") as f:
    json.dump({"probabilities": {file: row.tolist() for file, row in zip(files, p)}, "accuracy": float(np.mean(np.all((p >= 0.5) == truth, 1)))}, f)
a = keras.export.ExportArchive()
a.track(several)
a.add_endpoint("serving_default", lambda image: several(image, training=False), [tf.TensorSpec((None, *x.shape[1:]))])
a.write_out("several", verbose=False)
several.layers[-1].activation = keras.activations.linear
a = keras.Model(several.inputs, several.get_layer("maps").output)(tf.constant(x[:1]), training=False)
with tf.GradientTape() as tape:
    tape.watch(a)
    score = several.layers[-1](several.layers[-2](a))[:, names.index("even")]
np.save("several.npy", tf.reduce_sum(tf.reduce_mean(tape.gradient(score, a), (1, 2), keepdims=True) * a, 3)[0].numpy())
