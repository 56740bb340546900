"""Grad-CAM over HTTP as people write it: FastAPI, Keras, Pillow, GradientTape. It has
the weights of AlexNet02 from a SavedModel of oscar's.

usage: fastapi_endpoint.py SAVEDMODEL PORT
"""

import io
import sys

import keras
import numpy as np
import tensorflow as tf
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from keras import layers
from PIL import Image

SIDE = 227
ROLES = {
    layers.Conv2D: ["kernel", "bias"],
    layers.Dense: ["kernel", "bias"],
    layers.BatchNormalization: ["gamma", "beta", "moving_mean", "moving_variance"],
}


def network(folder):
    weights = tf.train.load_checkpoint(folder + "/variables/variables")
    model = keras.Sequential([
        keras.Input((SIDE, SIDE, 3)),
        layers.Conv2D(96, 11, strides=4, activation="relu", name="conv1"),
        layers.MaxPooling2D(3, 2),
        layers.BatchNormalization(name="bn1"),
        layers.Conv2D(256, 5, padding="same", activation="relu", name="conv2"),
        layers.MaxPooling2D(3, 2),
        layers.BatchNormalization(name="bn2"),
        layers.Conv2D(256, 3, padding="same", activation="relu", name="conv5"),
        layers.MaxPooling2D(3, 2),
        layers.Flatten(),
        layers.Dense(4096, activation="relu", name="fc1"),
        layers.Dense(4096, activation="relu", name="fc2"),
        layers.Dense(weights.get_tensor("fc3/bias").shape[0], name="fc3"),
    ])  # fmt: skip
    for layer in model.layers:
        if type(layer) in ROLES:
            layer.set_weights([weights.get_tensor(f"{layer.name}/{role}") for role in ROLES[type(layer)]])
    return keras.Model(model.inputs, [model.get_layer("conv5").output, model.get_layer("fc3").output])


seen = network(sys.argv[1])


@tf.function
def gradcam(x):
    with tf.GradientTape() as tape:
        maps, logits = seen(x, training=False)
        score = tf.reduce_max(logits, axis=1)
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2), keepdims=True)
    return tf.nn.softmax(logits), tf.reduce_sum(weights * maps, axis=-1)


def answer(body):
    image = Image.open(io.BytesIO(body)).convert("RGB").resize((SIDE, SIDE), Image.BILINEAR)
    probabilities, heat = gradcam(np.asarray(image, np.float32)[None])
    return {"probabilities": probabilities.numpy()[0].tolist(), "map": heat.numpy()[0].tolist()}


app = FastAPI()


@app.post("/explain")
async def explain(request: Request):
    return await run_in_threadpool(answer, await request.body())


gradcam(np.zeros((1, SIDE, SIDE, 3), np.float32))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
