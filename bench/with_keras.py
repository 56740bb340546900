"""Keras on TensorFlow. plain: `fit`, `predict`, and Grad-CAM by GradientTape as
keras.io/examples/vision/grad_cam has it, for a batch; function: the same under
tf.function, and RISE and Score-CAM. In bfloat16 the policy is mixed_bfloat16, and the
logits are float32, as Keras's guide advises."""

import common
import keras
import numpy as np
import tensorflow as tf
from common import BATCH, IMAGE_SIDE, PRODUCT_SIDE, STEPS
from keras import layers

if common.BFLOAT16:
    keras.mixed_precision.set_global_policy("mixed_bfloat16")

ROLES = {
    layers.Conv2D: ["kernel", "bias"],
    layers.Dense: ["kernel", "bias"],
    layers.BatchNormalization: ["gamma", "beta", "moving_mean", "moving_variance"],
}


def network():
    """AlexNet02 with oscar's weights, to the logits."""
    model = keras.Sequential([
        keras.Input((IMAGE_SIDE, IMAGE_SIDE, 3)),
        layers.Conv2D(96, 11, strides=4, activation="relu", name="conv1"),
        layers.MaxPooling2D(3, 2, name="pool1"),
        layers.BatchNormalization(name="bn1"),
        layers.Conv2D(256, 5, padding="same", activation="relu", name="conv2"),
        layers.MaxPooling2D(3, 2, name="pool2"),
        layers.BatchNormalization(name="bn2"),
        layers.Conv2D(256, 3, padding="same", activation="relu", name="conv5"),
        layers.MaxPooling2D(3, 2, name="pool5"),
        layers.Flatten(),
        layers.Dense(4096, activation="relu", name="fc1"),
        layers.Dense(4096, activation="relu", name="fc2"),
        layers.Dense(6, name="fc3", dtype="float32"),
    ])  # fmt: skip
    for layer in model.layers:
        if type(layer) in ROLES:
            layer.set_weights([common.weights(layer.name, role) for role in ROLES[type(layer)]])
    return model


def compiled(function):
    return tf.function(function, reduce_retracing=True) if common.VARIANT == "function" else function


def endless(arrays):
    """Batches of them, round and round."""
    return tf.data.Dataset.from_tensor_slices(arrays).batch(BATCH).repeat().prefetch(tf.data.AUTOTUNE)


def train():
    model = network()
    model.compile(keras.optimizers.Adam(common.RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = common.images(), common.labels()
    common.prove(loss=[model.train_on_batch(images[:BATCH], labels[:BATCH])])
    data = endless((images, labels))
    run = lambda pieces: model.fit(data, steps_per_epoch=pieces // BATCH, verbose=0)
    run(2 * BATCH)
    return run


def classify():
    model = network()
    if common.VARIANT == "plain":
        data = endless(common.images())
        run = lambda pieces: tf.nn.softmax(model.predict(data, steps=pieces // BATCH, verbose=0))
        run(BATCH)
        common.prove(logits=model.predict(common.images()[:BATCH], verbose=0))
        return run

    @compiled
    def step(x):
        logits = model(x, training=False)
        return logits, tf.nn.softmax(logits)

    inputs = [tf.constant(common.images()[at]) for at in common.batches(len(common.images()))]
    common.prove(logits=step(inputs[0])[0])

    def run(pieces):
        for k in range(pieces // BATCH):
            step(inputs[k % len(inputs)])[1].numpy()

    return run


def explainer(size):
    """A function of images that returns logits, probabilities, and maps of that size,
    0..1; with no size, of the layer's."""
    model = network()
    seen = keras.Model(model.inputs, [model.get_layer("conv5").output, model.get_layer("fc3").output])

    @compiled
    def explain(x):
        with tf.GradientTape() as tape:
            maps, logits = seen(x, training=False)
            score = tf.reduce_max(logits, axis=1)  # of the predicted class
        weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2), keepdims=True)
        heat = tf.cast(tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1, keepdims=True)), tf.float32)
        if size:
            heat = tf.image.resize(heat, size)
        heat -= tf.reduce_min(heat, axis=(1, 2), keepdims=True)
        heat /= tf.maximum(tf.reduce_max(heat, axis=(1, 2), keepdims=True), 1e-12)
        return logits, tf.nn.softmax(logits), heat[..., 0]

    return explain


def gradcam():
    explain = explainer((IMAGE_SIDE, IMAGE_SIDE))
    inputs = [tf.constant(common.images()[at]) for at in common.batches(len(common.images()))]
    logits, _, heat = explain(inputs[0])
    common.prove(logits=logits, heat=heat)

    def run(pieces):
        for k in range(pieces // BATCH):
            [t.numpy() for t in explain(inputs[k % len(inputs)])]

    return run


def load(path):
    rgb = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
    return path, rgb, tf.image.resize(rgb, (IMAGE_SIDE, IMAGE_SIDE), antialias=True)


def folder():
    explain = explainer(None)
    files = common.files()

    def run(pieces):
        data = tf.data.Dataset.from_tensor_slices(files[:pieces]).map(load, num_parallel_calls=tf.data.AUTOTUNE)
        for paths, rgb, x in data.batch(BATCH).prefetch(tf.data.AUTOTUNE):
            heat = explain(x)[2].numpy()
            for one in zip(paths.numpy(), rgb.numpy(), heat):
                common.overlay(one[0].decode(), *one[1:])

    run(BATCH)
    return run


def integrated():
    model = network()
    points, weights = (v.astype(np.float32) for v in np.polynomial.legendre.leggauss(STEPS))
    along = tf.reshape((points + 1) / 2, (-1, 1, 1, 1))

    @compiled
    def explain(x):
        target = tf.argmax(model(x[None], training=False)[0])
        path = along * x
        with tf.GradientTape() as tape:
            tape.watch(path)
            scores = tf.gather(model(path, training=False), target, axis=1)
        mean = tf.tensordot(weights / 2, tape.gradient(scores, path), 1)
        return tf.reduce_sum(mean * x, axis=-1)

    inputs = [tf.constant(x) for x in common.images()[:BATCH]]
    common.prove(ig=explain(inputs[0])[None])

    def run(pieces):
        for k in range(pieces):
            explain(inputs[k % BATCH]).numpy()

    return run


def rise():
    model = network()
    predict = tf.function(lambda x: model(x, training=False))

    @tf.function(reduce_retracing=True)
    def add(image, masks, target):
        scores = tf.nn.softmax(model(masks[..., None] * image, training=False))[:, target]
        return tf.tensordot(scores, masks, 1)

    def explain(image, masks):
        target = tf.argmax(predict(image[None])[0])
        return sum(add(image, masks[at], target) for at in common.parts(len(masks))).numpy()

    return common.rise(explain)


def scorecam():
    model = network()
    seen = keras.Model(model.inputs, [model.get_layer("conv5").output, model.get_layer("fc3").output])

    @tf.function
    def features(image):
        maps, logits = seen(image[None], training=False)
        maps = tf.cast(maps[0], tf.float32)
        large = tf.image.resize(tf.transpose(maps, (2, 0, 1))[..., None], (IMAGE_SIDE, IMAGE_SIDE))
        low, high = tf.reduce_min(large, axis=(1, 2), keepdims=True), tf.reduce_max(large, axis=(1, 2), keepdims=True)
        return maps, tf.math.divide_no_nan(large - low, high - low), tf.argmax(logits[0])

    @tf.function
    def scores(image, masks, target):
        return model(masks * image, training=False)[:, target]

    def explain(image):
        maps, masks, target = features(image)
        found = tf.concat([scores(image, masks[at], target) for at in common.parts(len(masks))], 0)
        return tf.tensordot(maps, tf.nn.softmax(found), 1).numpy()

    common.prove(scorecam=explain(common.images()[0]))
    return common.each(explain)


def matmul():
    a, b = (tf.random.uniform((PRODUCT_SIDE, PRODUCT_SIDE)) for _ in range(2))

    def run(pieces):
        for _ in range(pieces):
            c = tf.matmul(a, b)
        c[0, 0].numpy()

    run(1)
    return run


def cold():
    path = common.files()[0]
    _, rgb, x = load(path)
    common.overlay(path, rgb.numpy(), explainer(None)(x[None])[2].numpy()[0])


if __name__ == "__main__":
    common.serve(
        {"train": train, "classify": classify, "gradcam": gradcam, "folder": folder, "ig": integrated, "rise": rise, "scorecam": scorecam, "matmul": matmul, "cold": cold},
        f"Keras {keras.__version__}, TensorFlow {tf.__version__}",
    )
